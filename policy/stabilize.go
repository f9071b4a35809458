package policy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// DefaultStabilizeIn is how far back [Stabilize] looks before it lets a member
// scale in.
const DefaultStabilizeIn = 5 * time.Minute

// Stabilize follows a member only as far as its wishes of the last while agree.
// It wants what there is, moved
//
//   - up to the smallest number that the member wanted within Out, and then
//   - down to the largest number that it wanted within In,
//
// this pass included, so that a valley in what it wants takes no task away and,
// where Out is set, a peak adds none. A member that wants more never leads to
// fewer, and one that wants fewer never to more.
//
// An abstention, or having no opinion, is passed on, and counts as a wish for
// what there was. So does the time before the first pass, and the time before a
// memory that was lost. The memory has at most 60 entries, whatever happens: a
// wish counts for the whole of its while, and up to a 28th of it longer.
type Stabilize struct {
	// Policy is the member; nil abstains.
	Policy autoscaler.Policy
	// Out and In are how far back wishes count, to the millisecond. Out is none by
	// default, and negative is none; In 0 means DefaultStabilizeIn, and negative
	// is none.
	Out, In time.Duration
}

// Name returns "stabilize".
func (Stabilize) Name() string { return "stabilize" }

// Decide asks the member and holds it to what it wanted before.
func (p Stabilize) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	past, now := p.recall(&s), s.At.UnixMilli()
	d := ask(s, p.Name(), p.Policy, past.Member)
	past.Out = past.Out.and(now, d.Open).within(now, p.Out, smaller)
	past.In = past.In.and(now, d.Open).within(now, p.in(), larger)
	if !d.Abstain && !noOpinion(d) {
		d = p.steady(&s, d, past)
	}
	return carry(d, p.Name(), &past, &past.Member)
}

// steady moves the member's number towards what there is.
func (p Stabilize) steady(s *autoscaler.Snapshot, d autoscaler.Decision, past wishes) autoscaler.Decision {
	have := capacity(s)
	wanted := max(have, past.Out.all(d.Open, smaller))
	wanted = min(wanted, past.In.all(d.Open, larger))
	own := autoscaler.Reason{
		Severity: autoscaler.Info, By: p.Name(),
		Detail: fmt.Sprintf("%d wanted now, %d recently", d.Open, wanted),
	}
	switch {
	case wanted > d.Open:
		own.Code = CodeStabilizedIn
	case wanted < d.Open:
		own.Code = CodeStabilizedOut
	default:
		return d
	}
	return moved(d, have, wanted, own)
}

func (p Stabilize) in() time.Duration {
	if p.In == 0 {
		return DefaultStabilizeIn
	}
	return p.In
}

// wishes is the memory of a Stabilize: the smallest and the largest number that
// the member wanted in each part of Out and In.
type wishes struct {
	Out    recent          `json:"out,omitempty"`
	In     recent          `json:"in,omitempty"`
	Member json.RawMessage `json:"member,omitempty"`
}

// recall reads the memory. Where it holds no wish, what there is counts as one:
// a memory that was lost must not look like a valley.
func (Stabilize) recall(s *autoscaler.Snapshot) wishes {
	now, have := s.At.UnixMilli(), capacity(s)
	var w wishes
	if err := json.Unmarshal(s.Memory, &w); err != nil {
		w = wishes{}
	}
	if len(w.Out) == 0 || !w.Out.sound(now) {
		w.Out = recent{{now, have}}
	}
	if len(w.In) == 0 || !w.In.sound(now) {
		w.In = recent{{now, have}}
	}
	return w
}
