package policy_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleTargetTracking() {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := autoscalertest.Snapshot(at,
		autoscalertest.Open("t-1", 10, 9),
		autoscalertest.Open("t-2", 10, 8),
		autoscalertest.Open("t-3", 10, 7),
	)
	s.Utilization = autoscaler.Utilization{autoscaler.MetricCPU: {Value: 25, At: at}}
	for _, p := range []policy.TargetTracking{{Target: 60}, {Metric: autoscaler.MetricCPU, Target: 50}} {
		d := p.Decide(s)
		fmt.Println(d.Open, d.Reasons[0])
	}
	// Output:
	// 4 target-tracking: above_target (slots in use 80 on 3 tasks, target 60)
	// 2 target-tracking: below_target (cpu 25 on 3 tasks, target 50)
}

func TestTargetTrackingLaw(t *testing.T) {
	cpu := policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 50}
	odd := policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: math.NaN(), Tolerance: -1}
	value := func(v float64) autoscaler.Utilization {
		return autoscaler.Utilization{autoscaler.MetricCPU: {Value: v, At: start}}
	}
	unknown := autoscalertest.Snapshot(start, autoscalertest.Open("t-1", 10, 0), autoscalertest.Open("t-2", 10, -1))
	for _, tc := range []struct {
		name   string
		policy policy.TargetTracking
		s      autoscaler.Snapshot
		u      autoscaler.Utilization
		open   int
		code   autoscaler.Code
	}{
		{"above", cpu, fleet(4, 5), value(80), 7, policy.CodeAboveTarget},
		{"at the upper edge", cpu, fleet(4, 5), value(55), 4, policy.CodeOnTarget},
		{"at the lower edge", cpu, fleet(4, 5), value(45), 4, policy.CodeOnTarget},
		{"below", cpu, fleet(4, 5), value(20), 2, policy.CodeBelowTarget},
		{"below, and a task fewer would not do", cpu, fleet(4, 5), value(40), 4, policy.CodeOnTarget},
		{"nothing to do", cpu, fleet(4, 5), value(0), 0, policy.CodeBelowTarget},
		{"less than nothing", cpu, fleet(4, 5), value(-1e300), 0, policy.CodeBelowTarget},
		{"huge", cpu, fleet(4, 5), value(math.MaxFloat64), 80_000_000, policy.CodeAboveTarget},
		{"infinite", cpu, fleet(4, 5), value(math.Inf(1)), 4, policy.CodeLoadUnknown},
		{"not a number", cpu, fleet(4, 5), value(math.NaN()), 4, policy.CodeLoadUnknown},
		{"absent", cpu, fleet(4, 0), nil, 4, policy.CodeLoadUnknown},
		{"no tasks", cpu, fleet(0, 0), value(80), 0, policy.CodeLoadUnknown},
		{"no band, default target", odd, fleet(10, 5), value(71), 11, policy.CodeAboveTarget},
		{"slots, default target", policy.TargetTracking{}, fleet(7, 8), nil, 8, policy.CodeAboveTarget},
		{"slots, spare", policy.TargetTracking{}, fleet(7, 3), nil, 3, policy.CodeBelowTarget},
		{"slots of unknown tasks are full", policy.TargetTracking{Target: 25}, unknown, nil, 4, policy.CodeAboveTarget},
		{"no slots", policy.TargetTracking{}, autoscalertest.Snapshot(start, autoscalertest.Open("t-1", 0, 3)), nil, 1, policy.CodeLoadUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.s.Utilization = tc.u
			d := tc.policy.Decide(tc.s)
			if d.Open != tc.open || d.Reasons[0].Code != tc.code {
				t.Errorf("wants %d because %v, want %d because %s", d.Open, d.Reasons, tc.open, tc.code)
			}
			if want := tc.code == policy.CodeLoadUnknown; d.Abstain != want {
				t.Errorf("Abstain is %v, want %v", d.Abstain, want)
			}
		})
	}
}

