package sessionstore

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// eventsOnly is a record at level C that is open and hears of events alone, under a
// lag bound of a minute.
func eventsOnly(t *testing.T) *bench {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelC, Slots: 4})
	b.rules = Rules{LagBound: time.Minute}.WithDefaults()
	b.must(b.open(0))
	return b
}

func (b *bench) barrier(drain autoscaler.DrainID) {
	b.Helper()
	b.must(b.r.Barrier(BarrierRequest{Drain: drain, At: b.now}, b.terms()))
}

func (b *bench) retire(drain autoscaler.DrainID) error {
	return b.r.Retire(b.drainRef(drain), b.terms())
}

func TestBarrierIsOfItsDrainAlone(t *testing.T) {
	b := eventsOnly(t)
	b.barrier("d") // before it is under way
	b.cordon("d")
	b.barrier("other")
	if !b.see().Barrier.IsZero() {
		t.Errorf("a barrier of no drain under way was taken: %v", b.see().Barrier)
	}
	b.barrier("d")
	at := b.now
	b.advance(time.Minute)
	b.barrier("d")
	if got := b.see().Barrier; !got.Equal(at) {
		t.Errorf("the barrier is of %v, want that of the first copy, %v", got, at)
	}
	b.must(b.r.Reopen(b.drainRef("d"), b.terms()))
	b.cordon("e")
	b.advance(time.Hour)
	if !b.see().Barrier.IsZero() {
		t.Error("the next drain has the barrier of the one before")
	}
	b.want(b.retire("e"), autoscaler.ErrBusy)
	b.want(b.r.Barrier(BarrierRequest{At: b.now}, b.terms()), errArgument)
	foreign := b.terms()
	foreign.Owner = "other"
	b.want(b.r.Barrier(BarrierRequest{Drain: "e"}, foreign), autoscaler.ErrForeign)
}

func TestLevelCSettles(t *testing.T) {
	for name, c := range map[string]struct {
		rules Rules
		waits time.Duration
	}{
		"twice the bound":          {Rules{LagBound: time.Minute}, 2 * time.Minute},
		"at least ninety seconds":  {Rules{LagBound: time.Second}, 90 * time.Second},
		"longer where asked for":   {Rules{LagBound: time.Minute, Settle: time.Hour}, time.Hour},
		"never shorter than twice": {Rules{LagBound: time.Minute, Settle: time.Second}, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := eventsOnly(t)
			b.rules = c.rules.WithDefaults()
			b.cordon("d")
			b.advance(time.Hour)
			b.want(b.retire("d"), autoscaler.ErrBusy)
			b.barrier("d")
			b.advance(c.waits - 1)
			if b.see().Acknowledged {
				t.Error("it has settled too early")
			}
			b.want(b.retire("d"), autoscaler.ErrBusy)
			b.advance(1)
			b.must(b.retire("d"))
		})
	}
}

