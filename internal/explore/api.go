package explore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

// overTable is the shipped store on a world's table, as one program has it: it begins
// having seen nothing, and each call of the table is a call of the hand.
type overTable struct {
	*dynamostore.Store
	h *hand
}

// by returns the store as a hand calls it.
func (t *table) by(h *hand) *overTable {
	s, err := dynamostore.New(dynamostore.Config{Client: &api{t: t, h: h, read: map[string]attributes{}}, Table: tableName, Owner: "explorer", Now: h.clock})
	must(err)
	return &overTable{s, h}
}

// Activity implements autoscaler.SessionStore.
func (o *overTable) Activity(ctx context.Context, id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
	return o.h.reads(func() (autoscaler.Activity, error) { return o.Store.Activity(ctx, id, at) })
}

// Prove implements autoscaler.SessionStore.
func (o *overTable) Prove(ctx context.Context, refs []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	return o.h.proves(refs, func() ([]autoscaler.TaskActivity, error) { return o.prove(ctx, refs, at) })
}

func (o *overTable) prove(ctx context.Context, refs []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	proof, err := o.Store.Prove(ctx, refs, at)
	if o.h.stuck != nil {
		panic(pending{*o.h.stuck})
	}
	return proof, err
}

// Retire implements autoscaler.SessionStore.
func (o *overTable) Retire(ctx context.Context, d autoscaler.DrainRef) error {
	if err := o.h.retires(d); err != nil {
		return err
	}
	if o.h.plant != NoVersionInRetire {
		return o.Store.Retire(ctx, d)
	}
	a, err := o.prove(ctx, []autoscaler.TaskRef{d.Ref}, d.At)
	if err != nil {
		return err
	}
	d.Version = a[0].Version
	return o.Store.Retire(ctx, d)
}

// Reopen implements autoscaler.SessionStore.
func (o *overTable) Reopen(ctx context.Context, d autoscaler.DrainRef) error {
	o.h.forges = true
	defer func() { o.h.forges = false }()
	return o.Store.Reopen(ctx, d)
}

// Report implements sessionstore.Writer.
func (o *overTable) Report(ctx context.Context, rep sessionstore.Report) (sessionstore.Order, error) {
	if o.h.plant == ReportRemoves {
		o.endsUnlisted(ctx, rep)
	}
	return o.Store.Report(ctx, rep)
}

// endsUnlisted ends every session that a report does not list.
func (o *overTable) endsUnlisted(ctx context.Context, rep sessionstore.Report) {
	proof, err := o.prove(ctx, []autoscaler.TaskRef{rep.Ref}, rep.At)
	if err != nil {
		return
	}
	if n, _ := proof[0].Occupancy.Sessions(); n == len(rep.Sessions) {
		return
	}
	for i := range maxUsers {
		if !slices.Contains(rep.Sessions, session(i)) {
			_ = o.End(ctx, sessionstore.EndRequest{Ref: rep.Ref, Session: session(i), At: rep.At})
		}
	}
}

// SaveCheckpoint implements autoscaler.StateStore.
func (o *overTable) SaveCheckpoint(ctx context.Context, c autoscaler.Checkpoint) (int64, error) {
	revision, err := o.Store.SaveCheckpoint(ctx, c)
	if err == nil {
		o.h.saved = c.Permit
	}
	return revision, err
}

// api is the table as one program calls it.
type api struct {
	t *table
	h *hand
	// mark is that of the program's last save, and saved the revision that it made if its
	// reply was lost.
	mark  []byte
	saved int64
	read  map[string]attributes // what it has read last, by sort key
}

var _ dynamostore.API = (*api)(nil)

// GetItem implements dynamostore.API.
func (a *api) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	sk := sortKey(in.Key)
	// Nobody overrides anything here, and no process here acts on when a controller last
	// saved: reading these is no call that others could come between.
	if sk == "s#control" || in.ProjectionExpression != nil {
		return &dynamodb.GetItemOutput{}, nil
	}
	if !aws.ToBool(in.ConsistentRead) {
		panic("explore: a record or a checkpoint is read as it may have been")
	}
	it, err := call[attributes](a.h, request{name: "GetItem " + sk, do: func(m *move) outcome {
		it, of := m.w.item(sk)
		return outcome{it, nil, of}
	}})
	a.read[sk] = it
	if sk == checkpointKey {
		it = a.marked(it)
	}
	return &dynamodb.GetItemOutput{Item: a.forged(it)}, err
}

