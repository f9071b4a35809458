package sessionstore

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

func TestFind(t *testing.T) {
	b := reporting(t)
	at := b.now
	for _, id := range []SessionID{"live", "off", "ended", "forgotten"} {
		b.must(b.begin(id))
	}
	b.must(b.r.Touch(TouchRequest{Session: "off", At: b.now, DisconnectedUntil: at.Add(time.Hour)}, b.terms()))
	_, err := b.r.Reserve(ReserveRequest{Session: "held", At: b.now, Until: at.Add(time.Minute)}, b.terms(), b.spilled)
	b.want(err, autoscaler.ErrTaskFull)
	b.end("forgotten")
	_, err = b.r.Reserve(ReserveRequest{Session: "held", At: b.now, Until: at.Add(time.Minute)}, b.terms(), b.spilled)
	b.must(err)
	b.end("ended")
	b.report("main", "live")
	for id, want := range map[SessionID]Found{
		"live":  {State: SessionLive, Since: at, Listed: true},
		"off":   {State: SessionDisconnected, Since: at.Add(time.Hour)},
		"held":  {State: SessionReserved, Since: at.Add(time.Minute)},
		"ended": {State: SessionEnded, Since: at, Cause: CauseEnd},
	} {
		want.Ref, want.Session = taskRef("t"), id
		if got, ok := b.r.Find(id, b.terms()); !ok || got != want {
			t.Errorf("%s is found %v as %+v, want %+v", id, ok, got, want)
		}
	}
	if _, ok := b.r.Find("nobody", b.terms()); ok {
		t.Error("a session that nobody told of is found")
	}
	b.advance(2 * time.Hour)
	for id, since := range map[SessionID]time.Time{"off": at.Add(time.Hour), "held": at.Add(time.Minute)} {
		if got, ok := b.r.Find(id, b.terms()); !ok || got.State != SessionEnded || got.Cause != CauseTime || !got.Since.Equal(since) {
			t.Errorf("%s is found %v as %+v, want it ended by time at %v", id, ok, got, since)
		}
	}
	if got, _ := b.r.Find("live", b.terms()); got.State != SessionLive {
		t.Errorf("a session that is listed ended by time: %+v", got)
	}
}

func TestCausesOutliveTheirRecord(t *testing.T) {
	b := reporting(t)
	for _, id := range []SessionID{"a", "b"} {
		b.must(b.begin(id))
	}
	b.end("told")
	b.cordon("d")
	b.forced()
	b.started("late")
	_, err := b.r.Reserve(ReserveRequest{Session: "r", At: b.now, Until: b.now.Add(time.Hour)}, b.terms(), b.spilled)
	b.want(err, autoscaler.ErrCordoned)
	out, err := b.r.Forget(autoscaler.ForgetRequest{Version: b.r.Version(), Drain: "d"}, b.terms())
	b.must(err)
	got := make(map[SessionID]EndCause)
	for _, e := range out {
		got[e.Session] = e.Cause
		if f := FoundEnded(taskRef("t"), e); f.State != SessionEnded || f.Cause != e.Cause || f.Session != e.Session || !f.Since.Equal(e.At) {
			t.Errorf("kept beside its record it is found as %+v, want %+v", f, e)
		}
	}
	want := map[SessionID]EndCause{"told": CauseEnd, "a": CauseForced, "b": CauseForced, "late": CauseTask}
	if len(got) != len(want) {
		t.Errorf("%d sessions are kept, want %d: %v", len(got), len(want), got)
	}
	for id, cause := range want {
		if got[id] != cause {
			t.Errorf("%s ended by %q, want %q", id, got[id], cause)
		}
	}
	if again, err := b.r.Forget(autoscaler.ForgetRequest{}, b.terms()); len(again) > 0 || err != nil {
		t.Errorf("forgotten again: %v, %v", again, err)
	}
}

// A report does not say since when a session has lived. One that has ended and whose
// process has not noticed is counted, and does not come back.
func TestAnEndedSessionThatIsListedStaysEnded(t *testing.T) {
	b := reporting(t)
	b.must(b.begin("a"))
	b.end("a")
	for i := range 30 {
		b.end(SessionID(rune('A' + i)))
	}
	if !b.spill["a"] {
		t.Fatal("the record still remembers it")
	}
	for range 3 {
		b.advance(time.Minute)
		b.report("main", "a")
		b.wantOccupancy(1)
		if f, found := b.r.Find("a", b.terms()); found {
			t.Errorf("its record shows it as %+v", f)
		}
	}
	b.report("main")
	b.wantOccupancy(0)
	if arrivals, departures := b.r.Demand(); arrivals != 1 || departures != 1 {
		t.Errorf("%d arrivals, %d departures, want 1 each", arrivals, departures)
	}
}
