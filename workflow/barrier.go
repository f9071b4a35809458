package workflow

import (
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// eventsOnly reports that nothing is known of the task but what its events say: it
// is at level C, or says nothing of its level.
func eventsOnly(a *autoscaler.TaskActivity) bool {
	return a.Level != autoscaler.LevelA && a.Level != autoscaler.LevelB
}

// needsBalancer reports that the task is taken out of its target groups before
// anything else: where the host asks for it, and always at level C, where nothing
// but the balancer keeps users out. Without a queue to send the barrier through, a
// level C task cannot be released, and its target is left alone.
func (f *Facts) needsBalancer(a *autoscaler.TaskActivity) bool {
	if eventsOnly(a) {
		return f.Options.Events
	}
	return f.Options.LoadBalancerFirst
}

// throughBalancer are the batch's idle tasks that go by the balancer.
func (f *Facts) throughBalancer() []*autoscaler.TaskActivity {
	return slices.DeleteFunc(f.idleBatch(), func(a *autoscaler.TaskActivity) bool { return !f.needsBalancer(a) })
}

// onTheirWay are the tasks whose targets this release has taken out and that it has
// not done with: theirs is not over when the others' is.
func (f *Facts) onTheirWay() []*autoscaler.TaskActivity {
	return slices.DeleteFunc(f.throughBalancer(), func(a *autoscaler.TaskActivity) bool {
		_, out := f.deregistered(a)
		return !out || f.handled(a.Ref.Task) || f.waitsForDeployment(a)
	})
}

// unsettled are the level C tasks whose targets are closed and whose barrier has not
// come through and settled.
func (f *Facts) unsettled() []*autoscaler.TaskActivity {
	return slices.DeleteFunc(f.throughBalancer(), func(a *autoscaler.TaskActivity) bool {
		return !eventsOnly(a) || a.Acknowledged || !f.closedAtBalancer(a) || f.handled(a.Ref.Task)
	})
}

// barrier sends a barrier behind the events of each level C task whose target is
// closed: once it has come out at the other end, everything sent before it has been
// applied, and what was late settles in the time after it. A barrier that does not
// come is sent again each minute; the record keeps the first that does.
func barrier(f *Facts) (Action, bool) {
	waiting := f.unsettled()
	if len(waiting) == 0 {
		return Action{}, false
	}
	var tasks []autoscaler.TaskID
	for _, a := range waiting {
		if at, sent := f.marked(a); a.Barrier.IsZero() && (!sent || !f.At.Before(at.Add(f.Options.Timing.Look))) {
			tasks = append(tasks, a.Ref.Task)
		}
	}
	if tasks = f.untried(Mark, tasks); len(tasks) > 0 {
		return Action{Kind: Mark, Step: StepBarrier, Tasks: tasks}, true
	}
	if len(f.candidates()) > 0 || len(f.retired()) > 0 || len(f.Tried[Retire]) > 0 {
		return Action{}, false
	}
	return Action{Kind: Wait, Step: StepBarrier, Until: f.At.Add(f.Options.Timing.Look), Reasons: settling(waiting)}, true
}

// settling says what each of the tasks waits for.
func settling(tasks []*autoscaler.TaskActivity) []autoscaler.Reason {
	var reasons []autoscaler.Reason
	for _, a := range tasks {
		r := autoscaler.Reason{Code: autoscaler.CodeBarrier, Task: a.Ref.Task, Detail: "its barrier is on its way through the event queue"}
		if !a.Barrier.IsZero() {
			r.Detail = "its barrier came at " + a.Barrier.UTC().Format(time.TimeOnly) + " and settles"
		}
		reasons = append(reasons, r)
	}
	return reasons
}

// marked returns when a barrier was last sent for the drain that the task is under.
func (f *Facts) marked(a *autoscaler.TaskActivity) (at time.Time, sent bool) {
	for _, m := range f.Release.Marked {
		if m.Task == a.Ref.Task && m.Drain == a.Drain.ID {
			return m.At, true
		}
	}
	return time.Time{}, false
}

// lookEvents asks for the events that could not be applied, where one of the
// candidates has nothing but its events to go by.
func (f *Facts) lookEvents(candidates []*autoscaler.TaskActivity) (Action, bool) {
	return Action{Kind: LookEvents, Step: StepGate}, f.Failed == nil && slices.ContainsFunc(candidates, eventsOnly)
}
