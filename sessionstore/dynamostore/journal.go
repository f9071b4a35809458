package dynamostore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// appended numbers the entries of this process, so that those of one instant stay in
// their order.
type appended struct{ n atomic.Uint64 }

// Append implements autoscaler.Journal. The entries may be of several services.
func (s *Store) Append(ctx context.Context, entries ...autoscaler.Entry) error {
	for _, e := range entries {
		if err := s.append(ctx, e); err != nil {
			return s.failed(ctx, "Append", e.Service, err)
		}
	}
	return ctx.Err()
}

// append writes one entry under a key of its own: sent twice by the client it is one
// item, appended twice it is two.
func (s *Store) append(ctx context.Context, e autoscaler.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	mark := make([]byte, 4)
	if _, err := rand.Read(mark); err != nil {
		return err
	}
	now := s.clock.now()
	sk := fmt.Sprintf("%s%s#%s%08x%s", prefixJournal, sortable(e.At), sortable(now), s.appended.n.Add(1), hex.EncodeToString(mark))
	it := key(e.Service, sk)
	it["doc"] = text(string(body))
	it[attrTTL] = decimal(now.Add(autoscaler.JournalLife).Unix())
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: it})
	return err
}

// Read implements autoscaler.Journal. A limit of 0 or less returns every entry. What is
// past its life is not shown, removed or not.
func (s *Store) Read(
	ctx context.Context, id autoscaler.ServiceID, task autoscaler.TaskID, since time.Time, limit int,
) ([]autoscaler.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if oldest := s.clock.now().Add(-autoscaler.JournalLife); since.Before(oldest) {
		since = oldest
	}
	in := s.between(id, prefixJournal+sortable(since), prefixJournal+behind)
	in.ScanIndexForward, in.ConsistentRead = aws.Bool(false), aws.Bool(true)
	var out []autoscaler.Entry
	err := s.pages(ctx, in, func(it item) error {
		var e autoscaler.Entry
		if err := json.Unmarshal([]byte(read(it).text("doc")), &e); err != nil {
			return fmt.Errorf("item %s: %w", it.sortKey(), err)
		}
		if task == "" || e.Task == task {
			out = append(out, e)
		}
		if limit > 0 && len(out) == limit {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return nil, s.failed(ctx, "Read", id, err)
	}
	slices.Reverse(out)
	return out, nil
}
