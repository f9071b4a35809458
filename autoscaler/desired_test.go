package autoscaler_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// brisk drains as soon as a policy wants fewer.
func brisk(c *autoscaler.Config) { c.Timing.Cooldown, c.Timing.IdleFor = -1, time.Second }

// occupy lets users in who stay for longer than any protection lasts, until every
// open task holds one.
func (w *world) occupy() {
	w.Helper()
	idle := func() bool {
		for _, id := range w.records()[autoscaler.TaskOpen] {
			if w.users.Live(id) == 0 {
				return true
			}
		}
		return false
	}
	for n := 0; idle(); n++ {
		if n == 40 {
			w.Fatalf("forty visitors have left an open task idle: %v", w.records())
		}
		w.users.Visit(w.Context(), 40*time.Hour)
	}
}

// day lets thirty hours go by, a pass a minute: every protection has to be renewed
// on the way, and who cannot have it renewed is cut.
func (w *world) day() {
	w.Helper()
	for range 30 * 60 {
		w.c.RunFor(time.Minute)
		if _, err := w.ctl.Reconcile(w.Context()); err != nil {
			w.Fatal(err)
		}
	}
	for _, cut := range w.users.Cuts() {
		w.Errorf("session cut: %+v", cut)
	}
}

// until makes passes until the condition holds, a hundred at most.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	for range 100 {
		if holds() {
			return
		}
		w.pass()
	}
	w.Fatalf("in vain for %s; records %v, desired %d", what, w.records(), w.desired())
}

func (w *world) control(change func(*autoscaler.Control)) {
	w.Helper()
	c, err := w.s.Store.Control(w.Context(), service)
	if err != nil {
		w.Fatal(err)
	}
	change(&c)
	if err := w.s.SetControl(w.Context(), service, c); err != nil {
		w.Fatal(err)
	}
}

// A lowering that was signed in time arrives minutes later, when the tasks that it
// was to release are open again. ECS then means to keep fewer than there are: it
// refuses to renew protections, and a day later it takes a busy task.
func TestOwnLoweringThatArrivesLateIsRaisedAgain(t *testing.T) {
	w := newWorld(t, 4, brisk)
	sent := false
	w.c.SetSeam(func(_ context.Context, call ecssim.Call) error {
		if call.Op != ecssim.OpSetDesired || call.Point != ecssim.Sent || sent {
			return nil
		}
		sent = true
		late := call.Args.(autoscaler.SetDesired).Desired
		w.c.At(w.c.Now().Add(290*time.Second), func() {
			if err := w.c.ForeignDesired(service, late); err != nil { // the delayed write itself
				t.Error(err)
			}
		})
		return context.DeadlineExceeded
	})
	w.passes(44)
	w.wish.Open = 2
	for !sent {
		w.c.RunFor(15 * time.Second)
		_, _ = w.ctl.Reconcile(t.Context()) // its sender hears of no effect
	}
	w.wish.Open = 4
	w.passes(60)
	if open := len(w.records()[autoscaler.TaskOpen]); w.desired() != 4 || open != 4 {
		t.Errorf("desired %d with %d open tasks, want the four that stay", w.desired(), open)
	}
	w.occupy()
	w.day()
}

// A foreign count below the tasks that stay is left alone until it is adopted, and
// then raised to what stays.
func TestForeignCountBelowTheTasksThatStayIsRaisedOnceAdopted(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.passes(44)
	w.occupy()
	if err := w.c.ForeignDesired(service, 1); err != nil {
		t.Fatal(err)
	}
	if p := w.passes(36); w.desired() != 1 || len(p.Actions) > 0 {
		t.Errorf("desired %d after nine minutes, %v; want the foreign value, not adopted yet", w.desired(), p.Actions)
	}
	if p := w.passes(8); w.desired() != 2 {
		t.Errorf("desired %d after eleven minutes, %v; want the two that stay", w.desired(), p.Reasons)
	}
	w.day()
}

// ECS starts the replacement of a sick task beside it: more run than are desired
// for a while, and that is as it should be.
func TestSickTaskBesideItsReplacementRaisesNothing(t *testing.T) {
	slow := ecssim.Span{Min: 5 * time.Minute, Max: 5 * time.Minute}
	w := newWorldOn(t, ecssim.ServiceConfig{Desired: 3, Warm: true, StartTime: slow}, nil)
	w.passes(44)
	if err := w.c.SetHealth(autoscaler.TaskRef{Service: service, Task: w.records()[autoscaler.TaskOpen][0]}, false); err != nil {
		t.Fatal(err)
	}
	beside := false
	for range 80 {
		w.pass()
		state, err := w.c.Cluster.Describe(t.Context(), service)
		if err != nil || state.Desired != 3 {
			t.Fatalf("desired %d, %v; want the three that are wanted", state.Desired, err)
		}
		beside = beside || state.Running+state.Pending == 4
	}
	if !beside {
		t.Error("no replacement was started beside the sick task; the test proves nothing")
	}
}

