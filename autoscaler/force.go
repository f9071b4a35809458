package autoscaler

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// force gives notice to the users of drains that take too long, and ends the
// sessions of those whose deadline has passed. Without Config.Forced it does
// nothing.
func (r *running) force(ctx context.Context) {
	if r.c.forced == nil {
		return
	}
	timing := r.c.cfg.Timing
	for i := range r.v.activity {
		a := &r.v.activity[i]
		if a.State != TaskCordoned || a.Foreign || !a.Drain.Forced.IsZero() || a.Occupancy.Idle() {
			continue
		}
		now := r.c.cfg.Now()
		ref := DrainRef{Ref: a.Ref, Drain: a.Drain.ID, Version: a.Version, At: now}
		due := a.Drain.Since.Add(timing.Deadline)
		switch {
		case !a.Drain.Ending.IsZero() && !now.Before(a.Drain.Ending):
			n, err := r.c.forced.EndSessions(ctx, ref)
			if r.did(Action{Code: CodeForced, Task: a.Ref.Task, Value: n}, err) {
				r.say(CodeForced, Notice, a.Ref.Task, "the deadline has passed")
			}
		case a.Drain.Ending.IsZero() && timing.Deadline > 0 && !now.Before(due.Add(-timing.Notice)):
			// However late the notice comes, the users have all of it.
			ending := later(due, now.Add(timing.Notice))
			err := r.c.forced.GiveNotice(ctx, ref, ending)
			r.did(Action{Code: CodeNotified, Task: a.Ref.Task, Detail: "ends at " + ending.UTC().Format(time.RFC3339)}, err)
		}
	}
}

// End has the sessions of a task that is being drained end at the instant given:
// the answer to each report tells the application from now on, and what still lives
// then is ended by the first pass after it. It is refused with ErrHeld where
// Config.Forced is nil, and otherwise as ForcedEnds.GiveNotice is. Reopen takes it
// back.
func (c *Controller) End(ctx context.Context, task TaskID, by string, at time.Time) error {
	ref := TaskRef{c.cfg.Service, task}
	fail := func(err error, hint string) error {
		return &Error{Op: "autoscaler.End", Ref: ref.String(), Hint: hint, Err: err}
	}
	switch {
	case by == "":
		return fail(errUnnamed, "say who asks: the journal and the log carry it")
	case c.forced == nil:
		return fail(ErrHeld, "nothing is ended by force here; set Config.Forced to the store that Sessions is")
	}
	now := c.cfg.Now()
	found, err := c.sessions.Prove(ctx, []TaskRef{ref}, now)
	if err != nil {
		return fail(err, "")
	}
	a := found[0]
	if err := c.forced.GiveNotice(ctx, DrainRef{Ref: ref, Drain: a.Drain.ID, Version: a.Version, At: now}, at); err != nil {
		return fail(err, "")
	}
	c.note(ctx, by, CodeNotified, a.Drain.ID, task, "ends at "+at.UTC().Format(time.RFC3339))
	return nil
}

// errUnnamed is the cause where an operator's call does not say whose it is.
var errUnnamed = errors.New("nobody is named")

// note tells the log and the journal of an operator's call.
func (c *Controller) note(ctx context.Context, by string, code Code, drain DrainID, task TaskID, outcome string) {
	ref := TaskRef{c.cfg.Service, task}
	c.logger.LogAttrs(ctx, slog.LevelInfo, string(code), slog.String("task", ref.String()), slog.String("by", by), slog.String("outcome", outcome))
	if c.journal == nil {
		return
	}
	err := c.journal.Append(ctx, Entry{
		Version: EntryVersion, At: c.cfg.Now(), Service: c.cfg.Service, Task: task, Drain: drain, By: by, Step: string(code), Outcome: outcome,
	})
	if err != nil {
		c.logger.LogAttrs(ctx, slog.LevelWarn, "the journal was not told", slog.String("task", ref.String()), slog.Any("error", err))
	}
}
