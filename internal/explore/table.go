package explore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

// attributes is an item of a table, nil for none.
type attributes map[string]types.AttributeValue

const tableName = "explored"

// table writes for all worlds. A world holds its own items; what a write makes of one is
// said by the fake of DynamoDB, once for each item that it is tried on.
type table struct {
	client *dynamodb.Client
}

func newTable() *table {
	t := &table{dynamo.New(dynamo.Config{Now: epoch}).Client()}
	must(dynamostore.EnsureTable(context.Background(), t.client, tableName))
	return t
}

// written is what a write has come to.
type written struct {
	item attributes
	err  error
}

// write has the fake carry a write out on an item.
func (t *table) write(before attributes, in *dynamodb.UpdateItemInput) written {
	ctx := context.Background()
	if before == nil {
		_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: in.TableName, Key: in.Key})
		must(err)
	} else {
		_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: in.TableName, Item: before})
		must(err)
	}
	if _, err := t.client.UpdateItem(ctx, in); err != nil {
		var refused *types.ConditionalCheckFailedException
		if !errors.As(err, &refused) {
			panic(err)
		}
		return written{err: err}
	}
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: in.TableName, Key: in.Key, ConsistentRead: aws.Bool(true)})
	must(err)
	return written{item: out.Item}
}

// must is for what cannot go wrong unless this package is wrong.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// number reads a number.
func (a attributes) number(name string, to *int64) error {
	return json.Unmarshal([]byte(a[name].(*types.AttributeValueMemberN).Value), to)
}

// content is an item's whole text.
func (a attributes) content() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(a)) {
		switch v := a[name].(type) {
		case *types.AttributeValueMemberS:
			fmt.Fprintf(&b, "%s=S%q ", name, v.Value)
		case *types.AttributeValueMemberN:
			fmt.Fprintf(&b, "%s=N%s ", name, v.Value)
		case *types.AttributeValueMemberB:
			fmt.Fprintf(&b, "%s=B%x ", name, v.Value)
		default:
			panic(fmt.Sprintf("explore: attribute %s is a %T", name, v))
		}
	}
	return b.String()
}

// The sort keys that a world has, as dynamostore documents them.
const (
	checkpointKey = "s#checkpoint"
	countsKey     = "a#c"
	taskKeys      = "a#t#"
	endedKeys     = "e#"
)

func sortKey(key map[string]types.AttributeValue) string {
	return key["sk"].(*types.AttributeValueMemberS).Value
}

// item returns what stands under a sort key, and what tells it from others.
func (w *world) item(sk string) (item attributes, of any) {
	switch {
	case sk == checkpointKey && w.checkpoint != nil:
		return w.checkpoint.item, w.checkpoint
	case sk == checkpointKey:
		return nil, w.checkpoint
	case sk == countsKey && w.counts != nil:
		return w.counts.item, w.counts
	case sk == countsKey:
		return nil, w.counts
	}
	r := w.records[taskSlot(sk)]
	if r == nil {
		return nil, r
	}
	return r.item, r
}

// taskSlot is the slot of the task whose record has the sort key.
func taskSlot(sk string) int {
	task, ok := strings.CutPrefix(sk, taskKeys)
	i := slot(autoscaler.TaskID(task))
	if !ok || i < 0 {
		panic("explore: nothing in a world has the key " + sk)
	}
	return i
}

// endedSlot is the slot of the task beside whose record an item of this key stands.
func endedSlot(sk string) int {
	task, _, _ := strings.Cut(strings.TrimPrefix(sk, endedKeys), "#")
	return taskSlot(taskKeys + task)
}

// ends are the items that stand beside a task's record, by their keys.
type ends struct{ items map[string]attributes }

func (e *ends) all() map[string]attributes {
	if e == nil {
		return nil
	}
	return e.items
}

// besides interns some items with one more, or with one of them written anew.
func (in *interner) besides(e *ends, it attributes) *ends {
	items := maps.Clone(e.all())
	if items == nil {
		items = map[string]attributes{}
	}
	items[sortKey(it)] = it
	content := ""
	for _, sk := range slices.Sorted(maps.Keys(items)) {
		content += items[sk].content() + "\n"
	}
	return interned(in.beside, content, ends{items})
}

// putItem stores an item, and judges what it says.
func (m *move) putItem(sk string, it attributes) {
	switch sk {
	case checkpointKey:
		m.putCheckpoint(m.in.savedItem(it))
	case countsKey:
		m.w.counts, _ = m.in.recordItem(it, func(attributes) (*sessionstore.Record, error) { return nil, nil })
	default:
		r, err := m.in.recordItem(it, recordOf)
		if err != nil {
			m.breaks("what is written for %s cannot be read: %v", sk, err)
			return
		}
		m.putRecord(taskSlot(sk), r)
	}
}

func recordOf(it attributes) (*sessionstore.Record, error) { return dynamostore.Decode(service, it) }

// recordItem interns an item with the record that it holds.
func (in *interner) recordItem(it attributes, decode func(attributes) (*sessionstore.Record, error)) (*record, error) {
	content := it.content()
	if r := in.records[content]; r != nil {
		return r, nil
	}
	r, err := decode(it)
	if err != nil {
		return nil, err
	}
	in.records[content] = &record{r, content, it}
	return in.records[content], nil
}

// savedItem interns an item that holds a checkpoint.
func (in *interner) savedItem(it attributes) *checkpoint {
	content := it.content()
	if c := in.checkpoints[content]; c != nil {
		return c
	}
	var c autoscaler.Checkpoint
	must(json.Unmarshal([]byte(it["doc"].(*types.AttributeValueMemberS).Value), &c))
	must(it.number("v", &c.Revision))
	c.Service = service
	in.checkpoints[content] = &checkpoint{c, content, it}
	return in.checkpoints[content]
}