// More is wanted while tasks are retired. A scale-out raises: to lower the count
// past the retired is the release's, which an operator has paused here, and which
// would have seen that a busy task has lost its protection.
func TestScaleOutLowersNothing(t *testing.T) {
	w := newWorld(t, 5, brisk)
	w.passes(44)
	w.users.Visit(t.Context(), 3*time.Hour)
	w.pass()
	w.pass()
	w.wish.Open = 2
	w.until("three retired tasks", func() bool { return len(w.records()[autoscaler.TaskRetired]) == 3 })
	w.control(func(c *autoscaler.Control) {
		c.PauseIn = autoscaler.Override{By: "ann", Why: "maintenance", Until: w.c.Now().Add(24 * time.Hour)}
	})
	w.passes(4) // they clear their protection
	for _, id := range w.records()[autoscaler.TaskOpen] {
		if w.users.Live(id) > 0 {
			if _, err := w.c.UpdateTaskProtection(service, []autoscaler.TaskID{id}, false, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.wish.Open = 3
	before := w.desired()
	if p := w.pass(); before != 5 || w.desired() != 5 {
		t.Errorf("desired %d, then %d, %v; want the five throughout", before, w.desired(), p.Actions)
	}
	w.c.RunFor(8 * time.Minute)
	for _, cut := range w.users.Cuts() {
		t.Errorf("session cut: %+v", cut)
	}
}

// A retired task that ECS cannot choose, or must not, lingers. It is no capacity
// on its way out, so what is wanted beside it is started.
func TestRetiredTaskThatLingersKeepsNobodyFromBeingStarted(t *testing.T) {
	for name, busy := range map[string]bool{"protected": false, "busy": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, brisk)
			w.passes(44)
			hung := true
			w.c.SetSeam(func(_ context.Context, call ecssim.Call) error {
				if hung && call.Point == ecssim.Before && (call.Op == ecssim.OpAgentUnprotect || call.Op == ecssim.OpUnprotect) {
					return errors.New("no answer")
				}
				return nil
			})
			w.wish.Open = 2
			w.until("a retired task", func() bool { return len(w.records()[autoscaler.TaskRetired]) == 1 })
			ref := autoscaler.TaskRef{Service: service, Task: w.records()[autoscaler.TaskRetired][0]}
			if busy {
				if _, err := w.s.Started(t.Context(), sessionstore.StartedRequest{Ref: ref, Session: "late", At: w.c.Now()}); err != nil {
					t.Fatal(err)
				}
				// Nobody protects it now: its session alone keeps it from being counted out.
				if _, err := w.c.UpdateTaskProtection(service, []autoscaler.TaskID{ref.Task}, false, 0); err != nil {
					t.Fatal(err)
				}
			}
			w.wish.Open = 3
			if p := w.pass(); w.desired() != 4 {
				t.Errorf("desired %d beside the one that lingers, %v; want one more than before", w.desired(), p.Reasons)
			}
			hung = false
			w.passes(80)
			if open := len(w.records()[autoscaler.TaskOpen]); w.desired() != 3 || open != 3 {
				t.Errorf("in the end desired %d and %d open, want three", w.desired(), open)
			}
		})
	}
}

// A service that is full still lets its retired tasks go: they take no session.
func TestFullServiceLetsGoWhatIsRetired(t *testing.T) {
	w := newWorld(t, 3, func(c *autoscaler.Config) { brisk(c); c.Limits = autoscaler.Limits{Min: 1, Max: 2, MaxTotal: 10} })
	w.wish.Open = 2
	w.until("a retired task", func() bool { return len(w.records()[autoscaler.TaskRetired]) == 1 })
	for range 20 {
		w.users.Visit(t.Context(), time.Hour)
	}
	if w.users.Active() != 20 {
		t.Fatalf("%d sessions live; the test needs every slot of both tasks taken", w.users.Active())
	}
	if p := w.passes(16); w.desired() != 2 {
		t.Errorf("desired %d four minutes later, want 2: %v", w.desired(), p.Releases)
	}
}

// Another owner's record of a task that is not there says nothing about this
// service, whatever the record does not say of itself.
func TestRecordOfAnotherOwnerDoesNotShutTheGate(t *testing.T) {
	for _, level := range []autoscaler.Level{autoscaler.LevelA, autoscaler.LevelB, ""} {
		t.Run("level "+string(level), func(t *testing.T) {
			w := newWorld(t, 3, brisk)
			w.passes(44)
			_, err := w.s.As("somebody else").Register(t.Context(), autoscaler.RegisterRequest{
				Ref: autoscaler.TaskRef{Service: service, Task: "theirs"}, Level: level, At: w.c.Now(),
			})
			if err != nil {
				t.Fatal(err)
			}
			w.wish.Open = 2
			if p := w.passes(60); w.desired() != 2 {
				t.Errorf("desired %d a quarter of an hour later, %v, %v; want 2", w.desired(), p.Reasons, p.Releases)
			}
		})
	}
}

