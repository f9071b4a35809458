package workflow

import (
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// steerAttempts is how often a target is deregistered before its task is given
// back: ECS may register a running task's target again, by two independent
// reports, and whoever does so will not tire first.
const steerAttempts = 3

// away are the tasks that were taken out of their target groups by hand and are
// not retired: somebody has to put them back.
func (f *Facts) away() []autoscaler.TaskID {
	var tasks []autoscaler.TaskID
	for _, s := range f.Release.Steered {
		if a := f.record(s.Task); a != nil && a.State != autoscaler.TaskRetired {
			tasks = append(tasks, s.Task)
		}
	}
	return tasks
}

// putBack registers a target again as soon as its task is open once more, or
// may hold a session: what a balancer has open on a deregistered target can be
// cut when the delay ends.
func putBack(f *Facts) (Action, bool) {
	var back, reopen []autoscaler.TaskID
	for _, id := range f.away() {
		a := f.record(id)
		if a.State == autoscaler.TaskCordoned && a.Occupancy.Idle() {
			// A deployment completes when enough targets are healthy, and the release is
			// held until it has: neither would end.
			if f.rolling() && !f.outdated(id) {
				back = append(back, id)
			}
			continue
		}
		back = append(back, id)
		if a.State == autoscaler.TaskCordoned && !a.Foreign {
			reopen = append(reopen, id)
		}
	}
	if reopen = f.untried(Reopen, reopen); len(reopen) > 0 {
		return Action{Kind: Reopen, Step: StepBalancer, Tasks: reopen, Code: autoscaler.CodeBusy}, true
	}
	back = f.untried(SteerIn, back)
	return Action{Kind: SteerIn, Step: StepBalancer, Tasks: back}, len(back) > 0
}

// balancerFirst deregisters the targets of the batch's idle tasks, waits for the
// known delay once, and looks each minute from then on. Tasks whose targets are
// closed go on to the gate.
func balancerFirst(f *Facts) (Action, bool) {
	members := f.throughBalancer()
	if len(members) == 0 {
		return Action{}, false
	}
	if f.State == nil {
		return Action{Kind: LookState, Step: StepBalancer}, true
	}
	if members = slices.DeleteFunc(members, f.waitsForDeployment); len(members) == 0 {
		return Action{}, false
	}
	if held := f.barred(); len(held) > 0 {
		return Action{Kind: Hold, Step: StepBalancer, Reasons: held}, len(f.retired()) == 0
	}
	var out, give, unseen []autoscaler.TaskID
	for _, a := range members {
		s, did := f.deregistered(a)
		// The delay counts from the intent, which was saved before the call: a process
		// that died in between waits too long rather than too short.
		switch {
		case f.handled(a.Ref.Task):
		case !did:
			out = append(out, a.Ref.Task)
		case f.At.Before(s.At.Add(f.State.DeregistrationDelay)):
		case find(f.Looked, a.Ref.Task) == nil:
			unseen = append(unseen, a.Ref.Task)
		case closedTarget(find(f.Looked, a.Ref.Task).Target):
		case s.Attempts < steerAttempts:
			out = append(out, a.Ref.Task)
		default:
			give = append(give, a.Ref.Task)
		}
	}
	return f.steer(members, out, f.untried(Reopen, give), f.untried(LookTasks, unseen))
}

// handled reports that this call has done with the task at the balancer: what it
// has given back, or could not retire, it does not take out again.
func (f *Facts) handled(task autoscaler.TaskID) bool {
	return f.tried(SteerOut, task) || f.tried(SteerIn, task) || f.tried(Retire, task) || f.tried(Reopen, task)
}

// steer picks the balancer's next action from what is to be done.
func (f *Facts) steer(members []*autoscaler.TaskActivity, out, give, unseen []autoscaler.TaskID) (Action, bool) {
	switch {
	case len(out) > 0:
		return Action{Kind: SteerOut, Step: StepBalancer, Tasks: out}, true
	case len(unseen) > 0:
		return Action{Kind: LookTasks, Step: StepBalancer, Tasks: unseen}, true
	case len(give) > 0:
		return Action{Kind: Reopen, Step: StepBalancer, Tasks: give, Code: autoscaler.CodeTargetReturned}, true
	case len(f.candidates()) > 0 || len(f.retired()) > 0 || len(f.Tried[Retire]) > 0 || len(f.unsettled()) > 0:
		return Action{}, false
	}
	return Action{Kind: Wait, Step: StepBalancer, Until: f.targetsLook(members)}, true
}

// rolling reports that a deployment was seen under way.
func (f *Facts) rolling() bool {
	return f.State != nil && (len(f.State.Deployments) != 1 || f.State.Deployments[0].Rollout != "COMPLETED")
}

// waitsForDeployment reports that the task's target stays where it is until a
// deployment has completed.
func (f *Facts) waitsForDeployment(a *autoscaler.TaskActivity) bool {
	return f.rolling() && !f.outdated(a.Ref.Task)
}

// targetsLook is when the targets are worth a look: not before the delay of the
// first one has passed, since the balancer says draining for the whole of it,
// even of an idle target; each minute from then on.
func (f *Facts) targetsLook(members []*autoscaler.TaskActivity) time.Time {
	var next time.Time
	for _, a := range members {
		at := f.At.Add(f.Options.Timing.Look)
		if s, did := f.deregistered(a); did {
			if delayed := s.At.Add(f.State.DeregistrationDelay); delayed.After(f.At) {
				at = delayed
			}
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// idleBatch are the batch's tasks without a session and without a pin.
func (f *Facts) idleBatch() []*autoscaler.TaskActivity {
	var found []*autoscaler.TaskActivity
	for _, a := range f.batch() {
		if a.Occupancy.Idle() && !f.Control.Pinned(a.Ref.Task, f.At) {
			found = append(found, a)
		}
	}
	return found
}

// closedAtBalancer reports that this call has seen the task's target closed, and
// that it was this release that closed it.
func (f *Facts) closedAtBalancer(a *autoscaler.TaskActivity) bool {
	_, did := f.deregistered(a)
	s := find(f.Looked, a.Ref.Task)
	return did && s != nil && !f.tried(SteerOut, a.Ref.Task) && closedTarget(s.Target)
}

// closedTarget reports that a balancer opens no new connection to a target in
// this state. A state that is not known is taken for open.
func closedTarget(state string) bool {
	switch state {
	// Asked for by name, a target that is gone is shown as unused; a service without
	// a balancer has no state at all.
	case "", "draining", "unhealthy.draining", "unused":
		return true
	}
	return false
}
