package sessionstore

import (
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Retire applies SessionStore.Retire, the one write after which the task may be
// stopped. Repeated by the drain that retired the record it succeeds.
func (r *Record) Retire(d autoscaler.DrainRef, t Terms) error {
	if err := r.writable("Retire", t); err != nil {
		return err
	}
	if r.state == autoscaler.TaskRetired {
		if d.Drain != "" && r.drain.ID == d.Drain {
			return nil
		}
		return r.refuse("Retire", autoscaler.ErrRetired, "drain "+string(r.drain.ID)+" retired it")
	}
	if err := r.mayControl("Retire", d.Version, d.At, t); err != nil {
		return err
	}
	if d.Drain == "" {
		return r.refuse("Retire", errArgument, "a drain needs an id")
	}
	at := instantOf(d.At)
	if err := r.mayRetire(d.Drain, at, t.Rules); err != nil {
		return err
	}
	// A task that never opened needs no cordon first, but a repeat has to be known
	// by its drain.
	if r.state == autoscaler.TaskNew {
		r.drain = autoscaler.Drain{ID: d.Drain, Since: plain(t.Now), Until: plain(t.Now)}
	}
	r.dropExpired(t)
	r.state, r.retired, r.fromNew = autoscaler.TaskRetired, instantOf(t.Now), false
	r.changed(t)
	return nil
}

// mayRetire holds the record to its state and its emptiness.
func (r *Record) mayRetire(drain autoscaler.DrainID, at instant, rules Rules) error {
	busy := func(hint string) error { return r.refuse("Retire", autoscaler.ErrBusy, hint) }
	c := r.judge(at, rules)
	switch {
	case r.state == autoscaler.TaskNew && (!r.asks() || r.adopted):
		return busy("cordon it first, and wait for the acknowledgement")
	case r.state == autoscaler.TaskNew && (c.occupied() > 0 || r.overflow || r.crowded):
		return busy("it was told of a session")
	case r.state == autoscaler.TaskNew && r.level == autoscaler.LevelB && !r.allClosed(c):
		return busy("not every process has said that it admits nobody; wait for the reports")
	case r.state == autoscaler.TaskNew:
		// At level A no session enters a task that never opened without asking,
		// so that even a process which has not booted yet holds none. At level B a
		// process opens only on an answer that shows the record open.
		return nil
	case r.state != autoscaler.TaskCordoned || r.drain.ID != drain:
		return r.refuse("Retire", autoscaler.ErrConflict, "it is not cordoned by drain "+string(drain)+"; read it again")
	case c.occupied() > 0 || !c.known:
		return busy("it holds a session, or nobody can tell; wait for the reports")
	case !r.acknowledged(c, at, rules):
		return busy(r.awaited(rules))
	}
	return nil
}

// awaited says what the drain of an empty task waits for.
func (r *Record) awaited(rules Rules) string {
	switch {
	case !r.asks() && rules.LagBound <= 0:
		return "at level C nothing is retired before the host says, by Rules.LagBound, how late events may be"
	case !r.asks() && r.barrier == 0:
		return "the drain's barrier has not been applied; wait for it to come out of the event queue"
	case !r.asks():
		return "the barrier was applied and has to settle; ask again"
	case r.processes == 0:
		return "nothing reports, and the cordon has to settle; ask again"
	}
	return "not every process has acknowledged the drain; wait for the reports"
}

// allClosed reports that every process has said that it admits nobody.
func (r *Record) allClosed(c tally) bool {
	return c.known && r.processes > 0 && !slices.ContainsFunc(r.known, func(p knownProcess) bool { return !p.left && !p.closed })
}

// acknowledged reports that nothing can enter the task any more without a write
// to this record: every process has said, after it read the drain, that it admits
// nobody and holds nothing. A session that lives makes every such word void.
//
// Where nothing reports, and every session asks, it is enough that the cordon has
// stood for the settling time. At level C nobody closes a door and an empty record
// proves little about the next moment; there it takes the barrier, which shows that
// everything sent before it was applied, and the settling time after it.
func (r *Record) acknowledged(c tally, at instant, rules Rules) bool {
	if r.state != autoscaler.TaskCordoned || !c.known || c.occupied() > 0 {
		return false
	}
	switch {
	// Forced or not: at level C no process has given its word that could be waived, and
	// what began before the deadline may still be on its way through the queue.
	case !r.asks():
		return r.settled(at, rules) && !slices.ContainsFunc(r.known, func(p knownProcess) bool { return !p.left && p.count > 0 })
	case r.forced():
		return true
	case r.processes == 0:
		return r.level == autoscaler.LevelA && at >= instantOf(r.drain.Since).add(rules.Settle)
	}
	return !slices.ContainsFunc(r.known, func(p knownProcess) bool {
		return !p.left && (p.acknowledged != r.drain.ID || p.count > 0)
	})
}

// settled reports that the drain's barrier was applied, and that whatever was late
// by no more than the host's bound has been since. A settling time of the host's own
// lengthens the wait and never cuts it below what its bound asks for.
func (r *Record) settled(at instant, rules Rules) bool {
	return rules.LagBound > 0 && r.barrier != 0 && at >= r.barrier.add(max(rules.Settle, 2*rules.LagBound))
}

// Forget applies Records.Forget: what is left is a gravestone, which remembers
// the task's last state and no session. It returns the sessions that the record
// still held, which ended with their task, and those that it remembered as ended,
// for the store to keep beside it.
func (r *Record) Forget(req autoscaler.ForgetRequest, t Terms) ([]Ended, error) {
	if err := r.writable("Forget", t); err != nil {
		return nil, err
	}
	if r.state == autoscaler.TaskGone {
		return nil, nil
	}
	if r.version != req.Version || r.drain.ID != req.Drain {
		return nil, r.refuse("Forget", autoscaler.ErrConflict, "read it again")
	}
	out := r.endAll(CauseTask, t)
	// What it keeps, it keeps for 15 days for every task that ever ran: no lists.
	*r = Record{
		ref: r.ref, owner: r.owner, version: r.version, state: autoscaler.TaskGone, lastState: r.state,
		level: r.level, revision: r.revision, drain: r.drain, everOpened: r.everOpened,
		registered: r.registered, opened: r.opened, retired: r.retired, forgotten: instantOf(t.Now),
		arrivals: r.arrivals, departures: r.departures,
	}
	r.changed(t)
	return out, nil
}

// endAll returns every session that the record holds or remembers, ended: those
// that live by the cause given. Reservations end without a trace.
func (r *Record) endAll(cause EndCause, t Terms) []Ended {
	var out []Ended
	for _, e := range r.ended {
		out = append(out, Ended{Session: e.id, At: e.at.time(), Cause: e.cause})
	}
	now := instantOf(t.Now)
	for _, e := range r.entries {
		if e.kind() != kindReserved && now < r.ends(e, t.Rules) {
			out = append(out, Ended{Session: e.id, At: t.Now, Cause: cause})
		}
	}
	return out
}

// LastState is the state in which a forgotten record was left; empty for one
// that is not forgotten.
func (r *Record) LastState() autoscaler.TaskState { return r.lastState }
