package policy_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

var start = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)

// everyPolicy has each policy of the package, plain, odd and nested.
func everyPolicy() map[string]autoscaler.Policy {
	safest := policy.Safest{policy.Threshold{}, policy.Buffer{Slots: 5}}
	return map[string]autoscaler.Policy{
		"threshold":         policy.Threshold{},
		"threshold percent": policy.Threshold{CPU: 30, Memory: -1, StepPercent: 25},
		"threshold odd":     policy.Threshold{CPU: math.NaN(), Memory: math.Inf(1), Step: math.MinInt, StepPercent: math.NaN()},
		"buffer":            policy.Buffer{},
		"buffer percent":    policy.Buffer{Slots: 3, Percent: 12.5, PerTask: 4},
		"buffer odd":        policy.Buffer{Slots: math.MaxInt, Percent: math.Inf(1), PerTask: math.MinInt},
		"headroom":          policy.Headroom{},
		"headroom odd":      policy.Headroom{Misses: math.NaN(), PerTask: math.MinInt, Start: math.MaxInt64},
		"target slots":      policy.TargetTracking{},
		"target metric":     policy.TargetTracking{Metric: autoscaler.MetricCPU, Target: 45, Tolerance: 5},
		"target odd":        policy.TargetTracking{Metric: "queue", Target: math.Inf(1), Tolerance: math.Inf(-1)},
		"target tiny":       policy.TargetTracking{Target: math.SmallestNonzeroFloat64, Tolerance: math.NaN()},
		"steps":             policy.Steps{Metric: autoscaler.MetricMemory, Out: []policy.Step{{Bound: 50, Percent: 20}}, In: []policy.Step{{Bound: 20, Tasks: 2}}},
		"steps slots":       policy.Steps{Out: []policy.Step{{Bound: 80, Tasks: 1}, {Bound: 95, Tasks: 3}}, In: []policy.Step{{Bound: 40}}},
		"steps empty":       policy.Steps{},
		"steps odd": policy.Steps{Metric: autoscaler.MetricCPU,
			Out: []policy.Step{{Bound: math.NaN()}, {Bound: math.Inf(-1), Tasks: math.MinInt, Percent: math.Inf(1)}},
			In:  []policy.Step{{Bound: math.Inf(1), Tasks: math.MaxInt, Percent: math.NaN()}}},
		"fixed":        policy.Fixed{Open: 3},
		"fixed odd":    policy.Fixed{Open: math.MinInt},
		"clamp":        policy.Clamp{Policy: policy.Threshold{}, Min: 2, Max: 6},
		"clamp odd":    policy.Clamp{Min: math.MaxInt, Max: -1},
		"cooldown":     policy.Cooldown{Policy: policy.Buffer{}, Out: time.Minute, In: 10 * time.Minute},
		"cooldown odd": policy.Cooldown{Out: math.MinInt64, In: math.MaxInt64},
		"schedule": policy.Schedule{Policy: policy.Buffer{}, Windows: []policy.Window{
			{From: 8 * time.Hour, To: 18 * time.Hour, Min: 4, Edge: time.Hour}, {From: 18 * time.Hour, To: 8 * time.Hour, Max: 9}}},
		"schedule alone": policy.Schedule{Windows: []policy.Window{{Days: policy.Workdays, From: 6 * time.Hour, To: 20 * time.Hour, Open: 7, NoScaleIn: true}}},
		"schedule empty": policy.Schedule{},
		"schedule odd": policy.Schedule{Policy: policy.Threshold{}, Zone: time.FixedZone("odd", 50*3600), Windows: []policy.Window{
			{Days: 255, From: math.MinInt64, To: math.MaxInt64, Min: math.MaxInt, Max: math.MinInt, Open: math.MaxInt, Edge: math.MaxInt64},
			{Dates: []policy.Date{{Year: math.MaxInt, Month: -1, Day: 99}}, Edge: math.MinInt64, NoScaleIn: true}}},
		"stabilize":       policy.Stabilize{Policy: policy.Buffer{}},
		"stabilize both":  policy.Stabilize{Policy: policy.Threshold{}, Out: 2 * time.Minute, In: 2 * time.Hour},
		"stabilize odd":   policy.Stabilize{Policy: policy.Fixed{Open: math.MaxInt}, Out: math.MaxInt64, In: math.MinInt64},
		"stabilize nil":   policy.Stabilize{Out: math.MinInt64, In: math.MaxInt64},
		"agree":           policy.Agree{Policy: policy.Threshold{}},
		"agree long":      policy.Agree{Policy: policy.Buffer{}, Out: 2, In: 5},
		"agree odd":       policy.Agree{Policy: policy.Fixed{Open: 1}, Out: math.MinInt, In: math.MaxInt},
		"agree nil":       policy.Agree{},
		"rate limit":      policy.RateLimit{Policy: policy.Buffer{}, Out: policy.Rate{Tasks: 2, Percent: 50}, In: policy.Rate{Tasks: 1, Per: 10 * time.Minute}},
		"rate limit none": policy.RateLimit{Policy: policy.Threshold{}},
		"rate limit odd": policy.RateLimit{Policy: policy.Fixed{Open: math.MaxInt},
			Out: policy.Rate{Tasks: math.MaxInt, Percent: math.Inf(1), Per: math.MaxInt64}, In: policy.Rate{Tasks: -1, Percent: math.NaN(), Per: math.MinInt64}},
		"rate limit nil": policy.RateLimit{In: policy.Rate{Percent: math.SmallestNonzeroFloat64}},
		"waiting":        policy.Waiting{},
		"waiting odd":    policy.Waiting{PerTask: math.MinInt},
		"shadow":         policy.Shadow{Live: policy.Threshold{}, Tried: policy.Buffer{Slots: 5}},
		"shadow odd":     policy.Shadow{Tried: policy.Shadow{Live: policy.Cooldown{Policy: policy.Buffer{}}}},
		"layered": policy.Shadow{
			Live: policy.Schedule{Windows: []policy.Window{{From: 9 * time.Hour, To: 17 * time.Hour, Min: 3}}, Policy: policy.RateLimit{
				Policy: policy.Agree{Policy: policy.Stabilize{Policy: policy.Safest{
					policy.Waiting{}, policy.TargetTracking{}, policy.Optional{Policy: policy.Steps{Metric: "queue", Out: []policy.Step{{Bound: 20}}}},
				}}}, Out: policy.Rate{Percent: 50}, In: policy.Rate{Tasks: 1}}},
			Tried: policy.Stabilize{Policy: policy.TargetTracking{Metric: autoscaler.MetricCPU}, Out: time.Minute}},
		"optional":     policy.Optional{Policy: policy.Threshold{}},
		"safest":       safest,
		"safest empty": policy.Safest{},
		"safest odd":   policy.Safest{nil, policy.Fixed{Open: 1}, nil},
		"first":        policy.First{policy.Threshold{}, policy.Buffer{}},
		"first empty":  policy.First(nil),
		"nested": policy.Cooldown{In: time.Minute, Policy: policy.First{
			policy.Safest{policy.Optional{Policy: policy.Threshold{}}, safest, policy.Clamp{Policy: policy.Buffer{}, Max: 30}},
			policy.Optional{Policy: policy.Cooldown{Policy: policy.Threshold{}, In: time.Hour}},
			policy.Fixed{Open: 4},
		}},
	}
}

