package autoscaler

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// Timing holds the durations of a controller. In each field 0 means the default
// and a negative value means none.
type Timing struct {
	// Interval is the time between two passes of Run. Default 15 s; a Lambda
	// that calls Reconcile each minute sets 60 s, so that Healthy knows. It
	// cannot be none.
	Interval time.Duration
	// Spacing is the shortest time between two passes of Run that Wake or Taken asked
	// for. Default 1 s.
	Spacing time.Duration
	// IdleFor is how long a task that is drained only if idle must have been
	// idle. Default 5 min.
	IdleFor time.Duration
	// Cooldown is how long after a confirmed scale-in the next one waits.
	// Default 5 min.
	Cooldown time.Duration
	// MetricAge is how old a metric may be before it counts as absent. Default
	// 5 min. It cannot be none.
	MetricAge time.Duration
	// MinAge is how long a task that never reports must have been open before
	// it may be drained. Default 5 min. A task that reports is old enough with
	// its first report.
	MinAge time.Duration
	// CordonLease is how long a cordon holds without being renewed. Default
	// 15 min, at least one minute. It cannot be none.
	CordonLease time.Duration
	// Deadline is how long a drain waits for its sessions before they are ended by
	// force, where Config.Forced allows that at all. Default none: they run out.
	Deadline time.Duration
	// Notice is how long before that the users are told. Default 15 min. It cannot
	// be none.
	Notice time.Duration
}

// withDefaults fills in the defaults and turns "none" into zero.
func (t Timing) withDefaults() Timing {
	fill := func(d *time.Duration, otherwise time.Duration) {
		switch {
		case *d == 0:
			*d = otherwise
		case *d < 0:
			*d = 0
		}
	}
	fill(&t.Interval, 15*time.Second)
	fill(&t.Spacing, time.Second)
	fill(&t.IdleFor, 5*time.Minute)
	fill(&t.Cooldown, 5*time.Minute)
	fill(&t.MetricAge, 5*time.Minute)
	fill(&t.MinAge, 5*time.Minute)
	fill(&t.CordonLease, 15*time.Minute)
	fill(&t.Deadline, 0)
	fill(&t.Notice, 15*time.Minute)
	return t
}

// Config is what a controller is built from. Fields are required unless they
// say otherwise; New reports everything that is wrong with it at once.
type Config struct {
	Service ServiceID
	Limits  Limits
	Policy  Policy

	Sessions SessionStore
	Records  Records
	State    StateStore
	Scaler   Scaler
	Drains   DrainWorkflow

	// Utilization is optional: without it every metric is absent.
	Utilization UtilizationSource
	// Protection is optional: with it a pass protects and opens the tasks that do not
	// do it themselves, which all tasks at level C are, and finds those whose
	// protection somebody took away. Without it each task has to protect itself.
	Protection Protector
	// Journal is optional: it is told of every write that a pass makes.
	Journal Journal
	// Forced is optional: without it no session is ever ended by force, whatever
	// Timing.Deadline says.
	Forced ForcedEnds

	// Victims ranks the idle tasks that are drained when the policy wants fewer
	// and names none. Default: those of an old revision, then the longest idle.
	Victims VictimOrder
	// Floor is how many free slots open tasks must keep through a scale-in.
	// 0 means 1; negative means none.
	Floor int
	// Emptying allows draining tasks that still hold sessions. Only routing that
	// knows of cordons may say so: a broker that uses sessionstore.Place. A
	// balancer prefers exactly the task that empties.
	Emptying bool
	Timing   Timing

	// Decided is optional: it is called in each pass, before anything is done, with what
	// the policy saw and what it decided, as it decided it; see package recording. It
	// must not block, nor change what it is given.
	Decided func(Snapshot, Decision)

	// Now is the clock; default time.Now. It is read at the start of a pass and
	// around dangerous calls.
	Now func() time.Time
	// Logger receives one record per pass of Run that did something, held
	// something at notice or above, or failed; default slog.Default(). Reconcile
	// logs nothing: a Lambda logs the Pass that it gets.
	Logger *slog.Logger
}

// ObserverConfig is what an Observer is built from: the reading half of a
// Config. A store or cluster that implements the whole contracts fits; so does
// one that can only read.
type ObserverConfig struct {
	Service ServiceID
	Limits  Limits
	Policy  Policy

	Sessions interface {
		Activity(ctx context.Context, service ServiceID, at time.Time) (Activity, error)
	}
	State interface {
		LoadCheckpoint(ctx context.Context, service ServiceID) (Checkpoint, error)
		Control(ctx context.Context, service ServiceID) (Control, error)
	}
	Scaler interface {
		Describe(ctx context.Context, service ServiceID) (ServiceState, error)
	}

	Utilization UtilizationSource // optional
	Victims     VictimOrder       // optional
	Floor       int               // optional
	Emptying    bool              // optional
	Timing      Timing            // optional
	Now         func() time.Time  // optional
}

// observing is the reading half of the configuration.
func (c Config) observing() ObserverConfig {
	o := ObserverConfig{
		Service: c.Service, Limits: c.Limits, Policy: c.Policy, Utilization: c.Utilization,
		Victims: c.Victims, Floor: c.Floor, Emptying: c.Emptying, Timing: c.Timing, Now: c.Now,
	}
	// A nil contract must stay nil in the narrower interface.
	if c.Sessions != nil {
		o.Sessions = c.Sessions
	}
	if c.State != nil {
		o.State = c.State
	}
	if c.Scaler != nil {
		o.Scaler = c.Scaler
	}
	return o
}

