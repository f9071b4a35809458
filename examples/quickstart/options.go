package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// options are the command line.
type options struct {
	trace  string
	days   float64
	policy string
	route  string
	slots  int
	seed   uint64
	level  string
	faults bool
	json   bool
	report string
}

// policies are what -policy may name, each as a user's main would write it.
var policies = map[string]func(slots int) autoscaler.Policy{
	"headroom": func(int) autoscaler.Policy { return policy.Headroom{} },
	"safest": func(slots int) autoscaler.Policy {
		return policy.Safest{policy.Threshold{}, buffer(slots)}
	},
	"buffer":    func(slots int) autoscaler.Policy { return buffer(slots) },
	"threshold": func(int) autoscaler.Policy { return policy.Threshold{} },
}

// buffer keeps a task's slots and more free: a task takes a minute and a half to start,
// and until then only free slots help.
func buffer(slots int) policy.Buffer {
	return policy.Buffer{Slots: slots, Percent: 15, PerTask: slots}
}

var levels = map[string]autoscaler.Level{"A": autoscaler.LevelA, "B": autoscaler.LevelB, "C": autoscaler.LevelC}

// parse reads the command line, and says everything that is wrong with it at
// once.
func parse(args []string, diagnostics io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	flags.StringVar(&o.trace, "trace", "", "session trace `FILE`: CSV, plain or gzip, first line start_unix_s,duration_s, sorted by start; without one a built-in load is generated")
	flags.Float64Var(&o.days, "days", 0, "how many days to run; 0 means the whole trace, or 10 days of the built-in load")
	flags.StringVar(&o.policy, "policy", "headroom", "one of "+names(policies))
	flags.StringVar(&o.route, "route", "place", "who takes a new session: place (a broker, the fullest task with room), steered (a balancer, the emptiest that is not drained) or redirect (a balancer that knows of no drains; who is refused tries again)")
	flags.IntVar(&o.slots, "slots", 10, "sessions that one task has room for")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of everything that is drawn")
	flags.StringVar(&o.level, "level", "A", "what the application does for its sessions: A asks before it serves one, B tells and acknowledges drains, C only sends events (with a balancer whose targets stay out once they are taken out)")
	flags.BoolVar(&o.faults, "faults", false, "let one call in a hundred go wrong, and lay weather over the service: deployments, foreign writes, crashes, sick tasks, Spot, people")
	flags.BoolVar(&o.json, "json", false, "print one JSON object instead of the table")
	flags.StringVar(&o.report, "report", "", "write an HTML report to `FILE`")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	return o, o.check(flags.Args())
}

// check returns every problem of the options, joined.
func (o options) check(rest []string) error {
	var all []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	add(len(rest) > 0, "unexpected argument %q; everything is a flag, see -help", strings.Join(rest, " "))
	add(policies[o.policy] == nil, "-policy %q: use one of %s", o.policy, names(policies))
	add(!slices.Contains(backtest.Routes(), backtest.Route(o.route)), "-route %q: use one of %v", o.route, backtest.Routes())
	add(levels[o.level] == "", "-level %q: use one of %s", o.level, names(levels))
	add(!(o.days >= 0 && o.days <= maxDays), "-days %v: use a number from 0 to %d", o.days, maxDays)
	add(o.slots < 1 || o.slots > recordLimit, "-slots %d: use 1 to %d", o.slots, recordLimit)
	return errors.Join(all...)
}

const (
	maxDays     = 366
	recordLimit = 200 // the most sessions that one record holds
	builtInDays = 10
)

func names[V any](m map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

// trial is the run that the options ask for.
func (o options) trial(load backtest.Load) backtest.Trial {
	return backtest.Trial{
		Load: load, Policy: policies[o.policy](o.slots), Name: o.policy, Seed: o.seed,
		Route: backtest.Route(o.route), Slots: o.slots, Level: levels[o.level], Faults: o.faults,
	}
}

// load reads the trace, or makes the built-in load, and cuts it to the days
// asked for. Sessions that begin later are left out; those that began run to
// their end.
func (o options) load() (backtest.Load, error) {
	if o.trace == "" {
		days := cmp.Or(o.days, builtInDays)
		return o.some(backtest.Generate("built-in", ecssim.Load{Seed: o.seed, Length: days24(days), PerHour: 100}))
	}
	load, err := backtest.LoadFile(o.trace)
	if err != nil {
		return load, fmt.Errorf("-trace: %w", err)
	}
	return o.some(load.Until(days24(o.days)))
}

// some refuses a load without sessions.
func (o options) some(l backtest.Load) (backtest.Load, error) {
	if len(l.Sessions) == 0 {
		return l, fmt.Errorf("-days %v: no session of %s begins within it; use a longer time", o.days, l.Name)
	}
	return l, nil
}

func days24(days float64) time.Duration { return time.Duration(days * 24 * float64(time.Hour)) }
