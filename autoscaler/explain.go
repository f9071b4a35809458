package autoscaler

import (
	"context"
	"fmt"
	"slices"
)

// Explain returns why a task is still here: the reasons for which a pass made now
// would hold it, its own first and those of the whole service after them. It is
// computed, not remembered, and changes nothing. A task that ECS does not run, or
// that runs on its way out, is ErrNotFound; the journal tells of those.
func (o *Observer) Explain(ctx context.Context, task TaskID) ([]Reason, error) {
	v, err := o.observe(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(v.snapshot.Tasks, func(t Task) bool { return t.ID == task })
	if i < 0 || v.snapshot.Tasks[i].State == TaskStopping {
		return nil, &Error{Op: "autoscaler.Explain", Ref: TaskRef{o.cfg.Service, task}.String(), Err: ErrNotFound,
			Hint: "ECS does not run it, or is stopping it; the journal says what became of it"}
	}
	d := o.decide(&v)
	own := o.standing(&v, &d, &v.snapshot.Tasks[i])
	for _, r := range d.pass.Reasons {
		if r.Task == task && !slices.ContainsFunc(own, func(o Reason) bool { return o.Code == r.Code }) {
			own = append(own, r)
		}
	}
	for _, r := range d.pass.Reasons {
		if r.Task == "" && r.Count == 0 {
			own = append(own, r)
		}
	}
	return own, nil
}

// standing is what the task's own state says of its staying or going.
func (o *Observer) standing(v *view, d *decided, t *Task) []Reason {
	say := func(code Code, severity Severity, format string, args ...any) []Reason {
		return []Reason{{Code: code, Severity: severity, By: "explain", Task: t.ID, Detail: fmt.Sprintf(format, args...)}}
	}
	g := guarding{s: &v.snapshot, c: &d.next, rules: o.cfg.rules("")}
	switch {
	case slices.ContainsFunc(d.guarded.cordon, func(c cordon) bool { return c.task == t.ID }):
		return say(CodeCordoned, Info, "the next pass closes it")
	case slices.Contains(d.guarded.reopen, t.ID):
		return say(CodeReopened, Info, "the next pass opens it again")
	case t.Ready:
		return say(CodeNotReady, Info, "its drain is finished; the release takes it up")
	}
	switch t.State {
	case TaskCordoned:
		return say(CodeNotReady, Info, "being drained: %s sessions, acknowledged %v", t.Occupancy, v.records[t.ID].Acknowledged)
	case TaskRetired:
		return say(CodeRetired, Info, "closed for good; ECS may stop it")
	case TaskNew:
		return say(CodeNotOpened, Info, "it has not opened yet")
	case TaskOpen:
		if code, held := g.taskHeld(t, true, false); held {
			return say(code, Info, "%s sessions, idle for %s", t.Occupancy, t.IdleFor)
		}
		return say(CodeMinimum, Info, "nothing asks for it to go: %d open and starting tasks, %d wanted", v.snapshot.Totals.Capacity(), d.guarded.want)
	case TaskStopping, TaskGone:
	}
	return say(CodeUnknownOccupancy, Notice, "its state is %q, which this version does not know: left alone", t.State)
}
