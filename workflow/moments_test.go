package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/internal/moments"
	"github.com/seed-979cce96/idlescale/workflow"
)

// plot is a release in which a process is lost.
type plot struct {
	name  string
	where string // how its rows are headed
	level autoscaler.Level
	tasks int
	// Change alters the service, drains the runner.
	change func(*ecssim.ServiceConfig)
	drains func(*workflow.Config)
	// Begin brings the rig to where the first process comes in.
	begin func(*release)
	// Pass is a pass, where it is not one that asks for what is ready and advances.
	pass func(ctx context.Context, p *release) error
}

// release is a plot under way.
type release struct {
	*rig
	plot   plot
	batch  []autoscaler.TaskID
	stay   []autoscaler.TaskID // hold a session each, from beginning to end
	act    string              // what the process is about while its runner names nothing
	over   bool                // of a cancel: it was heard that the release is gone
	cancel autoscaler.ReleaseID
}

func plots() []plot {
	return []plot{
		{name: "tasks clear their own", where: "A", begin: func(p *release) { p.batch = p.ready(2) }},
		{name: "controller clears", where: "A", begin: func(p *release) {
			p.batch = p.ready(2)
			p.unheard = p.batch
		}},
		{name: "straggler", where: "A", tasks: 4, begin: func(p *release) {
			p.batch = p.ready(1)
			p.want(4)
		}},
		{name: "protection is missing", where: "A", tasks: 4, begin: func(p *release) {
			p.batch = p.ready(1)
			mustProtect(p.t, p.c, p.in(autoscaler.TaskOpen)[0], false)
		}},
		{name: "told after retire", where: "A, told after retire", tasks: 4, begin: toldAfterRetire},
		{name: "held", where: "A", tasks: 4, begin: func(p *release) {
			p.batch = p.ready(1)
			p.control(autoscaler.Override{By: "ann", Why: "demo", Until: p.c.Now().Add(50 * time.Second)})
		}},
		{name: "demand returns", where: "A, demand returns", tasks: 4, begin: func(p *release) {
			p.batch = p.ready(1)
			p.release(p.batch)
			p.reopen(p.batch[0])
			p.want(4)
		}},
		{name: "stuck", where: "A, stuck", tasks: 4, begin: func(p *release) { p.batch = p.ready(1) }, change: func(c *ecssim.ServiceConfig) {
			c.Deprovisioning = ecssim.Span{Min: 10 * time.Minute, Max: 10 * time.Minute}
		}},
		{name: "nobody for an hour", where: "A, long absence", tasks: 4, begin: longAbsence},
		{name: "balancer first", where: "A, balancer first", drains: balancerFirst, begin: func(p *release) { p.batch = p.ready(2) }},
		{name: "target returns", where: "A, target returns", tasks: 4, drains: balancerFirst, begin: func(p *release) { p.batch = p.ready(1) },
			change: func(c *ecssim.ServiceConfig) { c.ReregisterAfter = 20 * time.Second }},
		{name: "cancel", where: "A, cancel", tasks: 4, drains: balancerFirst, begin: func(p *release) {
			p.batch = p.ready(1)
			p.cancel = p.release(p.batch).ID
			p.advance()
		}, pass: cancelOnce},
		{name: "level B", where: "B", level: autoscaler.LevelB, begin: func(p *release) { p.batch = p.ready(2) }},
		{name: "level B, controller clears", where: "B", level: autoscaler.LevelB, tasks: 4, begin: func(p *release) {
			p.batch = p.ready(1)
			p.unheard = p.batch
			mustProtect(p.t, p.c, p.in(autoscaler.TaskOpen)[0], false)
		}},
		{name: "level B, straggler", where: "B", level: autoscaler.LevelB, tasks: 4, begin: func(p *release) {
			p.batch = p.ready(1)
			p.want(4)
		}},
		{name: "level B, balancer first", where: "B, balancer first", level: autoscaler.LevelB, tasks: 4, drains: balancerFirst,
			begin: func(p *release) { p.batch = p.ready(1) }},
		{name: "level C", where: "C", level: autoscaler.LevelC, begin: func(p *release) { p.batch = p.cordon(2) }},
		{name: "level C, straggler", where: "C", level: autoscaler.LevelC, tasks: 4, begin: func(p *release) {
			p.batch = p.cordon(1)
			mustProtect(p.t, p.c, p.in(autoscaler.TaskOpen)[0], false)
			p.want(4)
		}},
	}
}

