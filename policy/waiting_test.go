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

func ExampleWaiting() {
	p := policy.Safest{policy.Waiting{}, policy.Buffer{Slots: 1}}
	s := autoscalertest.Snapshot(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		autoscalertest.Open("t-1", 4, 3), autoscalertest.Open("t-2", 4, 3), autoscalertest.Open("t-3", 4, 0))
	s.Memory = p.Decide(s).Memory
	s.Demand.Refusals = 5
	for range 2 {
		d := p.Decide(s)
		fmt.Println(d.Open, d.Reasons[1])
		s.Memory = d.Memory
	}
	// Output:
	// 5 safest/waiting: users_waiting (0 users waiting, 5 refused)
	// 2 safest/waiting: no_opinion (nobody waits)
}

func TestWaitingLaw(t *testing.T) {
	for _, tc := range []struct {
		name     string
		policy   policy.Waiting
		s        autoscaler.Snapshot
		starting int
		demand   autoscaler.Demand
		memory   string
		open     int
		code     autoscaler.Code
	}{
		{"nobody", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{}, "", 3, policy.CodeNoOpinion},
		{"one", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Waiting: 1}, "", 4, policy.CodeUsersWaiting},
		{"a task's worth", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Waiting: 10}, "", 4, policy.CodeUsersWaiting},
		{"one more", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Waiting: 11}, "", 5, policy.CodeUsersWaiting},
		{"free slots do not count", policy.Waiting{}, fleet(3, 0), 0, autoscaler.Demand{Waiting: 1}, "", 4, policy.CodeUsersWaiting},
		{"starting", policy.Waiting{}, fleet(3, 10), 1, autoscaler.Demand{Waiting: 9}, "", 4, policy.CodeWaitingAnswered},
		{"starting, and not enough", policy.Waiting{}, fleet(3, 10), 1, autoscaler.Demand{Waiting: 19}, "", 5, policy.CodeUsersWaiting},
		{"refused in the first pass or before", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Refusals: 7}, "", 3, policy.CodeNoOpinion},
		{"refused since", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Refusals: 7}, `{"refusals":4}`, 4, policy.CodeUsersWaiting},
		{"refused since the beginning", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Refusals: 7}, `{"refusals":0}`, 4, policy.CodeUsersWaiting},
		{"refused before", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Refusals: 7}, `{"refusals":7}`, 3, policy.CodeNoOpinion},
		{"a count that fell", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Refusals: 7}, `{"refusals":9}`, 3, policy.CodeNoOpinion},
		{"a count that cannot be", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Refusals: 7}, `{"refusals":-9}`, 3, policy.CodeNoOpinion},
		{"both", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Waiting: 6, Refusals: 7}, `{"refusals":2}`, 5, policy.CodeUsersWaiting},
		{"no tasks", policy.Waiting{PerTask: 4}, fleet(0, 0), 0, autoscaler.Demand{Waiting: 9}, "", 3, policy.CodeUsersWaiting},
		{"no tasks, default slots", policy.Waiting{}, fleet(0, 0), 0, autoscaler.Demand{Waiting: 11}, "", 2, policy.CodeUsersWaiting},
		{"less than nobody", policy.Waiting{}, fleet(3, 10), 0, autoscaler.Demand{Waiting: -5, Refusals: math.MinInt64}, `{"refusals":0}`, 3, policy.CodeNoOpinion},
		{"everybody", policy.Waiting{PerTask: 1}, fleet(0, 0), 0, autoscaler.Demand{Waiting: math.MaxInt, Refusals: math.MaxInt64}, `{"refusals":0}`, 1_000_000_000, policy.CodeUsersWaiting},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.s.Totals.Starting, tc.s.Demand, tc.s.Memory = tc.starting, tc.demand, autoscaler.Memory(tc.memory)
			d := tc.policy.Decide(tc.s)
			if d.Open != tc.open || d.Reasons[0].Code != tc.code || d.Abstain {
				t.Errorf("wants %d, abstains %v, because %v; want %d because %s", d.Open, d.Abstain, d.Reasons, tc.open, tc.code)
			}
		})
	}
}

// It never wants fewer, more users never make it want fewer, and in Safest it
// takes nothing from what the others want.
func TestWaitingProperty(t *testing.T) {
	var memory autoscaler.Memory
	var before int64
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		s.Memory = memory
		d, have := policy.Waiting{}.Decide(s), s.Totals.Capacity()
		users := float64(s.Demand.Waiting)
		if memory != nil {
			users += float64(max(0, s.Demand.Refusals-before))
		}
		memory, before = d.Memory, s.Demand.Refusals
		if d.Abstain || d.Open < have || d.Remove != nil || d.Empty != nil {
			t.Errorf("decided %+v with %d tasks", d, have)
		}
		slots := 10.0
		if s.Totals.Slots > 0 {
			slots = float64(s.Totals.Slots) / float64(s.Totals.Open)
		}
		if want := max(float64(have), float64(s.Totals.Open)+math.Ceil(min(users, 1e9)/slots-1e-9)); float64(d.Open) != want && s.Totals.Slots < math.MaxInt32 {
			t.Errorf("wants %d of %d for %v users, want %v", d.Open, have, users, want)
		}
		last := 0
		for _, waiting := range []int{0, 1, 5, 50, 5000, math.MaxInt32} {
			s.Demand.Waiting = waiting
			n := policy.Waiting{}.Decide(s).Open
			if n < last {
				t.Errorf("wants %d with %d users waiting, and %d with fewer", n, waiting, last)
			}
			last = n
		}
		s.Demand.Waiting, s.Memory = 0, nil
		alone := policy.Safest{policy.Fixed{Open: 1}}.Decide(s)
		if beside := (policy.Safest{policy.Fixed{Open: 1}, policy.Waiting{}}).Decide(s); beside.Open != alone.Open {
			t.Errorf("nobody waits, and beside it %d tasks are wanted, without it %d", beside.Open, alone.Open)
		}
	})
}

// Each refusal is answered once, whatever the passes it falls between.
func TestWaitingCountsARefusalOnce(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 10)) //nolint:gosec // to be repeatable, not secret
		s := fleet(3, 10)
		asked := 0
		for range 200 {
			s.Memory = policy.Waiting{PerTask: 1}.Decide(s).Memory
			n := random.IntN(3) * random.IntN(4)
			s.Demand.Refusals += int64(n)
			s.Totals.Slots = s.Totals.Open // a slot each
			asked += policy.Waiting{}.Decide(s).Open - s.Totals.Open
		}
		if int64(asked) != s.Demand.Refusals {
			t.Errorf("seed %d: %d slots wanted for %d refusals", seed, asked, s.Demand.Refusals)
		}
	}
}
