package workflowtest

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// DrainHarness is an autoscaler.DrainWorkflow over a steady service of six open,
// protected, empty tasks at level A, whose checkpoint is as a pass leaves it, and
// the hands of everybody else: the controller that cordons, the application, an
// operator, somebody with a console.
type DrainHarness struct {
	Workflow autoscaler.DrainWorkflow
	// Other is the same workflow in another process, over the same stores.
	Other    autoscaler.DrainWorkflow
	Service  autoscaler.ServiceID
	Sessions autoscaler.SessionStore
	Now      func() time.Time

	// Ready cordons n open tasks, lowers the number of tasks wanted by as many,
	// and lets time pass until their processes have acknowledged. Wanted is what
	// changes that number alone.
	Ready  func(n int) []autoscaler.TaskRef
	Wanted func(change int)
	// Pass lets time pass: the cluster and the application live on, and nobody
	// calls Advance.
	Pass func(d time.Duration)
	// Tell tells the store of a session on a task, as it is told of one that
	// began past admission, and End of its end.
	Tell, End func(task autoscaler.TaskRef)
	// Bare takes a task's protection away, as somebody with a console does, and
	// RefuseProtection has ECS refuse every protection that the workflow asks for.
	Bare             func(task autoscaler.TaskRef)
	RefuseProtection func(refuse bool)
	// Deaf keeps tasks from clearing their own protection.
	Deaf func()
	// Shut makes the gate hold, or opens it again.
	Shut func(shut bool)
	// Interrupt ends the process of Workflow at its nth call from now on; Other
	// lives on.
	Interrupt func(n int)
	// Sent returns the dangerous calls that were sent so far, in order, and
	// Running the tasks that ECS means to run.
	Sent    func() []DangerousCall
	Running func() []autoscaler.TaskID
	// Protected reports that ECS truly protects a task.
	Protected func(task autoscaler.TaskRef) bool
}

// DangerousCall is a call that needs a permit, as it was sent.
type DangerousCall struct {
	Call    autoscaler.PermitCall
	Tasks   []autoscaler.TaskID
	Desired int
}

// TestDrainWorkflow holds an implementation to the contract of
// [autoscaler.DrainWorkflow]. The harness is made anew for every clause.
func TestDrainWorkflow(t *testing.T, newHarness func(t *testing.T) DrainHarness) {
	t.Helper()
	clause.Run(t, drainClauses(), func(ct clause.T) draining { return draining{newHarness(clause.Testing(ct))} })
}

// draining is a harness with what the clauses share.
type draining struct{ DrainHarness }

func drainClauses() []clause.Clause[draining] {
	promise := clause.New[draining]
	return []clause.Clause[draining]{
		promise("released", "The tasks of a release are retired, stopped by ECS and closed; all others run on.", checkReleased),
		promise("only-retired", "No protection is removed from a task, and no task is stopped, whose record does not say retired.", checkOnlyRetired),
		promise("one-write", "A batch lowers the desired count once, to what is left.", checkOneWrite),
		promise("joined", "One release per service is under way, and asking for a second one joins it.", checkJoined),
		promise("joined-elsewhere", "A release is joined from whichever process.", checkJoinedElsewhere),
		promise("open-stays", "A task that is open is not released, whoever asks.", checkOpenStays),
		promise("busy-stays", "A task that holds a session is not released, though it was ready when it was asked for.", checkBusyStays),
		promise("reopened-drops-out", "A task that was reopened drops out of the batch, and the rest goes on.", checkReopenedDropsOut),
		promise("repeated", "Repeating a step, here or in another process, finds its own work done.", checkRepeated),
		promise("resumed", "A process that is interrupted at any call is taken up by the next Advance of anybody.", checkResumed),
		promise("from-records", "A retired task is found from its record, also when no release names it.", checkFromRecords),
		promise("held", "While the gate holds, nothing is changed and the release says why; then it goes on.", checkHeld),
		promise("unconfirmed", "Nothing is retired while a task that stays lacks protection that is read back.", checkUnconfirmed),
		promise("told", "A retired task that is told of a session is protected again, raises an alert, and is not stopped until it is empty.", checkTold),
		promise("stragglers", "A retired task that ECS does not choose, since demand came back, is stopped all the same.", checkStraggler),
		promise("cancelled", "A release that is cancelled ends with nothing retired, and its drains go on.", checkCancelledRelease),
		promise("cancel-retired", "Cancel fails with ErrRetired once a task of the release is retired.", checkCancelRetired),
		promise("cancel-unknown", "Cancel of a release that is not under way is an error.", checkCancelUnknown),
		promise("nothing", "Where nothing is to be released, Advance returns no release and sends nothing.", checkNothing),
	}
}

