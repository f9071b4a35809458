package workflow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// The store has the last word on a retire: a task that it refuses is no part of
// the release, in what is done and in what is said.
func TestTaskWhoseRetireIsRefusedDropsOut(t *testing.T) {
	r := newRig(t, exact(5), nil)
	ids := r.ready(2)
	r.fault = func(_ context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpRetire && call.Point == ecssim.Before && call.Task == ids[0] {
			return &autoscaler.Error{Op: "test.Retire", Ref: string(call.Task), Err: autoscaler.ErrBusy}
		}
		return nil
	}
	r.release(ids)
	got := r.advance()
	for _, reason := range got.Reasons {
		if reason.Task == ids[0] && reason.Code != autoscaler.CodeBusy {
			t.Errorf("%v of a task whose retire was refused", reason)
		}
	}
	if !says(got, autoscaler.CodeBusy) || !says(got, autoscaler.CodeRetired) {
		t.Errorf("reasons %v; want one task busy and the other retired", got.Reasons)
	}
	entries, err := r.store.Read(context.Background(), service, ids[0], time.Time{}, 0)
	if err != nil || len(entries) != 1 || entries[0].Outcome == string(autoscaler.CodeRetired) {
		t.Errorf("the journal says %+v (%v); want that it was refused", entries, err)
	}
}

// A retire whose reply was lost may have gone through. The release that ends over it
// counts for none that failed: three of those would have every drain reopened.
func TestRetireWhoseReplyWasLostIsNoFailedRelease(t *testing.T) {
	r := newRig(t, exact(4), nil)
	r.fault = func(_ context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpRetire && call.Point == ecssim.After {
			return errors.New("connection reset by peer")
		}
		return nil
	}
	r.release(r.ready(1))
	if got := r.advance(); !says(got, autoscaler.CodeCallFailed) {
		t.Errorf("reasons %v do not say that a call failed", got.Reasons)
	}
	if n := r.checkpoint().Aborts; n != 0 {
		t.Errorf("%d aborts are counted, and the task is %v", n, r.in(autoscaler.TaskRetired))
	}
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
}
