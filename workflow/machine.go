package workflow

import (
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Next returns what a release does next. It is a pure function of the facts, and
// the facts are the records: it asks for a read when it needs one, names one
// action at a time, and expects to be asked again with what that action changed.
// A process that died after an action and before it saved anything leaves facts
// from which Next goes on.
//
// The rules are asked in order, and the first that has something to do is heard:
// first what protects sessions, then what ends the release, then the steps.
func Next(f Facts) Action {
	rules := [...]func(*Facts) (Action, bool){
		shieldBusy, putBack, over, wrongTime, rest,
		balancerFirst, barrier, retireReady, abort,
		look, closeStopped, unprotect, lower, stopStraggler, stuck,
	}
	for _, rule := range rules {
		if a, ok := rule(&f); ok {
			return f.told(a)
		}
	}
	return f.told(f.wait())
}

// told adds to an action that ends the call what is true meanwhile and somebody
// should hear.
func (f *Facts) told(a Action) Action {
	if !a.ends() {
		return a
	}
	var once []autoscaler.Reason
	for _, r := range append(f.standing(), a.Reasons...) {
		if !slices.Contains(once, r) {
			once = append(once, r)
		}
	}
	a.Reasons = once
	return a
}

// shieldBusy protects a retired task again that was told of a session. It
// comes before everything else, due or not: until it is empty, nothing may end
// it.
func shieldBusy(f *Facts) (Action, bool) {
	var tasks []autoscaler.TaskID
	for _, a := range f.retired() {
		if busy(a) && f.wanted(a.Ref.Task) {
			tasks = append(tasks, a.Ref.Task)
		}
	}
	if len(tasks) == 0 {
		return Action{}, false
	}
	// Asking for protection again would reset its timer and need no listing, and
	// would be one write more in every pass for as long as the session lasts.
	if f.Listing == nil {
		return Action{Kind: LookListing, Step: StepProtection}, true
	}
	tasks = slices.DeleteFunc(tasks, f.protected)
	if tasks = f.untried(Protect, tasks); len(tasks) > 0 {
		return Action{Kind: Protect, Step: StepProtection, Tasks: tasks, Code: autoscaler.CodeBusyRetired}, true
	}
	return Action{}, false
}

// over ends a release of which nothing is left: every task was closed, or has
// dropped out because demand came back.
func over(f *Facts) (Action, bool) {
	if len(f.batch()) > 0 || len(f.retired()) > 0 {
		return Action{}, false
	}
	// A target that could not be put back keeps the release alive: with it the
	// knowledge would end that the target is away.
	if len(f.away()) > 0 {
		return Action{Kind: Hold, Step: StepBalancer}, true
	}
	if f.releasedSome() {
		return Action{Kind: Done, Step: StepClose, Outcome: autoscaler.OutcomeReleased}, true
	}
	return Action{Kind: Done, Step: StepGate, Outcome: autoscaler.OutcomeAborted, Reasons: []autoscaler.Reason{
		{Code: autoscaler.CodeReopened, Count: len(f.Release.Tasks), Detail: "no task of the batch is being drained any more"},
	}}, true
}

// wrongTime does nothing more where this process's clock is off: it would stop tasks
// before ECS has had its time to choose them, and forget some that still run.
func wrongTime(f *Facts) (Action, bool) {
	step := StepGate
	if len(f.retired()) > 0 {
		step = StepWatch
	}
	return Action{Kind: Hold, Step: step, Reasons: []autoscaler.Reason{{
		Code: autoscaler.CodeClock, Severity: autoscaler.Alert,
		Detail: "this process's clock is more than " + autoscaler.SkewBound.String() + " from the store's; mend it",
	}}}, f.ClockOff
}

// releasedSome reports that a task of the release was closed: its record is gone.
func (f *Facts) releasedSome() bool {
	return slices.ContainsFunc(f.Release.Tasks, func(id autoscaler.TaskID) bool { return f.record(id) == nil })
}

// rest waits until the next look is due. Where demand came back after a task was
// retired there is no time to wait for: ECS will not choose it by itself.
func rest(f *Facts) (Action, bool) {
	if !f.At.Before(f.Release.NextAt) || slices.ContainsFunc(f.unreleased(), f.raisedOver) {
		return Action{}, false
	}
	step := StepGate
	switch f.Release.Phase {
	case autoscaler.PhaseBalancer:
		step = StepBalancer
	case autoscaler.PhaseWatch:
		step = StepWatch
	case autoscaler.PhaseRelease, autoscaler.PhaseDone:
	}
	return Action{Kind: Wait, Step: step, Until: f.Release.NextAt}, true
}

// raisedOver reports that the desired count was raised last, and after the task was
// retired.
func (f *Facts) raisedOver(a *autoscaler.TaskActivity) bool {
	d := f.Checkpoint.Desired
	return d.Known && d.Value > d.Previous && d.At.After(a.RetiredAt)
}

// candidates are the tasks whose drains are finished and that this call has not
// tried to retire; those that go by the balancer only once their targets are closed.
func (f *Facts) candidates() []*autoscaler.TaskActivity {
	var found []*autoscaler.TaskActivity
	for _, a := range f.batch() {
		if f.ready(a) && !f.tried(Retire, a.Ref.Task) && (!f.needsBalancer(a) || f.closedAtBalancer(a)) {
			found = append(found, a)
		}
	}
	return found
}

// retireReady takes the candidates through gate, protection and retire. Where it
// is held and other tasks are retired already, it lets those go on.
func retireReady(f *Facts) (Action, bool) {
	candidates := f.candidates()
	if len(candidates) == 0 {
		return Action{}, false
	}
	if f.State == nil {
		return Action{Kind: LookState, Step: StepGate}, true
	}
	if a, ok := f.lookEvents(candidates); ok {
		return a, true
	}
	alone := len(f.retired()) == 0
	through, held := f.admit(candidates)
	if len(through) == 0 {
		return Action{Kind: Hold, Step: StepGate, Reasons: held}, alone
	}
	retire := Action{Kind: Retire, Step: StepRetire, Tasks: ids(through)}
	// While a deployment is blocked ECS refuses to protect the new tasks, and it is
	// the old ones' going that unblocks it. No count is lowered for them.
	old := slices.DeleteFunc(slices.Clone(through), func(a *autoscaler.TaskActivity) bool { return !f.outdated(a.Ref.Task) })
	if len(old) == len(through) {
		return retire, true
	}
	if f.Listing == nil {
		return Action{Kind: LookListing, Step: StepProtection}, true
	}
	lacking, foreign := f.unprotected(f.State)
	first := f.untried(Protect, lacking)
	switch {
	case len(foreign) == 0 && len(first) > 0:
		return Action{Kind: Protect, Step: StepProtection, Tasks: first, Code: autoscaler.CodeUnconfirmed}, true
	case len(foreign)+len(lacking) == 0:
		return retire, true
	case len(old) > 0:
		retire.Tasks = ids(old)
		return retire, true
	case len(foreign) > 0:
		return Action{Kind: Hold, Step: StepProtection, Reasons: foreign}, alone
	// To end the release would put the targets of the others back.
	case len(f.onTheirWay()) > 0:
		return Action{Kind: Hold, Step: StepProtection, Reasons: unconfirmed(lacking)}, alone
	}
	// Asked for, listed again and still not there. One more call would most likely
	// hear the same DEPLOYMENT_BLOCKED; three such releases reopen the drains.
	return f.aborted(StepProtection, unconfirmed(lacking)), alone
}

// abort ends a release that has nothing retired and nobody left to retire: the
// drains go on, and the next pass asks again for those that are ready.
func abort(f *Facts) (Action, bool) {
	if len(f.retired()) > 0 {
		return Action{}, false
	}
	switch {
	case len(f.Tried[Retire]) > 0 && len(f.onTheirWay()) > 0:
		return Action{Kind: Wait, Step: StepRetire, Until: f.At.Add(f.Options.Timing.Look)}, true
	case len(f.Tried[Retire]) > 0:
		return f.aborted(StepRetire, nil), true
	}
	var reasons []autoscaler.Reason
	for _, a := range f.batch() {
		reasons = append(reasons, f.notReady(a))
	}
	return f.aborted(StepGate, reasons), true
}

// notReady says why a task of the batch is no candidate.
func (f *Facts) notReady(a *autoscaler.TaskActivity) autoscaler.Reason {
	switch {
	case f.Control.Pinned(a.Ref.Task, f.At):
		return autoscaler.Reason{Code: autoscaler.CodePinned, Task: a.Ref.Task}
	case !a.Occupancy.Idle():
		return autoscaler.Reason{Code: autoscaler.CodeNotReady, Task: a.Ref.Task, Detail: a.Occupancy.String() + " sessions"}
	case f.needsBalancer(a) && f.waitsForDeployment(a):
		return autoscaler.Reason{Code: autoscaler.CodeDeployment, Severity: autoscaler.Notice, Task: a.Ref.Task,
			Detail: "its target stays until the deployment has completed"}
	case eventsOnly(a) && !f.Options.Events:
		return autoscaler.Reason{Code: autoscaler.CodeLevel, Severity: autoscaler.Notice, Task: a.Ref.Task,
			Detail: "at level C, and there is no Config.Events to send its barrier through"}
	}
	return autoscaler.Reason{Code: autoscaler.CodeNotReady, Task: a.Ref.Task, Detail: "not acknowledged by every process"}
}

// aborted ends the release, its targets put back first: a release that ended is
// forgotten, and nobody would register them again. Where others of the batch
// were released before, only those left over are given up.
func (f *Facts) aborted(step Step, reasons []autoscaler.Reason) Action {
	away := f.away()
	if back := f.untried(SteerIn, away); len(back) > 0 {
		return Action{Kind: SteerIn, Step: step, Tasks: back}
	}
	if len(away) > 0 {
		return Action{Kind: Hold, Step: step, Reasons: reasons}
	}
	outcome := autoscaler.OutcomeAborted
	if f.releasedSome() {
		step, outcome = StepClose, autoscaler.OutcomeReleased
	}
	return Action{Kind: Done, Step: step, Outcome: outcome, Reasons: reasons}
}

// unprotect removes the protection of retired tasks that have had their time to
// clear it themselves: the process that owns the sockets has the last word.
func unprotect(f *Facts) (Action, bool) {
	waiting := f.unreleased()
	// A listing is not read for tasks that have just been asked to clear their own:
	// the one that is made with the write tells the same a moment later.
	unsure := func(a *autoscaler.TaskActivity) bool { return !f.expectCleared(a) && !f.tried(Unprotect, a.Ref.Task) }
	if f.Listing == nil {
		return Action{Kind: LookListing, Step: StepUnprotect}, slices.ContainsFunc(waiting, unsure)
	}
	var tasks []autoscaler.TaskID
	for _, a := range waiting {
		if f.shielded(a.Ref.Task) && f.aged(a) && a.Occupancy.Idle() {
			tasks = append(tasks, a.Ref.Task)
		}
	}
	tasks = f.untried(Unprotect, tasks)
	return Action{Kind: Unprotect, Step: StepUnprotect, Tasks: tasks}, len(tasks) > 0 && len(f.barred()) == 0
}

// lower writes the desired count once the retired have lost their protection,
// all of them or those that have had their time: one write for a batch.
func lower(f *Facts) (Action, bool) {
	if f.Lowered != nil {
		return f.restore(f.Lowered.Held)
	}
	if len(f.barred()) > 0 {
		return Action{}, false
	}
	// Each task that joins the batch starts its own time to clear; without the
	// overdue ones a busy evening would put off the write for ever.
	free, overdue, pending := 0, false, false
	for _, a := range f.unreleased() {
		switch {
		case f.Listing != nil && f.shielded(a.Ref.Task):
			pending = pending || !f.aged(a)
		default:
			free++
			overdue = overdue || f.aged(a)
		}
	}
	if free == 0 || pending && !overdue {
		return Action{}, false
	}
	// Judged here on what was read anyway; the write judges again on its own reads.
	if f.State != nil {
		if _, held := f.lowering(); len(held) > 0 {
			return f.restore(held)
		}
	}
	return Action{Kind: Lower, Step: StepLower, Code: autoscaler.CodeScaledIn}, true
}

// restore protects what keeps the count from being lowered for lack of it.
func (f *Facts) restore(held []autoscaler.Reason) (Action, bool) {
	if f.Listing == nil || f.State == nil || len(held) == 0 || nothingOwed(held) {
		return Action{}, false
	}
	lacking, _ := f.unprotected(f.State)
	lacking = f.untried(Protect, lacking)
	return Action{Kind: Protect, Step: StepProtection, Tasks: lacking, Code: autoscaler.CodeUnconfirmed}, len(lacking) > 0
}
