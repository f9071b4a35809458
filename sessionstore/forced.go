package sessionstore

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// GiveNotice applies ForcedEnds.GiveNotice. A deadline that was given can be put
// off, and not brought forward: users have been told of it.
func (r *Record) GiveNotice(d autoscaler.DrainRef, ending time.Time, t Terms) error {
	if err := r.writable("GiveNotice", t); err != nil {
		return err
	}
	ours := r.state == autoscaler.TaskCordoned && r.drain.ID == d.Drain
	if ours && !r.drain.Ending.IsZero() && !ending.After(r.drain.Ending) {
		return nil
	}
	if err := r.mayDrain("GiveNotice", d, t); err != nil {
		return err
	}
	if r.forced() {
		return r.refuse("GiveNotice", autoscaler.ErrConflict, "its sessions were ended already; reopen the task and drain it anew")
	}
	// By both clocks, as the end itself.
	if !ending.After(t.Now) || !ending.After(d.At) {
		return r.refuse("GiveNotice", errArgument, "the deadline has passed already; give the users time")
	}
	r.drain.Ending = plain(ending)
	r.changed(t)
	return nil
}

// EndSessions applies ForcedEnds.EndSessions. It returns how many sessions it has
// ended, and ended sessions that the record gives up, for the store to keep beside
// it.
func (r *Record) EndSessions(d autoscaler.DrainRef, t Terms) (ended int, spill []Ended, err error) {
	if err := r.writable("EndSessions", t); err != nil {
		return 0, nil, err
	}
	if r.state == autoscaler.TaskCordoned && r.drain.ID == d.Drain && r.forced() {
		return 0, nil, nil
	}
	if err := r.mayDrain("EndSessions", d, t); err != nil {
		return 0, nil, err
	}
	// By both clocks: a fast one must not shorten what the users were promised.
	if r.drain.Ending.IsZero() || t.Now.Before(r.drain.Ending) || d.At.Before(r.drain.Ending) {
		return 0, nil, r.refuse("EndSessions", autoscaler.ErrBusy, "give notice first, and wait for the deadline")
	}
	now := instantOf(t.Now)
	for i := range r.entries {
		e := r.entries[i]
		if e.kind() == kindReserved || now >= r.ends(e, t.Rules) {
			continue
		}
		ended++
		r.departures++
		spill = append(spill, r.remember(e.id, CauseForced, t)...)
	}
	clear(r.entries)
	r.entries = r.entries[:0]
	// What the processes have said about this drain is waived, and so is what they
	// hold: from here on only sessions that nobody has ended count.
	for i := range r.known {
		r.known[i].count, r.known[i].unlisted = 0, 0
	}
	r.overflow, r.crowded = false, false
	r.drain.Forced = plain(t.Now)
	r.changed(t)
	return ended, spill, nil
}

// forced reports that the drain under way has ended its sessions by force.
func (r *Record) forced() bool { return !r.drain.Forced.IsZero() }

// countForced counts the sessions that have come since the others were ended by
// force. Silence is waived with the acknowledgements.
func (r *Record) countForced(c *tally) {
	c.known = !r.overflow && !r.crowded
	for i := range r.known {
		c.reported += r.known[i].unlisted
	}
}
