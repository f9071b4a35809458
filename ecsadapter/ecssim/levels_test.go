package ecssim

import (
	"context"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

func TestLevelBTellsAndCloses(t *testing.T) {
	r := newRig(t, Config{Seed: 1, Service: fixed(1)}, ApplicationConfig{Level: autoscaler.LevelB, Slots: 2})
	r.c.RunFor(time.Minute)
	task := ids(t, r.c)[0]
	if !r.application.Visit(t.Context(), time.Hour) {
		t.Fatal("no task took the user")
	}
	if a := r.record(t, task); a.Level != autoscaler.LevelB || a.Occupancy != autoscaler.Sessions(1) {
		t.Errorf("the record %+v, want one session at level B", a)
	}
	r.cordon(t, task)
	if !r.application.Connect(t.Context(), task, time.Hour) {
		t.Error("the process refused a user before it had heard of the drain")
	}
	r.c.RunFor(time.Minute)
	if r.application.Connect(t.Context(), task, time.Hour) {
		t.Error("the process took a user though it has heard of the drain")
	}
	if a := r.record(t, task); a.Occupancy != autoscaler.Sessions(2) || a.Acknowledged {
		t.Errorf("the record %+v, want both sessions and no acknowledgement", a)
	}
}

func TestSeveralProcesses(t *testing.T) {
	r := newRig(t, Config{Seed: 1, Service: fixed(1)}, ApplicationConfig{Processes: 3, Slots: 6})
	r.c.RunFor(time.Minute)
	task := ids(t, r.c)[0]
	for range 6 {
		if !r.application.Visit(t.Context(), time.Hour) {
			t.Fatal("no process took the user")
		}
	}
	for i, p := range r.application.processes[task] {
		if len(p.sessions) != 2 {
			t.Errorf("process %d holds %d sessions, want 2", i, len(p.sessions))
		}
	}
	if a := r.record(t, task); a.Processes != 3 || a.Occupancy != autoscaler.Sessions(6) {
		t.Errorf("the record %+v", a)
	}
}

// levelC is an application at level C on tasks that start with the run.
func levelC(t *testing.T, queue QueueConfig) rig {
	t.Helper()
	service := fixed(1)
	service.Warm = false
	c := New(Config{Seed: 1, Service: service})
	r := rig{c: c, store: memstore.New(memstore.Config{Now: c.Now, Rules: sessionstore.Rules{LagBound: time.Minute}})}
	var err error
	r.application, err = NewApplication(c, ApplicationConfig{
		Level: autoscaler.LevelC, Slots: 2, Queue: queue,
		Sessions: WireSessions(c, r.store), Records: WireRecords(c, r.store), Writer: WireWriter(c, r.store), Barriers: WireBarriers(c, r.store),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.RunFor(2 * time.Minute)
	return r
}

func TestLevelCSpeaksInEvents(t *testing.T) {
	second := Span{time.Second, time.Second}
	r := levelC(t, QueueConfig{Lag: second})
	task := ids(t, r.c)[0]
	if a := r.record(t, task); a.State != autoscaler.TaskNew || a.Level != autoscaler.LevelC {
		t.Fatalf("the record %+v, want one that its event made", a)
	}
	if !r.application.Connect(t.Context(), task, 10*time.Second) {
		t.Fatal("a task at level C refused a user")
	}
	if a := r.record(t, task); a.Occupancy != autoscaler.Sessions(0) {
		t.Errorf("the store knows of %s sessions before the event has come", a.Occupancy)
	}
	r.c.RunFor(2 * time.Second)
	if a := r.record(t, task); a.Occupancy != autoscaler.Sessions(1) {
		t.Errorf("the store knows of %s sessions when it has, want 1", a.Occupancy)
	}
	r.c.RunFor(10 * time.Second)
	if a := r.record(t, task); a.Occupancy != autoscaler.Sessions(0) || r.application.Events().Outstanding() > 0 {
		t.Errorf("the store knows of %s sessions in the end, %d events are under way", a.Occupancy, r.application.Events().Outstanding())
	}
}

// A mark travels behind the events that were sent before it.
func TestBarrierComesBehindTheEvents(t *testing.T) {
	r := levelC(t, QueueConfig{Lag: Span{time.Second, 20 * time.Second}, Twice: 0.5})
	task := ids(t, r.c)[0]
	ref := autoscaler.TaskRef{Service: sim, Task: task}
	if _, err := r.store.Open(t.Context(), autoscaler.OpenRequest{
		Ref: ref, Version: r.record(t, task).Version, ProtectedUntil: r.c.Now().Add(2 * time.Hour), At: r.c.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	drain := r.cordon(t, task)
	r.application.Connect(t.Context(), task, time.Hour)
	if err := r.application.Events().Mark(t.Context(), ref, drain.Drain); err != nil {
		t.Fatal(err)
	}
	for range 120 {
		r.c.RunFor(time.Second)
		a := r.record(t, task)
		if n, _ := a.Occupancy.Sessions(); !a.Barrier.IsZero() && n == 0 {
			t.Fatal("the barrier came before an event that was sent earlier")
		}
		if !a.Barrier.IsZero() {
			return
		}
	}
	t.Error("the barrier never came")
}

func TestDeadLettersAreCountedAndRedriven(t *testing.T) {
	r := levelC(t, QueueConfig{Attempts: 2, Redrive: 10 * time.Minute})
	task := ids(t, r.c)[0]
	failing := true
	r.c.SetSeam(func(_ context.Context, call Call) error {
		if failing && call.Op == OpStarted && call.Point == Before {
			return errBroken
		}
		return nil
	})
	r.application.Connect(t.Context(), task, time.Hour)
	r.c.RunFor(time.Minute)
	if n, err := r.application.Events().Failed(t.Context(), sim); err != nil || n != 1 {
		t.Errorf("%d dead letters, %v; want 1", n, err)
	}
	failing = false
	r.c.RunFor(10 * time.Minute)
	if n, err := r.application.Events().Failed(t.Context(), sim); err != nil || n != 0 {
		t.Errorf("%d dead letters after they were sent again, %v", n, err)
	}
	if a := r.record(t, task); a.Occupancy != autoscaler.Sessions(1) {
		t.Errorf("the store knows of %s sessions, want 1", a.Occupancy)
	}
}

// A restart within the task ends the sessions, and ECS sees nothing of it.
func TestContainerRestart(t *testing.T) {
	r := newRig(t, Config{Seed: 1, Service: fixed(1)}, ApplicationConfig{})
	r.c.RunFor(time.Minute)
	task := ids(t, r.c)[0]
	r.application.Visit(t.Context(), time.Hour)
	r.application.Restart(task)
	cuts := r.application.Cuts()
	if len(cuts) != 1 || cuts[0].StopCode != CutByRestart || !cuts[0].Outside() {
		t.Fatalf("cuts %+v, want one by the restart, which nothing here could have saved", cuts)
	}
	r.c.RunFor(10 * time.Minute)
	if a := r.record(t, task); a.Occupancy != autoscaler.Sessions(0) || a.State != autoscaler.TaskOpen {
		t.Errorf("the record %+v: the new process has reported, and the lost session's lease has run out", a)
	}
	r.application.Restart("none") // nothing to restart
	if !r.application.Visit(t.Context(), time.Second) {
		t.Error("the restarted task takes nobody")
	}
}

func TestSkewIsTheActorsOwn(t *testing.T) {
	r := newRig(t, Config{Seed: 1, Service: fixed(1)}, ApplicationConfig{
		Skew: func(actor string) time.Duration {
			if actor == "user" {
				return time.Hour
			}
			return 0
		},
	})
	r.c.RunFor(time.Minute)
	if r.application.Visit(WithActor(t.Context(), "user"), time.Minute) {
		t.Error("a broker whose clock is an hour off was granted a session")
	}
	if !r.application.Visit(WithActor(t.Context(), "another"), time.Minute) {
		t.Error("a broker whose clock is right was refused")
	}
}
