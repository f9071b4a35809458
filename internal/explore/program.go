package explore

import (
	"context"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/workflow"
)

// pass is a controller's: it cordons the task that Headroom empties first, asks for the
// release of one whose drain is finished, and carries the release on. Whether a task is
// one too many is the guard's business in other tests; the policy, the release, its
// permits and its proofs are the shipped code.
func pass(h *hand) {
	ctx := context.Background()
	activity, err := h.store.Activity(ctx, service, h.clock())
	if err != nil {
		return
	}
	ready, retired, open := count(activity)
	switch {
	case ready != nil:
		_, err = runner(h).Release(ctx, autoscaler.ReleaseRequest{Service: service, Tasks: []autoscaler.TaskRef{ready.Ref}})
	case !retired:
		victim := emptied(activity, h.clock())
		if victim == nil {
			break
		}
		c, err := h.store.LoadCheckpoint(ctx, service)
		if err != nil || open <= c.WantOpen {
			return
		}
		_, _ = h.store.Cordon(ctx, autoscaler.CordonRequest{
			Ref: victim.Ref, Version: victim.Version, Drain: drainID(victim.Version),
			At: h.clock(), Until: h.clock().Add(cordonLease),
		})
		return
	}
	if err == nil {
		_, _ = runner(h).Advance(ctx, service)
	}
}

// emptied is the task that Headroom empties first, as it decides where it has seen
// nothing before; nil where it empties none.
func emptied(a autoscaler.Activity, now time.Time) *autoscaler.TaskActivity {
	s := autoscaler.Snapshot{At: now, Service: service, Limits: limits()}
	for _, t := range a.Tasks {
		if t.State != autoscaler.TaskOpen {
			continue
		}
		s.Tasks = append(s.Tasks, autoscaler.Task{ID: t.Ref.Task, State: t.State, Slots: t.Slots, Occupancy: t.Occupancy})
		held, known := t.Occupancy.Sessions()
		if !known {
			held = t.Slots
		}
		s.Totals.Open++
		s.Totals.Slots += t.Slots
		s.Totals.Sessions += held
		s.Totals.Free += t.Slots - held
	}
	d := policy.Headroom{}.Decide(s)
	if len(d.Empty) == 0 {
		return nil
	}
	i := slices.IndexFunc(a.Tasks, func(t autoscaler.TaskActivity) bool { return t.Ref.Task == d.Empty[0] })
	return &a.Tasks[i]
}

// reconcile is a whole pass of the shipped controller, with the default policy.
func reconcile(h *hand) {
	c, err := autoscaler.New(autoscaler.Config{
		Service: service, Limits: limits(), Policy: policy.Headroom{}, Emptying: true,
		Sessions: h.store, Records: h.store, State: h.store, Scaler: h,
		Drains: runner(h), Protection: h, Now: h.clock,
	})
	if err != nil {
		panic(err)
	}
	_, _ = c.Reconcile(context.Background())
}

func limits() autoscaler.Limits { return autoscaler.Limits{Min: 1, Max: maxTasks, MaxTotal: maxTasks} }

// count finds the cordoned task that can be released, and counts the others.
func count(a autoscaler.Activity) (ready *autoscaler.TaskActivity, retired bool, open int) {
	for i := range a.Tasks {
		t := &a.Tasks[i]
		switch t.State {
		case autoscaler.TaskOpen:
			open++
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
	return ready, retired, open
}

// scaleOut is the writer that wants one task more than the last decision did.
func scaleOut(h *hand) {
	ctx := context.Background()
	c, err := h.store.LoadCheckpoint(ctx, service)
	if err != nil {
		return
	}
	c.WantOpen++
	if _, err := h.store.SaveCheckpoint(ctx, c); err != nil {
		return
	}
	_, _, _, _ = autoscaler.Permits{
		Service: service, Sessions: h.store, State: h.store, Scaler: h, Now: h.clock,
	}.SetDesired(ctx, autoscaler.CodeScaledOut)
}

func runner(h *hand) *workflow.Runner {
	r, err := workflow.New(workflow.Config{Tasks: h, Scaler: h, Sessions: h.store, Records: h.store, State: h.store, Now: h.clock})
	if err != nil {
		panic(err)
	}
	return r
}
