package workflow

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Tasks is what a release needs of the cluster beside the desired count.
//
// Guarantee: List is a fresh listing, every page of it, with each task's
// protection read back; Unprotect and Stop send nothing once the permit's time
// has passed, judged at the last instant the implementation controls, and
// nothing for a task that the permit does not name.
//
// Concurrency: several releases of different services share one value.
//
// Idempotency: protecting twice sets the later expiry; unprotecting a task that
// has no protection, and stopping one that has stopped, succeed.
//
// Cancellation: what was sent may still arrive after the context has ended.
//
// Errors: ErrClock for a permit that ran out or does not cover the call, and
// then nothing was sent. A refusal of single tasks is no error but an
// [ItemFailure]; a listing that is not whole is an error.
//
// Suite: workflowtest.TestTasks.
type Tasks interface {
	// List returns every task of the service that ECS means to run, and those on
	// their way out, with protection.
	List(ctx context.Context, service autoscaler.ServiceID) ([]autoscaler.TaskStatus, error)
	// Protect sets scale-in protection that ends lifetime from now. That no
	// failure is returned is not a confirmation: List reads it back.
	Protect(ctx context.Context, service autoscaler.ServiceID, tasks []autoscaler.TaskID, lifetime time.Duration) ([]ItemFailure, error)
	// Unprotect removes protection from retired tasks.
	Unprotect(ctx context.Context, req Dangerous) ([]ItemFailure, error)
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

// ItemFailure is one task of a call that ECS refused to change, and why:
// DEPLOYMENT_BLOCKED, TASK_NOT_VALID, MISSING.
type ItemFailure struct {
	Task   autoscaler.TaskID
	Reason string
	Detail string
}

// Journal keeps what was done, for people who ask afterwards.
//
// Guarantee: an entry that was appended is read back, whole, in the order of
// its instant.
//
// Concurrency: appends from many processes interleave and none is lost.
//
// Idempotency: none; an entry appended twice is there twice, and nothing
// decides by it.
//
// Cancellation: an interrupted append may be there.
//
// Errors: a journal that cannot be written never stops a release; the caller
// carries on and says so.
//
// Suite: sessionstore/storetest.TestJournal.
type Journal interface {
	Append(ctx context.Context, entries ...autoscaler.Entry) error
	// Read returns the newest entries of the service at or after since, oldest
	// first, at most limit of them; a task narrows them to that task's.
	Read(ctx context.Context, service autoscaler.ServiceID, task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error)
}

// Evidence is what a veto is shown, right before a task is retired.
type Evidence struct {
	Task     autoscaler.TaskStatus
	Activity autoscaler.TaskActivity
	Release  autoscaler.ReleaseID
}
