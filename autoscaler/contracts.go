package autoscaler

import (
	"context"
	"time"
)

// SessionStore is what a pass knows of a service's sessions, and the writes
// that close a task to them. What applications call stands in sessionstore.
//
// Guarantee: each record is one item, each write is one conditional write on
// it, and the write that Retire makes succeeds only on the record the caller
// has read, closed by the caller's drain, without a session, and acknowledged
// by every process. After it no call ever opens the record again.
//
// Concurrency: any number of processes may call at once; the record's version
// decides which of two writers was first, and the other one hears ErrConflict.
//
// Idempotency: repeating Cordon, Reopen or Retire with the same drain after a
// lost reply answers as the first one did, or with the sentinel that names the
// state it finds; nothing happens twice.
//
// Cancellation: a call that ends with the context's error may or may not have
// taken effect; reading the record tells which.
//
// Errors: ErrConflict for a stale version or another drain's id; ErrBusy where
// a session lives or occupancy is unknown; ErrCordoned where a drain is under
// way already; ErrRetired and ErrGone for what is final; ErrNotFound where there
// is no record; ErrForeign for another owner's; ErrClock from a writer whose clock
// is off by more than the skew bound. A read that failed in part is an error, never a short answer.
//
// Suite: sessionstore/storetest.TestStore.
type SessionStore interface {
	// Activity returns every record of the service, judged at the instant
	// given. It may lag behind the last writes by moments.
	Activity(ctx context.Context, service ServiceID, at time.Time) (Activity, error)
	// Prove reads exactly the tasks given, strongly consistent, in their order.
	// One missing record fails the whole call with ErrNotFound.
	Prove(ctx context.Context, tasks []TaskRef, at time.Time) ([]TaskActivity, error)
	// Cordon closes the task to new sessions and returns the record as it then
	// stands; with ErrBusy and ErrCordoned it returns the record as it is.
	Cordon(ctx context.Context, req CordonRequest) (TaskActivity, error)
	// Reopen ends a drain: open again, or new where the task had never opened.
	// It needs the protection that opening needs; see Records.Open.
	Reopen(ctx context.Context, drain DrainRef) error
	// Retire sets the record's final mark.
	Retire(ctx context.Context, drain DrainRef) error
}

// CordonRequest asks to close one task.
type CordonRequest struct {
	Ref        TaskRef
	Version    int64 // the version that was read; another one is ErrConflict
	Drain      DrainID
	By         string // the operator who asks; empty for the policy. Demand does not reopen an operator's drain.
	OnlyIfIdle bool   // refuse with ErrBusy unless the task is known to be empty
	At         time.Time
	Until      time.Time // the lease's end; 15 min from At is usual
}

// DrainRef names a drain on a record at the version that was read.
type DrainRef struct {
	Ref     TaskRef
	Drain   DrainID
	Version int64
	At      time.Time
}

// Records opens and closes records: a task's first and last writes, which the
// task itself makes where it can and the controller where it cannot.
//
// Guarantee: a record begins closed, whoever makes it, and opens only where its
// protection was read back with at least 30 minutes left, or where it has
// carried the exposed mark for 30 seconds.
//
// Concurrency: the task and several controllers may register, open, renew and
// forget the same record at the same time; one write wins and the rest find its
// result.
//
// Idempotency: registering twice returns the record that is there; opening an
// open record only refreshes its protection; forgetting twice is done once.
//
// Cancellation: an interrupted call leaves the record either untouched or
// wholly written, never in between.
//
// Errors: ErrConflict where the version was overtaken; ErrBusy where protection
// does not suffice to open; ErrRetired, ErrGone, ErrNotFound, ErrForeign and
// ErrClock as for SessionStore; Register and Forget take any clock.
//
// Suite: sessionstore/storetest.TestRecords.
type Records interface {
	// Register makes a closed record, or returns the one that is there.
	Register(ctx context.Context, req RegisterRequest) (TaskActivity, error)
	// Open records what was read back of the task's protection, and opens the
	// record if that suffices. With Exposed it sets the mark first, and opens
	// when called again 30 s later.
	Open(ctx context.Context, req OpenRequest) (TaskActivity, error)
	// Renew extends a cordon's lease.
	Renew(ctx context.Context, drain DrainRef, until time.Time) error
	// Forget leaves a gravestone, so that a late session cannot revive the task.
	Forget(ctx context.Context, req ForgetRequest) error
}

