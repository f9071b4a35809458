package dynamo

// asOf is the write that a read sees: the last one, or some before it where the read
// may be old and the fault says so.
func (s *Server) asOf(t *table, consistent, stale bool) int {
	if consistent || !stale {
		return t.writes
	}
	return max(0, t.writes-1-s.random.IntN(history-1))
}

func (s *Server) getItem(r *request, stale bool) (answer, error) {
	t, err := s.table(r.TableName)
	if err != nil {
		return nil, err
	}
	k, err := keyOf(r.Key, false)
	if err != nil {
		return nil, err
	}
	p, err := r.placeholders()
	if err != nil {
		return nil, err
	}
	names, err := p.parse("ProjectionExpression", r.ProjectionExpression).projection()
	if err != nil {
		return nil, err
	}
	if err := p.unused(); err != nil {
		return nil, err
	}
	it := t.at(k, s.asOf(t, r.ConsistentRead, stale))
	s.spend("GetItem", readUnits(it.Size(), r.ConsistentRead))
	if it == nil {
		return answer{}, nil
	}
	return answer{"Item": project(it, names)}, nil
}

// project leaves the attributes named, all where none is.
func project(it Item, names []string) Item {
	if names == nil {
		return it
	}
	out := Item{}
	for _, name := range names {
		if v, there := it[name]; there {
			out[name] = v
		}
	}
	return out
}

func (s *Server) query(r *request, stale bool) (answer, error) {
	t, err := s.table(r.TableName)
	if err != nil {
		return nil, err
	}
	p, err := r.placeholders()
	if err != nil {
		return nil, err
	}
	span, err := p.parse("KeyConditionExpression", r.KeyConditionExpression).keys()
	if err != nil {
		return nil, err
	}
	if err := p.unused(); err != nil {
		return nil, err
	}
	after := ""
	if r.ExclusiveStartKey != nil {
		k, err := keyOf(r.ExclusiveStartKey, false)
		if err != nil || k.partition != span.partition {
			return nil, invalid("The provided starting key is invalid")
		}
		after = k.sort
	}
	backwards := r.ScanIndexForward != nil && !*r.ScanIndexForward
	items, size, last := t.page(span, after, backwards, r.Limit, s.asOf(t, r.ConsistentRead, stale))
	s.spend("Query", readUnits(size, r.ConsistentRead))
	out := answer{"Items": items, "Count": len(items), "ScannedCount": len(items)}
	if items == nil {
		out["Items"] = []Item{}
	}
	if last != "" {
		out["LastEvaluatedKey"] = Item{partitionKey: String(span.partition), sortKey: String(last)}
	}
	return out, nil
}

// batchLimit is how many keys a batch may ask for.
const batchLimit = 100

func (s *Server) batchGetItem(r *request, stale bool) (answer, error) {
	found, left, n := map[string][]Item{}, map[string]*keysRequest{}, 0
	for name, asked := range r.RequestItems {
		t, err := s.table(name)
		if err != nil {
			return nil, err
		}
		seen := map[id]bool{}
		for _, key := range asked.Keys {
			k, err := keyOf(key, false)
			if err != nil {
				return nil, err
			}
			if seen[k] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			if n++; n > batchLimit {
				return nil, invalid("Too many items requested for the BatchGetItem call")
			}
			seen[k] = true
		}
		keys := asked.Keys
		// Stale is for BatchGetItem a table that is busy: half of what was asked for is
		// left out.
		if stale && len(keys) > 1 {
			keys, left[name] = keys[:len(keys)/2], &keysRequest{keys[len(keys)/2:], asked.ConsistentRead}
		}
		for _, key := range keys {
			k, _ := keyOf(key, false)
			it := t.at(k, s.asOf(t, asked.ConsistentRead, stale))
			s.spend("BatchGetItem", readUnits(it.Size(), asked.ConsistentRead))
			if it != nil {
				found[name] = append(found[name], it)
			}
		}
	}
	return answer{"Responses": found, "UnprocessedKeys": left}, nil
}

func (s *Server) updateItem(r *request, _ bool) (answer, error) {
	p, err := r.placeholders()
	if err != nil {
		return nil, err
	}
	change, err := p.parse("UpdateExpression", r.UpdateExpression).update()
	if err != nil {
		return nil, err
	}
	return s.write("UpdateItem", r, p, r.Key, false, func(old Item) (Item, error) {
		if old == nil {
			old = r.Key
		}
		return change(old)
	})
}

func (s *Server) putItem(r *request, _ bool) (answer, error) {
	p, err := r.placeholders()
	if err != nil {
		return nil, err
	}
	return s.write("PutItem", r, p, r.Item, true, func(Item) (Item, error) { return r.Item, nil })
}

func (s *Server) deleteItem(r *request, _ bool) (answer, error) {
	p, err := r.placeholders()
	if err != nil {
		return nil, err
	}
	return s.write("DeleteItem", r, p, r.Key, false, func(Item) (Item, error) { return nil, nil })
}

// write changes one item if its condition holds.
func (s *Server) write(operation string, r *request, p *placeholders, key Item, whole bool, change func(Item) (Item, error)) (answer, error) {
	t, err := s.table(r.TableName)
	if err != nil {
		return nil, err
	}
	k, err := keyOf(key, whole)
	if err != nil {
		return nil, err
	}
	holds := func(Item) bool { return true }
	if r.ConditionExpression != "" {
		if holds, err = p.parse("ConditionExpression", r.ConditionExpression).condition(); err != nil {
			return nil, err
		}
	}
	if err := p.unused(); err != nil {
		return nil, err
	}
	old := t.now(k)
	if !holds(old) {
		s.spend(operation, writeUnits(old, old))
		refused := &failure{status: 400, code: "ConditionalCheckFailedException", message: "The conditional request failed"}
		if r.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
			refused.item = old
		}
		return nil, refused
	}
	next, err := change(old)
	if err == nil && next != nil {
		err = next.check()
	}
	if err != nil {
		return nil, err
	}
	s.spend(operation, writeUnits(old, next))
	t.put(k, next)
	return answer{}, nil
}
