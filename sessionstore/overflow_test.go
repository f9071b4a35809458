package sessionstore

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// A count that one process makes anew says nothing of the sessions that another
// one holds: only when all have counted again is the task known.
func TestOverflowEndsWhenEveryProcessHasCountedAgain(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: 2})
	b.rules.SessionLimit = 2
	b.report("a")
	b.report("b")
	b.must(b.open(24 * time.Hour))
	for _, id := range []SessionID{"1", "2", "3"} {
		b.started(id)
	}
	known := func() bool {
		_, known := b.see().Occupancy.Sessions()
		return known
	}
	if known() {
		t.Fatal("the record could not hold a session, and its task is known")
	}
	b.report("a", "1", "2")
	if known() {
		t.Error("one process of two has counted again, and the task is known")
	}
	b.report("b", "3")
	if !known() {
		t.Error("both have counted again, and the task is unknown")
	}
}

// What was told and could not be kept may still live when everything that was
// kept has ended.
func TestNewTaskToldOfMoreThanItHoldsIsNotRetired(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: 1})
	b.rules.SessionLimit = 1
	b.started("1")
	if !b.started("2").Overflow {
		t.Fatal("the record holds one session and took two")
	}
	b.end("1")
	b.want(b.r.Retire(b.drainRef("d"), b.terms()), autoscaler.ErrBusy)
}
