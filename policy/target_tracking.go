package policy

import (
	"fmt"
	"math"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// The defaults of [TargetTracking].
const (
	DefaultTarget    = 70.0 // in the unit of the metric
	DefaultTolerance = 10.0 // percent of the target
)

// TargetTracking keeps a number near a target, in proportion. It wants
//
//	⌈open tasks × reading / target⌉
//
// where the open tasks are those that the reading was measured on:
//
//   - a reading within the tolerance of the target: it holds;
//   - above: never fewer than there are. Tasks that are starting, and those that
//     have opened since the reading, are its answer, so one load is answered once;
//   - below: never more than there are. It names no task;
//   - a metric without a value, slots that no open task states, or no open task at
//     the time of the reading: it abstains, since missing is not zero.
//
// For one snapshot and memory the number wanted never falls as the reading grows.
// The metric has to halve as the tasks double, as CPU, memory and the slots in use
// do; for a count over the whole service take [Steps].
//
// The zero value keeps 70 percent of the slots in use. A service without tasks
// has nothing to measure, so TargetTracking never starts the first one: a minimum
// does, or a [Waiting] beside it. It remembers at most 30 numbers of open tasks.
type TargetTracking struct {
	// Metric is what is tracked. Empty is the share of the slots of open tasks
	// that are in use, in percent, which needs no metric: a task whose occupancy
	// is unknown counts as full, and one that states no slots does not count.
	Metric autoscaler.Metric
	// Target is the value to keep, in the unit of the metric. What is not a
	// positive finite number means DefaultTarget.
	Target float64
	// Tolerance is how far the reading may be from the target, in percent of it,
	// before anything is wanted. 0, or what is not a number, means
	// DefaultTolerance; negative is none.
	Tolerance float64
}

// Name returns "target-tracking".
func (TargetTracking) Name() string { return "target-tracking" }

// Decide follows the law above. It visits no task.
func (p TargetTracking) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	m, missing := measure(&s, p.Metric)
	var d autoscaler.Decision
	switch {
	case missing != "":
		d = abstain(&s, p.Name(), CodeLoadUnknown, missing)
	case m.open == 0:
		d = abstain(&s, p.Name(), CodeLoadUnknown, m.name+" was measured on no open task")
	default:
		d = p.track(&s, m)
	}
	d.Memory = m.memory()
	return d
}

func (p TargetTracking) track(s *autoscaler.Snapshot, m measured) autoscaler.Decision {
	target, have := p.target(), capacity(s)
	wanted := int(min(math.Ceil(float64(m.open)*max(m.value, 0)/target), most))
	detail := fmt.Sprintf("%s %.4g on %d tasks, target %.4g", m.name, m.value, m.open, target)
	switch {
	case math.Abs(m.value-target) <= target*p.tolerance()/100:
		return hold(s, p.Name(), CodeOnTarget, detail)
	case m.value > target && wanted > have:
		return want(p.Name(), wanted, CodeAboveTarget, detail)
	case m.value > target:
		return hold(s, p.Name(), CodeLoadAnswered, detail)
	case wanted < have:
		return want(p.Name(), wanted, CodeBelowTarget, detail)
	}
	return hold(s, p.Name(), CodeOnTarget, detail)
}

func (p TargetTracking) target() float64 {
	if p.Target > 0 && !math.IsInf(p.Target, 1) {
		return p.Target
	}
	return DefaultTarget
}

func (p TargetTracking) tolerance() float64 {
	if p.Tolerance == 0 || math.IsNaN(p.Tolerance) {
		return DefaultTolerance
	}
	return max(p.Tolerance, 0)
}
