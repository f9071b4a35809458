package workflow

import (
	"fmt"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// barred are the reasons for which nothing may be released at all, whatever is
// read: an operator's pause, and the brake.
func (f *Facts) barred() []autoscaler.Reason {
	var reasons []autoscaler.Reason
	if p := f.Control.PauseIn; p.Active(f.At) {
		reasons = append(reasons, autoscaler.Reason{
			Code: autoscaler.CodePaused, Severity: autoscaler.Notice, Detail: fmt.Sprintf("by %s: %s", p.By, p.Why),
		})
	}
	if b := f.Checkpoint.Brake; b.On() {
		reasons = append(reasons, autoscaler.Reason{Code: autoscaler.CodeBrake, Severity: autoscaler.Alert, Detail: b.Detail})
	}
	return reasons
}

// gate judges whether tasks may be retired on what was read. Held for long, its
// reasons become alerts: ready tasks cost money.
func (f *Facts) gate(candidates []*autoscaler.TaskActivity) []autoscaler.Reason {
	// Every reason is told, not the first alone: an operator who mends one thing
	// wants to know what else stands in the way.
	held := append(f.barred(), f.wrongVictims()...)
	held = append(held, f.reads().Gate()...)
	ready := f.Release.Started
	for _, a := range candidates {
		ready = later(ready, later(a.IdleSince, a.Drain.Since))
	}
	if f.At.Sub(ready) > f.Options.Timing.Alarm {
		for i := range held {
			held[i].Severity = autoscaler.Alert
		}
	}
	return held
}

// admit returns the candidates that may be retired on what was read, and why the
// others may not. Those that ECS is replacing anyway pass with the desired count left
// alone, so a deployment, a foreign count or a task that is owed does not hold them.
func (f *Facts) admit(candidates []*autoscaler.TaskActivity) (through []*autoscaler.TaskActivity, held []autoscaler.Reason) {
	var own, replaced []*autoscaler.TaskActivity
	for _, a := range candidates {
		if eventsOnly(a) && f.Failed != nil && *f.Failed > 0 {
			held = append(held, autoscaler.Reason{Code: autoscaler.CodeDeadLetters, Severity: autoscaler.Alert, Task: a.Ref.Task,
				Detail: fmt.Sprintf("%d events could not be applied; one of them may be of a session here: deliver them again", *f.Failed)})
			continue
		}
		if s := f.status(a.Ref.Task); f.outdated(a.Ref.Task) || s != nil && s.Health == "UNHEALTHY" {
			replaced = append(replaced, a)
			continue
		}
		own = append(own, a)
	}
	if len(own) > 0 {
		reasons := f.gate(own)
		if held = append(held, reasons...); len(reasons) == 0 {
			through = own
		}
	}
	if len(replaced) > 0 {
		reasons := append(f.barred(), f.wrongVictims()...)
		if held = append(held, reasons...); len(reasons) == 0 {
			through = append(through, replaced...)
		}
	}
	return through, held
}

// outdated reports that the task is of a deployment that is being replaced.
func (f *Facts) outdated(task autoscaler.TaskID) bool {
	s := f.status(task)
	return f.State != nil && s != nil && !primary(f.State, s.Deployment)
}

// gateHeld are the gate's reasons while candidates wait behind others' release.
func (f *Facts) gateHeld() []autoscaler.Reason {
	candidates := f.candidates()
	if len(candidates) == 0 || f.State == nil {
		return nil
	}
	_, held := f.admit(candidates)
	return held
}

// wrongVictims are tasks that ECS is stopping on its own choice though they are
// not retired. There is nothing to undo; it means that a protection failed, and
// nothing more is released until the records of these tasks are closed.
func (f *Facts) wrongVictims() []autoscaler.Reason {
	if f.State == nil {
		return nil
	}
	var reasons []autoscaler.Reason
	for i := range f.State.Tasks {
		task := &f.State.Tasks[i]
		// A task of a deployment that is being replaced, one that is sick, and one that
		// never opened, ECS may stop as it likes: they hold nobody, or their protection
		// ended, or none keeps them.
		if task.Wanted() || task.StopCode != "ServiceSchedulerInitiated" || !primary(f.State, task.Deployment) || task.Health == "UNHEALTHY" {
			continue
		}
		a := f.record(task.ID)
		if a != nil && !a.Foreign && !a.Exposed() && (a.State == autoscaler.TaskOpen || a.State == autoscaler.TaskCordoned) {
			reasons = append(reasons, autoscaler.Reason{
				Code: autoscaler.CodeWrongVictim, Severity: autoscaler.Alert, Task: task.ID,
				Detail: "ECS stops it and it is " + string(a.State),
			})
		}
	}
	return reasons
}

// primary reports that new tasks are started for the deployment: tasks of
// another one are being replaced, and ECS stops them by itself.
func primary(state *autoscaler.ServiceState, deployment string) bool {
	return slices.ContainsFunc(state.Deployments, func(d autoscaler.Deployment) bool { return d.Primary && d.ID == deployment })
}

// unprotected are the tasks that ECS means to run, that are not retired, and
// whose protection is not listed with the margin left; those of another owner
// apart, as reasons: they are not ours to protect, and ECS could choose one.
func (f *Facts) unprotected(state *autoscaler.ServiceState) (lacking []autoscaler.TaskID, foreign []autoscaler.Reason) {
	check := func(id autoscaler.TaskID) {
		a := f.record(id)
		switch {
		case a != nil && a.State == autoscaler.TaskRetired || f.protected(id) || slices.Contains(lacking, id):
		case a != nil && a.Foreign:
			foreign = append(foreign, autoscaler.Reason{
				Code: autoscaler.CodeForeignRecord, Severity: autoscaler.Notice, Task: id, Detail: "unprotected, and not ours to protect",
			})
		default:
			lacking = append(lacking, id)
		}
	}
	for i := range f.Listing {
		if f.Listing[i].Wanted() {
			check(f.Listing[i].ID)
		}
	}
	if state == nil {
		return lacking, foreign
	}
	for i := range state.Tasks {
		// One that started between the two reads has not been seen protected.
		if id := state.Tasks[i].ID; state.Tasks[i].Wanted() && f.listed(id) == nil {
			check(id)
		}
	}
	return lacking, foreign
}

// lowering judges whether the desired count is to be lowered now. A retired task
// that is still protected is not counted as retired: ECS could not choose it and
// would look for another. Nor is one that was told of a session: ECS must not.
func (f *Facts) lowering() (autoscaler.Permit, []autoscaler.Reason) {
	reads := f.reads()
	reads.Activity = slices.Clone(f.Activity)
	for i := range reads.Activity {
		a := &reads.Activity[i]
		if a.State == autoscaler.TaskRetired && (f.shielded(a.Ref.Task) || busy(a)) {
			a.State = autoscaler.TaskCordoned
		}
	}
	permit, held := reads.Desired()
	if len(held) > 0 {
		return permit, held
	}
	if permit.Raise {
		return permit, []autoscaler.Reason{{Code: autoscaler.CodeNotReady, Detail: "demand came back; the count does not fall"}}
	}
	held = append(f.barred(), f.wrongVictims()...)
	if f.Listing == nil {
		return permit, held
	}
	lacking, foreign := f.unprotected(f.State)
	return permit, append(append(held, unconfirmed(lacking)...), foreign...)
}

// nothingOwed reports that a lowering was held for the one reason that there is
// nothing to lower.
func nothingOwed(held []autoscaler.Reason) bool {
	owed := func(r autoscaler.Reason) bool {
		return r.Code != autoscaler.CodeNotReady && r.Code != autoscaler.CodeMaxTotal
	}
	return len(held) > 0 && !slices.ContainsFunc(held, owed)
}

func unconfirmed(tasks []autoscaler.TaskID) []autoscaler.Reason {
	var reasons []autoscaler.Reason
	for _, id := range tasks {
		reasons = append(reasons, autoscaler.Reason{
			Code: autoscaler.CodeUnconfirmed, Severity: autoscaler.Notice, Task: id, Detail: "not read back as protected",
		})
	}
	return reasons
}

// standing is what somebody should hear at the end of every call while it lasts.
func (f *Facts) standing() []autoscaler.Reason {
	var reasons []autoscaler.Reason
	for _, a := range f.retired() {
		_, known := a.Occupancy.Sessions()
		switch {
		case busy(a):
			reasons = append(reasons, autoscaler.Reason{
				Code: autoscaler.CodeBusyRetired, Severity: autoscaler.Alert, Task: a.Ref.Task,
				Detail: "retired, and told of " + a.Occupancy.String() + " sessions",
			})
		case !known && f.status(a.Ref.Task) != nil && f.wanted(a.Ref.Task):
			// A task that is on its way out falls silent too; that is no news.
			severity := autoscaler.Notice
			if f.At.Sub(a.RetiredAt) > f.Options.Timing.Alarm {
				severity = autoscaler.Alert
			}
			reasons = append(reasons, autoscaler.Reason{
				Code: autoscaler.CodeUnknownOccupancy, Severity: severity, Task: a.Ref.Task,
				Detail: "retired, and silent: it is left to ECS",
			})
		}
	}
	return append(reasons, f.wrongVictims()...)
}

// endings marks the retired tasks that were just seen to be stopping, or not to
// be known, and keeps since when that is so.
func (f *Facts) endings() []autoscaler.Ending {
	var all []autoscaler.Ending
	for _, a := range f.retired() {
		s := f.status(a.Ref.Task)
		if s == nil {
			for _, e := range f.Release.Ending {
				if e.Task == a.Ref.Task {
					all = append(all, e)
				}
			}
			continue
		}
		if s.Wanted() || s.Stopped() {
			continue
		}
		since, _ := f.ending(a.Ref.Task, s.Missing)
		all = append(all, autoscaler.Ending{Task: a.Ref.Task, Since: since, Missing: s.Missing})
	}
	return all
}
