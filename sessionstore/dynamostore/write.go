package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// attempts is how often a write is made anew because somebody else's came first. Each
// failure means that another writer succeeded, so the table as a whole gets on.
const attempts = 12

// change is what a call does to a record: one that is there, or, where there is none and
// made is given, one that it makes.
type change struct {
	op  string
	ref autoscaler.TaskRef
	// began is when the session can have begun that may have ended already; nil for any.
	began func(sessionstore.Terms) time.Time
	made  func(sessionstore.Terms) *sessionstore.Record
	apply func(*sessionstore.Record, sessionstore.Terms, sessionstore.Spilled) ([]sessionstore.Ended, error)
	// none is for a call that has an answer where there is no record. Without it that
	// is ErrNotFound.
	none func(context.Context, sessionstore.Terms) error

	kept string // the key of what the call has last kept beside the record
}

// write applies a change by one conditional write. It may begin with what this process
// saw last and is right all the same: the condition is the version, and a version of a
// record has one content. What is refused, or found done already, is so by a record that
// was read after the call began: nobody is refused by a memory.
func (s *Store) write(ctx context.Context, c change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := sessionstore.CheckTask(c.op, c.ref); err != nil {
		return err
	}
	release, err := s.seen.turn(ctx, c.ref)
	if err != nil {
		return err
	}
	defer release()
	base, fresh := s.seen.last(c.ref), false
	for range attempts {
		if base == nil {
			if base, err = s.fetch(ctx, c.ref); err != nil {
				return s.failed(ctx, c.op, c.ref, err)
			}
			fresh = true
		}
		next, err := s.attempt(ctx, &c, base, fresh)
		switch {
		case errors.Is(err, errNotFresh):
			base = nil
		case err != nil || next == nil:
			return err
		default:
			base, fresh = next, true
		}
	}
	return &autoscaler.Error{
		Op: "dynamostore." + c.op, Ref: c.ref.String(), Err: autoscaler.ErrConflict,
		Hint: "other writers of this task were first, again and again; ask again",
	}
}

// errNotFresh says that nothing was to be written by a record that this call has not
// read.
var errNotFresh = errors.New("dynamostore: decided by an old copy")

// stored is an item as it was last seen, and its record; both nil where there is none.
type stored struct {
	item   item
	record *sessionstore.Record
}

// attempt applies the change to what is stored and writes it. It returns what is stored
// in truth where somebody else was first, and nil where the call is over.
func (s *Store) attempt(ctx context.Context, c *change, base *stored, fresh bool) (*stored, error) {
	terms := s.terms()
	r, version := s.start(c, base, terms)
	if r == nil {
		if !fresh {
			return nil, errNotFresh
		}
		return nil, s.without(ctx, *c, terms)
	}
	spilled := &beside{s: s, ctx: ctx, ref: c.ref, now: terms.Now}
	if c.began != nil {
		spilled.began = c.began(terms)
	}
	ended, err := c.apply(r, terms, spilled.holds)
	if spilled.err != nil {
		return nil, s.failed(ctx, c.op, c.ref, spilled.err)
	}
	if err != nil || r.Version() == version {
		if !fresh {
			return nil, errNotFresh
		}
		return nil, err
	}
	// First what the record gives up, then the record: between the two a session is
	// remembered twice, and the other way round it would be forgotten. Where the record is
	// never written, it stands there as it was, and what it says comes first.
	if err := s.keep(ctx, c, ended, terms.Now); err != nil {
		return nil, s.failed(ctx, c.op, c.ref, err)
	}
	next := &stored{item: encode(r), record: r}
	if r.State() == autoscaler.TaskGone {
		w := writer{next.item}
		w.number(attrUncounted, 1)
		w.number(attrTTL, terms.Now.Add(sessionstore.GravestoneLife).Unix())
	}
	return s.put(ctx, *c, base, next)
}

// start returns the record that a change begins with, for it to change, and the version
// it has in the table: 0 for none.
func (s *Store) start(c *change, base *stored, terms sessionstore.Terms) (r *sessionstore.Record, version int64) {
	if base.record != nil && !base.item.expired(terms.Now) {
		return base.record.Clone(), base.record.Version()
	}
	if c.made == nil {
		return nil, 0
	}
	return c.made(terms), 0
}

// without answers where there is no record.
func (s *Store) without(ctx context.Context, c change, terms sessionstore.Terms) error {
	if c.none != nil {
		return c.none(ctx, terms)
	}
	return &autoscaler.Error{
		Op: "dynamostore." + c.op, Ref: c.ref.String(), Err: autoscaler.ErrNotFound, Hint: "register the task first",
	}
}

// put writes next where base is still what is stored.
func (s *Store) put(ctx context.Context, c change, base, next *stored) (*stored, error) {
	err := s.update(ctx, difference(s.name, base.item, next.item))
	if err == nil {
		s.seen.keep(c.ref, next)
		return nil, nil
	}
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) && ctx.Err() != nil {
		s.seen.forget(c.ref)
		return nil, ctx.Err()
	}
	found, readErr := s.after(ctx, c.ref, refused)
	if readErr != nil {
		s.seen.forget(c.ref)
		return nil, s.failed(ctx, c.op, c.ref, errors.Join(err, readErr))
	}
	s.seen.keep(c.ref, found)
	switch {
	// The reply was lost, and the client asked again: what stands there is ours.
	case reflect.DeepEqual(found.item, next.item):
		s.seen.keep(c.ref, next)
		return nil, nil
	case refused == nil:
		return nil, s.failed(ctx, c.op, c.ref, err)
	}
	return found, nil
}

