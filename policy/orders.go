package policy

import (
	"cmp"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Orders composes victim orders: the first that cares decides, the next breaks
// its ties. Nil orders are left out, and without any order no task goes before
// another.
func Orders(orders ...autoscaler.VictimOrder) autoscaler.VictimOrder {
	return func(s autoscaler.Snapshot) func(a, b autoscaler.Task) int {
		var compare []func(a, b autoscaler.Task) int
		for _, order := range orders {
			if order != nil {
				compare = append(compare, order(s))
			}
		}
		return func(a, b autoscaler.Task) int {
			for _, c := range compare {
				if n := c(a, b); n != 0 {
					return n
				}
			}
			return 0
		}
	}
}

// NeverOpenedFirst is a victim order: tasks that never admitted a session go
// before those that did. Nobody can miss them.
func NeverOpenedFirst(autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	return yesFirst(func(t *autoscaler.Task) bool { return t.NeverOpened })
}

// IdleFirst is a victim order: tasks known to hold no session go before those
// that hold one or may.
func IdleFirst(autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	return yesFirst(func(t *autoscaler.Task) bool { return t.Occupancy.Idle() })
}

// OldRevisionFirst is a victim order: tasks of a revision that is being replaced
// go first, since they have to go anyway.
func OldRevisionFirst(autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	return yesFirst(func(t *autoscaler.Task) bool { return t.Old })
}

// FewestSessions is a victim order: the fewer sessions a task holds the sooner
// it goes; a task of unknown occupancy goes last.
func FewestSessions(autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	return func(a, b autoscaler.Task) int {
		m, known := a.Occupancy.Sessions()
		n, alsoKnown := b.Occupancy.Sessions()
		if known != alsoKnown {
			return before(known)
		}
		return cmp.Compare(m, n)
	}
}

// LongestIdle is a victim order: the longer a task has been idle the sooner it
// goes; a task that is not idle has been so for no time at all.
func LongestIdle(autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	return func(a, b autoscaler.Task) int { return cmp.Compare(b.IdleFor, a.IdleFor) }
}

// Oldest is a victim order: the task that ECS created first goes first.
func Oldest(autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	return func(a, b autoscaler.Task) int { return cmp.Compare(b.Age, a.Age) }
}

// Newest is a victim order: the task that ECS created last goes first.
func Newest(autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	return func(a, b autoscaler.Task) int { return cmp.Compare(a.Age, b.Age) }
}

// FullestZoneFirst is a victim order: tasks of the zone with the most open and
// starting tasks go first, so that what stays is spread evenly. The zones are
// counted once, as the snapshot shows them; of several victims in one pass all
// may come from the same zone.
func FullestZoneFirst(s autoscaler.Snapshot) func(a, b autoscaler.Task) int {
	zones := make(map[string]int)
	for i := range s.Tasks {
		switch t := &s.Tasks[i]; t.State {
		case autoscaler.TaskNew, autoscaler.TaskOpen:
			zones[t.Zone]++
		case autoscaler.TaskCordoned, autoscaler.TaskRetired, autoscaler.TaskStopping, autoscaler.TaskGone:
		}
	}
	return func(a, b autoscaler.Task) int { return cmp.Compare(zones[b.Zone], zones[a.Zone]) }
}

// yesFirst ranks tasks that have a trait before those without it.
func yesFirst(trait func(*autoscaler.Task) bool) func(a, b autoscaler.Task) int {
	return func(a, b autoscaler.Task) int {
		yes, also := trait(&a), trait(&b)
		if yes == also {
			return 0
		}
		return before(yes)
	}
}

// before is the comparison of a task that goes first, or of one that goes last.
func before(first bool) int {
	if first {
		return -1
	}
	return 1
}