// Query implements dynamostore.API.
func (a *api) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	from, to := bound(in, ":from"), bound(in, ":to")
	if strings.HasPrefix(from, endedKeys) {
		return a.queryEnds(in, from, to)
	}
	if from != "a#" || to < taskKeys+"~" {
		panic("explore: a query from " + from + " to " + to)
	}
	return call[*dynamodb.QueryOutput](a.h, request{name: "Query", lags: true, do: func(m *move) outcome {
		out := &dynamodb.QueryOutput{}
		if m.w.counts != nil {
			out.Items = append(out.Items, m.w.counts.item)
		}
		for _, r := range m.w.records {
			if r != nil {
				out.Items = append(out.Items, r.item)
			}
		}
		return outcome{out, nil, shownRecords{m.w.records, m.w.counts}}
	}})
}

func bound(in *dynamodb.QueryInput, name string) string {
	return in.ExpressionAttributeValues[name].(*types.AttributeValueMemberS).Value
}

// queryEnds asks for what stands beside a record.
func (a *api) queryEnds(in *dynamodb.QueryInput, from, to string) (*dynamodb.QueryOutput, error) {
	if !aws.ToBool(in.ConsistentRead) {
		panic("explore: ended sessions are read as they may have been")
	}
	i := endedSlot(from)
	return call[*dynamodb.QueryOutput](a.h, request{name: "Query " + endedKeys + string(taskID(i)), do: func(m *move) outcome {
		out := &dynamodb.QueryOutput{}
		for _, sk := range slices.Sorted(maps.Keys(m.w.beside[i].all())) {
			if from <= sk && sk <= to {
				out.Items = append(out.Items, m.w.beside[i].items[sk])
			}
		}
		return outcome{out, nil, m.w.beside[i]}
	}})
}

// shownRecords identifies what is read of the table.
type shownRecords struct {
	records [maxTasks]*record
	counts  *record
}

// errStuck ends a program at a batch: it is read by goroutines of the store's, in which
// nothing can be thrown.
var errStuck = errors.New("explore: the program ends here")

// BatchGetItem implements dynamostore.API.
func (a *api) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (out *dynamodb.BatchGetItemOutput, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case pending:
			a.h.stuck, err = &p.request, errStuck
		default:
			panic(p)
		}
	}()
	keys := in.RequestItems[tableName].Keys
	return call[*dynamodb.BatchGetItemOutput](a.h, request{name: "BatchGetItem", do: func(m *move) outcome {
		var items []map[string]types.AttributeValue
		for _, key := range keys {
			if it, _ := m.w.item(sortKey(key)); it != nil {
				items = append(items, it)
			}
		}
		out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{tableName: items}}
		return outcome{out, nil, shownRecords{m.w.records, nil}}
	}})
}

// UpdateItem implements dynamostore.API.
func (a *api) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	sk := sortKey(in.Key)
	if sk == checkpointKey {
		in = a.unmarked(in)
	}
	do, ofTask := a.update(sk, in), strings.HasPrefix(sk, taskKeys)
	if a.h.plant == NoVersionInRetire && ofTask && retires(in) {
		do = a.overwrite(sk, in)
	}
	_, err := call[struct{}](a.h, request{name: "UpdateItem " + sk, writes: true, lands: ofTask, do: do, again: func(m *move) outcome {
		if first := do(m); first.err != nil {
			return first
		}
		second := do(m)
		return outcome{nil, repeated{second.err}, repeatedRefusal{second.of}}
	}})
	a.saved = 0
	if sk == checkpointKey {
		err = a.answered(in, err)
	}
	return &dynamodb.UpdateItemOutput{}, err
}

// update carries a write out as the fake does.
func (a *api) update(sk string, in *dynamodb.UpdateItemInput) func(m *move) outcome {
	tried := map[any]written{}
	return func(m *move) outcome {
		before, of := m.w.item(sk)
		w, there := tried[of]
		if !there {
			w = a.t.write(before, in)
			tried[of] = w
		}
		if w.err != nil {
			return outcome{nil, w.err, refusal{of}}
		}
		m.putItem(sk, w.item)
		return outcome{}
	}
}

