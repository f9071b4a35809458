package backtest

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

// TestReaction measures, in the simulation's time, how soon a controller that hears of
// sessions asks for capacity when its room is breached, and how much of what a step
// needs it has asked for ten seconds after it.
func TestReaction(t *testing.T) {
	var delays []time.Duration
	for seed := range uint64(3) {
		r := reaction{t: t, step: 90 * time.Minute}
		load := Step{Seed: seed, Span: 2 * time.Hour, From: r.step, To: 2 * time.Hour}.Load()
		trial := Trial{
			Load: load, Policy: policy.Headroom{}, Seed: seed, WarmUp: time.Hour, Passes: r.pass,
		}.withDefaults()
		s, err := newSimulation(t.Context(), trial)
		if err != nil {
			t.Fatal(err)
		}
		r.s, r.first = s, load.Sessions[0].Start
		if _, err := s.run(); err != nil {
			t.Fatal(err)
		}
		delays = append(delays, r.delays...)
		// Three more arrivals for each there were, over the time that a task takes to start.
		if need := 3 * 500.0 / 600 * 90; r.asked < 0.8*need {
			t.Errorf("seed %d: room for %.0f more sessions ten seconds after the step, which needs %.0f", seed, r.asked, need)
		}
	}
	slices.Sort(delays)
	n := len(delays)
	if n < 100 {
		t.Fatalf("only %d breaches were answered with a request", n)
	}
	t.Logf("%d breaches answered: p50 %v, p99 %v, max %v", n, delays[n/2], delays[n*99/100], delays[n-1])
	if delays[n*99/100] > time.Second || delays[n-1] > 2*time.Second {
		t.Errorf("p99 %v, max %v; want 1 s and 2 s", delays[n*99/100], delays[n-1])
	}
}

// reaction follows the passes of one run.
type reaction struct {
	t      *testing.T
	s      *simulation
	first  time.Time
	step   time.Duration
	delays []time.Duration
	asked  float64 // slots free, on their way or drained, ten seconds after the step
}

func (r *reaction) pass(p autoscaler.Pass) {
	order := 0
	asks := false
	for _, a := range p.Actions {
		switch a.Code {
		case autoscaler.CodeReopened:
			asks = true
			if order > 0 {
				r.t.Errorf("%v: a task is reopened after others were started", p.At)
			}
		case autoscaler.CodeScaledOut:
			asks, order = true, 1
		}
	}
	if asks && !r.s.breachedAt.IsZero() {
		r.delays = append(r.delays, p.At.Sub(r.s.breachedAt))
	}
	since := p.At.Sub(r.first.Add(r.step))
	if since >= 0 && since <= 10*time.Second {
		r.asked = float64(10*max(p.Open, p.Totals.Capacity()) - (p.Totals.Slots - p.Totals.Free))
	}
}
