package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// interval is the time between two passes: a daemon's default.
const interval = 15 * time.Second

// settle is how long the run goes on after the last arrival, so that the last
// sessions are watched to their end and idle tasks are released.
const settle = time.Hour

// simulation is one service under one load: the cluster, the store, the
// application with its users, and the controller, all on the cluster's clock.
type simulation struct {
	cluster *ecssim.Cluster
	users   *ecssim.Application
	ctl     *autoscaler.Controller
	store   *counting
	faults  *ecssim.Faults
	weather map[string]int
	result  result
	failure error
}

// simulate runs the load through the controller and returns what came of it.
func simulate(ctx context.Context, o options, l load, progress func(done float64, s string)) (result, error) {
	first, lastStart, lastEnd := span(l.sessions)
	warmUp := min(24*time.Hour, lastStart.Sub(first)/4)
	s, err := build(o, first, warmUp, peakTasks(l.sessions, o.slots))
	if err != nil {
		return result{}, err
	}
	s.result = result{
		Policy: o.policy, Trace: l.name, Route: o.route, Slots: o.slots, Seed: o.seed, Level: o.level,
		WarmUpHours: warmUp.Hours(), Sessions: len(l.sessions), Reasons: make(map[string]int), Holds: make(map[string]int),
	}
	s.users.Play(l.sessions)
	if o.faults {
		s.befall(o.seed, first, lastStart)
	}
	s.cluster.Every(first, interval, func() { s.pass(ctx) })

	horizon := lastEnd.Add(settle)
	step := max(horizon.Sub(first)/200, time.Minute)
	scored := false
	for at := first; at.Before(horizon); {
		if at = at.Add(step); !scored && !at.Before(lastStart) {
			at, scored = lastStart, true
		}
		s.cluster.RunUntil(at)
		if s.failure != nil || ctx.Err() != nil {
			return result{}, cmp.Or(s.failure, ctx.Err())
		}
		if at.Equal(lastStart) {
			s.result.score(s.users.Score())
		}
		progress(float64(at.Sub(first))/float64(horizon.Sub(first)), s.line())
	}
	s.finish()
	return s.result, nil
}

