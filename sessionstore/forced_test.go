package sessionstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

func (b *bench) notice(after time.Duration) error {
	return b.r.GiveNotice(b.drainRef(b.see().Drain.ID), b.now.Add(after), b.terms())
}

func (b *bench) force() (int, error) {
	n, spill, err := b.r.EndSessions(b.drainRef(b.see().Drain.ID), b.terms())
	for _, e := range spill {
		b.spill[e.Session] = true
	}
	return n, err
}

// forced ends what the record holds, after a minute's notice.
func (b *bench) forced() {
	b.Helper()
	b.must(b.notice(time.Minute))
	b.advance(time.Minute)
	if _, err := b.force(); err != nil {
		b.Fatal(err)
	}
}

func TestForcedEndNeedsNoticeAndTime(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*bench) autoscaler.DrainRef
		err     error
	}{
		"no notice": {func(b *bench) autoscaler.DrainRef { b.advance(time.Hour); return b.drainRef("d") }, autoscaler.ErrBusy},
		"before its time": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Minute - 1)
			return b.drainRef("d")
		}, autoscaler.ErrBusy},
		"a slow caller": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Minute)
			d := b.drainRef("d")
			d.At = b.now.Add(-1)
			return d
		}, autoscaler.ErrBusy},
		"a fast caller": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Minute - 1)
			d := b.drainRef("d")
			d.At = b.now.Add(3 * time.Second)
			return d
		}, autoscaler.ErrBusy},
		"a clock far off": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Hour)
			d := b.drainRef("d")
			d.At = b.now.Add(time.Minute)
			return d
		}, autoscaler.ErrClock},
		"another drain": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Hour)
			return b.drainRef("e")
		}, autoscaler.ErrConflict},
		"a stale version": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Hour)
			d := b.drainRef("d")
			b.started("x")
			return d
		}, autoscaler.ErrConflict},
		"reopened since": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Hour)
			b.must(b.r.Reopen(b.drainRef("d"), b.terms()))
			return b.drainRef("d")
		}, autoscaler.ErrConflict},
		"the drain after": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.must(b.r.Reopen(b.drainRef("d"), b.terms()))
			b.cordon("e")
			b.advance(time.Hour)
			return b.drainRef("e")
		}, autoscaler.ErrBusy},
		"in time": {func(b *bench) autoscaler.DrainRef {
			b.must(b.notice(time.Minute))
			b.advance(time.Minute)
			return b.drainRef("d")
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := reporting(t)
			b.must(b.begin("a"))
			b.cordon("d")
			d := c.prepare(b)
			version := b.r.Version()
			n, _, err := b.r.EndSessions(d, b.terms())
			b.want(err, c.err)
			f, _ := b.r.Find("a", b.terms())
			if ended := f.Cause == CauseForced; ended != (c.err == nil) || c.err != nil && (n > 0 || b.r.Version() != version) {
				t.Errorf("%d ended, the session is %+v, version %d after %d", n, f, b.r.Version(), version)
			}
		})
	}
}

func TestADeadlineIsNotBroughtForward(t *testing.T) {
	b := reporting(t)
	b.cordon("d")
	ending := func() time.Duration { return b.see().Drain.Ending.Sub(b.now) }
	b.want(b.notice(0), errArgument)
	early := b.drainRef("d")
	early.At = b.now.Add(3 * time.Second)
	b.want(b.r.GiveNotice(early, b.now.Add(2*time.Second), b.terms()), errArgument)
	slow := b.drainRef("d")
	slow.At = b.now.Add(-3 * time.Second)
	b.want(b.r.GiveNotice(slow, b.now.Add(-time.Second), b.terms()), errArgument)
	b.must(b.notice(time.Hour))
	if order := b.report("main"); !order.Ending.Equal(b.now.Add(time.Hour)) {
		t.Errorf("a report is answered with %v", order.Ending)
	}
	version := b.r.Version()
	b.must(b.notice(time.Hour))
	b.must(b.notice(time.Second))
	if ending() != time.Hour || b.r.Version() != version {
		t.Errorf("the end is in %v at version %d, want an hour at version %d", ending(), b.r.Version(), version)
	}
	b.must(b.notice(2 * time.Hour))
	if ending() != 2*time.Hour {
		t.Errorf("put off, the end is in %v", ending())
	}
	b.advance(2 * time.Hour)
	_, err := b.force()
	b.must(err)
	b.want(b.notice(time.Hour), autoscaler.ErrConflict)
}

