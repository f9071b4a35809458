package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

func (c *call) permits() autoscaler.Permits {
	return autoscaler.Permits{
		Service: c.service, Sessions: c.cfg.Sessions, State: c.cfg.State, Scaler: c.cfg.Scaler, Now: c.cfg.Now,
	}
}

// dangerous makes one call under a permit that is judged on the facts as they
// were read for it. It returns why the call was not made, and an error where it
// failed and its effect is not known. The facts are then those reads.
func (c *call) dangerous(
	ctx context.Context,
	judge func(Facts) (autoscaler.Permit, []autoscaler.Reason),
	send func(context.Context, autoscaler.Permit) error,
) ([]autoscaler.Reason, error) {
	reads, held, err := c.permits().Do(ctx, func(r autoscaler.Reads) (autoscaler.Permit, []autoscaler.Reason) {
		f := c.f
		f.At, f.Checkpoint, f.State, f.Activity = r.Began, r.Checkpoint, &r.State, r.Activity
		// An operator may have paused the service since this call began.
		control, err := c.cfg.State.Control(ctx, c.service)
		if err != nil {
			return autoscaler.Permit{}, []autoscaler.Reason{{Code: autoscaler.CodeCallFailed, Severity: autoscaler.Notice, Detail: "control: " + err.Error()}}
		}
		f.Control = control
		if held := f.barred(); len(held) > 0 {
			return autoscaler.Permit{}, held
		}
		return judge(f)
	}, send)
	if err != nil && !errors.Is(err, autoscaler.ErrHeld) {
		return nil, err
	}
	c.f.Checkpoint, c.f.State = reads.Checkpoint, &reads.State
	c.take(reads.Activity)
	return held, nil
}

// take replaces the activity by a newer read, which may yet lag behind what this
// call has written: what was retired stays so.
func (c *call) take(activity []autoscaler.TaskActivity) {
	for i := range activity {
		a := &activity[i]
		if own := c.f.record(a.Ref.Task); own != nil && own.State == autoscaler.TaskRetired && a.State != autoscaler.TaskRetired {
			*a = *own
		}
	}
	c.f.Activity = activity
}

// prove reads the tasks strongly consistent, for the one call that is about to
// be made, and returns why it must not be made.
func (c *call) prove(ctx context.Context, tasks []autoscaler.TaskID) []autoscaler.Reason {
	refs := make([]autoscaler.TaskRef, len(tasks))
	for i, id := range tasks {
		refs[i] = autoscaler.TaskRef{Service: c.service, Task: id}
	}
	// One record that cannot be read fails the whole proof: a short answer would be
	// taken for tasks without sessions.
	proof, err := c.cfg.Sessions.Prove(ctx, refs, c.cfg.Now())
	if err != nil {
		return []autoscaler.Reason{{Code: autoscaler.CodeCallFailed, Severity: autoscaler.Notice, Detail: "prove: " + err.Error()}}
	}
	if len(proof) != len(tasks) {
		return []autoscaler.Reason{{Code: autoscaler.CodeDisagree, Severity: autoscaler.Alert, Detail: "a proof of other tasks than asked for"}}
	}
	var held []autoscaler.Reason
	for i := range proof {
		a := &proof[i]
		hold := func(code autoscaler.Code, severity autoscaler.Severity, detail string) {
			held = append(held, autoscaler.Reason{Code: code, Severity: severity, Task: tasks[i], Detail: detail})
		}
		switch {
		case a.Ref.Task != tasks[i] || a.Foreign || a.State != autoscaler.TaskRetired:
			hold(autoscaler.CodeDisagree, autoscaler.Alert, "the record is "+string(a.State)+", not retired")
		case busy(a):
			hold(autoscaler.CodeBusyRetired, autoscaler.Alert, "told of "+a.Occupancy.String()+" sessions")
		case !a.Occupancy.Idle():
			hold(autoscaler.CodeUnknownOccupancy, autoscaler.Notice, "not known to be empty")
		}
	}
	return held
}

// unprotect removes protection from retired tasks, ten per call, each call under
// a permit of its own. The listing is dropped: what counts is read back.
func (c *call) unprotect(ctx context.Context, a Action) {
	// A permit is for one call: chunks of ten keep each of them one call of AWS.
	for chunk := range slices.Chunk(a.Tasks, tasksPerCall) {
		var failures []autoscaler.ItemFailure
		held, err := c.dangerous(ctx, func(Facts) (autoscaler.Permit, []autoscaler.Reason) {
			return autoscaler.Permit{Call: autoscaler.CallUnprotect, Tasks: chunk, Reason: autoscaler.CodeRetired}, c.prove(ctx, chunk)
		}, func(ctx context.Context, permit autoscaler.Permit) (err error) {
			failures, err = c.cfg.Tasks.Unprotect(ctx, Dangerous{Service: c.service, Tasks: chunk, Permit: permit})
			return err
		})
		c.refused(failures)
		c.heard(a, held, err, chunk...)
	}
	c.f.Listing = nil
}

