package workflow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/workflow"
)

func balancerFirst(c *workflow.Config) { c.LoadBalancerFirst = true }

// target returns the state of a task's target.
func (r *rig) target(id autoscaler.TaskID) string {
	r.t.Helper()
	status, err := r.c.Watch(context.Background(), service, []autoscaler.TaskID{id})
	if err != nil {
		r.t.Fatal(err)
	}
	return status[0].Target
}

func TestBalancerFirst(t *testing.T) {
	r := newRig(t, exact(4), balancerFirst)
	ids := r.cordon(2)
	if release := r.release(ids); release.Phase != autoscaler.PhaseBalancer {
		t.Fatalf("phase %s", release.Phase)
	}
	got := r.advance()
	if r.kinds() != "steer-out" || got.Phase != autoscaler.PhaseBalancer || !got.NextAt.Equal(r.c.Now().Add(30*time.Second)) {
		t.Fatalf("effects %q, %s until %s: the first look comes when the delay has passed", r.kinds(), got.Phase, got.NextAt)
	}
	before := r.c.Calls()["DescribeTargetHealth"]
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
	if want := "steer-out retire lower forget"; r.kinds() != want {
		t.Errorf("effects %q, want %q", r.kinds(), want)
	}
	if n := r.c.Calls()["DescribeTargetHealth"] - before; n > 2 {
		t.Errorf("%d looks at the targets", n)
	}
}

func TestTargetThatReturnsIsGivenBack(t *testing.T) {
	cfg := exact(4)
	cfg.ReregisterAfter = 20 * time.Second
	r := newRig(t, cfg, balancerFirst)
	ids := r.cordon(1)
	r.release(ids)
	got := r.passes(20 * time.Minute)
	r.outcome(got, autoscaler.OutcomeAborted)
	if want := "steer-out steer-out steer-out reopen steer-in"; r.kinds() != want {
		t.Errorf("effects %q, want %q", r.kinds(), want)
	}
	if !says(got, autoscaler.CodeTargetReturned) || r.records()[ids[0]].State != autoscaler.TaskOpen {
		t.Errorf("reasons %v, record %s", got.Reasons, r.records()[ids[0]].State)
	}
}

func TestTargetThatReturnsOnceIsTakenOutAgain(t *testing.T) {
	r := newRig(t, exact(4), balancerFirst)
	ids := r.cordon(1)
	r.release(ids)
	r.advance()
	if err := r.c.Steer(context.Background(), ref(ids[0]), true); err != nil {
		t.Fatal(err)
	}
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
	if want := "steer-out steer-out retire lower forget"; r.kinds() != want {
		t.Errorf("effects %q, want %q", r.kinds(), want)
	}
}

func TestSessionOnADeregisteredTaskPutsItBack(t *testing.T) {
	r := newRig(t, exact(4), balancerFirst)
	ids := r.cordon(2)
	r.release(ids)
	r.advance()
	r.c.RunFor(5 * time.Second)
	r.told(ids[0], "late")
	got := r.advance()
	if r.target(ids[0]) == "draining" || r.records()[ids[0]].State != autoscaler.TaskOpen {
		t.Fatalf("target %q, record %s, reasons %v", r.target(ids[0]), r.records()[ids[0]].State, got.Reasons)
	}
	if r.target(ids[1]) != "draining" {
		t.Errorf("the other target is %q", r.target(ids[1]))
	}
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
}

func TestReopenedTaskIsPutBack(t *testing.T) {
	r := newRig(t, exact(4), balancerFirst)
	ids := r.cordon(1)
	r.release(ids)
	r.advance()
	r.reopen(ids[0])
	r.outcome(r.advance(), autoscaler.OutcomeAborted)
	if target := r.target(ids[0]); target == "draining" || target == "unused" {
		t.Errorf("the target is %q", target)
	}
}

func TestAbortPutsTargetsBack(t *testing.T) {
	r := newRig(t, exact(4), func(c *workflow.Config) {
		c.LoadBalancerFirst = true
		c.Veto = func(context.Context, workflow.Evidence) error { return errors.New("no") }
	})
	ids := r.cordon(1)
	r.release(ids)
	var refused int
	r.fault = func(_ context.Context, call ecssim.Call) error {
		if in, _ := call.Args.(bool); call.Op == ecssim.OpSteer && in && call.Point == ecssim.Before && refused == 0 {
			refused++
			return errors.New("throttled")
		}
		return nil
	}
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeAborted)
	if target := r.target(ids[0]); target == "draining" || target == "unused" || refused != 1 {
		t.Errorf("the target is %q after %d refusals", target, refused)
	}
}

func TestCancelPutsTargetsBack(t *testing.T) {
	r := newRig(t, exact(4), balancerFirst)
	ids := r.cordon(2)
	release := r.release(ids)
	r.advance()
	if err := r.runner.Cancel(context.Background(), service, release.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if target := r.target(id); target == "draining" || target == "unused" {
			t.Errorf("the target of %s is %q", id, target)
		}
	}
}

func TestIntentToDeregisterIsSavedFirst(t *testing.T) {
	r := newRig(t, exact(4), balancerFirst)
	r.release(r.cordon(1))
	r.fault = func(_ context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpSteer && call.Point == ecssim.Before && len(r.checkpoint().Release.Steered) != 1 {
			t.Errorf("deregistered before it was saved: %+v", r.checkpoint().Release)
		}
		return nil
	}
	r.advance()
	if r.kinds() != "steer-out" {
		t.Errorf("effects %q", r.kinds())
	}
}

func TestPausedReleaseDeregistersNothing(t *testing.T) {
	r := newRig(t, exact(4), balancerFirst)
	ids := r.cordon(1)
	r.control(autoscaler.Override{By: "ann", Why: "demo", Until: r.c.Now().Add(time.Hour)})
	r.release(ids)
	if got := r.advance(); !says(got, autoscaler.CodePaused) || r.kinds() != "" {
		t.Errorf("effects %q, reasons %v", r.kinds(), got.Reasons)
	}
}
