package autoscaler

import (
	"context"
	"slices"
	"time"
)

const (
	// protectFor is how long a protection lasts that a pass sets.
	protectFor = 24 * time.Hour
	// Renewed at half where nobody else does, and with ten hours left where the task
	// should have done so itself and holds a session.
	renewOurs, renewTheirs = 12 * time.Hour, 10 * time.Hour
	// protectAfter is how long a task that reports is left to protect and open itself.
	protectAfter = 2 * time.Minute
	// lookEvery is how often every task's protection is read back, whether or not one
	// is known to need it: somebody may have taken one away.
	lookEvery = 15 * time.Minute
	// protectionsPerCall is what ECS takes in one UpdateTaskProtection.
	protectionsPerCall = 10
	// sameExpiry is how far two readings of one protection may lie apart: ECS counts
	// in whole minutes.
	sameExpiry = time.Minute
)

// protect protects the tasks that do not do it themselves, reads back what is true
// of all of them, and tells their records: that opens the new ones, and marks as
// exposed whichever is open and is found without.
func (r *running) protect(ctx context.Context) {
	if r.c.guards == nil {
		return
	}
	needy := r.needy()
	if len(needy) == 0 && !r.look {
		return
	}
	blocked := make(map[TaskID]bool)
	for chunk := range slices.Chunk(needy, protectionsPerCall) {
		// Nothing heard here is a confirmation: the listing is.
		failures, err := r.c.guards.Protect(ctx, r.c.cfg.Service, chunk, protectFor)
		if err != nil {
			r.say(CodeCallFailed, Notice, "", "protect: "+err.Error())
		}
		for _, f := range failures {
			blocked[f.Task] = f.Blocked()
			r.say(CodeUnconfirmed, Notice, f.Task, "protection refused: "+f.Reason)
		}
	}
	listing, err := r.c.guards.List(ctx, r.c.cfg.Service)
	if err != nil {
		r.say(CodeCallFailed, Notice, "", "list: "+err.Error())
		return
	}
	for i := range listing {
		s := &listing[i]
		if a := r.v.records[s.ID]; a != nil && s.Wanted() && protectable(a) {
			r.readBack(ctx, a, s.ProtectedUntil, slices.Contains(needy, s.ID), blocked[s.ID])
		}
	}
}

// protectable reports that the record's task is to be protected: it is ours, and
// not retired.
func protectable(a *TaskActivity) bool {
	return !a.Foreign && (a.State == TaskNew || a.State == TaskOpen || a.State == TaskCordoned)
}

// needy are the running tasks that want protection and have not seen to it.
func (r *running) needy() []TaskID {
	var all []TaskID
	for i := range r.v.state.Tasks {
		s := &r.v.state.Tasks[i]
		a := r.v.records[s.ID]
		if a == nil || s.LastStatus != "RUNNING" || !s.Wanted() || !protectable(a) {
			continue
		}
		left := a.ProtectedUntil.Sub(r.v.at)
		n, known := a.Occupancy.Sessions()
		switch reports := a.Processes > 0; {
		case !reports && (a.State == TaskNew || left < renewOurs),
			reports && a.State == TaskNew && since(s.StartedAt, r.v.at) > protectAfter,
			reports && a.State != TaskNew && left <= 0,
			reports && left < renewTheirs && (n > 0 || !known) && a.State != TaskNew:
			all = append(all, s.ID)
		}
	}
	return all
}

// readBack tells a record what was just read of its task's protection.
func (r *running) readBack(ctx context.Context, a *TaskActivity, until time.Time, needy, blocked bool) {
	req := OpenRequest{Ref: a.Ref, Version: a.Version, ProtectedUntil: until, Exposed: blocked, At: r.c.cfg.Now()}
	enough := until.Sub(r.v.at) >= protectionMargin
	action := Action{Code: CodeProtected, Task: a.Ref.Task}
	switch {
	case a.State == TaskNew:
		// A task that opens itself is not overtaken, and one that asks is not opened
		// without protection: the store would refuse it.
		if !needy || !enough && !blocked && !a.Exposed() && a.Level.known() != LevelC {
			return
		}
		action.Code = CodeOpened
	case a.State == TaskOpen && !until.After(r.v.at) && !a.Exposed():
		r.say(CodeUnprotected, Notice, a.Ref.Task, "open, and ECS does not protect it; somebody took it away, or it ran out")
		action.Code = CodeUnprotected
	case until.Sub(a.ProtectedUntil).Abs() <= sameExpiry:
		return
	}
	stands, err := r.c.records.Open(ctx, req)
	if err == nil && action.Code == CodeOpened && stands.State == TaskNew {
		action.Code, action.Detail = CodeExposed, "ECS refuses to protect it; it opens half a minute from now"
	}
	r.did(action, err)
}
