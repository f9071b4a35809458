package workflow_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/workflow"
)

// TestSessionToldRightBeforeADangerousCall has the store told of a session after
// every other read of the call, so that only its proof can show it.
func TestSessionToldRightBeforeADangerousCall(t *testing.T) {
	for name, prepare := range map[string]func(*rig, []autoscaler.TaskID){
		"unprotect": func(r *rig, ids []autoscaler.TaskID) { r.unheard = ids },
		"stop":      func(r *rig, _ []autoscaler.TaskID) { r.want(3) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, exact(3), nil)
			ids := r.ready(1)
			prepare(r, ids)
			r.release(ids)
			proofs := 0
			r.fault = func(ctx context.Context, call ecssim.Call) error {
				if call.Op == ecssim.OpProve && call.Point == ecssim.Before && ecssim.Actor(ctx) == "runner" {
					if proofs++; proofs == 1 {
						r.told(ids[0], "late")
					}
				}
				return nil
			}
			r.advance()
			if name == "stop" {
				r.want(3)
			}
			alerted := false
			for range 20 {
				r.c.RunFor(15 * time.Second)
				alerted = says(r.advance(), autoscaler.CodeBusyRetired) || alerted
			}
			status, err := r.c.Watch(context.Background(), service, ids)
			if err != nil || !status[0].Wanted() || !status[0].ProtectedUntil.After(r.c.Now()) || !alerted || proofs == 0 {
				t.Fatalf("after %d proofs, alerted %v, the task is %+v (%v)", proofs, alerted, status, err)
			}
			if r.c.Calls()["StopTask"] != 0 {
				t.Error("a task with a session was stopped")
			}
			if err := r.store.End(context.Background(), sessionEnd(ids[0], "late", r.c.Now())); err != nil {
				t.Fatal(err)
			}
			r.unheard = nil
			r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
		})
	}
}

func TestProofThatFailsMakesNoCall(t *testing.T) {
	r := newRig(t, exact(3), nil)
	ids := r.ready(1)
	r.unheard = ids
	r.release(ids)
	r.fault = func(ctx context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpProve && call.Point == ecssim.Before && ecssim.Actor(ctx) == "runner" {
			return errors.New("throttled")
		}
		return nil
	}
	before := r.c.Calls()["UpdateTaskProtection"]
	for range 20 {
		r.advance()
		r.c.RunFor(15 * time.Second)
	}
	if n := r.c.Calls()["UpdateTaskProtection"]; n != before || len(r.c.Writes()) != 0 {
		t.Errorf("%d removals, writes %v", n-before, r.c.Writes())
	}
	r.fault = nil
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
}

// forgetful is a cluster that does not know some tasks any more.
type forgetful struct {
	*ecssim.Cluster
	lost *[]autoscaler.TaskID
}

func (f forgetful) Describe(ctx context.Context, id autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	state, err := f.Cluster.Describe(ctx, id)
	state.Tasks = slices.DeleteFunc(state.Tasks, func(s autoscaler.TaskStatus) bool { return slices.Contains(*f.lost, s.ID) })
	return state, err
}

func (f forgetful) Watch(ctx context.Context, id autoscaler.ServiceID, tasks []autoscaler.TaskID) ([]autoscaler.TaskStatus, error) {
	seen, err := f.Cluster.Watch(ctx, id, tasks)
	for i := range seen {
		if slices.Contains(*f.lost, seen[i].ID) {
			seen[i] = autoscaler.TaskStatus{ID: seen[i].ID, Missing: true}
		}
	}
	return seen, err
}

func TestMissingTaskIsClosedAfterASecondLook(t *testing.T) {
	var lost []autoscaler.TaskID
	r := newRig(t, exact(3), func(c *workflow.Config) {
		cluster := forgetful{c.Tasks.(*ecssim.Cluster), &lost}
		c.Tasks, c.Scaler = cluster, cluster
	})
	ids := r.ready(1)
	r.release(ids)
	r.passes(90 * time.Second) // lowered by now
	if len(r.c.Writes()) != 1 {
		t.Fatalf("writes %v", r.c.Writes())
	}
	lost = ids
	r.passes(9 * time.Minute)
	if state := r.records()[ids[0]].State; state != autoscaler.TaskRetired {
		t.Fatalf("missing for less than ten minutes, the record is %q", state)
	}
	r.restart() // the clock is in the release, not in the process
	r.outcome(r.passes(5*time.Minute), autoscaler.OutcomeReleased)
}

func TestCancelledContextEndsTheCall(t *testing.T) {
	r := newRig(t, exact(3), nil)
	r.release(r.ready(1))
	ctx, cancel := context.WithCancel(context.Background())
	r.fault = func(_ context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpDescribe && call.Point == ecssim.After {
			cancel()
		}
		return nil
	}
	releases, err := r.runner.Advance(ctx, service)
	if !errors.Is(err, context.Canceled) || len(releases) != 1 || len(r.in(autoscaler.TaskRetired)) != 0 {
		t.Errorf("%v, %v, retired %v", releases, err, r.in(autoscaler.TaskRetired))
	}
	r.fault = nil
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
}

// TestManyReleases joins new tasks to a release for a day, as a service in its
// evening does, and looks at what the checkpoint has to carry.
func TestManyReleases(t *testing.T) {
	r := newRig(t, exact(40), nil)
	for range 18 {
		r.release(r.ready(2))
		r.advance()
		r.c.RunFor(15 * time.Second)
		r.advance()
	}
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
	if n := len(r.records()); n != 4 {
		t.Errorf("%d records are left, want 4", n)
	}
	if n := r.c.Calls()["StopTask"]; n != 0 {
		t.Errorf("%d tasks had to be stopped", n)
	}
}
