package incidents

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/internal/fakestore"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
	"github.com/seed-979cce96/idlescale/workflow"
)

// on is a test and the store that it runs on.
type on struct {
	*testing.T
	store func(t *testing.T, now func() time.Time, rules sessionstore.Rules) handle
}

// handle is a store, for one owner.
type handle struct {
	storetest.Store
	as func(owner string) storetest.Store
}

// onMemory runs a test on memstore.
func onMemory(t *testing.T, test func(on)) {
	test(on{t, func(_ *testing.T, now func() time.Time, rules sessionstore.Rules) handle {
		store := memstore.New(memstore.Config{Now: now, Rules: rules})
		return handle{store, func(owner string) storetest.Store { return store.As(owner) }}
	}})
}

// onEachStore runs a test on every store there is: it is about what a store shows, or keeps.
func onEachStore(t *testing.T, test func(on)) {
	t.Run("memstore", func(t *testing.T) { onMemory(t, test) })
	t.Run("dynamostore", func(t *testing.T) { test(on{t, onDynamo}) })
}

// onDynamo is a DynamoDB store on a table of its own.
func onDynamo(t *testing.T, now func() time.Time, rules sessionstore.Rules) handle {
	t.Helper()
	store := fakestore.Open(t, now, rules)
	return handle{store, func(owner string) storetest.Store { return store.As(owner) }}
}

// between is the time from one pass to the next.
const between = 15 * time.Second

// setting is what a scene begins with. Zero fields: three tasks of one slot each at
// level A, an application that finds the fullest open task, and a controller that
// wants what there is.
type setting struct {
	tasks   int
	slots   int
	level   autoscaler.Level
	service func(*ecssim.ServiceConfig)
	people  func(*ecssim.ApplicationConfig)
	store   func(*sessionstore.Rules)
	control func(*autoscaler.Config)
	drains  func(*workflow.Config)
}

// scene is a service with one controller, in which a test says step by step what
// happens. Nothing in it is random, and nobody is late who is not made to be.
//
// When the test ends, the invariants of the drain protocol must have held after every
// call, and no session may have been cut that this library could have saved.
type scene struct {
	*testing.T
	c     *ecssim.Cluster
	id    autoscaler.ServiceID
	raw   handle
	users *ecssim.Application
	ctl   *autoscaler.Controller
	cfg   autoscaler.Config

	decide func(autoscaler.Snapshot) autoscaler.Decision
	hooks  []hook
	calls  []ecssim.Call // that have taken effect
	last   autoscaler.Pass
	said   []autoscaler.Reason
}

// hook is something that happens at the next call of a kind.
type hook struct {
	op    ecssim.Op
	point ecssim.Point
	every bool
	f     func(ecssim.Call) error
}

func newScene(t on, set setting) *scene {
	t.Helper()
	set.tasks, set.slots = or(set.tasks, 3), or(set.slots, 1)
	service := ecssim.ServiceConfig{
		Desired: set.tasks, Warm: true, DeregistrationDelay: 30 * time.Second,
		StartTime: ecssim.Span{Min: 20 * time.Second, Max: 20 * time.Second},
	}
	if set.service != nil {
		set.service(&service)
	}
	s := &scene{T: t.T, id: autoscaler.ServiceID{Cluster: "sim", Name: "service"}}
	s.c = ecssim.New(ecssim.Config{Seed: 1, Service: service})
	rules := sessionstore.Rules{LagBound: time.Minute}
	if set.store != nil {
		set.store(&rules)
	}
	s.raw = t.store(t.T, s.c.Now, rules)
	checks := ecssim.NewInvariants(s.c, s.id, s.raw)
	s.c.SetSeam(ecssim.Seams(checks.Seam(), s.hook))
	s.people(set)
	s.control(set)
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision { return now.Hold("as it is") }
	s.adopt(set.tasks)
	t.Cleanup(func() {
		for _, v := range checks.Violations() {
			t.Error(v)
		}
		for _, cut := range s.users.Cuts() {
			if !cut.Outside() {
				t.Errorf("session cut: %+v", cut)
			}
		}
		if t.Failed() {
			for i, r := range s.said {
				if i == 0 || r != s.said[i-1] {
					t.Log("said: ", r)
				}
			}
		}
	})
	s.pass(time.Minute)
	return s
}

