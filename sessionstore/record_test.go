package sessionstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// bench is one record and the store's terms around it.
type bench struct {
	*testing.T
	now   time.Time
	rules Rules
	seq   int64
	spill map[SessionID]bool
	r     *Record
}

func newBench(t *testing.T, req autoscaler.RegisterRequest) *bench {
	b := &bench{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), rules: Rules{}.WithDefaults(), spill: make(map[SessionID]bool)}
	req.Ref = taskRef("t")
	b.r = NewRecord(req, b.terms())
	return b
}

func reporting(t *testing.T) *bench {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: 1})
	b.report("main")
	b.must(b.open(24 * time.Hour))
	return b
}

func (b *bench) terms() Terms                 { return Terms{Owner: "o", Now: b.now, Rules: b.rules} }
func (b *bench) spilled(id SessionID) bool    { return b.spill[id] }
func (b *bench) advance(d time.Duration)      { b.now = b.now.Add(d) }
func (b *bench) see() autoscaler.TaskActivity { return b.r.Activity(b.now, b.terms()) }

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) want(err, sentinel error) {
	b.Helper()
	if !errors.Is(err, sentinel) {
		b.Errorf("got %v, want %v", err, sentinel)
	}
}

func (b *bench) wantOccupancy(n int) {
	b.Helper()
	if got := b.see().Occupancy; got != autoscaler.Sessions(n) {
		b.Errorf("occupancy %v, want %v", got, autoscaler.Sessions(n))
	}
}

func (b *bench) open(left time.Duration) error {
	return b.r.Open(autoscaler.OpenRequest{Version: b.r.Version(), ProtectedUntil: b.now.Add(left), At: b.now}, b.terms())
}

func (b *bench) begin(id SessionID) error {
	_, err := b.r.Begin(BeginRequest{Session: id, At: b.now}, b.terms(), b.spilled)
	return err
}

func (b *bench) started(id SessionID) Receipt {
	b.Helper()
	receipt, err := b.r.Started(StartedRequest{Session: id, At: b.now}, b.terms(), b.spilled)
	b.must(err)
	return receipt
}

func (b *bench) end(id SessionID) {
	b.Helper()
	out, err := b.r.End(EndRequest{Session: id, At: b.now}, b.terms())
	b.must(err)
	for _, e := range out {
		b.spill[e.Session] = true
	}
}

func (b *bench) report(process string, ids ...SessionID) Order {
	b.Helper()
	b.seq++
	order, err := b.r.Report(Report{
		Process: process, Boot: 1, Seq: b.seq, At: b.now, Sessions: ids, Count: len(ids), Slots: 4,
		Closed: b.r.State() == autoscaler.TaskCordoned, Acknowledges: b.see().Drain.ID,
	}, b.terms(), b.spilled)
	b.must(err)
	return order
}

func (b *bench) cordon(drain autoscaler.DrainID) {
	b.Helper()
	b.must(b.r.Cordon(autoscaler.CordonRequest{Version: b.r.Version(), Drain: drain, At: b.now}, b.terms()))
}

func (b *bench) drainRef(drain autoscaler.DrainID) autoscaler.DrainRef {
	return autoscaler.DrainRef{Ref: taskRef("t"), Drain: drain, Version: b.r.Version(), At: b.now}
}