func TestConformance(t *testing.T) {
	for name, p := range everyPolicy() {
		t.Run(name, func(t *testing.T) { autoscalertest.TestPolicy(t, p, garbage()...) })
	}
}

// garbage are snapshots that no observation makes, but a person may write.
func garbage() []autoscaler.Snapshot {
	negative := autoscaler.Totals{
		Open: -3, Starting: -1, Idle: math.MinInt, Sessions: -5, Slots: math.MinInt, Free: -7,
	}
	most := autoscaler.Totals{
		Open: math.MaxInt, Starting: math.MaxInt, Idle: math.MaxInt, Slots: math.MaxInt, Free: math.MinInt,
	}
	mixed := autoscaler.Totals{Open: math.MaxInt, Slots: 1, Free: math.MaxInt}
	var out []autoscaler.Snapshot
	for _, totals := range []autoscaler.Totals{negative, most, mixed} {
		for _, cpu := range []float64{-math.MaxFloat64, 0, math.MaxFloat64} {
			out = append(out, autoscaler.Snapshot{
				At: start, Totals: totals, Demand: autoscaler.Demand{Waiting: totals.Open},
				Utilization: load(start, cpu, cpu),
			})
		}
	}
	return out
}

// load is a reading of both metrics.
func load(at time.Time, cpu, memory float64) autoscaler.Utilization {
	return autoscaler.Utilization{
		autoscaler.MetricCPU:    {Value: cpu, At: at},
		autoscaler.MetricMemory: {Value: memory, At: at},
	}
}

// everySituation calls f with the situations of several seeds.
func everySituation(t *testing.T, f func(t *testing.T, seed uint64, i int, s autoscaler.Snapshot)) {
	t.Helper()
	for seed := range uint64(4) {
		for i, s := range autoscalertest.Situations(seed) {
			f(t, seed, i, s)
			if t.Failed() {
				t.Fatalf("with autoscalertest.Situations(%d)[%d]", seed, i)
			}
		}
	}
}

// saying is a policy that says the same always.
type saying struct {
	name string
	autoscaler.Decision
}

func (s saying) Name() string                                   { return s.name }
func (s saying) Decide(autoscaler.Snapshot) autoscaler.Decision { return s.Decision }

// says makes a member that wants n tasks and names those given.
func says(name string, n int, remove ...autoscaler.TaskID) saying {
	return saying{name, autoscaler.Decision{
		Open: n, Remove: remove, Reasons: []autoscaler.Reason{{Code: "said"}},
	}}
}

// abstaining is a member that cannot tell.
func abstaining(name string) saying {
	return saying{name, autoscaler.Decision{
		Abstain: true, Reasons: []autoscaler.Reason{{Code: "cannot", Severity: autoscaler.Notice}},
	}}
}

// fleet is a snapshot of n open tasks of ten slots, each with the sessions given.
func fleet(n, sessions int) autoscaler.Snapshot {
	tasks := make([]autoscaler.Task, n)
	for i := range tasks {
		tasks[i] = autoscalertest.Open(autoscaler.TaskID(fmt.Sprintf("t-%02d", i)), 10, sessions)
	}
	return autoscalertest.Snapshot(start, tasks...)
}
