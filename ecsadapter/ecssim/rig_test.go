package ecssim

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

var sim = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

// fixed is a service whose every delay is one known number, so that a rule can be
// checked to the second.
func fixed(desired int) ServiceConfig {
	second := func(n int) Span { return Span{time.Duration(n) * time.Second, time.Duration(n) * time.Second} }
	return ServiceConfig{
		Desired: desired, Warm: true, StartTime: second(60), SchedulerDelay: second(5),
		ExitTime: second(2), Deprovisioning: second(3), HealthTime: second(10),
		DeregistrationDelay: 30 * time.Second,
	}
}

func newFixed(desired int) *Cluster { return New(Config{Seed: 7, Service: fixed(desired)}) }

// state describes the first service.
func state(t *testing.T, c *Cluster) autoscaler.ServiceState {
	t.Helper()
	s, err := c.Describe(context.Background(), sim)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ids returns the tasks that ECS means to run.
func ids(t *testing.T, c *Cluster) []autoscaler.TaskID {
	t.Helper()
	var out []autoscaler.TaskID
	for _, task := range state(t, c).Tasks {
		if task.Wanted() {
			out = append(out, task.ID)
		}
	}
	return out
}

// one returns one task as ECS and its balancer show it.
func one(t *testing.T, c *Cluster, id autoscaler.TaskID) autoscaler.TaskStatus {
	t.Helper()
	got, err := c.Watch(context.Background(), sim, []autoscaler.TaskID{id})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func permit(c *Cluster, call autoscaler.PermitCall, desired int, tasks ...autoscaler.TaskID) autoscaler.Permit {
	return autoscaler.Permit{Call: call, Desired: desired, Tasks: tasks, NotAfter: c.Now().Add(autoscaler.PermitLife)}
}

// setDesired writes a desired count under a permit made for it.
func setDesired(t *testing.T, c *Cluster, n int) {
	t.Helper()
	err := c.SetDesired(context.Background(), autoscaler.SetDesired{
		Service: sim, Desired: n, Permit: permit(c, autoscaler.CallSetDesired, n),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// protect protects tasks and fails on any refusal.
func protect(t *testing.T, c *Cluster, lifetime time.Duration, tasks ...autoscaler.TaskID) {
	t.Helper()
	failures, err := c.Protect(context.Background(), sim, tasks, lifetime)
	if err != nil || len(failures) > 0 {
		t.Fatalf("protect: %v, %v", failures, err)
	}
}

func stopTask(t *testing.T, c *Cluster, id autoscaler.TaskID) {
	t.Helper()
	err := c.Stop(context.Background(), workflow.Dangerous{
		Service: sim, Tasks: []autoscaler.TaskID{id}, Permit: permit(c, autoscaler.CallStopTask, 0, id),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rig is a cluster with a store and an application on it.
type rig struct {
	c           *Cluster
	store       *memstore.Store
	application *Application
}

func newRig(t *testing.T, cfg Config, application ApplicationConfig) rig {
	t.Helper()
	c := New(cfg)
	store := memstore.New(memstore.Config{Now: c.Now})
	application.Sessions, application.Records = WireSessions(c, store), WireRecords(c, store)
	application.Writer, application.Demand = WireWriter(c, store), WireDemand(c, store)
	a, err := NewApplication(c, application)
	if err != nil {
		t.Fatal(err)
	}
	return rig{c, store, a}
}

// record returns a task's record.
func (r rig) record(t *testing.T, id autoscaler.TaskID) autoscaler.TaskActivity {
	t.Helper()
	a, err := r.store.Prove(context.Background(), []autoscaler.TaskRef{{Service: sim, Task: id}}, r.c.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a[0]
}

// cordon cordons a task as a controller would.
func (r rig) cordon(t *testing.T, id autoscaler.TaskID) autoscaler.DrainRef {
	t.Helper()
	a := r.record(t, id)
	now := r.c.Now()
	a, err := WireSessions(r.c, r.store).Cordon(context.Background(), autoscaler.CordonRequest{
		Ref: a.Ref, Version: a.Version, Drain: "drain-" + autoscaler.DrainID(id), At: now, Until: now.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return autoscaler.DrainRef{Ref: a.Ref, Drain: a.Drain.ID, Version: a.Version, At: now}
}

func wantIs(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error is %v, want %v", err, target)
	}
}
