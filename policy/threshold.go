package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// The defaults of [Threshold].
const (
	DefaultCPU    = 70.0 // percent
	DefaultMemory = 80.0 // percent
	DefaultStep   = 1    // tasks
)

// Threshold adds tasks while the load is above a level, and otherwise removes
// exactly the tasks that nobody uses:
//
//   - CPU or memory above its level: as many open tasks as there are, plus a step;
//   - otherwise, a watched metric without a value: it abstains, since missing is
//     not zero;
//   - otherwise, open tasks known to hold no session: those are named, longest
//     idle first, pinned ones left out;
//   - otherwise it holds.
//
// One cause is answered once. Tasks that are starting count towards the step,
// and a reading that was measured before the asked-for tasks had all started
// cannot know of them, so it asks for no more; the instant is kept in memory.
//
// The zero value is ready to use. A service without tasks has no metrics, so
// Threshold never starts the first one: a minimum does, or a [Buffer] beside it.
type Threshold struct {
	// CPU and Memory are levels in percent of what the tasks reserved. 0, or
	// what is not a number, means DefaultCPU and DefaultMemory; a negative level
	// means that the metric is not watched, and then it may be absent.
	CPU, Memory float64
	// Step is how many tasks are added at a time, and StepPercent the same as a
	// percentage of the open tasks; the larger one counts. Both 0: DefaultStep.
	Step        int
	StepPercent float64
}

// Name returns "threshold".
func (Threshold) Name() string { return "threshold" }

// Decide follows the law above. It visits the tasks only where some are idle.
func (p Threshold) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	high, missing := p.load(s.Utilization)
	asked := p.remember(&s)
	var d autoscaler.Decision
	switch {
	case high != nil:
		d, asked = p.out(&s, high, asked)
	case missing != "":
		d = abstain(&s, p.Name(), CodeLoadUnknown, string(missing)+" has no value")
	default:
		d = p.in(&s)
	}
	d.Memory = asked.memory()
	return d
}

// breach is a metric above its level.
type breach struct {
	metric autoscaler.Metric
	autoscaler.Reading
	level float64
}

// load returns the breach that was measured last, and a watched metric that has
// no value.
func (p Threshold) load(u autoscaler.Utilization) (high *breach, missing autoscaler.Metric) {
	watch := func(metric autoscaler.Metric, level, otherwise float64) {
		if level < 0 {
			return
		}
		if level == 0 || math.IsNaN(level) {
			level = otherwise
		}
		reading, ok := u[metric]
		switch {
		case !ok || math.IsNaN(reading.Value):
			missing = metric
		case reading.Value > level && (high == nil || reading.At.After(high.At)):
			high = &breach{metric, reading, level}
		}
	}
	watch(autoscaler.MetricCPU, p.CPU, DefaultCPU)
	watch(autoscaler.MetricMemory, p.Memory, DefaultMemory)
	return high, missing
}

// out asks for a step above the open tasks, unless the breach was answered.
func (p Threshold) out(s *autoscaler.Snapshot, high *breach, last asked) (autoscaler.Decision, asked) {
	detail := fmt.Sprintf("%s %.4g%%, level %.4g%%", high.metric, high.Value, high.level)
	have := capacity(s)
	wanted := bounded(bounded(s.Totals.Open) + p.step(s))
	switch {
	case wanted <= have:
		return hold(s, p.Name(), CodeLoadAnswered, detail+"; enough tasks are starting"), asked{At: s.At.UnixMilli()}
	case last.At != 0 && high.At.UnixMilli() <= last.At:
		return hold(s, p.Name(), CodeLoadAnswered, detail+"; measured before the new tasks were open"), last
	}
	return want(p.Name(), wanted, CodeLoadHigh, detail), asked{At: s.At.UnixMilli()}
}

func (p Threshold) step(s *autoscaler.Snapshot) int {
	step := max(bounded(p.Step), share(bounded(s.Totals.Open), p.StepPercent))
	if step == 0 {
		return DefaultStep
	}
	return step
}

// in names the tasks that nobody uses.
func (p Threshold) in(s *autoscaler.Snapshot) autoscaler.Decision {
	if s.Totals.Idle <= 0 {
		return hold(s, p.Name(), CodeInUse, "")
	}
	var unused []*autoscaler.Task
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if t.State == autoscaler.TaskOpen && t.Occupancy.Idle() && !t.Pinned {
			unused = append(unused, t)
		}
	}
	if len(unused) == 0 {
		return hold(s, p.Name(), CodeInUse, "")
	}
	slices.SortFunc(unused, func(a, b *autoscaler.Task) int {
		return cmp.Or(cmp.Compare(b.IdleFor, a.IdleFor), cmp.Compare(a.ID, b.ID))
	})
	d := want(p.Name(), capacity(s)-len(unused), CodeUnused, "")
	d.Reasons[0].Count = len(unused)
	for _, t := range unused {
		d.Remove = append(d.Remove, t.ID)
	}
	return d
}

// asked is the memory of a Threshold: when tasks that it asked for were last
// wanted or starting, in Unix milliseconds; 0 for never.
type asked struct {
	At int64 `json:"asked"`
}

// remember reads the memory. An instant after the snapshot's is not this
// policy's work.
func (Threshold) remember(s *autoscaler.Snapshot) asked {
	var a asked
	if err := json.Unmarshal(s.Memory, &a); err != nil || a.At > s.At.UnixMilli() {
		return asked{}
	}
	return a
}

func (a asked) memory() autoscaler.Memory {
	if a.At == 0 {
		return nil
	}
	return fmt.Appendf(nil, `{"asked":%d}`, a.At)
}