// passing is one pass of a policy that follows cpu: what it sees, and what it
// should make of it.
type passing struct {
	name           string
	after, reading time.Duration // since start
	open, starting int
	cpu            float64
	want           int
	code           autoscaler.Code
}

// inPasses asks a policy pass by pass, with the memory it returned.
func inPasses(t *testing.T, p autoscaler.Policy, passes []passing) {
	t.Helper()
	var memory autoscaler.Memory
	for _, pass := range passes {
		s := fleet(pass.open, 9)
		s.Totals.Starting = pass.starting
		s.At, s.Memory = start.Add(pass.after), memory
		s.Utilization = load(start.Add(pass.reading), pass.cpu, 10)
		d := p.Decide(s)
		if d.Open != pass.want || d.Reasons[0].Code != pass.code {
			t.Errorf("%s: wants %d because %v, want %d because %s", pass.name, d.Open, d.Reasons, pass.want, pass.code)
		}
		memory = d.Memory
	}
}

func TestTargetTrackingAnswersALoadOnce(t *testing.T) {
	inPasses(t, policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 50}, []passing{
		{"first", 0, -time.Minute, 4, 0, 75, 6, policy.CodeAboveTarget},
		{"not listed yet", 15 * time.Second, -time.Minute, 4, 0, 75, 6, policy.CodeAboveTarget},
		{"starting", 30 * time.Second, -time.Minute, 4, 2, 75, 6, policy.CodeLoadAnswered},
		{"starting, and more of it", 45 * time.Second, 15 * time.Second, 4, 2, 100, 8, policy.CodeAboveTarget},
		{"some open, a reading from before", 60 * time.Second, 15 * time.Second, 6, 2, 100, 8, policy.CodeLoadAnswered},
		{"all open, a reading from between", 75 * time.Second, 70 * time.Second, 8, 0, 70, 9, policy.CodeAboveTarget},
		{"all open, a reading from that very instant", 90 * time.Second, 75 * time.Second, 8, 0, 70, 9, policy.CodeAboveTarget},
		{"all open, a reading since", 150 * time.Second, 80 * time.Second, 8, 0, 51, 8, policy.CodeOnTarget},
		{"spare", 165 * time.Second, 150 * time.Second, 8, 0, 25, 4, policy.CodeBelowTarget},
		{"on the way down, a reading from before", 180 * time.Second, 150 * time.Second, 6, 0, 25, 4, policy.CodeBelowTarget},
		{"down, a reading from before", 195 * time.Second, 150 * time.Second, 4, 0, 25, 4, policy.CodeOnTarget},
	})
}

func TestTargetTrackingProperty(t *testing.T) {
	p := policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 40, Tolerance: 20}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d, have := p.Decide(s), s.Totals.Capacity()
		cpu, present := s.Utilization.Value(autoscaler.MetricCPU)
		wanted := math.Ceil(float64(s.Totals.Open) * min(max(cpu, 0), 1e9) / 40)
		switch {
		case d.Remove != nil || d.Empty != nil || d.Reopen != nil:
			t.Errorf("names tasks: %+v", d)
		case !present || s.Totals.Open == 0:
			if !d.Abstain {
				t.Errorf("there is nothing to measure and the decision is %+v", d)
			}
		case d.Abstain:
			t.Errorf("abstains at a reading of %v on %d tasks", cpu, s.Totals.Open)
		case cpu >= 32 && cpu <= 48 && d.Open != have:
			t.Errorf("wants %d of %d at a reading of %v, which is within the tolerance", d.Open, have, cpu)
		case cpu > 48 && float64(d.Open) != min(max(wanted, float64(have)), 1e9):
			t.Errorf("wants %d of %d at a reading of %v, want %v", d.Open, have, cpu, wanted)
		case cpu < 32 && float64(d.Open) != min(wanted, float64(have)):
			t.Errorf("wants %d of %d at a reading of %v, want %v", d.Open, have, cpu, wanted)
		}
	})
}

