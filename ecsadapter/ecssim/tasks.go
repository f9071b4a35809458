package ecssim

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

// The bounds of UpdateTaskProtection.
const (
	protectionBatch = 10
	protectionMin   = time.Minute
	protectionMax   = 2880 * time.Minute
)

// List implements workflow.Tasks: every task that ECS means to run and those on
// their way out, with protection and without targets.
func (c *Cluster) List(ctx context.Context, id autoscaler.ServiceID) ([]autoscaler.TaskStatus, error) {
	var out []autoscaler.TaskStatus
	err := c.callWith(ctx, Call{Op: OpList, Service: id}, func(m mishap) error {
		s, err := c.find(id)
		if err != nil {
			return notFound("ecssim.List", id.String(), err)
		}
		// A listing by desiredStatus RUNNING hides the tasks on their way out, so
		// it takes a second one for STOPPED, and drops what has stopped.
		all := s.shown(m).Tasks
		c.countListing(all)
		for i := range all {
			if !all[i].Stopped() {
				out = append(out, all[i])
			}
		}
		out = out[:m.part(len(out))]
		return nil
	})
	return out, err
}

// Protect implements workflow.Tasks, ten tasks a call.
func (c *Cluster) Protect(
	ctx context.Context, id autoscaler.ServiceID, tasks []autoscaler.TaskID, lifetime time.Duration,
) ([]autoscaler.ItemFailure, error) {
	var failures []autoscaler.ItemFailure
	for len(tasks) > 0 {
		// Each call of ten is one on the wire: it can be held up, or lost, alone.
		batch := tasks[:min(protectionBatch, len(tasks))]
		tasks = tasks[len(batch):]
		err := c.pass(ctx, Call{Op: OpProtect, Service: id, Args: batch}, nil, func(m mishap) error {
			failed, err := c.updateProtection(id, batch, true, lifetime, m, false)
			failures = append(failures, failed...)
			return err
		})
		if err != nil {
			return failures, err
		}
	}
	return failures, nil
}

// Unprotect implements workflow.Tasks, ten tasks a call; the permit is judged
// before each.
func (c *Cluster) Unprotect(ctx context.Context, req workflow.Dangerous) ([]autoscaler.ItemFailure, error) {
	var failures []autoscaler.ItemFailure
	for tasks := req.Tasks; len(tasks) > 0; {
		batch := tasks[:min(protectionBatch, len(tasks))]
		tasks = tasks[len(batch):]
		// The seam sees what this call is about, under the permit of the whole.
		part := req
		part.Tasks = batch
		err := c.dangerous(ctx, OpUnprotect, autoscaler.CallUnprotect, part, func(m mishap) error {
			failed, err := c.updateProtection(req.Service, batch, false, 0, m, false)
			failures = append(failures, failed...)
			return err
		})
		if err != nil {
			return failures, err
		}
	}
	return failures, nil
}

