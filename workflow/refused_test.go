package workflow_test

import (
	"context"
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
