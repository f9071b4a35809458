package sessionstore

import (
	"cmp"
	"time"
)

// ProcessLimit is the number of reporting processes that one record has room
// for. A task with more is never known to be empty.
const ProcessLimit = 16

// EndedLimit is the number of ended sessions that a record itself remembers;
// the others are kept beside it as [Ended] values.
const EndedLimit = 16

// Times after which something is forgotten.
const (
	// EndedAge is how long a record remembers an ended session by itself.
	EndedAge = 15 * time.Minute
	// GravestoneLife is how long a forgotten task, and an ended session kept
	// beside its record, are remembered: longer than any queue delivers again.
	GravestoneLife = 15 * 24 * time.Hour
	// DemandLife is how long the waiting users of a source count.
	DemandLife = 5 * time.Minute
)

// Rules are the numbers that a store judges records by. The zero value gives
// every default; all writers of one store must use the same.
type Rules struct {
	// Skew is how far a clock may be from the store's own. Default 5 s.
	Skew time.Duration
	// SilentAfter is when a process that has not reported makes its task's
	// occupancy unknown. Default 90 s.
	SilentAfter time.Duration
	// Lease is how long an admitted session counts before a report has to list
	// it. Default 5 min.
	Lease time.Duration
	// MaxSession ends a session by time where nothing reports. 0, the default,
	// is never: there only an end event, or the task's end, ends a session.
	MaxSession time.Duration
	// Margin is the protection that must be left where a task opens. Default 30 min.
	Margin time.Duration
	// ExposedWait is how long the exposed mark must stand before a task opens
	// without protection: longer than any permit lives. Default 30 s.
	ExposedWait time.Duration
	// Settle is how long a task that nothing reports for must have been cordoned
	// before it is retired. Default 90 s.
	Settle time.Duration
	// CordonLease is the lease of a cordon that names no end. Default 15 min.
	CordonLease time.Duration
	// SessionLimit is the most sessions one record holds. Default 200.
	SessionLimit int
}

// WithDefaults returns the rules with every zero field filled in, MaxSession
// excepted, whose zero means never.
func (r Rules) WithDefaults() Rules {
	r.Skew = cmp.Or(r.Skew, 5*time.Second)
	r.SilentAfter = cmp.Or(r.SilentAfter, 90*time.Second)
	r.Lease = cmp.Or(r.Lease, 5*time.Minute)
	r.Margin = cmp.Or(r.Margin, 30*time.Minute)
	r.ExposedWait = cmp.Or(r.ExposedWait, 30*time.Second)
	r.Settle = cmp.Or(r.Settle, 90*time.Second)
	r.CordonLease = cmp.Or(r.CordonLease, 15*time.Minute)
	r.SessionLimit = cmp.Or(r.SessionLimit, 200)
	return r
}

// Terms are what a store brings to one write: who writes, its own time, and its
// rules with their defaults filled in.
type Terms struct {
	Owner string
	Now   time.Time
	Rules Rules
}

// clockOff reports that a writer's clock is further from the store's than the
// skew bound allows.
func (t Terms) clockOff(at time.Time) bool {
	return at.Sub(t.Now).Abs() > t.Rules.Skew
}
