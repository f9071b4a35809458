package autoscaler_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

func (w *world) permits() autoscaler.Permits {
	return autoscaler.Permits{Service: service, Sessions: w.s, State: w.s, Scaler: w.c, Now: w.c.Now}
}

// hold puts a live permit of somebody else on the checkpoint.
func (w *world) hold(until time.Time) {
	w.Helper()
	cp, err := w.s.Store.LoadCheckpoint(w.Context(), service)
	if err != nil {
		w.Fatal(err)
	}
	cp.Permit = &autoscaler.Permit{Call: autoscaler.CallSetDesired, Desired: 1, NotAfter: until}
	cp.HasWant, cp.WantOpen, cp.Limits = true, w.wish.Open, w.cfg.Limits
	if _, err := w.s.Store.SaveCheckpoint(w.Context(), cp); err != nil {
		w.Fatal(err)
	}
}

func allow(call autoscaler.PermitCall, tasks ...autoscaler.TaskID) func(autoscaler.Reads) (autoscaler.Permit, []autoscaler.Reason) {
	return func(autoscaler.Reads) (autoscaler.Permit, []autoscaler.Reason) {
		return autoscaler.Permit{Call: call, Tasks: tasks, Reason: "test"}, nil
	}
}

func TestPermitIsSavedBeforeTheCallAndClearedAfterIt(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.pass()
	called := false
	began := w.c.Now()
	_, _, err := w.permits().Do(t.Context(), allow(autoscaler.CallUnprotect, "t"), func(ctx context.Context, p autoscaler.Permit) error {
		called = true
		cp, _ := w.s.Store.LoadCheckpoint(ctx, service)
		if cp.Permit == nil || cp.Permit.Call != autoscaler.CallUnprotect || !cp.Permit.NotAfter.Equal(began.Add(autoscaler.PermitLife)) {
			t.Errorf("during the call the checkpoint holds %+v", cp.Permit)
		}
		return nil
	})
	cp, _ := w.s.Store.LoadCheckpoint(t.Context(), service)
	if err != nil || !called || cp.Permit != nil {
		t.Errorf("%v, called %v, afterwards %+v", err, called, cp.Permit)
	}
}