// Stop implements workflow.Tasks, one StopTask for each task; the permit is
// judged before each.
func (c *Cluster) Stop(ctx context.Context, req workflow.Dangerous) error {
	for _, id := range req.Tasks {
		part := req
		part.Tasks = []autoscaler.TaskID{id}
		err := c.dangerous(ctx, OpStop, autoscaler.CallStopTask, part, func(mishap) error {
			return c.StopTask(autoscaler.TaskRef{Service: req.Service, Task: id})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dangerous passes a call that needs a permit. Send takes the lock by itself.
func (c *Cluster) dangerous(
	ctx context.Context, op Op, kind autoscaler.PermitCall, req workflow.Dangerous, send func(mishap) error,
) error {
	ref := req.Service.String()
	check := func() error {
		if !req.Permit.Covers(kind, req.Tasks...) {
			return uncovered("ecssim."+string(op), ref)
		}
		return c.inTime(ctx, "ecssim."+string(op), ref, req.Permit)
	}
	call := Call{Op: op, Service: req.Service, Args: req}
	if len(req.Tasks) == 1 {
		call.Task = req.Tasks[0]
	}
	return c.pass(ctx, call, check, send)
}

// Steer implements workflow.Tasks: it deregisters the task's target, or registers
// it again. ECS registers a deregistered one again by itself; see
// ServiceConfig.ReregisterAfter. A target that is not there is no error, as in AWS.
func (c *Cluster) Steer(ctx context.Context, ref autoscaler.TaskRef, in bool) error {
	return c.call(ctx, Call{Op: OpSteer, Service: ref.Service, Task: ref.Task, Args: in}, func() error {
		s, err := c.find(ref.Service)
		if err != nil {
			return notFound("ecssim.Steer", ref.Service.String(), err)
		}
		if s.cfg.NoBalancer {
			return nil
		}
		t := s.byID[ref.Task]
		if in {
			c.calls["RegisterTargets"]++
			// A target that is registered already keeps its state: AWS changes nothing.
			if t != nil && (t.target.state == targetDraining || !t.target.registered()) {
				t.register()
			}
			return nil
		}
		c.calls["DeregisterTargets"]++
		if t != nil {
			t.deregisterByHand()
		}
		return nil
	})
}

// Watch implements workflow.Tasks: the tasks given, in their order, with the
// state of their targets.
func (c *Cluster) Watch(
	ctx context.Context, id autoscaler.ServiceID, tasks []autoscaler.TaskID,
) ([]autoscaler.TaskStatus, error) {
	out := make([]autoscaler.TaskStatus, 0, len(tasks))
	err := c.callWith(ctx, Call{Op: OpWatch, Service: id, Args: tasks}, func(m mishap) error {
		s, err := c.find(id)
		if err != nil {
			return notFound("ecssim.Watch", id.String(), err)
		}
		if len(tasks) == 0 {
			return nil
		}
		c.calls["DescribeTasks"] += pages(len(tasks))
		if !s.cfg.NoBalancer {
			c.calls["DescribeTargetHealth"]++
		}
		shown := make(map[autoscaler.TaskID]*autoscaler.TaskStatus)
		all := s.shown(m).Tasks
		for i := range all {
			shown[all[i].ID] = &all[i]
		}
		for _, want := range tasks[:m.part(len(tasks))] {
			out = append(out, s.watched(want, shown[want]))
		}
		return nil
	})
	return out, err
}

// watched is one answer of Watch.
func (s *service) watched(id autoscaler.TaskID, shown *autoscaler.TaskStatus) autoscaler.TaskStatus {
	if shown == nil {
		return autoscaler.TaskStatus{ID: id, Missing: true}
	}
	out := *shown
	t, known := s.byID[id]
	if s.cfg.NoBalancer || !known {
		return out
	}
	out.Target = t.target.state.String()
	// Asked for by name, a target that was never registered is unused.
	if t.target.state == targetNone {
		out.Target = targetUnused.String()
	}
	return out
}

// UpdateTaskProtection is ECS's own call as somebody else makes it, past every seam:
// at most ten tasks, 1 to 2880 minutes (0 means 120), a failure for each task that it
// refuses.
func (c *Cluster) UpdateTaskProtection(
	id autoscaler.ServiceID, tasks []autoscaler.TaskID, enabled bool, lifetime time.Duration,
) ([]autoscaler.ItemFailure, error) {
	return c.updateProtection(id, tasks, enabled, lifetime, mishap{}, true)
}

func (c *Cluster) updateProtection(
	id autoscaler.ServiceID, tasks []autoscaler.TaskID, enabled bool, lifetime time.Duration, m mishap, foreign bool,
) ([]autoscaler.ItemFailure, error) {
	const op = "ecssim.UpdateTaskProtection"
	c.mu.Lock()
	defer c.unlock()
	c.calls["UpdateTaskProtection"]++
	s, err := c.find(id)
	if err != nil {
		return nil, notFound(op, id.String(), err)
	}
	refuse := func(format string, args ...any) ([]autoscaler.ItemFailure, error) {
		return nil, &autoscaler.Error{Op: op, Ref: id.String(),
			Err: &Fault{Code: "InvalidParameterException", Message: fmt.Sprintf(format, args...)}}
	}
	if len(tasks) > protectionBatch {
		return refuse("Task list cannot be more than %d tasks.", protectionBatch)
	}
	// The endpoint and the call share the default.
	if lifetime == 0 {
		lifetime = 120 * time.Minute
	}
	if enabled && (lifetime < protectionMin || lifetime > protectionMax) {
		return refuse("expiresInMinutes must be between 1 and 2880.")
	}
	var failures []autoscaler.ItemFailure
	for i, t := range tasks {
		reason := FailureInvalid
		if !m.hits(i) {
			reason = s.protect(t, enabled, lifetime.Truncate(time.Minute))
		}
		if known := s.byID[t]; known != nil && reason == "" {
			known.bared = foreign && !enabled
		}
		if reason != "" {
			failures = append(failures, autoscaler.ItemFailure{Task: t, Reason: reason})
		}
	}
	return failures, nil
}

// ForeignStop is StopTask as a person makes it: nobody here has chosen the task.
func (c *Cluster) ForeignStop(ref autoscaler.TaskRef) error {
	if err := c.onTask("ecssim.ForeignStop", ref, func(t *task) { t.bared = true }); err != nil {
		return err
	}
	return c.StopTask(ref)
}

// StopTask is ECS's own call. It stops a protected task as any other, does not
// drain the balancer first, and the scheduler replaces what it stopped. A task
// that has stopped is no error.
func (c *Cluster) StopTask(ref autoscaler.TaskRef) error {
	c.mu.Lock()
	defer c.unlock()
	c.calls["StopTask"]++
	s, err := c.find(ref.Service)
	if err != nil {
		return notFound("ecssim.StopTask", ref.Service.String(), err)
	}
	t, ok := s.byID[ref.Task]
	if !ok {
		return &autoscaler.Error{Op: "ecssim.StopTask", Ref: ref.String(), Err: bothErrors{autoscaler.ErrNotFound,
			&Fault{Code: "InvalidParameterException", Message: "The referenced task was not found."}},
			Hint: "ECS forgets a stopped task after an hour"}
	}
	// UserInitiated tells our stops from ECS's own; it does not tell who among
	// all users of the account it was.
	t.stop(stoppedByUser)
	return nil
}