func TestLevelCIsNotRetired(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*bench)
		says    string
	}{
		"without a bound": {func(b *bench) { b.rules.LagBound = 0; b.barrier("d") }, "Rules.LagBound"},
		"without barrier": {func(*bench) {}, "barrier has not been applied"},
		"unsettled":       {func(b *bench) { b.advance(time.Hour); b.barrier("d"); b.advance(-time.Hour) }, "has to settle"},
		"with a session":  {func(b *bench) { b.started("a"); b.barrier("d") }, "holds a session"},
		"with a process that counts": {func(b *bench) {
			b.barrier("d")
			b.seq++
			_, err := b.r.Report(Report{Process: "p", Boot: 1, Seq: b.seq, At: b.now.Add(time.Hour), Count: 1, Closed: true, Acknowledges: "d"}, b.terms(), b.spilled)
			b.must(err)
		}, "nobody can tell"},
		"not even new": {func(b *bench) {
			b.must(b.r.Reopen(b.drainRef("d"), b.terms()))
			b.r = NewRecord(autoscaler.RegisterRequest{Ref: taskRef("t"), Level: autoscaler.LevelC, Slots: 4}, b.terms())
		}, "cordon it first"},
		"adopted and unconfirmed": {func(b *bench) {
			b.r = NewRecord(autoscaler.RegisterRequest{Ref: taskRef("t"), Level: autoscaler.LevelC, Adopted: true}, b.terms())
			b.cordon("d")
			b.barrier("d")
		}, "nobody can tell"},
	} {
		t.Run(name, func(t *testing.T) {
			b := eventsOnly(t)
			b.cordon("d")
			c.prepare(b)
			b.advance(time.Hour)
			err := b.retire("d")
			if b.want(err, autoscaler.ErrBusy); err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

// Whatever let a session in after the barrier may let in another: by whichever call
// the record hears of it, the barrier is void, and stays so when the session ends.
func TestASessionVoidsTheBarrier(t *testing.T) {
	report := func(b *bench, rep Report) {
		b.seq++
		rep.Process, rep.Boot, rep.Seq, rep.At = "p", 1, b.seq, b.now
		rep.Count = max(rep.Count, len(rep.Sessions))
		_, err := b.r.Report(rep, b.terms(), b.spilled)
		b.must(err)
	}
	for name, come := range map[string]func(*bench){
		"told":      func(b *bench) { b.started("a") },
		"reserved":  func(b *bench) { b.started("r") },
		"asked for": func(b *bench) { b.must(b.begin("r")) },
		"listed":    func(b *bench) { report(b, Report{Sessions: []SessionID{"a"}}) },
		"counted":   func(b *bench) { report(b, Report{Count: 1}) },
		"without room": func(b *bench) {
			b.rules.SessionLimit = 1
			report(b, Report{})
			b.started("a")
			b.started("b")
			b.r.barrier = instantOf(b.now)
			b.started("c")
		},
		"reserved, listed": func(b *bench) { report(b, Report{Sessions: []SessionID{"r"}}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := eventsOnly(t)
			_, err := b.r.Reserve(ReserveRequest{Session: "r", At: b.now, Until: b.now.Add(time.Hour)}, b.terms(), b.spilled)
			b.must(err)
			b.cordon("d")
			b.barrier("d")
			come(b)
			if !b.see().Barrier.IsZero() {
				t.Error("the barrier stands")
			}
			b.barrier("d")
			if b.see().Barrier.IsZero() {
				t.Error("another barrier is not taken")
			}
		})
	}
}

// A process that says it holds a session is believed, though the session's end was
// told: the one may be right about another.
func TestLevelCIsNotRetiredWhileAProcessCounts(t *testing.T) {
	b := eventsOnly(t)
	b.rules.LagBound = time.Second
	b.rules.Settle = 90 * time.Second
	b.report("p", "a")
	b.cordon("d")
	b.barrier("d")
	b.advance(60 * time.Second)
	b.report("p", "a")
	b.end("a")
	b.advance(30 * time.Second)
	b.wantOccupancy(0)
	b.want(b.retire("d"), autoscaler.ErrBusy)
	b.report("p")
	b.must(b.retire("d"))
}

func TestWhatBringsNobodyLeavesTheBarrier(t *testing.T) {
	b := eventsOnly(t)
	b.started("a")
	b.cordon("d")
	b.barrier("d")
	b.started("a")
	b.must(b.r.Touch(TouchRequest{Session: "a", At: b.now, DisconnectedUntil: b.now.Add(time.Hour)}, b.terms()))
	b.must(b.r.Touch(TouchRequest{Session: "a", At: b.now}, b.terms()))
	b.end("a")
	b.end("never there")
	b.must(b.r.Renew(b.drainRef("d"), b.now.Add(time.Hour), b.terms()))
	if b.see().Barrier.IsZero() {
		t.Error("the barrier is void though nobody came")
	}
	b.advance(2 * time.Minute)
	b.must(b.retire("d"))
}

// At level A a door that was left open shows in the record by itself.
func TestAboveLevelCNoBarrierCounts(t *testing.T) {
	b := reporting(t)
	b.rules.LagBound = time.Second
	b.seq++
	b.cordon("d")
	b.barrier("d")
	b.advance(80 * time.Second)
	_, err := b.r.Report(Report{Process: "main", Boot: 1, Seq: b.seq, At: b.now, Closed: true}, b.terms(), b.spilled)
	b.must(err)
	b.advance(80 * time.Second)
	b.want(b.retire("d"), autoscaler.ErrBusy)
}

func TestLevelBRetiresFromNew(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelB, Slots: 4, Processes: 2})
	say := func(process string, closed, left bool) {
		b.seq++
		_, err := b.r.Report(Report{Process: process, Boot: 1, Seq: b.seq, At: b.now, Closed: closed, Left: left, Slots: 4}, b.terms(), b.spilled)
		b.must(err)
	}
	refused := func(when string) {
		t.Helper()
		if err := b.retire("d"); err == nil {
			t.Fatalf("retired %s", when)
		}
	}
	refused("before any report")
	say("one", true, false)
	refused("before the second process has reported")
	say("two", false, false)
	refused("while a process admits sessions")
	say("two", true, false)
	b.advance(2 * time.Minute)
	refused("after its processes fell silent")
	say("one", false, true)
	say("two", true, false)
	b.must(b.retire("d"))

	b = newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelB, Slots: 4})
	refused("though nothing reports")
	b = newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelB, Slots: 4, Processes: 1, Adopted: true})
	say("one", true, false)
	refused("though it was adopted")
}

