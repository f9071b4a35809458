package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// tasksPerCall is how many tasks ECS takes in one UpdateTaskProtection.
const tasksPerCall = 10

// perform carries out one action and brings the facts up to date with it. An
// error means that the call cannot go on: a read failed, or an intent could not
// be saved. What fails for single tasks is a reason, and the facts say that it
// was tried.
func (c *call) perform(ctx context.Context, a Action) error {
	c.f.Tried[a.Kind] = append(c.f.Tried[a.Kind], a.Tasks...)
	switch a.Kind {
	case LookState:
		return c.lookState(ctx)
	case LookListing:
		return c.lookListing(ctx)
	case LookTasks:
		return c.lookTasks(ctx, a.Tasks)
	case LookEvents:
		return c.lookEvents(ctx)
	case Protect:
		c.protect(ctx, a)
	case Retire:
		c.each(ctx, a, c.retire)
	case Unprotect:
		c.unprotect(ctx, a)
	case Lower:
		c.lower(ctx, a)
	case Stop:
		c.each(ctx, a, c.stop)
	case Forget:
		c.each(ctx, a, c.forget)
	case SteerOut:
		return c.steerOut(ctx, a)
	case SteerIn:
		c.each(ctx, a, c.steerIn)
	case Mark:
		c.each(ctx, a, c.mark)
	case Reopen:
		c.each(ctx, a, c.reopen)
	case Wait, Hold, Done:
	}
	return nil
}

// each acts on the tasks in order, one after the other, so that a release does
// the same things in the same order each time. Batches are of a few tasks; the
// calls are bounded by ECS's and the balancer's rates, not by their latency.
func (c *call) each(ctx context.Context, a Action, act func(context.Context, Action, *autoscaler.TaskActivity)) {
	for _, id := range a.Tasks {
		if record := c.f.record(id); record != nil && ctx.Err() == nil {
			act(ctx, a, record)
		}
	}
}

func (c *call) lookState(ctx context.Context) error {
	state, err := c.cfg.Scaler.Describe(ctx, c.service)
	if err != nil {
		return err
	}
	// What is seen to be stopping has been seen now: the call may have taken minutes.
	c.f.State, c.f.At = &state, c.now()
	c.f.Release.Ending = c.f.endings()
	return nil
}

func (c *call) lookListing(ctx context.Context) error {
	listing, err := c.cfg.Tasks.List(ctx, c.service)
	c.f.Listing = filled(listing)
	return err
}

// filled makes an empty listing differ from none.
func filled(listing []autoscaler.TaskStatus) []autoscaler.TaskStatus {
	if listing == nil {
		return []autoscaler.TaskStatus{}
	}
	return listing
}

func (c *call) lookTasks(ctx context.Context, tasks []autoscaler.TaskID) error {
	looked, err := c.cfg.Tasks.Watch(ctx, c.service, tasks)
	if err != nil {
		return err
	}
	c.f.Looked, c.f.At = append(c.f.Looked, looked...), c.now()
	c.f.Release.Ending = c.f.endings()
	for i := range looked {
		if s, did := c.f.steered(looked[i].ID); did && !closedTarget(looked[i].Target) {
			c.say(autoscaler.CodeTargetReturned, autoscaler.Notice, s.Task, fmt.Sprintf("%s after attempt %d", looked[i].Target, s.Attempts))
		}
	}
	return nil
}

func (c *call) lookEvents(ctx context.Context) error {
	n, err := c.cfg.Events.Failed(ctx, c.service)
	if err != nil {
		return err
	}
	c.f.Failed = &n
	return nil
}

