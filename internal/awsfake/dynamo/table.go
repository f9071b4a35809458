package dynamo

import "slices"

// The keys of every table here, both strings.
const (
	partitionKey = "pk"
	sortKey      = "sk"
)

// id is an item's primary key.
type id struct{ partition, sort string }

// table is one table. Each item has its latest states, so that a read that need not be
// consistent can be answered by an old one.
type table struct {
	made    CreateTable
	created int64 // Unix nanoseconds
	ttl     string
	backups bool

	writes int // so far
	items  map[id][]state
	sorted map[string][]string // the sort keys of each partition, those of removed items too
}

// state is an item from one write on; nil where it was removed.
type state struct {
	write int
	item  Item
}

// history is how many states of an item are kept.
const history = 8

// at returns an item as it was after so many writes; nil where there was none.
func (t *table) at(k id, write int) Item {
	states := t.items[k]
	for i := len(states) - 1; i >= 0; i-- {
		if states[i].write <= write {
			return states[i].item
		}
	}
	return nil
}

func (t *table) now(k id) Item { return t.at(k, t.writes) }

// put writes an item, nil to remove it.
func (t *table) put(k id, it Item) {
	t.writes++
	keys := t.sorted[k.partition]
	if i, there := slices.BinarySearch(keys, k.sort); !there {
		t.sorted[k.partition] = slices.Insert(keys, i, k.sort)
	}
	states := t.items[k]
	if len(states) == history {
		states = states[:copy(states, states[1:])]
	}
	t.items[k] = append(states, state{t.writes, it})
}

// keyOf reads a primary key, which has two attributes where whole is false and may have
// more otherwise.
func keyOf(it Item, whole bool) (k id, err error) {
	if !whole && len(it) != 2 {
		return k, invalid("The provided key element does not match the schema")
	}
	for name, to := range map[string]*string{partitionKey: &k.partition, sortKey: &k.sort} {
		v, there := it[name]
		switch {
		case !there || v.S == nil:
			return k, invalid("One or more parameter values were invalid: Missing the key %s in the item, or its type is not S", name)
		case *v.S == "":
			return k, invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", name)
		}
		*to = *v.S
	}
	if len(k.partition) > 2048 || len(k.sort) > 1024 {
		return k, invalid("One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of 2048 bytes, or of rangekey of 1024")
	}
	return k, nil
}

// check refuses an item that no table takes.
func (it Item) check() error {
	for name, v := range it {
		if err := v.check(); err != nil {
			return err
		}
		it[name] = v
	}
	if it.Size() > itemLimit {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

// between returns the sort keys of a span that come behind a key in the direction given.
func (t *table) between(s span, after string, backwards bool) []string {
	keys := t.sorted[s.partition]
	first, _ := slices.BinarySearch(keys, s.from)
	last := len(keys)
	if s.to != "" {
		last = upTo(keys, s.to)
	}
	switch {
	case after != "" && backwards:
		before, _ := slices.BinarySearch(keys, after)
		last = min(last, before)
	case after != "":
		first = max(first, upTo(keys, after))
	}
	return keys[first:max(first, last)]
}

// upTo is how many sort keys do not come behind the one given.
func upTo(keys []string, key string) int {
	i, there := slices.BinarySearch(keys, key)
	if there {
		i++
	}
	return i
}

// pageLimit is how much one page of a query reads.
const pageLimit = 1 << 20

// page reads items of a span from a key on, up to a megabyte or a limit.
func (t *table) page(s span, after string, backwards bool, limit, write int) (items []Item, size int, last string) {
	keys := t.between(s, after, backwards)
	for i := range keys {
		sk := keys[i]
		if backwards {
			sk = keys[len(keys)-1-i]
		}
		it := t.at(id{s.partition, sk}, write)
		if it == nil {
			continue
		}
		if size > 0 && size+it.Size() > pageLimit || limit > 0 && len(items) == limit {
			return items, size, last
		}
		items, size, last = append(items, it), size+it.Size(), sk
	}
	return items, size, ""
}