// stop sends StopTask for one retired task that ECS has not chosen. The proof is
// read for this call and before it; whether a lower count is owed is judged on
// the same reads.
func (c *call) stop(ctx context.Context, a Action, record *autoscaler.TaskActivity) {
	id := record.Ref.Task
	held, err := c.dangerous(ctx, func(f Facts) (autoscaler.Permit, []autoscaler.Reason) {
		permit := autoscaler.Permit{Call: autoscaler.CallStopTask, Tasks: []autoscaler.TaskID{id}, Reason: autoscaler.CodeRetired}
		if s := find(f.State.Tasks, id); s == nil || !s.Wanted() {
			return permit, []autoscaler.Reason{{Code: autoscaler.CodeNotReady, Task: id, Detail: "ECS has chosen it meanwhile"}}
		}
		if _, owed := f.lowering(); !nothingOwed(owed) {
			return permit, []autoscaler.Reason{{Code: autoscaler.CodeNotReady, Task: id, Detail: "a lower count is owed first"}}
		}
		return permit, c.prove(ctx, []autoscaler.TaskID{id})
	}, func(ctx context.Context, permit autoscaler.Permit) error {
		return c.cfg.Tasks.Stop(ctx, Dangerous{Service: c.service, Tasks: permit.Tasks, Permit: permit})
	})
	if len(held) == 0 && err == nil {
		c.say(autoscaler.CodeStopped, autoscaler.Notice, id, "ECS had not chosen it")
	}
	c.heard(a, held, err, id)
}

// lower writes the desired count. The listing with the protections is one of the
// permit's reads: a task that is neither retired nor protected by then could be
// the one that ECS chooses.
func (c *call) lower(ctx context.Context, a Action) {
	var (
		listing []autoscaler.TaskStatus
		written int
	)
	held, err := c.dangerous(ctx, func(f Facts) (autoscaler.Permit, []autoscaler.Reason) {
		var err error
		if listing, err = c.cfg.Tasks.List(ctx, c.service); err != nil {
			return autoscaler.Permit{}, []autoscaler.Reason{{Code: autoscaler.CodeCallFailed, Severity: autoscaler.Notice, Detail: "list: " + err.Error()}}
		}
		f.Listing = filled(listing)
		permit, held := f.lowering()
		permit.Reason = a.Code
		return permit, held
	}, func(ctx context.Context, permit autoscaler.Permit) error {
		written = permit.Desired
		return c.cfg.Scaler.SetDesired(ctx, autoscaler.SetDesired{Service: c.service, Desired: permit.Desired, Permit: permit})
	})
	// Also where it was held: what it shows says what to do about it.
	if listing != nil {
		c.f.Listing = listing
	}
	c.f.Lowered = &Lowering{Written: len(held) == 0 && err == nil, Held: held}
	switch {
	case err != nil:
		c.f.Lowered.Held = []autoscaler.Reason{{Code: autoscaler.CodeCallFailed, Severity: autoscaler.Notice, Detail: err.Error()}}
		c.failures = append(c.failures, err)
		c.entry("", a.Step, "failed: "+err.Error())
	case c.f.Lowered.Written:
		state := *c.f.State
		c.f.Checkpoint.Desired = autoscaler.DesiredCount{Value: written, Previous: state.Desired, At: c.f.At, Known: true}
		detail := fmt.Sprintf("desired %d, was %d", written, state.Desired)
		state.Desired = written
		c.f.State = &state
		c.say(a.Code, autoscaler.Info, "", detail)
		c.entry("", a.Step, detail)
	}
}

// heard tells what became of a dangerous call on tasks.
func (c *call) heard(a Action, held []autoscaler.Reason, err error, tasks ...autoscaler.TaskID) {
	outcome := "sent"
	switch {
	case err != nil:
		c.failures = append(c.failures, err)
		outcome = "failed: " + err.Error()
	case len(held) > 0:
		c.reasons = append(c.reasons, held...)
		outcome = "held: " + held[0].String()
	}
	for _, id := range tasks {
		c.entry(id, a.Step, string(a.Kind)+" "+outcome)
	}
}
