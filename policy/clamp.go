package policy

import (
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Clamp keeps a member's number of open tasks within Min and Max. The limits of
// the service are in [autoscaler.Config] and hold for every policy; Clamp shapes
// one member of a composition, a night's ceiling for [Threshold], say.
//
// Where a bound moves the number to what there is or above, the tasks that the
// member named stay; where it moves the number below, they go first. An
// abstention passes: a bound is no opinion on what nobody can tell.
type Clamp struct {
	// Policy is the member; nil abstains.
	Policy autoscaler.Policy
	// Min and Max bound the number of open tasks. Max 0 or negative is no bound;
	// a Max below Min prevails.
	Min, Max int
}

// Name returns "clamp".
func (Clamp) Name() string { return "clamp" }

// Decide asks the member and bounds what it wants.
func (p Clamp) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	d := ask(s, p.Name(), p.Policy, s.Memory)
	wanted := max(d.Open, bounded(p.Min))
	if p.Max > 0 {
		wanted = min(wanted, p.Max)
	}
	if d.Abstain || noOpinion(d) || wanted == d.Open {
		return d
	}
	own := autoscaler.Reason{
		Code: CodeClampedUp, Severity: autoscaler.Info, By: p.Name(),
		Detail: fmt.Sprintf("%d wanted, %d allowed", d.Open, wanted),
	}
	if wanted < d.Open {
		own.Code = CodeClampedDown
	}
	return moved(d, capacity(&s), wanted, own)
}
