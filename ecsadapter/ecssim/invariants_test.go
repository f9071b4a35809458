package ecssim

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

// staged is a rig whose invariants are watched.
func staged(t *testing.T, desired int) (rig, *Invariants) {
	t.Helper()
	r := newRig(t, Config{Seed: 5, Service: fixed(desired)}, ApplicationConfig{})
	v := NewInvariants(r.c, sim, r.store)
	r.c.SetSeam(v.Seam())
	r.c.RunFor(time.Minute)
	return r, v
}

// save puts a permit on the service's checkpoint, as autoscaler.Permits does.
func (r rig) save(t *testing.T, p autoscaler.Permit) autoscaler.Permit {
	t.Helper()
	ctx := context.Background()
	state := WireState(r.c, r.store)
	c, err := state.LoadCheckpoint(ctx, sim)
	if err != nil {
		t.Fatal(err)
	}
	c.Permit = &p
	if _, err := state.SaveCheckpoint(ctx, c); err != nil {
		t.Fatal(err)
	}
	return p
}

// openUnprotected registers and opens a task that says it is protected and never
// asked for it.
func openUnprotected(t *testing.T, r rig, _ autoscaler.TaskID) {
	t.Helper()
	if err := r.c.ForeignDesired(sim, 3); err != nil {
		t.Fatal(err)
	}
	var ref autoscaler.TaskRef
	for _, id := range ids(t, r.c) {
		if one(t, r.c, id).LastStatus == "PROVISIONING" {
			ref = autoscaler.TaskRef{Service: sim, Task: id}
		}
	}
	ctx, records := context.Background(), WireRecords(r.c, r.store)
	a, err := records.Register(ctx, autoscaler.RegisterRequest{
		Ref: ref, Level: autoscaler.LevelA, Slots: 1, Processes: 1, At: r.c.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = records.Open(ctx, autoscaler.OpenRequest{
		Ref: ref, Version: a.Version, ProtectedUntil: r.c.Now().Add(time.Hour), At: r.c.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func unprotectOpen(t *testing.T, r rig, id autoscaler.TaskID) {
	t.Helper()
	p := r.save(t, permit(r.c, autoscaler.CallUnprotect, 0, id))
	if _, err := r.c.Unprotect(context.Background(), workflow.Dangerous{Service: sim, Tasks: p.Tasks, Permit: p}); err != nil {
		t.Fatal(err)
	}
}

func stopOpen(t *testing.T, r rig, id autoscaler.TaskID) {
	t.Helper()
	p := r.save(t, permit(r.c, autoscaler.CallStopTask, 0, id))
	if err := r.c.Stop(context.Background(), workflow.Dangerous{Service: sim, Tasks: p.Tasks, Permit: p}); err != nil {
		t.Fatal(err)
	}
}

func lowerTooFar(t *testing.T, r rig, _ autoscaler.TaskID) {
	t.Helper()
	p := r.save(t, permit(r.c, autoscaler.CallSetDesired, 1))
	err := r.c.SetDesired(context.Background(), autoscaler.SetDesired{Service: sim, Desired: 1, Permit: p})
	if err != nil {
		t.Fatal(err)
	}
}

// cutOne stops the task that serves the only session.
func cutOne(t *testing.T, r rig, _ autoscaler.TaskID) {
	t.Helper()
	r.application.Play(users(r.c.Now(), 1, 0, time.Hour))
	r.c.RunFor(time.Second)
	for _, id := range ids(t, r.c) {
		if r.application.Live(id) == 0 {
			continue
		}
		if err := r.c.StopTask(autoscaler.TaskRef{Service: sim, Task: id}); err != nil {
			t.Fatal(err)
		}
	}
	r.c.RunFor(time.Minute)
}

// TestInvariantsCatch breaks each invariant once, on purpose.
func TestInvariantsCatch(t *testing.T) {
	for name, test := range map[string]struct {
		invariant string
		do        func(t *testing.T, r rig, id autoscaler.TaskID)
	}{
		"opened without protection":          {"I1", openUnprotected},
		"protection of an open task removed": {"I3", unprotectOpen},
		"open task stopped":                  {"I3", stopOpen},
		"desired below what stays":           {"I4", lowerTooFar},
		"a session cut":                      {"cut", cutOne},
		"no permit saved": {"I5", func(t *testing.T, r rig, _ autoscaler.TaskID) {
			setDesired(t, r.c, 3)
		}},
		"two live permits": {"I5", func(t *testing.T, r rig, id autoscaler.TaskID) {
			r.save(t, permit(r.c, autoscaler.CallStopTask, 0, id))
			r.save(t, permit(r.c, autoscaler.CallSetDesired, 2))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r, v := staged(t, 2)
			if len(v.Violations()) != 0 {
				t.Fatal(v.Violations()[0])
			}
			test.do(t, r, ids(t, r.c)[0])
			found := v.Violations()
			if len(found) == 0 || found[0].Invariant != test.invariant {
				t.Fatalf("found %v, want %s", found, test.invariant)
			}
			if text := found[0].String(); !strings.Contains(text, "seed 5") || !strings.Contains(text, test.invariant+" broken") {
				t.Errorf("the violation says %q", text)
			}
		})
	}
}

// TestRaiseTakesAPermitOver is the one exception to one permit at a time.
func TestRaiseTakesAPermitOver(t *testing.T) {
	r, v := staged(t, 2)
	r.save(t, permit(r.c, autoscaler.CallSetDesired, 2))
	raise := permit(r.c, autoscaler.CallSetDesired, 4)
	raise.Raise = true
	r.save(t, raise)
	if len(v.Violations()) != 0 {
		t.Error(v.Violations())
	}
}

// lyingProof says of one task what it is told to say.
type lyingProof struct {
	Proof
	change func(*autoscaler.TaskActivity)
}

func (l *lyingProof) Prove(ctx context.Context, tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	out, err := l.Proof.Prove(ctx, tasks, at)
	if err == nil && l.change != nil {
		l.change(&out[0])
	}
	return out, err
}

// TestInvariantsCatchBrokenRecords checks I2 against a store that breaks it: the
// real one cannot be made to.
func TestInvariantsCatchBrokenRecords(t *testing.T) {
	r := newRig(t, Config{Seed: 5, Service: fixed(1)}, ApplicationConfig{})
	proof := &lyingProof{Proof: r.store}
	v := NewInvariants(r.c, sim, proof)
	r.c.SetSeam(v.Seam())
	r.application.Play(users(r.c.Now(), 1, 0, time.Hour))
	r.c.RunFor(time.Minute)
	proof.change = func(a *autoscaler.TaskActivity) { a.State = autoscaler.TaskRetired }
	r.c.RunFor(time.Minute)
	r.application.Play(users(r.c.Now(), 1, 0, time.Hour))
	r.c.RunFor(time.Second)
	proof.change = nil
	r.c.RunFor(time.Minute)
	var what []string
	for _, violation := range v.Violations() {
		if violation.Invariant != "I2" {
			t.Error(violation)
		}
		what = append(what, violation.What)
	}
	all := strings.Join(what, "; ")
	for _, part := range []string{"is retired while 1 sessions live", "began on", "was retired and is open"} {
		if !strings.Contains(all, part) {
			t.Errorf("%q says nothing of %q", all, part)
		}
	}
}
