package policy_test

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

var ideasFile = flag.String("taxi", "", "trace `FILE` on which the ideas of Headroom are left out or changed, one by one")

// ideas are what Headroom is with one of its ideas left out or changed.
func ideas() map[string]func(*policy.HeadroomTuning) {
	return map[string]func(*policy.HeadroomTuning){
		"as it is":                            func(*policy.HeadroomTuning) {},
		"half the risk at each need":          func(c *policy.HeadroomTuning) { c.Risk /= 2 },
		"twice the risk at each need":         func(c *policy.HeadroomTuning) { c.Risk *= 2 },
		"the mean of 50 arrivals, not 200":    func(c *policy.HeadroomTuning) { c.Arrivals = 50 },
		"the mean of 800 arrivals":            func(c *policy.HeadroomTuning) { c.Arrivals = 800 },
		"no season":                           func(c *policy.HeadroomTuning) { c.Season = false },
		"no allowance for a rise of the rate": func(c *policy.HeadroomTuning) { c.Rise = 0 },
		"no change detector":                  func(c *policy.HeadroomTuning) { c.Evidence = math.Inf(1) },
		"no empirical errors, a normal tail":  func(c *policy.HeadroomTuning) { c.Prior = 1e12 },
		"a quarter of the band":               func(c *policy.HeadroomTuning) { c.Band /= 4 },
		"four times the band":                 func(c *policy.HeadroomTuning) { c.Band *= 4 },
		"an emptied task is held for 2 min":   func(c *policy.HeadroomTuning) { c.Hold = 2 * time.Minute },
	}
}

// TestIdeas prints what each idea is worth on the rows of the quality table that stand
// above their goal: go test -v -timeout 1h -run Ideas ./policy -taxi FILE. None of them may
// cost a session.
func TestIdeas(t *testing.T) {
	if *ideasFile == "" {
		t.Skip("SKIPPED: what each idea is worth takes minutes and needs a trace; run with -taxi FILE")
	}
	taxi, err := backtest.LoadFile(*ideasFile)
	if err != nil {
		t.Fatal(err)
	}
	taxi.Name = "taxi"
	fold, err := taxi.Fold(12, 4)
	if err != nil {
		t.Fatal(err)
	}
	fold.Name = "fold"
	rows := []backtest.Trial{{Load: taxi}, {Load: fold, Slots: 50}}
	var trials []backtest.Trial
	for name, change := range ideas() {
		for _, row := range rows {
			row.Policy, row.Name, row.Seed = policy.Tuned(change), name, 1
			trials = append(trials, row)
		}
	}
	results, err := backtest.Compare(t.Context(), trials, runtime.GOMAXPROCS(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string][]string{}
	for _, r := range results {
		if r.Killed > 0 {
			t.Errorf("%s: %d killed", r.Policy, r.Killed)
		}
		lines[r.Policy] = append(lines[r.Policy], fmt.Sprintf("%.3f at %.0f ppm", r.RatioLB1, r.NoSlotPPM))
	}
	var table strings.Builder
	for name := range ideas() {
		fmt.Fprintf(&table, "| %s | %s |\n", name, strings.Join(lines[name], " | "))
	}
	t.Log("\n| idea | taxi, place | fold, 50 slots |\n|---|---|---|\n" + table.String())
}