// risingReadings asks a policy on every situation, with the memory of the one
// before it, at readings that grow, and wants numbers that do not fall.
func risingReadings(t *testing.T, p autoscaler.Policy) {
	t.Helper()
	readings := []float64{-math.MaxFloat64, -3, 0, 1e-9, 5, 20, 32, 39.9, 40, 40.1, 48, 48.1, 60, 75, 99, 100, 1e6, 1e12, math.MaxFloat64}
	var memory autoscaler.Memory
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		s.Memory = memory
		memory = p.Decide(s).Memory
		last := -1
		for _, value := range readings {
			s.Utilization = load(s.At.Add(-time.Minute), value, 0)
			d := p.Decide(s)
			if d.Open < last {
				t.Errorf("wants %d at a reading of %v, and %d below it", d.Open, value, last)
			}
			last = d.Open
		}
	})
}

func TestTargetTrackingIsMonotone(t *testing.T) {
	risingReadings(t, policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 40})
	risingReadings(t, policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 40, Tolerance: 20})
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		last := -1
		for used := range 101 {
			s.Totals.Slots, s.Totals.Free = 100, 100-used
			d := policy.TargetTracking{}.Decide(s)
			if d.Open < last {
				t.Errorf("wants %d at %d slots of 100 in use, and %d at one fewer", d.Open, used, last)
			}
			last = d.Open
		}
	})
}

// busyService carries out what is wanted, within one to 60 tasks, and returns how
// many there were in each pass. Tasks start in two passes, readings are four
// passes old, and the work that the tasks share changes a little each pass.
func busyService(seed uint64, p autoscaler.Policy, passes int) (have []int) {
	random := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // to be repeatable, not secret
	const pass = 15 * time.Second
	var memory autoscaler.Memory
	work, open, readings := 400.0, 8, []autoscaler.Reading{}
	starting := [2]int{}
	for i := range passes {
		at := start.Add(time.Duration(i) * pass)
		work = min(max(work*(0.97+0.06*random.Float64()), 50), 2000)
		readings = append(readings, autoscaler.Reading{Value: work / float64(open), At: at})
		open, starting = open+starting[0], [2]int{starting[1], 0}
		s := autoscaler.Snapshot{At: at, Memory: memory, Totals: autoscaler.Totals{Open: open, Starting: starting[0]},
			Utilization: autoscaler.Utilization{autoscaler.MetricCPU: readings[max(0, i-4)]}}
		d := p.Decide(s)
		memory, have = d.Memory, append(have, s.Totals.Capacity())
		switch goal := min(max(d.Open, 1), 60); {
		case goal > s.Totals.Capacity():
			starting[1] = goal - s.Totals.Capacity()
		case goal < s.Totals.Capacity():
			open = max(1, open-(s.Totals.Capacity()-goal))
		}
	}
	return have
}

// What it wants in a service whose readings lag never exceeds what the work of
// any recent pass would have asked for.
func TestTargetTrackingDoesNotOvershoot(t *testing.T) {
	p := policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 50}
	for seed := range uint64(20) {
		for i, n := range busyService(seed, p, 600) {
			if n > 41+1 { // 2000 of work at 50 each, and rounding
				t.Fatalf("seed %d, pass %d: %d tasks for at most 40 tasks' work", seed, i, n)
			}
		}
	}
}

// Where the number of tasks changes in every pass, the oldest one that is still
// known stands for what a reading was measured on.
func TestOpeningsAreBounded(t *testing.T) {
	p := policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 50}
	var memory autoscaler.Memory
	for pass := range 200 {
		s := autoscaler.Snapshot{At: start.Add(time.Duration(pass) * time.Second), Memory: memory,
			Totals: autoscaler.Totals{Open: 100 + pass}, Utilization: load(start.Add(-time.Minute), 500, 0)}
		d := p.Decide(s)
		if want := 10 * (100 + max(0, pass-29)); d.Open != want {
			t.Fatalf("pass %d: wants %d, want %d", pass, d.Open, want)
		}
		if memory = d.Memory; len(memory) > 30*40 {
			t.Fatalf("pass %d: %d bytes of memory", pass, len(memory))
		}
	}
}
