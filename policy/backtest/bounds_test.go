package backtest

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
)

// LB1 is what a count of the live sessions at each second comes to, and the better
// bound what a search over all ways to keep and stop tasks finds.
func TestBoundsAgainstBruteForce(t *testing.T) {
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		load, slots, span := Load{Name: "small"}, 1+r.IntN(3), 400
		at := 0
		for range 12 {
			at += r.IntN(40)
			load.Sessions = append(load.Sessions, ecssim.Session{
				Start: start.Add(time.Duration(at) * time.Second), Duration: time.Duration(1+r.IntN(90)) * time.Second,
			})
		}
		from, cycle := 20, 15+r.IntN(60)
		need := make([]int, span)
		for s := range need {
			live := 0
			for _, session := range load.Sessions {
				begins := int(session.Start.Sub(start).Seconds())
				if begins <= s && s < begins+int(session.Duration.Seconds()) {
					live++
				}
			}
			need[s] = (live + slots - 1) / slots
		}
		lb1 := 0
		for _, n := range need[from:] {
			lb1 += n
		}
		b := load.Bounds(start.Add(time.Duration(from)*time.Second), start.Add(time.Duration(span)*time.Second), slots,
			time.Duration(cycle)*time.Second, 0)
		if b.LB1 != float64(lb1) {
			t.Errorf("seed %d: LB1 %v, counted %d", seed, b.LB1, lb1)
		}
		if want := cheapest(need, from, cycle); math.Abs(b.Clairvoyant-float64(want)) > 1e-6 {
			t.Errorf("seed %d: the clairvoyant pays %v, searched %d", seed, b.Clairvoyant, want)
		}
		if b.Clairvoyant < b.LB1 {
			t.Errorf("seed %d: %v is below LB1 %v", seed, b.Clairvoyant, b.LB1)
		}
	}
}

// cheapest is what the levels of demand cost from a second on, each gap bridged or not,
// whatever is less. Each level is gone through on its own: tasks are alike.
func cheapest(need []int, from, cycle int) int {
	total := 0
	for level := 1; ; level++ {
		ever, used := false, false
		gap, cost := 0, 0
		for s, n := range need {
			used = used || n >= level
			switch {
			case n >= level:
				if ever {
					cost += min(gap, cycle)
				}
				if s >= from {
					cost++
				}
				ever, gap = true, 0
			case s >= from:
				gap++
			}
		}
		if !used {
			return total
		}
		total += cost + min(gap, cycle)
	}
}

// stepped wants two tasks until an instant and three from then on.
type stepped struct{ at time.Time }

func (stepped) Name() string { return "stepped" }
func (p stepped) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	if s.At.Before(p.at) {
		return s.Want(2, "two")
	}
	return s.Want(3, "three")
}

// A case worked by hand. Users come from midnight to 04:00 and the first hour is not
// scored: two tasks are billed for three hours, and a third one from the pass at 02:00,
// which asks for it, to 04:00. That is 2 × 3 h + 2 h = 8 task-hours.
//
// One session lives from 00:00 to 04:00 and one more from 01:30 to 02:00, on tasks of
// one slot: LB1 is 3 h + 0.5 h.
func TestBillingByHand(t *testing.T) {
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	load := Load{Name: "hand", Sessions: []ecssim.Session{
		{Start: midnight, Duration: 5 * time.Hour},
		{Start: midnight.Add(90 * time.Minute), Duration: 30 * time.Minute},
		{Start: midnight.Add(4 * time.Hour), Duration: time.Second},
	}}
	r, err := Trial{Load: load, Policy: stepped{midnight.Add(2 * time.Hour)}, Slots: 1, WarmUp: time.Hour}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(r.TaskHours-8) > 1e-9 || math.Abs(r.LB1Hours-3.5) > 1e-9 {
		t.Errorf("billed %v task-hours, LB1 %v; by hand 8 and 3.5", r.TaskHours, r.LB1Hours)
	}
	if r.TaskStarts != 1 || r.Arrivals != 2 || r.NoSlot != 0 || r.Killed != 0 {
		t.Errorf("%d starts, %d arrivals, %d without a slot, %d killed", r.TaskStarts, r.Arrivals, r.NoSlot, r.Killed)
	}
}

// Nobody is lost between the door and the count: who came was served, and who was
// served left, on every route.
func TestSessionsAreConserved(t *testing.T) {
	for _, route := range Routes() {
		trial := Trial{
			Load:   Generate("day", ecssim.Load{Seed: 11, Length: 18 * time.Hour, PerHour: 120}),
			Policy: policy.Headroom{}, Route: route,
		}.withDefaults()
		s, err := newSimulation(t.Context(), trial)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.store.Activity(t.Context(), service(), s.cluster.Now())
		if err != nil {
			t.Fatal(err)
		}
		n := int64(len(trial.Load.Sessions))
		if a.Demand.Arrivals < n || a.Demand.Departures != a.Demand.Arrivals || s.users.Active() != 0 || r.Waiting != 0 || r.Killed != 0 {
			t.Errorf("%s: %d came; %d begun, %d ended, %d live, %d wait, %d killed",
				route, n, a.Demand.Arrivals, a.Demand.Departures, s.users.Active(), r.Waiting, r.Killed)
		}
	}
}
