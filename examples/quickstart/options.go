package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
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
}

// policies are what -policy may name, each as a user's main would write it.
var policies = map[string]func(slots int) autoscaler.Policy{
	"safest": func(slots int) autoscaler.Policy {
		return policy.Safest{policy.Threshold{}, headroom(slots)}
	},
	"buffer":    func(slots int) autoscaler.Policy { return headroom(slots) },
	"threshold": func(int) autoscaler.Policy { return policy.Threshold{} },
}

// headroom keeps room for the users of the next minutes: a task takes a minute
// and a half to start, and until then only free slots help.
func headroom(slots int) policy.Buffer {
	return policy.Buffer{Slots: slots, Percent: 15, PerTask: slots}
}

var levels = map[string]autoscaler.Level{"A": autoscaler.LevelA, "B": autoscaler.LevelB, "C": autoscaler.LevelC}

var routes = map[string]ecssim.Entrance{"place": ecssim.EnterPacked, "least": ecssim.EnterLeast}

// parse reads the command line, and says everything that is wrong with it at
// once.
func parse(args []string, diagnostics io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	flags.StringVar(&o.trace, "trace", "", "session trace `FILE`: CSV, plain or gzip, first line start_unix_s,duration_s, sorted by start; without one a built-in load is generated")
	flags.Float64Var(&o.days, "days", 0, "how many days to run; 0 means the whole trace, or 10 days of the built-in load")
	flags.StringVar(&o.policy, "policy", "safest", "one of "+names(policies))
	flags.StringVar(&o.route, "route", "place", "who takes a new session: place (fullest task with room) or least (emptiest)")
	flags.IntVar(&o.slots, "slots", 10, "sessions that one task has room for")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of everything that is drawn")
	flags.StringVar(&o.level, "level", "A", "what the application does for its sessions: A asks before it serves one, B tells and acknowledges drains, C only sends events (with a balancer whose targets stay out once they are taken out)")
	flags.BoolVar(&o.faults, "faults", false, "let one call in a hundred go wrong, and lay weather over the service: deployments, foreign writes, crashes, sick tasks, Spot, people")
	flags.BoolVar(&o.json, "json", false, "print one JSON object instead of the table")
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
	_, known := routes[o.route]
	add(!known, "-route %q: use one of %s", o.route, names(routes))
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

// load is a series of sessions with a name for reports.
type load struct {
	name     string
	sessions []ecssim.Session
}

// load reads the trace, or makes the built-in load, and cuts it to the days
// asked for. Sessions that begin later are left out; those that began run to
// their end.
func (o options) load() (load, error) {
	if o.trace == "" {
		days := cmp.Or(o.days, builtInDays)
		generated := ecssim.Load{Seed: o.seed, Length: days24(days), PerHour: 100}
		return o.checked(load{"built-in", generated.Sessions()})
	}
	f, err := os.Open(o.trace)
	if err != nil {
		return load{}, fmt.Errorf("-trace: %w", err)
	}
	defer f.Close()
	sessions, err := ecssim.ReadTrace(f, o.trace)
	if err != nil {
		return load{}, err
	}
	if o.days > 0 {
		end := sessions[0].Start.Add(days24(o.days))
		n, _ := slices.BinarySearchFunc(sessions, end, func(s ecssim.Session, end time.Time) int { return s.Start.Compare(end) })
		sessions = sessions[:n]
	}
	return o.checked(load{filepath.Base(o.trace), sessions})
}

// checked refuses a load that cannot be run in a useful time, or not at all.
func (o options) checked(l load) (load, error) {
	if len(l.sessions) == 0 {
		return l, fmt.Errorf("-days %v: no session of %s begins within it; use a longer time", o.days, l.name)
	}
	first, _, lastEnd := span(l.sessions)
	if days := lastEnd.Sub(first).Hours() / 24; days > maxDays {
		return l, fmt.Errorf("%s: its last session ends %.0f days after the first begins; the most is %d: mend the line, or cut the trace with -days",
			l.name, days, maxDays)
	}
	return l, nil
}

func days24(days float64) time.Duration { return time.Duration(days * 24 * float64(time.Hour)) }

// peakTasks returns how many tasks the limits allow: three times what the peak
// of the load fills, so that the limit shapes nothing.
func peakTasks(sessions []ecssim.Session, slots int) int {
	ends := make([]time.Time, len(sessions))
	for i, s := range sessions {
		ends[i] = s.Start.Add(s.Duration)
	}
	slices.SortFunc(ends, time.Time.Compare)
	peak, ended := 0, 0
	for i, s := range sessions {
		for ended < len(ends) && !ends[ended].After(s.Start) {
			ended++
		}
		peak = max(peak, i+1-ended)
	}
	return 3*(peak/slots+1) + 2
}
