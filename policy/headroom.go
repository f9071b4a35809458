package policy

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// DefaultMisses is how many arrivals in a million may find no free slot, where
// [Headroom] is not told otherwise and a task has ten slots or more. Where it has
// fewer, so many more may as a slot of room costs more: ten times as many at one slot.
const DefaultMisses = 50.0

// Headroom keeps as much room as the service's own past says is needed until a task
// that is asked for now has started. It needs no tuning: the zero value serves any
// load, from its first minute on, and gets better with what it sees.
//
// It forecasts how many more slots will be taken than given back in the time that a
// task takes to start, and keeps room for that and for what such forecasts have been
// wrong by:
//
//   - arrivals from the last few dozen of them, in proportion to the time of day and
//     of the week where that has forecast better than no season;
//   - departures from the sessions on open tasks, since those on cordoned ones free
//     nothing that anybody can use;
//   - the error as an empirical quantile of past ones, over their own spread. Which
//     quantile follows from Misses and from how often the room comes into need;
//   - a sudden change, from the shortest recent time with more arrivals than chance
//     explains.
//
// With that room it empties the emptiest task as soon as the others have room for as
// many sessions as it has slots, and has it reopened when demand returns: an emptied
// task costs nothing that it did not cost before. A drained task that is empty is kept
// for a moment, and for as long as its slots are part of the room; it is released from
// room that exists now, never against tasks on their way. Where the routing knows
// nothing of cordons (Config.Emptying is false) only idle tasks are drained.
//
// A task whose occupancy is unknown counts as full, and users who wait as arrived. It
// counts on metrics for nothing. Its memory is some two kilobytes, however long and
// however large the service; without one, or with one that it did not write, it begins
// anew.
type Headroom struct {
	// Misses is how many arrivals in a million may find no free slot; 0, negative or
	// not a number means DefaultMisses, and more where a task has fewer than ten slots.
	// It aims at that and promises nothing: the fewer, the more room.
	Misses float64
	// PerTask is the number of slots of a task until an open one says its own; 0 or
	// negative means DefaultPerTask.
	PerTask int
	// Start is how long a task takes from being asked for to being open, until one has
	// been seen; 0 or negative means 90 s.
	Start time.Duration

	tuning *headroomTuning // for tests; nil for the constants
}

// Name returns "headroom".
func (Headroom) Name() string { return "headroom" }

// Decide follows the law above.
func (p Headroom) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	tuning := p.constants()
	past := remember(s.Memory)
	slots := p.slots(&s, &past)
	seen := see(&s)
	past.learn(&s, seen, p.start(), tuning)
	past.slots = slots
	r := past.forecast(&s, seen, p.misses(slots), tuning)

	h := headroom{s: &s, room: r, slots: slots, free: float64(bounded(s.Totals.Free)), waiting: float64(bounded(s.Demand.Waiting))}
	h.starting = float64(bounded(s.Totals.Starting)) * slots
	h.count()
	d := h.decide()
	h.release(&d, tuning)
	d.Room = h.alarm()
	d.Memory = past.memory()
	return d
}

// misses is what is aimed at. What it is worth that a user finds a slot at once is the
// same everywhere, and what the slot costs is a task's share: where a task is a slot, ten
// times that of a task with ten. With larger tasks the room is a part of one task, and
// cutting it saves little.
func (p Headroom) misses(slots float64) float64 {
	if p.Misses > 0 {
		return min(p.Misses, 1e6)
	}
	return DefaultMisses * max(1, DefaultPerTask/slots)
}

func (p Headroom) start() float64 {
	if p.Start > 0 {
		return min(p.Start.Seconds(), longestStart)
	}
	return 90
}

// slots is the number of slots of a task: the mean of the open ones, or what it was
// last.
func (p Headroom) slots(s *autoscaler.Snapshot, past *past) float64 {
	slots, open := bounded(s.Totals.Slots), bounded(s.Totals.Open)
	switch {
	case slots > 0 && open > 0:
		return max(1, float64(slots)/float64(open))
	case past.slots >= 1:
		return past.slots
	case p.PerTask > 0:
		return float64(bounded(p.PerTask))
	}
	return DefaultPerTask
}

// headroom is one decision in the making. All its numbers are slots.
type headroom struct {
	s        *autoscaler.Snapshot
	room     room
	slots    float64 // of a task
	free     float64 // on open tasks
	starting float64 // on tasks on their way
	spare    float64 // on cordoned tasks that can be reopened
	waiting  float64 // users
	drained  []*autoscaler.Task
}

// count finds the cordoned tasks that can be reopened, and their free slots.
func (h *headroom) count() {
	if h.s.Totals.Cordoned <= 0 {
		return
	}
	for i := range h.s.Tasks {
		t := &h.s.Tasks[i]
		if t.State == autoscaler.TaskCordoned && t.DrainBy == "" && !t.Unhealthy && !t.Old && known(t) {
			h.drained = append(h.drained, t)
			h.spare += vacant(t)
		}
	}
}

