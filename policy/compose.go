package policy

import (
	"slices"
	"strconv"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// ask has one member decide on the snapshot with its own memory, and puts the
// decision into a form that compositions can rely on: a count within bounds,
// lists only where fewer are wanted, reasons with their path and at least one.
func ask(s autoscaler.Snapshot, by string, member autoscaler.Policy, memory autoscaler.Memory) autoscaler.Decision {
	have := capacity(&s)
	if member == nil {
		return abstain(&s, by, CodeNoMember, "a member is nil")
	}
	s.Memory = memory
	d := member.Decide(s)
	d.Open, d.Room = bounded(d.Open), bounded(d.Room)
	if d.Abstain {
		d.Open = have
	}
	if d.Open >= have {
		d.Remove, d.Empty = nil, nil
	}
	d.Reasons = under(by, member.Name(), d.Reasons)
	return d
}

// moved is a member's decision with another number, and the reason for it before
// the member's. Tasks stay named only where fewer are still wanted: the names are
// candidates for the way, so they may be more than the number asks for.
func moved(d autoscaler.Decision, have, n int, own autoscaler.Reason) autoscaler.Decision {
	d.Open, d.Reasons = n, append([]autoscaler.Reason{own}, d.Reasons...)
	if n >= have {
		d.Remove, d.Empty = nil, nil
	}
	if n <= have {
		d.Reopen = nil
	}
	return d
}

// under returns the reasons with the composition's name before their path. A
// reason without a path is the member's own.
func under(by, member string, reasons []autoscaler.Reason) []autoscaler.Reason {
	if len(reasons) == 0 {
		reasons = []autoscaler.Reason{{Code: autoscaler.CodeNoReason, Severity: autoscaler.Notice}}
	}
	out := make([]autoscaler.Reason, len(reasons))
	for i, r := range reasons {
		if r.By == "" {
			r.By = member
		}
		r.By = by + "/" + r.By
		out[i] = r
	}
	return out
}

// noOpinion reports that a decision is to be passed over. The mark is a reason
// and not a field: it survives any combinator that passes a decision on, and a
// decision that a combinator makes itself begins with a reason of its own.
func noOpinion(d autoscaler.Decision) bool {
	return !d.Abstain && d.Reasons[0].Code == CodeNoOpinion
}

// group is several members asked on one snapshot.
type group struct {
	s        autoscaler.Snapshot
	by       string
	have     int
	before   memories // as the snapshot brought them
	after    memories // as they will be
	reasons  []autoscaler.Reason
	kept     []autoscaler.TaskID // drains that a member keeps
	room     int                 // the most that a member asks for
	passed   int                 // members without an opinion
	abstains bool
}

func newGroup(s autoscaler.Snapshot, by string) *group {
	return &group{s: s, by: by, have: capacity(&s), before: unpack(s.Memory), after: memories{}}
}

// ask asks the i-th member; opinion is false where it abstains or has none.
func (g *group) ask(i int, member autoscaler.Policy) (d autoscaler.Decision, opinion bool) {
	key := memberKey(i, member)
	d = ask(g.s, g.by, member, g.before[key])
	if d.Memory != nil {
		g.after[key] = d.Memory
	}
	g.reasons = append(g.reasons, d.Reasons...)
	// Whatever becomes of its number: giving back needs all, and room anybody.
	g.room = max(g.room, d.Room)
	for _, id := range d.Keep {
		if !slices.Contains(g.kept, id) {
			g.kept = append(g.kept, id)
		}
	}
	switch {
	case d.Abstain:
		g.abstains = true
		return d, false
	case noOpinion(d):
		g.passed++
		return d, false
	}
	return d, true
}

// keep carries the memory of a member that was not asked.
func (g *group) keep(i int, member autoscaler.Policy) {
	key := memberKey(i, member)
	if m := g.before[key]; m != nil {
		g.after[key] = m
	}
}

// close completes a decision of the group itself: its own reason first, then
// those of the members, and the memory of all.
func (g *group) close(d autoscaler.Decision) autoscaler.Decision {
	d.Reasons = append(d.Reasons, g.reasons...)
	d.Room = g.room
	for _, id := range g.kept {
		if !slices.Contains(d.Reopen, id) {
			d.Keep = append(d.Keep, id)
		}
	}
	var dropped []string
	d.Memory, dropped = g.after.pack()
	for _, key := range dropped {
		d.Reasons = append(d.Reasons, autoscaler.Reason{
			Code: CodeMemoryDropped, Severity: autoscaler.Notice, By: g.by, Detail: "of member " + key,
		})
	}
	return d
}

// memberKey names a member's memory by place and name, so that a composition
// that was changed hands no member another one's memory.
func memberKey(i int, member autoscaler.Policy) string {
	if member == nil {
		return strconv.Itoa(i)
	}
	return strconv.Itoa(i) + " " + member.Name()
}
