package autoscaler

import (
	"fmt"
	"slices"
)

// guarded is what is left of a decision after the guard: what the pass will do.
type guarded struct {
	want    int      // open tasks wanted, within limits
	reopen  []TaskID // in order of preference
	cordon  []cordon // in the victims' order
	release []TaskID // drains that are finished
	reasons []Reason
}

// cordon is one task to close.
type cordon struct {
	task       TaskID
	onlyIfIdle bool
	atOnce     bool // the policy has weighed when: no cooldown holds it, and none follows
	aside      bool // it goes with the desired count left alone; no cooldown follows
}

// guardRules are the parts of the configuration that the guard works with.
type guardRules struct {
	floor    int
	emptying bool
	timing   Timing
	victims  VictimOrder
	by       string // the operator who asks; empty for the policy
	clockOff bool   // this process's clock is not to be relied on
}

// guarding is one run of the guard: its input, and the result so far.
type guarding struct {
	s     *Snapshot
	c     *Checkpoint
	rules guardRules
	out   guarded
	// marked are open tasks that an earlier pass meant to cordon and may yet.
	marked map[TaskID]bool
}

// guard is the last word on a decision. It is pure, it cannot be configured
// away, and every change it makes is a reason. A policy of the same kind would
// shape one member of a composition only.
func guard(s *Snapshot, c *Checkpoint, d Decision, rules guardRules) guarded {
	g := guarding{s: s, c: c, rules: rules, marked: make(map[TaskID]bool)}
	for _, intent := range c.Intents {
		if t, ok := g.task(intent.Task); ok && t.State == TaskOpen && s.At.Before(intent.Expires) {
			g.marked[intent.Task] = true
		}
	}
	g.bound(d)
	g.pickReopen(d)
	switch held := g.holdsIn(d); {
	case len(held) == 0:
		g.pickRelease(d)
		g.pickCordon(d)
	case g.wantsIn(d) || s.Totals.Cordoned > 0:
		g.out.reasons = append(g.out.reasons, held...)
	}
	g.pickAside()
	return g.out
}

func (g *guarding) say(code Code, severity Severity, task TaskID, format string, args ...any) {
	g.out.reasons = append(g.out.reasons, Reason{
		Code: code, Severity: severity, By: "guard", Task: task, Detail: fmt.Sprintf(format, args...),
	})
}

// bound puts what is wanted within the limits and the operator's pause.
// Cordoned tasks are not capacity: they neither satisfy a scale-out nor stand
// in its way.
func (g *guarding) bound(d Decision) {
	have := g.s.Totals.Capacity()
	want := d.Open
	if d.Abstain {
		want = have
	}
	if want < g.s.Limits.Min {
		g.say(CodeMinimum, Info, "", "%d wanted, minimum %d", want, g.s.Limits.Min)
		want = g.s.Limits.Min
	}
	if want > g.s.Limits.Max {
		g.say(CodeMaximum, Notice, "", "%d wanted, maximum %d", want, g.s.Limits.Max)
		want = g.s.Limits.Max
	}
	if p := g.s.Control.PauseOut; want > have && p.Active(g.s.At) {
		g.say(CodePaused, Notice, "", "scale-out, by %s until %s: %s", p.By, p.Until.Format("2006-01-02 15:04"), p.Why)
		want = have
	}
	g.out.want = want
}

// wantsIn reports that the decision would take tasks away.
func (g *guarding) wantsIn(d Decision) bool {
	return len(d.Remove) > 0 || len(d.Empty) > 0 || g.out.want < g.s.Totals.Capacity()
}

// holdsIn returns the reasons why nothing at all is cordoned or released in
// this pass.
func (g *guarding) holdsIn(d Decision) []Reason {
	var held []Reason
	for _, rule := range scaleInRules {
		if code, severity, detail, hold := rule(g, d); hold {
			held = append(held, Reason{Code: code, Severity: severity, By: "guard", Detail: detail})
		}
	}
	return held
}

// A scaleInRule says whether scale-in of the whole service is held, and why.
type scaleInRule func(g *guarding, d Decision) (code Code, severity Severity, detail string, hold bool)

// All of them are asked, so that an operator sees every reason at once and not
// the next one after the first is gone.
var scaleInRules = [...]scaleInRule{
	pausedIn, inDeployment, braked, foreignDesired, adopting, clockOff,
}

