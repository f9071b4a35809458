package workflow_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

// ahead is a store whose clock is ahead of its callers'.
type ahead struct {
	autoscaler.SessionStore
	by time.Duration
}

func (a *ahead) Activity(ctx context.Context, service autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
	activity, err := a.SessionStore.Activity(ctx, service, at)
	activity.Now = activity.Now.Add(a.by)
	return activity, err
}

func TestReleaseWaitsUntilTheClockIsMended(t *testing.T) {
	var store *ahead
	r := newRig(t, exact(4), func(cfg *workflow.Config) {
		store = &ahead{cfg.Sessions, autoscaler.SkewBound + time.Second}
		cfg.Sessions = store
	})
	ids := r.ready(2)
	r.release(ids)
	if got := r.passes(10 * time.Minute); !says(got, autoscaler.CodeClock) || len(r.in(autoscaler.TaskRetired)) > 0 {
		t.Errorf("release %+v, retired %v; want nothing done and the clock told of", got, r.in(autoscaler.TaskRetired))
	}
	if cordoned := r.in(autoscaler.TaskCordoned); !slices.Equal(cordoned, ids) {
		t.Errorf("cordoned %v, want %v still", cordoned, ids)
	}
	store.by = 0
	r.outcome(r.passes(15*time.Minute), autoscaler.OutcomeReleased)
}
