package workflow

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// actionsPerAdvance bounds one call of Advance; a batch needs about ten.
const actionsPerAdvance = 64

// Advance does what is due for the service's release, one action after another
// until nothing more can be done now, and returns the release. Retired tasks are
// found from the records, also where no release is under way: they are taken up
// in one of their own. It returns nothing where there is nothing to do.
//
// With an error the release returned says how far the call came; the next
// Advance, of anybody, goes on from there. When ctx ends, the action that is under
// way is heard out, its outcome is saved and told to the journal, and no other is
// begun.
func (r *Runner) Advance(ctx context.Context, service autoscaler.ServiceID) ([]autoscaler.Release, error) {
	if err := r.turns.Acquire(ctx, 1); err != nil {
		return nil, &autoscaler.Error{Op: "workflow.Advance", Ref: service.String(), Err: err}
	}
	defer r.turns.Release(1)
	work, end := outlive(ctx, r.options.Timing.Grace)
	defer end()
	c := &call{Runner: r, service: service}
	work, c.request = autoscaler.WithRequests(work)
	under, err := c.begin(ctx)
	if err != nil {
		return nil, c.wrap(err)
	}
	if !under {
		return nil, nil
	}
	if !understood(c.f.Release) {
		return []autoscaler.Release{c.f.Release}, nil
	}
	last := c.run(ctx, work)
	release, err := c.finish(work, last)
	return []autoscaler.Release{release}, c.wrap(errors.Join(append(c.failures, err)...))
}

// call is one Advance: the facts so far, and what it has to tell.
type call struct {
	*Runner
	service autoscaler.ServiceID
	f       Facts
	// adopted says that the release was made up in this call, for retired tasks
	// that no release names.
	adopted bool
	// known are the tasks that the release named when it was read: what others
	// have added since is theirs to say when it is due.
	known      []autoscaler.TaskID
	retiredOne bool
	unheard    bool // it is not known whether a retire went through
	reasons    []autoscaler.Reason
	request    func() string // the id of the last call
	entries    []autoscaler.Entry
	failures   []error
}

func (c *call) wrap(err error) error {
	if err == nil {
		return nil
	}
	return &autoscaler.Error{Op: "workflow.Advance", Ref: c.service.String(), Err: err}
}

// begin reads what stands in the stores, and reports whether there is anything
// to advance.
func (c *call) begin(ctx context.Context) (bool, error) {
	c.f = Facts{At: c.now(), Options: c.options, Tried: map[Kind][]autoscaler.TaskID{}}
	var err error
	if c.f.Checkpoint, err = c.cfg.State.LoadCheckpoint(ctx, c.service); err != nil {
		return false, err
	}
	asked := c.cfg.Now()
	activity, err := c.cfg.Sessions.Activity(ctx, c.service, c.f.At)
	if err != nil {
		return false, err
	}
	c.f.Activity, c.f.ClockOff = activity.Tasks, activity.ClockOff(asked, c.cfg.Now())
	retired := ids(c.f.retired())
	switch under := c.f.Checkpoint.Release; {
	case under != nil:
		c.f.Release = *c.f.Checkpoint.Clone().Release
	case len(retired) > 0:
		c.adopted = true
		c.f.Release = started(c.f.Checkpoint, c.service, retired, autoscaler.PhaseRelease, c.f.At)
	default:
		return false, nil
	}
	// Retired tasks that the release does not name are part of it from here on:
	// there is one release, and it ends when the last of them is closed.
	c.known = slices.Clone(c.f.Release.Tasks)
	c.f.Release.Tasks = union(c.f.Release.Tasks, retired)
	c.f.Control, err = c.cfg.State.Control(ctx, c.service)
	return true, err
}

// run asks Next and does what it says, until it says that the call is over, a
// read fails, or the context ends. It returns the last action. Actions are carried out
// under the context work, which outlives the other.
func (c *call) run(ctx, work context.Context) Action {
	hold := Action{Kind: Hold, Step: StepGate}
	for range actionsPerAdvance {
		if err := ctx.Err(); err != nil {
			c.failures = append(c.failures, err)
			return hold
		}
		// A call may take seconds: each action is judged at its own instant.
		c.f.At = c.now()
		a := Next(c.f)
		c.trace(a)
		if a.ends() {
			return a
		}
		if err := c.perform(work, a); err != nil {
			if !errors.Is(err, errOvertaken) {
				c.failures = append(c.failures, err)
			}
			return Action{Kind: Hold, Step: a.Step}
		}
		hold.Step = a.Step
	}
	return hold
}

// finish saves how the release stands, or that it is over, and tells the
// journal.
func (c *call) finish(ctx context.Context, last Action) (autoscaler.Release, error) {
	release := &c.f.Release
	release.Phase, release.NextAt, release.Outcome = phase(last.Step), last.Until, last.Outcome
	c.reasons = append(c.reasons, last.Reasons...)
	switch {
	case last.Kind == Done:
		release.Phase = autoscaler.PhaseDone
		c.close(last)
	case last.Kind == Hold && !sameCodes(last.Reasons, release.Reasons):
		// Told when it changes, not each time: a release may be held for days.
		c.entry("", last.Step, "held: "+codes(last.Reasons))
	}
	c.f.tidy()
	if err := c.note(ctx, c.entries...); err != nil {
		c.say(autoscaler.CodeCallFailed, autoscaler.Notice, "", "journal: "+err.Error())
	}
	for i := range c.reasons {
		if c.reasons[i].By == "" {
			c.reasons[i].By = journalName
		}
	}
	release.Reasons = c.reasons
	// What may be retired has not failed: a next look takes it up, or asks again.
	failed := last.Kind == Done && last.Outcome == autoscaler.OutcomeAborted && !c.unheard &&
		(last.Step == StepProtection || last.Step == StepRetire)
	_, err := c.commit(ctx, failed)
	release.Reasons = c.reasons // with what the save had to say
	return *release, err
}

