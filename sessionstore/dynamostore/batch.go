package dynamostore

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

const (
	batchLimit = 100 // keys that BatchGetItem takes
	batchesAt  = 4   // batches that are read at once
	batchTries = 6   // asks for what a batch left out
)

// batch reads the records of some tasks, strongly consistent. What is missing in the
// answer has no record; an answer in part is an error.
func (s *Store) batch(ctx context.Context, tasks []autoscaler.TaskRef) (map[autoscaler.TaskRef]item, error) {
	wanted := make(map[string]autoscaler.TaskRef, len(tasks))
	var keys []item
	for _, ref := range tasks {
		k := taskKey(ref)
		name := keyName(k)
		if _, twice := wanted[name]; !twice { // DynamoDB refuses a key that stands there twice
			wanted[name] = ref
			keys = append(keys, k)
		}
	}
	found := make(map[autoscaler.TaskRef]item, len(keys))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(batchesAt)
	for part := range slices.Chunk(keys, batchLimit) {
		group.Go(func() error {
			return s.readKeys(ctx, part, func(it item) {
				mu.Lock()
				defer mu.Unlock()
				found[wanted[keyName(it)]] = it
			})
		})
	}
	return found, group.Wait()
}

// readKeys reads one batch, and asks again for what DynamoDB leaves out when it is busy.
func (s *Store) readKeys(ctx context.Context, keys []item, each func(item)) error {
	asked := make([]map[string]types.AttributeValue, len(keys))
	for i, k := range keys {
		asked[i] = k
	}
	for try := range batchTries {
		sent := s.clock.sent()
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.name: {Keys: asked, ConsistentRead: aws.Bool(true)},
		}})
		if err != nil {
			return err
		}
		s.clock.observe(sent, out.ResultMetadata)
		for _, it := range out.Responses[s.name] {
			each(it)
		}
		asked = out.UnprocessedKeys[s.name].Keys
		if len(asked) == 0 {
			return nil
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return errors.New("the table is too busy to be read whole")
}

// keyName is a key as text.
func keyName(it item) string {
	pk, _ := it[keyService].(*types.AttributeValueMemberS)
	if pk == nil {
		return it.sortKey()
	}
	return pk.Value + " " + it.sortKey()
}
