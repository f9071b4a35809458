package workflow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// proofs is a store that answers a proof with what the test says.
type proofs struct {
	autoscaler.SessionStore
	answer []autoscaler.TaskActivity
	err    error
}

func (p proofs) Prove(context.Context, []autoscaler.TaskRef, time.Time) ([]autoscaler.TaskActivity, error) {
	return p.answer, p.err
}

// A proof is the last read before a call that can end a task. Whatever it does
// not show beyond doubt makes the call not be made.
func TestProofHoldsWhateverIsNotRetiredAndEmpty(t *testing.T) {
	good := autoscaler.TaskActivity{
		Ref: autoscaler.TaskRef{Service: own, Task: "t-1"}, State: autoscaler.TaskRetired, Occupancy: autoscaler.Sessions(0),
	}
	changed := func(change func(*autoscaler.TaskActivity)) proofs {
		a := good
		change(&a)
		return proofs{answer: []autoscaler.TaskActivity{a}}
	}
	for name, tt := range map[string]struct {
		store proofs
		code  autoscaler.Code // empty where the call may be made
	}{
		"retired and empty":         {proofs{answer: []autoscaler.TaskActivity{good}}, ""},
		"cordoned":                  {changed(func(a *autoscaler.TaskActivity) { a.State = autoscaler.TaskCordoned }), autoscaler.CodeDisagree},
		"a state of a newer writer": {changed(func(a *autoscaler.TaskActivity) { a.State = "resting" }), autoscaler.CodeDisagree},
		"another owner's":           {changed(func(a *autoscaler.TaskActivity) { a.Foreign = true }), autoscaler.CodeDisagree},
		"another task's":            {changed(func(a *autoscaler.TaskActivity) { a.Ref.Task = "t-2" }), autoscaler.CodeDisagree},
		"holds a session":           {changed(func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Sessions(1) }), autoscaler.CodeBusyRetired},
		"unknown":                   {changed(func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Occupancy{} }), autoscaler.CodeUnknownOccupancy},
		"no answer":                 {proofs{}, autoscaler.CodeDisagree},
		"a failed read":             {proofs{answer: []autoscaler.TaskActivity{good}, err: errors.New("throttled")}, autoscaler.CodeCallFailed},
	} {
		t.Run(name, func(t *testing.T) {
			c := call{Runner: &Runner{cfg: Config{Sessions: tt.store, Now: func() time.Time { return noon }}}, service: own}
			held := c.prove(context.Background(), []autoscaler.TaskID{"t-1"})
			if tt.code == "" && len(held) > 0 || tt.code != "" && (len(held) != 1 || held[0].Code != tt.code) {
				t.Errorf("held %v, want %q", held, tt.code)
			}
		})
	}
}

// A read may lag behind this call's own writes, never the other way round.
func TestWhatWasRetiredStaysSo(t *testing.T) {
	c := call{f: facts(retired(0, "t-1"))}
	lagging := facts()
	c.take(lagging.Activity)
	if s := c.f.record("t-1").State; s != autoscaler.TaskRetired {
		t.Errorf("after a read that lags the task is %s", s)
	}
	newer := facts(retired(0, "t-1", "t-2"))
	c.take(newer.Activity)
	if s := c.f.record("t-2").State; s != autoscaler.TaskRetired {
		t.Errorf("what somebody else retired is %s", s)
	}
}

func TestOnlyIdleTasksAreDeregistered(t *testing.T) {
	a := Next(facts(described, func(f *Facts) { f.Options.LoadBalancerFirst = true },
		record("t-1", func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Sessions(1) })))
	if a.Kind != SteerOut || len(a.Tasks) != 1 || a.Tasks[0] != "t-2" {
		t.Errorf("%s %v; want t-2 alone taken out of its groups: t-1 has a session", a.Kind, a.Tasks)
	}
}

// A retired task that was told of a session stays until it is empty, so the count
// keeps a place for it: one without would have ECS choose it.
func TestCountKeepsAPlaceForABusyRetiredTask(t *testing.T) {
	f := facts(described, listed, retired(2*time.Minute, "t-1", "t-2"), bare("t-1", "t-2"),
		record("t-1", func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Sessions(1) }))
	if permit, held := f.lowering(); len(held) > 0 || permit.Desired != 3 {
		t.Errorf("desired %d, held %v; want 3: two that stay and the busy one", permit.Desired, held)
	}
}
