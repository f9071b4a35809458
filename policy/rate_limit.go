package policy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// DefaultRatePer is the time that a [Rate] is for where it says none.
const DefaultRatePer = time.Minute

// RateLimit bounds how many tasks a member may add, and how many it may take, in
// any stretch of time of a given length.
//
// It goes by what happened and not by what was asked for, as [Cooldown] does: it
// sees the number of open and starting tasks in one snapshot grow or shrink to the
// next. A task that was lost counts as taken, and one that somebody else added as
// added; a wish that the limits refused counts for nothing. What one direction
// did frees nothing in the other.
//
// An abstention, or having no opinion, is passed on. Without memory nothing has
// happened yet. The memory has at most 60 entries, whatever happens: a change
// counts for the whole time of its rate, and up to a 28th of it longer.
type RateLimit struct {
	// Policy is the member; nil abstains.
	Policy autoscaler.Policy
	// Out and In are the bounds for each direction.
	Out, In Rate
}

// Rate is a number of tasks per time. The zero value is no bound.
type Rate struct {
	// Tasks is a number of tasks, and Percent the same as a percentage of the open
	// and starting tasks, rounded up: those that were added in that time do not
	// count, and those that were taken still do. The larger one bounds, and it is
	// never less than one task, or nothing could ever change. Negative, or what is
	// not a number, counts as 0; with both 0 there is no bound.
	Tasks   int
	Percent float64
	// Per is the time, to the millisecond; less than one means DefaultRatePer.
	Per time.Duration
}

// Name returns "rate-limit".
func (RateLimit) Name() string { return "rate-limit" }

// Decide asks the member and bounds how far it may go.
func (p RateLimit) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	seen := p.observe(&s)
	d := ask(s, p.Name(), p.Policy, seen.Member)
	have := capacity(&s)
	switch {
	case d.Abstain || noOpinion(d):
	case d.Open > have && p.Out.bounds():
		added := seen.Out.all(0, sum)
		d = p.limit(d, have, min(d.Open, have+p.Out.left(have-added, added)), CodeRateOut)
	case d.Open < have && p.In.bounds():
		taken := seen.In.all(0, sum)
		d = p.limit(d, have, max(d.Open, have-p.In.left(have+taken, taken)), CodeRateIn)
	}
	return carry(d, p.Name(), &seen, &seen.Member)
}

func (p RateLimit) limit(d autoscaler.Decision, have, allowed int, code autoscaler.Code) autoscaler.Decision {
	if allowed == d.Open {
		return d
	}
	return moved(d, have, allowed, autoscaler.Reason{
		Code: code, Severity: autoscaler.Info, By: p.Name(),
		Detail: fmt.Sprintf("%d wanted, %d allowed", d.Open, allowed),
	})
}

func (r Rate) bounds() bool { return r.Tasks > 0 || r.Percent > 0 }

// left returns the tasks that may still change, of a service that had that many
// and after that many have changed.
func (r Rate) left(had, changed int) int {
	bound := max(bounded(r.Tasks), share(bounded(had), r.Percent), 1)
	return max(0, bound-changed)
}

func (r Rate) per() time.Duration {
	if r.Per < time.Millisecond {
		return DefaultRatePer
	}
	return r.Per
}

// changes is the memory of a RateLimit: the tasks in the last snapshot, and how
// many were added and taken in each part of the time of their rate.
type changes struct {
	Tasks  *int            `json:"tasks"`
	Out    recent          `json:"out,omitempty"`
	In     recent          `json:"in,omitempty"`
	Member json.RawMessage `json:"member,omitempty"`
}

// observe compares the snapshot with the one before it.
func (p RateLimit) observe(s *autoscaler.Snapshot) changes {
	have, now := capacity(s), s.At.UnixMilli()
	var seen changes
	if err := json.Unmarshal(s.Memory, &seen); err != nil {
		seen = changes{}
	}
	counted := seen.Tasks != nil && *seen.Tasks == bounded(*seen.Tasks)
	if !counted || !seen.Out.sound(now) || !seen.In.sound(now) {
		seen = changes{Tasks: &have, Member: seen.Member}
	}
	switch had := *seen.Tasks; {
	case have > had:
		seen.Out = seen.Out.and(now, have-had)
	case have < had:
		seen.In = seen.In.and(now, had-have)
	}
	seen.Out = seen.Out.within(now, p.Out.per(), sum)
	seen.In = seen.In.within(now, p.In.per(), sum)
	seen.Tasks = &have
	return seen
}