// after is what is stored after a write that failed: the item that the refusal carries,
// or, where the reply was lost or carries none, what a read shows.
func (s *Store) after(ctx context.Context, ref autoscaler.TaskRef, refused *types.ConditionalCheckFailedException) (*stored, error) {
	if refused != nil && len(refused.Item) > 0 {
		return open(ref, refused.Item)
	}
	return s.fetch(ctx, ref)
}

// fetch reads a task's record as it is.
func (s *Store) fetch(ctx context.Context, ref autoscaler.TaskRef) (*stored, error) {
	it, err := s.get(ctx, taskKey(ref))
	if err != nil {
		return nil, err
	}
	return open(ref, it)
}

func open(ref autoscaler.TaskRef, it item) (*stored, error) {
	if len(it) == 0 {
		return &stored{}, nil
	}
	r, err := Decode(ref.Service, it)
	if err != nil {
		return nil, err
	}
	return &stored{it, r}, nil
}

// get reads one item, strongly consistent; nil where there is none.
func (t *table) get(ctx context.Context, k item) (item, error) {
	sent := t.clock.sent()
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: k, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	t.clock.observe(sent, out.ResultMetadata)
	return out.Item, nil
}

// update makes one write. Another one is made where a transaction of somebody else was
// under way on the item, which the SDK's client leaves to its caller: nothing was written.
func (t *table) update(ctx context.Context, in *dynamodb.UpdateItemInput) error {
	for try := 0; ; try++ {
		sent := t.clock.sent()
		out, err := t.client.UpdateItem(ctx, in)
		if err == nil {
			t.clock.observe(sent, out.ResultMetadata)
			return nil
		}
		var conflict *types.TransactionConflictException
		if !errors.As(err, &conflict) || try == conflictTries {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// conflictTries is how often a write waits for somebody else's transaction.
const conflictTries = 5

// difference is the write that makes an item of another one of the same key, on the
// condition that nobody has changed it. An item that comes from nowhere must not be there.
// One that was removed and made anew has been registered at another instant, so that
// its versions are not mistaken for those of the one before.
func difference(tableName string, from, to item) *dynamodb.UpdateItemInput {
	e := expression{names: map[string]string{}, values: item{}}
	e.changes(from, to)
	condition := e.unchanged(from)
	return &dynamodb.UpdateItemInput{
		TableName: &tableName, Key: item{keyService: to[keyService], keyItem: to[keyItem]},
		UpdateExpression: aws.String(e.String()), ConditionExpression: &condition,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.valuesOrNil(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// expression is an update in the making. No attribute stands there by its bare name, which
// could be one of the hundreds of reserved words.
type expression struct {
	names       map[string]string
	values      item
	set, remove []string
}

// changes sets what is new or different and removes what is no longer there.
func (e *expression) changes(from, to item) {
	for _, name := range slices.Sorted(maps.Keys(to)) {
		if name != keyService && name != keyItem && !reflect.DeepEqual(from[name], to[name]) {
			e.set = append(e.set, e.name(name)+" = "+e.value(to[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if to[name] == nil {
			e.remove = append(e.remove, e.name(name))
		}
	}
}

// unchanged is the condition that an item is as it was.
func (e *expression) unchanged(from item) string {
	if from == nil {
		return e.equals(from, keyService)
	}
	return e.equals(from, attrVersion) + " AND " + e.equals(from, attrRegistered)
}

// equals is the condition that an attribute is as it was.
func (e *expression) equals(from item, name string) string {
	if from[name] == nil {
		return "attribute_not_exists(" + e.name(name) + ")"
	}
	return e.name(name) + " = " + e.value(from[name])
}

func (e *expression) name(attribute string) string {
	short := "#" + attribute
	e.names[short] = attribute
	return short
}

func (e *expression) value(v types.AttributeValue) string {
	short := ":" + strconv.Itoa(len(e.values))
	e.values[short] = v
	return short
}

func (e *expression) valuesOrNil() item {
	if len(e.values) == 0 {
		return nil
	}
	return e.values
}

// String is the update expression.
func (e *expression) String() string {
	var parts []string
	if len(e.set) > 0 {
		parts = append(parts, "SET "+strings.Join(e.set, ", "))
	}
	if len(e.remove) > 0 {
		parts = append(parts, "REMOVE "+strings.Join(e.remove, ", "))
	}
	return strings.Join(parts, " ")
}

// failed says which call failed, on what. What the context ended comes back as it is.
func (s *Store) failed(ctx context.Context, op string, ref fmt.Stringer, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *autoscaler.Error
	if errors.As(err, &known) {
		return err
	}
	return &autoscaler.Error{
		Op: "dynamostore." + op, Ref: ref.String(), Err: err,
		Hint: "table " + s.name + " could not be read or written; a write may have been carried out: ask again",
	}
}
