package autoscaler_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/internal/moments"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// play is a situation in which a pass is cut off, and what should come of it.
type play struct {
	name  string
	level autoscaler.Level
	tasks int
	// Service and config alter the cluster and the controller.
	service func(*ecssim.ServiceConfig)
	config  func(*autoscaler.Config)
	// Begin brings the stage to where the first process comes in.
	begin func(*stage)
	// Over reports that what the play is about has come to its end.
	over func(*stage) bool
}

// stage is a play under way: a service, its application and one controller.
type stage struct {
	*testing.T
	play   play
	c      *ecssim.Cluster
	raw    *memstore.Store
	users  *ecssim.Application
	ctl    *autoscaler.Controller
	cfg    autoscaler.Config
	fault  ecssim.Seam
	mute   bool // tasks cannot open themselves any more
	decide func(autoscaler.Snapshot) autoscaler.Decision
	began  time.Time
	firsts []autoscaler.TaskID // the tasks that were there in the beginning
	stay   []autoscaler.TaskID // of those, the ones that hold a session throughout
	heard  *codes
}

// codes are the actions that any pass has reported.
type codes struct {
	mu  sync.Mutex
	all map[autoscaler.Code]bool
}

func (c *codes) hear(pass autoscaler.Pass) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range pass.Actions {
		c.all[a.Code] = true
	}
}

func plays() []play {
	return []play{
		{name: "scale in", tasks: 4, begin: func(s *stage) { s.keep(2); s.want(2) }, over: steadyAt(2)},
		{name: "scale out", tasks: 2, begin: func(s *stage) { s.keep(2); s.want(4) }, over: steadyAt(4)},
		{name: "demand returns", tasks: 3, begin: func(s *stage) {
			s.keep(3)
			s.emptyOne()
			s.passes(2)
			s.want(3)
		}, over: steadyAt(3)},
		{name: "a long drain", tasks: 3, begin: func(s *stage) {
			s.keep(2)
			s.visit(s.firsts[2], 8*time.Minute)
			s.emptyOne()
		}, over: steadyAt(2)},
		{name: "an end by force", tasks: 3, begin: func(s *stage) {
			s.keep(2)
			// Told of, and none of the application's own: those it would end by itself.
			_, err := s.raw.Started(context.Background(), sessionstore.StartedRequest{Ref: s.ref(s.firsts[2]), Session: "told", At: s.c.Now()})
			s.must(err)
			s.emptyOne()
		}, over: steadyAt(2), config: func(c *autoscaler.Config) { c.Timing.Deadline, c.Timing.Notice = 3*time.Minute, 2*time.Minute }},
		{name: "a task is lost", tasks: 3, begin: func(s *stage) {
			s.keep(2)
			s.must(s.c.Crash(s.ref(s.firsts[2])))
		}, over: func(s *stage) bool { return steadyAt(3)(s) && s.record(s.firsts[2]).State == "" }},
		{name: "a task falls sick", tasks: 3, service: func(c *ecssim.ServiceConfig) { c.KeepUnhealthyProtected = true }, begin: func(s *stage) {
			s.keep(2)
			s.must(s.c.SetHealth(s.ref(s.firsts[2]), false))
		}, over: func(s *stage) bool { return steadyAt(3)(s) && s.record(s.firsts[2]).State == "" }},
		{name: "a deployment", tasks: 2, begin: func(s *stage) {
			s.deploy()
		}, over: replaced},
		{name: "below what is to stay", tasks: 3, begin: func(s *stage) {
			s.keep(3)
			s.must(s.c.ForeignDesired(service, 1))
		}, over: func(s *stage) bool { return s.truth().Desired == 3 }},
		{name: "owed for long", tasks: 2, service: func(c *ecssim.ServiceConfig) {
			full := time.Date(2026, 1, 5, 0, 1, 0, 0, time.UTC) // a minute after the cluster's first instant
			c.FailPlacement = func(at time.Time) bool { return at.After(full) }
		}, begin: func(s *stage) {
			s.keep(2)
			s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
				if s.c.Now().Before(s.began.Add(2 * time.Minute)) {
					return now.Want(4, "so many")
				}
				return now.Want(2, "so many")
			}
		}, over: func(s *stage) bool { return s.truth().Desired == 2 && s.c.Now().After(s.began.Add(10*time.Minute)) }},
		{name: "protection is taken away", tasks: 2, begin: func(s *stage) {
			s.keep(2)
			_, err := s.c.UpdateTaskProtection(service, s.firsts[:1], false, 0)
			s.must(err)
		}, over: func(s *stage) bool { return s.status(s.firsts[0]).ProtectedUntil.After(s.c.Now()) }},
		{name: "a task without a record", tasks: 1, level: autoscaler.LevelC, service: func(c *ecssim.ServiceConfig) { c.Warm = true },
			begin: func(*stage) {}, over: func(s *stage) bool { return s.count(autoscaler.TaskOpen) == 1 }},
		{name: "level C", tasks: 3, level: autoscaler.LevelC, begin: func(s *stage) {
			s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
				if s.c.Now().Before(s.began.Add(3 * time.Minute)) {
					return now.Want(3, "so many")
				}
				return now.Want(2, "so many")
			}
		}, over: func(s *stage) bool { return steadyAt(2)(s) && s.c.Now().After(s.began.Add(3*time.Minute)) }},
		{name: "protection is refused at level C", tasks: 2, level: autoscaler.LevelC, service: strictly, begin: func(s *stage) {
			s.passes(2)
			s.deploy()
		}, over: replaced},
		{name: "protection is refused", tasks: 2, service: strictly, begin: func(s *stage) {
			s.mute = true
			s.visit(s.firsts[0], 6*time.Minute)
			s.visit(s.firsts[1], 6*time.Minute)
			s.deploy()
		}, over: replaced},
	}
}

