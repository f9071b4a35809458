package sessionstore

import (
	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Open applies Records.Open: it records what was read back of the protection,
// and opens a new record if that suffices. The call that sets the exposed mark
// succeeds and leaves the record new; one that comes too early after it is
// ErrBusy, and so is one without the mark and without protection.
//
// On an open record it refreshes the protection: found without any, the task is
// marked exposed, since its next session would be unprotected; found with
// enough, it loses the mark. A cordoned record stays cordoned: see Reopen.
func (r *Record) Open(req autoscaler.OpenRequest, t Terms) error {
	if err := r.mayControl("Open", req.Version, req.At, t); err != nil {
		return err
	}
	if r.state == autoscaler.TaskRetired {
		return r.refuse("Open", autoscaler.ErrRetired, "nothing opens the task again")
	}
	at, until := instantOf(req.At), instantOf(req.ProtectedUntil)
	marks := r.marks(req.Exposed, until, at, t.Rules)
	opens := r.state == autoscaler.TaskNew && r.protectedEnough(until, at, t.Rules)
	if r.state == autoscaler.TaskNew && !opens && !marks {
		return r.refuse("Open", errUnprotected, r.openHint(t.Rules))
	}
	// An open task is opened again and again, to keep its protection known; a
	// write that says nothing new would make every other writer read again.
	before, mark := r.protectedUntil, r.exposed
	if marks {
		r.exposed = at
	}
	r.protectedUntil = until
	r.unmark(until, at, t.Rules)
	if opens {
		r.open(t)
	}
	if opens || r.protectedUntil != before || r.exposed != mark {
		r.changed(t)
	}
	return nil
}

// marks reports that the task is to be marked exposed now: ECS refuses to protect
// it, or it is open and was found unprotected.
func (r *Record) marks(refused bool, until, at instant, rules Rules) bool {
	switch {
	case r.exposed != 0 || until >= at.add(rules.Margin):
		return false
	case refused:
		return true
	}
	return until <= at && r.state == autoscaler.TaskOpen && r.asks()
}

// asks reports that the application closes its admission on a word of the store:
// it is at level A or B.
func (r *Record) asks() bool { return r.level == autoscaler.LevelA || r.level == autoscaler.LevelB }

func (r *Record) openHint(rules Rules) string {
	if r.exposed != 0 {
		return "the exposed mark must stand for " + rules.ExposedWait.String() + "; open again then"
	}
	return "protect the task, read the protection back, and open with what was read; " +
		rules.Margin.String() + " must be left"
}

// protectedEnough reports that a write may open the record: with the protection
// given, under an exposed mark that has stood long enough, or at level C.
func (r *Record) protectedEnough(until, at instant, rules Rules) bool {
	if until >= at.add(rules.Margin) {
		return true
	}
	if r.exposed != 0 && at >= r.exposed.add(rules.ExposedWait) {
		return true
	}
	return !r.asks()
}

// protection records a protection that the task read back itself.
func (r *Record) protection(until, at instant, rules Rules) {
	r.protectedUntil = until
	r.unmark(until, at, rules)
}

// unmark takes the exposed mark off a task that is protected.
func (r *Record) unmark(until, at instant, rules Rules) {
	if until >= at.add(rules.Margin) {
		r.exposed = 0
	}
}

// open makes the record open and ends its drain, if it has one.
func (r *Record) open(t Terms) {
	now := instantOf(t.Now)
	r.state, r.opened, r.everOpened, r.fromNew = autoscaler.TaskOpen, now, true, false
	r.endDrain()
	if r.emptied != 0 {
		r.emptied = now
	}
}

// endDrain notes the drain that has ended by opening.
func (r *Record) endDrain() {
	if r.drain.ID != "" {
		r.reopened = r.drain.ID
	}
	r.drain, r.barrier = autoscaler.Drain{}, 0
}

// openLapsed opens a record whose cordon has lapsed, or makes it new again where
// it had never opened, if its protection allows it.
func (r *Record) openLapsed(t Terms) {
	if r.state != autoscaler.TaskCordoned || !r.drain.Lapsed(t.Now) {
		return
	}
	now := instantOf(t.Now)
	switch {
	case r.fromNew:
		r.renew()
	case r.protectedEnough(r.protectedUntil, now, t.Rules):
		r.open(t)
	}
}

// renew makes a cordoned record that had never opened new again.
func (r *Record) renew() {
	r.state, r.fromNew = autoscaler.TaskNew, false
	r.endDrain()
}
