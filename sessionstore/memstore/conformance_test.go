package memstore_test

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
)

func harness(*testing.T) storetest.Harness { return under(sessionstore.Rules{}) }

// under returns a harness of a store with the rules given.
func under(rules sessionstore.Rules) storetest.Harness {
	clock := storetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	store := memstore.New(memstore.Config{Now: clock.Now, Rules: rules})
	return storetest.Harness{
		Store: store, As: func(owner string) storetest.Store { return store.As(owner) },
		Now: clock.Now, Advance: clock.Advance, WithRules: under,
	}
}

func TestStore(t *testing.T)      { storetest.TestStore(t, harness) }
func TestRecords(t *testing.T)    { storetest.TestRecords(t, harness) }
func TestWriter(t *testing.T)     { storetest.TestWriter(t, harness) }
func TestDemand(t *testing.T)     { storetest.TestDemand(t, harness) }
func TestState(t *testing.T)      { storetest.TestState(t, harness) }
func TestJournal(t *testing.T)    { storetest.TestJournal(t, harness) }
func TestBarriers(t *testing.T)   { storetest.TestBarriers(t, harness) }
func TestForcedEnds(t *testing.T) { storetest.TestForcedEnds(t, harness) }
func TestFinder(t *testing.T)     { storetest.TestFinder(t, harness) }
