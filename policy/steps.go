package policy

import (
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Steps changes the number of tasks by steps, the further a reading is from
// where it should be the larger:
//
//   - a reading above the bound of a step of Out: as many tasks as were open when
//     it was measured, and the largest such step more, but never fewer than there
//     are: what is starting or has opened since is its answer;
//   - otherwise, below the bound of a step of In: the largest such step fewer than
//     were open when it was measured, but never more than there are. It names no
//     task;
//   - otherwise, and so at every bound itself: it holds. Between the highest bound
//     of In and the lowest of Out nothing is ever wanted, which keeps a reading
//     that its own step has moved from calling for the other one;
//   - a metric without a value, or slots that no open task states: it abstains,
//     since missing is not zero.
//
// For one snapshot and memory the number wanted never falls as the reading grows,
// in whatever order the steps stand. Without steps it holds, and without In it
// never wants fewer. It remembers at most 30 numbers of open tasks.
type Steps struct {
	// Metric is what is watched; a host's own may be any finite number. Empty is
	// the share of the slots in use, in percent, as in [TargetTracking].
	Metric autoscaler.Metric
	// Out are the steps up, each for readings above its bound.
	Out []Step
	// In are the steps down, each for readings below its bound.
	In []Step
}

// Step is how many tasks a reading beyond a bound is worth.
type Step struct {
	// Bound is in the unit of the metric. A step whose bound is not a number is
	// never taken.
	Bound float64
	// Tasks is the change in tasks, and Percent the same as a percentage of the
	// open tasks, rounded up; the larger one counts. Negative counts as 0, and
	// both 0 mean DefaultStep. The field's list gives the direction.
	Tasks   int
	Percent float64
}

// Name returns "steps".
func (Steps) Name() string { return "steps" }

// Decide follows the law above. It visits no task.
func (p Steps) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	m, missing := measure(&s, p.Metric)
	var d autoscaler.Decision
	if missing != "" {
		d = abstain(&s, p.Name(), CodeLoadUnknown, missing)
	} else {
		d = p.step(&s, m)
	}
	d.Memory = m.memory()
	return d
}

func (p Steps) step(s *autoscaler.Snapshot, m measured) autoscaler.Decision {
	have := capacity(s)
	detail := fmt.Sprintf("%s %.4g on %d tasks", m.name, m.value, m.open)
	above := func(bound float64) bool { return m.value > bound }
	below := func(bound float64) bool { return m.value < bound }
	if out, found := largest(p.Out, m.open, above); found {
		if wanted := bounded(m.open + out); wanted > have {
			return want(p.Name(), wanted, CodeStepOut, detail)
		}
		return hold(s, p.Name(), CodeLoadAnswered, detail)
	}
	if in, found := largest(p.In, m.open, below); found {
		if wanted := bounded(m.open - in); wanted < have {
			return want(p.Name(), wanted, CodeStepIn, detail)
		}
		return hold(s, p.Name(), CodeLoadAnswered, detail)
	}
	return hold(s, p.Name(), CodeBetweenSteps, detail)
}

// largest returns the largest change among the steps whose bound matches.
func largest(steps []Step, open int, matches func(bound float64) bool) (change int, found bool) {
	for _, step := range steps {
		if matches(step.Bound) {
			change, found = max(change, step.of(open)), true
		}
	}
	return change, found
}

func (s Step) of(open int) int {
	if n := max(bounded(s.Tasks), share(open, s.Percent)); n > 0 {
		return n
	}
	return DefaultStep
}
