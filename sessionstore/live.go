package sessionstore

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// tally is what a record holds, counted, with the span of time in which the
// count stays true while nothing is written. With it a look at a task that has
// not changed costs the same however many sessions the task holds.
type tally struct {
	counted     bool
	from, until instant // true for from ≤ at < until

	live      int     // sessions that live, reserved and disconnected ones included
	reserved  int     // of those, the ones that have not begun
	reported  int     // the sum of the processes' newest counts
	known     bool    // every process that should report has, in time and with a good clock
	lastEnded instant // when the last of those ended that ended by time
}

// occupied is the number of slots taken, as far as anybody has said: the
// sessions by id, or the processes' own counts, whichever is more.
func (c tally) occupied() int { return max(c.live, c.reported) }

// judge counts the record at an instant, or finds that it has been counted.
func (r *Record) judge(at instant, rules Rules) tally {
	if !r.tally.counted || at < r.tally.from || at >= r.tally.until {
		r.tally = r.count(at, rules)
	}
	return r.tally
}

func (r *Record) count(at instant, rules Rules) tally {
	c := tally{counted: true, until: never}
	for i := range r.entries {
		e := r.entries[i]
		c.reported += e.listings()
		end := r.ends(e, rules)
		if at < end {
			c.live++
			if e.kind() == kindReserved {
				c.reserved++
			}
			c.until = min(c.until, end)
			continue
		}
		c.from, c.lastEnded = max(c.from, end), max(c.lastEnded, end)
	}
	r.countProcesses(&c, at, rules)
	c.known = c.known && r.understood()
	return c
}

// countProcesses judges whether the processes' words can be relied on.
func (r *Record) countProcesses(c *tally, at instant, rules Rules) {
	if r.forced() {
		r.countForced(c)
		return
	}
	reporting, expected := 0, r.processes
	c.known = !r.overflow && !r.crowded
	for i := range r.known {
		p := &r.known[i]
		if p.left {
			expected--
			continue
		}
		reporting++
		c.reported += p.unlisted
		if p.clockOff {
			c.known = false
		}
		if silent := p.at.add(rules.SilentAfter); at >= silent {
			c.known, c.from = false, max(c.from, silent)
		} else {
			c.until = min(c.until, silent)
		}
	}
	// More than were announced is no better than fewer: then nobody knows how
	// many there are.
	if reporting != expected {
		c.known = false
	}
	// Whoever adopted a task for which nothing reports cannot know what it held
	// before; that stays so until the task ends.
	if r.adopted && r.processes == 0 {
		c.known = false
	}
}

// ends returns when a session ceases to count by time alone. One that a process
// lists never does: the process says that it is there.
func (r *Record) ends(e entry, rules Rules) instant {
	if e.listed() {
		return never
	}
	return r.lapses(e, rules)
}

// lapses returns when the calls that admitted a session no longer count by
// themselves.
func (r *Record) lapses(e entry, rules Rules) instant {
	switch {
	case e.kind() != kindLive:
		return e.instant()
	case r.processes > 0 && !r.described:
		return never // a guess: perhaps nothing reports, and then nothing would renew a lease
	case r.processes > 0:
		return e.instant().add(rules.Lease + rules.Skew)
	case rules.MaxSession > 0:
		return e.instant().add(rules.MaxSession)
	}
	return never
}

// lease has the leases of the sessions that are there count from now: up to now
// nobody had said that their task reports, and nothing could have renewed them.
func (r *Record) lease(t Terms) {
	now := instantOf(t.Now)
	for i := range r.entries {
		if e := &r.entries[i]; e.kind() == kindLive && e.admitted() && e.instant() < now {
			e.set(kindLive, now)
		}
	}
}

// dropExpired removes the sessions that have ceased to count by time. Only a
// writer whose clock was found good may do so.
func (r *Record) dropExpired(t Terms) {
	now := instantOf(t.Now)
	if c := r.judge(now, t.Rules); c.live == len(r.entries) {
		return
	}
	kept := r.entries[:0]
	for _, e := range r.entries {
		if now < r.ends(e, t.Rules) {
			kept = append(kept, e)
		}
	}
	clear(r.entries[len(kept):])
	r.entries = kept
}

// Activity returns the record as it stands at the instant given, as the owner
// in the terms may see it. Of the terms' time it uses nothing.
func (r *Record) Activity(at time.Time, t Terms) autoscaler.TaskActivity {
	now := instantOf(at)
	c := r.judge(now, t.Rules)
	// Foreign tasks show everything but their occupancy: what the other owner's
	// processes have promised is not for this one to rely on.
	a := autoscaler.TaskActivity{
		Ref: r.ref, Version: r.version, State: r.state, Level: r.level,
		Foreign: r.owner != t.Owner, Adopted: r.adopted, Slots: r.slots, Processes: r.processes,
		Acknowledged: r.acknowledged(c, now, t.Rules), NeverOpened: !r.everOpened,
		Barrier: r.barrier.time(), Bounded: t.Rules.LagBound > 0,
		ProtectedUntil: r.protectedUntil.time(), ExposedAt: r.exposed.time(),
		Registered: r.registered.time(), Opened: r.opened.time(), RetiredAt: r.retired.time(),
		Drain: r.drain,
	}
	if c.known && !a.Foreign {
		a.Occupancy, a.Reserved = autoscaler.Sessions(c.occupied()), c.reserved
	}
	if c.occupied() == 0 {
		a.IdleSince = max(r.emptied, c.lastEnded).time()
	}
	var last instant
	for i := range r.known {
		last = max(last, r.known[i].at)
	}
	a.LastReport = last.time()
	return a
}
