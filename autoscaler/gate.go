package autoscaler

import (
	"fmt"
	"time"
)

// owedAfter is how long ECS may owe tasks (placement failures, say) before the
// desired count may be lowered to what there is.
const owedAfter = 15 * time.Minute

// Gate judges whether tasks of a service may be released on what was read. It
// returns the reasons to hold, none when the gate is open. A gate that is shut
// has changed nothing; the release asks again.
//
// The desired count is lowered only on reads that pass the gate: while ECS is
// starting, replacing or missing tasks, a lower count can take a task that
// nobody chose.
func (r Reads) Gate() []Reason {
	var held []Reason
	hold := func(code Code, sev Severity, format string, args ...any) {
		held = append(held, Reason{Code: code, Severity: sev, By: "gate", Detail: fmt.Sprintf(format, args...)})
	}
	s := r.State
	if s.Status != "ACTIVE" || s.Scheduling != "REPLICA" || s.Controller != "ECS" {
		hold(CodeServiceState, Alert, "status %s, scheduling %s, controller %s", s.Status, s.Scheduling, s.Controller)
	}
	if s.deployment() != DeploymentSteady {
		hold(CodeDeployment, Notice, "%d deployments", len(s.Deployments))
	}
	if (s.Running < s.Desired || s.Pending > 0) && !owedLong(r) {
		hold(CodeNotSteady, Info, "running %d, pending %d, desired %d", s.Running, s.Pending, s.Desired)
	}
	if !r.Checkpoint.Desired.ours(s.Desired, r.Began) {
		hold(CodeForeignDesired, Notice, "desired is %d, not the %d last written", s.Desired, r.Checkpoint.Desired.Value)
	}
	gateTasks(r, hold)
	return held
}

// gateTasks judges the tasks and their records.
func gateTasks(r Reads, hold func(Code, Severity, string, ...any)) {
	records := index(r.Activity)
	open, free, listed := 0, 0, make(map[TaskID]bool, len(r.State.Tasks))
	for i := range r.State.Tasks {
		task := &r.State.Tasks[i]
		listed[task.ID] = true
		a := records[task.ID]
		if a == nil || !task.Wanted() {
			continue
		}
		if a.State == TaskOpen {
			open++
			if n, known := a.Occupancy.Sessions(); known {
				free += max(0, a.Slots-n)
			}
		}
		if a.Exposed() && a.State != TaskRetired {
			hold(CodeExposed, Notice, "%s is open without protection", task.ID)
		}
	}
	for i := range r.Activity {
		a := &r.Activity[i]
		if a.State != TaskRetired && a.State != TaskGone && !listed[a.Ref.Task] {
			hold(CodeDisagree, Notice, "%s has a record and is not listed", a.Ref.Task)
		}
	}
	if wanted := r.State.wanted(); wanted != r.State.Running+r.State.Pending {
		hold(CodeDisagree, Notice, "%d tasks listed, %d running and %d pending counted", wanted, r.State.Running, r.State.Pending)
	}
	if open < r.Checkpoint.Limits.Min {
		hold(CodeMinimum, Notice, "%d open tasks, minimum %d", open, r.Checkpoint.Limits.Min)
	}
	if free < r.Checkpoint.Floor {
		hold(CodeFloor, Notice, "%d free slots on open tasks, floor %d", free, r.Checkpoint.Floor)
	}
}

// wanted counts the tasks that ECS means to run.
func (s ServiceState) wanted() int {
	n := 0
	for i := range s.Tasks {
		if s.Tasks[i].Wanted() {
			n++
		}
	}
	return n
}

// owedLong reports that ECS has owed tasks for so long that it will not deliver.
func owedLong(r Reads) bool {
	since := r.Checkpoint.OwedSince
	return !since.IsZero() && r.Began.Sub(since) > owedAfter
}