// release asks for a release; an error ends the clause.
func (h draining) release(t clause.T, tasks ...autoscaler.TaskRef) autoscaler.Release {
	t.Helper()
	release, err := h.Workflow.Release(t.Context(), autoscaler.ReleaseRequest{Service: h.Service, Tasks: tasks})
	if err != nil {
		t.Fatalf("Release: %v", err)
	}
	return release
}

// advance calls Advance; an error ends the clause.
func (h draining) advance(t clause.T, w autoscaler.DrainWorkflow) autoscaler.Release {
	t.Helper()
	releases, err := w.Advance(t.Context(), h.Service)
	if err != nil {
		t.Fatalf("Advance: %v", err)
	}
	h.onlyRetired(t)
	if len(releases) == 0 {
		return autoscaler.Release{}
	}
	return releases[0]
}

// advances calls Advance every fifteen seconds, as a controller does, until the
// release is over or d has passed, and returns it as last seen.
func (h draining) advances(t clause.T, d time.Duration) autoscaler.Release {
	t.Helper()
	var last autoscaler.Release
	for end := h.Now().Add(d); h.Now().Before(end); h.Pass(15 * time.Second) {
		if last = h.advance(t, h.Workflow); last.Phase == autoscaler.PhaseDone {
			return last
		}
	}
	return last
}

// onlyRetired holds what was sent so far to the guarantee. Retired is final, so
// it may be asked after the call.
func (h draining) onlyRetired(t clause.T) {
	t.Helper()
	for _, sent := range h.Sent() {
		for _, id := range sent.Tasks {
			if state := h.state(t, autoscaler.TaskRef{Service: h.Service, Task: id}); state != autoscaler.TaskRetired && state != autoscaler.TaskGone {
				t.Errorf("%s was sent for %s, which is %s", sent.Call, id, state)
			}
		}
	}
}

// state returns the state of a task's record, gone where it has none.
func (h draining) state(t clause.T, task autoscaler.TaskRef) autoscaler.TaskState {
	t.Helper()
	return h.record(t, task).State
}

func (h draining) record(t clause.T, task autoscaler.TaskRef) autoscaler.TaskActivity {
	t.Helper()
	activity, err := h.Sessions.Activity(t.Context(), h.Service, h.Now())
	if err != nil {
		t.Fatalf("Activity: %v", err)
	}
	for _, a := range activity.Tasks {
		if a.Ref == task {
			return a
		}
	}
	return autoscaler.TaskActivity{Ref: task, State: autoscaler.TaskGone}
}

// drain names a task's drain as its record has it.
func (h draining) drain(t clause.T, task autoscaler.TaskRef) autoscaler.DrainRef {
	t.Helper()
	a := h.record(t, task)
	return autoscaler.DrainRef{Ref: task, Drain: a.Drain.ID, Version: a.Version, At: h.Now()}
}

// open returns a task that is open.
func (h draining) open(t clause.T) autoscaler.TaskRef {
	t.Helper()
	for _, id := range h.Running() {
		if ref := (autoscaler.TaskRef{Service: h.Service, Task: id}); h.state(t, ref) == autoscaler.TaskOpen {
			return ref
		}
	}
	t.Fatalf("no task is open among %v", h.Running())
	return autoscaler.TaskRef{}
}

// lowerings are the desired counts that were sent.
func (h draining) lowerings() []int {
	var counts []int
	for _, sent := range h.Sent() {
		if sent.Call == autoscaler.CallSetDesired {
			counts = append(counts, sent.Desired)
		}
	}
	return counts
}

// closed fails the clause unless each task's record is gone and ECS runs it no
// more.
func (h draining) closed(t clause.T, tasks ...autoscaler.TaskRef) {
	t.Helper()
	for _, task := range tasks {
		if state := h.state(t, task); state != autoscaler.TaskGone || slices.Contains(h.Running(), task.Task) {
			t.Errorf("%s is %s, and ECS runs %v", task, state, h.Running())
		}
	}
}