func TestRefusalsSayWhatWhereAndWhatToDo(t *testing.T) {
	b := reporting(t)
	b.cordon("d")
	err := b.begin("a")
	b.want(err, autoscaler.ErrCordoned)
	for _, part := range []string{"sessionstore.Begin", "c/s/t", "take another task"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestRefusalsNameTheirCause(t *testing.T) {
	b := reporting(t)
	b.cordon("d")
	b.advance(25 * time.Hour)
	fresh := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: 1})
	bare := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA})
	b.must(bare.open(24 * time.Hour))
	ended := reporting(t)
	ended.end("a")
	_, clock := ended.r.Begin(BeginRequest{Session: "b"}, ended.terms(), nil)
	for name, c := range map[string]struct {
		err, sentinel error
		text          string
	}{
		"open":     {fresh.open(time.Minute), autoscaler.ErrBusy, "sessionstore.Open: c/s/t: the task lacks the protection that opening needs (protect the task"},
		"reopen":   {b.r.Reopen(b.drainRef("d"), b.terms()), autoscaler.ErrBusy, "sessionstore.Reopen: c/s/t: the task lacks the protection"},
		"no slots": {bare.begin("a"), autoscaler.ErrTaskFull, "the record says 0 slots; its task has to say how many it has"},
		"ended":    {ended.begin("a"), autoscaler.ErrGone, "c/s/t: the session has ended (a new session needs a new id)"},
		"no clock": {clock, autoscaler.ErrClock, "at 0001-01-01T00:00:00Z, the store's clock 2026-03-01T12:00:00Z, bound 5s; set At, and give caller and store the same clock"},
	} {
		if !errors.Is(c.err, c.sentinel) || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: %q, want %q and %q", name, c.err, c.sentinel, c.text)
		}
	}
	if err := ended.begin("a"); !errors.Is(err, ErrEnded) || errors.Is(b.begin("b"), ErrEnded) {
		t.Errorf("%v, want %q, and only there", err, ErrEnded)
	}
}

func TestRefusedWritesChangeNothing(t *testing.T) {
	b := reporting(t)
	b.must(b.begin("a"))
	b.cordon("d")
	before := *b.r
	bad := b.drainRef("other")
	for name, write := range map[string]func() error{
		"begin":        func() error { return b.begin("b") },
		"begin, no id": func() error { return b.begin("") },
		"cordon, no id": func() error {
			return b.r.Cordon(autoscaler.CordonRequest{Version: b.r.Version(), At: b.now}, b.terms())
		},
		"reserve": func() error {
			_, err := b.r.Reserve(ReserveRequest{Session: "r", At: b.now, Until: b.now}, b.terms(), b.spilled)
			return err
		},
		"reopen": func() error { return b.r.Reopen(bad, b.terms()) },
		"renew":  func() error { return b.r.Renew(bad, b.now.Add(time.Hour), b.terms()) },
		"retire": func() error { return b.r.Retire(b.drainRef("d"), b.terms()) },
		"retire, no id": func() error {
			return b.r.Retire(b.drainRef(""), b.terms())
		},
		"forget": func() error {
			_, err := b.r.Forget(autoscaler.ForgetRequest{Version: 1}, b.terms())
			return err
		},
		"report, no name": func() error {
			_, err := b.r.Report(Report{At: b.now}, b.terms(), b.spilled)
			return err
		},
		"touch, no id": func() error { return b.r.Touch(TouchRequest{At: b.now}, b.terms()) },
		"end, no id": func() error {
			_, err := b.r.End(EndRequest{At: b.now}, b.terms())
			return err
		},
	} {
		if err := write(); err == nil {
			t.Errorf("%s: success", name)
		}
		if b.r.version != before.version || b.r.state != before.state || len(b.r.entries) != len(before.entries) ||
			b.r.drain != before.drain || len(b.r.ended) != len(before.ended) {
			t.Errorf("%s was refused and changed the record", name)
		}
	}
}

func TestRepeatsChangeNothing(t *testing.T) {
	b := reporting(t)
	b.must(b.begin("a"))
	b.end("x")
	b.cordon("d")
	req := autoscaler.CordonRequest{Version: 1, Drain: "d", At: b.now}
	version := b.r.Version()
	b.must(b.begin("a"))
	b.started("a")
	b.end("x")
	b.must(b.r.Cordon(req, b.terms()))
	b.must(b.r.Renew(b.drainRef("d"), b.now, b.terms()))
	b.must(b.r.Touch(TouchRequest{Session: "a", At: b.now}, b.terms()))
	b.must(b.open(24 * time.Hour))
	if b.r.Version() != version {
		t.Errorf("repeats moved the version from %d to %d", version, b.r.Version())
	}
}

