package sessionstore

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Cordon applies SessionStore.Cordon. Repeated with its own drain it changes
// nothing and succeeds.
func (r *Record) Cordon(req autoscaler.CordonRequest, t Terms) error {
	if err := r.writable("Cordon", t); err != nil {
		return err
	}
	// Before the version: a repeat after a lost reply names the version from
	// before its own write.
	if r.state == autoscaler.TaskCordoned {
		if req.Drain != "" && r.drain.ID == req.Drain {
			return nil
		}
		return r.refuse("Cordon", autoscaler.ErrCordoned, "drain "+string(r.drain.ID)+" is under way; join it by its id")
	}
	if r.state == autoscaler.TaskRetired {
		return r.refuse("Cordon", autoscaler.ErrRetired, "it is drained already")
	}
	if err := r.mayControl("Cordon", req.Version, req.At, t); err != nil {
		return err
	}
	if !r.understood() {
		return r.refuse("Cordon", autoscaler.ErrBusy, "its state is "+string(r.state)+", which this version does not know; leave it to the newer one")
	}
	if req.Drain == "" {
		return r.refuse("Cordon", errArgument, "a drain needs an id")
	}
	if c := r.judge(instantOf(req.At), t.Rules); req.OnlyIfIdle && (!c.known || c.occupied() > 0) {
		return r.refuse("Cordon", autoscaler.ErrBusy, "it holds a session, or nobody can tell")
	}
	until := req.Until
	if until.IsZero() {
		until = req.At.Add(t.Rules.CordonLease)
	}
	r.dropExpired(t)
	// Reopened, the task goes back to where it was: one that never opened has not
	// shown its protection yet.
	r.fromNew = r.state == autoscaler.TaskNew
	r.state = autoscaler.TaskCordoned
	r.drain, r.barrier = autoscaler.Drain{ID: req.Drain, By: req.By, Since: plain(t.Now), Until: plain(until)}, 0
	r.changed(t)
	return nil
}

// Reopen applies SessionStore.Reopen: open again, or new where it had never
// opened. Repeated after it was applied it succeeds.
func (r *Record) Reopen(d autoscaler.DrainRef, t Terms) error {
	if err := r.writable("Reopen", t); err != nil {
		return err
	}
	// The drain may have ended by a session or by its lapse as well: whoever
	// opened the task, it is open.
	ended := d.Drain != "" && r.reopened == d.Drain && r.drain.ID != d.Drain
	if ended && r.state != autoscaler.TaskRetired && r.state != autoscaler.TaskGone {
		return nil
	}
	if err := r.mayDrain("Reopen", d, t); err != nil {
		return err
	}
	if r.fromNew {
		r.renew()
		r.changed(t)
		return nil
	}
	if !r.protectedEnough(r.protectedUntil, instantOf(d.At), t.Rules) {
		return r.refuse("Reopen", errUnprotected, r.openHint(t.Rules))
	}
	r.open(t)
	r.changed(t)
	return nil
}

// Renew applies Records.Renew. A lease only grows; asking for less changes
// nothing and succeeds.
func (r *Record) Renew(d autoscaler.DrainRef, until time.Time, t Terms) error {
	if err := r.writable("Renew", t); err != nil {
		return err
	}
	cordoned := r.state == autoscaler.TaskCordoned && r.drain.ID == d.Drain
	// Shortened, the lease would let a session open the task under a controller
	// that believes it closed until the end it has read.
	if cordoned && !until.After(r.drain.Until) {
		return nil
	}
	if err := r.mayDrain("Renew", d, t); err != nil {
		return err
	}
	r.drain.Until = plain(until)
	r.changed(t)
	return nil
}

// mayDrain refuses whoever has not read the record as it stands, cordoned by the
// drain named.
func (r *Record) mayDrain(op string, d autoscaler.DrainRef, t Terms) error {
	if r.state == autoscaler.TaskRetired {
		return r.refuse(op, autoscaler.ErrRetired, "nothing leads back")
	}
	if err := r.mayControl(op, d.Version, d.At, t); err != nil {
		return err
	}
	if r.state != autoscaler.TaskCordoned || r.drain.ID != d.Drain {
		return r.refuse(op, autoscaler.ErrConflict, "it is not cordoned by drain "+string(d.Drain)+"; read it again")
	}
	return nil
}

// mayControl refuses a controller's write to what is forgotten, to a record that
// has changed since it was read, and by a clock that is off.
func (r *Record) mayControl(op string, version int64, at time.Time, t Terms) error {
	if err := r.writable(op, t); err != nil {
		return err
	}
	switch {
	case r.state == autoscaler.TaskGone:
		return r.refuse(op, autoscaler.ErrGone, "the task was forgotten")
	case r.version != version:
		return r.refuse(op, autoscaler.ErrConflict, "read it again")
	case t.clockOff(at):
		return r.refuseClock(op, at, t)
	}
	return nil
}
