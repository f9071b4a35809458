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
// The desired count is lowered only on reads that pass the gate, its last part
// excepted: while ECS is starting, replacing or missing tasks, a lower count can
// take a task that nobody chose.
func (r Reads) Gate() []Reason {
	return append(r.steady(), r.room()...)
}

// steady is the gate without the question of capacity: what is retired takes no
// slot from anybody, so a service that is full may let it go.
func (r Reads) steady() []Reason {
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
	r.agree(hold)
	return held
}

// agree judges whether listing and records agree, and whether every task that is
// to stay is one that ECS spares. Another owner's records are not ours to close,
// and say nothing about our tasks.
func (r Reads) agree(hold func(Code, Severity, string, ...any)) {
	records := index(r.Activity)
	listed := make(map[TaskID]bool, len(r.State.Tasks))
	for i := range r.State.Tasks {
		task := &r.State.Tasks[i]
		listed[task.ID] = true
		// ECS's own word is newer than the mark: a task whose protection was applied,
		// and the reply lost, cannot confirm it while ECS refuses to renew it.
		spared := task.ProtectedUntil.After(r.Began.Add(protectionMargin))
		if a := records[task.ID]; a != nil && task.Wanted() && a.Exposed() && !spared && a.State != TaskRetired {
			hold(CodeExposed, Notice, "%s is open without protection", task.ID)
		}
	}
	for i := range r.Activity {
		a := &r.Activity[i]
		if a.State != TaskRetired && a.State != TaskGone && !a.Foreign && !listed[a.Ref.Task] {
			hold(CodeDisagree, Notice, "%s has a record and is not listed", a.Ref.Task)
		}
	}
	if wanted := r.State.wanted(); wanted != r.State.Running+r.State.Pending {
		hold(CodeDisagree, Notice, "%d tasks listed, %d running and %d pending counted", wanted, r.State.Running, r.State.Pending)
	}
}

// room judges whether enough is open without the tasks that are to be retired.
func (r Reads) room() []Reason {
	records := index(r.Activity)
	open, free := 0, 0
	for i := range r.State.Tasks {
		task := &r.State.Tasks[i]
		if a := records[task.ID]; a != nil && a.State == TaskOpen && task.Wanted() {
			open++
			if n, known := a.Occupancy.Sessions(); known {
				free += max(0, a.Slots-n)
			}
		}
	}
	var held []Reason
	if minimum := r.Checkpoint.Limits.Min; open < minimum {
		held = append(held, Reason{Code: CodeMinimum, Severity: Notice, By: "gate", Detail: fmt.Sprintf("%d open tasks, minimum %d", open, minimum)})
	}
	if floor := r.Checkpoint.Floor; free < floor {
		held = append(held, Reason{Code: CodeFloor, Severity: Notice, By: "gate", Detail: fmt.Sprintf("%d free slots on open tasks, floor %d", free, floor)})
	}
	return held
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
