package workflowtest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/workflow"
)

var service = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

// faulty is the simulated cluster with one promise broken.
type faulty struct {
	*ecssim.Cluster
	fault string
	lists atomic.Int32
}

func (f *faulty) List(ctx context.Context, id autoscaler.ServiceID) ([]autoscaler.TaskStatus, error) {
	if f.fault == "cancelled" {
		ctx = context.WithoutCancel(ctx)
	}
	listing, err := f.Cluster.List(ctx, id)
	switch f.fault {
	case "list-whole":
		return listing[:10], err
	case "list-protection":
		for i := range listing {
			listing[i].ProtectedUntil = time.Time{}
		}
	case "list-unknown":
		return listing, nil
	case "shared":
		// As if every caller were given the same memory, which another has cleared.
		if f.lists.Add(1) > 1 {
			clear(listing)
		}
	}
	return listing, err
}

func (f *faulty) Protect(ctx context.Context, id autoscaler.ServiceID, tasks []autoscaler.TaskID, lifetime time.Duration) ([]autoscaler.ItemFailure, error) {
	switch f.fault {
	case "protect-lifetime":
		lifetime *= 2
	case "protect-later":
		lifetime = time.Hour
	case "protect-many":
		tasks = tasks[:min(10, len(tasks))]
	}
	failures, err := f.Cluster.Protect(ctx, id, tasks, lifetime)
	if f.fault == "item-failure" {
		failures = nil
	}
	return failures, err
}

// forged makes a permit fit whatever it is asked for.
func (f *faulty) forged(req workflow.Dangerous, call autoscaler.PermitCall) workflow.Dangerous {
	req.Permit.Call, req.Permit.Tasks, req.Permit.NotAfter = call, req.Tasks, f.Now().Add(time.Minute)
	return req
}

func (f *faulty) Unprotect(ctx context.Context, req workflow.Dangerous) ([]autoscaler.ItemFailure, error) {
	switch f.fault {
	case "unprotect":
		req.Tasks = req.Tasks[:1]
	case "unprotect-again":
		return []autoscaler.ItemFailure{{Task: req.Tasks[0], Reason: "TASK_NOT_VALID"}}, nil
	case "unprotect-expired":
		req = f.forged(req, req.Permit.Call)
	case "unprotect-uncovered":
		req = f.forged(req, autoscaler.CallUnprotect)
	}
	return f.Cluster.Unprotect(ctx, req)
}

func (f *faulty) Stop(ctx context.Context, req workflow.Dangerous) error {
	switch f.fault {
	case "stop":
		req.Tasks = req.Tasks[:1]
	case "stop-again":
		if seen, err := f.Cluster.Watch(ctx, req.Service, req.Tasks); err != nil || seen[0].Stopped() {
			return autoscaler.ErrNotFound
		}
	case "stop-expired":
		req = f.forged(req, req.Permit.Call)
	case "stop-uncovered":
		req = f.forged(req, autoscaler.CallStopTask)
	case "last-instant":
		if !f.Now().Before(req.Permit.NotAfter) {
			return autoscaler.ErrClock
		}
	}
	return f.Cluster.Stop(ctx, req)
}

func (f *faulty) Steer(ctx context.Context, ref autoscaler.TaskRef, in bool) error {
	if f.fault == "steer" {
		return nil
	}
	return f.Cluster.Steer(ctx, ref, in)
}

func (f *faulty) Watch(ctx context.Context, id autoscaler.ServiceID, tasks []autoscaler.TaskID) ([]autoscaler.TaskStatus, error) {
	seen, err := f.Cluster.Watch(ctx, id, tasks)
	switch f.fault {
	case "watch-order":
		slices.Reverse(seen)
	case "watch-stopped":
		for i := range seen {
			seen[i].Missing = seen[i].Missing || seen[i].Stopped()
		}
	}
	return seen, err
}

// newTasks is a harness on the simulated cluster.
func newTasks(fault string) TasksHarness {
	begun := false
	c := ecssim.New(ecssim.Config{Seed: 3, Service: ecssim.ServiceConfig{
		ID: service, Desired: 12, Warm: true, ReregisterAfter: -1, DeregistrationDelay: 10 * time.Second,
		// A replacement would be one task more than the harness says.
		FailPlacement: func(time.Time) bool { return begun },
	}})
	begun = true
	sent := 0
	c.SetSeam(func(_ context.Context, call ecssim.Call) error {
		if call.Point == ecssim.Sent {
			sent++
		}
		return nil
	})
	h := TasksHarness{
		Tasks: c, Service: service, Now: c.Now, SetClock: c.RunUntil, Sent: func() int { return sent },
		Settle: func() { c.RunFor(2 * time.Minute) },
	}
	if fault != "" {
		h.Tasks = &faulty{Cluster: c, fault: fault}
	}
	state, err := c.Describe(context.Background(), service)
	if err != nil {
		panic(err)
	}
	for _, s := range state.Tasks {
		h.Running = append(h.Running, s.ID)
	}
	slices.Sort(h.Running)
	return h
}

func TestTasksAcceptsTheSimulatedCluster(t *testing.T) {
	TestTasks(t, func(*testing.T) TasksHarness { return newTasks("") })
}

func TestTasksCatchesEachBrokenPromise(t *testing.T) {
	clause.Catches(t, tasksClauses(), func(name string) tasking { return tasking{newTasks(name)} })
}
