package autoscalertest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Situations returns snapshots of many kinds, the same for the same seed: quiet
// and busy services, rolling and failed deployments, tasks in every state,
// unknown occupancies, absent metrics, operators' overrides, and the extremes:
// the zero value, nothing but totals, numbers as large as they get. Instants
// grow and demand adds up from one to the next, as a policy would see it. Each
// survives a round trip through JSON.
func Situations(seed uint64) []autoscaler.Snapshot {
	g := generator{
		Rand: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // situations are to be repeatable, not secret
		at:   time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC),
	}
	const random = 40
	out := make([]autoscaler.Snapshot, 0, random+8)
	for range random {
		out = append(out, g.snapshot())
	}
	return append(out, g.extremes()...)
}

type generator struct {
	*rand.Rand
	at     time.Time
	demand autoscaler.Demand
}

// snapshot returns the next random situation.
func (g *generator) snapshot() autoscaler.Snapshot {
	g.at = g.at.Add(time.Duration(15+g.IntN(3600)) * time.Second)
	tasks := make([]autoscaler.Task, g.size())
	trouble := g.chance(4) // one service in four has a bit of everything
	for i := range tasks {
		tasks[i] = g.task(i, trouble)
	}
	s := Snapshot(g.at, tasks...)
	lowest := g.IntN(3)
	s.Limits = autoscaler.Limits{Min: lowest, Max: lowest + 1 + g.IntN(50)}
	g.demand.Arrivals += int64(g.IntN(500))
	g.demand.Departures = min(g.demand.Arrivals, g.demand.Departures+int64(g.IntN(500)))
	g.demand.Refusals += int64(g.IntN(3))
	g.demand.Waiting = g.IntN(4) * g.IntN(20)
	s.Demand = g.demand
	s.Utilization = g.utilization()
	if trouble {
		g.override(&s)
	}
	return s
}

// size is small more often than large, and sometimes nothing.
func (g *generator) size() int {
	switch g.IntN(16) {
	case 0, 1:
		return 0
	case 2:
		return 200 + g.IntN(100)
	}
	return 1 + g.IntN(20)
}

func (g *generator) chance(oneIn int) bool { return g.IntN(oneIn) == 0 }

// task returns the i-th task of a service.
func (g *generator) task(i int, trouble bool) autoscaler.Task {
	slots := 10
	sessions := g.IntN(slots + 1)
	if g.chance(3) {
		sessions = 0
	}
	t := Open(autoscaler.TaskID(fmt.Sprintf("t-%03d", i)), slots, sessions)
	t.Zone = string(rune('a' + g.IntN(3)))
	t.Age = time.Duration(g.IntN(90_000)) * time.Second
	t.OpenFor = t.Age / 2
	t.IdleFor = 0
	if sessions == 0 {
		t.IdleFor = time.Duration(g.IntN(3600)) * time.Second
		t.NeverOpened = g.chance(5)
	}
	if trouble {
		g.trouble(&t)
	}
	return t
}

// trouble changes a task into one of the rarer kinds.
func (g *generator) trouble(t *autoscaler.Task) {
	states := [...]autoscaler.TaskState{
		autoscaler.TaskNew, autoscaler.TaskOpen, autoscaler.TaskOpen, autoscaler.TaskCordoned,
		autoscaler.TaskRetired, autoscaler.TaskStopping, "of_a_newer_writer",
	}
	t.State = states[g.IntN(len(states))]
	switch t.State {
	case autoscaler.TaskCordoned, autoscaler.TaskRetired:
		t.Drain = autoscaler.DrainID("drain-" + t.ID)
		t.Ready = t.Occupancy.Idle()
		if g.chance(4) {
			t.DrainBy = "operator"
		}
	case autoscaler.TaskNew, autoscaler.TaskStopping:
		t.Occupancy, t.IdleFor, t.OpenFor = autoscaler.Occupancy{}, 0, 0
	case autoscaler.TaskOpen, autoscaler.TaskGone:
	}
	if g.chance(4) {
		t.Occupancy, t.IdleFor = autoscaler.Occupancy{}, 0
	}
	t.Old, t.Pinned, t.Exposed = g.chance(4), g.chance(6), g.chance(8)
	t.Unhealthy, t.Adopted, t.Protected = g.chance(8), g.chance(6), !t.Exposed
	if g.chance(6) {
		t.Slots = 0
	}
	if g.chance(6) {
		t.Level, t.Reports, t.ReportAge = "", false, 0
	}
}

