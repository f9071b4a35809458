package backtest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy/recording"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// settle is how long a run goes on after the last session's end, so that idle tasks
// are released.
const settle = time.Hour

// spacing is the shortest time between two passes: the default of Timing.Spacing.
const spacing = time.Second

// lagBound is the host's promise about level C's events: the simulated queue is never
// slower than seconds.
const lagBound = time.Minute

// remember is how long the store remembers what has ended. No event of a simulation
// comes later, and with the default of two weeks a run would grow by all its sessions.
const remember = 6 * time.Hour

// simulation is one service under one load: the cluster, the store, the application
// with its users, and the controller, all on the cluster's clock.
type simulation struct {
	trial   Trial
	ctx     context.Context
	cluster *ecssim.Cluster
	users   *ecssim.Application
	ctl     *autoscaler.Controller
	store   *counting
	faults  *ecssim.Faults
	weather map[string]int
	series  series
	record  *recording.Writer
	result  Result
	failure error

	lastPass, nextPass time.Time
	turn               int       // of the pass that is planned; an older plan is void
	breachedAt         time.Time // when the room was first breached since the last pass
}

// newSimulation wires everything as a user's main would, with a simulated cluster in
// the place of AWS.
func newSimulation(ctx context.Context, t Trial) (*simulation, error) {
	first, lastStart, _ := t.Load.span()
	cluster := ecssim.New(ecssim.Config{Seed: t.Seed, Start: first, Service: ecssim.ServiceConfig{
		Desired: max(2, t.Limits.Min), Warm: true, DeregistrationDelay: t.DeregistrationDelay, Rebalance: t.Faults, ReregisterAfter: reregister(t.Level),
	}})
	store := &counting{Store: memstore.New(memstore.Config{
		Now: cluster.Now, Rules: sessionstore.Rules{LagBound: lagBound}, Remember: remember,
	})}
	s := &simulation{trial: t, ctx: ctx, cluster: cluster, store: store, series: newSeries(first, lastStart)}
	sessions, records := ecssim.WireSessions(cluster, store), ecssim.WireRecords(cluster, store)
	state := ecssim.WireState(cluster, store)
	entrance, _ := t.Route.entrance()
	users, err := ecssim.NewApplication(cluster, ecssim.ApplicationConfig{
		Slots: t.Slots, Level: t.Level, Entrance: entrance, WarmUp: t.WarmUp,
		Sessions: sessions, Records: records, Writer: heard{ecssim.WireWriter(cluster, store), s},
		Demand: heardDemand{ecssim.WireDemand(cluster, store), s}, Barriers: ecssim.WireBarriers(cluster, store),
	})
	if err != nil {
		return nil, err
	}
	var journal autoscaler.Journal
	if t.journaled {
		journal = store
	}
	drains, err := workflow.New(workflow.Config{
		Tasks: cluster, Scaler: cluster, Sessions: sessions, Records: records, State: state, Journal: journal,
		Events: users.Events(), Now: cluster.Now,
	})
	if err != nil {
		return nil, err
	}
	s.users = users
	if t.Record != nil {
		s.record = recording.NewWriter(t.Record)
	}
	s.ctl, err = autoscaler.New(autoscaler.Config{
		Service: service(), Limits: t.Limits, Policy: t.Policy,
		Sessions: sessions, Records: records, State: state,
		Scaler: cluster, Utilization: cluster, Drains: drains,
		Protection: cluster, Journal: journal,
		// A balancer that knows of no drains sends new users to the emptiest task first.
		Emptying: t.Route != RouteRedirect,
		Timing:   autoscaler.Timing{Interval: t.Interval},
		Decided:  s.decided,
		Now:      cluster.Now, Logger: slog.New(slog.DiscardHandler),
	})
	return s, err
}

// decided records a pass. What cannot be recorded ends the run: a recording was asked
// for.
func (s *simulation) decided(snapshot autoscaler.Snapshot, d autoscaler.Decision) {
	if s.record == nil {
		return
	}
	s.record.Record(snapshot, d)
	if err := s.record.Err(); err != nil && s.failure == nil {
		s.failure = err
	}
}

