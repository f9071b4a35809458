package policy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleAgree() {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var memory autoscaler.Memory
	for pass, wish := range []int{2, 3, 4, 2, 2, 1, 1} { // of four tasks
		s := autoscaler.Snapshot{
			At: at.Add(time.Duration(15*pass) * time.Second), Totals: autoscaler.Totals{Open: 4}, Memory: memory,
		}
		d := policy.Agree{Policy: policy.Fixed{Open: wish}}.Decide(s)
		memory = d.Memory
		fmt.Println(wish, "→", d.Open, d.Reasons[0])
	}
	// Output:
	// 2 → 4 agree: awaiting_in (2 wanted, pass 1 of 3)
	// 3 → 4 agree: awaiting_in (3 wanted, pass 2 of 3)
	// 4 → 4 agree/fixed: fixed
	// 2 → 4 agree: awaiting_in (2 wanted, pass 1 of 3)
	// 2 → 4 agree: awaiting_in (2 wanted, pass 2 of 3)
	// 1 → 1 agree/fixed: fixed
	// 1 → 1 agree/fixed: fixed
}

// Against all wishes kept: a change is wanted exactly where the last ones were
// all in its direction.
func TestAgreeNeedsPassesInARow(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // to be repeatable, not secret
		p := policy.Agree{Out: 1 + random.IntN(4), In: 1 + random.IntN(6)}
		var memory autoscaler.Memory
		var directions []int
		have := 10
		for pass := range 500 {
			wish := have + random.IntN(4) - 1 // in rows of some length
			if pass%20 < 10 {
				wish = have - random.IntN(4) + 1
			}
			wish = max(wish, 0)
			p.Policy = policy.Fixed{Open: wish}
			direction := min(max(wish-have, -1), 1)
			if random.IntN(12) == 0 {
				p.Policy, direction = abstaining("member"), 0
			}
			if random.IntN(12) == 0 {
				p.Policy, direction = policy.Optional{Policy: abstaining("member")}, 0
			}
			directions = append(directions, direction)
			d := p.Decide(autoscaler.Snapshot{At: start, Totals: autoscaler.Totals{Open: have}, Memory: memory})
			memory = d.Memory
			needed := map[int]int{-1: p.In, 0: 1, 1: p.Out}[direction]
			agree := direction != 0 && inARow(directions) >= needed
			if want := map[bool]int{true: wish, false: have}[agree]; d.Open != want {
				t.Fatalf("seed %d, pass %d: wants %d of %d, the member %d, %d in a row of %d needed",
					seed, pass, d.Open, have, wish, inARow(directions), needed)
			}
			have = d.Open
		}
	}
}

// inARow returns how many of the last ones are the same.
func inARow(directions []int) int {
	n := 1
	for i := len(directions) - 1; i > 0 && directions[i-1] == directions[i]; i-- {
		n++
	}
	return n
}

func TestAgreeDropsNamesWithTheWish(t *testing.T) {
	fewer, more := says("member", 1, "t-00"), says("member", 9)
	fewer.Empty, more.Reopen = ids{"t-01"}, ids{"t-02"}
	for _, member := range []saying{fewer, more} {
		d := policy.Agree{Policy: member, Out: 2, In: 2}.Decide(fleet(3, 0))
		if d.Open != 3 || d.Remove != nil || d.Empty != nil || d.Reopen != nil {
			t.Errorf("decided %+v", d)
		}
	}
}

func TestAgreeProperty(t *testing.T) {
	inner := policy.Threshold{}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d, free, have := policy.Agree{Policy: inner}.Decide(s), inner.Decide(s), s.Totals.Capacity()
		switch {
		case d.Abstain != free.Abstain:
			t.Errorf("abstains: %v, the member: %v", d.Abstain, free.Abstain)
		case d.Open != max(free.Open, have):
			t.Errorf("wants %d of %d in the first pass, the member %d", d.Open, have, free.Open)
		case d.Remove != nil || d.Empty != nil:
			t.Errorf("names %v, %v and wants none taken away", d.Remove, d.Empty)
		}
		alone := policy.Agree{Policy: inner, In: -1}.Decide(s)
		if alone.Open != free.Open || len(alone.Remove) != len(free.Remove) {
			t.Errorf("one pass is enough: decided %+v, the member %+v", alone, free)
		}
	})
}
