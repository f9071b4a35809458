package workflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// look reads what ECS makes of the retired. One description of the service tells
// all of them, and those it does not list are asked for by id.
func look(f *Facts) (Action, bool) {
	if f.State == nil {
		return Action{Kind: LookState, Step: StepWatch}, f.Release.Phase == autoscaler.PhaseWatch
	}
	var gone []autoscaler.TaskID
	for _, a := range f.retired() {
		if f.status(a.Ref.Task) == nil {
			gone = append(gone, a.Ref.Task)
		}
	}
	gone = f.untried(LookTasks, gone)
	return Action{Kind: LookTasks, Step: StepWatch, Tasks: gone}, len(gone) > 0
}

// settled reports that the desired count is as low as it will be made, whatever
// is still protected.
func (f *Facts) settled() bool {
	if f.State == nil {
		return false
	}
	permit, held := f.reads().Desired()
	return permit.Raise || nothingOwed(held)
}

// closeStopped closes the records of retired tasks that have stopped. A task
// that ECS does not know is taken for stopped only after a second look: a
// listing may lag.
func closeStopped(f *Facts) (Action, bool) {
	// ECS shows a stopped task for about an hour; after a longer absence of every
	// controller its retired tasks are found missing.
	var tasks []autoscaler.TaskID
	for _, a := range f.retired() {
		s := f.status(a.Ref.Task)
		if s == nil {
			continue
		}
		since, seen := f.ending(a.Ref.Task, true)
		if s.Stopped() || s.Missing && seen && f.At.Sub(since) >= f.Options.Timing.Missing {
			tasks = append(tasks, a.Ref.Task)
		}
	}
	tasks = f.untried(Forget, tasks)
	return Action{Kind: Forget, Step: StepClose, Tasks: tasks}, len(tasks) > 0
}

// stopStraggler stops retired tasks that ECS has not chosen in time, or will not
// choose since demand came back and the count does not fall. While a lower count
// is owed it stops nothing: ECS would replace what it stopped.
func stopStraggler(f *Facts) (Action, bool) {
	if f.State == nil || f.Listing == nil || len(f.barred()) > 0 {
		return Action{}, false
	}
	// StopTask keeps the desired count, so the scheduler replaces what it stops:
	// right where demand came back, waste where a lower count is owed.
	if _, held := f.lowering(); !nothingOwed(held) {
		return Action{}, false
	}
	var tasks []autoscaler.TaskID
	for _, a := range f.unreleased() {
		late := !f.At.Before(f.chosenBy(a))
		if late && a.Occupancy.Idle() && !f.shielded(a.Ref.Task) && f.listed(a.Ref.Task) != nil {
			tasks = append(tasks, a.Ref.Task)
		}
	}
	tasks = f.untried(Stop, tasks)
	return Action{Kind: Stop, Step: StepWatch, Tasks: tasks}, len(tasks) > 0
}

// choosesNone reports that ECS means to run no more tasks than the desired count, so
// that it will choose none: demand came back, and a retired task stands where one that
// serves could. A count that was just lowered may not be read yet.
func (f *Facts) choosesNone() bool {
	if f.State == nil {
		return false
	}
	desired, wanted := f.State.Desired, 0
	if last := f.Checkpoint.Desired; last.Known {
		desired = min(desired, last.Value)
	}
	for i := range f.State.Tasks {
		if f.State.Tasks[i].Wanted() {
			wanted++
		}
	}
	return wanted <= desired
}

// chosenBy is when ECS should have chosen a retired task at the latest: by now where it
// will choose none.
func (f *Facts) chosenBy(a *autoscaler.TaskActivity) time.Time {
	if f.choosesNone() {
		return f.At
	}
	return later(a.RetiredAt, f.Checkpoint.Desired.At).Add(f.Options.Timing.Chosen)
}

