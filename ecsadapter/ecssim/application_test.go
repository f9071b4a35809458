package ecssim

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// users makes n sessions of one length, a step apart, from an instant on.
func users(from time.Time, n int, step, length time.Duration) []Session {
	out := make([]Session, n)
	for i := range out {
		out[i] = Session{from.Add(time.Duration(i) * step), length}
	}
	return out
}

func TestProcessOpensProtected(t *testing.T) {
	r := newRig(t, Config{Service: fixed(2)}, ApplicationConfig{})
	r.c.RunFor(time.Second)
	for _, id := range ids(t, r.c) {
		a := r.record(t, id)
		if a.State != autoscaler.TaskOpen || a.Level != autoscaler.LevelA || a.Slots != 10 || !a.Occupancy.Idle() {
			t.Errorf("record after boot: %+v", a)
		}
		shown := one(t, r.c, id).ProtectedUntil
		if want := r.c.Now().Add(24*time.Hour - time.Second); !shown.Equal(want) || !a.ProtectedUntil.Equal(want) {
			t.Errorf("protected until %v at ECS, %v in the record, want %v", shown, a.ProtectedUntil, want)
		}
	}
}

func TestSessionsAreConserved(t *testing.T) {
	for _, entrance := range []Entrance{EnterPacked, EnterLeast, EnterByBalancer} {
		r := newRig(t, Config{Seed: 3, Service: fixed(2)}, ApplicationConfig{Slots: 3, Entrance: entrance})
		start := r.c.Now().Add(20 * time.Second)
		r.application.Play(users(start, 40, 5*time.Second, 45*time.Second))
		total := 0
		r.c.Every(start, time.Second, func() {
			live := 0
			for _, id := range ids(t, r.c) {
				live += r.application.Live(id)
			}
			if live != r.application.Active() {
				t.Fatalf("%d sessions on tasks, %d live", live, r.application.Active())
			}
			total = max(total, live)
		})
		r.c.RunFor(30 * time.Minute)
		s := r.application.Score()
		activity, err := r.store.Activity(context.Background(), sim, r.c.Now())
		if err != nil {
			t.Fatal(err)
		}
		if s.Arrivals != 40 || s.Cut != 0 || s.Waiting != 0 || r.application.Active() != 0 {
			t.Errorf("entrance %d: %+v, %d still active", entrance, s, r.application.Active())
		}
		if d := activity.Demand; d.Arrivals != 40 || d.Departures != 40 || d.Waiting != 0 {
			t.Errorf("entrance %d: the store saw %+v, want 40 arrivals and departures", entrance, d)
		}
		if total > 6 {
			t.Errorf("entrance %d: %d sessions on 6 slots", entrance, total)
		}
		// 40 sessions of 45 s, one each 5 s, need 9 slots: 6 are not enough.
		if s.NoSlot == 0 || s.WaitMax == 0 {
			t.Errorf("entrance %d: nobody waited: %+v", entrance, s)
		}
		if int(activity.Demand.Refusals) != s.NoSlot {
			t.Errorf("entrance %d: %d refusals reported, %d users found no slot", entrance, activity.Demand.Refusals, s.NoSlot)
		}
	}
}

func TestPackedFillsOneTask(t *testing.T) {
	r := newRig(t, Config{Service: fixed(3)}, ApplicationConfig{})
	r.application.Play(users(r.c.Now().Add(time.Minute), 10, time.Second, time.Hour))
	r.c.RunFor(10 * time.Minute)
	full := 0
	for _, id := range ids(t, r.c) {
		if n := r.application.Live(id); n == 10 {
			full++
		} else if n != 0 {
			t.Errorf("%s holds %d sessions", id, n)
		}
	}
	if full != 1 {
		t.Errorf("%d full tasks, want 1", full)
	}
}

func TestDrainIsAcknowledgedAndRetired(t *testing.T) {
	r := newRig(t, Config{Service: fixed(2)}, ApplicationConfig{Slots: 1})
	invariants := NewInvariants(r.c, sim, r.store)
	r.c.SetSeam(invariants.Seam())
	r.application.Play(users(r.c.Now().Add(10*time.Second), 1, 0, 5*time.Minute))
	r.c.RunFor(time.Minute)
	var busy autoscaler.TaskID
	for _, id := range ids(t, r.c) {
		if r.application.Live(id) > 0 {
			busy = id
		}
	}
	r.cordon(t, busy)
	r.c.RunFor(time.Minute)
	if a := r.record(t, busy); a.Acknowledged {
		t.Fatal("acknowledged while a session lives")
	}
	// The session ends at 310 s, the next report in its turn is due at 330 s.
	r.c.RunFor(191 * time.Second)
	a := r.record(t, busy)
	if !a.Acknowledged || a.State != autoscaler.TaskCordoned {
		t.Fatalf("after the last session: %+v", a)
	}
	ref := autoscaler.DrainRef{Ref: a.Ref, Drain: a.Drain.ID, Version: a.Version, At: r.c.Now()}
	if err := WireSessions(r.c, r.store).Retire(context.Background(), ref); err != nil {
		t.Fatal(err)
	}
	if one(t, r.c, busy).ProtectedUntil.IsZero() {
		t.Fatal("protection went before the task read retired")
	}
	r.c.RunFor(31 * time.Second)
	if until := one(t, r.c, busy).ProtectedUntil; !until.IsZero() {
		t.Fatalf("the retired task is still protected until %v", until)
	}
	setDesired(t, r.c, 1)
	r.c.RunFor(time.Minute)
	if got := one(t, r.c, busy); got.LastStatus != "STOPPED" || got.StopCode != stoppedByScheduler {
		t.Errorf("the retired task is %+v", got)
	}
	for _, v := range invariants.Violations() {
		if v.Invariant != "I5" { // the desired count was written by hand
			t.Error(v)
		}
	}
}