// RegisterRequest describes a task that has no record yet.
type RegisterRequest struct {
	Ref       TaskRef
	Level     Level
	Slots     int
	Processes int    // how many processes will report; 0 where none does
	Revision  string // the deployment that started it
	Adopted   bool   // true unless the task itself, or an event before RUNNING, registers it
	At        time.Time
}

// OpenRequest says what was just read back of a task's protection.
type OpenRequest struct {
	Ref            TaskRef
	Version        int64
	ProtectedUntil time.Time // zero when the task is not protected
	Exposed        bool      // ECS refuses protection at present: DEPLOYMENT_BLOCKED
	At             time.Time
}

// ForgetRequest closes the record of a task that ECS says has stopped.
type ForgetRequest struct {
	Ref     TaskRef
	Version int64
	Drain   DrainID // the drain in the record; empty when it has none
	At      time.Time
}

// StateStore keeps what a service's controllers must remember between passes
// and an operator's override.
//
// Guarantee: a checkpoint that was saved is the one that is loaded until the
// next save, whole.
//
// Concurrency: controllers of one service race on purpose; SaveCheckpoint
// replaces only the revision that the caller loaded, so of two overlapping
// passes one is told that it lost.
//
// Idempotency: none is offered for a save; after a lost reply the caller loads
// and compares.
//
// Cancellation: the stored value after an interrupted save is the old one or
// the new one.
//
// Errors: ErrConflict for a stale revision; loading what was never saved is not
// an error but the zero value with the service filled in.
//
// Suite: sessionstore/storetest.TestState.
type StateStore interface {
	LoadCheckpoint(ctx context.Context, service ServiceID) (Checkpoint, error)
	// SaveCheckpoint stores c if its Revision is still the stored one, and
	// returns the revision it now has.
	SaveCheckpoint(ctx context.Context, c Checkpoint) (revision int64, err error)
	// Control returns the operator's override, the zero value when none was set.
	Control(ctx context.Context, service ServiceID) (Control, error)
	// SetControl replaces the override if its Revision is still the stored one.
	SetControl(ctx context.Context, service ServiceID, control Control) error
}

// UtilizationSource reads a service's metrics.
//
// Guarantee: every value returned was measured, finite, and says when; a metric
// without a value is absent from the answer and never zero in its place.
//
// Concurrency: one source serves many services and goroutines.
//
// Idempotency: it only reads.
//
// Cancellation: it returns promptly with the context's error.
//
// Errors: an error means that nothing could be read; the pass goes on without
// metrics and says so.
//
// Suite: autoscalertest.TestUtilizationSource.
type UtilizationSource interface {
	Utilization(ctx context.Context, service ServiceID, at time.Time) (Utilization, error)
}

// Scaler is the cluster as a pass sees it, and the only door to the desired
// count of its services.
//
// Guarantee: SetDesired sends at most one UpdateService with cluster, service
// and desired count and nothing else, and sends none once the permit's time has
// passed on the wall clock or the monotonic one, judged at the last instant the
// implementation controls.
//
// Concurrency: callers take turns by permits, not by a lock in here.
//
// Idempotency: writing the same count twice is writing it once; there is no
// compare-and-set, so a late write may overwrite a newer one, which the drain
// protocol makes harmless.
//
// Cancellation: a cancelled SetDesired may still reach ECS minutes later.
//
// Errors: ErrClock for a permit that ran out or does not cover the call, in
// which case nothing was sent; ErrNotFound for a service that ECS does not know;
// any other error leaves the effect unknown, and it is not retried.
//
// Suite: autoscalertest.TestScaler.
type Scaler interface {
	// Describe returns the counts, the deployments and every task, by fresh calls.
	// Protection and targets need not be read: workflow.Tasks reads those.
	Describe(ctx context.Context, service ServiceID) (ServiceState, error)
	// SetDesired writes the desired count.
	SetDesired(ctx context.Context, req SetDesired) error
}

// SetDesired asks for one desired count, under the permit that says so.
type SetDesired struct {
	Service ServiceID
	Desired int
	Permit  Permit
}

