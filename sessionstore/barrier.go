package sessionstore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Barriers takes the barriers that a release sends through the queue of a task's
// events. Whoever applies the events calls it, in their order.
//
// Guarantee: a barrier that is applied says that every event of the task which was
// sent before it has been applied too; the caller sees to that, by taking each
// task's events one after the other.
//
// Concurrency: readers of different tasks' events call at once; those of one task
// take turns.
//
// Idempotency: a barrier that is applied already, or whose drain is over, changes
// nothing and succeeds.
//
// Cancellation: where a call was cut short the barrier may be on the record; the
// queue hands it out again, and that copy finds out.
//
// Errors: ErrNotFound where the task has no record, ErrForeign where it has another
// owner; an Error whose hint names the field where the request lacks one.
//
// Suite: storetest.TestBarriers.
type Barriers interface {
	Barrier(ctx context.Context, req BarrierRequest) error
}

// BarrierRequest is a barrier as it came out of the queue.
type BarrierRequest struct {
	Ref   autoscaler.TaskRef
	Drain autoscaler.DrainID // the drain that it was sent for
	At    time.Time          // now, at the caller
}

// Barrier applies Barriers.Barrier.
func (r *Record) Barrier(req BarrierRequest, t Terms) error {
	if err := r.writable("Barrier", t); err != nil {
		return err
	}
	if req.Drain == "" {
		return r.refuse("Barrier", errArgument, "set Drain: the drain that the barrier was sent for")
	}
	// By the store's clock: the settling time that follows is counted by it, and a
	// reader's clock is not held to any bound.
	if r.state != autoscaler.TaskCordoned || r.drain.ID != req.Drain || r.barrier != 0 {
		return nil
	}
	r.barrier = instantOf(t.Now)
	r.changed(t)
	return nil
}
