package policy

import (
	"math"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// most bounds every count here. Two of them add up without overflow in an int
// of 32 bits, and the product of two fits an int64, so no sum below needs a
// check of its own.
const most = 1_000_000_000

// bounded puts a count within 0 and most.
func bounded(n int) int { return min(max(n, 0), most) }

// capacity returns the open and starting tasks of a snapshot, whatever its
// totals say.
func capacity(s *autoscaler.Snapshot) int {
	return bounded(bounded(s.Totals.Open) + bounded(s.Totals.Starting))
}

// share returns percent of n, rounded up; 0 where either is not a positive
// number.
func share(n int, percent float64) int {
	if n <= 0 || math.IsNaN(percent) || percent <= 0 {
		return 0
	}
	return int(min(math.Ceil(float64(n)*percent/100), most))
}

// perTask returns the slots of a task as a ratio: that many slots on that many
// tasks. A ratio keeps the average of unequal tasks exact. While no open task says
// its own, otherwise stands for it, or else DefaultPerTask.
func perTask(s *autoscaler.Snapshot, otherwise int) (slots, tasks int) {
	slots, tasks = bounded(s.Totals.Slots), bounded(s.Totals.Open)
	switch {
	case slots > 0 && tasks > 0:
		return slots, tasks
	case otherwise > 0:
		return bounded(otherwise), 1
	}
	return DefaultPerTask, 1
}

// tasksFor returns the tasks that have the slots given, rounded up.
func tasksFor(need int64, slots, tasks int) int {
	need = min(need, most)
	return int(min((need*int64(tasks)+int64(slots)-1)/int64(slots), most))
}

// want is a decision for n open tasks by the policy of that name.
func want(by string, n int, code autoscaler.Code, detail string) autoscaler.Decision {
	return autoscaler.Decision{Open: bounded(n), Reasons: []autoscaler.Reason{
		{Code: code, Severity: autoscaler.Info, By: by, Detail: detail},
	}}
}

// hold is a decision for as many tasks as there are.
func hold(s *autoscaler.Snapshot, by string, code autoscaler.Code, detail string) autoscaler.Decision {
	return want(by, capacity(s), code, detail)
}

// abstain is a decision that cannot tell.
func abstain(s *autoscaler.Snapshot, by string, code autoscaler.Code, detail string) autoscaler.Decision {
	d := hold(s, by, code, detail)
	d.Abstain, d.Reasons[0].Severity = true, autoscaler.Notice
	return d
}