func or(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

func (s *scene) people(set setting) {
	cfg := ecssim.ApplicationConfig{
		Slots: set.slots, Level: set.level,
		Sessions: ecssim.WireSessions(s.c, s.raw), Records: ecssim.WireRecords(s.c, s.raw),
		Writer: ecssim.WireWriter(s.c, s.raw), Barriers: ecssim.WireBarriers(s.c, s.raw),
	}
	if set.people != nil {
		set.people(&cfg)
	}
	var err error
	if s.users, err = ecssim.NewApplication(s.c, cfg); err != nil {
		s.Fatal(err)
	}
}

// control builds the controller. Its timing is short, since what the tests are about
// is no matter of waiting; those that are about waiting set it.
func (s *scene) control(set setting) {
	s.cfg = autoscaler.Config{
		Service: s.id, Limits: autoscaler.Limits{Min: 0, Max: 20}, Policy: aim{s}, Floor: -1, Emptying: true,
		Sessions: ecssim.WireSessions(s.c, s.raw), Records: ecssim.WireRecords(s.c, s.raw), State: ecssim.WireState(s.c, s.raw),
		Scaler: s.c, Protection: s.c, Journal: s.raw, Now: s.c.Now,
		Timing: autoscaler.Timing{IdleFor: time.Second, Cooldown: -1, MinAge: -1},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if set.control != nil {
		set.control(&s.cfg)
	}
	drains := workflow.Config{
		Tasks: s.c, Scaler: s.cfg.Scaler, Sessions: s.cfg.Sessions, Records: s.cfg.Records, State: s.cfg.State,
		Journal: s.raw, Events: s.users.Events(), Now: s.c.Now,
	}
	if set.drains != nil {
		set.drains(&drains)
	}
	runner, err := workflow.New(drains)
	if err != nil {
		s.Fatal(err)
	}
	s.cfg.Drains = runner
	if s.ctl, err = autoscaler.New(s.cfg); err != nil {
		s.Fatal(err)
	}
}

// adopt makes the first desired count one that the controller knows.
func (s *scene) adopt(desired int) {
	ctx := context.Background()
	c, err := s.raw.LoadCheckpoint(ctx, s.id)
	if err == nil {
		c.Desired = autoscaler.DesiredCount{Value: desired, Previous: desired, Known: true}
		_, err = s.raw.SaveCheckpoint(ctx, c)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// aim is a policy that wants what the test wants at the moment.
type aim struct{ s *scene }

func (aim) Name() string { return "aim" }

func (a aim) Decide(now autoscaler.Snapshot) autoscaler.Decision { return a.s.decide(now) }

// want has the policy want so many open tasks, and name these to be removed.
func (s *scene) want(open int, remove ...autoscaler.TaskID) {
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
		d := now.Want(open, "so many")
		d.Remove = remove
		return d
	}
}

// empty has the policy want one task less, and name this one to be emptied.
func (s *scene) empty(open int, tasks ...autoscaler.TaskID) {
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
		d := now.Want(open, "so many")
		d.Empty = tasks
		return d
	}
}

// pass lets time go by, with a pass now and then.
func (s *scene) pass(length time.Duration) {
	for end := s.c.Now().Add(length); s.c.Now().Before(end); {
		// What a pass could not do, the next one does.
		s.last, _ = s.ctl.Reconcile(context.Background())
		s.said = append(s.said, s.last.Reasons...)
		for _, a := range s.last.Actions {
			s.said = append(s.said, autoscaler.Reason{Code: a.Code, Task: a.Task, Detail: a.Outcome})
		}
		for _, r := range s.last.Releases {
			s.said = append(s.said, r.Reasons...)
		}
		s.c.RunFor(between)
	}
}

// at has something happen once, at the next call of a kind.
func (s *scene) at(op ecssim.Op, point ecssim.Point, f func(ecssim.Call)) {
	s.hooks = append(s.hooks, hook{op, point, false, func(call ecssim.Call) error { f(call); return nil }})
}

// fail has every call of a kind fail at a point, as long as f says so.
func (s *scene) fail(op ecssim.Op, point ecssim.Point, f func(ecssim.Call) error) {
	s.hooks = append(s.hooks, hook{op, point, true, f})
}

func (s *scene) hook(_ context.Context, call ecssim.Call) error {
	if call.Point == ecssim.After && call.Err == nil {
		s.calls = append(s.calls, call)
	}
	for i, h := range s.hooks {
		if h.op != call.Op || h.point != call.Point {
			continue
		}
		if !h.every {
			// Taken out first: what it does makes calls of its own.
			s.hooks = slices.Delete(slices.Clone(s.hooks), i, i+1)
			return h.f(call)
		}
		if err := h.f(call); err != nil {
			return err
		}
	}
	return nil
}

// count is how many calls of a kind have taken effect.
func (s *scene) count(op ecssim.Op) int {
	n := 0
	for _, call := range s.calls {
		if call.Op == op {
			n++
		}
	}
	return n
}

// visit lets one user in, who has to find a slot, and returns where.
func (s *scene) visit(length time.Duration) autoscaler.TaskID {
	s.Helper()
	before := map[autoscaler.TaskID]int{}
	for _, t := range s.tasks() {
		before[t.ID] = s.users.Live(t.ID)
	}
	if s.users.Visit(ecssim.WithActor(context.Background(), "user"), length) {
		for _, t := range s.tasks() {
			if s.users.Live(t.ID) > before[t.ID] {
				return t.ID
			}
		}
	}
	s.Fatal("no task took the user")
	return ""
}

// tasks are the tasks that run or start and are not on their way out, as they are.
func (s *scene) tasks() []autoscaler.TaskStatus {
	s.Helper()
	truth, err := s.c.Truth(s.id)
	if err != nil {
		s.Fatal(err)
	}
	return slices.DeleteFunc(truth.Tasks, func(t autoscaler.TaskStatus) bool { return !t.Wanted() })
}

func (s *scene) runs(task autoscaler.TaskID) bool {
	s.Helper()
	return slices.ContainsFunc(s.tasks(), func(t autoscaler.TaskStatus) bool { return t.ID == task })
}

// idle is a task that runs and holds no session.
func (s *scene) idle() autoscaler.TaskID {
	s.Helper()
	for _, t := range s.tasks() {
		if s.users.Live(t.ID) == 0 {
			return t.ID
		}
	}
	s.Fatal("no task is idle")
	return ""
}

// emptiest is the task that holds the fewest sessions.
func (s *scene) emptiest() autoscaler.TaskID {
	s.Helper()
	return slices.MinFunc(s.tasks(), func(a, b autoscaler.TaskStatus) int {
		return cmp.Compare(s.users.Live(a.ID), s.users.Live(b.ID))
	}).ID
}

// record is what the store knows of a task.
func (s *scene) record(task autoscaler.TaskID) autoscaler.TaskActivity {
	s.Helper()
	all, err := s.raw.Activity(context.Background(), s.id, s.c.Now())
	if err != nil {
		s.Fatal(err)
	}
	for _, a := range all.Tasks {
		if a.Ref.Task == task {
			return a
		}
	}
	return autoscaler.TaskActivity{}
}

func (s *scene) ref(task autoscaler.TaskID) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: s.id, Task: task}
}

