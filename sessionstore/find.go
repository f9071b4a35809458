package sessionstore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Finder tells where a session is, or how it ended. It is asked by people, seldom:
// a store may read every record of the service for it.
//
// Guarantee: what is found is what the session's record says, or said when its task
// was forgotten. A session that is not found was never told of here, or ended longer
// ago than a store remembers: [GravestoneLife] for one that its record has given up.
// One that ended by time alone, or that its process no longer lists and nobody told the
// end of, is found until its record drops it, and leaves no trace then.
//
// Concurrency: any number of callers may ask at once.
//
// Idempotency: asked twice it looks twice, and writes nothing, not even what has
// lapsed.
//
// Cancellation: it gives the search up, with the context's error and no answer.
//
// Errors: ErrNotFound where nothing is known of the session; a read that failed in
// part is an error, never an answer.
//
// Suite: storetest.TestFinder.
type Finder interface {
	Find(ctx context.Context, service autoscaler.ServiceID, session SessionID) (Found, error)
}

// Found is what a store knows of one session.
type Found struct {
	Ref     autoscaler.TaskRef `json:"ref"`
	Session SessionID          `json:"session"`
	State   SessionState       `json:"state"`
	// Since is when it was admitted, or when it ended. For a reserved or a
	// disconnected session it is when that ends by itself.
	Since  time.Time `json:"since"`
	Cause  EndCause  `json:"cause,omitempty"`  // by what it ended
	Listed bool      `json:"listed,omitempty"` // a process lists it in its newest report
}

// SessionState is where a session stands. It only ever moves up.
type SessionState string

// The states.
const (
	SessionReserved     SessionState = "reserved"     // a slot is held; it has not begun
	SessionLive         SessionState = "live"         // it is served
	SessionDisconnected SessionState = "disconnected" // it holds its slot, and ends by itself
	SessionEnded        SessionState = "ended"
)

// Find returns what the record knows of a session.
func (r *Record) Find(id SessionID, t Terms) (Found, bool) {
	f := Found{Ref: r.ref, Session: id}
	if i, there := find(r.entries, id); there {
		e := r.entries[i]
		f.State, f.Since, f.Listed = e.state(), e.instant().time(), e.listed()
		if end := r.ends(e, t.Rules); instantOf(t.Now) >= end {
			f.State, f.Since, f.Cause = SessionEnded, end.time(), CauseTime
		}
		return f, true
	}
	for _, e := range r.ended {
		if e.id == id {
			f.State, f.Since, f.Cause = SessionEnded, e.at.time(), e.cause
			return f, true
		}
	}
	return f, false
}

func (e entry) state() SessionState {
	switch e.kind() {
	case kindReserved:
		return SessionReserved
	case kindDisconnected:
		return SessionDisconnected
	case kindLive:
	}
	return SessionLive
}

// FoundEnded is what is known of a session that is kept beside its record.
func FoundEnded(ref autoscaler.TaskRef, e Ended) Found {
	return Found{Ref: ref, Session: e.Session, State: SessionEnded, Since: e.At, Cause: e.Cause}
}