func TestSpilledEndsAreReadOnlyByLateStarts(t *testing.T) {
	b := reporting(t)
	asked := 0
	spilled := func(id SessionID) bool { asked++; return b.spill[id] }
	start := func(id SessionID, began time.Time, at time.Time) Receipt {
		receipt, err := b.r.Started(StartedRequest{Session: id, At: at, Began: began}, b.terms(), spilled)
		b.must(err)
		return receipt
	}
	began := b.now
	b.advance(time.Minute)
	for i := range 40 {
		b.end(SessionID(fmt.Sprint(i)))
	}
	if len(b.spill) < 24 || len(b.r.ended) > EndedLimit {
		t.Fatalf("%d spilled, %d in the record", len(b.spill), len(b.r.ended))
	}
	b.advance(time.Hour)
	if start("fresh", b.now, b.now).Dropped || asked != 0 {
		t.Errorf("a fresh start was dropped or looked up (%d)", asked)
	}
	if !start("0", began, b.now).Dropped || asked != 1 {
		t.Errorf("a late start of an ended session was not dropped (%d looked up)", asked)
	}
	// A teller whose clock is off says nothing about when a session began.
	if !start("1", b.now.Add(48*time.Hour), b.now.Add(48*time.Hour)).Dropped {
		t.Error("a clock that is off brought an ended session back")
	}
	if !start("2", b.now.Add(48*time.Hour), b.now).Dropped {
		t.Error("a beginning that has not come yet brought an ended session back")
	}
	// One that is ahead, and whose message took as long, tells of a session that seems new.
	if !start("3", b.now, b.now.Add(time.Minute)).Dropped {
		t.Error("a message from a clock ahead brought an ended session back")
	}
	// Their price is shared: none is given up before the record is full, and then half.
	before := len(b.spill)
	b.end("later")
	if len(b.r.ended) != EndedLimit/2+1 || len(b.spill) != before+EndedLimit/2 {
		t.Errorf("%d ends in the record and %d more beside it, want half and the new one", len(b.r.ended), len(b.spill)-before)
	}
}

// A record that is written anyway gives up its older ends before it is full, and forgets
// none of them.
func TestShed(t *testing.T) {
	b := reporting(t)
	began := b.now
	b.advance(time.Minute)
	for i := range 12 {
		if shed := b.r.Shed(); shed != nil {
			t.Fatalf("%v were given up with %d in the record", shed, i)
		}
		b.advance(time.Second)
		b.end(SessionID(fmt.Sprint(i)))
	}
	shed := b.r.Shed()
	for i, e := range shed {
		if want := (Ended{SessionID(fmt.Sprint(i)), began.Add(time.Minute + time.Duration(i+1)*time.Second), CauseEnd}); e != want {
			t.Errorf("%+v was given up, want %+v", e, want)
		}
		b.spill[e.Session] = true
	}
	if len(shed) != 8 || len(b.r.ended) != 4 {
		t.Errorf("%d were given up and %d are left, want 8 and 4", len(shed), len(b.r.ended))
	}
	for i := range 12 {
		receipt, err := b.r.Started(StartedRequest{Session: SessionID(fmt.Sprint(i)), At: b.now, Began: began}, b.terms(), b.spilled)
		if b.must(err); !receipt.Dropped {
			t.Errorf("a late start of session %d was not dropped", i)
		}
	}
}

func TestSeveralProcesses(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: 2})
	b.report("one", "a")
	b.report("two", "a", "b")
	b.wantOccupancy(3) // two processes both say that they hold a
	b.report("one")
	b.wantOccupancy(2)
	b.report("two")
	b.wantOccupancy(0)
}

func TestTooManyProcessesAreNeverKnown(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: ProcessLimit})
	for i := range ProcessLimit {
		b.report(fmt.Sprint("p", i))
	}
	b.wantOccupancy(0)
	version := b.r.Version()
	b.report("one more")
	b.report("one more")
	if b.wantOccupancy(-1); b.r.Version() != version+1 {
		t.Errorf("version %d, want %d", b.r.Version(), version+1)
	}
}

func TestAProcessThatLeftGivesUpItsPlaceLast(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: ProcessLimit})
	for i := range ProcessLimit {
		b.report(fmt.Sprint("p", i))
	}
	b.seq++
	_, err := b.r.Report(Report{Process: "p3", Boot: 1, Seq: b.seq, At: b.now, Left: true}, b.terms(), b.spilled)
	b.must(err)
	b.wantOccupancy(0)
	b.report("new")
	if b.wantOccupancy(-1); b.see().Processes != ProcessLimit-1 {
		t.Errorf("%d processes expected", b.see().Processes)
	}
}

