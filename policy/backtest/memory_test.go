package backtest_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// TestMemory runs the same demand for three days and for nine: what a run holds at
// most, beside the load that it was given, is what its live sessions take and a bounded
// past, however long it is.
func TestMemory(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	held := func(days int, perHour float64) (most int64) {
		load := backtest.Generate("steady", ecssim.Load{Seed: 3, Length: time.Duration(days) * 24 * time.Hour, PerHour: perHour})
		before, looks := heap(), 0
		_, err := backtest.Trial{Load: load, Policy: policy.Headroom{}, Seed: 3, Progress: func(float64, string) {
			if looks++; looks%20 == 0 {
				most = max(most, heap()-before)
			}
		}}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(load)
		t.Logf("%2d days of %3.0f sessions an hour: %d sessions, %d KB at most", days, perHour, len(load.Sessions), most>>10)
		return most
	}
	short, long := held(3, 40), held(9, 40)
	if long > short*3/2 {
		t.Errorf("%d bytes in nine days, %d in three: a run grows with its length", long, short)
	}
	if many := held(3, 160); many > 4*long {
		t.Errorf("%d bytes with four times the sessions, %d without", many, long)
	}
}
