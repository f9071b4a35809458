// Package fakestore opens a DynamoDB store on a fake, for tests of what stands above a
// store. It refuses to be shared: each store has a table of its own.
package fakestore

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

// Open returns a store on an empty table, reached through the SDK's client.
func Open(t *testing.T, now func() time.Time, rules sessionstore.Rules) *dynamostore.Store {
	t.Helper()
	const table = "sessions"
	client := dynamo.New(dynamo.Config{Now: now}).Client()
	if err := dynamostore.EnsureTable(t.Context(), client, table); err != nil {
		t.Fatal(err)
	}
	store, err := dynamostore.New(dynamostore.Config{Client: client, Table: table, Now: now, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
