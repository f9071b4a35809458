package memstore_test

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
)

var _ autoscaler.Journal = (*memstore.Store)(nil)

func harness(*testing.T) storetest.Harness {
	clock := storetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	store := memstore.New(memstore.Config{Now: clock.Now})
	return storetest.Harness{
		Store: store, As: func(owner string) storetest.Store { return store.As(owner) },
		Now: clock.Now, Advance: clock.Advance,
	}
}

func TestStore(t *testing.T)   { storetest.TestStore(t, harness) }
func TestRecords(t *testing.T) { storetest.TestRecords(t, harness) }
func TestWriter(t *testing.T)  { storetest.TestWriter(t, harness) }
func TestDemand(t *testing.T)  { storetest.TestDemand(t, harness) }
func TestState(t *testing.T)   { storetest.TestState(t, harness) }
func TestJournal(t *testing.T) { storetest.TestJournal(t, harness) }