// utilization has each metric most of the time, minutes old.
func (g *generator) utilization() autoscaler.Utilization {
	u := autoscaler.Utilization{}
	for _, m := range [...]autoscaler.Metric{autoscaler.MetricCPU, autoscaler.MetricMemory, "queue"} {
		if g.chance(4) {
			continue
		}
		age := time.Duration(g.IntN(240)) * time.Second
		u[m] = autoscaler.Reading{Value: math.Round(g.Float64()*1000) / 10, At: g.at.Add(-age)}
	}
	return u
}

// override lets a deployment or an operator interfere.
func (g *generator) override(s *autoscaler.Snapshot) {
	s.Deployment = [...]autoscaler.DeploymentState{
		autoscaler.DeploymentSteady, autoscaler.DeploymentRolling, autoscaler.DeploymentFailed, "of_a_newer_writer",
	}[g.IntN(4)]
	hand := autoscaler.Override{By: "operator", Why: "a look", Until: g.at.Add(time.Duration(g.IntN(7200)-3600) * time.Second)}
	if g.chance(3) {
		s.Control.PauseIn = hand
	}
	if g.chance(3) {
		s.Control.PauseOut = hand
	}
	if g.chance(3) && len(s.Tasks) > 0 {
		s.Control.Pins = []autoscaler.Pin{{Override: hand, Task: s.Tasks[g.IntN(len(s.Tasks))].ID}}
	}
	s.ServiceDesired += g.IntN(3) - 1
}

// extremes are the situations at the edge of what the types allow.
func (g *generator) extremes() []autoscaler.Snapshot {
	unknown := Snapshot(g.at, Open("t-1", 10, -1), Open("t-2", 10, -1), Open("t-3", 0, -1))
	huge := Snapshot(g.at, Open("t-1", math.MaxInt32, math.MaxInt32), Open("t-2", math.MaxInt32, 0))
	huge.Tasks[1].Age, huge.Tasks[1].IdleFor = 100*365*24*time.Hour, 100*365*24*time.Hour
	huge.Limits = autoscaler.Limits{Max: math.MaxInt32}
	huge.Demand = autoscaler.Demand{Arrivals: math.MaxInt64, Departures: math.MaxInt64, Refusals: math.MaxInt64, Waiting: math.MaxInt32}
	huge.Utilization = g.metrics(math.MaxFloat64)
	counts := Snapshot(g.at)
	counts.Totals = autoscaler.Totals{Open: 400_000_000, Starting: 400_000_000, Slots: math.MaxInt32, Idle: 7}
	below := Snapshot(g.at, Open("t-1", 10, 3), Open("t-2", 10, 0))
	below.Utilization = g.metrics(-math.MaxFloat64)
	overfull := Snapshot(g.at, Open("t-1", 10, 30))
	overfull.Utilization = g.metrics(0)
	early, late := Snapshot(time.Time{}, Open("t-1", 10, 0)), Snapshot(g.at, Open("t-1", 10, 0))
	late.At = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	late.Utilization = g.metrics(99)
	return []autoscaler.Snapshot{{}, unknown, huge, counts, below, overfull, early, late}
}

// metrics gives both metrics the same value.
func (g *generator) metrics(value float64) autoscaler.Utilization {
	return autoscaler.Utilization{
		autoscaler.MetricCPU:    {Value: value, At: g.at},
		autoscaler.MetricMemory: {Value: value, At: g.at},
	}
}
