package ecssim

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// struck is a warm cluster of three protected tasks with one rule laid over it.
func struck(t *testing.T, rule FaultRule) *Cluster {
	t.Helper()
	c := newFixed(3)
	protect(t, c, time.Hour, ids(t, c)...)
	rule.Rate = 1
	c.SetFaults(NewFaults(1, rule))
	return c
}

func TestFaultsBeforeTheEffect(t *testing.T) {
	for kind, says := range map[FaultKind]string{FaultThrottle: "ThrottlingException", FaultTimeout: "no answer in 5s"} {
		c := struck(t, FaultRule{Kind: kind, Ops: []Op{OpSetDesired}})
		err := c.SetDesired(t.Context(), autoscaler.SetDesired{Service: sim, Desired: 4, Permit: permit(c, autoscaler.CallSetDesired, 4)})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", kind, err, says)
		}
		if d := state(t, c).Desired; d != 3 {
			t.Errorf("%s: desired %d, want 3: nothing was done", kind, d)
		}
	}
}

func TestFaultsAfterTheEffect(t *testing.T) {
	for _, kind := range []FaultKind{FaultDone, FaultReply} {
		c := struck(t, FaultRule{Kind: kind, Ops: []Op{OpSetDesired}})
		err := c.SetDesired(t.Context(), autoscaler.SetDesired{Service: sim, Desired: 4, Permit: permit(c, autoscaler.CallSetDesired, 4)})
		if err == nil {
			t.Errorf("%s: the caller heard of a success", kind)
		}
		if d := state(t, c).Desired; d != 4 {
			t.Errorf("%s: desired %d, want 4: it was done", kind, d)
		}
	}
}

// A late command is done after its caller has given up, and after whatever the caller
// did next.
func TestLateCommandArrivesAfterTheNext(t *testing.T) {
	c := struck(t, FaultRule{Kind: FaultLate, Ops: []Op{OpSetDesired}, Actor: "slow", Delay: Span{20 * time.Second, 20 * time.Second}})
	late := autoscaler.SetDesired{Service: sim, Desired: 5, Permit: permit(c, autoscaler.CallSetDesired, 5)}
	if err := c.SetDesired(WithActor(t.Context(), "slow"), late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a late command was answered: %v", err)
	}
	setDesired(t, c, 4)
	c.RunFor(10 * time.Second)
	if d := state(t, c).Desired; d != 4 {
		t.Errorf("desired %d before the late one arrives, want 4", d)
	}
	c.RunFor(15 * time.Second)
	if d := state(t, c).Desired; d != 5 {
		t.Errorf("desired %d when it has, want 5", d)
	}
}

func TestDuplicatedCommandIsDoneAgain(t *testing.T) {
	c := struck(t, FaultRule{Kind: FaultTwice, Ops: []Op{OpSetDesired}, Actor: "twice", Delay: Span{20 * time.Second, 20 * time.Second}})
	again := autoscaler.SetDesired{Service: sim, Desired: 5, Permit: permit(c, autoscaler.CallSetDesired, 5)}
	if err := c.SetDesired(WithActor(t.Context(), "twice"), again); err != nil {
		t.Fatal(err)
	}
	setDesired(t, c, 4)
	c.RunFor(30 * time.Second)
	if d := state(t, c).Desired; d != 5 {
		t.Errorf("desired %d, want 5: the first command came again", d)
	}
}

func TestPartialFailureNamesItsTasks(t *testing.T) {
	c := newFixed(8)
	all := ids(t, c)
	c.SetFaults(NewFaults(3, FaultRule{Kind: FaultItems, Rate: 1}))
	failures, err := c.Protect(t.Context(), sim, all, time.Hour)
	if err != nil || len(failures) == 0 || len(failures) == len(all) {
		t.Fatalf("%d of %d items failed, %v: want some", len(failures), len(all), err)
	}
	refused := map[autoscaler.TaskID]bool{}
	for _, f := range failures {
		refused[f.Task] = true
	}
	for _, task := range state(t, c).Tasks {
		if task.ProtectedUntil.IsZero() != refused[task.ID] {
			t.Errorf("%s: protected until %s, refused %v", task.ID, task.ProtectedUntil, refused[task.ID])
		}
	}
}

func TestStaleReadTellsOfThePast(t *testing.T) {
	c := struck(t, FaultRule{Kind: FaultStale, Actor: "behind", Delay: Span{8 * time.Second, 8 * time.Second}})
	c.RunFor(time.Minute)
	setDesired(t, c, 4)
	c.RunFor(2 * time.Second)
	behind, err := c.Describe(WithActor(t.Context(), "behind"), sim)
	if err != nil || behind.Desired != 3 {
		t.Errorf("a stale read says %d, %v; want 3", behind.Desired, err)
	}
	if d := state(t, c).Desired; d != 4 {
		t.Errorf("another reader reads %d, want 4", d)
	}
	c.RunFor(10 * time.Second)
	if now, err := c.Describe(WithActor(t.Context(), "behind"), sim); err != nil || now.Desired != 4 {
		t.Errorf("ten seconds later it says %d, %v; want 4", now.Desired, err)
	}
}

