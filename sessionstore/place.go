package sessionstore

import "github.com/seed-979cce96/idlescale/autoscaler"

// Route says which task a new session is to go to.
type Route int

// The routes.
const (
	// Pack takes the fullest open task that has a free slot, so that the others
	// run empty and can be given back.
	Pack Route = iota
	// Least takes the open task with the fewest sessions.
	Least
)

// Choice is a task for a new session, as it stood when it was looked at. Begin
// decides, and its refusal says what to do: see [Place].
type Choice struct {
	Ref  autoscaler.TaskRef
	Free int // slots that were free, the one to be taken included
	// Reopen says that the task is cordoned and Begin has to ask for it to be
	// opened: no open task has room.
	Reopen bool
}

// Place chooses the task for a new session, or reports that none has room. It
// takes open tasks with a free slot first; then, as the last resort, a cordoned
// one that the policy drains: the one with the most sessions, among equals the
// one cordoned last. Tasks of another owner, tasks whose occupancy is unknown,
// and those that an operator drains are never chosen. Equal tasks are told apart
// by their ids. It visits each task once and allocates nothing.
//
// Where Begin refuses the choice: on ErrCordoned or ErrTaskFull choose again on a
// fresh look; on [ErrEnded] give up, whatever the task; on ErrGone otherwise
// choose another task, which a fresh look does too.
func Place(tasks []autoscaler.TaskActivity, route Route) (choice Choice, ok bool) {
	open, cordoned := -1, -1
	for i := range tasks {
		if free(&tasks[i]) <= 0 {
			continue
		}
		switch tasks[i].State {
		case autoscaler.TaskOpen:
			if open < 0 || betterOpen(&tasks[i], &tasks[open], route) {
				open = i
			}
		case autoscaler.TaskCordoned:
			reopens := tasks[i].Drain.By == "" && !tasks[i].NeverOpened
			if reopens && (cordoned < 0 || betterCordoned(&tasks[i], &tasks[cordoned])) {
				cordoned = i
			}
		case autoscaler.TaskNew, autoscaler.TaskRetired, autoscaler.TaskStopping, autoscaler.TaskGone:
		}
	}
	switch {
	case open >= 0:
		return Choice{Ref: tasks[open].Ref, Free: free(&tasks[open])}, true
	case cordoned >= 0:
		return Choice{Ref: tasks[cordoned].Ref, Free: free(&tasks[cordoned]), Reopen: true}, true
	}
	return Choice{}, false
}

// free returns the slots of a task that are known to be free.
func free(a *autoscaler.TaskActivity) int {
	n, known := a.Occupancy.Sessions()
	if !known || a.Foreign {
		return 0
	}
	return a.Slots - n
}

func sessions(a *autoscaler.TaskActivity) int {
	n, _ := a.Occupancy.Sessions()
	return n
}

// betterOpen compares by sessions and not by free slots where it packs: a small
// task that is nearly full empties later than a large one that holds more.
func betterOpen(a, b *autoscaler.TaskActivity, route Route) bool {
	m, n := sessions(a), sessions(b)
	switch {
	case m == n:
		return a.Ref.Task < b.Ref.Task
	case route == Least:
		return m < n
	}
	return m > n
}

func betterCordoned(a, b *autoscaler.TaskActivity) bool {
	m, n := sessions(a), sessions(b)
	switch {
	case m != n:
		return m > n
	case !a.Drain.Since.Equal(b.Drain.Since):
		return a.Drain.Since.After(b.Drain.Since)
	}
	return a.Ref.Task < b.Ref.Task
}
