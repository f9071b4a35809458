package dynamostore_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

// Several processes begin at once and make one table, on demand, encrypted, with a time to
// live and a recovery to a point in time; it takes its time, and calling again changes
// nothing.
func TestEnsureTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := dynamo.New(dynamo.Config{CreateTime: 20 * time.Second})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := dynamostore.EnsureTable(t.Context(), server.Client(), tableName); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := dynamostore.EnsureTable(t.Context(), server.Client(), tableName); err != nil {
			t.Error(err)
		}
		made, ttl, backups := server.Made(tableName)
		d := dynamostore.Definition()
		if made.BillingMode != d.BillingMode || !made.SSESpecification.Enabled || !made.DeletionProtectionEnabled || ttl != d.TimeToLive || !backups {
			t.Errorf("made %+v, ttl %q, backups %t; want %+v", made, ttl, backups, d)
		}
		if calls := server.Calls(); calls["UpdateContinuousBackups"] > 3 || calls["UpdateTimeToLive"] > 3 {
			t.Errorf("calls %v", calls)
		}
	})
}

// A table that somebody else made for something else is refused, and left as it is.
func TestEnsureTableRefusesOtherKeys(t *testing.T) {
	for name, d := range map[string]*types.TableDescription{
		"one key": {KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("pk")}}},
		"numbers": {
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("pk")}, {AttributeName: aws.String("sk")}},
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeN}, {AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS},
			},
		},
	} {
		d.TableStatus = types.TableStatusActive
		err := dynamostore.EnsureTable(t.Context(), described{d: d}, tableName)
		if err == nil || !strings.Contains(err.Error(), "other keys") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A table whose time to live is on another attribute would lose what is needed, or keep
// what is not.
func TestEnsureTableRefusesAnotherTimeToLive(t *testing.T) {
	server := dynamo.New(dynamo.Config{})
	client := server.Client()
	if err := dynamostore.EnsureTable(t.Context(), withTTL{client, "expires"}, tableName); err == nil || !strings.Contains(err.Error(), "expires") {
		t.Errorf("%v", err)
	}
}

// described answers for a table, and panics where anything else is asked of it.
type described struct {
	dynamostore.TableAPI
	d *types.TableDescription
}

func (d described) DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	return &dynamodb.DescribeTableOutput{Table: d.d}, nil
}

type withTTL struct {
	*dynamodb.Client
	attribute string
}

func (c withTTL) DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error) {
	return &dynamodb.DescribeTimeToLiveOutput{TimeToLiveDescription: &types.TimeToLiveDescription{
		TimeToLiveStatus: types.TimeToLiveStatusEnabled, AttributeName: &c.attribute,
	}}, nil
}

// The policies name the operations that are called, and no other: each call of the suites
// is counted on a fake.
func TestPoliciesAreTheCallsMade(t *testing.T) {
	r := newRig(t)
	setup := r.server.Calls()
	r.open("t", 4)
	r.must(r.begin("t", "a"), "Begin")
	for range 20 {
		r.must(r.end("t", "early"), "End")
	}
	r.see("t")
	if _, err := r.store.Activity(t.Context(), gateway(), r.Now()); err != nil {
		t.Fatal(err)
	}
	r.must(r.end("nowhere", "b"), "End without a record")
	allowed := func(document string) map[string]bool {
		var policy struct {
			Version   string
			Statement []struct {
				Effect, Resource string
				Action           []string
			}
		}
		if err := json.Unmarshal([]byte(document), &policy); err != nil || len(policy.Statement) != 1 || policy.Statement[0].Resource != "arn" {
			t.Fatalf("%v: %s", err, document)
		}
		actions := map[string]bool{}
		for _, a := range policy.Statement[0].Action {
			actions[strings.TrimPrefix(a, "dynamodb:")] = true
		}
		return actions
	}
	store, table := allowed(dynamostore.StorePolicy("arn")), allowed(dynamostore.TablePolicy("arn"))
	for operation := range r.server.Calls() {
		if setup[operation] > 0 != table[operation] || setup[operation] == 0 && !store[operation] {
			t.Errorf("%s is called, and the policies say %t and %t", operation, store[operation], table[operation])
		}
	}
	for operation := range store {
		// What removes the items of brokers that are silent for two weeks.
		if r.server.Calls()[operation] == 0 && operation != "DeleteItem" {
			t.Errorf("%s is allowed and never called", operation)
		}
	}
}
