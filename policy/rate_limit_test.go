package policy_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleRateLimit() {
	p := policy.RateLimit{
		Policy: policy.Fixed{Open: 20},
		Out:    policy.Rate{Tasks: 4, Percent: 100, Per: 5 * time.Minute},
		In:     policy.Rate{Tasks: 1, Per: 10 * time.Minute},
	}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var memory autoscaler.Memory
	have := 2
	for pass := range 5 {
		s := autoscaler.Snapshot{
			At: at.Add(time.Duration(2*pass) * time.Minute), Totals: autoscaler.Totals{Open: have}, Memory: memory,
		}
		d := p.Decide(s)
		fmt.Println(have, "→", d.Open, d.Reasons[0])
		memory, have = d.Memory, d.Open
	}
	// Output:
	// 2 → 6 rate-limit: rate_out (20 wanted, 6 allowed)
	// 6 → 6 rate-limit: rate_out (20 wanted, 6 allowed)
	// 6 → 6 rate-limit: rate_out (20 wanted, 6 allowed)
	// 6 → 6 rate-limit: rate_out (20 wanted, 6 allowed)
	// 6 → 12 rate-limit: rate_out (20 wanted, 12 allowed)
}

// moving is a change of the number of tasks that was seen at a time.
type moving struct {
	at    time.Time
	tasks int
}

// movedWithin returns the tasks added and taken in the time up to now.
func movedWithin(all []moving, now time.Time, per time.Duration) (added, taken int) {
	for _, m := range all {
		if now.Sub(m.at) < per {
			added, taken = added+max(m.tasks, 0), taken+max(-m.tasks, 0)
		}
	}
	return added, taken
}

// bound is the law of a rate, from the tasks that it is a percentage of.
func bound(r policy.Rate, of int) int {
	return max(r.Tasks, int(math.Ceil(float64(of)*r.Percent/100)), 1)
}

// Against all changes kept. Tasks also come and go on their own, and a wish is
// carried out in part and late.
func TestRateLimitHoldsOverEveryWindow(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 8)) //nolint:gosec // to be repeatable, not secret
		rate := func() policy.Rate {
			return policy.Rate{Tasks: random.IntN(6), Percent: float64(random.IntN(3)) * 20, Per: time.Duration(1+random.IntN(1200)) * time.Second}
		}
		p := policy.RateLimit{Out: rate(), In: rate()}
		p.Out.Tasks, p.In.Tasks = p.Out.Tasks+1, p.In.Tasks+1 // a bound of none is in the table
		at, have, wish, changed := start, 10, 10, 0
		var memory autoscaler.Memory
		var all []moving
		for pass := range 800 {
			at = at.Add(time.Duration(1+random.IntN(60)) * time.Second)
			if random.IntN(20) == 0 {
				wish = random.IntN(60)
			}
			p.Policy = policy.Fixed{Open: wish}
			d := p.Decide(autoscaler.Snapshot{At: at, Totals: autoscaler.Totals{Open: have}, Memory: memory})
			if memory = d.Memory; len(memory) > 60*40 {
				t.Fatalf("seed %d, pass %d: %d bytes of memory", seed, pass, len(memory))
			}
			added, _ := movedWithin(all, at, p.Out.Per)
			_, taken := movedWithin(all, at, p.In.Per)
			most := have + max(0, bound(p.Out, have-added)-added)
			least := have - max(0, bound(p.In, have+taken)-taken)
			if d.Open > most && d.Open > have || d.Open < least && d.Open < have {
				t.Fatalf("seed %d, pass %d: wants %d of %d after %d added and %d taken, allowed are %d to %d",
					seed, pass, d.Open, have, added, taken, least, most)
			}
			if d.Open != wish && (wish-d.Open)*(wish-have) < 0 {
				t.Fatalf("seed %d, pass %d: wants %d of %d, the member %d", seed, pass, d.Open, have, wish)
			}
			next := have + (d.Open-have)*(1+random.IntN(3))/3
			if random.IntN(15) == 0 {
				next = max(0, next+random.IntN(5)-2)
			}
			if next != have {
				all, changed = append(all, moving{at.Add(time.Nanosecond), next - have}), changed+1
			}
			have = next
		}
		if changed < 20 {
			t.Errorf("seed %d: only %d changes in 800 passes", seed, changed)
		}
	}
}

