package sessionstore

import (
	"cmp"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// ProcessLimit is the number of reporting processes that one record has room
// for. A task with more is never known to be empty.
const ProcessLimit = 16

// ToldLimit is the number of sessions that a record holds of a task that nothing
// reports for: only their events tell of them, and no report could make good one
// that had no room.
const ToldLimit = 5000

// EndedLimit is the number of ended sessions that a record itself remembers;
// the others are kept beside it as [Ended] values.
const EndedLimit = 16

// Times after which something is forgotten.
const (
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
	// LagBound is how late the events of an application at level C may be applied,
	// at the worst. Nobody but the host knows it, so it has no default: without it
	// no task at level C is retired.
	LagBound time.Duration
	// Settle is how long a task that nothing reports for must have been closed
	// before it is retired: since its cordon at level A, since its barrier at level
	// C. Default 90 s, or twice LagBound where that is more; at level C never less
	// than twice LagBound.
	Settle time.Duration
	// Level bounds from above what applications declare of themselves: one that says
	// A under a bound of B is treated as B. Empty is level A, no bound.
	Level autoscaler.Level
	// CordonLease is the lease of a cordon that names no end. Default 15 min.
	CordonLease time.Duration
	// SessionLimit is the most sessions one record holds. Default 200.
	SessionLimit int
}

// WithDefaults returns the rules with every zero field filled in, MaxSession and
// LagBound excepted, whose zero means never and unknown.
func (r Rules) WithDefaults() Rules {
	r.Skew = cmp.Or(r.Skew, autoscaler.SkewBound)
	r.SilentAfter = cmp.Or(r.SilentAfter, 90*time.Second)
	r.Lease = cmp.Or(r.Lease, 5*time.Minute)
	r.Margin = cmp.Or(r.Margin, 30*time.Minute)
	r.ExposedWait = cmp.Or(r.ExposedWait, 30*time.Second)
	r.Settle = cmp.Or(r.Settle, max(90*time.Second, 2*r.LagBound))
	r.Level = cmp.Or(r.Level, autoscaler.LevelA)
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

// limit is the most sessions that a record may be told of.
func (r *Record) limit(rules Rules) int {
	if r.processes == 0 {
		return max(rules.SessionLimit, ToldLimit)
	}
	return rules.SessionLimit
}

// bounded is the level that a declared one counts as.
func (t Terms) bounded(declared autoscaler.Level) autoscaler.Level {
	if declared == "" || t.Rules.Level == "" {
		return declared // not declared: the task may yet do so
	}
	return declared.Lower(t.Rules.Level)
}

// clockOff reports that a writer's clock is further from the store's than the
// skew bound allows.
func (t Terms) clockOff(at time.Time) bool {
	return at.Sub(t.Now).Abs() > t.Rules.Skew
}
