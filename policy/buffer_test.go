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

func ExampleBuffer() {
	s := autoscalertest.Snapshot(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		autoscalertest.Open("t-1", 10, 9),
		autoscalertest.Open("t-2", 10, 7),
	)
	fmt.Println(policy.Buffer{Slots: 4}.Decide(s).Reasons[0])
	s.Demand.Waiting = 1
	d := policy.Buffer{Slots: 4}.Decide(s)
	fmt.Println(d.Open, d.Reasons[0])
	// Output:
	// buffer: buffer_kept (16 slots in use, 0 users waiting, 4 slots to keep free)
	// 3 buffer: buffer_short (16 slots in use, 1 users waiting, 4 slots to keep free)
}

func TestBufferLaw(t *testing.T) {
	open := autoscalertest.Open
	cordoned := open("t-9", 10, 8)
	cordoned.State = autoscaler.TaskCordoned
	for _, tc := range []struct {
		name    string
		policy  policy.Buffer
		tasks   []autoscaler.Task
		waiting int
		want    int
		code    autoscaler.Code
	}{
		{"nothing there, defaults", policy.Buffer{}, nil, 0, 1, policy.CodeBufferShort},
		{"nothing there, no buffer", policy.Buffer{Slots: -1}, nil, 0, 0, policy.CodeBufferKept},
		{"nothing there, users waiting", policy.Buffer{Slots: 5, PerTask: 4}, nil, 7, 3, policy.CodeBufferShort},
		{"defaults keep a task free", policy.Buffer{}, []autoscaler.Task{open("t-1", 8, 8)}, 0, 2, policy.CodeBufferShort},
		{"defaults keep a fifth free", policy.Buffer{}, fleet(10, 8).Tasks, 0, 10, policy.CodeBufferKept},
		{"the larger of two", policy.Buffer{Slots: 3, Percent: 50}, fleet(4, 5).Tasks, 0, 3, policy.CodeBufferSpare},
		{"unknown is full", policy.Buffer{Slots: 1}, []autoscaler.Task{open("t-1", 10, -1), open("t-2", 10, -1)}, 0, 3, policy.CodeBufferShort},
		{"cordoned sessions take no slot", policy.Buffer{Slots: 2}, []autoscaler.Task{open("t-1", 10, 8), cordoned}, 0, 1, policy.CodeBufferKept},
		{"unequal tasks", policy.Buffer{Slots: 1}, []autoscaler.Task{open("t-1", 10, 10), open("t-2", 25, 24)}, 0, 2, policy.CodeBufferKept},
		{"spread thin", policy.Buffer{Slots: 5}, fleet(10, 1).Tasks, 0, 2, policy.CodeBufferSpare},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := autoscalertest.Snapshot(start, tc.tasks...)
			s.Demand.Waiting = tc.waiting
			d := tc.policy.Decide(s)
			if d.Open != tc.want || d.Reasons[0].Code != tc.code {
				t.Errorf("wants %d because %v, want %d because %s", d.Open, d.Reasons, tc.want, tc.code)
			}
		})
	}
}

func TestBufferProperty(t *testing.T) {
	p := policy.Buffer{Slots: 7, Percent: 15}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d := p.Decide(s)
		if s.Totals.Open == 0 || s.Totals.Slots == 0 || s.Totals.Slots >= math.MaxInt32 {
			return // the law for these is in the table
		}
		used := float64(s.Totals.Slots - s.Totals.Free)
		need := used + float64(s.Demand.Waiting) + max(7, math.Ceil(used*15/100))
		per := float64(s.Totals.Slots) / float64(s.Totals.Open)
		if got := float64(d.Open) * per; got < need-1e-6 {
			t.Errorf("%d tasks have %.1f slots, needed are %.1f", d.Open, got, need)
		}
		if fewer := float64(d.Open-1) * per; fewer >= need+1e-6 {
			t.Errorf("%d tasks would do for %.1f slots, wanted are %d", d.Open-1, need, d.Open)
		}
		if d.Abstain || d.Remove != nil || d.Empty != nil {
			t.Errorf("a buffer names no task and knows its mind: %+v", d)
		}
	})
}
