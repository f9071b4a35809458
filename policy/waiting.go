package policy

import (
	"encoding/json"
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Waiting answers users who find no slot. It wants as many tasks as are open and
//
//	⌈(users waiting + users refused since the last pass) / slots per task⌉
//
// more, and never fewer than there are: tasks that are starting are the answer to
// the same users. Slots that are free now do not count, since these users did not
// get one. The slots per task are the average of the open ones.
//
// Where nobody waits and nobody was refused it has no opinion (see [Optional]), so
// that beside others in [Safest] it only ever adds, and while users wait it keeps
// the others from taking away. It never abstains: where no broker tells who waits,
// and nothing counts refusals, there is nobody to answer.
//
// Users waiting are counted anew in each pass, refusals once each, from the count
// of the last pass, which is all that it remembers. Without one, or where the
// count has become smaller, nobody was refused.
type Waiting struct {
	// PerTask is the number of slots of a task while no open task says its own;
	// 0 or negative means DefaultPerTask.
	PerTask int
}

// Name returns "waiting".
func (Waiting) Name() string { return "waiting" }

// Decide follows the law above. It visits no task.
func (p Waiting) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	waiting, turnedAway := bounded(s.Demand.Waiting), p.refused(&s)
	d := p.answer(&s, waiting, turnedAway)
	d.Memory = fmt.Appendf(nil, `{"refusals":%d}`, max(s.Demand.Refusals, 0))
	return d
}

func (p Waiting) answer(s *autoscaler.Snapshot, waiting, turnedAway int) autoscaler.Decision {
	if waiting+turnedAway == 0 {
		return hold(s, p.Name(), CodeNoOpinion, "nobody waits")
	}
	slots, tasks := perTask(s, p.PerTask)
	more := tasksFor(int64(waiting)+int64(turnedAway), slots, tasks)
	wanted := bounded(bounded(s.Totals.Open) + more)
	detail := fmt.Sprintf("%d users waiting, %d refused", waiting, turnedAway)
	if wanted <= capacity(s) {
		return hold(s, p.Name(), CodeWaitingAnswered, detail)
	}
	return want(p.Name(), wanted, CodeUsersWaiting, detail)
}

// refused returns how many users were turned away since the last pass.
func (Waiting) refused(s *autoscaler.Snapshot) int {
	var last struct {
		Refusals *int64 `json:"refusals"`
	}
	if err := json.Unmarshal(s.Memory, &last); err != nil || last.Refusals == nil || *last.Refusals < 0 {
		return 0
	}
	return int(min(max(max(s.Demand.Refusals, 0)-*last.Refusals, 0), most))
}
