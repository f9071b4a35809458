package autoscaler

import (
	"math"
	"slices"
	"time"
)

const (
	// abortsToReopen is how many releases in a row may end without retiring
	// anything before the drains are reopened.
	abortsToReopen = 3
	// cordonCap bounds the tasks cordoned in one pass, with cordonShare of the
	// open ones as a second bound; one is always allowed.
	cordonCap   = 10
	cordonShare = 0.20
	// intentLife is how long an intent that was never carried out counts as a
	// cordon. The cordon itself would fail by then: reports change versions.
	intentLife = time.Minute
	// registerAfter is how old a task without a record must be before a pass
	// makes one for it: a task that is just starting makes its own.
	registerAfter = 2 * time.Minute
)

// pickCordon chooses the tasks to close: those that the policy named, or, where
// it only wants fewer, idle ones in the victims' order.
func (g *guarding) pickCordon(d Decision) {
	if d.Abstain {
		return
	}
	surplus := g.s.Totals.Capacity() - g.out.want
	if surplus > 0 && len(g.marked) > 0 {
		g.out.reasons = append(g.out.reasons, Reason{Code: CodeIntended, Severity: Info, By: "guard", Count: len(g.marked)})
		surplus -= len(g.marked)
	}
	if surplus <= 0 {
		return
	}
	candidates := g.named(d)
	if d.Remove == nil && d.Empty == nil {
		candidates = g.idle()
	}
	if len(candidates) == 0 {
		return
	}
	if wait := g.cooldown(); wait > 0 {
		waiting := len(candidates)
		candidates = slices.DeleteFunc(candidates, func(c cordon) bool { return !c.atOnce })
		if len(candidates) < waiting {
			g.say(CodeCooldown, Info, "", "%v since the last scale-in is to pass first", wait.Round(time.Second))
		}
	}
	g.take(candidates, surplus)
}

// cooldown returns how long the next scale-in has to wait. It runs from the
// last confirmed one: an intent that came to nothing starts no clock.
func (g *guarding) cooldown() time.Duration {
	if g.c.LastIn.IsZero() {
		return 0
	}
	return g.c.LastIn.Add(g.rules.timing.Cooldown).Sub(g.s.At)
}

// named returns the tasks that the policy named and that may be closed, in its
// own order; of the rest each gets its reason.
func (g *guarding) named(d Decision) []cordon {
	var out []cordon
	seen := make(map[TaskID]bool)
	add := func(id TaskID, onlyIfIdle, atOnce bool) {
		t, ok := g.task(id)
		if !ok || t.State != TaskOpen || seen[id] {
			g.say(CodeNotATask, Notice, id, "named by the policy; not an open task, or named twice")
			return
		}
		seen[id] = true
		if code, hold := g.taskHeld(t, onlyIfIdle, atOnce); hold {
			g.say(code, Info, id, "")
			return
		}
		out = append(out, cordon{task: id, onlyIfIdle: onlyIfIdle, atOnce: atOnce})
	}
	for _, id := range d.Remove {
		add(id, true, false)
	}
	for _, id := range d.Empty {
		add(id, !g.rules.emptying, g.rules.by == "") // an operator waits as others do
	}
	return out
}

// idle returns every task that may be closed, in the victims' order. Those that
// may not are counted per reason.
func (g *guarding) idle() []cordon {
	var free []Task
	held := make(map[Code]int)
	for i := range g.s.Tasks {
		t := &g.s.Tasks[i]
		if t.State != TaskOpen {
			continue
		}
		if code, hold := g.taskHeld(t, true, false); hold {
			held[code]++
			continue
		}
		free = append(free, *t)
	}
	for _, code := range [...]Code{CodeUnknownOccupancy, CodeBusy, CodePinned, CodeLevel, CodeYoung, CodeNotIdleLong} {
		if held[code] > 0 {
			g.out.reasons = append(g.out.reasons, Reason{Code: code, Severity: Info, By: "guard", Count: held[code]})
		}
	}
	slices.SortStableFunc(free, g.rules.victims(*g.s))
	out := make([]cordon, len(free))
	for i, t := range free {
		out[i] = cordon{task: t.ID, onlyIfIdle: true}
	}
	return out
}

// taskHeld says why one open task may not be closed. One that goes at once need not
// have been idle for a while.
func (g *guarding) taskHeld(t *Task, onlyIfIdle, atOnce bool) (Code, bool) {
	n, known := t.Occupancy.Sessions()
	switch {
	case !known:
		return CodeUnknownOccupancy, true
	case t.Pinned:
		return CodePinned, true
	case t.Undrainable:
		return CodeLevel, true
	case g.marked[t.ID]:
		return CodeIntended, true
	case !t.Reports && t.OpenFor < g.rules.timing.MinAge:
		return CodeYoung, true
	case onlyIfIdle && n > 0:
		return CodeBusy, true
	case onlyIfIdle && !atOnce && g.rules.by == "" && t.IdleFor < g.rules.timing.IdleFor:
		return CodeNotIdleLong, true
	}
	return "", false
}

// take accepts candidates in order until the surplus is used up, and leaves the
// cap, the floor and the minimum alone. What earlier passes meant to close
// counts as closed.
func (g *guarding) take(candidates []cordon, surplus int) {
	open, free := g.s.Totals.Open, g.s.Totals.Free
	for id := range g.marked {
		if t, ok := g.task(id); ok {
			open--
			free -= t.Free()
		}
	}
	limit := g.cordonLimit()
	for i, c := range candidates {
		t, _ := g.task(c.task)
		switch {
		case len(g.out.cordon) >= surplus:
			return
		case len(g.out.cordon) >= limit:
			g.out.reasons = append(g.out.reasons, Reason{
				Code: CodeCordonCap, Severity: Info, By: "guard", Count: min(len(candidates)-i, surplus-len(g.out.cordon)),
			})
			return
		case open-1 < g.s.Limits.Min:
			g.say(CodeMinimum, Info, c.task, "%d open tasks, minimum %d", open, g.s.Limits.Min)
			return
		case free-t.Free() < g.rules.floor:
			g.say(CodeFloor, Info, c.task, "%d free slots would be left, floor %d", free-t.Free(), g.rules.floor)
			continue
		}
		open--
		free -= t.Free()
		g.out.cordon = append(g.out.cordon, c)
	}
}

// cordonLimit is how many tasks one pass may close.
func (g *guarding) cordonLimit() int {
	return max(1, min(cordonCap, int(math.Ceil(cordonShare*float64(g.s.Totals.Open)))))
}

// task finds a task of the snapshot; they are ordered by id.
func (g *guarding) task(id TaskID) (*Task, bool) {
	i, ok := slices.BinarySearchFunc(g.s.Tasks, id, func(t Task, id TaskID) int {
		switch {
		case t.ID < id:
			return -1
		case t.ID > id:
			return 1
		}
		return 0
	})
	if !ok {
		return nil, false
	}
	return &g.s.Tasks[i], true
}