// strictly has ECS refuse protection as it may by the stricter reading.
func strictly(c *ecssim.ServiceConfig) { c.RefuseAtEquality = true }

// replaced reports that two tasks of a new revision stand where the first ones were.
func replaced(s *stage) bool {
	return steadyAt(2)(s) && s.record(s.firsts[0]).State == "" && s.record(s.firsts[1]).State == ""
}

func (s *stage) deploy() {
	_, err := s.c.Deploy(service, "rev-2")
	s.must(err)
}

// steadyAt reports that so many tasks are open and nothing else is under way.
func steadyAt(n int) func(*stage) bool {
	return func(s *stage) bool {
		truth, c := s.truth(), s.checkpoint()
		return truth.Desired == n && truth.Running == n && truth.Pending == 0 && c.Release == nil &&
			s.count(autoscaler.TaskOpen) == n && len(s.records()) == n
	}
}

// raise sets the play up.
func (p play) raise(t *testing.T, heard *codes) *moments.Run {
	if p.level == "" {
		p.level = autoscaler.LevelA
	}
	second := func(n int) ecssim.Span {
		return ecssim.Span{Min: time.Duration(n) * time.Second, Max: time.Duration(n) * time.Second}
	}
	cfg := ecssim.ServiceConfig{
		ID: service, Desired: p.tasks, Warm: p.level != autoscaler.LevelC, StartTime: second(20), SchedulerDelay: second(5),
		ExitTime: second(2), Deprovisioning: second(3), HealthTime: second(10), DeregistrationDelay: 30 * time.Second, ReregisterAfter: -1,
	}
	if p.service != nil {
		p.service(&cfg)
	}
	s := &stage{T: t, play: p, heard: heard, c: ecssim.New(ecssim.Config{Seed: 5, Service: cfg})}
	s.raw = memstore.New(memstore.Config{Now: s.c.Now, Rules: sessionstore.Rules{LagBound: 30 * time.Second}})
	checks := ecssim.NewInvariants(s.c, service, s.raw)
	s.c.SetSeam(ecssim.Seams(checks.Seam(), func(ctx context.Context, call ecssim.Call) error {
		if s.mute && call.Op == ecssim.OpOpen && call.Point == ecssim.Before && !moments.Tested(ctx) {
			return errors.New("the store does not answer")
		}
		if s.fault == nil {
			return nil
		}
		return s.fault(ctx, call)
	}))
	s.assemble()
	t.Cleanup(func() { s.judge(checks) })
	s.prologue()
	return &moments.Run{
		Cluster: s.c, Store: s.raw, Service: service,
		Seam: func(f ecssim.Seam) { s.fault = f },
		Pass: func(ctx context.Context) error {
			pass, err := s.ctl.Reconcile(ctx)
			s.heard.hear(pass)
			return err
		},
		Restart: s.restart,
		Rest:    func() { s.c.RunFor(15 * time.Second) },
		Doing: func(call ecssim.Call) moments.Row {
			step, act := doing()
			return moments.Row{Where: p.name, Step: step, Act: act, Call: call.Op}
		},
		Over: func() bool { return p.over(s) },
		End:  s.end,
	}
}