// desired is the count as ECS has it.
func (s *scene) desired() int {
	s.Helper()
	truth, err := s.c.Truth(s.id)
	if err != nil {
		s.Fatal(err)
	}
	return truth.Desired
}

// reserve holds a slot on the task.
func (s *scene) reserve(task autoscaler.TaskID, length time.Duration) {
	s.Helper()
	now := s.c.Now()
	if _, err := s.raw.Reserve(context.Background(), sessionstore.ReserveRequest{
		Ref: s.ref(task), Session: "reserved", At: now, Until: now.Add(length),
	}); err != nil {
		s.Fatal(err)
	}
}

// as is a controller like the scene's, of another owner, that wants no task at all.
func (s *scene) as(owner string) *autoscaler.Controller {
	s.Helper()
	own, cfg := s.raw.as(owner), s.cfg
	cfg.Policy, cfg.Sessions, cfg.Records, cfg.State = policy.Fixed{}, own, own, own
	runner, err := workflow.New(workflow.Config{
		Tasks: s.c, Scaler: s.c, Sessions: own, Records: own, State: own, Now: s.c.Now,
	})
	if err != nil {
		s.Fatal(err)
	}
	cfg.Drains = runner
	ctl, err := autoscaler.New(cfg)
	if err != nil {
		s.Fatal(err)
	}
	return ctl
}

// What a network and an API answer when they do not.
var (
	errLost    = errors.New("connection reset by peer")
	errRefused = errors.New("DEPLOYMENT_BLOCKED")
)

// failingMetrics has no reading of anything.
type failingMetrics struct{}

func (failingMetrics) Utilization(context.Context, autoscaler.ServiceID, time.Time) (autoscaler.Utilization, error) {
	return nil, errLost
}

// stays requires that the tasks run.
func (s *scene) stays(tasks ...autoscaler.TaskID) {
	s.Helper()
	for _, t := range tasks {
		if !s.runs(t) {
			s.Errorf("%s is gone", t)
		}
	}
}

// goes requires that the tasks have gone: the test would prove nothing if nothing was
// ever released.
func (s *scene) goes(tasks ...autoscaler.TaskID) {
	s.Helper()
	for _, t := range tasks {
		if s.runs(t) {
			s.Errorf("%s still runs: %+v", t, s.record(t))
		}
	}
}

// told reports that a reason was given, in any pass so far.
func (s *scene) told(code autoscaler.Code) bool {
	return slices.ContainsFunc(s.said, func(r autoscaler.Reason) bool { return r.Code == code })
}

// tells requires that a reason was given.
func (s *scene) tells(code autoscaler.Code) {
	s.Helper()
	if !s.told(code) {
		s.Errorf("no pass said %q", code)
	}
}