// Where nothing reports, nobody closes a door at level B.
func TestLevelBWithoutReportsIsNotRetired(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelB, Slots: 4})
	b.must(b.open(24 * time.Hour))
	b.cordon("d")
	b.advance(time.Hour)
	b.want(b.retire("d"), autoscaler.ErrBusy)
}

func TestLevelsAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ bound, declared, counts autoscaler.Level }{
		"no bound":        {"", autoscaler.LevelA, autoscaler.LevelA},
		"A under A":       {autoscaler.LevelA, autoscaler.LevelA, autoscaler.LevelA},
		"A under B":       {autoscaler.LevelB, autoscaler.LevelA, autoscaler.LevelB},
		"C under B":       {autoscaler.LevelB, autoscaler.LevelC, autoscaler.LevelC},
		"A under C":       {autoscaler.LevelC, autoscaler.LevelA, autoscaler.LevelC},
		"unknown under A": {autoscaler.LevelA, "Z", "Z"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Rules{Level: c.bound}.WithDefaults()
			b := newBench(t, autoscaler.RegisterRequest{})
			b.rules = rules
			for how, make := range map[string]func(){
				"registered": func() {
					b.r = NewRecord(autoscaler.RegisterRequest{Ref: taskRef("t"), Level: c.declared, Slots: 1}, b.terms())
				},
				"completed": func() {
					b.r = NewRecord(autoscaler.RegisterRequest{Ref: taskRef("t"), Adopted: true, Processes: 1}, b.terms())
					b.must(b.r.Register(autoscaler.RegisterRequest{Level: c.declared, Slots: 1, Processes: 1}, b.terms()))
				},
				"reported": func() {
					rep := Report{Ref: taskRef("t"), Process: "p", Boot: 1, Seq: 1, At: b.now, Level: c.declared, Slots: 1}
					b.r = RecordOfReport(rep, b.terms())
					_, err := b.r.Report(rep, b.terms(), b.spilled)
					b.must(err)
				},
			} {
				if make(); b.see().Level != c.counts {
					t.Errorf("%s it counts as level %q, want %q", how, b.see().Level, c.counts)
				}
			}
		})
	}
}