// An operator who names no limits has not asked for a service of none.
func TestLimitsThatMakeNoSenseAreNotFollowed(t *testing.T) {
	w := newWorld(t, 4, func(c *autoscaler.Config) { c.Timing.Cooldown, c.Floor = -1, -1 })
	w.passes(44)
	w.control(func(c *autoscaler.Control) {
		c.Limits.Override = autoscaler.Override{By: "ann", Until: w.c.Now().Add(24 * time.Hour)}
	})
	p := w.passes(80)
	if open := len(w.records()[autoscaler.TaskOpen]); w.desired() != 4 || open != 4 {
		t.Errorf("desired %d, %d open; want the four that the configuration allows", w.desired(), open)
	}
	if !has(p.Reasons, autoscaler.CodeControlIgnored) || p.Severity() != autoscaler.Alert {
		t.Errorf("%v: nobody hears that the limits are not followed", p.Reasons)
	}
}

// A checkpoint that a newer controller wrote may hold what this one would lose.
func TestCheckpointOfANewerControllerIsLeftAlone(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.passes(2)
	was, err := w.s.Store.LoadCheckpoint(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	was.Version = autoscaler.CheckpointVersion + 1
	if was.Revision, err = w.s.Store.SaveCheckpoint(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	w.wish.Open = 5
	for range 50 {
		w.c.RunFor(15 * time.Second)
		if p, err := w.ctl.Reconcile(t.Context()); err == nil || p.Error == "" || len(p.Actions) > 0 {
			t.Fatalf("%v, %v: want a pass that fails and does nothing", p.Actions, err)
		}
	}
	now, err := w.s.Store.LoadCheckpoint(t.Context(), service)
	if err != nil || now.Revision != was.Revision || w.desired() != 2 {
		t.Errorf("revision %d, was %d, desired %d, %v; want nothing written", now.Revision, was.Revision, w.desired(), err)
	}
}

// A reservation is no session: neither its begin nor its lapse is one that went
// without an end.
func TestReservationsDoNotPullTheBrake(t *testing.T) {
	for name, begins := range map[string]bool{"begun": true, "lapsed": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 4, nil)
			w.passes(44)
			ref := autoscaler.TaskRef{Service: service, Task: w.records()[autoscaler.TaskOpen][0]}
			for i := range 6 {
				_, err := w.s.Reserve(t.Context(), sessionstore.ReserveRequest{
					Ref: ref, Session: sessionstore.SessionID(fmt.Sprint("r-", i)), At: w.c.Now(), Until: w.c.Now().Add(20 * time.Second),
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			w.pass()
			for i := range 6 {
				if begins {
					if err := w.begin(ref.Task, fmt.Sprint("r-", i)); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.wish.Open = 3
			if p := w.pass(); has(p.Reasons, autoscaler.CodeBrake) {
				t.Errorf("the brake is on: %v", p.Reasons)
			}
		})
	}
}

// A store holds a writer's clock against its own. What a pass writes is dated when
// it is written, and not when its reads began: each may take seconds.
func TestSlowReadsKeepNoPassFromWriting(t *testing.T) {
	w := newWorld(t, 4, func(c *autoscaler.Config) { c.Timing.Cooldown = -1; c.Emptying = true })
	w.passes(44)
	w.wish.Open = 2
	w.c.SetSeam(func(_ context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpDescribe && call.Point == ecssim.Before && call.Actor == "" {
			w.c.RunFor(6 * time.Second)
		}
		return nil
	})
	w.until("a cordon", func() bool { return len(w.records()[autoscaler.TaskCordoned]) == 1 })
	w.wish.Open = 4
	if p := w.pass(); did(p, autoscaler.CodeReopened) != 1 {
		t.Errorf("%v, %v: want one drain reopened", p.Actions, p.Reasons)
	}
	w.wish.Open = 2
	w.until("the release", func() bool { return w.desired() == 2 })
	w.wish.Decision = autoscaler.Decision{Open: 1, Empty: w.records()[autoscaler.TaskOpen][:1]}
	if err := w.s.beginLong(w.wish.Empty[0], w.c.Now()); err != nil {
		t.Fatal(err)
	}
	w.until("a cordon that lasts", func() bool { return len(w.records()[autoscaler.TaskCordoned]) == 1 })
	w.wish.Empty = nil // or it would be cordoned anew when its lease has lapsed
	for range 240 {    // an hour: the lease has to be renewed
		if p := w.pass(); len(w.records()[autoscaler.TaskCordoned]) != 1 {
			t.Fatalf("records %v, %v: the drain did not last", w.records(), p.Reasons)
		}
	}
}
