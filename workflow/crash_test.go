package workflow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/workflow"
)

// TestCheckpointSavedByOthers has a pass save the checkpoint right before each of
// the runner's own saves.
func TestCheckpointSavedByOthers(t *testing.T) {
	r := newRig(t, exact(5), nil)
	r.release(r.ready(2))
	saves := 0
	r.fault = func(ctx context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpSaveCheckpoint && call.Point == ecssim.Before && ecssim.Actor(ctx) == "runner" {
			if saves++; saves%2 == 1 {
				r.save(func(c *autoscaler.Checkpoint) { c.SavedAt = c.SavedAt.Add(time.Second) })
			}
		}
		return nil
	}
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
	if saves < 4 {
		t.Errorf("only %d saves were raced", saves)
	}
}

func TestCheckpointThatIsAlwaysLost(t *testing.T) {
	r := newRig(t, exact(5), nil)
	ids := r.ready(2)
	r.release(ids)
	r.fault = func(ctx context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpSaveCheckpoint && call.Point == ecssim.Before && ecssim.Actor(ctx) == "runner" {
			r.save(func(c *autoscaler.Checkpoint) { c.SavedAt = c.SavedAt.Add(time.Second) })
		}
		return nil
	}
	for range 20 {
		got := r.advance()
		r.c.RunFor(15 * time.Second)
		if !says(got, autoscaler.CodeOverlapped) {
			t.Fatalf("reasons %v", got.Reasons)
		}
	}
	if len(r.c.Writes()) != 0 {
		t.Errorf("desired was written without a permit: %v", r.c.Writes())
	}
	_, err := r.runner.Release(asRunner(), autoscaler.ReleaseRequest{Service: service, Tasks: refs(r.in(autoscaler.TaskOpen))})
	if !errors.Is(err, autoscaler.ErrConflict) {
		t.Errorf("joining says %v", err)
	}
	r.fault = nil
	r.outcome(r.passes(20*time.Minute), autoscaler.OutcomeReleased)
}

// TestTwoRunners has two processes advance one release in turns.
func TestTwoRunners(t *testing.T) {
	r := newRig(t, exact(6), nil)
	other, err := workflow.New(r.cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.release(r.ready(3))
	for range 80 {
		r.advance()
		if _, err := other.Advance(asRunner(), service); err != nil {
			t.Fatal(err)
		}
		r.c.RunFor(7 * time.Second)
	}
	if n := len(r.records()); n != 3 || r.checkpoint().Release != nil {
		t.Errorf("%d records, release %+v", n, r.checkpoint().Release)
	}
	if n := len(r.c.Writes()); n != 1 {
		t.Errorf("desired was written %d times", n)
	}
}

func TestCallThatFailsIsSaidAndMadeAgain(t *testing.T) {
	for _, op := range []ecssim.Op{
		ecssim.OpDescribe, ecssim.OpList, ecssim.OpRetire, ecssim.OpSetDesired, ecssim.OpForget, ecssim.OpActivity, ecssim.OpLoadCheckpoint,
		ecssim.OpControl, ecssim.OpSaveCheckpoint,
	} {
		t.Run(string(op), func(t *testing.T) {
			r := newRig(t, exact(4), nil)
			ids := r.ready(1)
			r.release(ids)
			failed := 0
			r.fault = func(ctx context.Context, call ecssim.Call) error {
				if call.Op == op && call.Point == ecssim.Before && ecssim.Actor(ctx) == "runner" && failed == 0 {
					failed++
					return errors.New("throttled")
				}
				return nil
			}
			told := false
			for range 80 {
				releases, err := r.runner.Advance(asRunner(), service)
				for _, release := range releases {
					told = told || says(release, autoscaler.CodeCallFailed) || says(release, autoscaler.CodeLostRace)
				}
				told = told || err != nil
				if len(r.in(autoscaler.TaskCordoned)) > 0 {
					r.release(ids) // as the next pass does
				}
				r.c.RunFor(15 * time.Second)
			}
			if failed == 0 || !told || r.checkpoint().Release != nil || len(r.records()) != 3 {
				t.Errorf("failed %d times, told %v, release %+v", failed, told, r.checkpoint().Release)
			}
		})
	}
}
