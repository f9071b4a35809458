package sessionstore

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Record is what a store keeps of one task: data, and the rules of every write
// to it as methods. It has no clock, no lock and no I/O: a store reads one,
// applies a method, and writes it back if its version is still the stored one,
// or holds a lock meanwhile.
//
// Each method either applies wholly and raises the version, or changes nothing.
// It changes nothing where it returns an error, and where the call had been
// applied already. A Record is not safe for concurrent use, not even for reads:
// it remembers what it has counted.
type Record struct {
	ref     autoscaler.TaskRef
	owner   string
	version int64
	state   autoscaler.TaskState

	level     autoscaler.Level
	revision  string
	slots     int
	processes int  // how many are to report; 0 where none does
	adopted   bool // made by other than the task's own first report
	described bool // the task itself has said what it is

	drain     autoscaler.Drain
	barrier   instant            // when the drain's barrier was applied
	fromNew   bool               // the cordon was laid on a record that was new
	reopened  autoscaler.DrainID // the last drain that was ended by opening
	lastState autoscaler.TaskState

	protectedUntil, exposed              instant
	registered, opened, retired, emptied instant
	forgotten                            instant
	everOpened, overflow, crowded        bool
	arrivals, departures                 int64
	entries                              []entry // ordered by id
	known                                []knownProcess
	ended                                []ended // oldest first
	watermark                            instant // newest end that is kept beside the record
	tally                                tally
}

// NewRecord returns the record that a registration makes: closed, at version 1.
func NewRecord(req autoscaler.RegisterRequest, t Terms) *Record {
	now := instantOf(t.Now)
	return &Record{
		ref: req.Ref, owner: t.Owner, version: 1, state: autoscaler.TaskNew,
		level: t.bounded(req.Level), revision: req.Revision, slots: max(0, req.Slots), processes: max(0, req.Processes),
		adopted: req.Adopted, described: !req.Adopted && req.Level != "",
		registered: now, emptied: now,
		// Ends that came before the record are kept beside it.
		watermark: now,
	}
}

// RecordOfStarted returns the record for a session that was told of a task
// without one. The session itself is still to be applied, in the same write.
func RecordOfStarted(req StartedRequest, t Terms) *Record {
	return NewRecord(autoscaler.RegisterRequest{Ref: req.Ref, Processes: 1, Adopted: true, At: req.At}, t)
}

// RecordOfReport returns the record for the first report of a task without one.
// The report itself is still to be applied, in the same write.
func RecordOfReport(rep Report, t Terms) *Record {
	r := NewRecord(autoscaler.RegisterRequest{Ref: rep.Ref, Processes: 1, At: rep.At}, t)
	// The report describes it, as it would a record that somebody else made.
	r.described = false
	return r
}

// Clone returns a record that shares no memory with r.
func (r *Record) Clone() *Record {
	c := *r
	c.entries, c.known, c.ended = slices.Clone(r.entries), slices.Clone(r.known), slices.Clone(r.ended)
	return &c
}

// Ref names the record's task.
func (r *Record) Ref() autoscaler.TaskRef { return r.ref }

// Version grows with every write; a store writes on it.
func (r *Record) Version() int64 { return r.version }

// State is where the record stands; TaskGone for a gravestone.
func (r *Record) State() autoscaler.TaskState { return r.state }

// Demand returns the sessions that came to the task and that ended on it. A
// store adds them to the service's own when it forgets the record.
func (r *Record) Demand() (arrivals, departures int64) { return r.arrivals, r.departures }

// Register answers a registration of a task that has this record. The task's
// own word completes a record that somebody else made; it names a level, C too.
func (r *Record) Register(req autoscaler.RegisterRequest, t Terms) error {
	if err := r.writable("Register", t); err != nil {
		return err
	}
	if r.state == autoscaler.TaskGone {
		return r.refuse("Register", autoscaler.ErrGone, "the task was forgotten; a new task has a new id")
	}
	// Whoever adopts a task only guesses what it is, and a registration without a level
	// names the task and says nothing of it: it must not pass for the task's own word.
	if req.Adopted || req.Level == "" || r.described {
		return nil
	}
	r.describe(t.bounded(req.Level), req.Slots, req.Processes, req.Revision, t)
	// Where nothing reports, this is the word that is waited for: whoever gives it
	// vouches that the store has heard of every session there is.
	if req.Processes == 0 {
		r.processes, r.adopted = 0, false
	}
	r.changed(t)
	return nil
}

// describe completes a record by what the task says of itself, once.
func (r *Record) describe(level autoscaler.Level, slots, processes int, revision string, t Terms) {
	if r.described {
		return
	}
	r.described, r.level = true, level
	if slots > 0 {
		r.slots = slots
	}
	if processes > 0 {
		r.processes = processes
	}
	if revision != "" {
		r.revision = revision
	}
	if r.processes > 0 {
		r.lease(t)
	}
}

// changed counts a write: the version grows, what was counted is counted anew,
// and the instant is kept at which the task became empty.
func (r *Record) changed(t Terms) {
	r.version++
	r.tally = tally{}
	now := instantOf(t.Now)
	if r.judge(now, t.Rules).occupied() > 0 {
		r.emptied = 0
	} else if r.emptied == 0 {
		r.emptied = now
	}
}

// writable refuses a write to a record of another owner.
func (r *Record) writable(op string, t Terms) error {
	if r.owner == t.Owner {
		return nil
	}
	return r.refuse(op, autoscaler.ErrForeign, "it is owned by "+r.owner+"; configure the same owner, or leave it alone")
}

// refuse returns the error of an operation on this record.
func (r *Record) refuse(op string, err error, hint string) error {
	return refusal(op, r.ref, err, hint)
}

// refusal returns the error of an operation on a task.
func refusal(op string, ref autoscaler.TaskRef, err error, hint string) error {
	return &autoscaler.Error{Op: "sessionstore." + op, Ref: ref.String(), Hint: hint, Err: err}
}

// refuseClock returns the error for a caller whose clock is off. It shows both
// clocks: an instant that was never set looks like nothing else.
func (r *Record) refuseClock(op string, at time.Time, t Terms) error {
	return r.refuse(op, autoscaler.ErrClock, fmt.Sprintf(
		"at %s, the store's clock %s, bound %s; set At, and give caller and store the same clock",
		at.UTC().Format(time.RFC3339Nano), t.Now.UTC().Format(time.RFC3339Nano), t.Rules.Skew))
}

// understood reports that the record's state is one that this version knows the
// rules of. Where it is not, the task counts as busy and nothing closes it.
func (r *Record) understood() bool {
	switch r.state {
	case autoscaler.TaskNew, autoscaler.TaskOpen, autoscaler.TaskCordoned, autoscaler.TaskRetired, autoscaler.TaskGone:
		return true
	case autoscaler.TaskStopping:
	}
	return false
}
