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

func ExampleSteps() {
	p := policy.Steps{
		Metric: autoscaler.MetricCPU,
		Out:    []policy.Step{{Bound: 60, Tasks: 1}, {Bound: 85, Percent: 50}},
		In:     []policy.Step{{Bound: 30, Tasks: 1}},
	}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := autoscalertest.Snapshot(at,
		autoscalertest.Open("t-1", 10, 4), autoscalertest.Open("t-2", 10, 4),
		autoscalertest.Open("t-3", 10, 4), autoscalertest.Open("t-4", 10, 4))
	for _, cpu := range []float64{20, 45, 70, 90} {
		s.Utilization = autoscaler.Utilization{autoscaler.MetricCPU: {Value: cpu, At: at}}
		d := p.Decide(s)
		fmt.Println(d.Open, d.Reasons[0])
	}
	// Output:
	// 3 steps: step_in (cpu 20 on 4 tasks)
	// 4 steps: between_steps (cpu 45 on 4 tasks)
	// 5 steps: step_out (cpu 70 on 4 tasks)
	// 6 steps: step_out (cpu 90 on 4 tasks)
}

// ladder is the steps that the tests below climb.
func ladder() policy.Steps {
	return policy.Steps{
		Metric: autoscaler.MetricCPU,
		Out:    []policy.Step{{Bound: 90, Tasks: 2, Percent: 30}, {Bound: 60, Tasks: 1}, {Bound: 75, Percent: 25}},
		In:     []policy.Step{{Bound: 15, Percent: 50}, {Bound: 40, Tasks: 1}},
	}
}

