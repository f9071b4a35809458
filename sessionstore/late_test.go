package sessionstore

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// An event that comes before the task is RUNNING registers it by name alone. What
// the task then says of itself is the first that is known.
func TestTaskDescribesItselfAfterABareRegistration(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Revision: "r-1"})
	b.advance(time.Minute)
	_, err := b.r.Report(Report{
		Process: "main", Boot: 1, Seq: 1, At: b.now, Closed: true, Level: autoscaler.LevelA, Slots: 4, Processes: 1,
	}, b.terms(), b.spilled)
	b.must(err)
	if a := b.see(); a.Level != autoscaler.LevelA || a.Slots != 4 || a.Processes != 1 {
		t.Errorf("level %q, %d slots, %d processes; want what the task said", a.Level, a.Slots, a.Processes)
	}
	b.wantOccupancy(0)
}

// Of two touches the first may come last, after its sender gave it up and sent it
// again. A session that is connected must not end by a disconnect of long ago.
func TestLateDisconnectEndsNoConnectedSession(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4})
	b.must(b.open(24 * time.Hour))
	b.must(b.begin("u"))
	touch := func(until time.Time) TouchRequest {
		return TouchRequest{Session: "u", At: b.now, DisconnectedUntil: until}
	}
	b.advance(10 * time.Second)
	off := touch(b.now.Add(2 * time.Minute))
	b.must(b.r.Touch(off, b.terms()))
	b.advance(10 * time.Second)
	b.must(b.r.Touch(touch(time.Time{}), b.terms()))
	b.advance(40 * time.Second)
	b.must(b.r.Touch(off, b.terms()))
	b.advance(3 * time.Minute)
	b.wantOccupancy(1)
	err := b.r.Cordon(autoscaler.CordonRequest{Version: b.r.Version(), Drain: "d", OnlyIfIdle: true, At: b.now}, b.terms())
	b.want(err, autoscaler.ErrBusy)
}

// "The year 9999" is how people write never. No such instant may wrap around and
// end a session at once.
func TestInstantsFarAheadEndNothing(t *testing.T) {
	for _, year := range []int{2105, 2110, 2261, 2262, 2263, 2500, 9999} {
		far := time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC)
		b := reporting(t)
		b.must(b.begin("u"))
		b.must(b.r.Touch(TouchRequest{Session: "u", At: b.now, DisconnectedUntil: far}, b.terms()))
		if _, err := b.r.Reserve(ReserveRequest{Session: "r", At: b.now, Until: far}, b.terms(), b.spilled); err != nil {
			t.Fatal(err)
		}
		b.advance(time.Minute)
		b.report("main")
		if got := b.see().Occupancy; got != autoscaler.Sessions(2) {
			t.Errorf("year %d: occupancy %v, want both sessions", year, got)
		}
	}
}

func TestInstantsStopAtTheirBounds(t *testing.T) {
	ahead, back := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		got, from, to instant
	}{
		"far ahead":                     {instantOf(ahead), never - 1, never},
		"far back":                      {instantOf(back), -never, -never},
		"an hour after the last":        {instantOf(ahead).add(time.Hour), never, never},
		"two hundred years after today": {instantOf(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)).add(1<<63 - 1), never, never},
		"an hour before the last":       {(never - 1).add(-time.Hour), never - 1 - instant(time.Hour), never - 1 - instant(time.Hour)},
	} {
		if c.got < c.from || c.got > c.to {
			t.Errorf("%s: %d, want %d to %d", name, c.got, c.from, c.to)
		}
	}
}

// What is only reserved is counted with the sessions, and told apart from them.
func TestReservedSlotsAreToldApart(t *testing.T) {
	b := reporting(t)
	b.must(b.begin("a"))
	_, err := b.r.Reserve(ReserveRequest{Session: "r", At: b.now, Until: b.now.Add(time.Minute)}, b.terms(), b.spilled)
	b.must(err)
	b.report("main", "a")
	b.wantOccupancy(2)
	if n := b.see().Reserved; n != 1 {
		t.Errorf("%d reserved, want 1", n)
	}
	b.must(b.begin("r"))
	b.wantOccupancy(2)
	if n := b.see().Reserved; n != 0 {
		t.Errorf("%d reserved after the session began, want none", n)
	}
}
