package workflow

import (
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Timing holds a release's bounds. Zero fields take their defaults.
type Timing struct {
	// Lifetime of a protection that the release sets: 24 h. Margin is how much
	// of one must be left for it to count: 30 min.
	Lifetime, Margin time.Duration
	// SelfClear is how long a retired task is given to clear its own
	// protection: 35 s, a report interval and a little.
	SelfClear time.Duration
	// Chosen is how long ECS is given to choose a retired task after the desired
	// count was written: 120 s. After it the task is stopped by StopTask.
	Chosen time.Duration
	// StopSlack is added to the deregistration delay and the stop timeout for
	// the bound after which a task counts as stuck: 180 s.
	StopSlack time.Duration
	// Missing is how long ECS must not know a task before it is taken for
	// stopped: 10 min.
	Missing time.Duration
	// Look is the time between two looks at the same thing: 1 min.
	Look time.Duration
	// Alarm is how long the gate may hold ready tasks before that is an alert: 1 h.
	Alarm time.Duration
	// Grace is how long a call that is under way when its context ends is given to
	// be answered, and to be told of: 10 s.
	Grace time.Duration
}

func (t Timing) withDefaults() Timing {
	fill := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	fill(&t.Lifetime, 24*time.Hour)
	fill(&t.Margin, 30*time.Minute)
	fill(&t.SelfClear, 35*time.Second)
	fill(&t.Chosen, 120*time.Second)
	fill(&t.StopSlack, 180*time.Second)
	fill(&t.Missing, 10*time.Minute)
	fill(&t.Look, time.Minute)
	fill(&t.Alarm, time.Hour)
	fill(&t.Grace, 10*time.Second)
	return t
}

// Options are the settings that decide what a release does next.
type Options struct {
	Timing            Timing
	LoadBalancerFirst bool
	Events            bool // there is a queue to send barriers through
}

// Facts are everything that [Next] decides by: the records and the cluster as
// read in this call, and what this call has tried. Nothing else is remembered
// between two actions, so any process arrives at the same action from the same
// records.
type Facts struct {
	At         time.Time
	Options    Options
	Release    autoscaler.Release
	Checkpoint autoscaler.Checkpoint
	Control    autoscaler.Control
	Activity   []autoscaler.TaskActivity // ordered by task id

	// ClockOff says that this process's clock is further from the store's than the
	// skew bound: by it nothing can be judged that takes time.
	ClockOff bool

	// What was read of the cluster in this call; nil when it was not.
	State   *autoscaler.ServiceState
	Listing []autoscaler.TaskStatus // every task ECS means to run, with protection
	Looked  []autoscaler.TaskStatus // tasks described by id, with their targets
	Failed  *int                    // events of the service that could not be applied

	// Tried are the tasks that this call has acted on, whatever came of it: no
	// task is acted on twice in the same way by one call.
	Tried map[Kind][]autoscaler.TaskID
	// Lowered says what came of writing the desired count, once it was tried.
	Lowered *Lowering
}

// Lowering is the result of one attempt to write the desired count.
type Lowering struct {
	Written bool
	Held    []autoscaler.Reason // why not, when not
}

// tried reports that the call has acted on the task in this way.
func (f *Facts) tried(kind Kind, task autoscaler.TaskID) bool {
	return slices.Contains(f.Tried[kind], task)
}

// untried leaves out the tasks that the call has acted on in this way.
func (f *Facts) untried(kind Kind, tasks []autoscaler.TaskID) []autoscaler.TaskID {
	var rest []autoscaler.TaskID
	for _, id := range tasks {
		if !f.tried(kind, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// record returns the record of a task, nil when it has none.
func (f *Facts) record(task autoscaler.TaskID) *autoscaler.TaskActivity {
	for i := range f.Activity {
		if f.Activity[i].Ref.Task == task {
			return &f.Activity[i]
		}
	}
	return nil
}

// retired returns the records that are retired and not closed, of this release
// or not: the records alone say what is left to be done.
func (f *Facts) retired() []*autoscaler.TaskActivity {
	var found []*autoscaler.TaskActivity
	for i := range f.Activity {
		if a := &f.Activity[i]; a.State == autoscaler.TaskRetired && !a.Foreign {
			found = append(found, a)
		}
	}
	return found
}

// batch returns the records of the release's tasks that are still being
// drained. One that was reopened has dropped out by that alone.
func (f *Facts) batch() []*autoscaler.TaskActivity {
	var found []*autoscaler.TaskActivity
	for i := range f.Activity {
		a := &f.Activity[i]
		if a.State == autoscaler.TaskCordoned && a.Drain.ID != "" && !a.Foreign && slices.Contains(f.Release.Tasks, a.Ref.Task) {
			found = append(found, a)
		}
	}
	return found
}

// ready reports that a drain is finished. Where nothing reports there is nothing
// to acknowledge, and the store decides when the task has been quiet for long
// enough.
func (f *Facts) ready(a *autoscaler.TaskActivity) bool {
	acknowledged := a.Acknowledged || a.Processes == 0 && !eventsOnly(a)
	// A lapsed lease does not matter here: the record is closed until somebody
	// opens it by a write, and that write would make the retire fail.
	return a.Occupancy.Idle() && acknowledged && !f.Control.Pinned(a.Ref.Task, f.At)
}

// busy reports that the task is known to hold a session.
func busy(a *autoscaler.TaskActivity) bool {
	n, known := a.Occupancy.Sessions()
	return known && n > 0
}

// listed returns the task in the listing, nil when it is not in it.
func (f *Facts) listed(task autoscaler.TaskID) *autoscaler.TaskStatus { return find(f.Listing, task) }

// status returns the newest description of a task, nil when it was not read.
func (f *Facts) status(task autoscaler.TaskID) *autoscaler.TaskStatus {
	if s := find(f.Looked, task); s != nil {
		return s
	}
	if f.State != nil {
		if s := find(f.State.Tasks, task); s != nil {
			return s
		}
	}
	return f.listed(task)
}

// wanted reports that ECS means to run the task, as far as is known: a task that
// was not looked at counts as wanted, one that a listing lacks does not.
func (f *Facts) wanted(task autoscaler.TaskID) bool {
	if s := f.status(task); s != nil {
		return s.Wanted()
	}
	// Retired tasks are old: a listing that lacks one has seen it go.
	return f.Listing == nil && f.State == nil
}

// protected reports that the task is listed with protection that has the margin
// left.
func (f *Facts) protected(task autoscaler.TaskID) bool {
	s := f.listed(task)
	return s != nil && !s.ProtectedUntil.Before(f.At.Add(f.Options.Timing.Margin))
}

// shielded reports that the task is listed with any protection left at all: ECS
// does not choose it.
func (f *Facts) shielded(task autoscaler.TaskID) bool {
	s := f.listed(task)
	return s != nil && s.ProtectedUntil.After(f.At)
}

// reads returns what the gate and the desired count are judged by.
func (f *Facts) reads() autoscaler.Reads {
	return autoscaler.Reads{Began: f.At, Checkpoint: f.Checkpoint, State: *f.State, Activity: f.Activity}
}

// ending returns when ECS was first seen to stop the task, or not to know it.
func (f *Facts) ending(task autoscaler.TaskID, missing bool) (since time.Time, seen bool) {
	for _, e := range f.Release.Ending {
		if e.Task == task && e.Missing == missing {
			return e.Since, true
		}
	}
	return f.At, false
}

func find(tasks []autoscaler.TaskStatus, task autoscaler.TaskID) *autoscaler.TaskStatus {
	for i := range tasks {
		if tasks[i].ID == task {
			return &tasks[i]
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func ids(records []*autoscaler.TaskActivity) []autoscaler.TaskID {
	var all []autoscaler.TaskID
	for _, a := range records {
		all = append(all, a.Ref.Task)
	}
	return all
}

// deregistered returns how the task was taken out of its target groups by hand
// for the drain it is under now.
func (f *Facts) deregistered(a *autoscaler.TaskActivity) (autoscaler.Steered, bool) {
	for _, s := range f.Release.Steered {
		if s.Task == a.Ref.Task && !s.At.Before(a.Drain.Since) {
			return s, true
		}
	}
	return autoscaler.Steered{}, false
}
