package sessionstore

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Begin applies the writer's Begin: the session is counted from now on, or the
// caller is refused.
func (r *Record) Begin(req BeginRequest, t Terms, spilled Spilled) (Grant, error) {
	if err := r.mayAsk("Begin", req.Session, req.At, t, spilled); err != nil {
		return Grant{}, err
	}
	at := instantOf(req.At)
	i, there := find(r.entries, req.Session)
	// In a new record a session was told of and not asked for; to ask for it is
	// to ask whether the task is open.
	if there && at < r.ends(r.entries[i], t.Rules) && r.state != autoscaler.TaskNew {
		r.beginAgain(&r.entries[i], at, t)
		return r.grant(req.At, t, false), nil
	}
	if r.hasEnded(req.Session, req.At, t, spilled) {
		return Grant{}, r.refuseEnded("Begin")
	}
	reopens, err := r.mayEnter("Begin", req.Reopen, at, t)
	if err != nil {
		return Grant{}, err
	}
	// Before the record opens: a task that was opened and then refused would be
	// open for nobody.
	if err := r.hasRoom("Begin", at, t); err != nil {
		return Grant{}, err
	}
	if reopens {
		r.open(t)
	}
	r.dropExpired(t)
	r.admit(req.Session, kindLive, at)
	r.changed(t)
	return r.grant(req.At, t, reopens), nil
}

// Reserve applies the writer's Reserve. A reservation never opens a cordoned
// task: nobody is waiting at the door yet.
func (r *Record) Reserve(req ReserveRequest, t Terms, spilled Spilled) (Grant, error) {
	if err := r.mayAsk("Reserve", req.Session, req.At, t, spilled); err != nil {
		return Grant{}, err
	}
	if !req.Until.After(req.At) {
		return Grant{}, r.refuse("Reserve", errArgument, "Until must lie after At")
	}
	at, until := instantOf(req.At), instantOf(req.Until)
	// Void a skew before the slot is free again: by the caller's own clock the
	// reservation must not seem to stand when by the store's it has ended.
	granted := func() Grant { return Grant{Version: r.version, Expires: req.Until.Add(-t.Rules.Skew)} }
	i, there := find(r.entries, req.Session)
	if there && at < r.ends(r.entries[i], t.Rules) {
		if e := &r.entries[i]; e.kind() == kindReserved && e.instant() < until {
			e.set(kindReserved, until)
			r.changed(t)
		}
		return granted(), nil
	}
	if r.hasEnded(req.Session, req.At, t, spilled) {
		return Grant{}, r.refuseEnded("Reserve")
	}
	// A lapsed cordon is closed to a reservation too: whoever begins opens it.
	if r.state != autoscaler.TaskOpen {
		return Grant{}, r.refuse("Reserve", autoscaler.ErrCordoned, "take another task")
	}
	if err := r.hasRoom("Reserve", at, t); err != nil {
		return Grant{}, err
	}
	r.dropExpired(t)
	r.admit(req.Session, kindReserved, until)
	r.changed(t)
	return granted(), nil
}

// mayAsk refuses what no state of the task could grant.
func (r *Record) mayAsk(op string, id SessionID, at time.Time, t Terms, spilled Spilled) error {
	if err := r.writable(op, t); err != nil {
		return err
	}
	if err := checkSession(op, r.ref, id); err != nil {
		return err
	}
	// A grant's end is counted from the caller's instant. By a clock that is off
	// it could be served after the record has ceased to count it.
	if t.clockOff(at) {
		return r.refuseClock(op, at, t)
	}
	if r.state != autoscaler.TaskRetired && r.state != autoscaler.TaskGone {
		return nil
	}
	// Another task would know nothing of the end, and take the session.
	if r.hasEnded(id, at, t, spilled) {
		return r.refuseEnded(op)
	}
	return r.refuse(op, autoscaler.ErrGone, "the task is closed for good; take another task")
}

// refuseEnded returns the error for a session that has ended.
func (r *Record) refuseEnded(op string) error {
	return r.refuse(op, ErrEnded, "a new session needs a new id")
}

// mayEnter reports whether the task admits a new session, and whether it has to
// be reopened for it: where the cordon has lapsed, or where the caller asks and
// no operator's drain stands against it.
func (r *Record) mayEnter(op string, reopen bool, at instant, t Terms) (reopens bool, err error) {
	refused := func(hint string) (bool, error) {
		return false, r.refuse(op, autoscaler.ErrCordoned, hint)
	}
	// An operator drains for a reason that demand knows nothing of.
	asked := reopen && r.drain.By == ""
	switch {
	case r.state == autoscaler.TaskOpen:
		return false, nil
	case r.state != autoscaler.TaskCordoned || r.fromNew:
		return refused("the task is not open yet; take another task")
	case !asked && !r.drain.Lapsed(at.time()):
		return refused("the task is being drained; take another task, or ask with Reopen")
	case !r.protectedEnough(r.protectedUntil, at, t.Rules):
		return refused("the task lacks the protection that opening needs; take another task")
	}
	return true, nil
}

// hasRoom refuses a session where every slot is taken, or the record is full.
func (r *Record) hasRoom(op string, at instant, t Terms) error {
	// Somebody else made the record, and the task has not spoken yet. "Every slot
	// is taken" would send the reader to look for sessions.
	if r.slots == 0 {
		return r.refuse(op, autoscaler.ErrTaskFull, "the record says 0 slots; its task has to say how many it has")
	}
	c := r.judge(at, t.Rules)
	if c.occupied() >= r.slots {
		return r.refuse(op, autoscaler.ErrTaskFull, "every slot is taken; take another task")
	}
	if c.live >= t.Rules.SessionLimit {
		return r.refuse(op, autoscaler.ErrTaskFull, "the record is full; take another task")
	}
	return nil
}

// admit puts a session into the record, or renews one that had ceased to count.
func (r *Record) admit(id SessionID, k kind, at instant) {
	// A reservation arrives when it begins; many never do.
	if k != kindReserved {
		r.arrived()
	}
	i, there := find(r.entries, id)
	if !there {
		r.entries = insert(r.entries, i, newEntry(id, k, at))
		return
	}
	r.entries[i].set(k, at)
	r.entries[i].bits |= admittedMask
}

// arrived counts a session that has come.
func (r *Record) arrived() {
	r.arrivals++
	r.letIn()
}

// letIn notes that a session has come in. Whatever let it in at level C may let in
// another: the door is to be shown shut once more. At levels A and B the processes'
// own word is.
func (r *Record) letIn() {
	if !r.asks() {
		r.barrier = 0
	}
}

// beginAgain applies a Begin of a session that is there: a repeat, whose lease
// counts from this sending, or the begin that a reservation was made for. A
// session that was disconnected is connected again.
func (r *Record) beginAgain(e *entry, at instant, t Terms) {
	before := *e
	if e.kind() == kindReserved {
		r.arrived()
	}
	// Never back: of two copies the one that was sent first may come last.
	if e.kind() != kindLive || e.instant() < at {
		e.set(kindLive, at)
	}
	e.bits |= admittedMask
	if *e != before {
		r.changed(t)
	}
}

// grant is void a skew before the session ceases to count, so that no clock
// within the bound can hold it for good when the record does not.
func (r *Record) grant(sent time.Time, t Terms, reopened bool) Grant {
	return Grant{Version: r.version, Expires: sent.Add(t.Rules.Lease - t.Rules.Skew), Reopened: reopened}
}
