package ecssim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestEventsRunInOrder plans events at random instants, many of them the same,
// and expects them by instant and then as planned.
func TestEventsRunInOrder(t *testing.T) {
	type planned struct{ at, nth int }
	for seed := range uint64(10) {
		c := New(Config{})
		rnd := rand.New(rand.NewPCG(seed, 1))
		start := c.Now()
		var want, got []planned
		for nth := range 500 {
			p := planned{rnd.IntN(50), nth}
			want = append(want, p)
			c.At(start.Add(time.Duration(p.at)*time.Second), func() {
				if now := int(c.Now().Sub(start).Seconds()); now != p.at {
					t.Errorf("seed %d: planned for %d s, ran at %d s", seed, p.at, now)
				}
				got = append(got, p)
			})
		}
		slices.SortStableFunc(want, func(a, b planned) int { return a.at - b.at })
		c.RunFor(25 * time.Second)
		c.RunFor(time.Minute)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: out of order", seed)
		}
	}
}

func TestEveryStops(t *testing.T) {
	c := New(Config{})
	n := 0
	var stop func()
	stop = c.Every(c.Now(), time.Minute, func() {
		if n++; n == 3 {
			stop()
		}
	})
	c.RunFor(time.Hour)
	if n != 3 {
		t.Errorf("ran %d times", n)
	}
}

func TestThePastIsNow(t *testing.T) {
	c := New(Config{})
	c.RunFor(time.Hour)
	now := c.Now()
	ran := time.Time{}
	c.At(now.Add(-time.Minute), func() { ran = c.Now() })
	c.RunUntil(now.Add(-time.Second))
	if c.Now() != now {
		t.Errorf("the clock went back to %v", c.Now())
	}
	c.RunFor(0)
	if ran != now {
		t.Errorf("ran at %v, want %v", ran, now)
	}
}
