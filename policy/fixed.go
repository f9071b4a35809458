package policy

import "github.com/seed-979cce96/idlescale/autoscaler"

// Fixed wants the same number of open tasks always. It is the policy to begin
// with, the last member of a [First], and a floor or a ceiling for tests.
type Fixed struct {
	// Open is the number wanted; negative counts as 0.
	Open int
}

// Name returns "fixed".
func (Fixed) Name() string { return "fixed" }

// Decide wants Open tasks, whatever the snapshot says.
func (p Fixed) Decide(autoscaler.Snapshot) autoscaler.Decision {
	return want(p.Name(), p.Open, CodeFixed, "")
}
