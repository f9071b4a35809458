package autoscaler

import (
	"cmp"
	"slices"
)

// pickAside closes and releases the tasks that ECS is replacing anyway: those of an
// old revision, and unhealthy ones. Their replacements are started by ECS, so the
// desired count is left alone and nothing of it is scale-in: neither a deployment
// nor a foreign count stands in the way, and no cooldown follows.
//
// Without it a rolling deployment would wait for the last protection to run out,
// since every task of ours is protected, and roll back after three hours.
func (g *guarding) pickAside() {
	var finished []TaskID
	var candidates []*Task
	for i := range g.s.Tasks {
		t := &g.s.Tasks[i]
		switch {
		case !t.Old && !t.Unhealthy:
		case t.State == TaskOpen:
			candidates = append(candidates, t)
		case t.Ready && !t.Pinned && !slices.Contains(g.out.reopen, t.ID) && !slices.Contains(g.out.release, t.ID):
			finished = append(finished, t.ID)
		}
	}
	if len(finished) == 0 && len(candidates) == 0 || g.asideBarred() {
		return
	}
	g.out.release = append(g.out.release, finished...)
	slices.SortStableFunc(candidates, asideFirst)
	g.cordonAside(candidates)
}

// asideBarred reports that not even these go, and says why unless that was said: the
// brake tells that what is read cannot be relied on, the pause is an operator's word
// that nothing goes.
func (g *guarding) asideBarred() bool {
	for _, rule := range [...]scaleInRule{pausedIn, braked, clockOff} {
		code, severity, detail, hold := rule(g, Decision{})
		if !hold {
			continue
		}
		if !slices.ContainsFunc(g.out.reasons, func(r Reason) bool { return r.Code == code }) {
			g.say(code, severity, "", "%s", detail)
		}
		return true
	}
	return false
}

// asideFirst puts the sick first, then whoever empties soonest.
func asideFirst(a, b *Task) int {
	if a.Unhealthy != b.Unhealthy {
		if a.Unhealthy {
			return -1
		}
		return 1
	}
	m, _ := a.Occupancy.Sessions()
	n, _ := b.Occupancy.Sessions()
	return cmp.Compare(m, n)
}

// cordonAside closes candidates as long as there is room for their users
// elsewhere: the free slots of healthy tasks of the new revision, less those that
// the users of tasks closed before will want.
func (g *guarding) cordonAside(candidates []*Task) {
	room, spare := g.roomElsewhere()
	limit := g.cordonLimit()
	for _, t := range candidates {
		if g.chosen(t.ID) {
			continue
		}
		// An unhealthy target is sent nobody, so its sessions run out under any routing.
		onlyIfIdle := !g.rules.emptying && !t.Unhealthy
		code, held := g.asideHeld(t, onlyIfIdle)
		n, _ := t.Occupancy.Sessions()
		switch {
		case held:
			g.say(code, Info, t.ID, "")
		case len(g.out.cordon) >= limit:
			g.say(CodeCordonCap, Info, t.ID, "")
			return
		case !t.Unhealthy && spare <= 0 && g.trade():
			g.say(CodeOldRevision, Info, t.ID, "a task of the new revision is opened again in its place")
			return
		case !t.Unhealthy && spare <= 0:
			g.say(CodeMinimum, Info, t.ID, "open and starting tasks are not more than wanted")
		case room-n < g.rules.floor:
			g.say(CodeFloor, Info, t.ID, "%d sessions, %d free slots on healthy tasks of the new revision, floor %d", n, room, g.rules.floor)
		default:
			room -= n
			spare--
			code := CodeOldRevision
			if t.Unhealthy {
				code = CodeUnhealthy
			}
			g.say(code, Info, t.ID, "")
			g.out.cordon = append(g.out.cordon, cordon{task: t.ID, onlyIfIdle: onlyIfIdle, aside: true})
		}
	}
}

// trade reopens a task of the new revision that is being drained, so that one of the
// old can go in its place, and reports whether there was one. Otherwise each would
// wait for the other: what is being drained for the deployment to end, the deployment
// for the old task.
func (g *guarding) trade() bool {
	if len(g.out.reopen) > 0 || g.s.Totals.Capacity() >= g.s.Limits.Max || g.s.Control.PauseOut.Active(g.s.At) {
		return false
	}
	for i := range g.s.Tasks {
		t := &g.s.Tasks[i]
		if t.State == TaskCordoned && !t.Old && !t.Unhealthy && t.DrainBy == "" && !slices.Contains(g.out.release, t.ID) {
			g.out.reopen = append(g.out.reopen, t.ID)
			return true
		}
	}
	return false
}

// roomElsewhere returns the free slots of healthy open tasks of the new revision,
// less the sessions of those that are closed and will go, and how many open and
// starting tasks there are beyond what is wanted.
func (g *guarding) roomElsewhere() (room, spare int) {
	for i := range g.s.Tasks {
		t := &g.s.Tasks[i]
		n, _ := t.Occupancy.Sessions()
		switch {
		case t.State == TaskCordoned && (t.Old || t.Unhealthy):
			room -= n
		case !t.Old && !t.Unhealthy && !g.chosen(t.ID) && !g.marked[t.ID]:
			room += t.Free()
		}
	}
	return room, g.s.Totals.Capacity() - g.out.want - len(g.out.cordon) - len(g.marked)
}

// chosen reports that this pass closes the task already.
func (g *guarding) chosen(id TaskID) bool {
	return slices.ContainsFunc(g.out.cordon, func(c cordon) bool { return c.task == id })
}

// asideHeld says why a task that ECS is replacing may not be closed. It need not
// have been idle for a while: nothing speaks for keeping it.
func (g *guarding) asideHeld(t *Task, onlyIfIdle bool) (Code, bool) {
	code, held := g.taskHeld(t, onlyIfIdle)
	if code == CodeNotIdleLong {
		return "", false
	}
	return code, held
}