// decide compares the room there is with the room that is needed: what can be had at
// once against the time until a reopened task takes users, everything against the
// time until a new one does.
func (h *headroom) decide() autoscaler.Decision {
	have := capacity(h.s)
	soon := h.room.soon + h.waiting - h.free - h.starting
	later := h.room.start + h.waiting - h.free - h.starting - h.spare
	switch {
	case later > 0:
		// The controller reopens all there is before it starts the rest.
		return h.want(have+len(h.drained)+h.tasks(later), CodeRoomShort)
	case soon > 0:
		return h.want(have+h.reopen(soon), CodeRoomReopen)
	}
	if victims := h.empty(); len(victims) > 0 {
		d := h.want(have-len(victims), CodeRoomSpare)
		d.Empty = victims
		return d
	}
	return h.want(have, CodeRoomKept)
}

// tasks is how many tasks have the slots given.
func (h *headroom) tasks(slots float64) int { return int(min(math.Ceil(slots/h.slots), most)) }

// reopen is how many drained tasks, the fullest first as the controller takes them,
// have the free slots given; tasks are started for the rest unless some are already.
func (h *headroom) reopen(slots float64) int {
	slices.SortFunc(h.drained, func(a, b *autoscaler.Task) int {
		return cmp.Or(cmp.Compare(live(b), live(a)), cmp.Compare(a.ID, b.ID))
	})
	n := 0
	for _, t := range h.drained {
		if slots <= 0 {
			return n
		}
		slots -= vacant(t)
		n++
	}
	if slots > 0 && h.starting == 0 {
		n += h.tasks(slots)
	}
	return n
}

// empty names the tasks to empty: the emptiest, as long as the others have room for
// as many sessions as it has slots. Those that it holds will be replaced by others
// elsewhere before the last of them ends.
//
// Only tasks that are open count, and only their free slots: what is on its way may
// not come.
func (h *headroom) empty() []autoscaler.TaskID {
	extra := h.free - h.waiting - h.room.soon
	if extra < h.slots && h.s.Totals.Idle <= 0 || extra <= 0 {
		return nil
	}
	var open []*autoscaler.Task
	for i := range h.s.Tasks {
		t := &h.s.Tasks[i]
		if t.State == autoscaler.TaskOpen && !t.Pinned && !t.Undrainable && known(t) {
			open = append(open, t)
		}
	}
	slices.SortFunc(open, func(a, b *autoscaler.Task) int {
		// Of equals the younger one. What is left on an old task are the sessions that
		// last, and the longer one has lasted the longer it will, as a rule.
		return cmp.Or(cmp.Compare(live(a), live(b)), cmp.Compare(a.Age, b.Age), cmp.Compare(a.ID, b.ID))
	})
	var victims []autoscaler.TaskID
	for _, t := range open {
		if float64(bounded(t.Slots)) > extra || vacant(t) == 0 {
			break
		}
		extra -= vacant(t)
		victims = append(victims, t.ID)
	}
	return victims
}

// release keeps every drained task but those that are empty, have been so for a
// moment, and are not needed as room.
//
// While a task is on its way nothing is released: ECS would not be steady, and the
// release would be carried out later, on a room that nobody has looked at.
func (h *headroom) release(d *autoscaler.Decision, tuning headroomTuning) {
	if len(h.drained) == 0 {
		return
	}
	slices.SortFunc(h.drained, func(a, b *autoscaler.Task) int {
		return cmp.Or(cmp.Compare(b.IdleFor, a.IdleFor), cmp.Compare(a.ID, b.ID))
	})
	steady := h.starting == 0 && h.s.Pending <= 0
	reserve := h.free + h.spare - h.waiting - h.room.start - h.room.band
	for _, t := range h.drained {
		if steady && t.Occupancy.Idle() && t.IdleFor >= tuning.Hold && reserve >= vacant(t) {
			reserve -= vacant(t)
			continue
		}
		d.Keep = append(d.Keep, t.ID)
	}
}

// alarm is the number of free slots below which it wants to be asked again: where the
// room would fall short, and where more were taken than was forecast until the next
// pass.
func (h *headroom) alarm() int {
	short := min(h.room.start+h.waiting-h.starting-h.spare, h.free)
	return bounded(int(min(math.Ceil(max(1, short, h.room.soon, h.free-h.room.surprise)), most)))
}

// want is a decision of so many open tasks, and the reason with the numbers behind it.
func (h *headroom) want(open int, code autoscaler.Code) autoscaler.Decision {
	// Written number by number: a format costs an allocation for each.
	text := make([]byte, 0, 128)
	say := func(before string, n float64, digits int) {
		text = strconv.AppendFloat(append(text, before...), n, 'f', digits, 64)
	}
	say("room for ", h.room.start, 1)
	say(" (", h.room.soon, 1)
	say(" at once), ", h.free, 0)
	say(" free, ", h.spare, 0)
	say(" on drained tasks, ", h.starting, 0)
	say(" on tasks that start, ", h.waiting, 0)
	return want("headroom", open, code, string(append(text, " users waiting"...)))
}

// known reports that somebody can tell what the task holds.
func known(t *autoscaler.Task) bool {
	_, ok := t.Occupancy.Sessions()
	return ok
}

// live is the number of sessions on a task that is known.
func live(t *autoscaler.Task) int {
	n, _ := t.Occupancy.Sessions()
	return bounded(n)
}

// vacant is the number of slots of a task that nobody holds, open or not.
func vacant(t *autoscaler.Task) float64 { return float64(max(0, bounded(t.Slots)-live(t))) }
