package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/workflow"
)

var errDied = errors.New("the process died")

// dieAt makes a runner's process die at its nth call from now on, before the
// call's effect or right after it: every later call of it fails.
func (r *rig) dieAt(n int, point ecssim.Point) (died *bool) {
	died = new(bool)
	count := 0
	r.fault = func(ctx context.Context, call ecssim.Call) error {
		if ecssim.Actor(ctx) != "runner" {
			return nil
		}
		if *died {
			return errDied
		}
		if call.Point == point {
			if count++; count == n {
				*died = true
				return errDied
			}
		}
		return nil
	}
	return died
}

// situations are the releases that a process dies in.
func situations() map[string]func(t *testing.T) *rig {
	return map[string]func(t *testing.T) *rig{
		"tasks clear their own": func(t *testing.T) *rig {
			r := newRig(t, exact(5), nil)
			r.release(r.ready(2))
			return r
		},
		"controller clears": func(t *testing.T) *rig {
			r := newRig(t, exact(5), nil)
			r.unheard = r.ready(2)
			r.release(r.unheard)
			return r
		},
		"straggler": func(t *testing.T) *rig {
			r := newRig(t, exact(4), nil)
			r.release(r.ready(1))
			r.want(4)
			return r
		},
		"protection is missing": func(t *testing.T) *rig {
			r := newRig(t, exact(4), nil)
			ids := r.ready(1)
			mustProtect(t, r.c, r.in(autoscaler.TaskOpen)[0], false)
			r.release(ids)
			return r
		},
		"balancer first": func(t *testing.T) *rig {
			r := newRig(t, exact(4), func(c *workflow.Config) { c.LoadBalancerFirst = true })
			r.release(r.ready(2))
			return r
		},
	}
}

// TestProcessThatDiesAnywhereIsTakenUp ends the runner's process at each of its
// calls in turn, before the call's effect and after it. Another
// process takes over fifteen seconds later, and the release ends as if nothing
// had happened.
func TestProcessThatDiesAnywhereIsTakenUp(t *testing.T) {
	for name, situation := range situations() {
		for _, point := range []ecssim.Point{ecssim.Before, ecssim.Sent, ecssim.After} {
			for n := 1; n <= 80; n++ {
				over := false
				t.Run(fmt.Sprintf("%s/%s/%d", name, point, n), func(t *testing.T) {
					r := situation(t)
					want := len(r.records()) - len(r.checkpoint().Release.Tasks)
					died := r.dieAt(n, point)
					over = !r.untilDead(died)
					r.fault = nil
					r.restart()
					for end := r.c.Now().Add(20 * time.Minute); r.c.Now().Before(end) && r.checkpoint().Release != nil; {
						r.c.RunFor(15 * time.Second)
						r.advance()
					}
					if left := r.in(autoscaler.TaskRetired); len(left) > 0 || r.checkpoint().Release != nil {
						t.Fatalf("left over: %v, %+v", left, r.checkpoint().Release)
					}
					r.c.RunFor(3 * time.Minute)
					if open := len(r.in(autoscaler.TaskOpen)); open < want {
						t.Errorf("%d open tasks, want at least %d", open, want)
					}
				})
				if over {
					break
				}
			}
		}
	}
}

// untilDead makes passes until the process has died or the release is over, and
// reports whether it died.
func (r *rig) untilDead(died *bool) bool {
	for end := r.c.Now().Add(20 * time.Minute); r.c.Now().Before(end); r.c.RunFor(15 * time.Second) {
		releases, err := r.runner.Advance(asRunner(), service)
		switch {
		case *died:
			return true
		case err != nil:
			r.t.Fatal(err)
		case len(releases) > 0 && releases[0].Phase == autoscaler.PhaseDone:
			return false
		}
	}
	r.t.Fatalf("the release neither ended nor was it interrupted: %+v", r.checkpoint().Release)
	return false
}

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
