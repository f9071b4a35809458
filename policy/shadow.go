package policy

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// triedLimit bounds what Tried may remember. What surrounds a Shadow drops the
// largest memory when there is no room, and that must not be Live's on Tried's
// account.
const triedLimit = autoscaler.MemoryLimit / 4

// Shadow does what Live decides, and says in one more reason what Tried would have
// wanted where that differs: another number, other tasks, or an abstention where
// the other one decides. So a policy is tried on a service before it is trusted
// with it.
//
// Tried is asked on the same snapshots with a memory of its own, and decides
// nothing. It is asked last, so that even one that changes what it was given finds
// Live's decision made. It may remember a quarter of the limit of a whole
// composition: beyond that, or where no room is left beside Live's, or what is not
// JSON, is dropped with a reason, and Live's memory stays. Only a panic, or a
// decision that never comes, is Live's too.
//
// What would have come of Tried's own decisions is not seen: it is shown a service
// that Live scales.
type Shadow struct {
	// Live is followed; nil abstains.
	Live autoscaler.Policy
	// Tried is only asked; nil abstains.
	Tried autoscaler.Policy
}

// Name returns "shadow".
func (Shadow) Name() string { return "shadow" }

// Decide asks both and follows Live.
func (p Shadow) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	var before both
	if err := json.Unmarshal(s.Memory, &before); err != nil {
		before = both{}
	}
	live := ask(s, p.Name(), p.Live, before.Live)
	tried := ask(s, p.Name(), p.Tried, before.Tried)
	if detail := differs(live, tried); detail != "" {
		live.Reasons = append(live.Reasons, autoscaler.Reason{
			Code: CodeTriedDiffers, Severity: autoscaler.Info, By: p.Name(), Detail: detail,
		})
	}
	return p.keep(live, tried.Memory)
}

// keep remembers Live's memory, and Tried's where it fits beside it.
func (p Shadow) keep(d autoscaler.Decision, tried autoscaler.Memory) autoscaler.Decision {
	var after both
	d = carry(d, p.Name(), &after, &after.Live)
	if len(tried) == 0 {
		return d
	}
	after.Tried = tried
	packed, err := json.Marshal(after)
	if err != nil || len(tried) > triedLimit || len(packed) > autoscaler.MemoryLimit {
		d.Reasons = append(d.Reasons, autoscaler.Reason{
			Code: CodeMemoryDropped, Severity: autoscaler.Notice, By: p.Name(), Detail: "of the policy tried",
		})
		return d
	}
	d.Memory = packed
	return d
}

// differs says what Tried would have wanted; empty where it would have wanted the
// same. Texts of a policy that is not trusted yet are cut short.
func differs(live, tried autoscaler.Decision) string {
	because := fmt.Sprintf("%.60s: %.60s", tried.Reasons[0].By, tried.Reasons[0].Code)
	switch {
	case tried.Abstain && live.Abstain:
		return ""
	case tried.Abstain:
		return "would abstain, " + because
	case live.Abstain || tried.Open != live.Open:
		return fmt.Sprintf("would want %d and not %d, %s", tried.Open, live.Open, because)
	case !sameTasks(live.Remove, tried.Remove) || !sameTasks(live.Empty, tried.Empty) || !sameTasks(live.Reopen, tried.Reopen):
		return "would name other tasks, " + because
	}
	return ""
}

// sameTasks compares lists as sets.
func sameTasks(a, b []autoscaler.TaskID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// both is the memory of a Shadow.
type both struct {
	Live  json.RawMessage `json:"live,omitempty"`
	Tried json.RawMessage `json:"tried,omitempty"`
}
