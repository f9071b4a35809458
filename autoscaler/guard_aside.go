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

// cordonAside closes candidates as long as their users find room elsewhere and no
// more is taken than is needed.
func (g *guarding) cordonAside(candidates []*Task) {
	left, limit := g.elsewhere(), g.cordonLimit()
	for _, t := range candidates {
		if g.chosen(t.ID) {
			continue
		}
		// An unhealthy target is sent nobody, so its sessions run out under any routing.
		onlyIfIdle := !g.rules.emptying && !t.Unhealthy
		code, held := g.asideHeld(t, onlyIfIdle)
		switch {
		case held:
			g.say(code, Info, t.ID, "")
		case len(g.out.cordon) >= limit:
			g.say(CodeCordonCap, Info, t.ID, "")
			return
		case !t.Unhealthy && left.spare <= 0 && g.trade():
			g.say(CodeOldRevision, Info, t.ID, "a task of the new revision is opened again in its place")
			return
		case !t.Unhealthy && left.spare <= 0:
			g.say(CodeMinimum, Info, t.ID, "open and starting tasks are not more than needed")
		case !left.takes(t, g.rules.floor):
			g.say(CodeFloor, Info, t.ID, "%s sessions, %d free slots on healthy tasks of the new revision, floor %d", t.Occupancy, left.fresh, g.rules.floor)
		default:
			if code = CodeOldRevision; t.Unhealthy {
				code = CodeUnhealthy
			}
			g.say(code, Info, t.ID, "")
			g.out.cordon = append(g.out.cordon, cordon{task: t.ID, onlyIfIdle: onlyIfIdle, aside: true})
		}
	}
}

// elsewhere is what there is beside the tasks that go.
type elsewhere struct {
	free  int // free slots on open tasks
	fresh int // of those, on healthy ones of the new revision, less what the users of tasks closed before will want
	spare int // open and starting tasks beyond what is needed
}

// takes reports that the users of a task find room elsewhere, and takes it: those of
// a busy one on the new revision, since they will come back there; an idle one has
// none, and leaves whatever is free on the others.
func (e *elsewhere) takes(t *Task, floor int) bool {
	n, _ := t.Occupancy.Sessions()
	if e.free-t.Free() < floor || n > 0 && e.fresh-n < floor {
		return false
	}
	e.free -= t.Free()
	e.fresh -= n
	e.spare--
	return true
}

// elsewhere counts. What is needed is what is wanted; but a policy that wants just
// what there is holds both revisions, and so the deployment: then each open task of
// the new one stands for one of the old.
func (g *guarding) elsewhere() elsewhere {
	var e elsewhere
	older, newer := 0, 0
	for i := range g.s.Tasks {
		t := &g.s.Tasks[i]
		n, _ := t.Occupancy.Sessions()
		going := g.chosen(t.ID) || g.marked[t.ID]
		switch {
		case t.State == TaskCordoned && (t.Old || t.Unhealthy):
			e.fresh -= n
		case t.State != TaskOpen || going:
		case t.Old:
			older++
			e.free += t.Free()
		default:
			newer++
			e.free += t.Free()
			if !t.Unhealthy {
				e.fresh += t.Free()
			}
		}
	}
	have, need := g.s.Totals.Capacity(), g.out.want
	if need == have {
		need -= min(older, newer)
	}
	e.spare = have - need - len(g.out.cordon) - len(g.marked)
	return e
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

// chosen reports that this pass closes the task already.
func (g *guarding) chosen(id TaskID) bool {
	return slices.ContainsFunc(g.out.cordon, func(c cordon) bool { return c.task == id })
}

// asideHeld says why a task that ECS is replacing may not be closed. It need not
// have been idle for a while: nothing speaks for keeping it.
func (g *guarding) asideHeld(t *Task, onlyIfIdle bool) (Code, bool) {
	code, held := g.taskHeld(t, onlyIfIdle, false)
	if code == CodeNotIdleLong {
		return "", false
	}
	return code, held
}
