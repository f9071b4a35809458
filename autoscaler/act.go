package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// running is a pass that acts: what was decided is carried out in an order in
// which every prefix is safe, so that a process may die between any two calls.
type running struct {
	c *Controller
	v *view
	d *decided

	cordoned, scaledOut bool
	reopened            int
	look                bool // every protection is due to be read back

	request func() string // the id of the last call
	entries []Entry
}

// act carries the pass out: the intent is saved first, on the revision that was
// loaded before anything else was read. Whoever saved in between has acted on
// the same service; this pass then does nothing.
func (r *running) act(ctx context.Context) error {
	if r.look = r.c.guards != nil && r.v.at.Sub(r.v.checkpoint.ListedAt) >= lookEvery; r.look {
		r.d.next.ListedAt = r.v.at
	}
	saved, err := r.saveIntent(ctx)
	if errors.Is(err, ErrConflict) {
		r.say(CodeOverlapped, Info, "", "another pass saved its checkpoint first")
		return nil
	}
	if err != nil {
		return err
	}
	ctx, r.request = WithRequests(ctx)
	defer r.tell(ctx)
	r.register(ctx)
	r.reopen(ctx)
	if err := r.scaleOut(ctx); err != nil {
		return err
	}
	r.protect(ctx)
	r.cordon(ctx)
	r.renew(ctx)
	r.force(ctx)
	r.bury(ctx)
	if err := r.release(ctx); err != nil {
		return err
	}
	return r.confirm(ctx, saved)
}

// saveIntent writes the checkpoint ahead of the acts. A pass that changes
// nothing worth keeping does not write.
func (r *running) saveIntent(ctx context.Context) (bool, error) {
	next, was := r.d.next, r.v.checkpoint
	was.SavedAt = next.SavedAt
	young := next.SavedAt.Sub(r.v.checkpoint.SavedAt) < saveAtLeast
	if young && r.idle() && reflect.DeepEqual(was, next) {
		return false, nil
	}
	revision, err := r.c.state.SaveCheckpoint(ctx, next)
	if err != nil {
		return false, r.wrap("SaveCheckpoint", err)
	}
	r.d.next.Revision = revision
	return true, nil
}

// idle reports that the pass has nothing to write.
func (r *running) idle() bool {
	d := r.d
	return len(d.reopen) == 0 && len(d.guarded.cordon) == 0 && len(d.guarded.release) == 0 && len(d.dead) == 0
}

// register makes records for tasks that run without one, closed and adopted:
// what they hold is unknown until they say so.
func (r *running) register(ctx context.Context) {
	for i := range r.v.snapshot.Tasks {
		t := &r.v.snapshot.Tasks[i]
		if !t.Unrecorded {
			continue
		}
		_, err := r.c.records.Register(ctx, RegisterRequest{
			Ref: TaskRef{r.c.cfg.Service, t.ID}, Revision: t.Revision, Adopted: true, Processes: 1, At: r.v.at,
		})
		if errors.Is(err, ErrGone) {
			r.say(CodeGravestone, Alert, t.ID, "ECS runs it, and its record was closed")
			continue
		}
		r.did(Action{Code: CodeRegistered, Task: t.ID}, err)
	}
}

// reopen takes cordoned tasks back before anything is started.
func (r *running) reopen(ctx context.Context) {
	for _, id := range r.d.reopen {
		a := r.v.records[id]
		err := r.c.sessions.Reopen(ctx, DrainRef{Ref: a.Ref, Drain: a.Drain.ID, Version: a.Version, At: r.c.cfg.Now()})
		if r.did(Action{Code: CodeReopened, Task: id}, err) {
			r.reopened++
		}
	}
}

// scaleOut raises the desired count where open and starting tasks, those just
// reopened included, are fewer than wanted, or where ECS means to keep fewer than
// are to stay. Where ECS has owed tasks for long, it lowers the count to what
// there is, past the gate.
func (r *running) scaleOut(ctx context.Context) error {
	owed := since(r.d.next.OwedSince, r.v.at) > owedAfter && !r.v.snapshot.Control.PauseIn.Active(r.v.at)
	count := census(r.v.state, r.v.activity)
	below := count.healthy > r.v.state.Desired || count.replacing(r.d.want, r.v.snapshot.Limits.Total()) > r.v.state.Desired
	if r.v.snapshot.Totals.Capacity()+r.reopened >= r.d.want && !owed && !below {
		return nil
	}
	reads, written, held, err := r.c.permits.SetDesired(ctx, CodeScaledOut)
	switch {
	case errors.Is(err, ErrHeld):
		for _, reason := range held {
			if reason.Code != CodeNotReady {
				reason.By = "scale-out"
				r.d.pass.Reasons = append(r.d.pass.Reasons, reason)
			}
		}
		return nil
	case err != nil:
		// The effect is not known and the call is not repeated: the next pass
		// computes the same target from what it then reads.
		r.did(Action{Code: CodeScaledOut, Value: written}, err)
		return nil
	}
	r.scaledOut = written > reads.State.Desired
	code := CodeScaledOut
	if !r.scaledOut {
		code = CodeScaledIn
	}
	r.did(Action{Code: code, Value: written}, nil)
	return nil
}

// cordon closes the victims, each on the version that was read.
func (r *running) cordon(ctx context.Context) {
	for _, victim := range r.d.guarded.cordon {
		_, err := r.c.sessions.Cordon(ctx, r.c.cordonRequest(r.v, victim))
		if r.did(Action{Code: CodeCordoned, Task: victim.task}, err) {
			r.cordoned = r.cordoned || !victim.aside && !victim.atOnce
		}
	}
}

