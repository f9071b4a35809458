package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleThreshold() {
	p := policy.Threshold{CPU: 60, Step: 2}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := autoscalertest.Snapshot(at,
		autoscalertest.Open("t-1", 10, 4),
		autoscalertest.Open("t-2", 10, 0),
	)
	for _, cpu := range []float64{81, 35} {
		s.Utilization = autoscaler.Utilization{
			autoscaler.MetricCPU:    {Value: cpu, At: at},
			autoscaler.MetricMemory: {Value: 40, At: at},
		}
		d := p.Decide(s)
		fmt.Println(d.Open, d.Remove, d.Reasons[0])
	}
	// Output:
	// 4 [] threshold: load_high (cpu 81%, level 60%)
	// 1 [t-2] threshold: unused ×1
}

func TestThresholdLaw(t *testing.T) {
	busy := fleet(4, 5)
	idle := autoscalertest.Snapshot(start, autoscalertest.Open("t-1", 10, 3), autoscalertest.Open("t-2", 10, 0),
		autoscalertest.Open("t-3", 10, -1), autoscalertest.Open("t-4", 10, 0))
	idle.Tasks[3].IdleFor = 2 * time.Hour
	for _, tc := range []struct {
		name   string
		policy policy.Threshold
		s      autoscaler.Snapshot
		u      autoscaler.Utilization
		open   int
		code   autoscaler.Code
		remove []autoscaler.TaskID
	}{
		{"cpu high", policy.Threshold{}, busy, load(start, 71, 10), 5, policy.CodeLoadHigh, nil},
		{"memory high", policy.Threshold{}, busy, load(start, 10, 81), 5, policy.CodeLoadHigh, nil},
		{"at the level", policy.Threshold{}, busy, load(start, 70, 80), 4, policy.CodeInUse, nil},
		{"high with idle tasks", policy.Threshold{}, idle, load(start, 99, 10), 5, policy.CodeLoadHigh, nil},
		{"one high, the other missing", policy.Threshold{}, busy,
			autoscaler.Utilization{autoscaler.MetricCPU: {Value: 90, At: start}}, 5, policy.CodeLoadHigh, nil},
		{"one low, the other missing", policy.Threshold{}, idle,
			autoscaler.Utilization{autoscaler.MetricCPU: {Value: 9, At: start}}, 4, policy.CodeLoadUnknown, nil},
		{"nothing measured", policy.Threshold{}, idle, nil, 4, policy.CodeLoadUnknown, nil},
		{"not watched", policy.Threshold{Memory: -1}, idle,
			autoscaler.Utilization{autoscaler.MetricCPU: {Value: 9, At: start}}, 2, policy.CodeUnused, []autoscaler.TaskID{"t-4", "t-2"}},
		{"unused, longest idle first", policy.Threshold{}, idle, load(start, 9, 9), 2, policy.CodeUnused, []autoscaler.TaskID{"t-4", "t-2"}},
		{"in use", policy.Threshold{}, busy, load(start, 9, 9), 4, policy.CodeInUse, nil},
		{"step", policy.Threshold{Step: 3}, busy, load(start, 99, 9), 7, policy.CodeLoadHigh, nil},
		{"step percent", policy.Threshold{Step: 1, StepPercent: 60}, busy, load(start, 99, 9), 7, policy.CodeLoadHigh, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.s.Utilization = tc.u
			d := tc.policy.Decide(tc.s)
			if d.Open != tc.open || d.Reasons[0].Code != tc.code || !slices.Equal(d.Remove, tc.remove) {
				t.Errorf("decided %d, remove %v, because %v; want %d, %v, %s", d.Open, d.Remove, d.Reasons, tc.open, tc.remove, tc.code)
			}
			if want := tc.code == policy.CodeLoadUnknown; d.Abstain != want {
				t.Errorf("Abstain is %v, want %v", d.Abstain, want)
			}
		})
	}
}