// mark sends a task's barrier. One whose sending failed may arrive all the same.
func (c *call) mark(ctx context.Context, a Action, record *autoscaler.TaskActivity) {
	id := record.Ref.Task
	if err := c.cfg.Events.Mark(ctx, record.Ref, record.Drain.ID); err != nil {
		c.lost(autoscaler.CodeCallFailed, a, id, err)
		return
	}
	others := slices.DeleteFunc(slices.Clone(c.f.Release.Marked), func(m autoscaler.Marked) bool { return m.Task == id })
	c.f.Release.Marked = append(others, autoscaler.Marked{Task: id, Drain: record.Drain.ID, At: c.f.At})
	c.entry(id, a.Step, "barrier sent")
}

// protect asks for protection. Nothing it hears is a confirmation, so the
// listing is dropped and read anew.
func (c *call) protect(ctx context.Context, a Action) {
	// A call that fails may have been applied to some of its tasks, and a call that
	// succeeds may have refused some: ECS answers per task.
	for chunk := range slices.Chunk(a.Tasks, tasksPerCall) {
		failures, err := c.cfg.Tasks.Protect(ctx, c.service, chunk, c.options.Timing.Lifetime)
		if err != nil {
			c.say(autoscaler.CodeCallFailed, autoscaler.Notice, "", "protect: "+err.Error())
		}
		c.refused(failures)
		for _, id := range chunk {
			c.entry(id, a.Step, "protection asked for: "+string(a.Code))
		}
	}
	c.f.Listing = nil
}

// refused tells what ECS would not change.
func (c *call) refused(failures []autoscaler.ItemFailure) {
	for _, f := range failures {
		c.say(autoscaler.CodeUnconfirmed, autoscaler.Notice, f.Task, f.Reason+" "+f.Detail)
	}
}

// retire sets the final mark on one record, after the veto. The record's own
// conditions decide; a task that fails drops out of this call.
func (c *call) retire(ctx context.Context, a Action, record *autoscaler.TaskActivity) {
	id := record.Ref.Task
	if c.cfg.Veto != nil {
		evidence := Evidence{Activity: *record, Release: c.f.Release.ID}
		if s := c.f.listed(id); s != nil {
			evidence.Task = *s
		}
		if err := c.cfg.Veto(ctx, evidence); err != nil {
			c.say(autoscaler.CodeVetoed, autoscaler.Notice, id, err.Error())
			c.entry(id, a.Step, "vetoed: "+err.Error())
			return
		}
	}
	// The version is the one that was judged: whatever has been written to the
	// record since, a session above all, makes this fail.
	now := c.now()
	err := c.cfg.Sessions.Retire(ctx, c.drain(record))
	switch {
	case err == nil, errors.Is(err, autoscaler.ErrRetired):
		record.State, record.RetiredAt, c.retiredOne = autoscaler.TaskRetired, now, true
		c.say(autoscaler.CodeRetired, autoscaler.Info, id, "")
		c.entry(id, a.Step, string(autoscaler.CodeRetired))
	case errors.Is(err, autoscaler.ErrBusy):
		c.lost(autoscaler.CodeBusy, a, id, err)
	case errors.Is(err, autoscaler.ErrConflict):
		c.lost(autoscaler.CodeLostRace, a, id, err)
	default:
		// It may be retired all the same: the records will tell.
		c.unheard = true
		c.lost(autoscaler.CodeCallFailed, a, id, err)
	}
}

func (c *call) drain(record *autoscaler.TaskActivity) autoscaler.DrainRef {
	return autoscaler.DrainRef{Ref: record.Ref, Drain: record.Drain.ID, Version: record.Version, At: c.cfg.Now()}
}

// lost tells of a task for which an action failed.
func (c *call) lost(code autoscaler.Code, a Action, task autoscaler.TaskID, err error) {
	c.say(code, autoscaler.Notice, task, fmt.Sprintf("%s: %v", a.Kind, err))
	c.entry(task, a.Step, fmt.Sprintf("%s failed: %v", a.Kind, err))
}