// renew extends the leases of the drains under way, at a third of their length,
// so that one lapses only when every controller has been gone for a while.
func (r *running) renew(ctx context.Context) {
	lease := r.c.cfg.Timing.CordonLease
	for i := range r.v.activity {
		a := &r.v.activity[i]
		if a.State != TaskCordoned || a.Foreign || a.Drain.Until.Sub(r.v.at) > lease*2/3 || slices.Contains(r.d.reopen, a.Ref.Task) {
			continue
		}
		now := r.c.cfg.Now()
		ref := DrainRef{Ref: a.Ref, Drain: a.Drain.ID, Version: a.Version, At: now}
		if err := r.c.records.Renew(ctx, ref, now.Add(lease)); err != nil {
			r.failed("renew", a.Ref.Task, err)
		}
	}
}

// bury closes the records of tasks that have stopped without a release.
func (r *running) bury(ctx context.Context) {
	for _, d := range r.d.dead {
		code, severity, cause := d.lostBy(r.v.state.primary())
		r.say(code, severity, d.record.Ref.Task, cause)
		err := r.c.records.Forget(ctx, ForgetRequest{
			Ref: d.record.Ref, Version: d.record.Version, Drain: d.record.Drain.ID, At: r.v.at,
		})
		r.did(Action{Code: CodeForgotten, Task: d.record.Ref.Task, Detail: cause}, err)
	}
}

// release hands over the drains that are finished, and carries on what was
// begun before, by this process or another.
func (r *running) release(ctx context.Context) error {
	if ids := r.d.guarded.release; len(ids) > 0 {
		req := ReleaseRequest{Service: r.c.cfg.Service}
		for _, id := range ids {
			req.Tasks = append(req.Tasks, r.v.records[id].Ref)
		}
		if _, err := r.c.drains.Release(ctx, req); err != nil && !errors.Is(err, ErrConflict) {
			return r.wrap("Release", err)
		}
	}
	if len(r.d.guarded.release) == 0 && !r.unreleased() {
		return nil
	}
	releases, err := r.c.drains.Advance(ctx, r.c.cfg.Service)
	r.d.pass.Releases = releases
	if err != nil {
		return r.wrap("Advance", err)
	}
	return nil
}

// unreleased reports that a release is under way, or that a record says retired:
// the records alone are enough to carry on.
func (r *running) unreleased() bool {
	return r.v.checkpoint.Release != nil || slices.ContainsFunc(r.v.activity, func(a TaskActivity) bool {
		return a.State == TaskRetired && !a.Foreign
	})
}

// confirm notes what was done, on whatever revision is stored by now. Losing
// this save costs a cooldown that begins too early, never a session.
func (r *running) confirm(ctx context.Context, saved bool) error {
	if !saved || !r.cordoned && !r.scaledOut && len(r.d.next.Intents) == 0 {
		return nil
	}
	c, err := r.c.state.LoadCheckpoint(ctx, r.c.cfg.Service)
	if err != nil {
		return r.wrap("LoadCheckpoint", err)
	}
	if r.cordoned {
		c.LastIn = r.v.at
	}
	if r.scaledOut {
		c.LastOut = r.v.at
	}
	c.Intents = slices.DeleteFunc(c.Intents, func(i Intent) bool {
		return slices.ContainsFunc(r.d.guarded.cordon, func(own cordon) bool { return own.task == i.Task })
	})
	if _, err := r.c.state.SaveCheckpoint(ctx, c); err != nil && !errors.Is(err, ErrConflict) {
		return r.wrap("SaveCheckpoint", err)
	}
	return nil
}

// failed says what became of a write that was not confirmed. Losing a race is
// ordinary; any other failure is worth a look.
func (r *running) failed(what string, task TaskID, err error) {
	for _, lost := range []error{ErrConflict, ErrBusy, ErrCordoned, ErrRetired, ErrGone} {
		if errors.Is(err, lost) {
			r.say(CodeLostRace, Info, task, fmt.Sprintf("%s: %v", what, err))
			return
		}
	}
	r.say(CodeCallFailed, Notice, task, fmt.Sprintf("%s: %v", what, err))
}

// did notes an action and what was heard of it, and reports whether it was
// confirmed.
func (r *running) did(a Action, err error) bool {
	if err != nil {
		a.Outcome = err.Error()
		r.failed(string(a.Code), a.Task, err)
	}
	r.d.pass.Actions = append(r.d.pass.Actions, a)
	e := Entry{
		Version: EntryVersion, At: r.v.at, Service: r.c.cfg.Service, Task: a.Task, By: "pass",
		Step: string(a.Code), Outcome: a.outcome(), Request: r.request(),
	}
	if record := r.v.records[a.Task]; record != nil {
		e.Drain = record.Drain.ID
	}
	r.entries = append(r.entries, e)
	return err == nil
}

// tell tells the journal what the pass has done. A journal that fails stops nothing; it
// is asked twice, since what it did not hear no later pass tells it.
func (r *running) tell(ctx context.Context) {
	if r.c.journal == nil || len(r.entries) == 0 {
		return
	}
	err := r.c.journal.Append(ctx, r.entries...)
	if err != nil {
		err = r.c.journal.Append(ctx, r.entries...)
	}
	if err != nil {
		r.say(CodeCallFailed, Notice, "", "journal: "+err.Error())
	}
}

func (r *running) say(code Code, severity Severity, task TaskID, detail string) {
	r.d.pass.Reasons = append(r.d.pass.Reasons, Reason{Code: code, Severity: severity, By: "pass", Task: task, Detail: detail})
}

func (r *running) wrap(op string, err error) error {
	return &Error{Op: "autoscaler." + op, Ref: r.c.cfg.Service.String(), Err: err}
}
