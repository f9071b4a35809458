package workflow

import (
	"slices"
	"testing"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// A request may name a task whose record turns out to be somebody else's.
func TestNothingIsDoneToATaskOfAnotherOwner(t *testing.T) {
	foreign := func(a *autoscaler.TaskActivity) { a.Foreign = true }
	a := Next(facts(described, listed, record("t-1", foreign)))
	if a.Kind != Retire || !slices.Equal(a.Tasks, []autoscaler.TaskID{"t-2"}) {
		t.Errorf("%s %v; want to retire t-2 alone", a.Kind, a.Tasks)
	}
}