// commit saves the release on whatever revision of the checkpoint is stored by
// now, and reports whether it stands there. A release that another process has
// ended, or has begun in its place, is not touched; the records say what is left.
func (c *call) commit(ctx context.Context, failed bool) (bool, error) {
	// The permits of this very call have moved the revision on, and a pass may have;
	// so the release is put on what is stored now, and nothing else is touched.
	for range joinAttempts {
		stored, err := c.cfg.State.LoadCheckpoint(ctx, c.service)
		if err != nil {
			return false, err
		}
		if c.adopted && stored.Release != nil && stored.Release.ID != c.f.Release.ID ||
			!c.adopted && (stored.Release == nil || stored.Release.ID != c.f.Release.ID) {
			c.say(autoscaler.CodeOverlapped, autoscaler.Info, "", "another process carries the release on")
			return false, nil
		}
		next := stored.Clone()
		next.Release = c.merged(stored.Release)
		switch {
		case failed:
			next.Aborts++
		case c.retiredOne:
			next.Aborts = 0
		}
		if reflect.DeepEqual(stored, next) {
			return true, nil
		}
		_, err = c.cfg.State.SaveCheckpoint(ctx, next)
		if !errors.Is(err, autoscaler.ErrConflict) {
			return err == nil, err
		}
	}
	c.say(autoscaler.CodeOverlapped, autoscaler.Info, "", "the checkpoint was saved by others each time")
	return false, nil
}

// merged is the release to store: as this call leaves it, with the tasks that
// others have added meanwhile, which are due at once; nil when it is over.
func (c *call) merged(stored *autoscaler.Release) *autoscaler.Release {
	next := c.f.Release
	var added []autoscaler.TaskID
	if stored != nil {
		for _, id := range stored.Tasks {
			if !slices.Contains(c.known, id) && !slices.Contains(next.Tasks, id) {
				added = append(added, id)
			}
		}
	}
	switch over := next.Phase == autoscaler.PhaseDone; {
	case len(added) > 0:
		next.Tasks, next.Phase, next.NextAt, next.Outcome = union(next.Tasks, added), stored.Phase, stored.NextAt, ""
	case over:
		return nil
	}
	return &next
}

// tasksKept bounds the closed tasks that a release goes on naming while others
// join it.
const tasksKept = 64

// tidy drops from the release what the records have overtaken.
func (f *Facts) tidy() {
	away := f.away()
	f.Release.Steered = slices.DeleteFunc(f.Release.Steered, func(s autoscaler.Steered) bool { return !slices.Contains(away, s.Task) })
	f.Release.Ending = f.endings()
	f.Release.Marked = slices.DeleteFunc(f.Release.Marked, func(m autoscaler.Marked) bool {
		a := f.record(m.Task)
		return a == nil || a.Drain.ID != m.Drain || a.State != autoscaler.TaskCordoned
	})
	closed := 0
	f.Release.Tasks = slices.DeleteFunc(f.Release.Tasks, func(id autoscaler.TaskID) bool {
		if f.record(id) != nil {
			return false
		}
		closed++
		return closed > tasksKept
	})
}

// say adds a reason to the release.
func (c *call) say(code autoscaler.Code, severity autoscaler.Severity, task autoscaler.TaskID, detail string) {
	c.reasons = append(c.reasons, autoscaler.Reason{Code: code, Severity: severity, By: journalName, Task: task, Detail: detail})
}

// entry adds a line for the journal, as long as the release has any left.
func (c *call) entry(task autoscaler.TaskID, step Step, outcome string) {
	if c.f.Release.Entries++; c.f.Release.Entries >= autoscaler.EntriesPerRelease {
		return
	}
	c.append(task, step, outcome)
}

// close adds the release's last line, which says how many were left out.
func (c *call) close(last Action) {
	outcome := string(last.Outcome)
	if over := c.f.Release.Entries - autoscaler.EntriesPerRelease + 1; over > 0 {
		outcome += fmt.Sprintf("; %d entries were left out", over)
	}
	c.append("", last.Step, outcome)
}

func (c *call) append(task autoscaler.TaskID, step Step, outcome string) {
	e := autoscaler.Entry{
		Version: autoscaler.EntryVersion, At: c.f.At, Service: c.service, Task: task, Release: c.f.Release.ID,
		By: journalName, Step: string(step), Outcome: outcome, Request: c.request(),
	}
	if a := c.f.record(task); a != nil {
		e.Drain = a.Drain.ID
	}
	c.entries = append(c.entries, e)
}

// codes lists the codes of reasons, each once.
func codes(reasons []autoscaler.Reason) string {
	var all []string
	for _, r := range reasons {
		if !slices.Contains(all, string(r.Code)) {
			all = append(all, string(r.Code))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func sameCodes(a, b []autoscaler.Reason) bool { return codes(a) == codes(b) }