// DrainWorkflow carries out releases: it lets ECS stop the tasks whose drains
// are finished, and nothing else.
//
// Guarantee: no protection is removed from a task, and no task is stopped,
// whose record does not say retired.
//
// Concurrency: one release per service is under way; asking for a second one
// joins it, from whichever process.
//
// Idempotency: each step is computed anew from the records, so repeating any of
// them, in this process or another, finds its own work done.
//
// Cancellation: an interrupted step is resumed by the next Advance of anybody.
//
// Errors: an error means that a step could not be carried out; what was refused
// on purpose is a reason in the release. Cancel fails with ErrRetired once a
// task of the release is retired.
//
// Suite: workflow/workflowtest.TestDrainWorkflow.
type DrainWorkflow interface {
	// Release starts a release of the tasks given, or joins the one under way.
	Release(ctx context.Context, req ReleaseRequest) (Release, error)
	// Advance does what is due and returns the releases under way and those that
	// ended in this call.
	Advance(ctx context.Context, service ServiceID) ([]Release, error)
	// Cancel ends a release before anything is irreversible.
	Cancel(ctx context.Context, service ServiceID, release ReleaseID) error
}

// Protector sets ECS's task scale-in protection on behalf of tasks that do not do
// it themselves.
//
// Guarantee: List is a fresh listing, every page of it, with each task's
// protection read back; Protect removes nothing and shortens no protection of a
// task that it was not asked about.
//
// Concurrency: tasks protect themselves at the same time; the later expiry need
// not win, since each call sets the time anew.
//
// Idempotency: a call that is made again counts its lifetime from the second time on.
//
// Cancellation: tasks may become protected after the context has ended, which does no
// harm.
//
// Errors: a refusal of single tasks is no error but an ItemFailure; a listing that
// is not whole is an error, whatever comes with it.
//
// Suite: workflow/workflowtest.TestTasks.
type Protector interface {
	// List returns every task of the service that ECS means to run, and those on
	// their way out, with protection.
	List(ctx context.Context, service ServiceID) ([]TaskStatus, error)
	// Protect sets scale-in protection that ends lifetime from now. That no
	// failure is returned is not a confirmation: List reads it back.
	Protect(ctx context.Context, service ServiceID, tasks []TaskID, lifetime time.Duration) ([]ItemFailure, error)
}

// ItemFailure is one task of a call that ECS refused to change, and why:
// DEPLOYMENT_BLOCKED, TASK_NOT_VALID, MISSING.
type ItemFailure struct {
	Task   TaskID
	Reason string
	Detail string
}

// Blocked reports that ECS refused since protected tasks hold up a deployment or
// a scale-in already.
func (f ItemFailure) Blocked() bool { return f.Reason == "DEPLOYMENT_BLOCKED" }

// ForcedEnds ends the sessions of a drain by force: never without notice, and
// only for a host that asks.
//
// Guarantee: EndSessions ends nothing before the deadline that a notice has put on
// the record; what it ends, it ends in one conditional write on the record that
// the caller has read, cordoned by the caller's drain.
//
// Concurrency: of two controllers that end the same sessions one is told that the
// record has changed.
//
// Idempotency: the same notice twice is given once; ending twice ends nothing more
// and answers with 0.
//
// Cancellation: an interrupted call has been applied whole, or not at all; the
// record tells which.
//
// Errors: ErrConflict for a stale version, another drain, or a record that is not
// cordoned; ErrBusy from EndSessions before the deadline, or where no notice was
// given; ErrRetired, ErrGone, ErrNotFound, ErrForeign and ErrClock as for
// SessionStore.
//
// Suite: sessionstore/storetest.TestForcedEnds.
type ForcedEnds interface {
	// GiveNotice puts the instant on the record at which the drain's sessions will
	// be ended. The answer to each report carries it from then on.
	GiveNotice(ctx context.Context, drain DrainRef, ending time.Time) error
	// EndSessions ends every session that still lives and waives the processes'
	// acknowledgement of this drain. It returns how many it ended.
	EndSessions(ctx context.Context, drain DrainRef) (ended int, err error)
}

// Journal keeps what was done, for people who ask afterwards.
//
// Guarantee: an entry that was appended is read back, whole, in the order of
// its instant, for as long as the journal keeps entries.
//
// Concurrency: appends from many processes interleave and none is lost.
//
// Idempotency: none; an entry appended twice is there twice, and nothing
// decides by it.
//
// Cancellation: an interrupted append may be there.
//
// Errors: a journal that cannot be written never stops a pass or a release; the
// caller carries on and says so.
//
// Suite: sessionstore/storetest.TestJournal.
type Journal interface {
	Append(ctx context.Context, entries ...Entry) error
	// Read returns the newest entries of the service at or after since, oldest
	// first, at most limit of them; a task narrows them to that task's.
	Read(ctx context.Context, service ServiceID, task TaskID, since time.Time, limit int) ([]Entry, error)
}