// assemble puts the application and the controller's configuration together.
func (s *stage) assemble() {
	sessions, records := ecssim.WireSessions(s.c, s.raw), ecssim.WireRecords(s.c, s.raw)
	var err error
	s.users, err = ecssim.NewApplication(s.c, ecssim.ApplicationConfig{
		Service: service, Level: s.play.level, Slots: 2, Sessions: sessions, Records: records,
		Writer: ecssim.WireWriter(s.c, s.raw), Barriers: ecssim.WireBarriers(s.c, s.raw),
	})
	s.must(err)
	s.cfg = autoscaler.Config{
		Service: service, Limits: autoscaler.Limits{Max: 20}, Policy: asked{s}, Floor: -1, Emptying: true,
		Sessions: sessions, Records: records, State: ecssim.WireState(s.c, s.raw), Scaler: s.c, Utilization: s.c,
		Protection: s.c, Journal: ecssim.WireJournal(s.c, s.raw), Forced: ecssim.WireForced(s.c, s.raw), Now: s.c.Now,
		Timing: autoscaler.Timing{IdleFor: time.Second, Cooldown: -1, MinAge: -1},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if s.play.config != nil {
		s.play.config(&s.cfg)
	}
	s.want(s.play.tasks)
	s.restart()
}

// prologue has the desired count be one that is known, and begins the play. What
// speaks for itself has opened by then; what does not is left to the first pass.
func (s *stage) prologue() {
	c := s.checkpoint()
	c.Desired = autoscaler.DesiredCount{Value: s.play.tasks, Previous: s.play.tasks, Known: true}
	_, err := s.raw.SaveCheckpoint(context.Background(), c)
	s.must(err)
	s.c.RunFor(time.Minute)
	if s.play.level == autoscaler.LevelA {
		s.passes(2)
	}
	for i := range s.truth().Tasks {
		s.firsts = append(s.firsts, s.truth().Tasks[i].ID)
	}
	slices.Sort(s.firsts)
	s.began = s.c.Now()
	s.play.begin(s)
}

// restart puts a new controller, with a new runner, in the place of the one that was.
func (s *stage) restart() {
	drains, err := workflow.New(workflow.Config{
		Tasks: s.c, Scaler: s.c, Sessions: s.cfg.Sessions, Records: s.cfg.Records, State: s.cfg.State,
		Journal: s.cfg.Journal, Events: s.users.Events(), Now: s.c.Now,
	})
	s.must(err)
	s.cfg.Drains = drains
	s.ctl, err = autoscaler.New(s.cfg)
	s.must(err)
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// asked is a policy that wants what the play wants at the moment.
type asked struct{ s *stage }

func (asked) Name() string { return "asked" }

func (a asked) Decide(now autoscaler.Snapshot) autoscaler.Decision { return a.s.decide(now) }

func (s *stage) want(open int) {
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision { return now.Want(open, "so many") }
}

// emptyOne has the last of the first tasks emptied.
func (s *stage) emptyOne() {
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
		d := now.Want(len(s.firsts)-1, "one less")
		d.Empty = s.firsts[len(s.firsts)-1:]
		return d
	}
}

func (s *stage) passes(n int) {
	for range n {
		_, err := s.ctl.Reconcile(context.Background())
		s.must(err)
		s.c.RunFor(15 * time.Second)
	}
}

// keep has a session live on each of the first n tasks, from beginning to end.
func (s *stage) keep(n int) {
	s.stay = s.firsts[:n]
	for _, id := range s.stay {
		s.visit(id, 10*time.Hour)
	}
}

func (s *stage) visit(task autoscaler.TaskID, length time.Duration) {
	if !s.users.Connect(context.Background(), task, length) {
		s.Fatalf("task %s takes nobody", task)
	}
}

func (s *stage) ref(task autoscaler.TaskID) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: service, Task: task}
}