func TestLeavingWithSessionsIsNotLeaving(t *testing.T) {
	b := reporting(t)
	b.seq++
	_, err := b.r.Report(Report{Process: "main", Boot: 1, Seq: b.seq, At: b.now, Left: true, Sessions: []SessionID{"a"}}, b.terms(), b.spilled)
	b.must(err)
	b.wantOccupancy(1)
	b.advance(2 * time.Minute)
	b.wantOccupancy(-1)
}

func TestReportsPastTheLimitCountByNumber(t *testing.T) {
	b := reporting(t)
	b.rules.SessionLimit = 3
	b.report("main", "a", "b", "c", "d", "e", "e", "")
	b.wantOccupancy(7)
	if len(b.r.entries) != 3 {
		t.Errorf("%d entries, want 3", len(b.r.entries))
	}
}

func TestOverflowDropsTheExpiredFirst(t *testing.T) {
	b := reporting(t)
	b.rules.SessionLimit = 2
	b.started("a")
	b.started("b")
	b.advance(10 * time.Minute)
	if b.started("c").Overflow {
		t.Error("two expired sessions left no room")
	}
	b.started("d")
	late := StartedRequest{Session: "e", At: b.now.Add(-time.Hour)}
	b.advance(10 * time.Minute)
	receipt, err := b.r.Started(late, b.terms(), b.spilled)
	b.must(err)
	if !receipt.Overflow {
		t.Error("a writer whose clock is off dropped expired sessions")
	}
	b.wantOccupancy(-1)
	b.report("main")
	b.wantOccupancy(0)
}

func TestReservedThenReported(t *testing.T) {
	b := reporting(t)
	for _, id := range []SessionID{"a", "b"} {
		_, err := b.r.Reserve(ReserveRequest{Session: id, At: b.now, Until: b.now.Add(time.Minute)}, b.terms(), b.spilled)
		b.must(err)
	}
	b.report("main", "a")
	b.advance(2 * time.Minute)
	b.report("main", "b")
	// a was served, so its lease counts; b, told of after its time was up, is
	// there by the report alone.
	b.wantOccupancy(2)
	b.report("main")
	b.wantOccupancy(1)
	if arrivals, _ := b.r.Demand(); arrivals != 2 {
		t.Errorf("%d arrivals, want 2", arrivals)
	}
}

func TestListedSessionsThatVanishHaveEnded(t *testing.T) {
	b := reporting(t)
	b.report("main", "a")
	b.report("main")
	if arrivals, departures := b.r.Demand(); arrivals != 1 || departures != 1 {
		t.Errorf("%d arrivals, %d departures", arrivals, departures)
	}
	b.report("main", "b")
	_, err := b.r.Report(Report{Process: "main", Boot: 2, Seq: 1, At: b.now}, b.terms(), b.spilled)
	b.must(err)
	if arrivals, departures := b.r.Demand(); arrivals != 2 || departures != 1 {
		t.Errorf("after a restart: %d arrivals, %d departures; nobody saw an end", arrivals, departures)
	}
}

func TestLapsedFromNewReturnsToNew(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: 1})
	b.report("main")
	b.cordon("d")
	b.advance(15 * time.Minute)
	b.want(b.begin("a"), autoscaler.ErrCordoned)
	if order := b.report("main"); order.State != autoscaler.TaskNew || b.see().Drain.ID != "" {
		t.Errorf("the order is %+v", order)
	}
}