func TestForcedEndEndsWhatLives(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 60, Processes: 1})
	b.report("main")
	b.must(b.open(24 * time.Hour))
	ids := make([]SessionID, 40)
	for i := range ids {
		ids[i] = SessionID(fmt.Sprint("s", i))
		b.must(b.begin(ids[i]))
	}
	b.must(b.r.Touch(TouchRequest{Session: "s1", At: b.now, DisconnectedUntil: b.now.Add(time.Hour)}, b.terms()))
	_, err := b.r.Reserve(ReserveRequest{Session: "r", At: b.now, Until: b.now.Add(time.Hour)}, b.terms(), b.spilled)
	b.must(err)
	b.cordon("d")
	b.must(b.notice(time.Minute))
	b.advance(time.Minute)
	n, err := b.force()
	b.must(err)
	if arrivals, departures := b.r.Demand(); n != 40 || arrivals != 40 || departures != 40 {
		t.Errorf("%d ended, %d arrivals, %d departures; want 40 each, the reservation none", n, arrivals, departures)
	}
	if len(b.spill)+len(b.r.ended) != 40 || !b.see().Drain.Forced.Equal(b.now) {
		t.Errorf("%d remembered beside the record and %d in it, forced at %v", len(b.spill), len(b.r.ended), b.see().Drain.Forced)
	}
	if n, err := b.force(); n != 0 || err != nil {
		t.Errorf("again it ended %d, %v", n, err)
	}
	// The process lists and counts them still, long after.
	b.advance(10 * time.Minute)
	b.report("main", ids...)
	b.wantOccupancy(0)
	if arrivals, _ := b.r.Demand(); arrivals != 40 {
		t.Errorf("%d arrivals: sessions that were ended came back", arrivals)
	}
	b.must(b.retire("d"))
}

func TestForcedEndWaivesItsDrainsAcknowledgements(t *testing.T) {
	b := reporting(t)
	b.must(b.begin("a"))
	b.cordon("d")
	b.forced()
	b.advance(time.Hour) // silent
	b.wantOccupancy(0)
	next := b.r.Clone()
	b.must(b.retire("d"))

	b.r = next
	b.must(b.r.Reopen(b.drainRef("d"), b.terms()))
	b.wantOccupancy(-1)
	b.cordon("e")
	b.want(b.retire("e"), autoscaler.ErrBusy)
	b.report("main", "a")
	b.wantOccupancy(1) // it ended, and its process says that it is there
	b.want(b.retire("e"), autoscaler.ErrBusy)
}

func TestWhatComesAfterAForcedEndCounts(t *testing.T) {
	for name, come := range map[string]func(*bench){
		"told":             func(b *bench) { b.started("later") },
		"listed":           func(b *bench) { b.report("main", "later") },
		"listed by no id":  func(b *bench) { b.report("main", "") },
		"told, and listed": func(b *bench) { b.started("later"); b.report("main", "a", "later") },
		"listed twice":     func(b *bench) { b.report("main", "later", "later") },
		"without room": func(b *bench) {
			b.rules.SessionLimit = 1
			b.started("later")
			b.started("last")
			b.end("later")
		},
		"of a process without room": func(b *bench) {
			for i := range ProcessLimit {
				b.report(fmt.Sprint("p", i))
			}
			b.report("one more", "later")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := reporting(t)
			b.must(b.begin("a"))
			b.cordon("d")
			b.forced()
			come(b)
			if b.see().Occupancy.Idle() {
				t.Error("the task passes for idle")
			}
			b.want(b.retire("d"), autoscaler.ErrBusy)
		})
	}
}

// A process that has no room in the record, and holds nothing, has nothing to say
// that was not waived.
func TestManySilentProcessesAreWaived(t *testing.T) {
	b := reporting(t)
	for i := range ProcessLimit {
		b.report(fmt.Sprint("p", i))
	}
	b.wantOccupancy(-1)
	b.cordon("d")
	b.forced()
	b.report("one more")
	b.wantOccupancy(0)
	b.must(b.retire("d"))
}

func TestForcedEndWaivesNoBarrier(t *testing.T) {
	b := eventsOnly(t)
	b.started("a")
	b.cordon("d")
	b.forced()
	b.advance(time.Hour)
	b.want(b.retire("d"), autoscaler.ErrBusy)
	b.barrier("d")
	b.advance(2 * time.Minute)
	b.must(b.retire("d"))
}