func pausedIn(g *guarding, _ Decision) (Code, Severity, string, bool) {
	p := g.s.Control.PauseIn
	return CodePaused, Notice, fmt.Sprintf("scale-in, by %s until %s: %s", p.By, p.Until.Format("2006-01-02 15:04"), p.Why),
		p.Active(g.s.At)
}

func inDeployment(g *guarding, _ Decision) (Code, Severity, string, bool) {
	return CodeDeployment, Notice, "the deployment is " + string(g.s.Deployment), g.s.Deployment != DeploymentSteady
}

func braked(g *guarding, _ Decision) (Code, Severity, string, bool) {
	b := g.c.Brake
	return CodeBrake, Alert, fmt.Sprintf("since %s: %s", b.Since.Format("15:04:05"), b.Detail), b.On()
}

func foreignDesired(g *guarding, _ Decision) (Code, Severity, string, bool) {
	d := g.c.Desired
	return CodeForeignDesired, Notice, fmt.Sprintf("desired %d is not ours; adopted when stable for %v", g.s.ServiceDesired, adoptAfter),
		!d.ours(g.s.ServiceDesired, g.s.At)
}

// adopting holds scale-in while ECS runs tasks whose records the task itself
// did not make: nobody can say yet what they hold.
func adopting(g *guarding, _ Decision) (Code, Severity, string, bool) {
	n := 0
	for i := range g.s.Tasks {
		if g.s.Tasks[i].Unrecorded {
			n++
		}
	}
	return CodeAdopting, Notice, fmt.Sprintf("%d running tasks have no record yet", n), n > 0
}

// clockOff holds scale-in where this process's clock is not the store's: it would
// judge by it how long a task has been idle, and for how long ECS has not known one.
func clockOff(g *guarding, _ Decision) (Code, Severity, string, bool) {
	return CodeClock, Alert, "this process's clock is more than " + SkewBound.String() + " from the store's; mend it", g.rules.clockOff
}

// known returns the level that an empty or unknown text stands for.
func (l Level) known() Level {
	if l == LevelA || l == LevelB {
		return l
	}
	return LevelC
}

// pickReopen takes cordoned tasks back where capacity is wanted: always before
// anything is started. An operator's drain is not the policy's to end.
func (g *guarding) pickReopen(d Decision) {
	need := g.out.want - g.s.Totals.Capacity()
	all := g.c.Aborts >= abortsToReopen
	short := g.s.Totals.Free < g.rules.floor && g.s.Totals.Starting == 0
	if short {
		need = max(need, 1)
	}
	room := g.s.Limits.Max - g.s.Totals.Capacity()
	if all {
		need = room
	}
	if need = min(need, room); need <= 0 {
		return
	}
	var candidates []Task
	for _, t := range g.s.Tasks {
		// A sick task is no capacity that anybody should be sent to. An old one would be
		// closed again by the next pass; what the new revision lacks is started.
		if t.State == TaskCordoned && t.DrainBy == "" && !t.Unhealthy && (!t.Old || short) && !g.s.Control.PauseOut.Active(g.s.At) {
			candidates = append(candidates, t)
		}
	}
	slices.SortStableFunc(candidates, func(a, b Task) int { return preferReopen(d, a, b) })
	if len(candidates) > need {
		candidates = candidates[:need]
	}
	for _, t := range candidates {
		g.out.reopen = append(g.out.reopen, t.ID)
	}
}

// preferReopen puts the policy's own choice first, then tasks that are not of an old
// revision, then the one with the most sessions: it would have taken the longest to
// empty.
func preferReopen(d Decision, a, b Task) int {
	named := func(t Task) int {
		if i := slices.Index(d.Reopen, t.ID); i >= 0 {
			return i
		}
		return len(d.Reopen)
	}
	if c := named(a) - named(b); c != 0 {
		return c
	}
	if a.Old != b.Old {
		if a.Old {
			return 1
		}
		return -1
	}
	an, _ := a.Occupancy.Sessions()
	bn, _ := b.Occupancy.Sessions()
	return bn - an
}

// pickRelease names the drains that are finished and are neither to be reopened nor
// kept. An operator's drain is not the policy's to keep.
func (g *guarding) pickRelease(d Decision) {
	for i := range g.s.Tasks {
		t := &g.s.Tasks[i]
		if t.Ready && !t.Pinned && (!slices.Contains(d.Keep, t.ID) || t.DrainBy != "") && !slices.Contains(g.out.reopen, t.ID) {
			g.out.release = append(g.out.release, t.ID)
		}
	}
}
