package autoscaler

import (
	"slices"
	"time"
)

// CheckpointVersion is the version that this module writes into checkpoints.
const CheckpointVersion = 1

// Checkpoint is what a service's controllers remember between passes. Each pass
// saves it with its intent before it acts, on the revision that it loaded, so
// that of two overlapping passes one loses before it has done anything.
type Checkpoint struct {
	Version  int       `json:"version"`
	Revision int64     `json:"revision"` // of the stored value; 0 when none is stored
	Service  ServiceID `json:"service"`
	SavedAt  time.Time `json:"saved_at"`

	// WantOpen is the number of open tasks last decided; HasWant tells it from
	// the zero value. Every computation of the desired count uses it.
	WantOpen int  `json:"want_open"`
	HasWant  bool `json:"has_want"`
	// Limits and Floor are those in force at the last pass, so that a release
	// carried on by another process is held to them.
	Limits Limits `json:"limits"`
	Floor  int    `json:"floor"`

	Memory  Memory   `json:"memory,omitempty"`
	Intents []Intent `json:"intents,omitempty"`

	// LastOut and LastIn are the last confirmed scale-out and scale-in.
	LastOut time.Time `json:"last_out,omitzero"`
	LastIn  time.Time `json:"last_in,omitzero"`

	Desired DesiredCount `json:"desired,omitzero"`
	Brake   Brake        `json:"brake,omitzero"`
	// OwedSince is when ECS was first seen to owe tasks that it has owed since.
	OwedSince time.Time `json:"owed_since,omitzero"`
	// ListedAt is when every task's protection was last read back by a pass.
	ListedAt time.Time `json:"listed_at,omitzero"`
	// Missing are tasks that ECS no longer knows, and since when.
	Missing []Missing `json:"missing,omitempty"`
	// Sessions and Demand are the live sessions and the counts at that pass:
	// what the brake compares with.
	Sessions int    `json:"sessions"`
	Demand   Demand `json:"demand"`
	// Aborts counts releases in a row that ended without retiring anything.
	Aborts int `json:"aborts,omitempty"`

	Permit  *Permit  `json:"permit,omitempty"`
	Release *Release `json:"release,omitempty"`
}

// Intent is a cordon that a pass is about to make. One that is found later was
// saved by a pass that did not finish; until it expires the guard counts its
// task as cordoned already.
type Intent struct {
	Task    TaskID    `json:"task"`
	Expires time.Time `json:"expires"`
}

// DesiredCount is what was last known of ECS's desired count, and whose it is.
type DesiredCount struct {
	Value    int       `json:"value"`    // last written by us, or adopted
	Previous int       `json:"previous"` // what it was before that write
	At       time.Time `json:"at,omitzero"`
	Known    bool      `json:"known"`
	// Foreign is a value that somebody else wrote and that has not been adopted
	// yet; it was first seen at ForeignSince.
	Foreign      int       `json:"foreign,omitempty"`
	ForeignSince time.Time `json:"foreign_since,omitzero"`
}

// ours reports that a desired count read from ECS is explained by our own
// writes: the last one, or the one before it while ECS still shows that.
func (d DesiredCount) ours(desired int, at time.Time) bool {
	if !d.Known {
		return false
	}
	return desired == d.Value || desired == d.Previous && at.Sub(d.At) < describeLag
}

// outruns reports that a read may lag behind our own last write, and that this
// write is above the value: what looks like a raise on that read would lower the
// count past the gate, and ECS could choose a task that has just started.
func (d DesiredCount) outruns(read, value int, at time.Time) bool {
	return d.Value > value && read != d.Value && d.ours(read, at)
}

// describeLag is how long DescribeServices may still show the value before our
// own write: ECS is eventually consistent and names no bound.
const describeLag = time.Minute

// Brake is the state of the brake on scale-in.
type Brake struct {
	Since  time.Time `json:"since,omitzero"` // when it was pulled; zero when released
	Clean  int       `json:"clean"`          // passes without cause since then
	Detail string    `json:"detail,omitempty"`
}

// On reports that the brake is pulled.
func (b Brake) On() bool { return !b.Since.IsZero() }

// Missing is a task that ECS no longer knows.
type Missing struct {
	Task  TaskID    `json:"task"`
	Since time.Time `json:"since"`
}

// live returns the permit if it is still good at the instant given.
func (c Checkpoint) live(at time.Time) *Permit {
	if c.Permit == nil || c.Permit.Expired(at) {
		return nil
	}
	return c.Permit
}

// Clone returns a checkpoint that shares no memory with c.
func (c Checkpoint) Clone() Checkpoint {
	c.Memory = slices.Clone(c.Memory)
	c.Intents = slices.Clone(c.Intents)
	c.Missing = slices.Clone(c.Missing)
	if c.Permit != nil {
		p := *c.Permit
		p.Tasks = slices.Clone(p.Tasks)
		c.Permit = &p
	}
	if c.Release != nil {
		r := *c.Release
		r.Tasks, r.Steered, r.Reasons = slices.Clone(r.Tasks), slices.Clone(r.Steered), slices.Clone(r.Reasons)
		r.Ending, r.Marked = slices.Clone(r.Ending), slices.Clone(r.Marked)
		c.Release = &r
	}
	return c
}
