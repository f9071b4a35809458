package policy

import (
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// The defaults of [Buffer].
const (
	DefaultPerTask       = 10   // slots
	DefaultBufferPercent = 20.0 // percent of the slots in use
)

// Buffer keeps slots free for users who are about to come. It wants
//
//	⌈(slots in use on open tasks + users waiting + buffer) / slots per task⌉
//
// open tasks, where the buffer is the larger of Slots and Percent. A task whose
// occupancy is unknown counts as full, and sessions on cordoned tasks do not
// count: they take no slot of an open task and never will. The slots per task
// are the average of the open ones.
//
// It names no task: which of them goes is the victim order's business. Its
// number is right for packed tasks; where sessions are spread thin it wants
// fewer tasks than can be drained while idle, and gets those that are.
//
// The zero value keeps DefaultBufferPercent and at least one task's slots.
type Buffer struct {
	// Slots is how many slots are kept free; negative counts as 0.
	Slots int
	// Percent is how many are kept free per hundred slots in use; negative, or
	// what is not a number, counts as 0. With both 0 the defaults above hold.
	Percent float64
	// PerTask is the number of slots of a task while no open task says its own;
	// 0 or negative means DefaultPerTask.
	PerTask int
}

// Name returns "buffer".
func (Buffer) Name() string { return "buffer" }

// Decide follows the law above. It visits no task and has no memory.
func (p Buffer) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	slots, tasks := perTask(&s, p.PerTask)
	used := max(0, bounded(s.Totals.Slots)-bounded(s.Totals.Free))
	waiting := bounded(s.Demand.Waiting)
	keep := p.keep(used, slots, tasks)
	wanted := tasksFor(int64(used)+int64(waiting)+int64(keep), slots, tasks)

	code, have := CodeBufferKept, capacity(&s)
	switch {
	case wanted > have:
		code = CodeBufferShort
	case wanted < have:
		code = CodeBufferSpare
	}
	return want(p.Name(), wanted, code,
		fmt.Sprintf("%d slots in use, %d users waiting, %d slots to keep free", used, waiting, keep))
}

// keep returns the slots to keep free.
func (p Buffer) keep(used, slots, tasks int) int {
	keep := max(bounded(p.Slots), share(used, p.Percent))
	if p.Slots == 0 && p.Percent == 0 {
		one := (slots + tasks - 1) / tasks
		keep = max(one, share(used, DefaultBufferPercent))
	}
	return keep
}