func TestReopenedTaskTakesAWaitingUser(t *testing.T) {
	r := newRig(t, Config{Service: fixed(1)}, ApplicationConfig{Slots: 2})
	r.c.RunFor(time.Minute)
	id := ids(t, r.c)[0]
	r.cordon(t, id)
	r.c.RunFor(time.Minute)
	r.application.Play(users(r.c.Now(), 1, 0, time.Minute))
	r.c.RunFor(time.Second)
	if got := r.record(t, id); got.State != autoscaler.TaskOpen || r.application.Live(id) != 1 {
		t.Errorf("the cordoned task is %s with %d sessions; a user with no other task reopens it", got.State, r.application.Live(id))
	}
	if s := r.application.Score(); s.NoSlot != 0 {
		t.Errorf("%d users found no slot", s.NoSlot)
	}
}

func TestBlockedProtectionExposes(t *testing.T) {
	cfg := fixed(2)
	cfg.RefuseAtEquality = true
	r := newRig(t, Config{Service: cfg}, ApplicationConfig{})
	r.c.RunFor(time.Minute)
	old := ids(t, r.c)
	if _, err := r.c.Deploy(sim, "two"); err != nil {
		t.Fatal(err)
	}
	r.c.RunFor(65 * time.Second)
	var fresh []autoscaler.TaskActivity
	for _, id := range ids(t, r.c) {
		if id != old[0] && id != old[1] {
			fresh = append(fresh, r.record(t, id))
		}
	}
	if len(fresh) != 2 || !fresh[0].Exposed() || fresh[0].State != autoscaler.TaskNew {
		t.Fatalf("new tasks beside two protected ones: %+v", fresh)
	}
	r.c.RunFor(31 * time.Second)
	if a := r.record(t, fresh[0].Ref.Task); a.State != autoscaler.TaskOpen || !a.Exposed() {
		t.Fatalf("half a minute after the mark: %+v", a)
	}
	// A higher desired count lets the protection through: the mark goes.
	if err := r.c.ForeignDesired(sim, 6); err != nil {
		t.Fatal(err)
	}
	r.c.RunFor(2 * time.Minute)
	if a := r.record(t, fresh[0].Ref.Task); a.Exposed() || a.ProtectedUntil.IsZero() {
		t.Errorf("after protection was possible again: %+v", a)
	}
}

func TestStopCutsSessions(t *testing.T) {
	r := newRig(t, Config{Service: fixed(1)}, ApplicationConfig{})
	r.application.Play(users(r.c.Now(), 3, time.Second, time.Hour))
	r.c.RunFor(time.Minute)
	id := ids(t, r.c)[0]
	stopTask(t, r.c, id)
	r.c.RunFor(time.Minute)
	cuts := r.application.Cuts()
	if len(cuts) != 3 || r.application.Active() != 0 || r.application.Score().Cut != 3 {
		t.Fatalf("%d cut, %d active", len(cuts), r.application.Active())
	}
	if cuts[0].Task != id || cuts[0].StopCode != stoppedByUser {
		t.Errorf("cut: %+v", cuts[0])
	}
}

func TestProtectionIsRenewedWhileInUse(t *testing.T) {
	r := newRig(t, Config{Service: fixed(2)}, ApplicationConfig{Slots: 1})
	r.application.Play(users(r.c.Now(), 1, 0, 40*time.Hour))
	r.c.RunFor(25 * time.Hour)
	for _, id := range ids(t, r.c) {
		protected := !one(t, r.c, id).ProtectedUntil.IsZero()
		if busy := r.application.Live(id) > 0; busy != protected {
			t.Errorf("after 25 h without a controller: busy %v, protected %v", busy, protected)
		}
	}
}

func TestNewApplicationRefusesMissingContracts(t *testing.T) {
	if _, err := NewApplication(newFixed(1), ApplicationConfig{}); err == nil {
		t.Error("an application without a store was accepted")
	}
}