func TestStaleActivity(t *testing.T) {
	r := newRig(t, Config{Seed: 1, Service: fixed(2)}, ApplicationConfig{})
	r.c.SetFaults(NewFaults(1, FaultRule{Kind: FaultStale, Rate: 1, Actor: "behind", Delay: Span{8 * time.Second, 8 * time.Second}}))
	sessions := WireSessions(r.c, r.store)
	r.c.RunFor(time.Minute)
	read := func(actor string) autoscaler.TaskState {
		a, err := sessions.Activity(WithActor(t.Context(), actor), sim, r.c.Now())
		if err != nil {
			t.Fatal(err)
		}
		return a.Tasks[0].State
	}
	read("somebody") // an answer to be behind with
	r.c.RunFor(9 * time.Second)
	r.cordon(t, ids(t, r.c)[0])
	first := ids(t, r.c)[0]
	if a, err := sessions.Activity(t.Context(), sim, r.c.Now()); err != nil || a.Tasks[0].Ref.Task != first {
		t.Fatalf("the first record is not %s's: %+v, %v", first, a, err)
	}
	if was, is := read("behind"), read("somebody"); was != autoscaler.TaskOpen || is != autoscaler.TaskCordoned {
		t.Errorf("behind %s, now %s; want open and cordoned", was, is)
	}
}

func TestPagesCutShortAreAnError(t *testing.T) {
	c := struck(t, FaultRule{Kind: FaultCut})
	tasks, err := c.List(t.Context(), sim)
	if err == nil {
		t.Errorf("half a listing was handed out as a whole one: %d tasks", len(tasks))
	}
}

// What nobody hears of still happens within the task.
func TestLostEventsHideNothingFromTheTask(t *testing.T) {
	r := newRig(t, Config{Seed: 1, Service: fixed(2)}, ApplicationConfig{})
	heard := map[string]int{}
	r.c.SubscribeEvents(func(change TaskChange) { heard[change.LastStatus]++ })
	r.c.RunFor(time.Second)
	clear(heard) // what runs already is told at once
	r.c.SetFaults(NewFaults(1, FaultRule{Kind: FaultEventLost, Rate: 1}))
	setDesired(t, r.c, 3)
	r.c.RunFor(3 * time.Minute)
	if len(heard) > 0 {
		t.Errorf("events were heard though all are lost: %v", heard)
	}
	open := 0
	for _, id := range ids(t, r.c) {
		if r.record(t, id).State == autoscaler.TaskOpen {
			open++
		}
	}
	if open != 3 {
		t.Errorf("%d tasks are open, want 3", open)
	}
}

func TestEventsComeLateAndTwice(t *testing.T) {
	for kind, want := range map[FaultKind]int{FaultEventLate: 1, FaultEventDup: 2} {
		c := newFixed(1)
		var at []time.Duration
		begin := c.Now()
		c.SubscribeEvents(func(change TaskChange) {
			if change.LastStatus == "PROVISIONING" {
				at = append(at, c.Now().Sub(begin))
			}
		})
		c.SetFaults(NewFaults(1, FaultRule{Kind: kind, Rate: 1, Delay: Span{time.Minute, time.Minute}}))
		setDesired(t, c, 2)
		c.RunFor(2 * time.Minute)
		if len(at) != want || at[len(at)-1] < time.Minute {
			t.Errorf("%s: heard at %v, want %d, the last a minute late", kind, at, want)
		}
	}
}

func TestFaultsEndAndAreCounted(t *testing.T) {
	c := newFixed(1)
	f := NewFaults(1, EveryFault(1)...)
	c.SetFaults(f)
	for range 5 {
		if _, err := c.Describe(t.Context(), sim); err == nil {
			t.Error("a call was spared")
		}
	}
	if n := f.Counts()[FaultThrottle]; n != 5 || f.Total() != 5 {
		t.Errorf("%d throttles of %d faults, want 5 of 5: the first rule that strikes is heard", n, f.Total())
	}
	f.End()
	if _, err := c.Describe(t.Context(), sim); err != nil {
		t.Errorf("after the end: %v", err)
	}
	c.SetFaults(nil)
	if _, err := c.Describe(t.Context(), sim); err != nil {
		t.Errorf("without faults: %v", err)
	}
}

func TestFaultsAreSeeded(t *testing.T) {
	counts := func(seed uint64) map[FaultKind]int {
		c := newFixed(2)
		f := NewFaults(seed, EveryFault(0.1)...)
		c.SetFaults(f)
		for range 300 {
			_, _ = c.List(t.Context(), sim)
		}
		return f.Counts()
	}
	a, b := counts(1), counts(1)
	if len(a) < 4 {
		t.Errorf("only %v struck", a)
	}
	for k, n := range a {
		if b[k] != n {
			t.Errorf("%s: %d and %d with the same seed", k, n, b[k])
		}
	}
}
