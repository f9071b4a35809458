package dynamostore_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/internal/foreign"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
)

func clock() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// suites are all that a store is held to.
func suites() map[string]func(*testing.T, func(*testing.T) storetest.Harness) {
	return map[string]func(*testing.T, func(*testing.T) storetest.Harness){
		"Store": storetest.TestStore, "Records": storetest.TestRecords, "Writer": storetest.TestWriter,
		"Demand": storetest.TestDemand, "State": storetest.TestState, "Journal": storetest.TestJournal,
		"Barriers": storetest.TestBarriers, "ForcedEnds": storetest.TestForcedEnds, "Finder": storetest.TestFinder,
	}
}

// harness is an empty store on a table of its own.
func harness(t *testing.T, client lacking, rules sessionstore.Rules) storetest.Harness {
	t.Helper()
	table := fmt.Sprintf("t-%x", rand.Uint64())
	if err := dynamostore.EnsureTable(t.Context(), client, table); err != nil {
		t.Fatal(err)
	}
	now := storetest.NewClock(clock())
	store, err := dynamostore.New(dynamostore.Config{Client: client, Table: table, Now: now.Now, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	return storetest.Harness{
		Store: store, As: func(owner string) storetest.Store { return store.As(owner) }, Now: now.Now, Advance: now.Advance,
		WithRules: func(rules sessionstore.Rules) storetest.Harness { return harness(t, client, rules) },
	}
}

// oneAtATime are the servers whose conditions are not atomic: of two requests that they
// serve at once both can hold. They are asked one request at a time.
func oneAtATime() map[string]bool { return map[string]bool{"moto": true} }

// queue sends one request at a time, to the last byte of its answer.
type queue struct{ turn *sync.Mutex }

// Do implements the SDK's HTTP client.
func (q queue) Do(r *http.Request) (*http.Response, error) {
	q.turn.Lock()
	defer q.turn.Unlock()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, err
}

func foreignClient(s foreign.Server) *dynamodb.Client {
	var client dynamodb.HTTPClient // the SDK's own
	if oneAtATime()[s.Name] {
		client = queue{&sync.Mutex{}}
	}
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.Endpoint), HTTPClient: client,
		Credentials: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// TestFake holds the store to every contract on the fake, through the SDK's client.
func TestFake(t *testing.T) {
	for name, suite := range suites() {
		t.Run(name, func(t *testing.T) {
			suite(t, func(t *testing.T) storetest.Harness {
				return harness(t, lacking{Client: dynamo.New(dynamo.Config{Now: clock}).Client()}, sessionstore.Rules{})
			})
		})
	}
}

// TestForeign holds the store to every contract on servers that nobody here wrote.
func TestForeign(t *testing.T) {
	foreign.Each(t, func(t *testing.T, s foreign.Server) {
		client := lacking{foreignClient(s), differences()[s.Name]}
		for name, suite := range suites() {
			t.Run(name, func(t *testing.T) {
				suite(t, func(t *testing.T) storetest.Harness { return harness(t, client, sessionstore.Rules{}) })
			})
		}
	})
}

// differences are the operations that a foreign server does not know, by its name. All
// others are asked of it.
func differences() map[string][]string {
	return map[string][]string{
		"dynalite": {"UpdateTimeToLive", "DescribeTimeToLive", "UpdateContinuousBackups", "DescribeContinuousBackups"},
	}
}

// lacking answers in the place of a server for the operations that it does not know, as
// if they had done nothing.
type lacking struct {
	*dynamodb.Client
	operations []string
}

func (c lacking) UpdateTimeToLive(ctx context.Context, in *dynamodb.UpdateTimeToLiveInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error) {
	return unless(c, "UpdateTimeToLive", func() (*dynamodb.UpdateTimeToLiveOutput, error) { return c.Client.UpdateTimeToLive(ctx, in, opts...) })
}

func (c lacking) DescribeTimeToLive(ctx context.Context, in *dynamodb.DescribeTimeToLiveInput, opts ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error) {
	return unless(c, "DescribeTimeToLive", func() (*dynamodb.DescribeTimeToLiveOutput, error) {
		return c.Client.DescribeTimeToLive(ctx, in, opts...)
	})
}

func (c lacking) UpdateContinuousBackups(ctx context.Context, in *dynamodb.UpdateContinuousBackupsInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateContinuousBackupsOutput, error) {
	return unless(c, "UpdateContinuousBackups", func() (*dynamodb.UpdateContinuousBackupsOutput, error) {
		return c.Client.UpdateContinuousBackups(ctx, in, opts...)
	})
}

func (c lacking) DescribeContinuousBackups(ctx context.Context, in *dynamodb.DescribeContinuousBackupsInput, opts ...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error) {
	return unless(c, "DescribeContinuousBackups", func() (*dynamodb.DescribeContinuousBackupsOutput, error) {
		return c.Client.DescribeContinuousBackups(ctx, in, opts...)
	})
}

// unless makes a call unless the server lacks it.
func unless[T any](c lacking, operation string, call func() (*T, error)) (*T, error) {
	if slices.Contains(c.operations, operation) {
		return new(T), nil
	}
	return call()
}
