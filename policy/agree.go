package policy

import (
	"encoding/json"
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// The defaults of [Agree].
const (
	DefaultAgreeOut = 1 // passes
	DefaultAgreeIn  = 3 // passes
)

// Agree lets a member change the number of tasks only once it has wanted a change
// in that direction in several passes in a row; until then it holds. How far the
// member wants to go may differ from pass to pass: the last wish is followed, and
// goes on being followed while the direction stays.
//
// A pass in which the member holds, abstains, has no opinion, or wants the other
// direction begins the count anew; an abstention and no opinion are passed on.
// Passes are counted and not time: where events wake a controller, several may
// lie within a second. [Stabilize] counts time.
type Agree struct {
	// Policy is the member; nil abstains.
	Policy autoscaler.Policy
	// Out and In are the passes that have to agree, the deciding one included. 0
	// means DefaultAgreeOut and DefaultAgreeIn; negative counts as 1.
	Out, In int
}

// Name returns "agree".
func (Agree) Name() string { return "agree" }

// Decide asks the member and holds until enough passes agree.
func (p Agree) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	before := p.recall(&s)
	d := ask(s, p.Name(), p.Policy, before.Member)
	have, after := capacity(&s), agreed{}
	switch {
	case d.Abstain || noOpinion(d):
	case d.Open > have:
		after.Out = min(before.Out+1, p.out())
		d = p.wait(d, have, after.Out, p.out(), CodeAwaitingOut)
	case d.Open < have:
		after.In = min(before.In+1, p.in())
		d = p.wait(d, have, after.In, p.in(), CodeAwaitingIn)
	}
	return carry(d, p.Name(), &after, &after.Member)
}

// wait turns the wish into a hold while passes are missing.
func (p Agree) wait(d autoscaler.Decision, have, passes, needed int, code autoscaler.Code) autoscaler.Decision {
	if passes >= needed {
		return d
	}
	return moved(d, have, have, autoscaler.Reason{
		Code: code, Severity: autoscaler.Info, By: p.Name(),
		Detail: fmt.Sprintf("%d wanted, pass %d of %d", d.Open, passes, needed),
	})
}

func (p Agree) out() int { return passes(p.Out, DefaultAgreeOut) }
func (p Agree) in() int  { return passes(p.In, DefaultAgreeIn) }

func passes(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return max(bounded(n), 1)
}

// agreed is the memory of an Agree: the passes in a row in which the member
// wanted more, or those in which it wanted fewer.
type agreed struct {
	Out    int             `json:"out,omitempty"`
	In     int             `json:"in,omitempty"`
	Member json.RawMessage `json:"member,omitempty"`
}

// recall reads the memory. Counts that this policy cannot have written are none.
func (p Agree) recall(s *autoscaler.Snapshot) agreed {
	var a agreed
	if err := json.Unmarshal(s.Memory, &a); err != nil {
		return agreed{}
	}
	if min(a.Out, a.In) != 0 || max(a.Out, a.In) > max(p.out(), p.in()) {
		a.Out, a.In = 0, 0
	}
	return a
}