// forget leaves the gravestone of a task that has stopped.
func (c *call) forget(ctx context.Context, a Action, record *autoscaler.TaskActivity) {
	id := record.Ref.Task
	err := c.cfg.Records.Forget(ctx, autoscaler.ForgetRequest{
		Ref: record.Ref, Version: record.Version, Drain: record.Drain.ID, At: c.cfg.Now(),
	})
	// Gone or not there is what was wanted: somebody else has closed it.
	if err != nil && !errors.Is(err, autoscaler.ErrGone) && !errors.Is(err, autoscaler.ErrNotFound) {
		c.lost(autoscaler.CodeLostRace, a, id, err)
		return
	}
	c.say(autoscaler.CodeReleased, autoscaler.Info, id, "")
	c.entry(id, a.Step, string(autoscaler.CodeReleased))
	c.f.Activity = slices.DeleteFunc(slices.Clone(c.f.Activity), func(t autoscaler.TaskActivity) bool { return t.Ref.Task == id })
}

// reopen gives a task back.
func (c *call) reopen(ctx context.Context, a Action, record *autoscaler.TaskActivity) {
	if err := c.cfg.Sessions.Reopen(ctx, c.drain(record)); err != nil {
		c.lost(autoscaler.CodeLostRace, a, record.Ref.Task, err)
		return
	}
	record.State = autoscaler.TaskOpen
	if record.NeverOpened {
		record.State = autoscaler.TaskNew
	}
	c.say(autoscaler.CodeReopened, autoscaler.Notice, record.Ref.Task, string(a.Code))
	c.entry(record.Ref.Task, a.Step, "reopened: "+string(a.Code))
}

// steerOut deregisters targets. The intent is saved first: a process that died
// in between leaves a release that knows which targets to put back.
func (c *call) steerOut(ctx context.Context, a Action) error {
	for _, id := range a.Tasks {
		s, did := c.f.steered(id)
		c.f.Release.Steered = slices.DeleteFunc(c.f.Release.Steered, func(s autoscaler.Steered) bool { return s.Task == id })
		if record := c.f.record(id); !did || record != nil && s.At.Before(record.Drain.Since) {
			s = autoscaler.Steered{Task: id}
		}
		s.At, s.Attempts = c.f.At, s.Attempts+1
		c.f.Release.Steered = append(c.f.Release.Steered, s)
	}
	c.f.Release.Phase = autoscaler.PhaseBalancer
	switch saved, err := c.commit(ctx, false); {
	case err != nil:
		return err
	case !saved:
		return errOvertaken
	}
	c.adopted = false
	c.each(ctx, a, func(ctx context.Context, a Action, record *autoscaler.TaskActivity) {
		if err := c.cfg.Tasks.Steer(ctx, record.Ref, false); err != nil {
			c.lost(autoscaler.CodeCallFailed, a, record.Ref.Task, err)
			return
		}
		c.entry(record.Ref.Task, a.Step, "deregistered")
	})
	return nil
}

// errOvertaken ends a call whose intent another process's save has overtaken.
// Nothing was done, and that is no failure.
var errOvertaken = errors.New("another process carries the release on")

// steerIn registers a target again, and forgets that it was ever away.
func (c *call) steerIn(ctx context.Context, a Action, record *autoscaler.TaskActivity) {
	id := record.Ref.Task
	if err := c.cfg.Tasks.Steer(ctx, record.Ref, true); err != nil {
		c.lost(autoscaler.CodeCallFailed, a, id, err)
		return
	}
	c.f.Release.Steered = slices.DeleteFunc(slices.Clone(c.f.Release.Steered), func(s autoscaler.Steered) bool { return s.Task == id })
	c.entry(id, a.Step, "registered again")
}

// steered returns how a task was deregistered, for whichever drain.
func (f *Facts) steered(task autoscaler.TaskID) (autoscaler.Steered, bool) {
	i := slices.IndexFunc(f.Release.Steered, func(s autoscaler.Steered) bool { return s.Task == task })
	if i < 0 {
		return autoscaler.Steered{}, false
	}
	return f.Release.Steered[i], true
}
