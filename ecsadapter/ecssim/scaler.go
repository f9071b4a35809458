package ecssim

import (
	"context"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Describe reads the service, its tasks and their protection, as many calls as
// that takes on AWS: one DescribeServices, ListTasks for the running and for the
// stopped, and a page of DescribeTasks and GetTaskProtection per 100 tasks.
// Targets are not read. It implements autoscaler.Scaler.
func (c *Cluster) Describe(ctx context.Context, id autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	var out autoscaler.ServiceState
	err := c.callWith(ctx, Call{Op: OpDescribe, Service: id}, func(m mishap) error {
		s, err := c.find(id)
		c.calls["DescribeServices"]++
		if err != nil {
			return notFound("ecssim.Describe", id.String(), err)
		}
		out = s.shown(m)
		c.countListing(out.Tasks)
		out.Tasks = out.Tasks[:m.part(len(out.Tasks))]
		return nil
	})
	return out, err
}

// Truth returns the service as it is, whatever describing shows: past every seam,
// every fault and every lag, and counted as no call. It is for whoever judges a run.
func (c *Cluster) Truth(id autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.find(id)
	if err != nil {
		return autoscaler.ServiceState{}, notFound("ecssim.Truth", id.String(), err)
	}
	return s.state(), nil
}

// countListing counts the calls that reading these tasks takes.
func (c *Cluster) countListing(tasks []autoscaler.TaskStatus) {
	// ListTasks shows one desiredStatus at a time and 100 tasks a page; stopped
	// tasks are asked for because a release waits for them by name.
	up := 0
	for i := range tasks {
		if tasks[i].Wanted() {
			up++
		}
	}
	c.calls["ListTasks"] += pages(up) + pages(len(tasks)-up)
	if len(tasks) > 0 {
		c.calls["DescribeTasks"] += pages(len(tasks))
		c.calls["GetTaskProtection"] += pages(up)
	}
}

// SetDesired writes the desired count under its permit. The permit is judged
// after everything that can hold the caller up, and before the call is on its
// way. It implements autoscaler.Scaler.
func (c *Cluster) SetDesired(ctx context.Context, req autoscaler.SetDesired) error {
	const op = "ecssim.SetDesired"
	check := func() error {
		if !req.Permit.Covers(autoscaler.CallSetDesired) || req.Permit.Desired != req.Desired {
			return uncovered(op, req.Service.String())
		}
		return c.inTime(ctx, op, req.Service.String(), req.Permit)
	}
	// The check stands between the seam's Before and Sent: what holds the caller
	// up before it can refuse the call, what holds it up after it cannot.
	return c.pass(ctx, Call{Op: OpSetDesired, Service: req.Service, Args: req}, check, func(mishap) error {
		return c.locked(func() error { return c.updateService(req.Service, req.Desired, false) })
	})
}

// inTime refuses a permit whose time has passed, and counts the refusal.
func (c *Cluster) inTime(ctx context.Context, op, ref string, permit autoscaler.Permit) error {
	now := c.callerNow(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !permit.Expired(now) {
		return nil
	}
	// Counted, so that a test can tell a refusal from a call never tried.
	c.calls[PermitsRefused]++
	return &autoscaler.Error{Op: op, Ref: ref, Err: autoscaler.ErrClock,
		Hint: "the permit ran out before the call was sent; nothing was sent, the next pass computes anew"}
}

// PermitsRefused is the entry of Calls that counts the calls that were not sent
// because their permit had run out.
const PermitsRefused = "permits refused"

// uncovered says that a permit is for another call.
func uncovered(op, ref string) error {
	return &autoscaler.Error{Op: op, Ref: ref, Err: autoscaler.ErrClock,
		Hint: "the permit does not cover this call; nothing was sent"}
}

// updateService is UpdateService with a desired count alone. The lock is held.
func (c *Cluster) updateService(id autoscaler.ServiceID, desired int, foreign bool) error {
	if !foreign {
		c.calls["UpdateService"]++
	}
	s, err := c.find(id)
	if err != nil {
		return notFound("ecssim.UpdateService", id.String(), err)
	}
	if desired < 0 {
		return &autoscaler.Error{Op: "ecssim.UpdateService", Ref: id.String(),
			Err: &Fault{Code: "InvalidParameterException", Message: "desiredCount cannot be negative."}}
	}
	s.setDesired(desired, foreign)
	return nil
}
