package policy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Cooldown lets a member change the number of tasks in one direction again only
// after some time has passed since it last changed in that direction.
//
// It goes by what happened and not by what was asked for: it sees the number of
// open and starting tasks in one snapshot grow or shrink to the next. A
// scale-out that the limits refused starts no clock; a task that was lost, or
// that somebody else added, does. The controller has a cooldown of its own for
// scale-in; this one shapes a member.
type Cooldown struct {
	// Policy is the member; nil abstains.
	Policy autoscaler.Policy
	// Out and In are the times that pass between two changes in that direction;
	// 0 or negative is none.
	Out, In time.Duration
}

// Name returns "cooldown".
func (Cooldown) Name() string { return "cooldown" }

// Decide asks the member and holds where the last change is too recent.
func (p Cooldown) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	seen := observeChange(&s)
	d := ask(s, p.Name(), p.Policy, seen.Member)
	have := capacity(&s)
	switch {
	case d.Abstain || noOpinion(d):
	case d.Open > have:
		if wait := remaining(&s, seen.Out, p.Out); wait > 0 {
			d = p.held(d, have, CodeCoolingOut, wait)
		}
	case d.Open < have:
		if wait := remaining(&s, seen.In, p.In); wait > 0 {
			d = p.held(d, have, CodeCoolingIn, wait)
		}
	}
	return carry(d, p.Name(), &seen, &seen.Member)
}

// held turns a member's wish into a hold, with the reason before the member's.
func (p Cooldown) held(d autoscaler.Decision, have int, code autoscaler.Code, wait time.Duration) autoscaler.Decision {
	own := autoscaler.Reason{
		Code: code, Severity: autoscaler.Info, By: p.Name(),
		Detail: fmt.Sprintf("%d wanted, %v to wait", d.Open, wait.Round(time.Second)),
	}
	return moved(d, have, have, own)
}

// change is the memory of a Cooldown: the tasks in the last snapshot, and when
// their number last grew and shrank, in Unix milliseconds, 0 for never.
type change struct {
	Tasks  *int            `json:"tasks"`
	Out    int64           `json:"out,omitempty"`
	In     int64           `json:"in,omitempty"`
	Member json.RawMessage `json:"member,omitempty"`
}

// observeChange compares the snapshot with the one before it.
func observeChange(s *autoscaler.Snapshot) change {
	var seen change
	if err := json.Unmarshal(s.Memory, &seen); err != nil {
		seen = change{}
	}
	have := capacity(s)
	switch {
	case seen.Tasks == nil:
	case have > *seen.Tasks:
		seen.Out = s.At.UnixMilli()
	case have < *seen.Tasks:
		seen.In = s.At.UnixMilli()
	}
	seen.Tasks = &have
	return seen
}

// remaining returns how much of a pause is left after an instant. An instant
// after the snapshot's is nothing that this policy wrote.
func remaining(s *autoscaler.Snapshot, since int64, pause time.Duration) time.Duration {
	passed := s.At.UnixMilli() - since
	if since == 0 || passed < 0 || passed >= pause.Milliseconds() {
		return 0
	}
	return pause - time.Duration(passed)*time.Millisecond
}
