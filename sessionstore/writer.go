package sessionstore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// SessionID names one session. The application chooses it, unique for ever
// among the sessions of a service: an id is never used again, not even after
// its session ended. 200 bytes at most.
type SessionID string

// SessionIDLimit is the longest session id that a store accepts, in bytes.
const SessionIDLimit = 200

// Writer is what an application calls when its sessions begin and end. There
// are two ways in, and they are different calls: Begin asks, before the user is
// accepted, and can be refused; Started tells of a session that exists, and
// never is.
//
// Guarantee: each call is one conditional write on the task's record. A Begin
// that was granted is counted by every proof until the session ends; an id that
// has ended stays ended, in whatever order and however often the calls arrive.
//
// Concurrency: brokers, the task's own processes and queue readers may all call
// for one task at once; none of them takes a turn or holds a lock.
//
// Idempotency: every call may be repeated with the same arguments after a lost
// reply, and must be, or followed by Abandon, before the caller gives up.
//
// Cancellation: a call cut short may have been applied; the same call again, to
// the same task, finds out.
//
// Errors: Begin and Reserve: ErrCordoned where the task admits nobody now,
// ErrTaskFull where it has no room, [ErrEnded] where the session has ended,
// ErrGone alone where the task is retired or forgotten, ErrNotFound where it has
// no record, ErrClock where At is further from the store's clock than the skew
// bound. The other calls take any clock, and refuse no session that is merely
// out of order. All: ErrForeign where the record has another owner; an Error
// without a sentinel, whose hint names the field, where the request lacks one.
//
// Suite: storetest.TestWriter.
type Writer interface {
	// Begin asks to start a session on a task. It succeeds on an open task with
	// room, or where the same id is admitted already, also while cordoned, or
	// where the cordon has lapsed (the task opens in the same write), or on a
	// cordoned task with Reopen set.
	Begin(ctx context.Context, req BeginRequest) (Grant, error)
	// Started tells of a session that exists. On a cordoned task it is counted
	// and the drain waits; on a full record the task's occupancy becomes unknown
	// until a report repairs it; without a record it makes one; on a retired
	// task it is counted and the receipt says so; on a gravestone it is dropped
	// and the receipt says so.
	Started(ctx context.Context, req StartedRequest) (Receipt, error)
	// Touch changes a session that is there: connected, or disconnected with a
	// limit of its own.
	Touch(ctx context.Context, req TouchRequest) error
	// End ends a session. An end may come before its start.
	End(ctx context.Context, req EndRequest) error
	// Report tells what one process of the task holds, and answers with what
	// the task is to do. A report removes nothing. Where it would make or
	// complete the record, it has to say the task's slots.
	Report(ctx context.Context, report Report) (Order, error)
	// Reserve holds a slot for a session that will begin before Until.
	Reserve(ctx context.Context, req ReserveRequest) (Grant, error)
	// Abandon withdraws a Reserve or a Begin whose answer was lost and that
	// nobody served.
	Abandon(ctx context.Context, req EndRequest) error
}

// BeginRequest asks to start a session.
type BeginRequest struct {
	Ref     autoscaler.TaskRef
	Session SessionID
	At      time.Time
	// Reopen asks for a cordoned task that the policy drains to be opened for
	// this session: the last resort when no open task has room.
	Reopen bool
}

// ReserveRequest asks to hold a slot.
type ReserveRequest struct {
	Ref     autoscaler.TaskRef
	Session SessionID
	At      time.Time
	Until   time.Time // the reservation ends by itself here
}

// Grant says that a session may begin. It is void unless it is served before
// Expires, which is counted from when the request was sent: a caller that was
// slower asks again with the same id.
type Grant struct {
	Version  int64
	Expires  time.Time
	Reopened bool // the task was cordoned and has been opened for this session
}

// StartedRequest tells of a session.
type StartedRequest struct {
	Ref     autoscaler.TaskRef
	Session SessionID
	At      time.Time // now, at the caller
	Began   time.Time // when the session began; zero for At
}

// Receipt says what became of a session that was told.
type Receipt struct {
	Version    int64
	State      autoscaler.TaskState
	Registered bool // there was no record; one was made
	Overflow   bool // the record was full; the task's occupancy is unknown now
	Dropped    bool // the session had ended, or the task is a gravestone
}

// TouchRequest changes a session's state.
type TouchRequest struct {
	Ref     autoscaler.TaskRef
	Session SessionID
	At      time.Time
	// DisconnectedUntil, when not zero, marks the session as disconnected: it
	// still holds its slot, and ends by itself then. Zero marks it connected.
	DisconnectedUntil time.Time
}

// EndRequest ends or abandons a session.
type EndRequest struct {
	Ref     autoscaler.TaskRef
	Session SessionID
	At      time.Time
}

// Report is what one process of a task holds, as of when it was built.
type Report struct {
	Ref     autoscaler.TaskRef
	Process string // the process's name within the task, constant over its restarts
	// Boot is the process's start in Unix milliseconds, at least 1, and Seq
	// counts its reports from 1: only a later pair replaces an earlier one.
	Boot int64
	Seq  int64
	At   time.Time // when the report was built

	Sessions []SessionID // the sessions it holds, where it knows their ids
	Count    int         // how many it holds; at least len(Sessions)
	// Closed says that it admits nobody. With Acknowledges, it answers a drain.
	Closed       bool
	Acknowledges autoscaler.DrainID
	Left         bool // its last report: it holds nothing and will report no more

	// What the task says of itself; used when this report makes the record.
	Level     autoscaler.Level // empty counts as C
	Slots     int              // sessions it has room for; at least 1
	Processes int              // how many processes of the task report; 0 means 1
	Revision  string
	// ProtectedUntil is the end of the task's protection as it read it back;
	// zero leaves the record's as it is.
	ProtectedUntil time.Time
}

// Order is the answer to a report: what the record says, for the process to
// follow. It acts on no order older than one it has seen.
type Order struct {
	Version int64
	// Boot is the newest boot that the record knows of the process. Where it is
	// above the process's own (its clock was set back), the report was not taken,
	// and the process has to raise its boot above it.
	Boot  int64
	State autoscaler.TaskState
	Drain autoscaler.DrainID // the drain to acknowledge, while cordoned; the one that retired it afterwards
	// Ending is when the sessions that are left will be ended by force: the users are
	// to be told, and let go by then. Zero, as a rule: nobody ends them.
	Ending time.Time
	// ControllerAt is when a controller of the service last saved its
	// checkpoint, as far as the store knows: a task renews its protection only
	// while it holds a session or a controller has been heard of within an hour.
	ControllerAt time.Time
}

// DemandWriter takes what brokers know of users that no task holds yet.
//
// Guarantee: refusals add up, each report once; the waiting of a source replaces
// what that source said before, and counts for five minutes.
//
// Concurrency: sources do not disturb each other; one source reports from one
// goroutine.
//
// Idempotency: a report with a Seq that is not above the last one of its source
// changes nothing.
//
// Cancellation: a lost report makes demand look smaller for one interval.
//
// Errors: those of transport, and an Error whose hint names the field where the
// service, the source or the number is missing.
//
// Suite: storetest.TestDemand.
type DemandWriter interface {
	ReportDemand(ctx context.Context, d DemandReport) error
}

// DemandReport is what one broker saw since its last report.
type DemandReport struct {
	Service  autoscaler.ServiceID
	Source   string // the broker's name
	Seq      int64  // counts the source's reports from 1, over its restarts too
	At       time.Time
	Waiting  int // users waiting for a slot now
	Refusals int // users turned away since the last report
}