// build wires the simulation as a user's main would, with a simulated cluster in
// the place of AWS.
func build(o options, start time.Time, warmUp time.Duration, most int) (*simulation, error) {
	cluster := ecssim.New(ecssim.Config{Seed: o.seed, Start: start, Service: ecssim.ServiceConfig{
		Desired: 2, Warm: true, DeregistrationDelay: 30 * time.Second, Rebalance: o.faults, ReregisterAfter: reregister(o.level),
	}})
	store := &counting{Store: memstore.New(memstore.Config{Now: cluster.Now, Rules: sessionstore.Rules{LagBound: lagBound}})}
	sessions, records := ecssim.WireSessions(cluster, store), ecssim.WireRecords(cluster, store)
	state := ecssim.WireState(cluster, store)
	users, err := ecssim.NewApplication(cluster, ecssim.ApplicationConfig{
		Slots: o.slots, Level: levels[o.level], Entrance: routes[o.route], WarmUp: warmUp,
		Sessions: sessions, Records: records, Writer: ecssim.WireWriter(cluster, store),
		Demand: ecssim.WireDemand(cluster, store), Barriers: ecssim.WireBarriers(cluster, store),
	})
	if err != nil {
		return nil, err
	}
	drains, err := workflow.New(workflow.Config{
		Tasks: cluster, Scaler: cluster, Sessions: sessions, Records: records, State: state, Journal: store,
		Events: users.Events(), Now: cluster.Now,
	})
	if err != nil {
		return nil, err
	}
	ctl, err := autoscaler.New(autoscaler.Config{
		Service:  service,
		Limits:   autoscaler.Limits{Min: 1, Max: most},
		Policy:   policies[o.policy](o.slots),
		Sessions: sessions, Records: records, State: state,
		Scaler: cluster, Utilization: cluster, Drains: drains,
		Protection: cluster, Journal: store,
		Emptying: o.faults, // or a deployment would wait for the last session of each old task
		Now:      cluster.Now,
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return nil, err
	}
	return &simulation{cluster: cluster, users: users, ctl: ctl, store: store}, nil
}

// service is the simulated service's name.
var service = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

// pass makes one pass and counts what it decided. A pass that cannot be carried
// out ends the run: on a simulated cluster without faults there is none.
func (s *simulation) pass(ctx context.Context) {
	if s.failure != nil {
		return
	}
	p, err := s.ctl.Reconcile(ctx)
	switch {
	case err != nil && s.faults != nil:
		s.result.FailedPasses++ // the next one computes everything anew
	case err != nil:
		s.failure = fmt.Errorf("pass at %s: %w", p.At.Format(time.RFC3339), err)
		return
	}
	s.result.Passes++
	reasons := p.Reasons
	for _, release := range p.Releases {
		reasons = append(reasons, release.Reasons...)
	}
	for _, r := range reasons {
		s.result.Reasons[r.By+" "+string(r.Code)]++
		if r.Severity > autoscaler.Info {
			s.result.Holds[r.By+" "+string(r.Code)]++
		}
	}
}

// lagBound is the host's promise about level C's events: the simulated queue is never
// slower than seconds.
const lagBound = time.Minute

// reregister is when ECS registers a target again that was taken out by hand. At level
// C nothing could be released where it does.
func reregister(level string) time.Duration {
	if level == "C" {
		return -1
	}
	return 0 // the simulator's default
}

// befall lets calls go wrong and lays weather over the service. The last hours are
// fair, so that what is left over in the end has no excuse.
func (s *simulation) befall(seed uint64, from, to time.Time) {
	s.faults = ecssim.NewFaults(seed, ecssim.EveryFault(0.0025)...) // a call is open to four kinds and more
	s.cluster.SetFaults(s.faults)
	s.cluster.At(to, s.faults.End)
	s.weather = ecssim.Weather{
		Seed: seed, From: from, To: to, Deployments: 1.0 / 7, Writes: 1, Applied: 6, Crashes: 0.2, Restarts: 0.2, Sick: 0.3,
		Reclaims: 0.3, Stops: 0.2, Bared: 0.3,
	}.Play(s.cluster, s.users)
}

// finish adds what is known only at the end.
func (s *simulation) finish() {
	r := &s.result
	for _, cut := range s.users.Cuts() {
		if cut.Outside() {
			r.Lost++
			continue
		}
		r.Killed++
	}
	if s.faults != nil {
		r.Faults, r.Weather = map[string]int{}, s.weather
		for kind, n := range s.faults.Counts() {
			r.Faults[string(kind)] = n
		}
	}
	r.Waiting = s.users.Waiting()
	r.Cordons, r.Reopens, r.Retires = s.store.cordons, s.store.reopens, s.store.retires
	for _, w := range s.cluster.Writes() {
		if !w.Foreign {
			r.DesiredWrites++
		}
	}
	r.Calls = s.cluster.Calls()
}

// line is the state of the run for the progress line.
func (s *simulation) line() string {
	return fmt.Sprintf("%s  %4d sessions live  %3d waiting  %d cut",
		s.cluster.Now().Format("Mon 2006-01-02 15:04"), s.users.Active(), s.users.Waiting(), len(s.users.Cuts()))
}

// counting counts the writes of a drain that the store confirmed.
type counting struct {
	*memstore.Store
	cordons, reopens, retires int
}

func (c *counting) Cordon(ctx context.Context, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
	a, err := c.Store.Cordon(ctx, req)
	if err == nil {
		c.cordons++
	}
	return a, err
}

func (c *counting) Reopen(ctx context.Context, d autoscaler.DrainRef) error {
	err := c.Store.Reopen(ctx, d)
	if err == nil {
		c.reopens++
	}
	return err
}

func (c *counting) Retire(ctx context.Context, d autoscaler.DrainRef) error {
	err := c.Store.Retire(ctx, d)
	if err == nil {
		c.retires++
	}
	return err
}

// span returns the first start, the last start and the last end.
func span(sessions []ecssim.Session) (first, lastStart, lastEnd time.Time) {
	first, lastStart = sessions[0].Start, sessions[len(sessions)-1].Start
	for _, s := range sessions {
		if end := s.Start.Add(s.Duration); end.After(lastEnd) {
			lastEnd = end
		}
	}
	return first, lastStart, lastEnd
}
