package dynamostore

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Sessions that ended and that their record no longer holds stand beside it, those that
// it gave up together in one item: so the eighth of a write unit pays for each. The key
// says when the last of them ended; whoever asks about a session looks only at those that
// ended after it began.

// keep writes ended sessions beside their record, unless the call kept the same last.
// Written twice, it is the same item.
func (s *Store) keep(ctx context.Context, c *change, ended []sessionstore.Ended, now time.Time) error {
	if len(ended) == 0 {
		return nil
	}
	var last time.Time
	packed := make([]sessionstore.DocumentEnded, len(ended))
	for i, e := range ended {
		packed[i] = sessionstore.DocumentEnded{ID: sessionstore.Text(e.Session), At: e.At, Cause: sessionstore.Text(e.Cause)}
		if e.At.After(last) {
			last = e.At
		}
	}
	body := packEnds(packed)
	digest := fnv.New64a()
	digest.Write(body)
	sk := fmt.Sprintf("%s%s#%016x", endedOf(c.ref.Task), sortable(last), digest.Sum64())
	if sk == c.kept {
		return nil
	}
	it := key(c.ref.Service, sk)
	w := writer{it}
	w.bytes("en", body)
	w.number(attrTTL, now.Add(sessionstore.GravestoneLife).Unix())
	if _, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: it}); err != nil {
		return err
	}
	c.kept = sk
	return nil
}

// endedOf begins the sort keys of a task's ended sessions.
func endedOf(task autoscaler.TaskID) string { return prefixEnded + escape(string(task)) + "#" }

// beside answers whether sessions of a task have ended that its record no longer holds.
// It reads when it is first asked, which is seldom, and fails rather than say no.
type beside struct {
	s     *Store
	ctx   context.Context
	ref   autoscaler.TaskRef
	began time.Time
	now   time.Time
	ids   map[sessionstore.SessionID]bool
	err   error
}

// holds is a sessionstore.Spilled.
func (b *beside) holds(id sessionstore.SessionID) bool {
	if b.ids == nil && b.err == nil {
		b.ids, b.err = b.s.endedSince(b.ctx, b.ref, b.from(), b.now)
	}
	return b.ids[id]
}

// from is when the session can have ended at the earliest, zero where nobody knows.
func (b *beside) from() time.Time {
	if b.began.IsZero() {
		return time.Time{}
	}
	return b.began.Add(-2 * b.s.rules.Skew)
}

// endedSince reads a task's ended sessions from one instant on.
func (s *Store) endedSince(ctx context.Context, ref autoscaler.TaskRef, from, now time.Time) (map[sessionstore.SessionID]bool, error) {
	ids := make(map[sessionstore.SessionID]bool)
	in := s.between(ref.Service, endedOf(ref.Task)+sortable(from), endedOf(ref.Task)+behind)
	in.ConsistentRead = aws.Bool(true)
	err := s.pages(ctx, in, func(it item) error {
		if it.expired(now) {
			return nil
		}
		ends, err := decodeEnds(it)
		for _, e := range ends {
			ids[sessionstore.SessionID(e.ID)] = true
		}
		return err
	})
	return ids, err
}

// decodeEnds reads an item of ended sessions.
func decodeEnds(it item) ([]sessionstore.DocumentEnded, error) {
	r := read(it)
	for _, name := range []string{keyService, keyItem, attrTTL} {
		r.take(name)
	}
	ends := unpackEnds(r, "en")
	if err := r.done(); err != nil {
		return nil, fmt.Errorf("item %s: %w", it.sortKey(), err)
	}
	return ends, nil
}
