package sessionstore

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// knownProcess is the newest report of one process of the task. The sessions it
// lists are marked in the record's entries.
type knownProcess struct {
	name      string
	boot, seq int64
	at        instant // when the report was built, by the process's clock
	count     int     // how many sessions it said it holds
	unlisted  int     // how many of them the record has no entry for

	acknowledged autoscaler.DrainID // the drain it answers, if it was closed
	closed       bool               // it admits nobody
	clockOff     bool
	left         bool
	countedAgain bool // since the record overflowed
}

// countLimit is the highest count that a process is taken at: those of all processes
// must add up without wrapping around to nothing.
const countLimit = 1 << 26

// newer reports that a report is later than the newest one known.
func (p *knownProcess) newer(rep Report) bool {
	return rep.Boot > p.boot || rep.Boot == p.boot && rep.Seq > p.seq
}

// Report applies the writer's Report and returns what the process is to do. A
// report that is not the newest of its process changes nothing and is answered
// all the same. The order carries no ControllerAt: the store knows that.
//
// A report never removes a session that a call admitted. It does open a task
// whose cordon has lapsed: no controller is left to do so.
func (r *Record) Report(rep Report, t Terms, spilled Spilled) (Order, error) {
	if err := r.writable("Report", t); err != nil {
		return Order{}, err
	}
	if err := rep.check(); err != nil {
		return Order{}, err
	}
	if r.state == autoscaler.TaskGone {
		return r.order(rep.Boot), nil
	}
	// A task without a slot would refuse every session and be paid for all the
	// same; later reports do not describe it, and are taken for what they hold.
	if !r.described && rep.Slots < 1 {
		return Order{}, r.refuse("Report", errArgument, "set ProcessConfig.Slots: how many sessions the task has room for")
	}
	p, fresh := r.process(rep)
	switch {
	case p < 0:
		// What the process holds cannot be kept, so that from now on nobody knows
		// the task to be empty; that it holds nothing has to be kept only where its
		// acknowledgement is not waived.
		if waived := r.forced() && max(rep.Count, len(rep.Sessions)) == 0; !r.crowded && !waived {
			r.crowded = true
			r.changed(t)
		}
		return r.order(rep.Boot), nil
	case !fresh && !r.known[p].newer(rep):
		return r.order(r.known[p].boot), nil
	}
	r.describe(t.bounded(rep.Level), rep.Slots, rep.Processes, rep.Revision, t)
	// Whoever said that nothing reports was wrong; left at that, the task would never be
	// known again.
	if r.processes == 0 {
		r.processes = max(1, rep.Processes)
		r.lease(t)
	}
	r.replace(p, rep, t, spilled)
	r.repair()
	if !rep.ProtectedUntil.IsZero() {
		r.protection(instantOf(rep.ProtectedUntil), instantOf(t.Now), t.Rules)
	}
	r.openLapsed(t)
	// Last, since the report may list what would have expired; and never by a
	// clock that is off, which every writer could be.
	if !t.clockOff(rep.At) {
		r.tally = tally{}
		r.dropExpired(t)
	}
	r.changed(t)
	return r.order(rep.Boot), nil
}

// order is what the record says to a process, whose newest boot it knows.
func (r *Record) order(boot int64) Order {
	o := Order{Version: r.version, State: r.state, Boot: boot}
	if r.state == autoscaler.TaskCordoned || r.state == autoscaler.TaskRetired {
		o.Drain, o.Ending = r.drain.ID, r.drain.Ending
	}
	return o
}

// process returns the place of the report's process, a new one if it has none,
// or -1 where there is no room. A process that left gives its place up last.
func (r *Record) process(rep Report) (place int, fresh bool) {
	spare := -1
	for i := range r.known {
		if r.known[i].name == rep.Process {
			return i, false
		}
		if r.known[i].left {
			spare = i
		}
	}
	if len(r.known) < ProcessLimit {
		r.known = append(r.known, knownProcess{name: rep.Process})
		return len(r.known) - 1, true
	}
	if spare >= 0 {
		// Its departure is made good: one fewer is to report.
		r.processes--
		r.known[spare] = knownProcess{name: rep.Process}
	}
	return spare, true
}

