package autoscaler

import (
	"testing"
	"time"
	"unsafe"
)

// A machine's two clocks come apart: the monotonic one stops while it sleeps,
// the wall clock is set. Either is enough for a permit to run out.
func TestPermitRunsOutOnEitherClock(t *testing.T) {
	signed := time.Now() // both clocks
	permit := Permit{NotAfter: signed.Add(PermitLife)}
	for _, tt := range []struct {
		name            string
		wall, monotonic time.Duration
		want            bool
	}{
		{"both in time", PermitLife, PermitLife, false},
		{"the monotonic clock stood still", PermitLife + time.Second, 0, true},
		{"the wall clock was set back", -time.Hour, PermitLife + time.Second, true},
		{"both passed", PermitLife + time.Second, PermitLife + time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := shifted(t, signed.Add(tt.wall), tt.monotonic-tt.wall)
			if got := permit.Expired(now); got != tt.want {
				t.Errorf("Expired = %v, want %v", got, tt.want)
			}
		})
	}
}

// shifted moves the monotonic clock of a time against its wall clock. There is no
// call for it, since a process cannot set either, so it reaches into the value
// and checks that it did what it meant to.
func shifted(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	out := at
	layout := (*struct {
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&out))
	layout.ext += int64(by)
	if out.Sub(at) != by || !out.Round(0).Equal(at.Round(0)) {
		t.Fatalf("time.Time is laid out in another way than this test knows; moved by %v, want %v", out.Sub(at), by)
	}
	return out
}