func TestStepsLaw(t *testing.T) {
	value := func(v float64) autoscaler.Utilization {
		return autoscaler.Utilization{autoscaler.MetricCPU: {Value: v, At: start}}
	}
	slots := policy.Steps{Out: []policy.Step{{Bound: 80, Tasks: 2}}, In: []policy.Step{{Bound: 50}}}
	odd := policy.Steps{Metric: autoscaler.MetricCPU,
		Out: []policy.Step{{Bound: math.NaN(), Tasks: 9}, {Bound: math.Inf(1), Tasks: 9}, {Bound: 50, Tasks: math.MinInt, Percent: math.NaN()}},
		In:  []policy.Step{{Bound: 55, Tasks: 3}}}
	all := policy.Steps{Metric: autoscaler.MetricCPU, Out: []policy.Step{{Bound: 50, Tasks: math.MaxInt, Percent: math.Inf(1)}},
		In: []policy.Step{{Bound: 10, Tasks: math.MaxInt}}}
	for _, tc := range []struct {
		name   string
		policy policy.Steps
		s      autoscaler.Snapshot
		u      autoscaler.Utilization
		open   int
		code   autoscaler.Code
	}{
		{"first step", ladder(), fleet(10, 5), value(61), 11, policy.CodeStepOut},
		{"second step, rounded up", ladder(), fleet(10, 5), value(76), 13, policy.CodeStepOut},
		{"third step", ladder(), fleet(10, 5), value(91), 13, policy.CodeStepOut},
		{"tasks when they are more", ladder(), fleet(3, 5), value(91), 5, policy.CodeStepOut},
		{"at the bound", ladder(), fleet(10, 5), value(60), 10, policy.CodeBetweenSteps},
		{"at the lower bound", ladder(), fleet(10, 5), value(40), 10, policy.CodeBetweenSteps},
		{"a step down", ladder(), fleet(10, 5), value(39), 9, policy.CodeStepIn},
		{"the larger step down", ladder(), fleet(10, 5), value(14), 5, policy.CodeStepIn},
		{"absent", ladder(), fleet(10, 0), nil, 10, policy.CodeLoadUnknown},
		{"not a number", ladder(), fleet(10, 0), value(math.NaN()), 10, policy.CodeLoadUnknown},
		{"from nothing", ladder(), fleet(0, 0), value(61), 1, policy.CodeStepOut},
		{"no steps", policy.Steps{Metric: autoscaler.MetricCPU}, fleet(4, 0), value(99), 4, policy.CodeBetweenSteps},
		{"slots", slots, fleet(4, 9), nil, 6, policy.CodeStepOut},
		{"slots, the default step", slots, fleet(4, 2), nil, 3, policy.CodeStepIn},
		{"nothing has slots", slots, fleet(0, 0), nil, 0, policy.CodeLoadUnknown},
		{"out wins, odd numbers", odd, fleet(4, 5), value(52), 5, policy.CodeStepOut},
		{"as many as there can be", all, fleet(4, 5), value(60), 1_000_000_000, policy.CodeStepOut},
		{"as few as there can be", all, fleet(4, 5), value(5), 0, policy.CodeStepIn},
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

func TestStepsAreTakenOnce(t *testing.T) {
	inPasses(t, ladder(), []passing{
		{"first", 0, -time.Minute, 10, 0, 65, 11, policy.CodeStepOut},
		{"starting", 15 * time.Second, -time.Minute, 10, 1, 65, 11, policy.CodeLoadAnswered},
		{"starting, a newer reading", 30 * time.Second, 10 * time.Second, 10, 1, 65, 11, policy.CodeLoadAnswered},
		{"starting, a larger step", 45 * time.Second, 30 * time.Second, 10, 1, 80, 13, policy.CodeStepOut},
		{"open, a reading from before", 60 * time.Second, 45 * time.Second, 13, 0, 80, 13, policy.CodeLoadAnswered},
		{"open, a reading since", 90 * time.Second, 75 * time.Second, 13, 0, 65, 14, policy.CodeStepOut},
		{"low", 120 * time.Second, 110 * time.Second, 13, 0, 35, 12, policy.CodeStepIn},
		{"given back, a reading from before", 135 * time.Second, 110 * time.Second, 12, 0, 35, 12, policy.CodeLoadAnswered},
		{"given back, a reading since", 180 * time.Second, 150 * time.Second, 12, 0, 35, 11, policy.CodeStepIn},
	})
}

func TestStepsAreMonotone(t *testing.T) {
	risingReadings(t, ladder())
	overlapping := ladder()
	overlapping.In = append(overlapping.In, policy.Step{Bound: 80, Tasks: 1})
	risingReadings(t, overlapping)
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // to be repeatable, not secret
		some := func() []policy.Step {
			steps := make([]policy.Step, random.IntN(5))
			for i := range steps {
				steps[i] = policy.Step{Bound: float64(random.IntN(100)), Tasks: random.IntN(5), Percent: 100 * random.Float64()}
			}
			return steps
		}
		p := policy.Steps{Metric: autoscaler.MetricCPU, Out: some(), In: some()}
		s, last := fleet(1+random.IntN(20), 5), -1
		for value := range 101 {
			s.Utilization = load(start, float64(value), 0)
			d := p.Decide(s)
			if d.Open < last {
				t.Fatalf("seed %d: wants %d at a reading of %d, and %d below it", seed, d.Open, value, last)
			}
			last = d.Open
		}
	}
}

// Between the bounds nothing is wanted, whatever came before.
func TestStepsHysteresis(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 4)) //nolint:gosec // to be repeatable, not secret
		var memory autoscaler.Memory
		open := 5
		for pass := range 300 {
			s := autoscaler.Snapshot{At: start.Add(time.Duration(pass) * 15 * time.Second), Memory: memory,
				Totals: autoscaler.Totals{Open: open, Starting: random.IntN(3)}}
			cpu := 100 * random.Float64()
			s.Utilization = load(s.At.Add(-time.Duration(random.IntN(180))*time.Second), cpu, 0)
			d := ladder().Decide(s)
			if have := s.Totals.Capacity(); cpu >= 40 && cpu <= 60 && d.Open != have || cpu > 60 && d.Open < have || cpu < 40 && d.Open > have {
				t.Fatalf("seed %d, pass %d: wants %d of %d at a reading of %v", seed, pass, d.Open, have, cpu)
			}
			memory, open = d.Memory, min(d.Open, 40)
		}
	}
}
