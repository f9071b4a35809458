package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// options are the command line.
type options struct {
	trace    string
	days     float64
	fold     string
	policies string
	seeds    int
	slots    string
	routes   string
	interval time.Duration
	delay    time.Duration
	level    string
	price    float64
	json     bool
	report   string
	parallel int

	budgetRatio, budgetPPM float64
}

var levels = map[string]autoscaler.Level{"A": autoscaler.LevelA, "B": autoscaler.LevelB, "C": autoscaler.LevelC}

// parse reads the command line, and says everything that is wrong with it at once.
func parse(args []string, diagnostics io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("backtest", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	flags.StringVar(&o.trace, "trace", "", "session trace `FILE`: CSV, plain or gzip, first line start_unix_s,duration_s, sorted by start; without one a built-in load is generated")
	flags.Float64Var(&o.days, "days", 0, "how many days to run; 0 means the whole trace, or 10 days of the built-in load")
	flags.StringVar(&o.fold, "fold", "", "lay the first weeks of the load over one another, as `WEEKS/ONTO`: 12/4 makes four weeks of three times the size")
	flags.StringVar(&o.policies, "policies", "headroom,threshold,buffer,safest", "what to compare, a `LIST` with commas of "+names(policies()))
	flags.IntVar(&o.seeds, "seeds", 1, "how many seeds of the simulation to run: `N` is 1 to N")
	flags.StringVar(&o.slots, "slots", "10", "sessions that one task has room for, a `LIST` with commas")
	flags.StringVar(&o.routes, "route", "place", "how users find a task, a `LIST` with commas: place (fullest task with room), steered (a balancer that leaves cordoned tasks out), redirect (one that knows nothing of cordons)")
	flags.DurationVar(&o.interval, "interval", 15*time.Second, "time between two passes")
	flags.DurationVar(&o.delay, "delay", 30*time.Second, "deregistration delay of the balancer")
	flags.StringVar(&o.level, "level", "A", "what the application does for its sessions: A asks before it serves one, B tells and acknowledges drains, C only sends events (with a balancer whose targets stay out once they are taken out)")
	flags.Float64Var(&o.price, "price", 0, "price of one task for an hour, in USD; 0 says nothing of money")
	flags.BoolVar(&o.json, "json", false, "print one JSON array, an object for each run, instead of the table")
	flags.StringVar(&o.report, "report", "", "write a report for a browser to `FILE`")
	flags.IntVar(&o.parallel, "parallel", runtime.GOMAXPROCS(0), "how many runs at once")
	flags.Float64Var(&o.budgetRatio, "budget-ratio", 0, "exit with 4 where the ratio to LB1 of a run is higher; 0 is any")
	flags.Float64Var(&o.budgetPPM, "budget-ppm", 0, "exit with 4 where more users of a million found no free slot; 0 is any")
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
	add(!(o.days >= 0 && o.days <= maxDays), "-days %v: use a number from 0 to %d", o.days, maxDays)
	add(o.seeds < 1 || o.seeds > maxSeeds, "-seeds %d: use 1 to %d", o.seeds, maxSeeds)
	add(o.interval < time.Second || o.interval > time.Hour, "-interval %v: use 1s to 1h", o.interval)
	add(o.delay < time.Second || o.delay > time.Hour, "-delay %v: use 1s to 1h", o.delay)
	add(levels[o.level] == "", "-level %q: use one of %s", o.level, names(levels))
	add(!notNegative(o.price), "-price %v: use 0 or a price", o.price)
	add(o.parallel < 1, "-parallel %d: use 1 or more", o.parallel)
	add(!notNegative(o.budgetRatio), "-budget-ratio %v: use 0 or a ratio, 1.4 to begin with", o.budgetRatio)
	add(!notNegative(o.budgetPPM), "-budget-ppm %v: use 0 or parts per million, 100 to begin with", o.budgetPPM)
	_, err := o.slotList()
	all = append(all, err)
	_, err = o.routeList()
	all = append(all, err)
	_, err = o.policyList()
	all = append(all, err)
	_, _, err = o.weeks()
	all = append(all, err)
	return errors.Join(all...)
}

const (
	maxDays     = 366
	maxSeeds    = 1000
	recordLimit = 200 // the most sessions that one record holds
	builtInDays = 10
)

// notNegative is false for what is no finite number too.
func notNegative(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }

func names[V any](m map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

// budget is what the flags hold a run to.
func (o options) budget() backtest.Budget {
	return backtest.Budget{Ratio: o.budgetRatio, NoSlotPPM: o.budgetPPM}
}

// slotList returns what -slots lists.
func (o options) slotList() ([]int, error) {
	return list("-slots", o.slots, fmt.Sprintf("numbers from 1 to %d", recordLimit), func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n, err == nil && n >= 1 && n <= recordLimit
	})
}

// routeList returns what -route lists.
func (o options) routeList() ([]backtest.Route, error) {
	return list("-route", o.routes, fmt.Sprintf("some of %v", backtest.Routes()), func(text string) (backtest.Route, bool) {
		return backtest.Route(text), slices.Contains(backtest.Routes(), backtest.Route(text))
	})
}

// policyList returns what -policies lists.
func (o options) policyList() ([]string, error) {
	known := policies()
	return list("-policies", o.policies, "some of "+names(known), func(text string) (string, bool) {
		return text, known[text] != nil
	})
}

// list reads a list with commas. It refuses what is not known and what is named
// twice, all at once.
func list[T comparable](name, text, use string, read func(string) (T, bool)) ([]T, error) {
	var values []T
	var all []error
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		v, known := read(item)
		switch {
		case !known:
			all = append(all, fmt.Errorf("%s %q: use %s", name, item, use))
		case slices.Contains(values, v):
			all = append(all, fmt.Errorf("%s names %q twice; once is enough", name, item))
		}
		values = append(values, v)
	}
	return values, errors.Join(all...)
}

// weeks reads -fold; 0 and 0 is a load as it is.
func (o options) weeks() (weeks, onto int, err error) {
	if o.fold == "" {
		return 0, 0, nil
	}
	before, after, _ := strings.Cut(o.fold, "/")
	weeks, errWeeks := strconv.Atoi(before)
	onto, errOnto := strconv.Atoi(after)
	if errWeeks != nil || errOnto != nil || onto < 1 || weeks < onto {
		return 0, 0, fmt.Errorf("-fold %q: use WEEKS/ONTO, as 12/4, with at least as many weeks as are to come out", o.fold)
	}
	return weeks, onto, nil
}