// stuck ends a release of which a task does not stop. Its record stays retired,
// and the next advance takes it up as a release of its own: it is watched, and
// said again, for as long as it lasts.
func stuck(f *Facts) (Action, bool) {
	if f.State == nil {
		return Action{}, false
	}
	// A scheduler's stop waits for the balancer first, for the whole delay, then for
	// the process: DEACTIVATING, STOPPING, DEPROVISIONING.
	bound := f.State.DeregistrationDelay + f.State.StopTimeout + f.Options.Timing.StopSlack
	// Judged at the instant of the read: a process that was held up after it would
	// take for stuck what has long stopped.
	at := f.At
	if seen := f.State.At; !seen.IsZero() && seen.Before(at) {
		at = seen
	}
	var reasons []autoscaler.Reason
	for _, a := range f.retired() {
		since, seen := f.ending(a.Ref.Task, false)
		if s := f.status(a.Ref.Task); seen && s != nil && !s.Stopped() && !s.Missing && at.Sub(since) > bound {
			reasons = append(reasons, autoscaler.Reason{
				Code: autoscaler.CodeStuck, Severity: autoscaler.Alert, Task: a.Ref.Task,
				Detail: fmt.Sprintf("%s since %s, bound %s", s.LastStatus, since.UTC().Format(time.TimeOnly), bound),
			})
		}
	}
	if len(f.away()) > 0 {
		// Ended now, the release would forget which targets to put back.
		return Action{Kind: Hold, Step: StepWatch, Reasons: reasons}, len(reasons) > 0
	}
	return Action{Kind: Done, Step: StepWatch, Outcome: autoscaler.OutcomeStuck, Reasons: reasons}, len(reasons) > 0
}

// unreleased are the retired tasks that ECS still means to run and that are not
// known to hold a session.
func (f *Facts) unreleased() []*autoscaler.TaskActivity {
	return slices.DeleteFunc(f.retired(), func(a *autoscaler.TaskActivity) bool {
		return busy(a) || !f.wanted(a.Ref.Task)
	})
}

// aged reports that a retired task has had its time to clear its own
// protection. Where nothing reports, nobody can clear it.
func (f *Facts) aged(a *autoscaler.TaskActivity) bool {
	return a.Processes == 0 || f.At.Sub(a.RetiredAt) >= f.Options.Timing.SelfClear
}

// expectCleared reports that a retired task has very likely cleared its
// protection by now, so that the listing made with the write may tell.
func (f *Facts) expectCleared(a *autoscaler.TaskActivity) bool {
	return a.Processes > 0 && f.At.Sub(a.RetiredAt) < 2*f.Options.Timing.SelfClear
}

// wait ends a call in which nothing more can be done, and says when it is worth
// another look; at the next advance where something is overdue.
func (f *Facts) wait() Action {
	step, held := StepWatch, f.gateHeld()
	if len(f.unreleased()) > 0 && !f.settled() {
		step = StepUnprotect
		if len(held) == 0 {
			held = f.barred()
		}
		var count []autoscaler.Reason
		switch {
		case f.Lowered != nil:
			step, count = StepLower, f.Lowered.Held
		case f.State != nil:
			_, count = f.lowering()
		}
		if !nothingOwed(count) {
			held = append(held, count...)
		}
	}
	if len(held) > 0 {
		return Action{Kind: Hold, Step: step, Reasons: held}
	}
	return Action{Kind: Wait, Step: step, Until: f.nextLook()}
}

// nextLook is the earliest instant at which one of the retired is worth a look;
// zero where one is overdue.
func (f *Facts) nextLook() time.Time {
	var next time.Time
	for _, a := range f.retired() {
		at := f.lookAt(a)
		if !at.After(f.At) {
			return time.Time{}
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if members := f.throughBalancer(); f.State != nil && len(members) > 0 {
		if at := f.targetsLook(members); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// lookAt is when a retired task is worth a look.
func (f *Facts) lookAt(a *autoscaler.TaskActivity) time.Time {
	id := a.Ref.Task
	switch {
	case busy(a):
		return f.At
	case f.wanted(id) && f.shielded(id):
		return a.RetiredAt.Add(f.Options.Timing.SelfClear)
	case f.wanted(id):
		return f.chosenBy(a)
	}
	minute := f.At.Add(f.Options.Timing.Look)
	since, seen := f.ending(id, false)
	if !seen || f.State == nil {
		return minute
	}
	// The balancer's delay is known and nothing happens before it ends; it began
	// soon after the write, which may be long before the first look.
	if wrote := f.Checkpoint.Desired.At; wrote.After(a.RetiredAt) && wrote.Before(since) {
		since = wrote
	}
	return later(minute, since.Add(f.State.DeregistrationDelay+f.State.StopTimeout))
}
