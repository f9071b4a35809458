package explore

import (
	"context"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

// pass is a controller's: it cordons a task that is open, idle and not wanted, asks
// for the release of one whose drain is finished, and carries the release on. Which
// task it takes, and whether one is too many, is the policy's and the guard's business
// in other tests; the release, its permits and its proofs are the shipped code.
func pass(h *hand) {
	ctx := context.Background()
	activity, err := h.Activity(ctx, service, h.clock())
	if err != nil {
		return
	}
	idle, ready, retired, open := choose(activity)
	switch {
	case ready != nil:
		_, err = runner(h).Release(ctx, autoscaler.ReleaseRequest{Service: service, Tasks: []autoscaler.TaskRef{ready.Ref}})
	case !retired && idle != nil:
		c, err := h.LoadCheckpoint(ctx, service)
		if err != nil || open <= c.WantOpen {
			return
		}
		_, _ = h.Cordon(ctx, autoscaler.CordonRequest{
			Ref: idle.Ref, Version: idle.Version, Drain: drainID(idle.Version), OnlyIfIdle: true,
			At: h.clock(), Until: h.clock().Add(cordonLease),
		})
		return
	}
	if err == nil {
		_, _ = runner(h).Advance(ctx, service)
	}
}

// wants is a policy that wants a fixed number of open tasks.
type wants int

// Name implements autoscaler.Policy.
func (wants) Name() string { return "fixed" }

// Decide implements autoscaler.Policy.
func (n wants) Decide(autoscaler.Snapshot) autoscaler.Decision {
	return autoscaler.Decision{Open: int(n), Reasons: []autoscaler.Reason{{Code: "fixed"}}}
}

// reconcile is a whole pass of the shipped controller.
func reconcile(want int) func(h *hand) {
	return func(h *hand) {
		c, err := autoscaler.New(autoscaler.Config{
			Service: service, Limits: limits(), Policy: wants(want), Sessions: h, Records: h, State: h, Scaler: h,
			Drains: runner(h), Protection: h, Now: h.clock,
		})
		if err != nil {
			panic(err)
		}
		_, _ = c.Reconcile(context.Background())
	}
}

func limits() autoscaler.Limits { return autoscaler.Limits{Min: 1, Max: maxTasks, MaxTotal: maxTasks} }

// choose picks the idle open task to cordon, the cordoned one to release, and counts.
func choose(a autoscaler.Activity) (idle, ready *autoscaler.TaskActivity, retired bool, open int) {
	for i := range a.Tasks {
		t := &a.Tasks[i]
		switch t.State {
		case autoscaler.TaskOpen:
			if open++; t.Occupancy.Idle() {
				idle = t
			}
		case autoscaler.TaskCordoned:
			if t.Occupancy.Idle() && t.Acknowledged {
				ready = t
			}
			open++ // it is on its way out, and one at a time is
		case autoscaler.TaskRetired:
			retired = true
		case autoscaler.TaskNew, autoscaler.TaskStopping, autoscaler.TaskGone:
		}
	}
	return idle, ready, retired, open
}

// scaleOut is the writer that wants one task more than the last decision did.
func scaleOut(h *hand) {
	ctx := context.Background()
	c, err := h.LoadCheckpoint(ctx, service)
	if err != nil {
		return
	}
	c.WantOpen++
	if _, err := h.SaveCheckpoint(ctx, c); err != nil {
		return
	}
	_, _, _, _ = autoscaler.Permits{
		Service: service, Sessions: h, State: h, Scaler: h, Now: h.clock,
	}.SetDesired(ctx, autoscaler.CodeScaledOut)
}

func runner(h *hand) *workflow.Runner {
	r, err := workflow.New(workflow.Config{Tasks: h, Scaler: h, Sessions: h, Records: h, State: h, Now: h.clock})
	if err != nil {
		panic(err)
	}
	return r
}
