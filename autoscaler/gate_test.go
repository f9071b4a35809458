package autoscaler

import "testing"

// ECS may have enough tasks running and start another one, to replace one that
// is sick: what it does next is not known, so nothing is released.
func TestGateHoldsWhileATaskIsPendingBesideEnough(t *testing.T) {
	r := gateCase()
	r.State.Desired, r.Checkpoint.Desired.Value = 4, 4
	r.State.Running, r.State.Pending = 4, 1
	if held := r.Gate(); !hasCode(held, CodeNotSteady) {
		t.Errorf("held %v, want %q", held, CodeNotSteady)
	}
}

// A fleet above its maximum is brought back by a policy that can tell how many
// are wanted, never by one that cannot.
func TestGuardCordonsNothingForAnAbstention(t *testing.T) {
	s, c, d, rules := guardCase()
	s.Limits.Max, d.Abstain = 8, true
	if g := guard(&s, &c, d, rules); len(g.cordon) > 0 {
		t.Errorf("cordoned %v on the word of a policy that cannot tell", cordonedIDs(g))
	}
}