func TestRateLimitLaw(t *testing.T) {
	for _, tc := range []struct {
		name       string
		policy     policy.RateLimit
		have, open int
		code       autoscaler.Code
	}{
		{"no bound", policy.RateLimit{Policy: policy.Fixed{Open: 90}, In: policy.Rate{Tasks: 1}}, 10, 90, policy.CodeFixed},
		{"within the bound", policy.RateLimit{Policy: policy.Fixed{Open: 12}, Out: policy.Rate{Tasks: 2}}, 10, 12, policy.CodeFixed},
		{"tasks", policy.RateLimit{Policy: policy.Fixed{Open: 90}, Out: policy.Rate{Tasks: 8, Percent: 50}}, 10, 18, policy.CodeRateOut},
		{"percent", policy.RateLimit{Policy: policy.Fixed{Open: 90}, Out: policy.Rate{Tasks: 2, Percent: 35}}, 10, 14, policy.CodeRateOut},
		{"percent of nothing", policy.RateLimit{Policy: policy.Fixed{Open: 90}, Out: policy.Rate{Percent: 50}}, 0, 1, policy.CodeRateOut},
		{"down", policy.RateLimit{Policy: policy.Fixed{}, In: policy.Rate{Tasks: 2, Percent: 10}}, 10, 8, policy.CodeRateIn},
		{"down in percent", policy.RateLimit{Policy: policy.Fixed{}, In: policy.Rate{Percent: 31}}, 10, 6, policy.CodeRateIn},
		{"abstains", policy.RateLimit{Policy: abstaining("a"), In: policy.Rate{Tasks: 2}}, 10, 10, "cannot"},
		{"nil", policy.RateLimit{In: policy.Rate{Tasks: 2}}, 10, 10, policy.CodeNoMember},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.policy.Decide(autoscaler.Snapshot{At: start, Totals: autoscaler.Totals{Open: tc.have}})
			if d.Open != tc.open || d.Reasons[0].Code != tc.code {
				t.Errorf("wants %d because %v, want %d because %s", d.Open, d.Reasons, tc.open, tc.code)
			}
		})
	}
}

func TestRateLimitProperty(t *testing.T) {
	inner := policy.Threshold{Step: 5}
	p := policy.RateLimit{Policy: inner, Out: policy.Rate{Tasks: 2}, In: policy.Rate{Tasks: 3}}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d, free, have := p.Decide(s), inner.Decide(s), s.Totals.Capacity()
		switch {
		case d.Abstain != free.Abstain:
			t.Errorf("abstains: %v, the member: %v", d.Abstain, free.Abstain)
		case d.Open != min(max(free.Open, have-3), have+2):
			t.Errorf("wants %d of %d, the member %d", d.Open, have, free.Open)
		case d.Open < have && len(d.Remove) != len(free.Remove):
			t.Errorf("names %v, the member %v", d.Remove, free.Remove)
		}
	})
}

// The percentage is of what there was before the changes that count.
func TestRateLimitCountsWhatIsLeft(t *testing.T) {
	half := policy.Rate{Percent: 50, Per: time.Hour}
	for _, tc := range []struct {
		name       string
		wish, next int // after ten tasks
		open       int
	}{
		{"added", 90, 13, 15},
		{"all added", 90, 15, 15},
		{"more added than allowed", 90, 18, 18},
		{"taken", 0, 7, 5},
		{"all taken", 0, 5, 5},
		{"more taken than allowed", 0, 2, 2},
		{"taken, and more wanted", 90, 4, 6},
		{"added, and fewer wanted", 0, 14, 7},
	} {
		p := policy.RateLimit{Policy: policy.Fixed{Open: tc.wish}, Out: half, In: half}
		s := autoscaler.Snapshot{At: start, Totals: autoscaler.Totals{Open: 10}}
		s.Memory = p.Decide(s).Memory
		s.At, s.Totals.Open = start.Add(time.Minute), tc.next
		if d := p.Decide(s); d.Open != tc.open {
			t.Errorf("%s: wants %d of %d because %v, want %d", tc.name, d.Open, tc.next, d.Reasons, tc.open)
		}
	}
}
