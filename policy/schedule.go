package policy

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Schedule bounds what a member wants by the time of day, the day of the week and
// the calendar:
//
//	policy.Schedule{
//		Policy: policy.Buffer{Slots: 20},
//		Zone:   berlin,
//		Windows: []policy.Window{
//			{Days: policy.Workdays, From: 8 * time.Hour, To: 18 * time.Hour, Min: 10, Edge: 30 * time.Minute},
//			{Days: policy.Tuesday, From: 20 * time.Hour, To: 23 * time.Hour, NoScaleIn: true},
//			{From: 23 * time.Hour, To: 6 * time.Hour, Max: 3},
//		},
//	}
//
// Of the windows that hold at the instant of the snapshot, the largest Open takes
// the place of the member's number; the smallest Max bounds it from above; the
// largest Min, or what a window has on its edge, bounds it from below, and
// prevails over a Max: what users were promised is there. At last, where a window
// forbids scale-in, a wish for fewer than there are becomes a hold. Outside all
// windows and their edges the member decides.
//
// An abstention, or having no opinion, is passed on, unless an Open holds or there
// are fewer tasks than a lower bound: a metric that is absent does not keep tasks
// from being there when the day begins. A Max then takes nothing away.
//
// Without a member the schedule speaks for itself: it wants the largest Open, or
// else the largest lower bound. In a window that forbids scale-in it wants no
// fewer than there are. Elsewhere it has no opinion (see [Optional]), and a Max
// alone is none: it can only bound a member.
//
// It keeps nothing in memory but its member's. Windows that begin and end on the
// wall clock of a zone with summer time are described at [Window].
type Schedule struct {
	// Policy is the member; nil is none, and no reason to abstain.
	Policy autoscaler.Policy
	// Zone is where the clock hangs; nil is UTC. It is loaded by the host, since a
	// policy reads no file: see [time.LoadLocation].
	Zone    *time.Location
	Windows []Window
}

// Name returns "schedule".
func (Schedule) Name() string { return "schedule" }

// Decide asks the member and bounds what it wants by the windows.
func (p Schedule) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	now := p.now(s.At)
	if p.Policy == nil {
		return p.alone(&s, now)
	}
	d := ask(s, p.Name(), p.Policy, s.Memory)
	have, wanted := capacity(&s), now.bound(d.Open)
	switch silent := d.Abstain || noOpinion(d); {
	case silent && now.open.n == 0 && wanted <= have:
		return d
	case now.still != "" && wanted < have:
		return moved(d, have, have, p.reason(CodeScaleInForbidden, d.Open, have, now.still))
	case now.open.n > 0:
		d.Abstain = false
		return moved(d, have, wanted, p.reason(CodeScheduled, d.Open, wanted, now.open.by))
	case wanted > d.Open:
		d.Abstain = false
		return moved(d, have, wanted, p.reason(CodeScheduledUp, d.Open, wanted, now.floor.by))
	case wanted < d.Open:
		return moved(d, have, wanted, p.reason(CodeScheduledDown, d.Open, wanted, now.ceiling.by))
	}
	return d
}

// alone is the decision without a member.
func (p Schedule) alone(s *autoscaler.Snapshot, now scheduled) autoscaler.Decision {
	wanted := now.bound(0)
	switch {
	case now.still != "" && wanted < capacity(s):
		return hold(s, p.Name(), CodeScaleInForbidden, now.still)
	case wanted == 0:
		return hold(s, p.Name(), CodeNoOpinion, "no window asks for a number")
	}
	by := now.floor.by
	if now.open.n > 0 {
		by = now.open.by
	}
	return want(p.Name(), wanted, CodeScheduled, by)
}

func (p Schedule) reason(code autoscaler.Code, member, wanted int, window string) autoscaler.Reason {
	return autoscaler.Reason{
		Code: code, Severity: autoscaler.Info, By: p.Name(),
		Detail: fmt.Sprintf("%d wanted, %d by %s", member, wanted, window),
	}
}

// scheduled is what the windows ask for at one instant.
type scheduled struct {
	open, floor, ceiling numbered // 0 is none
	still                string   // the window that forbids scale-in
}

// numbered is a number and the window that it is from.
type numbered struct {
	n  int
	by string
}

// raise takes over a larger number.
func (b *numbered) raise(n int, w Window) {
	if n > b.n {
		*b = numbered{n, w.label()}
	}
}

// now joins what the windows ask for.
func (p Schedule) now(at time.Time) scheduled {
	zone := p.Zone
	if zone == nil {
		zone = time.UTC
	}
	var now scheduled
	for _, w := range p.Windows {
		part, within := w.at(at, zone)
		if !within {
			now.floor.raise(w.rising(part), w)
			continue
		}
		now.open.raise(bounded(w.Open), w)
		now.floor.raise(bounded(w.Min), w)
		if w.Max > 0 && (now.ceiling.n == 0 || w.Max < now.ceiling.n) {
			now.ceiling = numbered{bounded(w.Max), w.label()}
		}
		if w.NoScaleIn {
			now.still = w.label()
		}
	}
	return now
}

// bound returns the number wanted where a member wants that many.
func (now scheduled) bound(n int) int {
	if now.open.n > 0 {
		n = now.open.n
	}
	if now.ceiling.n > 0 {
		n = min(n, now.ceiling.n)
	}
	return max(n, now.floor.n)
}
