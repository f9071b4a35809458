package autoscaler

import (
	"errors"
	"strings"
)

// The sentinels that contracts answer with. Compare with [errors.Is]; an
// implementation wraps them in an [Error] that says where and what to do.
var (
	// ErrConflict: the thing was changed since the caller read it (a stale
	// version, another drain's id). Nothing was written. Read again.
	ErrConflict = errors.New("changed since it was read")
	// ErrBusy: the task holds a session, or may hold one: its occupancy is
	// unknown, a process has not acknowledged. Nothing was written.
	ErrBusy = errors.New("task is not known to be idle")
	// ErrCordoned: the task admits no session now (cordoned, or not yet open).
	// Another task may.
	ErrCordoned = errors.New("task admits no sessions")
	// ErrRetired: the record carries its final mark; nothing leads back.
	ErrRetired = errors.New("task is retired")
	// ErrGone: the task is retired or forgotten, or the session has ended; what
	// was asked can never succeed for this id.
	ErrGone = errors.New("gone for good")
	// ErrTaskFull: the task has no free slot, or its record no room.
	ErrTaskFull = errors.New("task is full")
	// ErrNotFound: there is no such record. Errors of transport are never this.
	ErrNotFound = errors.New("no such record")
	// ErrClock: the caller's clock is further from the store's than the skew
	// bound, or a permit's time has passed. Nothing was written or sent.
	ErrClock = errors.New("clock outside its bound")
	// ErrForeign: the record belongs to another owner. Nothing was written.
	ErrForeign = errors.New("record belongs to another owner")
)

// Error is the one wrapped error of this module: which operation failed, on
// what, why, and what the reader can do about it.
type Error struct {
	Op   string // the operation, as package.Method
	Ref  string // what it was about: a service, a task, a file and line
	Hint string // what to do; empty when Err says it all
	Err  error  // the cause; a sentinel of this package where one fits
}

// Error returns "op: ref: cause (hint)" without the parts that are empty.
func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Op, e.Ref} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