// replace puts a report in the place of the last one of its process.
func (r *Record) replace(p int, rep Report, t Terms, spilled Spilled) {
	mark, sameBoot := listedBy(p), r.known[p].boot == rep.Boot
	for i := range r.entries {
		r.entries[i].bits &^= mark
	}
	count := max(min(rep.Count, countLimit), len(rep.Sessions))
	unlisted := count
	for _, id := range rep.Sessions {
		switch r.list(id, mark, t, spilled) {
		case listed:
			unlisted--
		// What was ended by force and is listed still is what the host asked for.
		case listedEnded:
			if r.forced() {
				unlisted--
			}
		case unlistable:
		}
	}
	if r.forced() {
		unlisted -= count - len(rep.Sessions)
	}
	if unlisted > r.known[p].unlisted {
		r.letIn()
	}
	// A process that restarted lost its sessions with its memory: nobody saw them
	// end, and departures count only ends.
	r.dropUnlisted(sameBoot)
	r.known[p] = knownProcess{
		name: rep.Process, boot: rep.Boot, seq: rep.Seq, at: instantOf(rep.At),
		count: count, unlisted: unlisted, closed: rep.Closed,
		clockOff: t.clockOff(rep.At), left: rep.Left && count == 0, countedAgain: true,
	}
	// An open process that names a drain has read it and not closed yet.
	if rep.Closed {
		r.known[p].acknowledged = rep.Acknowledges
	}
}

// listing is what became of a session that a process lists.
type listing int

const (
	listed      listing = iota
	listedEnded         // it has ended; it still counts, by number
	unlistable          // it is named twice, or has no room; it still counts, by number
)

// list marks one session as listed by the process, where the record keeps an entry
// for it.
func (r *Record) list(id SessionID, mark uint64, t Terms, spilled Spilled) listing {
	i, there := find(r.entries, id)
	if there {
		e := &r.entries[i]
		if e.bits&mark != 0 {
			return unlistable
		}
		if e.kind() == kindReserved {
			// Served without a Begin; or, where its time is up, told of anew.
			if now := instantOf(t.Now); now >= r.ends(*e, t.Rules) {
				e.bits &^= admittedMask
			}
			r.arrived()
			e.set(kindLive, instantOf(t.Now))
		}
		e.bits |= mark
		return listed
	}
	if len(r.entries) >= t.Rules.SessionLimit || checkSession("Report", r.ref, id) != nil {
		return unlistable
	}
	// A report does not say when a session began. Taken for new, one that has ended and
	// is still listed would come back as soon as its record has given it up.
	if r.hasEnded(id, time.Time{}, t, spilled) {
		return listedEnded
	}
	e := newEntry(id, kindLive, instantOf(t.Now))
	e.bits = e.bits&^admittedMask | mark
	r.entries = insert(r.entries, i, e)
	r.arrived()
	return listed
}

// dropUnlisted removes the sessions that only reports told of and that no newest
// report tells of any more. Said by the boot that had them, they have ended;
// otherwise they were lost, and nobody saw an end.
func (r *Record) dropUnlisted(sameBoot bool) {
	kept := r.entries[:0]
	for _, e := range r.entries {
		if e.admitted() || e.listed() {
			kept = append(kept, e)
		} else if sameBoot {
			r.departures++
		}
	}
	clear(r.entries[len(kept):])
	r.entries = kept
}

// repair ends an overflow once every process has counted again.
func (r *Record) repair() {
	reporting := 0
	for i := range r.known {
		switch {
		case r.known[i].left:
			reporting++
		case !r.known[i].countedAgain:
			return
		default:
			reporting++
		}
	}
	if reporting >= r.processes {
		r.overflow = false
	}
}
