package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// Route says how users find a task.
type Route string

// The routes.
const (
	// RoutePlace: a broker asks sessionstore.Place, which takes the fullest open task
	// with a free slot, and reopens a cordoned one as the last resort.
	RoutePlace Route = "place"
	// RouteSteered: a balancer that sends users to the task with the fewest sessions,
	// cordoned ones left out, and keeps the sessions of those.
	RouteSteered Route = "steered"
	// RouteRedirect: a balancer that knows nothing of cordons; who is refused tries
	// again. Only idle tasks are drained: it would send every new user to one that is
	// emptied first.
	RouteRedirect Route = "redirect"
)

// entrance is the simulator's word for a route; false for one that is not known.
func (r Route) entrance() (ecssim.Entrance, bool) {
	switch r {
	case RoutePlace:
		return ecssim.EnterPacked, true
	case RouteSteered:
		return ecssim.EnterSteered, true
	case RouteRedirect:
		return ecssim.EnterByBalancer, true
	}
	return 0, false
}

// Routes returns the routes there are.
func Routes() []Route { return []Route{RoutePlace, RouteSteered, RouteRedirect} }

// Trial is one policy under one load. Load and Policy are needed, the rest has the
// defaults that it names. A trial is a value; running it changes nothing of it.
type Trial struct {
	Load   Load
	Policy autoscaler.Policy
	// Name stands for the policy in results; default its own.
	Name string
	Seed uint64 // of everything that the simulation draws

	Route  Route             // default RoutePlace
	Slots  int               // of a task, 1 to 200; default 10
	Level  autoscaler.Level  // of the application; default A
	Limits autoscaler.Limits // default 1 to three times what the peak fills

	Interval time.Duration // between two passes; default 15 s
	// Unheard leaves the controller without word of sessions between two passes.
	Unheard             bool
	DeregistrationDelay time.Duration // default 30 s
	WarmUp              time.Duration // not scored; default a day, or a quarter of a load shorter than 36 h

	// Faults lets calls go wrong, and lays weather over the service: deployments,
	// foreign writes, crashes, sick tasks, Spot, people.
	Faults bool

	// Record, if set, takes a recording of the run; see package recording.
	Record io.Writer
	// Passes, if set, is called with each pass.
	Passes func(autoscaler.Pass)
	// Progress, if set, is called some two hundred times in a run, with the share that
	// is done.
	Progress func(done float64, state string)

	// journaled keeps every write of every pass, for tests: a run of months would hold
	// ten thousand of them for nobody.
	journaled bool
}

const (
	day       = 24 * time.Hour
	maxDays   = 366
	mostSlots = 200 // the most sessions that one record holds
)

// withDefaults fills in what the zero fields mean.
func (t Trial) withDefaults() Trial {
	t.Route, t.Level = cmp.Or(t.Route, RoutePlace), cmp.Or(t.Level, autoscaler.LevelA)
	t.Slots, t.Interval = cmp.Or(t.Slots, 10), cmp.Or(t.Interval, 15*time.Second)
	t.DeregistrationDelay = cmp.Or(t.DeregistrationDelay, 30*time.Second)
	if t.Name == "" && t.Policy != nil {
		t.Name = t.Policy.Name()
	}
	if len(t.Load.Sessions) == 0 {
		return t
	}
	first, last, _ := t.Load.span()
	if span := last.Sub(first); t.WarmUp == 0 {
		if t.WarmUp = day; span < 36*time.Hour {
			t.WarmUp = span / 4
		}
	}
	if t.Limits == (autoscaler.Limits{}) && t.Slots > 0 {
		// So far above the peak that the limit shapes nothing.
		t.Limits = autoscaler.Limits{Min: 1, Max: 3*(t.Load.Peak()/t.Slots+1) + 2}
	}
	return t
}

// check returns everything that is wrong with a trial, joined.
func (t Trial) check() error {
	var all []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	_, known := t.Route.entrance()
	add(t.Policy == nil, "Policy is nil; give one, policy.Headroom{} to begin with")
	add(len(t.Load.Sessions) == 0, "the load %q holds no session", t.Load.Name)
	add(!known, "Route is %q; use one of %v", t.Route, Routes())
	add(t.Slots < 1 || t.Slots > mostSlots, "Slots is %d; use 1 to %d", t.Slots, mostSlots)
	add(t.Interval < time.Second, "Interval is %v; use a second or more", t.Interval)
	add(t.WarmUp < 0, "WarmUp is %v; use 0 or more", t.WarmUp)
	if len(t.Load.Sessions) > 0 {
		first, last, end := t.Load.span()
		add(t.WarmUp > 0 && t.WarmUp >= last.Sub(first), "WarmUp is %v and the last session of %q begins after %v: nothing is left to score", t.WarmUp, t.Load.Name, last.Sub(first))
		add(end.Sub(first) > maxDays*day, "the last session of %q ends %.0f days after the first begins; the most is %d: mend the line, or cut the load", t.Load.Name, end.Sub(first).Hours()/24, maxDays)
	}
	if err := errors.Join(all...); err != nil {
		return &autoscaler.Error{Op: "backtest.Run", Ref: t.Load.Name, Err: err}
	}
	return nil
}

// Run plays the load to its end and returns what came of it. The same trial gives
// the same result. It fails where the trial makes no sense, where a pass cannot be
// carried out although no fault was asked for, and where ctx ends.
func (t Trial) Run(ctx context.Context) (Result, error) {
	t = t.withDefaults()
	if err := t.check(); err != nil {
		return Result{}, err
	}
	s, err := newSimulation(ctx, t)
	if err != nil {
		return Result{}, err
	}
	return s.run()
}