func (s *stage) truth() autoscaler.ServiceState {
	truth, err := s.c.Truth(service)
	if err != nil {
		s.Error(err)
	}
	return truth
}

func (s *stage) status(task autoscaler.TaskID) autoscaler.TaskStatus {
	for _, t := range s.truth().Tasks {
		if t.ID == task {
			return t
		}
	}
	return autoscaler.TaskStatus{}
}

func (s *stage) checkpoint() autoscaler.Checkpoint {
	c, err := s.raw.LoadCheckpoint(context.Background(), service)
	if err != nil {
		s.Error(err)
	}
	return c
}

func (s *stage) records() []autoscaler.TaskActivity {
	a, err := s.raw.Activity(context.Background(), service, s.c.Now())
	if err != nil {
		s.Error(err)
	}
	return a.Tasks
}

func (s *stage) record(task autoscaler.TaskID) autoscaler.TaskActivity {
	for _, a := range s.records() {
		if a.Ref.Task == task {
			return a
		}
	}
	return autoscaler.TaskActivity{}
}

// count is how many records are in a state.
func (s *stage) count(state autoscaler.TaskState) int {
	n := 0
	for _, a := range s.records() {
		if a.State == state {
			n++
		}
	}
	return n
}

// end is how the play ended: what is wanted beside what there is, how each record
// stands, and what became of the first tasks.
func (s *stage) end() string {
	truth, c := s.truth(), s.checkpoint()
	target, err := autoscaler.Target(truth, s.records(), c.WantOpen, c.Limits.Total())
	if err != nil || target != truth.Desired {
		s.Errorf("desired ends at %d, the target is %d (%v)", truth.Desired, target, err)
	}
	for _, id := range s.stay {
		status := s.status(id)
		if !status.Wanted() || !status.ProtectedUntil.After(s.c.Now()) || s.users.Live(id) != 1 {
			s.Errorf("task %s was to stay: %+v with %d sessions", id, status, s.users.Live(id))
		}
	}
	var all []string
	for _, id := range s.firsts {
		all = append(all, fmt.Sprintf("%s %v", s.record(id).State, s.status(id).Wanted()))
	}
	states := map[autoscaler.TaskState]int{}
	for _, a := range s.records() {
		states[a.State]++
	}
	return fmt.Sprintf("want %d, desired %d, running %d, records %v, the first %v, release %v, permit %v, intents %d, brake %v, aborts %d",
		c.WantOpen, truth.Desired, truth.Running, states, all, c.Release != nil, c.Permit != nil && !c.Permit.Expired(s.c.Now()), len(c.Intents), c.Brake.On(), c.Aborts)
}

// judge holds the run to the drain protocol.
func (s *stage) judge(checks *ecssim.Invariants) {
	for _, v := range checks.Violations() {
		s.Errorf("%s", v)
	}
	for _, cut := range s.users.Cuts() {
		if !cut.Outside() && s.cfg.Timing.Deadline == 0 {
			s.Errorf("session cut: %+v", cut)
		}
	}
}

// doing says which part of a pass makes the call, by the functions that led to it: the
// part that the pass's act has called, and the release's entrance as the step where the
// call is a release's.
func doing() (step, act string) {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if name, ok := after(frame.Function, "/workflow.(*Runner)."); ok && ast.IsExported(name) {
			step = name
		}
		if name, ok := after(frame.Function, "/autoscaler.(*running)."); ok && name != "act" {
			act = name
		}
	}
	if act == "" {
		act = "observe"
	}
	return step, act
}

func after(s, mark string) (rest string, found bool) {
	_, rest, found = strings.Cut(s, mark)
	return rest, found
}

// TestEveryActAtEveryMoment loses a controller at each moment of each call that it
// makes in a pass, and has another one go on fifteen seconds later that has nothing but
// the same stores. What stands in the end must be what stands where nobody was lost,
// and the drain protocol must hold after every call.
func TestEveryActAtEveryMoment(t *testing.T) {
	heard := &codes{all: map[autoscaler.Code]bool{}}
	var scenes []moments.Scene
	for _, p := range plays() {
		scenes = append(scenes, moments.Scene{Name: p.name, Each: 2, New: func(t *testing.T) *moments.Run { return p.raise(t, heard) }})
	}
	table := moments.Check(t, scenes, actsThatNeverCome())
	if t.Failed() || !table.Whole() {
		return
	}
	acts, calls := map[string]bool{}, map[string]bool{}
	for _, row := range table.Rows() {
		acts[row.Act], acts[row.Step], calls[string(row.Call)] = true, true, true
	}
	source := parsed(t)
	for _, part := range partsOfAPass(source) {
		if !acts[part] {
			t.Errorf("no call of the pass's %q was met", part)
		}
	}
	for _, code := range actionCodes(source) {
		if !heard.all[code] {
			t.Errorf("no pass did %q", code)
		}
	}
	for _, call := range contractCalls() {
		why, never := neverInAPass()[call]
		if calls[call] == never {
			t.Errorf("%s: met %v, said never to be: %q", call, calls[call], why)
		}
	}
}