// service is the simulated service's name.
func service() autoscaler.ServiceID { return autoscaler.ServiceID{Cluster: "sim", Name: "service"} }

// reregister is when ECS registers a target again that was taken out by hand. At level
// C nothing could be released where it does.
func reregister(level autoscaler.Level) time.Duration {
	if level == autoscaler.LevelC {
		return -1
	}
	return 0 // the simulator's default
}

// run plays the load to its end.
func (s *simulation) run() (Result, error) {
	t := s.trial
	first, lastStart, lastEnd := t.Load.span()
	s.result = newResult(t)
	s.users.Play(t.Load.Sessions)
	if t.Faults {
		s.befall(first, lastStart)
	}
	s.plan(first)
	horizon := lastEnd.Add(settle)
	step := max(horizon.Sub(first)/200, time.Minute)
	scored := false
	for at := first; at.Before(horizon); {
		if at = at.Add(step); !scored && !at.Before(lastStart) {
			at, scored = lastStart, true
		}
		s.cluster.RunUntil(at)
		if s.failure != nil || s.ctx.Err() != nil {
			return Result{}, cmp.Or(s.failure, s.ctx.Err())
		}
		if at.Equal(lastStart) {
			s.result.score(s.users.Score(), t)
		}
		if t.Progress != nil {
			t.Progress(float64(at.Sub(first))/float64(horizon.Sub(first)), s.line())
		}
	}
	s.finish()
	return s.result, nil
}

// plan plans the next pass; one that was planned before is void. It stands in the
// place of Controller.Run, whose timers are of the real clock.
func (s *simulation) plan(at time.Time) {
	s.turn++
	s.nextPass = at
	turn := s.turn
	s.cluster.At(at, func() {
		if turn == s.turn {
			s.pass()
		}
	})
}

// wake makes a pass before its turn, as Run does.
func (s *simulation) wake() {
	at := s.cluster.Now()
	if s.breachedAt.IsZero() {
		s.breachedAt = at
	}
	if soonest := s.lastPass.Add(spacing); at.Before(soonest) {
		at = soonest
	}
	if at.Before(s.nextPass) {
		s.plan(at)
	}
}

// pass makes one pass and counts what it decided. A pass that cannot be carried out
// ends the run, unless faults were asked for.
func (s *simulation) pass() {
	if s.failure != nil {
		return
	}
	s.lastPass = s.cluster.Now()
	p, err := s.ctl.Reconcile(s.ctx)
	switch {
	case err != nil && s.faults != nil:
		s.result.FailedPasses++ // the next one computes everything anew
	case err != nil:
		s.failure = fmt.Errorf("pass at %s: %w", p.At.Format(time.RFC3339), err)
		return
	}
	s.plan(s.lastPass.Add(max(p.Next(s.trial.Interval), spacing)))
	s.result.count(p)
	s.series.pass(p, s.users)
	if s.trial.Passes != nil {
		s.trial.Passes(p)
	}
	s.breachedAt = time.Time{}
}

// befall lets calls go wrong and lays weather over the service. The last hours are
// fair, so that what is left over in the end has no excuse.
func (s *simulation) befall(from, to time.Time) {
	s.faults = ecssim.NewFaults(s.trial.Seed, ecssim.EveryFault(0.0025)...) // a call is open to four kinds and more
	s.cluster.SetFaults(s.faults)
	s.cluster.At(to, s.faults.End)
	s.weather = ecssim.Weather{
		Seed: s.trial.Seed, From: from, To: to, Deployments: 1.0 / 7, Writes: 1, Applied: 6, Crashes: 0.2, Restarts: 0.2, Sick: 0.3,
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
	r.Calls = s.cluster.Calls()
	r.DesiredWrites = r.Calls["UpdateService"]
	r.Series, r.Decisions = s.series.kept, s.series.decisions
}

// line is the state of the run for a progress line.
func (s *simulation) line() string {
	return fmt.Sprintf("%s  %4d sessions live  %3d waiting  %d cut",
		s.cluster.Now().Format("Mon 2006-01-02 15:04"), s.users.Active(), s.users.Waiting(), len(s.users.Cuts()))
}
