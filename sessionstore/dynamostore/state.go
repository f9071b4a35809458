package dynamostore

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// LoadCheckpoint implements autoscaler.StateStore.
func (s *Store) LoadCheckpoint(ctx context.Context, id autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
	var c autoscaler.Checkpoint
	revision, err := s.load(ctx, key(id, skCheckpoint), &c)
	if err != nil {
		return autoscaler.Checkpoint{}, s.failed(ctx, "LoadCheckpoint", id, err)
	}
	c.Service, c.Revision = id, revision
	return c, nil
}

// SaveCheckpoint implements autoscaler.StateStore.
func (s *Store) SaveCheckpoint(ctx context.Context, c autoscaler.Checkpoint) (int64, error) {
	expected, now := c.Revision, s.clock.now()
	c.Revision++
	if err := s.save(ctx, key(c.Service, skCheckpoint), expected, c, now); err != nil {
		return 0, s.failed(ctx, "SaveCheckpoint", c.Service, err)
	}
	s.heard.set(c.Service, heardAt{controller: now, asked: now})
	return c.Revision, nil
}

// Control implements autoscaler.StateStore.
func (s *Store) Control(ctx context.Context, id autoscaler.ServiceID) (autoscaler.Control, error) {
	var c autoscaler.Control
	revision, err := s.load(ctx, key(id, skControl), &c)
	if err != nil {
		return autoscaler.Control{}, s.failed(ctx, "Control", id, err)
	}
	c.Revision = revision
	return c, nil
}

// SetControl implements autoscaler.StateStore.
func (s *Store) SetControl(ctx context.Context, id autoscaler.ServiceID, c autoscaler.Control) error {
	expected := c.Revision
	c.Revision++
	if err := s.save(ctx, key(id, skControl), expected, c, s.clock.now()); err != nil {
		return s.failed(ctx, "SetControl", id, err)
	}
	return nil
}

// load reads a document and its revision; 0 and nothing where none was saved.
func (s *Store) load(ctx context.Context, k item, to any) (revision int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	it, err := s.get(ctx, k)
	if err != nil || it == nil {
		return 0, err
	}
	r := read(it)
	revision = r.number(attrVersion)
	document := r.text("doc")
	if r.err != nil {
		return 0, fmt.Errorf("item %s: %w", k.sortKey(), r.err)
	}
	if err := json.Unmarshal([]byte(document), to); err != nil {
		return 0, fmt.Errorf("item %s: %w", k.sortKey(), err)
	}
	return revision, nil
}

// save writes a document in the place of the revision expected. Every save has a mark of
// its own, by which it knows itself where the reply was lost and the client asked again:
// two controllers may well save the same words, and one of them has to lose.
func (s *Store) save(ctx context.Context, k item, expected int64, document any, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	mark := make([]byte, 8)
	if _, err := rand.Read(mark); err != nil {
		return err
	}
	condition, values := "attribute_not_exists(#v)", item{
		":next": decimal(expected + 1), ":doc": text(string(body)), ":at": decimal(now.UnixNano()), ":mark": &types.AttributeValueMemberB{Value: mark},
	}
	if expected > 0 {
		condition, values[":v"] = "#v = :v", decimal(expected)
	}
	err = s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: k,
		UpdateExpression:                    aws.String("SET #v = :next, #doc = :doc, #at = :at, #mark = :mark"),
		ConditionExpression:                 &condition,
		ExpressionAttributeNames:            map[string]string{"#v": attrVersion, "#doc": "doc", "#at": "at", "#mark": "mk"},
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	found, readErr := s.savedThere(ctx, k, err)
	switch {
	case readErr != nil:
		return errors.Join(err, readErr)
	case bytes.Equal(read(found).bytes("mk"), mark):
		return nil
	case refused(err):
		return stale(k)
	}
	return err
}

// savedThere is what stands where a save failed.
func (s *Store) savedThere(ctx context.Context, k item, err error) (item, error) {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) && len(failed.Item) > 0 {
		return failed.Item, nil
	}
	return s.get(ctx, k)
}

func stale(k item) error {
	pk, _ := k[keyService].(*types.AttributeValueMemberS)
	return &autoscaler.Error{
		Op: "dynamostore.save", Ref: pk.Value + " " + k.sortKey(), Err: autoscaler.ErrConflict, Hint: "load it again, and decide again",
	}
}

// heardFor is how long an answer about the controller is good for the next report: a
// task asks whether one was heard of within an hour.
const heardFor = time.Minute

// heard is when each service's controller last saved, as far as this process knows.
type heard struct {
	mu sync.Mutex
	at map[autoscaler.ServiceID]heardAt
}

type heardAt struct{ controller, asked time.Time }

func (h *heard) get(id autoscaler.ServiceID) heardAt {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at[id]
}

func (h *heard) set(id autoscaler.ServiceID, at heardAt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at[id] = at
}

// controllerAt is when a controller of the service last saved its checkpoint, read at
// most once a minute and not with every report.
func (s *Store) controllerAt(ctx context.Context, id autoscaler.ServiceID) (time.Time, error) {
	now, known := s.clock.now(), s.heard.get(id)
	if !known.asked.IsZero() && now.Sub(known.asked).Abs() < heardFor {
		return known.controller, nil
	}
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.name, Key: key(id, skCheckpoint),
		ProjectionExpression: aws.String("#at"), ExpressionAttributeNames: map[string]string{"#at": "at"},
	})
	if err != nil {
		return time.Time{}, err
	}
	at := read(out.Item).instant("at")
	s.heard.set(id, heardAt{controller: at, asked: now})
	return at, nil
}
