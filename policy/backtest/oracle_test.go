package backtest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

func TestOracleIsAPolicy(t *testing.T) {
	load := backtest.Generate("load", ecssim.Load{Seed: 2, Length: 24 * time.Hour})
	autoscalertest.TestPolicy(t, backtest.Oracle(load, 10, 90*time.Second))
	autoscalertest.TestPolicy(t, backtest.Oracle(backtest.Load{}, 0, 0))
}

// Who sees the future pays less than who forecasts it, and not less than the bound.
func TestOracleIsABound(t *testing.T) {
	// On a load of this size: a service of two tasks turns on a single release.
	const seed = 7
	load := backtest.Generate("load", ecssim.Load{Seed: seed, Length: 36 * time.Hour, PerHour: 400})
	results, err := backtest.Compare(t.Context(), []backtest.Trial{
		{Load: load, Policy: backtest.Oracle(load, 10, 100*time.Second), Seed: seed},
		{Load: load, Policy: policy.Headroom{}, Seed: seed},
	}, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	oracle, own := results[0], results[1]
	if oracle.RatioLB1 < 1 || oracle.RatioLB1 > own.RatioLB1 || oracle.NoSlotPPM > own.NoSlotPPM+2000 || oracle.Killed+own.Killed > 0 {
		t.Errorf("seed %d:\n%v\n%v", seed, oracle, own)
	}
}

func ExampleTrial() {
	load := backtest.Generate("office", ecssim.Load{Seed: 1, Length: 48 * time.Hour, PerHour: 100})
	result, err := backtest.Trial{Load: load, Policy: policy.Headroom{}}.Run(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("killed", result.Killed)
	if err := result.Within(backtest.Budget{Ratio: 1.8, NoSlotPPM: 2000}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// killed 0
}
