package sessionstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// told is the record that a session makes of a task without one.
func told(t *testing.T) *bench {
	b := newBench(t, autoscaler.RegisterRequest{})
	req := StartedRequest{Ref: taskRef("t"), Session: "a", At: b.now}
	b.r = RecordOfStarted(req, b.terms())
	_, err := b.r.Started(req, b.terms(), b.spilled)
	b.must(err)
	b.wantOccupancy(-1)
	return b
}

// Until somebody says whether anything reports, a session has no lease that could run
// out: at level C, where nothing would renew it, it may last for days.
func TestAGuessOfProcessesEndsNoSession(t *testing.T) {
	b := told(t)
	b.advance(36 * time.Hour)
	b.cordon("d") // drops what has expired
	b.must(b.r.Reopen(b.drainRef("d"), b.terms()))
	b.must(b.r.Register(autoscaler.RegisterRequest{Level: autoscaler.LevelC, Slots: 4}, b.terms()))
	b.wantOccupancy(1)
	if a := b.see(); a.Adopted || a.Processes != 0 {
		t.Errorf("confirmed, and the record is %+v", a)
	}
	b.advance(36 * time.Hour)
	b.wantOccupancy(1)
}

func TestOnlyTheTasksOwnWordConfirms(t *testing.T) {
	for name, c := range map[string]struct {
		req       autoscaler.RegisterRequest
		confirmed bool
	}{
		"at level C":          {autoscaler.RegisterRequest{Level: autoscaler.LevelC}, true},
		"at level A":          {autoscaler.RegisterRequest{Level: autoscaler.LevelA}, true},
		"adopted again":       {autoscaler.RegisterRequest{Level: autoscaler.LevelC, Adopted: true}, false},
		"without a level":     {autoscaler.RegisterRequest{Slots: 4}, false},
		"processes to report": {autoscaler.RegisterRequest{Level: autoscaler.LevelC, Processes: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := told(t)
			b.must(b.r.Register(c.req, b.terms()))
			if _, known := b.see().Occupancy.Sessions(); known != c.confirmed {
				t.Errorf("known %v, want %v", known, c.confirmed)
			}
		})
	}
	b := told(t)
	b.report("main")
	b.must(b.r.Register(autoscaler.RegisterRequest{Level: autoscaler.LevelC}, b.terms()))
	if a := b.see(); a.Processes != 1 || !a.Adopted {
		t.Errorf("a task that reports was said to have nothing that does, and the record is %+v", a)
	}
}

// A registration that only names the task must not stand in the place of its word.
func TestABareRegistrationLeavesTheTaskItsWord(t *testing.T) {
	b := told(t)
	b.must(b.r.Register(autoscaler.RegisterRequest{Revision: "r"}, b.terms()))
	_, err := b.r.Report(Report{Process: "main", Boot: 1, Seq: 1, At: b.now, Level: autoscaler.LevelA, Slots: 7}, b.terms(), b.spilled)
	b.must(err)
	if a := b.see(); a.Level != autoscaler.LevelA || a.Slots != 7 {
		t.Errorf("level %q, %d slots; want what the task said", a.Level, a.Slots)
	}
}

// The first report of a task shows that it reports; what was told before has a lease
// from then on, and is not gone with that very report.
func TestTheFirstReportRemovesNothing(t *testing.T) {
	for name, b := range map[string]*bench{"said to be silent": eventsOnly(t), "undescribed": told(t)} {
		t.Run(name, func(t *testing.T) {
			b.started("a")
			b.advance(time.Hour)
			b.report("main")
			b.wantOccupancy(1)
			b.advance(5*time.Minute + 5*time.Second)
			b.report("main")
			b.wantOccupancy(0)
		})
	}
}

func TestAReportMakesGoodThatNothingReports(t *testing.T) {
	b := eventsOnly(t)
	b.report("main")
	b.wantOccupancy(0)
	if n := b.see().Processes; n != 1 {
		t.Errorf("%d processes are waited for, want 1", n)
	}
	b.advance(2 * time.Minute)
	b.wantOccupancy(-1)
}

func TestToldSessionsHaveALimitOfTheirOwn(t *testing.T) {
	b := eventsOnly(t)
	for i := range ToldLimit {
		if b.started(SessionID(fmt.Sprint(i))).Overflow {
			t.Fatalf("session %d found no room", i)
		}
	}
	b.wantOccupancy(ToldLimit)
	if !b.started("one more").Overflow {
		t.Error("there is no limit")
	}
	b.wantOccupancy(-1)

	wide := eventsOnly(t)
	wide.rules.SessionLimit = ToldLimit + 1
	if wide.r.limit(wide.rules) != ToldLimit+1 {
		t.Error("the host's own limit is cut")
	}
}

// The counts of several processes must not add up to less than each of them.
func TestCountsDoNotWrapAround(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: ProcessLimit})
	for i := range ProcessLimit {
		b.seq++
		_, err := b.r.Report(Report{Process: fmt.Sprint(i), Boot: 1, Seq: b.seq, At: b.now, Count: 1 << 62}, b.terms(), b.spilled)
		b.must(err)
	}
	if n, known := b.see().Occupancy.Sessions(); !known || n != ProcessLimit*countLimit {
		t.Errorf("%d sessions, known %v", n, known)
	}
}
