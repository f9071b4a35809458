package policy

import "github.com/seed-979cce96/idlescale/autoscaler"

// First follows the first of its members that can tell: one that abstains, or
// has no opinion (see [Optional]), is passed over. Where all are passed over it
// abstains if one of them did, and else has no opinion either. Without members
// it abstains.
//
// Members after the one that is followed are not asked, and keep the memory
// they had.
type First []autoscaler.Policy

// Name returns "first".
func (First) Name() string { return "first" }

// Decide asks the members in order until one can tell.
func (p First) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	g := newGroup(s, p.Name())
	for i, member := range p {
		d, ok := g.ask(i, member)
		if !ok {
			continue
		}
		for j := i + 1; j < len(p); j++ {
			g.keep(j, p[j])
		}
		return g.close(p.follow(d))
	}
	switch {
	case len(p) == 0:
		return g.close(abstain(&s, p.Name(), CodeNoMember, "no members"))
	case g.abstains:
		return g.close(abstain(&s, p.Name(), CodeCannotTell, "every member was passed over"))
	}
	return g.close(hold(&s, p.Name(), CodeNoOpinion, "no member has an opinion"))
}

// follow takes over a member's decision. Its reasons go last: what was passed
// over stands before it, in the order it was asked.
func (p First) follow(d autoscaler.Decision) autoscaler.Decision {
	followed := want(p.Name(), d.Open, CodeChosen, "")
	followed.Remove, followed.Empty, followed.Reopen = d.Remove, d.Empty, d.Reopen
	return followed
}