// actsThatNeverCome says which rows cannot meet which moment: the last pass of a play
// has nothing left to save, and the one after it finds nothing to do.
func actsThatNeverCome() []moments.Never {
	never := moments.ByNature()
	for play, acts := range map[string][]string{
		"a task is lost": {"bury", "tell"}, "a task without a record": {"register", "protect", "tell"},
		"below what is to stay":    {"tell"},
		"demand returns":           {"reopen", "tell"},
		"protection is taken away": {"protect", "tell"},
	} {
		for _, act := range acts {
			never = append(never, moments.Never{
				Where: play, Act: act, At: moments.Saved, Why: "with this act the records say it all: its pass saves nothing after it, and the next has nothing to save",
			})
		}
	}
	return never
}

// neverInAPass are the contracts' calls that no pass makes.
func neverInAPass() map[string]string {
	return map[string]string{
		"state.set_control": "an operator's",
		"journal.read":      "an operator's",
	}
}

// contractCalls are the calls of the contracts that a controller is built from.
func contractCalls() []string {
	var all []string
	for name, contract := range map[string]any{
		"sessions": (*autoscaler.SessionStore)(nil), "records": (*autoscaler.Records)(nil), "state": (*autoscaler.StateStore)(nil),
		"scaler": (*autoscaler.Scaler)(nil), "metrics": (*autoscaler.UtilizationSource)(nil), "tasks": (*autoscaler.Protector)(nil),
		"forced": (*autoscaler.ForcedEnds)(nil), "journal": (*autoscaler.Journal)(nil),
	} {
		methods := reflect.TypeOf(contract).Elem()
		for i := range methods.NumMethod() {
			all = append(all, name+"."+snake(methods.Method(i).Name))
		}
	}
	return all
}

// snake turns SetDesired into set_desired.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// parsed is the source in which a pass acts.
func parsed(t *testing.T) []*ast.File {
	t.Helper()
	var all []*ast.File
	for _, name := range []string{"act.go", "protect.go", "force.go", "reason.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// partsOfAPass are the parts that act calls one after the other, as the source has them.
func partsOfAPass(source []*ast.File) []string {
	var parts []string
	for _, f := range source {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "act" {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				ctx, takes := call.Args[0].(*ast.Ident)
				if recv, ok := sel.X.(*ast.Ident); ok && recv.Name == "r" && takes && ctx.Name == "ctx" {
					parts = append(parts, sel.Sel.Name)
				}
				return true
			})
		}
	}
	return parts
}

// actionCodes are the codes that the source gives actions: in the action itself, or in
// a variable on the way there.
func actionCodes(source []*ast.File) []autoscaler.Code {
	values, named := map[string]autoscaler.Code{}, map[string]bool{}
	name := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok && strings.HasPrefix(id.Name, "Code") {
			named[id.Name] = true
		}
	}
	for _, f := range source {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); !ok || kind.Name != "Action" {
					return true
				}
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok && fmt.Sprint(kv.Key) == "Code" {
						name(kv.Value)
					}
				}
			case *ast.AssignStmt:
				name(n.Rhs[0])
			case *ast.ValueSpec:
				if len(n.Values) == 1 && strings.HasPrefix(n.Names[0].Name, "Code") {
					if text, ok := n.Values[0].(*ast.BasicLit); ok {
						value, _ := strconv.Unquote(text.Value)
						values[n.Names[0].Name] = autoscaler.Code(value)
					}
				}
			}
			return true
		})
	}
	var all []autoscaler.Code
	for id := range named {
		all = append(all, values[id])
	}
	slices.Sort(all)
	return all
}
