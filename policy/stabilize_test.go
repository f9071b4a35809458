package policy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleStabilize() {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var memory autoscaler.Memory
	for minute, wish := range []int{6, 2, 5, 2, 2, 2, 2, 2} { // of six tasks
		s := autoscaler.Snapshot{
			At: at.Add(time.Duration(minute) * time.Minute), Totals: autoscaler.Totals{Open: 6}, Memory: memory,
		}
		d := policy.Stabilize{Policy: policy.Fixed{Open: wish}, In: 3 * time.Minute}.Decide(s)
		memory = d.Memory
		fmt.Println(wish, "→", d.Open, d.Reasons[0].Code)
	}
	// Output:
	// 6 → 6 fixed
	// 2 → 6 stabilized_in
	// 5 → 6 stabilized_in
	// 2 → 6 stabilized_in
	// 2 → 5 stabilized_in
	// 2 → 5 stabilized_in
	// 2 → 2 fixed
	// 2 → 2 fixed
}

// wishing is what a member wanted at a time, with what there is where it
// abstained.
type wishing struct {
	at   time.Time
	open int
}

// within returns the smallest and the largest wish that is no older than that; the
// last one alone where there is no while.
func within(wishes []wishing, now time.Time, while time.Duration) (lowest, highest int) {
	lowest, highest = wishes[len(wishes)-1].open, wishes[len(wishes)-1].open
	for _, w := range wishes {
		if while > time.Millisecond && now.Sub(w.at) <= while {
			lowest, highest = min(lowest, w.open), max(highest, w.open)
		}
	}
	return lowest, highest
}

// Against all wishes kept: what counts is never less than the while, and never
// more than a 28th of it longer.
func TestStabilizeFollowsTheWishesOfAWhile(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 5)) //nolint:gosec // to be repeatable, not secret
		out, in := time.Duration(random.IntN(5))*time.Minute, time.Duration(1+random.IntN(40))*time.Minute
		at, have, wish := start, 1+random.IntN(30), 10
		if seed%3 == 0 { // before the first instant of Unix time
			at = time.Date(1960, 2, 29, 0, 0, 0, 0, time.UTC)
		}
		var memory autoscaler.Memory
		past := []wishing{{at, have}}
		for pass := range 400 {
			at = at.Add(time.Duration(1+random.IntN(40)) * time.Second)
			wish = min(max(wish+random.IntN(9)-4, 0), 60)
			var member autoscaler.Policy = policy.Fixed{Open: wish}
			if abstains := random.IntN(10) == 0; abstains {
				member, past = abstaining("member"), append(past, wishing{at, have})
			} else {
				past = append(past, wishing{at, wish})
			}
			if pass == 0 {
				past[0].at = at
			}
			d := policy.Stabilize{Policy: member, Out: out, In: in}.Decide(
				autoscaler.Snapshot{At: at, Totals: autoscaler.Totals{Open: have}, Memory: memory})
			if memory = d.Memory; len(memory) > 60*40 {
				t.Fatalf("seed %d, pass %d: %d bytes of memory", seed, pass, len(memory))
			}
			if d.Abstain {
				continue
			}
			lowest, _ := within(past, at, out)
			_, highest := within(past, at, in)
			lower, _ := within(past, at, out+out/28+time.Millisecond)
			_, higher := within(past, at, in+in/28+time.Millisecond)
			if least, most := min(max(have, lower), highest), min(max(have, lowest), higher); d.Open < least || d.Open > most {
				t.Fatalf("seed %d, pass %d: wants %d of %d; %d to %d were wanted, so want %d to %d",
					seed, pass, d.Open, have, lowest, highest, least, most)
			}
			if wish > have && d.Open < have || wish < have && d.Open > have {
				t.Fatalf("seed %d, pass %d: wants %d of %d, the member %d", seed, pass, d.Open, have, wish)
			}
			have = max(d.Open, 1)
		}
	}
}

// Passes further apart than the while would otherwise wait for ever.
func TestStabilizeInRarePasses(t *testing.T) {
	p := policy.Stabilize{Policy: policy.Fixed{Open: 2}, In: time.Minute}
	s := fleet(6, 0)
	for pass, want := range []int{6, 2} {
		s.At = start.Add(time.Duration(pass) * time.Hour)
		d := p.Decide(s)
		if s.Memory = d.Memory; d.Open != want {
			t.Errorf("pass %d: wants %d, want %d", pass, d.Open, want)
		}
	}
}

func TestStabilizeProperty(t *testing.T) {
	inner := policy.Threshold{}
	p := policy.Stabilize{Policy: inner}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d, free, have := p.Decide(s), inner.Decide(s), s.Totals.Capacity()
		switch {
		case d.Abstain != free.Abstain:
			t.Errorf("abstains: %v, the member: %v", d.Abstain, free.Abstain)
		case d.Open != max(free.Open, have):
			t.Errorf("wants %d of %d without memory, the member %d", d.Open, have, free.Open)
		case d.Remove != nil || d.Empty != nil:
			t.Errorf("names %v, %v and wants none taken away", d.Remove, d.Empty)
		}
	})
}

func TestStabilizeKeepsNamesWhereFewerAreWanted(t *testing.T) {
	s := fleet(6, 0)
	s.Memory = fmt.Appendf(nil, `{"in":[{"at":%d,"n":4}]}`, start.Add(-time.Minute).UnixMilli())
	d := policy.Stabilize{Policy: says("member", 3, "t-00", "t-01", "t-02")}.Decide(s)
	if d.Open != 4 || len(d.Remove) != 3 || d.Reasons[0].Code != policy.CodeStabilizedIn {
		t.Errorf("decided %+v", d)
	}
}
