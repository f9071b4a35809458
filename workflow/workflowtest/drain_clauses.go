package workflowtest

import (
	"errors"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// long enough for any release on a service whose targets drain in half a minute.
const long = 20 * time.Minute

// tasksAtFirst is how many tasks a harness begins with.
const tasksAtFirst = 6

// interruptions are the calls of a process at which the clause on interruption
// ends it, one task for each: early ones, and late ones. A release takes about
// thirty.
func interruptions() []int { return []int{3, 8, 14, 24} }

func checkReleased(t clause.T, h draining) {
	ready := h.Ready(2)
	begun := h.release(t, ready...)
	last := h.advances(t, long)
	if last.ID != begun.ID || last.Phase != autoscaler.PhaseDone || last.Outcome != autoscaler.OutcomeReleased {
		t.Fatalf("the release began as %s and is %s %s %s for %v", begun.ID, last.ID, last.Phase, last.Outcome, last.Reasons)
	}
	h.closed(t, ready...)
	if n := len(h.Running()); n != tasksAtFirst-2 {
		t.Errorf("%d tasks run on, want %d", n, tasksAtFirst-2)
	}
}

func checkOnlyRetired(t clause.T, h draining) {
	h.Deaf()
	ready := h.Ready(2)
	h.release(t, ready...)
	h.advances(t, long)
	h.closed(t, ready...)
	named := false
	for _, sent := range h.Sent() {
		named = named || len(sent.Tasks) > 0
	}
	if !named {
		t.Errorf("no protection was removed and nothing was stopped: %+v", h.Sent())
	}
}

func checkOneWrite(t clause.T, h draining) {
	h.release(t, h.Ready(3)...)
	h.advances(t, long)
	if counts := h.lowerings(); !slices.Equal(counts, []int{tasksAtFirst - 3}) {
		t.Errorf("desired was written as %v for three of %d", counts, tasksAtFirst)
	}
}

// joins fails the clause unless a second request through w joins the first.
func joins(t clause.T, h draining, w autoscaler.DrainWorkflow) {
	t.Helper()
	ready := h.Ready(2)
	first := h.release(t, ready[0])
	second, err := w.Release(t.Context(), autoscaler.ReleaseRequest{Service: h.Service, Tasks: ready[1:]})
	if err != nil {
		t.Fatalf("Release: %v", err)
	}
	if second.ID != first.ID || !slices.Contains(second.Tasks, ready[0].Task) || !slices.Contains(second.Tasks, ready[1].Task) {
		t.Errorf("the second request returns %s of %v, under way was %s of %v", second.ID, second.Tasks, first.ID, first.Tasks)
	}
	h.advances(t, long)
	h.closed(t, ready...)
}

func checkJoined(t clause.T, h draining)          { joins(t, h, h.Workflow) }
func checkJoinedElsewhere(t clause.T, h draining) { joins(t, h, h.Other) }

func checkOpenStays(t clause.T, h draining) {
	open := h.open(t)
	h.release(t, open)
	h.advances(t, 5*time.Minute)
	h.Pass(time.Minute)
	if state := h.state(t, open); state != autoscaler.TaskOpen || !slices.Contains(h.Running(), open.Task) {
		t.Errorf("the open task is %s, ECS runs %v", state, h.Running())
	}
}

func checkBusyStays(t clause.T, h draining) {
	ready := h.Ready(1)
	h.release(t, ready...)
	h.Tell(ready[0])
	h.advances(t, 5*time.Minute)
	h.Pass(time.Minute)
	if state := h.state(t, ready[0]); state != autoscaler.TaskCordoned || !slices.Contains(h.Running(), ready[0].Task) {
		t.Errorf("the task with a session is %s", state)
	}
}

func checkReopenedDropsOut(t clause.T, h draining) {
	ready := h.Ready(2)
	h.release(t, ready...)
	if err := h.Sessions.Reopen(t.Context(), h.drain(t, ready[0])); err != nil {
		t.Fatalf("Reopen: %v", err)
	}
	h.advances(t, long)
	h.closed(t, ready[1])
	if state := h.state(t, ready[0]); state != autoscaler.TaskOpen {
		t.Errorf("the reopened task is %s", state)
	}
}

func checkRepeated(t clause.T, h draining) {
	ready := h.Ready(2)
	h.release(t, ready...)
	for range 100 {
		h.advance(t, h.Workflow)
		h.advance(t, h.Other)
		h.advance(t, h.Workflow)
		h.Pass(5 * time.Second)
	}
	h.closed(t, ready...)
	if counts := h.lowerings(); len(counts) != 1 {
		t.Errorf("desired was written as %v", counts)
	}
}

func checkResumed(t clause.T, h draining) {
	for _, n := range interruptions() {
		ready := h.Ready(1)
		h.release(t, ready...)
		h.Interrupt(n)
		for range 20 {
			// What an interrupted process returns is nobody's concern.
			_, _ = h.Workflow.Advance(t.Context(), h.Service)
			h.onlyRetired(t)
			h.Pass(5 * time.Second)
		}
		h.Interrupt(0)
		for end := h.Now().Add(long); h.Now().Before(end) && h.state(t, ready[0]) != autoscaler.TaskGone; h.Pass(15 * time.Second) {
			if h.state(t, ready[0]) == autoscaler.TaskCordoned {
				if _, err := h.Other.Release(t.Context(), autoscaler.ReleaseRequest{Service: h.Service, Tasks: ready}); err != nil {
					t.Fatalf("Release: %v", err)
				}
			}
			h.advance(t, h.Other)
		}
		if h.closed(t, ready...); h.state(t, ready[0]) != autoscaler.TaskGone {
			return // what is left over would be in the next one's way
		}
	}
}

func checkFromRecords(t clause.T, h draining) {
	ready := h.Ready(1)
	if err := h.Sessions.Retire(t.Context(), h.drain(t, ready[0])); err != nil {
		t.Fatalf("Retire: %v", err)
	}
	last := h.advances(t, long)
	h.closed(t, ready...)
	if last.Outcome != autoscaler.OutcomeReleased {
		t.Errorf("the release that took it up is %s %s", last.Phase, last.Outcome)
	}
}

func checkHeld(t clause.T, h draining) {
	ready := h.Ready(1)
	h.Shut(true)
	h.release(t, ready...)
	for range 4 {
		if held := h.advance(t, h.Workflow); held.Phase == autoscaler.PhaseDone || len(held.Reasons) == 0 {
			t.Errorf("held by the gate it is %s %s for %v", held.Phase, held.Outcome, held.Reasons)
		}
		h.Pass(15 * time.Second)
	}
	if state := h.state(t, ready[0]); state != autoscaler.TaskCordoned || len(h.Sent()) > 0 {
		t.Errorf("while the gate held, the task became %s and sent was %+v", state, h.Sent())
	}
	h.Shut(false)
	h.advances(t, long)
	h.closed(t, ready...)
}

func checkUnconfirmed(t clause.T, h draining) {
	ready := h.Ready(1)
	h.Bare(h.open(t))
	h.RefuseProtection(true)
	h.release(t, ready...)
	last := h.advances(t, time.Minute)
	h.Pass(time.Minute)
	if state := h.state(t, ready[0]); state != autoscaler.TaskCordoned || len(h.Sent()) > 0 || last.Outcome != autoscaler.OutcomeAborted {
		t.Errorf("the task is %s, the release %s %s for %v", state, last.Phase, last.Outcome, last.Reasons)
	}
	h.RefuseProtection(false)
	h.release(t, ready...)
	h.advances(t, long)
	h.closed(t, ready...)
}

func checkTold(t clause.T, h draining) {
	ready := h.Ready(1)
	h.release(t, ready...)
	for range 4 {
		if h.advance(t, h.Workflow); h.state(t, ready[0]) == autoscaler.TaskRetired {
			break
		}
		h.Pass(time.Second)
	}
	h.Tell(ready[0])
	alerted := false
	for range 20 {
		last := h.advance(t, h.Workflow)
		alerted = alerted || slices.ContainsFunc(last.Reasons, func(r autoscaler.Reason) bool { return r.Severity == autoscaler.Alert })
		if !h.Protected(ready[0]) || !slices.Contains(h.Running(), ready[0].Task) {
			t.Fatalf("with a session on it: protected %v, running %v", h.Protected(ready[0]), h.Running())
		}
		h.Pass(15 * time.Second)
	}
	if !alerted {
		t.Errorf("nobody was alerted")
	}
	h.End(ready[0])
	h.advances(t, long)
	h.closed(t, ready...)
}

func checkStraggler(t clause.T, h draining) {
	ready := h.Ready(1)
	h.release(t, ready...)
	for range 4 {
		if h.advance(t, h.Workflow); h.state(t, ready[0]) == autoscaler.TaskRetired {
			break
		}
		h.Pass(time.Second)
	}
	h.Wanted(1)
	h.advances(t, long)
	h.closed(t, ready...)
	if counts := h.lowerings(); len(counts) > 0 {
		t.Errorf("desired was written as %v though as many are wanted as before", counts)
	}
}

func checkCancelledRelease(t clause.T, h draining) {
	ready := h.Ready(1)
	begun := h.release(t, ready...)
	if err := h.Other.Cancel(t.Context(), h.Service, begun.ID); err != nil {
		t.Fatalf("Cancel: %v", err)
	}
	h.advances(t, 5*time.Minute)
	if state := h.state(t, ready[0]); state != autoscaler.TaskCordoned || len(h.Sent()) > 0 {
		t.Errorf("after Cancel the task is %s and sent was %+v", state, h.Sent())
	}
}

func checkCancelRetired(t clause.T, h draining) {
	ready := h.Ready(1)
	begun := h.release(t, ready...)
	for range 4 {
		if h.advance(t, h.Workflow); h.state(t, ready[0]) == autoscaler.TaskRetired {
			break
		}
		h.Pass(time.Second)
	}
	if err := h.Workflow.Cancel(t.Context(), h.Service, begun.ID); !errors.Is(err, autoscaler.ErrRetired) {
		t.Errorf("Cancel: %v", err)
	}
	h.advances(t, long)
	h.closed(t, ready...)
}

func checkCancelUnknown(t clause.T, h draining) {
	begun := h.release(t, h.Ready(1)...)
	if err := h.Workflow.Cancel(t.Context(), h.Service, begun.ID+"-other"); err == nil {
		t.Errorf("another release was cancelled")
	}
	if last := h.advance(t, h.Workflow); last.ID != begun.ID {
		t.Errorf("under way is %q, was %q", last.ID, begun.ID)
	}
}

func checkNothing(t clause.T, h draining) {
	releases, err := h.Workflow.Advance(t.Context(), h.Service)
	if err != nil || len(releases) > 0 || len(h.Sent()) > 0 {
		t.Errorf("%v, %v, sent %+v", releases, err, h.Sent())
	}
}
