package ecssim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// TestBillingByHand follows one task's bill, to the second.
func TestBillingByHand(t *testing.T) {
	cfg := fixed(1)
	cfg.Warm = false
	r := newRig(t, Config{Service: cfg}, ApplicationConfig{Slots: 2})
	start := r.c.Now()
	// Three sessions of 60 s at 70 s: two slots are taken at once, the third user
	// waits for them. Two tasks' worth never live.
	r.application.Play([]Session{
		{start.Add(70 * time.Second), time.Minute},
		{start.Add(70 * time.Second), time.Minute},
		{start.Add(80 * time.Second), time.Minute},
	})
	r.c.RunUntil(start.Add(200 * time.Second))
	stopTask(t, r.c, ids(t, r.c)[0]) // 2 s to exit, 3 s to STOPPED: 205 s billed
	r.c.RunUntil(start.Add(240 * time.Second))
	got := r.application.Score()
	// Its replacement was requested 5 s after the stop, at 205 s: 35 s billed by now.
	want := Score{
		From: start, To: start.Add(240 * time.Second), Arrivals: 3, NoSlot: 1,
		WaitP50: 0, WaitP95: 50 * time.Second, WaitP99: 50 * time.Second, WaitMax: 50 * time.Second,
		BilledTaskSeconds: 205 + 35, BoundTaskSeconds: 60 + 60, TaskStarts: 2, TaskStops: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Ratio() != 2 || int(got.NoSlotPPM()) != 333333 {
		t.Errorf("ratio %v, no slot %v ppm", got.Ratio(), got.NoSlotPPM())
	}
}

func TestWarmUpIsNotScored(t *testing.T) {
	r := newRig(t, Config{Service: fixed(2)}, ApplicationConfig{Slots: 1, WarmUp: time.Hour})
	start := r.c.Now()
	r.application.Play([]Session{{start.Add(time.Minute), 2 * time.Hour}, {start.Add(90 * time.Minute), 10 * time.Minute}})
	r.c.RunUntil(start.Add(3 * time.Hour))
	got := r.application.Score()
	bound := (60+1)*60 + 10*60 // of the first session what lies after the first hour
	if got.Arrivals != 1 || got.TaskStarts != 0 || got.BilledTaskSeconds != 2*2*3600 || got.BoundTaskSeconds != float64(bound) {
		t.Errorf("%+v, want one arrival, no start, %d billed, bound %d", got, 4*3600, bound)
	}
}

// TestBoundAgainstBruteForce counts the live sessions of each second.
func TestBoundAgainstBruteForce(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := newRig(t, Config{Seed: seed, Service: fixed(40)}, ApplicationConfig{Slots: 1 + rnd.IntN(4)})
		start := r.c.Now().Add(time.Minute)
		var sessions []Session
		for range 60 {
			sessions = append(sessions, Session{
				start.Add(time.Duration(rnd.IntN(600)) * time.Second), time.Duration(1+rnd.IntN(300)) * time.Second,
			})
		}
		slices.SortFunc(sessions, func(a, b Session) int { return a.Start.Compare(b.Start) })
		want := 0
		for second := range 1000 {
			at, live := start.Add(time.Duration(second)*time.Second), 0
			for _, s := range sessions {
				if !at.Before(s.Start) && at.Before(s.Start.Add(s.Duration)) {
					live++
				}
			}
			for covered := 0; covered < live; covered += r.application.cfg.Slots {
				want++
			}
		}
		r.application.Play(sessions)
		r.c.RunFor(20 * time.Minute)
		got := r.application.Score()
		if got.WaitMax != 0 || got.BoundTaskSeconds != float64(want) {
			t.Errorf("seed %d: bound %v, want %d; longest wait %v", seed, got.BoundTaskSeconds, want, got.WaitMax)
		}
	}
}

// TestSameSeedSameRun compares two whole runs, and that another seed differs.
func TestSameSeedSameRun(t *testing.T) {
	run := func(seed uint64) string {
		cfg := ServiceConfig{Desired: 6}
		r := newRig(t, Config{Seed: seed, Service: cfg}, ApplicationConfig{Slots: 3, Entrance: EnterByBalancer})
		var log strings.Builder
		r.c.Subscribe(func(change TaskChange) { fmt.Fprintln(&log, change) })
		r.application.Play(Load{Seed: seed, Length: 6 * time.Hour, PerHour: 30}.Sessions())
		for i := range 12 {
			r.c.RunFor(30 * time.Minute)
			if err := r.c.ForeignDesired(sim, 3+(i*5)%7); err != nil {
				t.Fatal(err)
			}
			if i == 5 {
				if _, err := r.c.Deploy(sim, "two"); err != nil {
					t.Fatal(err)
				}
			}
		}
		fmt.Fprintln(&log, r.application.Score(), r.application.Cuts(), r.c.Events(), r.c.Writes(), r.c.Calls())
		return log.String()
	}
	first := run(11)
	if diff := cmp.Diff(first, run(11)); diff != "" {
		t.Error(diff)
	}
	if first == run(12) {
		t.Error("another seed gave the same run")
	}
}

func TestScoreCountsFailures(t *testing.T) {
	r := newRig(t, Config{Service: fixed(1)}, ApplicationConfig{})
	r.c.RunFor(time.Minute)
	if err := r.c.Crash(autoscaler.TaskRef{Service: sim, Task: ids(t, r.c)[0]}); err != nil {
		t.Fatal(err)
	}
	r.c.RunFor(5 * time.Minute)
	if s := r.application.Score(); s.TaskFailure != 1 || s.TaskStops != 0 || s.TaskStarts != 2 {
		t.Errorf("%+v", s)
	}
}

func TestEmptyScore(t *testing.T) {
	var s Score
	if s.Ratio() != 0 || s.NoSlotPPM() != 0 || s.RefusalsPerArrival() != 0 {
		t.Errorf("%v, %v, %v", s.Ratio(), s.NoSlotPPM(), s.RefusalsPerArrival())
	}
	if !strings.Contains(s.String(), "cut 0") {
		t.Error(s)
	}
}
