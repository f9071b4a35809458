package policy

import "github.com/seed-979cce96/idlescale/autoscaler"

// Optional turns a member's abstention into no opinion, for a member that is
// welcome to speak but not needed: a metric that is often absent must not block
// scale-in for ever. [Safest] and [First] pass over what has no opinion.
//
// Alone, or as the root, a decision without an opinion holds: nothing is taken
// away on no ground. It does not count as an abstention there.
type Optional struct {
	// Policy is the member; nil never has an opinion.
	Policy autoscaler.Policy
}

// Name returns "optional".
func (Optional) Name() string { return "optional" }

// Decide asks the member.
func (p Optional) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	d := ask(s, p.Name(), p.Policy, s.Memory)
	if !d.Abstain {
		return d
	}
	silent := hold(&s, p.Name(), CodeNoOpinion, "the member abstains")
	silent.Keep, silent.Room = d.Keep, d.Room
	silent.Reasons, silent.Memory = append(silent.Reasons, d.Reasons...), d.Memory
	return silent
}
