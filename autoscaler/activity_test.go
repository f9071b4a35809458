package autoscaler

import (
	"testing"
	"time"
)

func TestClockIsOffWhereTheStoreTellsAnotherTime(t *testing.T) {
	asked := guardAt
	for _, row := range []struct {
		name     string
		store    time.Time
		answered time.Duration // after asked
		off      bool
	}{
		{"the same", asked, 0, false},
		{"behind by the bound", asked.Add(SkewBound), 0, false},
		{"behind by more", asked.Add(SkewBound + 1), 0, true},
		{"ahead by the bound", asked.Add(-SkewBound), 0, false},
		{"ahead by more", asked.Add(-SkewBound - 1), 0, true},
		{"a read that took a minute, answered in the middle of it", asked.Add(30 * time.Second), time.Minute, false},
		{"and one from after it", asked.Add(time.Minute + SkewBound + 1), time.Minute, true},
		{"a store that does not tell", time.Time{}, 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := (Activity{Now: row.store}).ClockOff(asked, asked.Add(row.answered)); got != row.off {
				t.Errorf("off = %v, want %v", got, row.off)
			}
		})
	}
}
