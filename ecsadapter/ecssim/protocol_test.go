package ecssim_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// room wants a fifth more slots than sessions, and two tasks.
type room struct{}

func (room) Name() string { return "room" }

func (room) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	return s.Want((s.Totals.Sessions*6/5+3)/4+1, "room")
}

// run is two controllers, users and their application on one stage.
type run struct {
	c           *ecssim.Cluster
	stage       *ecssim.Stage
	application *ecssim.Application
	invariants  *ecssim.Invariants
	held        bool // whether callers are held up at random
}

var gateway = autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"}

func newRun(t *testing.T, seed uint64) *run {
	t.Helper()
	c := ecssim.New(ecssim.Config{Seed: seed, Service: ecssim.ServiceConfig{
		ID: gateway, Desired: 3, Warm: true, DeregistrationDelay: 30 * time.Second, RefuseAtEquality: seed%2 == 1,
	}})
	raw := memstore.New(memstore.Config{Now: c.Now})
	r := &run{c: c, stage: ecssim.NewStage(c, seed), invariants: ecssim.NewInvariants(c, gateway, raw), held: true}
	rnd := rand.New(rand.NewPCG(seed, 99))
	r.stage.Hold = func(call ecssim.Call) time.Duration {
		if !r.held || rnd.IntN(40) > 0 {
			return 0
		}
		held := time.Duration(rnd.ExpFloat64() * float64(time.Minute))
		if rnd.IntN(5) == 0 {
			held *= 20
		}
		if call.Point == ecssim.Sent {
			// AWS refuses what was signed more than five minutes ago.
			held = min(held, 5*time.Minute)
		}
		return held
	}
	c.SetSeam(ecssim.Seams(r.invariants.Seam(), r.stage.Seam()))
	var err error
	r.application, err = ecssim.NewApplication(c, ecssim.ApplicationConfig{
		Service: gateway, Slots: 4, Sessions: ecssim.WireSessions(c, raw), Records: ecssim.WireRecords(c, raw),
		Writer: ecssim.WireWriter(c, raw), Demand: ecssim.WireDemand(c, raw),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		r.control(t, raw, fmt.Sprintf("controller-%d", i))
	}
	return r
}

// control adds a controller with a release of its own, as another process has.
func (r *run) control(t *testing.T, raw *memstore.Store, name string) {
	t.Helper()
	sessions, records, state := ecssim.WireSessions(r.c, raw), ecssim.WireRecords(r.c, raw), ecssim.WireState(r.c, raw)
	drains, err := workflow.New(workflow.Config{
		Tasks: r.c, Scaler: r.c, Sessions: sessions, Records: records, State: state, Journal: raw, Now: r.c.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	controller, err := autoscaler.New(autoscaler.Config{
		Service: gateway, Limits: autoscaler.Limits{Min: 1, Max: 12}, Policy: room{}, Emptying: true,
		Sessions: sessions, Records: records, State: state, Scaler: r.c, Drains: drains, Now: r.c.Now,
		Timing: autoscaler.Timing{IdleFor: -1, Cooldown: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.stage.Go(name, func(ctx context.Context) {
		for ctx.Err() == nil {
			// A pass that lost a race, or whose clock was held up, is followed by another.
			_, _ = controller.Reconcile(ctx)
			_ = r.stage.Sleep(ctx, 15*time.Second)
		}
	})
}

// TestNoSessionIsCut runs two controllers, callers that are held up between any
// two calls, and users that come in the middle of them, and expects the drain
// protocol to hold after every call and idle capacity to be gone in the end.
func TestNoSessionIsCut(t *testing.T) {
	for seed := range uint64(8) {
		r := newRun(t, seed)
		start := r.c.Now()
		r.application.Play(ecssim.Load{Seed: seed, Length: 2 * time.Hour, PerHour: 60, Cycle: time.Hour, Mean: 8 * time.Minute, Tail: 0.6}.Sessions())
		rnd := rand.New(rand.NewPCG(seed, 7))
		for i := range 2 {
			r.stage.Go(fmt.Sprintf("visitor-%d", i), func(ctx context.Context) {
				for r.c.Now().Sub(start) < 2*time.Hour && ctx.Err() == nil {
					r.application.Visit(ctx, time.Duration(1+rnd.IntN(600))*time.Second)
					_ = r.stage.Sleep(ctx, time.Duration(1+rnd.IntN(120))*time.Second)
				}
			})
		}
		r.stage.Run(start.Add(2 * time.Hour))
		r.held = false
		r.stage.Run(start.Add(5 * time.Hour))
		r.stage.Close()
		for _, v := range r.invariants.Violations() {
			t.Error(v)
		}
		score := r.application.Score()
		state, err := r.c.Describe(context.Background(), gateway)
		if err != nil {
			t.Fatal(err)
		}
		if score.Cut != 0 || score.Waiting != 0 || r.application.Active() != 0 || score.Arrivals < 100 || score.TaskStops < 2 {
			t.Errorf("seed %d: %s, %d stopped, %d waiting, %d active", seed, score, score.TaskStops, score.Waiting, r.application.Active())
		}
		if state.Desired > 2 || state.Running > 2 {
			t.Errorf("seed %d: desired %d, running %d long after the last user", seed, state.Desired, state.Running)
		}
	}
}

// TestArticleOrderIsCaught runs the obvious order of things, look, stop, lower,
// in the controllers' place, and expects the rig to see the sessions it cuts: a
// rig that cannot fail proves nothing.
func TestArticleOrderIsCaught(t *testing.T) {
	cut := 0
	for seed := range uint64(5) {
		c := ecssim.New(ecssim.Config{Seed: seed, Service: ecssim.ServiceConfig{ID: gateway, Desired: 12, Warm: true}})
		raw := memstore.New(memstore.Config{Now: c.Now})
		stage := ecssim.NewStage(c, seed)
		invariants := ecssim.NewInvariants(c, gateway, raw)
		c.SetSeam(ecssim.Seams(invariants.Seam(), stage.Seam()))
		sessions := ecssim.WireSessions(c, raw)
		application, err := ecssim.NewApplication(c, ecssim.ApplicationConfig{
			Service: gateway, Slots: 4, Sessions: sessions, Records: raw, Writer: ecssim.WireWriter(c, raw),
			Entrance: ecssim.EnterByBalancer,
		})
		if err != nil {
			t.Fatal(err)
		}
		application.Play(ecssim.Load{Seed: seed, Length: 2 * time.Hour, PerHour: 100, Cycle: time.Hour, Mean: 5 * time.Minute}.Sessions())
		stage.Go("article", func(ctx context.Context) {
			for ctx.Err() == nil {
				stopIdle(ctx, c, stage, sessions)
				_ = stage.Sleep(ctx, time.Minute)
			}
		})
		stage.Run(c.Now().Add(2 * time.Hour))
		stage.Close()
		cut += application.Score().Cut
		if broken := len(invariants.Violations()) > 0; broken != (application.Score().Cut > 0) {
			t.Errorf("seed %d: %d sessions cut, %d violations", seed, application.Score().Cut, len(invariants.Violations()))
		}
	}
	if cut == 0 {
		t.Error("no session was cut in five runs")
	}
}

// stopIdle takes one task that is idle out of the balancer, waits, stops it and
// lowers the desired count. While it waits ECS registers the target again, and
// least connections prefers exactly that task.
func stopIdle(ctx context.Context, c *ecssim.Cluster, stage *ecssim.Stage, sessions autoscaler.SessionStore) {
	activity, err := sessions.Activity(ctx, gateway, c.Now())
	if err != nil {
		return
	}
	state, err := c.Describe(ctx, gateway)
	if err != nil || state.Desired <= 4 {
		return
	}
	for _, task := range activity.Tasks {
		if task.State == autoscaler.TaskOpen && task.Occupancy.Idle() {
			if c.Steer(ctx, task.Ref, false) != nil || stage.Sleep(ctx, 90*time.Second) != nil {
				return
			}
			if c.StopTask(task.Ref) == nil {
				_ = c.ForeignDesired(gateway, state.Desired-1)
			}
			return
		}
	}
}
