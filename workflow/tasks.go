package workflow

import (
	"context"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Tasks is what a release needs of the cluster beside the desired count.
//
// Guarantee: as of a [autoscaler.Protector]; and Unprotect and Stop send nothing
// once the permit's time has passed, judged at the last instant the implementation
// controls, and nothing for a task that the permit does not name.
//
// Concurrency: several releases of different services share one value.
//
// Idempotency: protecting twice sets the later expiry; unprotecting a task that
// has no protection, and stopping one that has stopped, succeed.
//
// Cancellation: a protection may still be removed, a task still be stopped, after the
// context has ended: whoever goes on reads what there is first.
//
// Errors: ErrClock for a permit that ran out or does not cover the call, and
// then nothing was sent. A refusal of single tasks is no error but an
// [autoscaler.ItemFailure]; a listing that is not whole is an error.
//
// Suite: workflowtest.TestTasks.
type Tasks interface {
	autoscaler.Protector
	// Unprotect removes protection from retired tasks.
	Unprotect(ctx context.Context, req Dangerous) ([]autoscaler.ItemFailure, error)
	// Steer takes a task out of its balancer's target groups, or puts it back.
	Steer(ctx context.Context, ref autoscaler.TaskRef, in bool) error
	// Stop sends StopTask for the tasks of the request, one call each.
	Stop(ctx context.Context, req Dangerous) error
	// Watch describes tasks by id, stopped and missing ones included, with the
	// state of their targets, in the order asked for.
	Watch(ctx context.Context, service autoscaler.ServiceID, tasks []autoscaler.TaskID) ([]autoscaler.TaskStatus, error)
}

// Dangerous is a call that can end tasks, or lets ECS end them, with its permit.
type Dangerous struct {
	Service autoscaler.ServiceID
	Tasks   []autoscaler.TaskID
	Permit  autoscaler.Permit
}

// Events is the queue that carries the events of tasks at level C, as far as a
// release needs it: a way to find out that everything sent so far has been applied.
//
// Guarantee: a barrier travels behind every event of its task that was sent before
// it, through the same queue and in the same group, and is applied to the task's
// record by whoever applies the events (sessionstore.Barriers). Failed counts the
// service's events that have been given up, wherever they are put aside.
//
// Concurrency: barriers of several releases, and whoever sends the application's
// events, go into the queue at once.
//
// Idempotency: a barrier sent twice arrives twice, and the record keeps the first.
//
// Cancellation: a barrier may be in the queue all the same, and then arrives.
//
// Errors: those of transport. A barrier whose sending failed may arrive; one that
// never does holds the task back and nothing else.
//
// Suite: workflowtest.TestEvents.
type Events interface {
	// Mark sends a barrier for the drain that the task is under.
	Mark(ctx context.Context, ref autoscaler.TaskRef, drain autoscaler.DrainID) error
	// Failed returns how many events of the service's tasks could not be applied
	// and stand in the dead-letter queue. While there is one, nobody knows which
	// session it tells of.
	Failed(ctx context.Context, service autoscaler.ServiceID) (int, error)
}

// Evidence is what a veto is shown, right before a task is retired.
type Evidence struct {
	Task     autoscaler.TaskStatus
	Activity autoscaler.TaskActivity
	Release  autoscaler.ReleaseID
}
