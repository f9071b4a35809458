package backtest_test

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

var (
	taxiFile  = flag.String("taxi", "", "trace `FILE` of the rows taxi and fold")
	azureFile = flag.String("azure", "", "trace `FILE` of the row azure")
	goalRows  = flag.String("rows", "", "only the rows whose name holds this")
)

// goal is a row of the quality table: a load, how it is run, and what is to come of it.
type goal struct {
	name     string
	trial    backtest.Trial // without load, policy and seed
	load     func(t *testing.T, seed uint64) (backtest.Load, bool)
	ratio    float64 // at most; 0 for a row that is reported only
	ppm      float64
	stretch  string
	resisted bool // the page says what bounds it; at its best figure
}

func goals() []goal {
	balancer := func(r backtest.Route) backtest.Trial {
		return backtest.Trial{Route: r, Interval: time.Minute, DeregistrationDelay: 300 * time.Second}
	}
	return []goal{
		{name: "taxi, place", load: taxi, ratio: 1.34, ppm: 50, stretch: "1.30", resisted: true},
		{name: "azure, place", load: azure, ratio: 1.17, ppm: 50, stretch: "1.16"},
		{name: "fold, steered", load: fold, trial: balancer(backtest.RouteSteered), ratio: 1.33, ppm: 50, stretch: "1.27"},
		{name: "fold, redirect", load: fold, trial: balancer(backtest.RouteRedirect), stretch: "1.40 at 200 ppm, 0.5 refusals"},
		{name: "step, place", load: step, trial: backtest.Trial{WarmUp: 24 * time.Hour}, ratio: 1.30, ppm: 5000, stretch: "1.25 at 4000 ppm"},
		{name: "taxi, 1 slot", load: taxi, trial: backtest.Trial{Slots: 1}, ratio: 1.42, ppm: 500},
		{name: "fold, 50 slots", load: fold, trial: backtest.Trial{Slots: 50}, ratio: 1.16, ppm: 50, resisted: true},
	}
}

func trace(t *testing.T, file, what string) (backtest.Load, bool) {
	t.Helper()
	if file == "" {
		t.Logf("SKIPPED: rows of the trace %s, which are run with -%s FILE", what, what)
		return backtest.Load{}, false
	}
	load, err := backtest.LoadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	load.Name = what
	return load, true
}

func taxi(t *testing.T, _ uint64) (backtest.Load, bool)  { return trace(t, *taxiFile, "taxi") }
func azure(t *testing.T, _ uint64) (backtest.Load, bool) { return trace(t, *azureFile, "azure") }

func fold(t *testing.T, _ uint64) (backtest.Load, bool) {
	load, ok := trace(t, *taxiFile, "taxi")
	if !ok {
		return load, false
	}
	folded, err := load.Fold(12, 4)
	if err != nil {
		t.Fatal(err)
	}
	folded.Name = "fold"
	return folded, true
}

func step(_ *testing.T, seed uint64) (backtest.Load, bool) {
	return backtest.Step{Seed: seed}.Load(), true
}

const goalSeeds = 3

// TestGoals runs Headroom on the loads of the quality table, three seeds each, and
// holds it to the goals: go test -v -timeout 1h -run TestGoals ./policy/backtest
// -taxi FILE -azure FILE.
func TestGoals(t *testing.T) {
	if *taxiFile == "" && *azureFile == "" && *goalRows == "" {
		t.Skip("SKIPPED: the quality table takes minutes and needs its traces; run with -taxi FILE -azure FILE")
	}
	var trials []backtest.Trial
	var rows []goal
	for _, g := range goals() {
		if !strings.Contains(g.name, *goalRows) {
			continue
		}
		for seed := uint64(1); seed <= goalSeeds; seed++ {
			trial := g.trial
			load, ok := g.load(t, seed)
			if !ok {
				break
			}
			trial.Load, trial.Policy, trial.Seed = load, policy.Headroom{}, seed
			trials, rows = append(trials, trial), append(rows, g)
		}
	}
	results, err := backtest.Compare(t.Context(), trials, runtime.GOMAXPROCS(0), func(_ int, r backtest.Result, _ error) { t.Log(r) })
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("\n| row | ratio | no slot, ppm | killed | wait p99 / max | starts | to clairvoyant | goal | stretch |\n|---|---|---|---|---|---|---|---|---|\n")
	for i := 0; i < len(results); i += goalSeeds {
		table.WriteString(judge(t, rows[i], results[i:i+goalSeeds]))
	}
	t.Log(table.String())
}

// judge holds a row's seeds to its goal and writes its line.
func judge(t *testing.T, g goal, seeds []backtest.Result) string {
	t.Helper()
	killed := 0
	for _, r := range seeds {
		killed += r.Killed
		met := g.ratio == 0 || math.Round(1000*r.RatioLB1)/1000 <= g.ratio && r.NoSlotPPM <= g.ppm
		if !met && !g.resisted {
			t.Errorf("%s, seed %d: ratio %.3f at %.0f ppm, the goal is %.2f at %.0f", g.name, r.Seed, r.RatioLB1, r.NoSlotPPM, g.ratio, g.ppm)
		}
	}
	if killed > 0 {
		t.Errorf("%s: %d sessions killed", g.name, killed)
	}
	each := func(format string, value func(backtest.Result) float64) string {
		texts := make([]string, len(seeds))
		for i, r := range seeds {
			texts[i] = fmt.Sprintf(format, value(r))
		}
		return strings.Join(texts, " ")
	}
	worst := slices.MaxFunc(seeds, func(a, b backtest.Result) int { return cmp.Compare(a.WaitMax, b.WaitMax) })
	target := "reported"
	if g.ratio > 0 {
		target = fmt.Sprintf("%.2f at %.0f ppm", g.ratio, g.ppm)
	}
	ppm := each("%.0f", func(r backtest.Result) float64 { return r.NoSlotPPM })
	if g.trial.Route == backtest.RouteRedirect {
		ppm += ", refusals per arrival " + each("%.2f", func(r backtest.Result) float64 { return r.RefusalsPerArrival })
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %.0f s / %.0f s | %s | %s | %s | %s |\n", g.name,
		each("%.3f", func(r backtest.Result) float64 { return r.RatioLB1 }), ppm,
		killed, worst.WaitP99, worst.WaitMax, each("%.0f", func(r backtest.Result) float64 { return float64(r.TaskStarts) }),
		each("%.3f", func(r backtest.Result) float64 { return r.RatioClairvoyant }), target, cmp.Or(g.stretch, "—"))
}
