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

func ExampleFixed() {
	d := policy.Fixed{Open: 3}.Decide(autoscaler.Snapshot{})
	fmt.Println(d.Open, d.Reasons[0])
	// Output: 3 fixed: fixed
}

func ExampleClamp() {
	p := policy.Clamp{Policy: policy.Fixed{Open: 9}, Min: 2, Max: 4}
	d := p.Decide(autoscaler.Snapshot{})
	for _, r := range d.Reasons {
		fmt.Println(d.Open, r)
	}
	// Output:
	// 4 clamp: clamped_down (9 wanted, 4 allowed)
	// 4 clamp/fixed: fixed
}

func ExampleCooldown() {
	p := policy.Cooldown{Policy: policy.Buffer{Slots: 5}, In: 10 * time.Minute}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var memory autoscaler.Memory
	for minute, open := range []int{4, 3, 3, 3} { // one task goes in the first minute
		tasks := []autoscaler.Task{autoscalertest.Open("t-1", 10, 3), autoscalertest.Open("t-2", 10, 0),
			autoscalertest.Open("t-3", 10, 0), autoscalertest.Open("t-4", 10, 0)}
		s := autoscalertest.Snapshot(at.Add(time.Duration(5*minute)*time.Minute), tasks[:open]...)
		s.Memory = memory
		d := p.Decide(s)
		memory = d.Memory
		fmt.Println(open, "→", d.Open, d.Reasons[0].Code)
	}
	// Output:
	// 4 → 1 buffer_spare
	// 3 → 3 cooling_in
	// 3 → 3 cooling_in
	// 3 → 1 buffer_spare
}

func TestClampProperty(t *testing.T) {
	inner := policy.Threshold{}
	p := policy.Clamp{Policy: inner, Min: 3, Max: 12}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d, free := p.Decide(s), inner.Decide(s)
		if d.Abstain != free.Abstain {
			t.Errorf("abstains: %v, the member: %v", d.Abstain, free.Abstain)
		}
		if d.Abstain {
			return
		}
		if d.Open != min(max(free.Open, 3), 12) {
			t.Errorf("wants %d, the member %d", d.Open, free.Open)
		}
		if d.Open >= s.Totals.Capacity() && d.Remove != nil {
			t.Errorf("names %v and wants %d of %d", d.Remove, d.Open, s.Totals.Capacity())
		}
		if d.Open == free.Open && !slices.Equal(d.Remove, free.Remove) {
			t.Errorf("removes %v, the member %v", d.Remove, free.Remove)
		}
	})
}

func TestClampMaxPrevails(t *testing.T) {
	if d := (policy.Clamp{Policy: policy.Fixed{Open: 5}, Min: 9, Max: 3}).Decide(autoscaler.Snapshot{}); d.Open != 3 {
		t.Errorf("wants %d, want 3", d.Open)
	}
	if d := (policy.Clamp{Policy: policy.Fixed{Open: 5}, Min: 2}).Decide(autoscaler.Snapshot{}); d.Open != 5 {
		t.Errorf("wants %d without a maximum, want 5", d.Open)
	}
}

// A wish is carried out at once here, so every change of the fleet is the
// policy's own, and two in one direction must lie apart.
func TestCooldownKeepsChangesApart(t *testing.T) {
	const out, in, step = 3 * time.Minute, 7 * time.Minute, 15 * time.Second
	for seed := range uint64(5) {
		wishes := autoscalertest.Situations(seed)
		var memory autoscaler.Memory
		var lastOut, lastIn, at time.Duration
		have, changes := 5, 0
		for pass := range 800 {
			at += step
			wish := wishes[pass/4%len(wishes)].Totals.Open % 20
			s := autoscaler.Snapshot{At: start.Add(at), Totals: autoscaler.Totals{Open: have}, Memory: memory}
			d := policy.Cooldown{Policy: policy.Fixed{Open: wish}, Out: out, In: in}.Decide(s)
			memory = d.Memory
			switch {
			case d.Open > have:
				if lastOut > 0 && at-lastOut < out {
					t.Fatalf("seed %d, pass %d: out %v after the last", seed, pass, at-lastOut)
				}
				lastOut = at + step // seen in the next snapshot
			case d.Open < have:
				if lastIn > 0 && at-lastIn < in {
					t.Fatalf("seed %d, pass %d: in %v after the last", seed, pass, at-lastIn)
				}
				lastIn = at + step
			case wish != have && d.Reasons[0].Code != policy.CodeCoolingOut && d.Reasons[0].Code != policy.CodeCoolingIn:
				t.Fatalf("seed %d, pass %d: held a wish for %d of %d because %v", seed, pass, wish, have, d.Reasons)
			}
			if d.Open != have {
				changes++
			}
			have = d.Open
		}
		if changes < 10 {
			t.Errorf("seed %d: only %d changes in 800 passes", seed, changes)
		}
	}
}

// A wish that was not carried out starts no clock.
func TestCooldownGoesByWhatHappened(t *testing.T) {
	p := policy.Cooldown{Policy: policy.Fixed{Open: 9}, Out: time.Hour}
	var memory autoscaler.Memory
	for pass := range 3 {
		s := autoscaler.Snapshot{At: start.Add(time.Duration(pass) * time.Minute), Totals: autoscaler.Totals{Open: 2}, Memory: memory}
		d := p.Decide(s)
		if memory = d.Memory; d.Open != 9 {
			t.Errorf("pass %d: wants %d though nothing has changed", pass, d.Open)
		}
	}
}

func TestCooldownDropsNamesWithTheWish(t *testing.T) {
	s := fleet(3, 0)
	s.Memory = autoscaler.Memory(fmt.Sprintf(`{"tasks":3,"in":%d}`, start.Add(-time.Minute).UnixMilli()))
	d := policy.Cooldown{Policy: says("member", 1, "t-00"), In: time.Hour}.Decide(s)
	if d.Open != 3 || d.Remove != nil || d.Reasons[0].Code != policy.CodeCoolingIn {
		t.Errorf("decided %+v", d)
	}
}
