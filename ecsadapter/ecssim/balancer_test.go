package ecssim

import (
	"context"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

func steer(t *testing.T, c *Cluster, id autoscaler.TaskID, in bool) {
	t.Helper()
	if err := c.Steer(context.Background(), autoscaler.TaskRef{Service: sim, Task: id}, in); err != nil {
		t.Fatal(err)
	}
}

func TestTargetDrainsForTheWholeDelayAndReturns(t *testing.T) {
	c := newFixed(2)
	id := ids(t, c)[0]
	if got := one(t, c, id).Target; got != "healthy" {
		t.Fatalf("a warm target is %s", got)
	}
	steer(t, c, id, false)
	steer(t, c, id, false) // draining already: nothing changes
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{29 * time.Second, "draining"}, {time.Second, "unused"}, {29 * time.Second, "unused"},
		{time.Second, "initial"}, {10 * time.Second, "healthy"}} {
		c.RunFor(step.after)
		if got := one(t, c, id); got.Target != step.want || !got.Wanted() {
			t.Errorf("after %v more: %s, want %s", step.after, got.Target, step.want)
		}
	}
}

func TestTargetStaysOutWhereECSDoesNotReturnIt(t *testing.T) {
	cfg := fixed(2)
	cfg.ReregisterAfter = -1
	c := New(Config{Service: cfg})
	id := ids(t, c)[0]
	steer(t, c, id, false)
	c.RunFor(time.Hour)
	if got := one(t, c, id).Target; got != "unused" {
		t.Errorf("an hour later: %s", got)
	}
	steer(t, c, id, true)
	c.RunFor(10 * time.Second)
	if got := one(t, c, id).Target; got != "healthy" {
		t.Errorf("registered by hand: %s", got)
	}
}

func TestSteerOfUnknownTargetsSucceeds(t *testing.T) {
	c := newFixed(1)
	steer(t, c, "none", false)
	steer(t, c, "none", true)
	cfg := fixed(1)
	cfg.NoBalancer = true
	bare := New(Config{Service: cfg})
	steer(t, bare, ids(t, bare)[0], false)
	if got := one(t, bare, ids(t, bare)[0]).Target; got != "" {
		t.Errorf("without a balancer the target is %q", got)
	}
}

func TestRouteKnowsNothingOfCordons(t *testing.T) {
	r := newRig(t, Config{Service: fixed(3)}, ApplicationConfig{})
	r.c.RunFor(time.Minute)
	all := ids(t, r.c)
	for i, id := range all {
		r.c.SetSessions(autoscaler.TaskRef{Service: sim, Task: id}, 3-i, 10)
	}
	r.cordon(t, all[2])
	if got, ok := r.c.Route(sim, RouteLeastConnections); !ok || got != all[2] {
		t.Errorf("least connections goes to %s, want the emptied task %s", got, all[2])
	}
	if got, _ := r.c.Route(sim, RouteMostConnections); got != all[0] {
		t.Errorf("most connections goes to %s, want %s", got, all[0])
	}
	seen := make(map[autoscaler.TaskID]bool)
	for range 60 {
		got, _ := r.c.Route(sim, RouteRandom)
		seen[got] = true
	}
	if len(seen) != 3 {
		t.Errorf("random routing reached %d of 3 tasks", len(seen))
	}
	steer(t, r.c, all[2], false)
	if got, _ := r.c.Route(sim, RouteLeastConnections); got != all[1] {
		t.Errorf("with the emptied task deregistered it goes to %s, want %s", got, all[1])
	}
}

func TestRouteFailsOpen(t *testing.T) {
	c := newFixed(1)
	id := ids(t, c)[0]
	if err := c.SetHealth(autoscaler.TaskRef{Service: sim, Task: id}, false); err != nil {
		t.Fatal(err)
	}
	if got, ok := c.Route(sim, RouteRandom); !ok || got != id {
		t.Errorf("with no healthy target: %q, %v", got, ok)
	}
	steer(t, c, id, false)
	if got, ok := c.Route(sim, RouteRandom); ok {
		t.Errorf("with no registered target: %q", got)
	}
}

func TestSchedulerWaitsForADrainBegunByHand(t *testing.T) {
	c := newFixed(1)
	id := ids(t, c)[0]
	steer(t, c, id, false)
	c.RunFor(20 * time.Second)
	setDesired(t, c, 0)
	c.RunFor(6 * time.Second) // chosen at 25 s, four more to drain
	if got := one(t, c, id).LastStatus; got != "DEACTIVATING" {
		t.Errorf("%s while the target drains", got)
	}
	c.RunFor(5 * time.Second)
	if got := one(t, c, id).LastStatus; got != "STOPPING" {
		t.Errorf("%s once the delay that began by hand is over", got)
	}
}

func TestUtilization(t *testing.T) {
	cfg := fixed(2)
	cfg.Metrics.Delay = 90 * time.Second
	r := newRig(t, Config{Service: cfg}, ApplicationConfig{Slots: 5})
	r.application.Play(users(r.c.Now().Add(30*time.Second), 5, 0, time.Hour))
	read := func() autoscaler.Utilization {
		u, err := r.c.Utilization(context.Background(), sim, r.c.Now())
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	start := r.c.Now()
	if u := read(); len(u) != 0 {
		t.Errorf("before the first point is old enough: %v", u)
	}
	r.c.RunFor(90 * time.Second)
	if got := read()[autoscaler.MetricCPU]; got.Value != 5 || !got.At.Equal(start) {
		t.Errorf("idle: %+v, want the base at the start", got)
	}
	r.c.RunFor(time.Minute)
	// Five sessions on ten slots: half way from 5 to 80, and from 20 to 60.
	u := read()
	if cpu, memory := u[autoscaler.MetricCPU], u[autoscaler.MetricMemory]; cpu.Value != 42.5 || memory.Value != 40 ||
		!cpu.At.Equal(start.Add(time.Minute)) {
		t.Errorf("half full: %+v", u)
	}
	setDesired(t, r.c, 0)
	for _, id := range ids(t, r.c) {
		stopTask(t, r.c, id)
	}
	r.c.RunFor(20 * time.Minute)
	if u := read(); len(u) != 0 {
		t.Errorf("long after nothing runs: %v", u)
	}
}
