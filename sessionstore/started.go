package sessionstore

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Started applies the writer's Started. It refuses nothing but another owner's
// record: the session exists, whatever anybody would have said to it.
func (r *Record) Started(req StartedRequest, t Terms, spilled Spilled) (Receipt, error) {
	if err := r.writable("Started", t); err != nil {
		return Receipt{}, err
	}
	if err := checkSession("Started", r.ref, req.Session); err != nil {
		return Receipt{}, err
	}
	if r.state == autoscaler.TaskGone || r.hasEnded(req.Session, req.Earliest(t), t, spilled) {
		receipt := r.receipt()
		receipt.Dropped = true
		return receipt, nil
	}
	// By the store's clock: the teller's is not held to any bound, and a slow one
	// would end the session's lease early.
	now := instantOf(t.Now)
	i, there := find(r.entries, req.Session)
	switch {
	case !there && !r.makeRoom(req.At, t):
		return r.overflowing(t), nil
	case !there || now >= r.ends(r.entries[i], t.Rules):
		r.admit(req.Session, kindLive, now)
	case r.entries[i].kind() == kindReserved:
		r.arrived()
		r.entries[i].set(kindLive, now)
	case r.entries[i].admitted() && now < r.lapses(r.entries[i], t.Rules):
		return r.receipt(), nil
	default: // only reports have told of it lately
		r.entries[i].set(kindLive, now)
		r.entries[i].bits |= admittedMask
	}
	r.changed(t)
	return r.receipt(), nil
}

// Earliest returns the earliest instant at which the session can have begun, zero where
// nothing is known of it. A teller whose clock is off says nothing about it, and neither
// does one that names an instant which has not come yet. A store looks for the session's
// end among those that it keeps beside the record from then on.
func (req StartedRequest) Earliest(t Terms) time.Time {
	switch {
	case t.clockOff(req.At), req.Began.After(t.Now.Add(t.Rules.Skew)):
		return time.Time{}
	case req.Began.IsZero():
		return req.At
	}
	return req.Began
}

func (r *Record) receipt() Receipt { return Receipt{Version: r.version, State: r.state} }

// makeRoom reports that the record can hold one more session, after it has
// dropped what expired, where the writer's clock allows that.
func (r *Record) makeRoom(at time.Time, t Terms) bool {
	if len(r.entries) < r.limit(t.Rules) {
		return true
	}
	if t.clockOff(at) || r.judge(instantOf(t.Now), t.Rules).live >= r.limit(t.Rules) {
		return false
	}
	r.dropExpired(t)
	return true
}

// overflowing notes that a session exists which the record cannot hold. Nobody
// knows then how many there are, until every process has counted again.
func (r *Record) overflowing(t Terms) Receipt {
	// Refusing would be safer for the record and wrong about the world: the
	// session is served.
	r.overflow = true
	for i := range r.known {
		r.known[i].countedAgain = false
	}
	r.arrived()
	r.changed(t)
	receipt := r.receipt()
	receipt.Overflow = true
	return receipt
}

// Touch applies the writer's Touch. A session that is not there, or no longer, or
// only reserved, stays as it is: a touch is no start.
func (r *Record) Touch(req TouchRequest, t Terms) error {
	if err := r.writable("Touch", t); err != nil {
		return err
	}
	if err := checkSession("Touch", r.ref, req.Session); err != nil {
		return err
	}
	i, there := find(r.entries, req.Session)
	now := instantOf(t.Now)
	if !there || r.entries[i].kind() == kindReserved || now >= r.ends(r.entries[i], t.Rules) {
		return nil
	}
	e := &r.entries[i]
	before := *e
	switch {
	// A late copy of a disconnect could end a session that is connected again;
	// a late copy of a connect only keeps one for longer.
	case !req.DisconnectedUntil.IsZero() && t.clockOff(req.At):
		return nil
	case !req.DisconnectedUntil.IsZero():
		e.set(kindDisconnected, instantOf(req.DisconnectedUntil))
	// Where nothing reports a session has no lease, and renewing it would only put
	// off the end that MaxSession gives it.
	case e.kind() == kindDisconnected || r.processes > 0:
		e.set(kindLive, now)
	}
	e.bits |= admittedMask
	if *e != before {
		r.changed(t)
	}
	return nil
}

// End applies the writer's End and Abandon. It returns ended sessions that the
// record gives up, for the store to keep beside it.
func (r *Record) End(req EndRequest, t Terms) ([]Ended, error) {
	if err := r.writable("End", t); err != nil {
		return nil, err
	}
	if err := checkSession("End", r.ref, req.Session); err != nil {
		return nil, err
	}
	if r.state == autoscaler.TaskGone {
		return nil, nil
	}
	i, there := find(r.entries, req.Session)
	if there {
		if r.entries[i].kind() != kindReserved {
			r.departures++
		}
		r.remove(i)
	} else {
		for j := range r.ended {
			if r.ended[j].id == req.Session {
				return nil, nil
			}
		}
	}
	// Also where the session was never there: its start may still be on its way.
	spill := r.remember(req.Session, CauseEnd, t)
	r.changed(t)
	return spill, nil
}

// remove takes the entry at i out.
func (r *Record) remove(i int) {
	last := len(r.entries) - 1
	copy(r.entries[i:], r.entries[i+1:])
	r.entries[last] = entry{}
	r.entries = r.entries[:last]
}