// The permit's clock starts before the first read: what is read after a pause is
// no younger for it.
func TestPermitLivesFromTheStartOfTheReads(t *testing.T) {
	w := newWorld(t, 2, nil)
	began := w.c.Now()
	for _, op := range []string{"load", "activity"} {
		w.s.before[op] = func() { w.c.RunFor(8 * time.Second) }
	}
	_, _, err := w.permits().Do(t.Context(), allow(autoscaler.CallUnprotect), func(_ context.Context, p autoscaler.Permit) error {
		if !p.NotAfter.Equal(began.Add(autoscaler.PermitLife)) {
			t.Errorf("good until %v after the first read began, want %v", p.NotAfter.Sub(began), autoscaler.PermitLife)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Reads come before the permit is saved, on the revision that was loaded first:
// whoever saved in between has made them stale.
func TestPermitIsLostToWhoeverSavedBetween(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.s.before["activity"] = func() {
		cp, _ := w.s.Store.LoadCheckpoint(t.Context(), service)
		if _, err := w.s.Store.SaveCheckpoint(t.Context(), cp); err != nil {
			t.Error(err)
		}
	}
	_, held, err := w.permits().Do(t.Context(), allow(autoscaler.CallStopTask), func(context.Context, autoscaler.Permit) error {
		t.Error("the call was made")
		return nil
	})
	if !errors.Is(err, autoscaler.ErrHeld) || !has(held, autoscaler.CodeOverlapped) {
		t.Errorf("%v, %v; want held as overlapped", held, err)
	}
}

func TestOnePermitAtATime(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.pass()
	w.hold(w.c.Now().Add(10 * time.Second))
	try := func() ([]autoscaler.Reason, error) {
		_, held, err := w.permits().Do(t.Context(), allow(autoscaler.CallUnprotect), func(context.Context, autoscaler.Permit) error { return nil })
		return held, err
	}
	if held, err := try(); !errors.Is(err, autoscaler.ErrHeld) || !has(held, autoscaler.CodePermitHeld) {
		t.Errorf("beside a live permit: %v, %v", held, err)
	}
	w.c.RunFor(10*time.Second + time.Nanosecond)
	if held, err := try(); err != nil {
		t.Errorf("after it ran out: %v, %v", held, err)
	}
}

func TestARaiseTakesThePermitOverAtLevelA(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.pass()
	w.wish.Open = 4
	w.hold(w.c.Now().Add(10 * time.Second))
	if _, written, held, err := w.permits().SetDesired(t.Context(), "test"); err != nil || written != 4 {
		t.Errorf("wrote %d, %v, %v; want a raise to 4", written, held, err)
	}
	// A weaker application among them: the raise waits.
	w.c.RunFor(2 * time.Minute)
	if _, err := w.s.Register(t.Context(), autoscaler.RegisterRequest{
		Ref: autoscaler.TaskRef{Service: service, Task: "other"}, Level: autoscaler.LevelB, Processes: 1, At: w.c.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	w.wish.Open = 6
	w.hold(w.c.Now().Add(10 * time.Second))
	if _, _, held, err := w.permits().SetDesired(t.Context(), "test"); !errors.Is(err, autoscaler.ErrHeld) || !has(held, autoscaler.CodePermitHeld) {
		t.Errorf("%v, %v; want the raise to wait at level B", held, err)
	}
}

func TestAnExpiredPermitSendsNothing(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.wish.Open = 4
	w.hold(w.c.Now())
	w.c.RunFor(time.Second)
	w.s.before["save"] = func() { w.c.RunFor(autoscaler.PermitLife + time.Second) } // frozen between read and call
	_, _, held, err := w.permits().SetDesired(t.Context(), "test")
	if !errors.Is(err, autoscaler.ErrHeld) || !has(held, autoscaler.CodePermitExpired) || w.desired() != 2 {
		t.Errorf("%v, %v, desired %d; want nothing sent", held, err, w.desired())
	}
}

func TestPermitsReportWhatTheyCouldNotRead(t *testing.T) {
	boom := errors.New("boom")
	for _, op := range []string{"load", "activity", "describe", "save"} {
		w := newWorld(t, 2, nil)
		w.s.fail[op], w.c.fail[op] = boom, boom
		_, _, err := w.permits().Do(t.Context(), allow(autoscaler.CallUnprotect), func(context.Context, autoscaler.Permit) error {
			t.Errorf("%s failed and the call was made", op)
			return nil
		})
		if !errors.Is(err, boom) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// A write whose reply was lost is recognised as our own afterwards: the permit
// was saved before it.
func TestALostReplyLeavesNoForeignValue(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.pass()
	w.wish.Open = 5
	w.hold(w.c.Now())
	w.c.RunFor(time.Second)
	lost := errors.New("reply lost")
	p := w.permits()
	p.Scaler = lostReply{w.c, lost}
	if _, _, _, err := p.SetDesired(t.Context(), "test"); !errors.Is(err, lost) || w.desired() != 5 {
		t.Fatalf("%v, desired %d", err, w.desired())
	}
	w.passes(10)
	w.wish.Open = 4
	pass := w.passes(60)
	if has(pass.Reasons, autoscaler.CodeForeignDesired) || !slices.Contains([]int{4, 5}, w.desired()) {
		t.Errorf("our own write is taken for a foreign one: %v", pass.Reasons)
	}
}

type lostReply struct {
	autoscaler.Scaler
	err error
}

func (l lostReply) SetDesired(ctx context.Context, req autoscaler.SetDesired) error {
	if err := l.Scaler.SetDesired(ctx, req); err != nil {
		return err
	}
	return l.err
}

// ECS that owes tasks for over a quarter of an hour will not deliver them: the
// count goes back to what there is, with nothing retired.
func TestWhatECSOwesForLongIsGivenUp(t *testing.T) {
	w := newWorldOn(t, ecssim.ServiceConfig{
		Desired: 3, Warm: true, FailPlacement: func(at time.Time) bool { return at.After(time.Date(2026, 1, 5, 0, 1, 0, 0, time.UTC)) },
	}, nil)
	w.c.RunFor(2 * time.Minute)
	w.wish.Open = 5
	if w.pass(); w.desired() != 5 {
		t.Fatalf("desired %d, want the five that were asked for", w.desired())
	}
	w.wish.Open = 3
	if w.passes(55); w.desired() != 5 {
		t.Fatalf("desired %d before 15 minutes", w.desired())
	}
	if p := w.passes(10); w.desired() != 3 || len(w.records()[autoscaler.TaskOpen]) != 3 {
		t.Errorf("desired %d, %v; want the three that run", w.desired(), p.Reasons)
	}
}

// What ECS stopped although nobody retired it is an alert.
func TestWrongVictimIsAnAlert(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.passes(44)
	ctx := t.Context()
	for _, id := range w.records()[autoscaler.TaskOpen] {
		ref := autoscaler.TaskRef{Service: service, Task: id}
		if _, failure, err := w.c.AgentProtect(ctx, ref, false, 0); err != nil || failure != "" {
			t.Fatal(failure, err)
		}
	}
	if err := w.c.ForeignDesired(service, 1); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if p := w.pass(); has(p.Reasons, autoscaler.CodeWrongVictim) {
			return
		}
	}
	t.Error("ECS stopped open tasks and nobody was told")
}