// toldAfterRetire has a session told of on the retired task when it has given up its
// protection, and ended a few minutes later.
func toldAfterRetire(p *release) {
	p.batch = p.ready(1)
	id, once := p.batch[0], false
	p.watch = func(call ecssim.Call) {
		if call.Op != ecssim.OpRetire || call.Point != ecssim.After || call.Err != nil || once {
			return
		}
		once = true
		p.c.At(call.At.Add(40*time.Second), func() { p.told(id, "late") })
		p.c.At(call.At.Add(4*time.Minute), func() {
			if err := p.store.End(context.Background(), sessionEnd(id, "late", p.c.Now())); err != nil {
				p.t.Error(err)
			}
		})
	}
}

// longAbsence retires and releases, and then nobody looks for longer than ECS knows of
// a stopped task.
func longAbsence(p *release) {
	p.batch = p.ready(1)
	p.release(p.batch)
	for len(p.c.Writes()) == 0 {
		p.advance()
		p.c.RunFor(15 * time.Second)
	}
	p.c.RunFor(2 * time.Hour)
}

// cancelOnce is an operator who cancels until it is known that the release is gone.
func cancelOnce(ctx context.Context, p *release) error {
	p.act = "cancel"
	err := p.runner.Cancel(ctx, service, p.cancel)
	p.over = err == nil || errors.Is(err, autoscaler.ErrNotFound)
	return err
}

// run begins the plot.
func (plot plot) run(t *testing.T) *moments.Run {
	if plot.level == "" {
		plot.level = autoscaler.LevelA
	}
	if plot.tasks == 0 {
		plot.tasks = 5
	}
	cfg := exact(plot.tasks)
	if plot.change != nil {
		plot.change(&cfg)
	}
	p := &release{rig: newRigAt(t, plot.level, cfg, plot.drains), plot: plot}
	plot.begin(p)
	p.occupy()
	return &moments.Run{
		Cluster: p.c, Store: p.store, Service: service,
		Seam:    func(s ecssim.Seam) { p.fault = s },
		Pass:    p.pass,
		Restart: p.restart,
		Rest:    func() { p.c.RunFor(15 * time.Second) },
		Doing:   p.about,
		Over:    p.closed,
		End:     p.end,
	}
}

// occupy has a session live on each task that is to stay.
func (p *release) occupy() {
	for _, id := range p.in(autoscaler.TaskOpen) {
		if slices.Contains(p.batch, id) {
			continue
		}
		p.stay = append(p.stay, id)
		if !p.users.Connect(context.Background(), id, 10*time.Hour) {
			p.t.Fatalf("task %s takes nobody", id)
		}
	}
}

// pass asks for the release of what is ready, as a controller does, and advances.
func (p *release) pass(ctx context.Context) error {
	p.doing = workflow.Action{}
	if p.plot.pass != nil {
		return p.plot.pass(ctx, p)
	}
	var ready []autoscaler.TaskID
	for _, id := range p.in(autoscaler.TaskCordoned) {
		if p.records()[id].Occupancy.Idle() {
			ready = append(ready, id)
		}
	}
	if len(ready) > 0 {
		p.act = "join"
		if _, err := p.runner.Release(ctx, autoscaler.ReleaseRequest{Service: service, Tasks: refs(ready)}); err != nil {
			return err
		}
	}
	p.act = "begin"
	_, err := p.runner.Advance(ctx, service)
	return err
}

// about is what the runner is at.
func (p *release) about(call ecssim.Call) moments.Row {
	row := moments.Row{Where: p.plot.where, Step: string(p.doing.Step), Act: string(p.doing.Kind), Call: call.Op}
	if p.doing.Kind == "" {
		row.Act = p.act
	}
	return row
}

// closed reports that nothing of the release is left.
func (p *release) closed() bool {
	if p.plot.pass != nil {
		return p.over
	}
	if p.checkpoint().Release != nil || len(p.in(autoscaler.TaskRetired)) > 0 {
		return false
	}
	return len(p.in(autoscaler.TaskCordoned)) == 0
}

