package workflow

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Kind says what an [Action] is.
type Kind string

// The kinds of action. Those that look only read; Wait, Hold and Done end the
// call, and all others change something.
const (
	LookState   Kind = "look-state"   // describe the service
	LookListing Kind = "look-listing" // list its tasks with their protection
	LookTasks   Kind = "look-tasks"   // describe the tasks named, with their targets
	LookEvents  Kind = "look-events"  // count the events that could not be applied

	Protect   Kind = "protect"   // set protection on the tasks named
	Retire    Kind = "retire"    // set the final mark on the records of the tasks named
	Unprotect Kind = "unprotect" // remove protection from the retired tasks named
	Lower     Kind = "lower"     // write the desired count
	Stop      Kind = "stop"      // StopTask for the retired tasks named
	Forget    Kind = "forget"    // leave gravestones for the tasks named
	SteerOut  Kind = "steer-out" // deregister the tasks named from their target groups
	SteerIn   Kind = "steer-in"  // register them again
	Mark      Kind = "mark"      // send a barrier through the event queue of each task named
	Reopen    Kind = "reopen"    // end the drains of the tasks named

	Wait Kind = "wait" // nothing is due before Until
	Hold Kind = "hold" // something is due and must not be done now, for Reasons
	Done Kind = "done" // the release is over, with Outcome
)

// Action is what to do next: a value that says what, to which tasks, and why.
// Which of its fields mean something depends on its kind.
type Action struct {
	Kind    Kind
	Step    Step
	Tasks   []autoscaler.TaskID
	Until   time.Time // of Wait: when the next look is due
	Outcome autoscaler.Outcome
	Code    autoscaler.Code // why, where an action has more than one cause
	Reasons []autoscaler.Reason
}

// ends reports that the call is over with this action.
func (a Action) ends() bool { return a.Kind == Wait || a.Kind == Hold || a.Kind == Done }