// problems returns everything that is wrong with the writing half.
func (c Config) problems() []error {
	var all problems
	all.add(c.Records == nil, "no Records; give the store that Sessions is")
	all.add(c.Drains == nil, "no Drains; give the result of workflow.New")
	all.add(c.Timing.Deadline > 0 && c.Forced == nil, "Timing.Deadline is %v and there is no Forced; give the store that Sessions is, or leave the deadline out", c.Timing.Deadline)
	return all
}

// problems returns everything that is wrong with the reading half.
func (c ObserverConfig) problems() []error {
	var all problems
	all.add(c.Service.Cluster == "", "Service.Cluster is empty; give the cluster's name")
	all.add(c.Service.Name == "", "Service.Name is empty; give the service's name")
	all.add(strings.ContainsAny(c.Service.Cluster, ":/"), "Service.Cluster is %q; give the cluster's name, not its ARN", c.Service.Cluster)
	all.add(strings.ContainsAny(c.Service.Name, ":/"), "Service.Name is %q; give the service's name, not its ARN", c.Service.Name)
	all.add(c.Policy == nil, "Policy is nil; give a policy, policy.Fixed{Open: 3} to begin with")
	all.add(c.Policy != nil && c.Policy.Name() == "", "Policy.Name() is empty; reasons are filed under it")
	all.add(c.Sessions == nil, "Sessions is nil; give a store, memstore.New to begin with")
	all.add(c.State == nil, "State is nil; give the store that Sessions is")
	all.add(c.Scaler == nil, "Scaler is nil; give the cluster")
	all.add(c.Timing.MetricAge < 0, "Timing.MetricAge is %v; a metric needs a bound, leave it 0 for 5 min", c.Timing.MetricAge)
	all.add(c.Timing.Interval < 0, "Timing.Interval is %v; Run needs one, leave it 0 for 15 s", c.Timing.Interval)
	lease := c.Timing.CordonLease
	all.add(lease != 0 && lease < time.Minute, "Timing.CordonLease is %v; use at least 1 min or leave it 0 for 15 min", lease)
	all.add(c.Timing.Notice < 0, "Timing.Notice is %v; users are told before their sessions end, leave it 0 for 15 min", c.Timing.Notice)
	return append(all, c.Limits.problems()...)
}

// problems returns everything that is wrong with the limits.
func (l Limits) problems() []error {
	var all problems
	all.add(l.Min < 0, "Limits.Min is %d; use 0 or more", l.Min)
	all.add(l.Max < 1, "Limits.Max is %d; use 1 or more", l.Max)
	all.add(l.Max >= 1 && l.Min > l.Max, "Limits.Min %d is above Limits.Max %d", l.Min, l.Max)
	all.add(l.MaxTotal != 0 && l.MaxTotal < l.Max,
		"Limits.MaxTotal %d is below Limits.Max %d; leave it 0 for twice Max", l.MaxTotal, l.Max)
	return all
}

// problems collects what is wrong with a configuration, to be told all at once.
type problems []error

func (p *problems) add(wrong bool, format string, args ...any) {
	if wrong {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// rules are the parts that the guard works with; by is the operator who asks,
// empty for the policy.
func (c ObserverConfig) rules(by string) guardRules {
	return guardRules{
		floor: c.Floor, emptying: c.Emptying, timing: c.Timing, victims: c.Victims, by: by,
	}
}

// withDefaults fills in the defaults.
func (c ObserverConfig) withDefaults() ObserverConfig {
	c.Timing = c.Timing.withDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Victims == nil {
		c.Victims = longestIdleFirst
	}
	switch {
	case c.Floor == 0:
		c.Floor = 1
	case c.Floor < 0:
		c.Floor = 0
	}
	return c
}

// longestIdleFirst is the default victim order: tasks of an old revision, then those
// of the fullest zone where zones are uneven, then the longest idle.
//
// Zones come before idleness because ECS starts an extra task to even them out, and
// cannot stop a protected one afterwards: whoever takes its victims from anywhere pays
// for that task again and again.
func longestIdleFirst(s Snapshot) func(a, b Task) int {
	over, uneven := overfull(s.Tasks)
	first := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case a:
			return -1
		}
		return 1
	}
	return func(a, b Task) int {
		return cmp.Or(first(a.Old, b.Old), first(uneven && a.Zone == over, uneven && b.Zone == over), cmp.Compare(b.IdleFor, a.IdleFor))
	}
}

// overfull returns the zone with the most tasks, and whether another has at least two
// fewer: by as much ECS counts zones as uneven. A zone without tasks is not known of.
func overfull(tasks []Task) (zone string, uneven bool) {
	count := make(map[string]int)
	for i := range tasks {
		if tasks[i].State != TaskStopping && tasks[i].State != TaskRetired {
			count[tasks[i].Zone]++
		}
	}
	most, least := "", -1
	for _, zone := range slices.Sorted(maps.Keys(count)) {
		if n := count[zone]; most == "" || n > count[most] {
			most = zone
		}
		if n := count[zone]; least < 0 || n < least {
			least = n
		}
	}
	return most, count[most]-least >= 2
}