// end is how it ended: the outcome, the desired count beside what it should be, what
// became of the batch, and whether the others stand as they did.
func (p *release) end() string {
	p.c.RunFor(2 * time.Minute)
	p.open()
	truth, err := p.c.Truth(service)
	if err != nil {
		p.t.Error(err)
	}
	c := p.checkpoint()
	var activity []autoscaler.TaskActivity
	for _, a := range p.records() {
		activity = append(activity, a)
	}
	target, err := autoscaler.Target(truth, activity, c.WantOpen, c.Limits.Total())
	if err != nil || truth.Desired != target {
		p.t.Errorf("desired ends at %d, the target is %d (%v)", truth.Desired, target, err)
	}
	for _, id := range p.stay {
		p.stands(truth, id)
	}
	var batch []string
	for _, id := range p.batch {
		state, target := string(p.records()[id].State), ""
		if state == "" {
			state = "closed"
		} else {
			target = p.target(id)
		}
		batch = append(batch, fmt.Sprint(state, " ", target))
	}
	return fmt.Sprintf("%s, desired %d, batch %v, %d open, release %v", p.outcomes(), truth.Desired, batch, len(p.in(autoscaler.TaskOpen)), c.Release != nil)
}

// stands requires that a task which was never part of the release runs, protected and
// with its session.
func (p *release) stands(truth autoscaler.ServiceState, id autoscaler.TaskID) {
	i := slices.IndexFunc(truth.Tasks, func(s autoscaler.TaskStatus) bool { return s.ID == id })
	switch {
	case i < 0 || !truth.Tasks[i].Wanted() || truth.Tasks[i].LastStatus != "RUNNING":
		p.t.Errorf("task %s was to stay and does not run", id)
	case !truth.Tasks[i].ProtectedUntil.After(p.c.Now()):
		p.t.Errorf("task %s has lost its protection", id)
	case p.users.Live(id) != 1:
		p.t.Errorf("task %s holds %d sessions, want the one that lives there", id, p.users.Live(id))
	}
}

// outcomes is the last outcome in the journal, and whether it told that a task was
// stuck. A process that was lost may have told twice, and one that heard of its own
// work as of a failure may have told of an abort before.
func (p *release) outcomes() string {
	if p.plot.pass != nil {
		return "cancelled"
	}
	entries, err := p.store.Read(context.Background(), service, "", time.Time{}, 0)
	if err != nil {
		p.t.Error(err)
	}
	last, stuck := "", false
	for _, e := range entries {
		outcome, _, _ := strings.Cut(e.Outcome, ";")
		switch autoscaler.Outcome(outcome) {
		case autoscaler.OutcomeReleased, autoscaler.OutcomeAborted, autoscaler.OutcomeStuck:
			if e.Task == "" {
				last, stuck = outcome, stuck || outcome == string(autoscaler.OutcomeStuck)
			}
		case autoscaler.OutcomeCancelled:
		}
	}
	return fmt.Sprintf("%s (stuck %v)", last, stuck)
}

// neverComes says which rows cannot meet which moment.
func neverComes() []moments.Never {
	return append(moments.ByNature(), moments.Never{
		Act: "cancel", Calls: []ecssim.Op{ecssim.OpAppend}, At: moments.Saved, Why: "the save comes first, and nothing comes after the journal",
	})
}

// TestEveryStepAtEveryMoment loses a process at each moment of each call that a
// release makes, in every step, at each level, and has another one take over fifteen
// seconds later that knows only what is stored. The release must end as if nothing had
// happened, and no live session and no task that is to stay may notice.
func TestEveryStepAtEveryMoment(t *testing.T) {
	var scenes []moments.Scene
	for _, p := range plots() {
		scenes = append(scenes, moments.Scene{Name: p.name, New: p.run, Each: 4})
	}
	table := moments.Check(t, scenes, neverComes())
	if t.Failed() || !table.Whole() {
		return
	}
	steps, acts := map[string]bool{}, map[string]bool{}
	for _, row := range table.Rows() {
		steps[row.Step], acts[row.Act] = true, true
	}
	for of, seen := range map[string]map[string]bool{"Step": steps, "Kind": acts} {
		for _, value := range enumerated(t, of) {
			if !seen[value] {
				t.Errorf("no call is made under the %s %q", strings.ToLower(of), value)
			}
		}
	}
}

// enumerated returns the values of a type of this package as its source lists them, so
// that a new one cannot be forgotten here.
func enumerated(t *testing.T, of string) []string {
	t.Helper()
	var values []string
	for _, file := range []string{"action.go", "plan.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == of {
				for _, v := range spec.Values {
					if text, ok := v.(*ast.BasicLit); ok {
						value, err := strconv.Unquote(text.Value)
						if err != nil {
							t.Fatal(err)
						}
						values = append(values, value)
					}
				}
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("no value of %s was found", of)
	}
	return values
}
