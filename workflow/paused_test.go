package workflow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// A call may last for seconds, and an operator may pause the service in the
// middle of it. No dangerous call is made after that.
func TestPauseInTheMiddleOfACallHoldsWhatIsDangerous(t *testing.T) {
	r := newRig(t, exact(4), nil)
	ids := r.ready(2)
	r.release(ids)
	r.advance()
	r.c.RunFor(50 * time.Second) // both have cleared their protection
	if retired := r.in(autoscaler.TaskRetired); !slices.Equal(retired, ids) {
		t.Fatalf("retired %v, want %v", retired, ids)
	}
	until := autoscaler.Override{By: "ann", Why: "maintenance", Until: r.c.Now().Add(time.Hour)}
	r.once(ecssim.OpDescribe, always, func() { r.control(until) })
	got := r.advance()
	if n := len(r.c.Writes()); n != 0 || !says(got, autoscaler.CodePaused) {
		t.Errorf("%d writes, reasons %v; want none, and the pause told of", n, got.Reasons)
	}
	r.control(autoscaler.Override{})
	r.outcome(r.passes(15*time.Minute), autoscaler.OutcomeReleased)
}
