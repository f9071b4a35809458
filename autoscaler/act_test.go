package autoscaler_test

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// A pass that lost its checkpoint cordons nothing either: what the other pass
// has done is not in its reads.
func TestOverlappedPassCordonsNothing(t *testing.T) {
	w := newWorld(t, 4, nil)
	w.passes(44)
	w.wish.Open = 3
	w.s.before["save"] = func() {
		cp, err := w.s.Store.LoadCheckpoint(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.s.Store.SaveCheckpoint(t.Context(), cp); err != nil {
			t.Fatal(err)
		}
	}
	w.s.calls = nil
	p := w.pass()
	if !has(p.Reasons, autoscaler.CodeOverlapped) || slices.Contains(w.s.calls, "cordon") {
		t.Errorf("calls %v, reasons %v; want %q and no cordon", w.s.calls, p.Reasons, autoscaler.CodeOverlapped)
	}
}

func TestCooldownBeginsWithTheConfirmedCordon(t *testing.T) {
	w := newWorld(t, 5, nil)
	w.passes(44)
	w.wish.Open = 4
	p := w.pass()
	cp, err := w.s.Store.LoadCheckpoint(t.Context(), service)
	if err != nil || did(p, autoscaler.CodeCordoned) != 1 || !cp.LastIn.Equal(p.At) {
		t.Fatalf("%v, last scale-in %v, %v; want one cordon, noted at %v", p.Actions, cp.LastIn, err, p.At)
	}
	w.wish.Open = 3
	if p := w.pass(); did(p, autoscaler.CodeCordoned) != 0 || !has(p.Reasons, autoscaler.CodeCooldown) {
		t.Errorf("%v, %v; want the cooldown", p.Actions, p.Reasons)
	}
}

// A release whose checkpoint was lost is found again from the record that says
// retired.
func TestRetiredTaskIsTakenUpWithoutACheckpoint(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.passes(44)
	w.wish.Open = 2
	for range 20 {
		w.pass()
		if len(w.records()[autoscaler.TaskRetired]) > 0 {
			break
		}
	}
	if len(w.records()[autoscaler.TaskRetired]) != 1 {
		t.Fatalf("records %v; the test needs a retired task", w.records())
	}
	cp, err := w.s.Store.LoadCheckpoint(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	cp.Release, cp.Permit = nil, nil
	if _, err := w.s.Store.SaveCheckpoint(t.Context(), cp); err != nil {
		t.Fatal(err)
	}
	if p := w.pass(); len(p.Releases) == 0 {
		t.Error("nobody carries the release on")
	}
	w.passes(60)
	if n := len(w.records()[autoscaler.TaskRetired]); n != 0 || w.desired() != 2 {
		t.Errorf("%d records still retired, desired %d; want the release finished", n, w.desired())
	}
}

// Another owner's drain is that owner's to renew: trying would be refused, and
// said as a failed call in every pass.
func TestDrainOfAnotherOwnerIsLeftAlone(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.pass()
	other := w.s.As("somebody else")
	ref := autoscaler.TaskRef{Service: service, Task: "theirs"}
	made, err := other.Register(t.Context(), autoscaler.RegisterRequest{Ref: ref, Level: autoscaler.LevelA, Slots: 1, At: w.c.Now()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Cordon(t.Context(), autoscaler.CordonRequest{
		Ref: ref, Version: made.Version, Drain: "d", At: w.c.Now(), Until: w.c.Now().Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		for _, r := range w.pass().Reasons {
			if r.Task == ref.Task && (r.Code == autoscaler.CodeLostRace || r.Code == autoscaler.CodeCallFailed) {
				t.Fatalf("%v: a write to another owner's record was tried", r)
			}
		}
	}
}