func TestExposedTaskReopens(t *testing.T) {
	b := reporting(t)
	b.cordon("d")
	b.advance(25 * time.Hour)
	b.want(b.r.Reopen(b.drainRef("d"), b.terms()), autoscaler.ErrBusy)
	b.must(b.r.Open(autoscaler.OpenRequest{Version: b.r.Version(), Exposed: true, At: b.now}, b.terms()))
	b.want(b.r.Reopen(b.drainRef("d"), b.terms()), autoscaler.ErrBusy)
	b.advance(30 * time.Second)
	b.must(b.r.Reopen(b.drainRef("d"), b.terms()))
	if a := b.see(); a.State != autoscaler.TaskOpen || !a.Exposed() {
		t.Errorf("the record is %+v", a)
	}
	b.seq++
	_, err := b.r.Report(Report{Process: "main", Boot: 1, Seq: b.seq, At: b.now, ProtectedUntil: b.now.Add(time.Hour)}, b.terms(), b.spilled)
	b.must(err)
	if b.see().Exposed() {
		t.Error("a protected task is still marked exposed")
	}
}

func TestMaxSession(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4})
	b.rules.MaxSession = time.Hour
	b.must(b.open(24 * time.Hour))
	b.must(b.begin("a"))
	b.advance(59 * time.Minute)
	b.must(b.r.Touch(TouchRequest{Session: "a", At: b.now}, b.terms()))
	b.wantOccupancy(1)
	b.advance(time.Minute)
	b.wantOccupancy(0)
	if since := b.see().IdleSince; !since.Equal(b.now) {
		t.Errorf("idle since %v, want %v", since, b.now)
	}
}

func TestAdoptedWhereNothingReports(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Slots: 4, Adopted: true})
	b.wantOccupancy(-1)
	b.must(b.r.Register(autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 7, Processes: 1, Revision: "r"}, b.terms()))
	if a := b.see(); a.Slots != 7 || a.Level != autoscaler.LevelA || a.Processes != 1 {
		t.Errorf("the task's own word did not complete the record: %+v", a)
	}
	version := b.r.Version()
	b.must(b.r.Register(autoscaler.RegisterRequest{Slots: 99}, b.terms()))
	if b.r.Version() != version || b.see().Slots != 7 {
		t.Error("the task's second word replaced its first")
	}
}

func TestForgottenRecordKeepsItsLastState(t *testing.T) {
	b := reporting(t)
	b.must(b.begin("a"))
	ended, err := b.r.Forget(autoscaler.ForgetRequest{Version: b.r.Version()}, b.terms())
	b.must(err)
	if len(ended) != 1 || ended[0].Session != "a" || ended[0].Cause != CauseTask {
		t.Errorf("the session that ended with its task is told as %+v", ended)
	}
	if b.r.State() != autoscaler.TaskGone || b.r.LastState() != autoscaler.TaskOpen || len(b.r.entries) > 0 {
		t.Errorf("%s, was %s, %d sessions", b.r.State(), b.r.LastState(), len(b.r.entries))
	}
	b.end("a")
	b.want(b.r.Reopen(b.drainRef("d"), b.terms()), autoscaler.ErrGone)
	b.want(b.open(24*time.Hour), autoscaler.ErrGone)
	b.want(b.r.Retire(b.drainRef("d"), b.terms()), autoscaler.ErrGone)
	if arrivals, departures := b.r.Demand(); arrivals != 1 || departures != 0 {
		t.Errorf("%d arrivals, %d departures: a session lost with its task has not ended", arrivals, departures)
	}
}

func TestEntryPacksExactly(t *testing.T) {
	at := time.Date(2100, 12, 31, 23, 59, 59, 1, time.UTC)
	for _, k := range []kind{kindLive, kindReserved, kindDisconnected} {
		e := newEntry("x", k, instantOf(at))
		for p := range ProcessLimit {
			e.bits |= listedBy(p)
			if e.listings() != p+1 || e.kind() != k || !e.admitted() {
				t.Fatalf("process %d: %d listings, kind %d", p, e.listings(), e.kind())
			}
		}
		if d := e.instant().time().Sub(at); d < 0 || d >= time.Millisecond {
			t.Errorf("kind %d: the instant moved by %v", k, d)
		}
	}
}

func TestInstantKeepsEveryTime(t *testing.T) {
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 5), time.Date(2026, 3, 1, 0, 0, 0, 999_999_999, time.UTC)} {
		if got := instantOf(at).time(); !got.Equal(at) {
			t.Errorf("%v came back as %v", at, got)
		}
	}
}