// TestLostRepliesLeaveNothingBehind loses answers of Begin and Abandon at random:
// every user is served in the end, and no slot stays taken.
func TestLostRepliesLeaveNothingBehind(t *testing.T) {
	lost := errors.New("lost")
	for seed := range uint64(5) {
		r := newRig(t, Config{Seed: seed, Service: fixed(2)}, ApplicationConfig{Slots: 4})
		rnd := rand.New(rand.NewPCG(seed, 3))
		r.c.SetSeam(func(_ context.Context, call Call) error {
			asks := call.Op == OpBegin || call.Op == OpAbandon || call.Op == OpActivity
			if asks && call.Point != Sent && rnd.IntN(2) == 0 {
				return lost
			}
			return nil
		})
		r.application.Play(users(r.c.Now().Add(time.Minute), 30, 20*time.Second, time.Minute))
		r.c.RunFor(time.Hour)
		if s := r.application.Score(); s.Waiting != 0 || r.application.Active() != 0 || s.Refusals == 0 {
			t.Errorf("seed %d: %d waiting, %d active, %d refusals", seed, s.Waiting, r.application.Active(), s.Refusals)
		}
		for _, id := range ids(t, r.c) {
			if a := r.record(t, id); !a.Occupancy.Idle() {
				t.Errorf("seed %d: %s holds %s sessions for nobody", seed, id, a.Occupancy)
			}
		}
	}
}

func TestVisit(t *testing.T) {
	r := newRig(t, Config{Service: fixed(1)}, ApplicationConfig{Slots: 1})
	r.c.RunFor(time.Minute)
	ctx := context.Background()
	if !r.application.Visit(ctx, time.Minute) || r.application.Visit(ctx, time.Minute) {
		t.Error("one slot takes one visitor")
	}
	r.c.RunFor(2 * time.Minute)
	if s := r.application.Score(); s.Arrivals != 2 || s.NoSlot != 1 || r.application.Active() != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAnotherServiceIsNotFollowed(t *testing.T) {
	r := newRig(t, Config{Service: fixed(1)}, ApplicationConfig{})
	other := fixed(2)
	other.ID = autoscaler.ServiceID{Cluster: "sim", Name: "other"}
	r.c.AddService(other)
	r.c.RunFor(time.Minute)
	if s := r.application.Score(); s.TaskStarts != 1 || len(r.application.processes) != 1 {
		t.Errorf("%d starts, %d processes", s.TaskStarts, len(r.application.processes))
	}
}

// TestBrokerLooksAgainBeforeItReopens has a task open that the broker's old view
// does not show: its user goes there, and the drain goes on.
func TestBrokerLooksAgainBeforeItReopens(t *testing.T) {
	r := newRig(t, Config{Service: fixed(2)}, ApplicationConfig{Slots: 1, Lookup: time.Hour})
	start := r.c.Now()
	r.application.Play([]Session{{start.Add(100 * time.Second), time.Hour}, {start.Add(300 * time.Second), time.Hour}})
	r.c.RunFor(time.Minute)
	cordoned := ids(t, r.c)[1]
	r.cordon(t, cordoned)
	r.c.RunFor(time.Minute)
	if err := r.c.ForeignDesired(sim, 3); err != nil {
		t.Fatal(err)
	}
	r.c.RunFor(5 * time.Minute)
	if a := r.record(t, cordoned); a.State != autoscaler.TaskCordoned || r.application.Active() != 2 {
		t.Errorf("the cordoned task is %s, %d sessions live", a.State, r.application.Active())
	}
}

// TestNobodyOvertakes lets a second user arrive at the instant at which a slot is
// free and a first one waits.
func TestNobodyOvertakes(t *testing.T) {
	r := newRig(t, Config{Service: fixed(1)}, ApplicationConfig{Slots: 1})
	r.c.RunFor(time.Minute)
	start := r.c.Now()
	r.application.Play(users(start, 1, 0, time.Minute)) // takes the slot until 60 s
	r.application.Play([]Session{{start.Add(10 * time.Second), 10 * time.Minute}})
	drain := r.record(t, ids(t, r.c)[0]).Ref
	r.c.At(start.Add(20*time.Second), func() {
		// An operator's drain: no user reopens it.
		a := r.record(t, drain.Task)
		_, err := r.store.Cordon(context.Background(), autoscaler.CordonRequest{
			Ref: drain, Version: a.Version, Drain: "d", By: "operator", At: r.c.Now(), Until: r.c.Now().Add(time.Hour),
		})
		if err != nil {
			t.Error(err)
		}
	})
	at := start.Add(100*time.Second + 500*time.Millisecond)
	r.c.At(at, func() {
		a := r.record(t, drain.Task)
		if err := r.store.Reopen(context.Background(), autoscaler.DrainRef{Ref: drain, Drain: "d", Version: a.Version, At: at}); err != nil {
			t.Error(err)
		}
		r.application.Play([]Session{{at, time.Minute}})
	})
	r.c.RunUntil(start.Add(5 * time.Minute))
	if r.application.Active() != 1 || r.application.Waiting() != 1 {
		t.Errorf("%d live, %d wait; the first user has ten minutes, the second waits for them",
			r.application.Active(), r.application.Waiting())
	}
}
