package workflow_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/workflow"
)

// once runs do at the first call of the operation that the runner makes.
func (r *rig) once(op ecssim.Op, when func() bool, do func()) {
	done := false
	r.fault = func(ctx context.Context, call ecssim.Call) error {
		if !done && call.Op == op && call.Point == ecssim.Before && ecssim.Actor(ctx) == "runner" && when() {
			done = true
			do()
		}
		return nil
	}
}

func always() bool { return true }

// What another process has ended meanwhile is over: bringing it back would have
// two releases of one batch on record.
func TestReleaseEndedByAnotherIsNotBroughtBack(t *testing.T) {
	r := newRig(t, exact(5), nil)
	r.release(r.ready(2))
	r.once(ecssim.OpRetire, always, func() { r.save(func(c *autoscaler.Checkpoint) { c.Release = nil }) })
	r.advance()
	if under := r.checkpoint().Release; under != nil {
		t.Errorf("the checkpoint holds %+v again", under)
	}
	r.passes(15 * time.Minute) // the retired are found from the records
	if n := len(r.records()); n != 3 {
		t.Errorf("%d records are left, want 3", n)
	}
}

func TestTaskThatJoinsMeanwhileIsKept(t *testing.T) {
	r := newRig(t, exact(6), nil)
	ids := r.ready(3)
	r.release(ids[:2])
	r.once(ecssim.OpRetire, always, func() { r.release(ids[2:]) })
	r.advance()
	if under := r.checkpoint().Release; under == nil || !slices.Contains(under.Tasks, ids[2]) {
		t.Errorf("the checkpoint holds %+v, without the task that joined", under)
	}
	r.outcome(r.passes(15*time.Minute), autoscaler.OutcomeReleased)
	if n := len(r.records()); n != 3 {
		t.Errorf("%d records are left, want 3", n)
	}
}

// Demand keeps the count, so the retired task is to be stopped by name; right
// before that the demand goes. Stopping it now would have ECS start another.
func TestNothingIsStoppedWhileALowerCountIsOwed(t *testing.T) {
	r := newRig(t, exact(3), nil)
	r.release(r.ready(1))
	r.want(3)
	stops := func() bool { return len(r.actions) > 0 && r.actions[len(r.actions)-1].Kind == workflow.Stop }
	reached := false
	r.once(ecssim.OpLoadCheckpoint, stops, func() { r.want(2); reached = true })
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
	if n := r.c.Calls()["StopTask"]; !reached || n != 0 || len(r.c.Writes()) != 1 {
		t.Errorf("reached the stop: %v; %d tasks stopped, writes %v; want the count lowered and nothing stopped", reached, n, r.c.Writes())
	}
}
