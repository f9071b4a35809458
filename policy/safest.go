package policy

import (
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Safest joins opinions so that capacity is given back only when everybody
// agrees and is taken as soon as anybody asks:
//
//   - out wins: where a member wants more than there is, the largest number
//     holds, whatever the others say;
//   - otherwise an abstention blocks: nothing is taken away that somebody cannot
//     judge, and the composition abstains;
//   - in needs all: every member wants fewer, and then the largest of their
//     numbers holds. Tasks are named that every member which names tasks names;
//     members that name none agree to any. Where the names have no task in
//     common it holds;
//   - members without an opinion (see [Optional]) are passed over; where none
//     has one, the composition has none.
//
// Without members it abstains.
type Safest []autoscaler.Policy

// Name returns "safest".
func (Safest) Name() string { return "safest" }

// Decide asks every member and joins what they say.
func (p Safest) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	g := newGroup(s, p.Name())
	var opinions []autoscaler.Decision
	for i, member := range p {
		if d, ok := g.ask(i, member); ok {
			opinions = append(opinions, d)
		}
	}
	return g.close(p.join(g, opinions))
}

// join follows the law above; the members' reasons are added by the caller.
func (p Safest) join(g *group, opinions []autoscaler.Decision) autoscaler.Decision {
	name, largest, fewer := p.Name(), 0, 0
	for _, d := range opinions {
		largest = max(largest, d.Open)
		if d.Open < g.have {
			fewer++
		}
	}
	switch {
	case len(p) == 0:
		return abstain(&g.s, name, CodeNoMember, "no members")
	case largest > g.have:
		d := want(name, largest, CodeLargest, "")
		d.Reopen = reopening(opinions, g.have)
		return d
	case g.abstains:
		return abstain(&g.s, name, CodeCannotTell, "")
	case len(opinions) == 0:
		return hold(&g.s, name, CodeNoOpinion, "no member has an opinion")
	case fewer == 0:
		return hold(&g.s, name, CodeKept, "")
	case fewer < len(opinions):
		return hold(&g.s, name, CodeNotAgreed, "")
	}
	return p.scaleIn(g, opinions, largest)
}

// scaleIn is the decision where every member wants fewer. Open is the number
// to arrive at and the lists are candidates for the way, so they may be longer.
func (p Safest) scaleIn(g *group, opinions []autoscaler.Decision, largest int) autoscaler.Decision {
	remove, empty, named := common(opinions)
	if named && len(remove)+len(empty) == 0 {
		return hold(&g.s, p.Name(), CodeNotAgreed, "the members name no task in common")
	}
	d := want(p.Name(), largest, CodeAgreed, "")
	if named {
		d.Open = max(largest, g.have-len(remove)-len(empty))
		d.Remove, d.Empty = remove, empty
	}
	return d
}

// common returns the tasks that every naming member names, in the first one's
// order, and whether any member names tasks. A task is to be emptied only where
// all of them would empty it; where one would only remove it idle, that holds.
func common(opinions []autoscaler.Decision) (remove, empty []autoscaler.TaskID, named bool) {
	var naming []autoscaler.Decision
	for _, d := range opinions {
		if len(d.Remove)+len(d.Empty) > 0 {
			naming = append(naming, d)
		}
	}
	if len(naming) == 0 {
		return nil, nil, false
	}
	all, emptied := map[autoscaler.TaskID]int{}, map[autoscaler.TaskID]int{}
	for _, d := range naming {
		for id, empties := range names(d) {
			all[id]++
			if empties {
				emptied[id]++
			}
		}
	}
	seen := map[autoscaler.TaskID]bool{}
	for _, id := range slices.Concat(naming[0].Remove, naming[0].Empty) {
		switch {
		case seen[id] || all[id] < len(naming):
		case emptied[id] == len(naming):
			empty = append(empty, id)
		default:
			remove = append(remove, id)
		}
		seen[id] = true
	}
	return remove, empty, true
}

// names returns the tasks that a decision names, and whether it would empty
// them; a task in both lists is only removed.
func names(d autoscaler.Decision) map[autoscaler.TaskID]bool {
	out := make(map[autoscaler.TaskID]bool, len(d.Remove)+len(d.Empty))
	for _, id := range d.Empty {
		out[id] = true
	}
	for _, id := range d.Remove {
		out[id] = false
	}
	return out
}

// reopening joins what the members that want more would have reopened.
func reopening(opinions []autoscaler.Decision, have int) []autoscaler.TaskID {
	var out []autoscaler.TaskID
	for _, d := range opinions {
		if d.Open <= have {
			continue
		}
		for _, id := range d.Reopen {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}