// overwrite puts what a write makes of the item that the program has read, whatever stands
// there by now: the bug that there is no condition.
func (a *api) overwrite(sk string, in *dynamodb.UpdateItemInput) func(m *move) outcome {
	w := a.t.write(a.read[sk], in)
	return func(m *move) outcome {
		m.putItem(sk, w.item)
		return outcome{}
	}
}

// refusal identifies a refused write: it carries what stands there.
type refusal struct{ by any }

// repeated is the refusal of a write that was carried out at the first try.
type repeated struct{ error }

// Unwrap returns the refusal.
func (r repeated) Unwrap() error { return r.error }

// repeatedRefusal identifies it.
type repeatedRefusal struct{ of any }

// retires reports that a write retires a record.
func retires(in *dynamodb.UpdateItemInput) bool {
	for _, v := range in.ExpressionAttributeValues {
		if s, ok := v.(*types.AttributeValueMemberS); ok && s.Value == string(autoscaler.TaskRetired) {
			return true
		}
	}
	return false
}

// PutItem implements dynamostore.API, for what stands beside a record.
func (a *api) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	i := endedSlot(sortKey(in.Item))
	if in.ConditionExpression != nil {
		panic("explore: an item of ended sessions is put on a condition")
	}
	return call[*dynamodb.PutItemOutput](a.h, request{name: "PutItem " + endedKeys + string(taskID(i)), writes: true, do: func(m *move) outcome {
		m.w.beside[i] = m.in.besides(m.w.beside[i], in.Item)
		return outcome{value: &dynamodb.PutItemOutput{}}
	}})
}

// DeleteItem implements dynamostore.API.
func (a *api) DeleteItem(_ context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	panic("explore: an item is deleted: " + sortKey(in.Key))
}

// A save has a mark that nobody else's has, drawn anew each time that a program is run
// again. In a world all marks are one, and whose it is follows from what the program has
// heard: its own is on the revision that it made without hearing so.
var (
	oneMark   = &types.AttributeValueMemberB{Value: []byte("mark")}
	otherMark = &types.AttributeValueMemberB{Value: []byte("another's")}
)

// unmarked is a save as it stands in a world.
func (a *api) unmarked(in *dynamodb.UpdateItemInput) *dynamodb.UpdateItemInput {
	a.mark = in.ExpressionAttributeValues[":mark"].(*types.AttributeValueMemberB).Value
	out := *in
	out.ExpressionAttributeValues = maps.Clone(in.ExpressionAttributeValues)
	out.ExpressionAttributeValues[":mark"] = oneMark
	return &out
}

// answered takes in the answer to a save, and returns it as the program hears it.
func (a *api) answered(in *dynamodb.UpdateItemInput, err error) error {
	var refused *types.ConditionalCheckFailedException
	var again repeated
	if errors.Is(err, errLost) || errors.As(err, &again) {
		must(attributes(in.ExpressionAttributeValues).number(":next", &a.saved))
	}
	if errors.As(err, &refused) {
		told := *refused
		told.Item = a.marked(refused.Item)
		return &told
	}
	return err
}

// marked is a checkpoint's item as the program sees it.
func (a *api) marked(it attributes) attributes {
	if it == nil {
		return nil
	}
	var revision int64
	must(it.number("v", &revision))
	it = maps.Clone(it)
	it["mk"] = otherMark
	if a.saved == revision {
		it["mk"] = &types.AttributeValueMemberB{Value: a.mark}
	}
	return it
}

// forged is an item as an operator's program reads it that takes what is retired for
// cordoned.
func (a *api) forged(it attributes) attributes {
	st, ok := it["st"].(*types.AttributeValueMemberS)
	if !ok || a.h.plant != ReopenOfRetired || st.Value != string(autoscaler.TaskRetired) || !a.h.forges {
		return it
	}
	it = maps.Clone(it)
	it["st"] = &types.AttributeValueMemberS{Value: string(autoscaler.TaskCordoned)}
	return it
}