func TestThresholdLeavesPinnedTasks(t *testing.T) {
	s := fleet(2, 0)
	s.Utilization = load(start, 5, 5)
	s.Tasks[0].Pinned = true
	if d := (policy.Threshold{}).Decide(s); !slices.Equal(d.Remove, []autoscaler.TaskID{"t-01"}) || d.Open != 1 {
		t.Errorf("removes %v for %d open tasks, want t-01 alone", d.Remove, d.Open)
	}
	s.Tasks[1].Pinned = true
	if d := (policy.Threshold{}).Decide(s); d.Remove != nil || d.Open != 2 {
		t.Errorf("removes %v for %d open tasks, want none", d.Remove, d.Open)
	}
}

// A breach is answered once: while the tasks start, and until the metric was
// measured with them.
func TestThresholdAnswersABreachOnce(t *testing.T) {
	p := policy.Threshold{Step: 2}
	var memory autoscaler.Memory
	for _, step := range []struct {
		name           string
		after, reading time.Duration // since start
		open, starting int
		want           int
		code           autoscaler.Code
	}{
		{"first breach", 0, -time.Minute, 4, 0, 6, policy.CodeLoadHigh},
		{"ECS has not listed the tasks yet", 15 * time.Second, -time.Minute, 4, 0, 4, policy.CodeLoadAnswered},
		{"both start", 30 * time.Second, -time.Minute, 4, 2, 6, policy.CodeLoadAnswered},
		{"both start, a newer reading", 60 * time.Second, 0, 4, 2, 6, policy.CodeLoadAnswered},
		{"both open, a reading from before", 75 * time.Second, 45 * time.Second, 6, 0, 6, policy.CodeLoadAnswered},
		{"both open, a reading since", 120 * time.Second, 70 * time.Second, 6, 0, 8, policy.CodeLoadHigh},
	} {
		s := fleet(step.open, 9)
		for i := range step.starting {
			s.Tasks = append(s.Tasks, autoscaler.Task{ID: autoscaler.TaskID(fmt.Sprintf("z-%d", i)), State: autoscaler.TaskNew})
		}
		autoscalertest.Recount(&s)
		s.At, s.Memory = start.Add(step.after), memory
		s.Utilization = load(start.Add(step.reading), 95, 10)
		d := p.Decide(s)
		if d.Open != step.want || d.Reasons[0].Code != step.code {
			t.Errorf("%s: wants %d because %v, want %d because %s", step.name, d.Open, d.Reasons, step.want, step.code)
		}
		memory = d.Memory
	}
}

func TestThresholdProperty(t *testing.T) {
	p := policy.Threshold{CPU: 50, Memory: 60, Step: 2}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d := p.Decide(s)
		cpu, hasCPU := s.Utilization.Value(autoscaler.MetricCPU)
		memory, hasMemory := s.Utilization.Value(autoscaler.MetricMemory)
		have := s.Totals.Capacity()
		high := hasCPU && cpu > 50 || hasMemory && memory > 60
		switch {
		case high && d.Open != max(have, s.Totals.Open+2):
			t.Errorf("high load: wants %d with %d open and %d starting", d.Open, s.Totals.Open, s.Totals.Starting)
		case !high && !(hasCPU && hasMemory) && (!d.Abstain || d.Open != have || d.Remove != nil):
			t.Errorf("a metric is missing and the decision is %+v", d)
		case !high && hasCPU && hasMemory && d.Open != have-len(d.Remove):
			t.Errorf("wants %d of %d and names %d", d.Open, have, len(d.Remove))
		case len(d.Empty)+len(d.Reopen) > 0:
			t.Errorf("names tasks to empty or reopen: %+v", d)
		}
		for _, task := range s.Tasks {
			unused := task.State == autoscaler.TaskOpen && task.Occupancy.Idle() && !task.Pinned
			low := !high && hasCPU && hasMemory
			if named := slices.Contains(d.Remove, task.ID); named != (unused && low) {
				t.Errorf("task %s, unused %v at low load %v, is named: %v", task.ID, unused, low, named)
			}
		}
	})
}
