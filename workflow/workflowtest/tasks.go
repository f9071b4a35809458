package workflowtest

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/workflow"
)

// TasksHarness is an implementation of workflow.Tasks over a service with at
// least twelve running tasks, none of them protected, each registered with a
// balancer that ECS does not correct, and the means to see what was sent and to
// set the clock that permits are judged by.
type TasksHarness struct {
	Tasks   workflow.Tasks
	Service autoscaler.ServiceID
	Running []autoscaler.TaskID // what ECS truly runs, ordered by id
	Now     func() time.Time    // the implementation's time
	// SetClock makes the implementation read this time when it judges a permit,
	// at the last instant it controls.
	SetClock func(now time.Time)
	// Sent returns how many calls that need a permit were sent so far.
	Sent func() int
	// Settle lets time pass until what was sent has taken its whole effect: a
	// task that was stopped has stopped, and is still shown.
	Settle func()
}

// TestTasks holds an implementation to the contract of [workflow.Tasks]. The
// harness is made anew for every clause.
func TestTasks(t *testing.T, newHarness func(t *testing.T) TasksHarness) {
	t.Helper()
	clause.Run(t, tasksClauses(), func(ct clause.T) tasking { return tasking{newHarness(clause.Testing(ct))} })
}

// tasking is a harness with what the clauses share.
type tasking struct{ TasksHarness }

func tasksClauses() []clause.Clause[tasking] {
	promise := clause.New[tasking]
	return []clause.Clause[tasking]{
		promise("list-whole", "List returns every task that ECS means to run, each once, every page of them.", checkListWhole),
		promise("list-protection", "List reads back each task's protection, and shows none where there is none.", checkListProtection),
		promise("list-unknown", "A listing that is not whole is an error, never a short answer.", checkListUnknown),
		promise("protect-lifetime", "Protection ends lifetime from now, to the minute.", checkProtectLifetime),
		promise("protect-later", "Protecting twice sets the later expiry.", checkProtectLater),
		promise("protect-many", "Any number of tasks is protected in one call.", checkProtectMany),
		promise("item-failure", "A task that ECS refuses to change is an item failure with its reason, no error, and the others are changed.", checkItemFailure),
		promise("unprotect", "Unprotect removes the protection of the tasks it names and of no other.", checkUnprotect),
		promise("unprotect-again", "Unprotecting a task that has no protection succeeds.", checkUnprotectAgain),
		promise("unprotect-expired", "Unprotect under a permit that ran out is ErrClock, and nothing is sent.", checkUnprotectExpired),
		promise("unprotect-uncovered", "Unprotect of a task that the permit does not name, or under a permit for another call, is ErrClock, and nothing is sent.", checkUnprotectUncovered),
		promise("stop", "Stop stops each task it names, and no other.", checkStop),
		promise("stop-again", "Stopping a task that has stopped succeeds.", checkStopAgain),
		promise("stop-expired", "Stop under a permit that ran out is ErrClock, and nothing is sent.", checkStopExpired),
		promise("stop-uncovered", "Stop of a task that the permit does not name, or under a permit for another call, is ErrClock, and nothing is sent.", checkStopUncovered),
		promise("last-instant", "A permit is good up to its last instant.", checkPermitsLastInstant),
		promise("steer", "Steer closes a task's target and opens it again.", checkSteer),
		promise("watch-order", "Watch returns the tasks asked for, in the order asked for, those that ECS does not know as missing.", checkWatchOrder),
		promise("watch-stopped", "Watch shows a task that has stopped, and why.", checkWatchStopped),
		promise("shared", "Many goroutines may call at once, and each answer belongs to its caller.", checkTasksShared),
		promise("cancelled", "Under an ended context a call returns its error and sends nothing.", checkTasksCancelled),
	}
}

// permit allows one call on tasks for the usual time from now.
func (h tasking) permit(call autoscaler.PermitCall, tasks ...autoscaler.TaskID) autoscaler.Permit {
	return autoscaler.Permit{
		Call: call, Tasks: tasks, Reason: autoscaler.CodeRetired, NotAfter: h.Now().Add(autoscaler.PermitLife),
	}
}

// dangerous asks for a call on tasks under a permit.
func (h tasking) dangerous(permit autoscaler.Permit, tasks ...autoscaler.TaskID) workflow.Dangerous {
	return workflow.Dangerous{Service: h.Service, Tasks: tasks, Permit: permit}
}

// listed returns the listing by task; an error ends the clause.
func (h tasking) listed(t clause.T) map[autoscaler.TaskID]autoscaler.TaskStatus {
	t.Helper()
	listing, err := h.Tasks.List(t.Context(), h.Service)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	all := map[autoscaler.TaskID]autoscaler.TaskStatus{}
	for _, s := range listing {
		all[s.ID] = s
	}
	return all
}

// protect protects tasks for an hour; a refusal ends the clause.
func (h tasking) protect(t clause.T, lifetime time.Duration, tasks ...autoscaler.TaskID) {
	t.Helper()
	failures, err := h.Tasks.Protect(t.Context(), h.Service, tasks, lifetime)
	if err != nil || len(failures) > 0 {
		t.Fatalf("Protect: %v, %v", failures, err)
	}
}

// stop stops tasks under a permit for them.
func (h tasking) stop(t clause.T, tasks ...autoscaler.TaskID) {
	t.Helper()
	if err := h.Tasks.Stop(t.Context(), h.dangerous(h.permit(autoscaler.CallStopTask, tasks...), tasks...)); err != nil {
		t.Fatalf("Stop: %v", err)
	}
}

// watch describes one task; an error ends the clause.
func (h tasking) watch(t clause.T, task autoscaler.TaskID) autoscaler.TaskStatus {
	t.Helper()
	seen, err := h.Tasks.Watch(t.Context(), h.Service, []autoscaler.TaskID{task})
	if err != nil || len(seen) != 1 {
		t.Fatalf("Watch: %d tasks, %v", len(seen), err)
	}
	return seen[0]
}
