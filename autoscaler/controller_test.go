package autoscaler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

var service = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

// store lets a test stand between the controller and the store: each hook, when
// set, runs before the call and may fail it.
type store struct {
	*memstore.Store
	fail   map[string]error
	before map[string]func()
	calls  []string
}

func (s *store) hook(op string) error {
	s.calls = append(s.calls, op)
	if f := s.before[op]; f != nil {
		delete(s.before, op)
		f()
	}
	return s.fail[op]
}

func (s *store) LoadCheckpoint(ctx context.Context, id autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
	if err := s.hook("load"); err != nil {
		return autoscaler.Checkpoint{}, err
	}
	return s.Store.LoadCheckpoint(ctx, id)
}

func (s *store) SaveCheckpoint(ctx context.Context, c autoscaler.Checkpoint) (int64, error) {
	if err := s.hook("save"); err != nil {
		return 0, err
	}
	return s.Store.SaveCheckpoint(ctx, c)
}

func (s *store) Control(ctx context.Context, id autoscaler.ServiceID) (autoscaler.Control, error) {
	if err := s.hook("control"); err != nil {
		return autoscaler.Control{}, err
	}
	return s.Store.Control(ctx, id)
}

func (s *store) Activity(ctx context.Context, id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
	if err := s.hook("activity"); err != nil {
		return autoscaler.Activity{}, err
	}
	return s.Store.Activity(ctx, id, at)
}

func (s *store) Cordon(ctx context.Context, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
	if err := s.hook("cordon"); err != nil {
		return autoscaler.TaskActivity{}, err
	}
	return s.Store.Cordon(ctx, req)
}

func (s *store) Reopen(ctx context.Context, d autoscaler.DrainRef) error {
	if err := s.hook("reopen"); err != nil {
		return err
	}
	return s.Store.Reopen(ctx, d)
}

// cluster does the same for the cluster.
type cluster struct {
	*ecssim.Cluster
	fail  map[string]error
	order *[]string
}

func (c *cluster) Describe(ctx context.Context, id autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	if err := c.fail["describe"]; err != nil {
		return autoscaler.ServiceState{}, err
	}
	return c.Cluster.Describe(ctx, id)
}

func (c *cluster) SetDesired(ctx context.Context, req autoscaler.SetDesired) error {
	*c.order = append(*c.order, "set_desired")
	if err := c.fail["set_desired"]; err != nil {
		return err
	}
	return c.Cluster.SetDesired(ctx, req)
}

func (c *cluster) Utilization(ctx context.Context, id autoscaler.ServiceID, at time.Time) (autoscaler.Utilization, error) {
	if err := c.fail["utilization"]; err != nil {
		return nil, err
	}
	return c.Cluster.Utilization(ctx, id, at)
}

// wish is a policy that a test changes as it goes.
type wish struct{ autoscaler.Decision }

func (*wish) Name() string { return "wish" }
func (w *wish) Decide(autoscaler.Snapshot) autoscaler.Decision {
	d := w.Decision
	d.Reasons = []autoscaler.Reason{{Code: "wished"}}
	return d
}

// world is a service with its controller, one process, on simulated time.
type world struct {
	*testing.T
	c     *cluster
	s     *store
	users *ecssim.Application
	wish  *wish
	cfg   autoscaler.Config
	ctl   *autoscaler.Controller
}

// newWorld starts with that many tasks running, and a policy that wants as many.
func newWorld(t *testing.T, tasks int, change func(*autoscaler.Config)) *world {
	t.Helper()
	return newWorldOn(t, ecssim.ServiceConfig{Desired: tasks, Warm: true}, change)
}

func newWorldOn(t *testing.T, cfg ecssim.ServiceConfig, change func(*autoscaler.Config)) *world {
	t.Helper()
	sim := ecssim.New(ecssim.Config{Seed: 7, Service: cfg})
	s := &store{Store: memstore.New(memstore.Config{Now: sim.Now}), fail: map[string]error{}, before: map[string]func(){}}
	c := &cluster{Cluster: sim, fail: map[string]error{}, order: &s.calls}
	users, err := ecssim.NewApplication(sim, ecssim.ApplicationConfig{Sessions: s.Store, Records: s.Store, Writer: s.Store})
	if err != nil {
		t.Fatal(err)
	}
	drains, err := workflow.New(workflow.Config{
		Tasks: c, Scaler: c, Sessions: s, Records: s, State: s, Journal: s, Now: sim.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, c: c, s: s, users: users, wish: &wish{}}
	w.wish.Open = cfg.Desired
	w.cfg = autoscaler.Config{
		Service: service, Limits: autoscaler.Limits{Min: 1, Max: 20}, Policy: w.wish,
		Sessions: s, Records: s, State: s, Scaler: c, Utilization: c, Drains: drains, Now: sim.Now,
	}
	if change != nil {
		change(&w.cfg)
	}
	if w.ctl, err = autoscaler.New(w.cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// pass lets a pass interval go by and makes a pass, which must succeed.
func (w *world) pass() autoscaler.Pass {
	w.Helper()
	w.c.RunFor(15 * time.Second)
	p, err := w.ctl.Reconcile(w.Context())
	if err != nil {
		w.Fatalf("pass: %v", err)
	}
	return p
}

// passes makes n of them and returns the last.
func (w *world) passes(n int) (last autoscaler.Pass) {
	w.Helper()
	for range n {
		last = w.pass()
	}
	return last
}

func (w *world) desired() int {
	w.Helper()
	state, err := w.c.Cluster.Describe(w.Context(), service)
	if err != nil {
		w.Fatal(err)
	}
	return state.Desired
}

// records returns the records by state.
func (w *world) records() map[autoscaler.TaskState][]autoscaler.TaskID {
	w.Helper()
	activity, err := w.s.Store.Activity(w.Context(), service, w.c.Now())
	if err != nil {
		w.Fatal(err)
	}
	by := make(map[autoscaler.TaskState][]autoscaler.TaskID)
	for _, a := range activity.Tasks {
		by[a.State] = append(by[a.State], a.Ref.Task)
	}
	return by
}

// begin starts a session on a task, which lives on.
func (w *world) begin(task autoscaler.TaskID, id string) error {
	_, err := w.s.Begin(w.Context(), sessionstore.BeginRequest{
		Ref: autoscaler.TaskRef{Service: service, Task: task}, Session: sessionstore.SessionID(id), At: w.c.Now(),
	})
	return err
}

func has(reasons []autoscaler.Reason, code autoscaler.Code) bool {
	return slices.ContainsFunc(reasons, func(r autoscaler.Reason) bool { return r.Code == code })
}

func did(p autoscaler.Pass, code autoscaler.Code) (n int) {
	for _, a := range p.Actions {
		if a.Code == code && a.Outcome == "" {
			n++
		}
	}
	return n
}

func TestControllerScalesOutAtOnce(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.wish.Open = 5
	p := w.pass()
	if did(p, autoscaler.CodeScaledOut) != 1 || w.desired() != 5 {
		t.Fatalf("desired %d after %v, want 5", w.desired(), p.Actions)
	}
	if again := w.pass(); did(again, autoscaler.CodeScaledOut) != 0 || w.desired() != 5 {
		t.Errorf("asked again while the tasks start: %v, desired %d", again.Actions, w.desired())
	}
	w.c.RunFor(2 * time.Minute)
	if open := len(w.records()[autoscaler.TaskOpen]); open != 5 {
		t.Errorf("%d tasks open, want 5", open)
	}
	cp, _ := w.s.Store.LoadCheckpoint(t.Context(), service)
	if cp.LastOut.IsZero() || cp.Permit != nil {
		t.Errorf("last scale-out %v, permit %v; want it noted and the permit cleared", cp.LastOut, cp.Permit)
	}
}

func TestControllerReleasesWhatIsIdle(t *testing.T) {
	w := newWorld(t, 4, nil)
	w.passes(44) // the foreign desired count is adopted, and tasks have been idle long enough
	w.wish.Open = 2
	w.passes(60)
	if w.desired() != 2 {
		t.Errorf("desired %d, want 2", w.desired())
	}
	records := w.records()
	if len(records[autoscaler.TaskOpen]) != 2 || len(records[autoscaler.TaskRetired])+len(records[autoscaler.TaskCordoned]) != 0 {
		t.Errorf("records %v, want two open and nothing else", records)
	}
	if n := w.c.Calls()["StopTask"]; n != 0 {
		t.Errorf("StopTask was sent %d times; ECS chooses the retired by itself", n)
	}
}

func TestControllerReopensBeforeItStarts(t *testing.T) {
	w := newWorld(t, 5, func(c *autoscaler.Config) { c.Timing.Cooldown = -1 })
	w.passes(44)
	w.wish.Open = 4
	if p := w.pass(); did(p, autoscaler.CodeCordoned) != 1 {
		t.Fatalf("nothing was cordoned: %v, %v", p.Actions, p.Reasons)
	}
	w.wish.Open = 7
	w.s.calls = nil
	p := w.pass()
	if did(p, autoscaler.CodeReopened) != 1 || w.desired() != 7 {
		t.Fatalf("%v, desired %d; want one reopened and two started", p.Actions, w.desired())
	}
	if r, s := slices.Index(w.s.calls, "reopen"), slices.Index(w.s.calls, "set_desired"); r < 0 || s < r {
		t.Errorf("calls %v: reopening comes before starting", w.s.calls)
	}
}

// The later of two passes that overlap finds a checkpoint newer than the one it
// loaded, and does nothing.
func TestOverlappedPassDoesNothing(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.wish.Open = 5
	w.s.before["save"] = func() {
		if _, err := w.ctl.Reconcile(t.Context()); err != nil {
			t.Error(err)
		}
		if w.desired() != 5 {
			t.Errorf("the pass in between left desired at %d", w.desired())
		}
		w.wish.Open = 9
	}
	p := w.pass()
	if !has(p.Reasons, autoscaler.CodeOverlapped) || len(p.Actions) != 0 {
		t.Errorf("%v, %v; want %q and no action", p.Actions, p.Reasons, autoscaler.CodeOverlapped)
	}
	if n := len(w.c.Writes()); n != 1 {
		t.Errorf("%d writes of the desired count, want one", n)
	}
}

func TestIntentIsSavedBeforeTheCordon(t *testing.T) {
	w := newWorld(t, 4, nil)
	w.passes(44)
	w.wish.Open = 3
	w.s.fail["cordon"] = errors.New("connection reset")
	p := w.pass()
	if !has(p.Reasons, autoscaler.CodeCallFailed) {
		t.Errorf("the failed call is no reason: %v", p.Reasons)
	}
	if cp, _ := w.s.Store.LoadCheckpoint(t.Context(), service); !cp.LastIn.IsZero() {
		t.Errorf("the cooldown began at %v, on an intent", cp.LastIn)
	}
	if save, cordon := slices.Index(w.s.calls, "save"), slices.Index(w.s.calls, "cordon"); save < 0 || save > cordon {
		t.Errorf("calls %v: the intent is saved first", w.s.calls)
	}
}

// A process that dies after its intent was saved leaves it to the next one, which
// counts that task as cordoned until the intent expires.
func TestIntentOfADeadPassCounts(t *testing.T) {
	w := newWorld(t, 2, func(c *autoscaler.Config) { c.Floor = 10 })
	w.passes(44)
	first := w.records()[autoscaler.TaskOpen][0]
	cp, _ := w.s.Store.LoadCheckpoint(t.Context(), service)
	cp.Intents = []autoscaler.Intent{{Task: first, Expires: w.c.Now().Add(20 * time.Second)}}
	if _, err := w.s.Store.SaveCheckpoint(t.Context(), cp); err != nil {
		t.Fatal(err)
	}
	w.wish.Open = 1
	if p := w.pass(); did(p, autoscaler.CodeCordoned) != 0 {
		t.Errorf("a second task was cordoned beside the intent: %v", p.Actions)
	}
	if p := w.pass(); did(p, autoscaler.CodeCordoned) != 1 {
		t.Errorf("the intent has expired and nothing was cordoned: %v %v", p.Actions, p.Reasons)
	}
}

func TestFirstPassOnAServiceWithoutRecords(t *testing.T) {
	sim := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 3, Warm: true}})
	s := memstore.New(memstore.Config{Now: sim.Now})
	drains, err := workflow.New(workflow.Config{Tasks: sim, Scaler: sim, Sessions: s, Records: s, State: s, Journal: s, Now: sim.Now})
	if err != nil {
		t.Fatal(err)
	}
	want := &wish{}
	ctl, err := autoscaler.New(autoscaler.Config{
		Service: service, Limits: autoscaler.Limits{Min: 1, Max: 9}, Policy: want, Now: sim.Now,
		Sessions: s, Records: s, State: s, Scaler: sim, Drains: drains,
	})
	if err != nil {
		t.Fatal(err)
	}
	sim.RunFor(time.Hour)
	want.Open = 1
	p, err := ctl.Reconcile(t.Context())
	if err != nil || !has(p.Reasons, autoscaler.CodeAdopting) || did(p, autoscaler.CodeRegistered) != 3 {
		t.Fatalf("%v, %v, %v; want three registered and scale-in held", p.Actions, p.Reasons, err)
	}
	snapshot, err := ctl.Observe(t.Context())
	if err != nil || snapshot.Totals.Idle != 0 || snapshot.Tasks[0].Occupancy.Idle() {
		t.Errorf("%+v, %v: an adopted task is known to be idle", snapshot.Totals, err)
	}
	for range 100 {
		sim.RunFor(15 * time.Second)
		if p, err = ctl.Reconcile(t.Context()); err != nil || did(p, autoscaler.CodeCordoned) > 0 {
			t.Fatalf("%v, %v: a task that nobody vouches for was cordoned", p.Actions, err)
		}
	}
	want.Open = 5
	if p, err = ctl.Reconcile(t.Context()); err != nil || did(p, autoscaler.CodeScaledOut) != 1 {
		t.Errorf("%v, %v, %v: scale-out does not work", p.Actions, p.Reasons, err)
	}
}

// A task that never opens is capacity that never comes, and somebody is told.
func TestATaskThatDoesNotOpenIsANotice(t *testing.T) {
	sim := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 1, Warm: true}}) // with no application on it
	s := memstore.New(memstore.Config{Now: sim.Now})
	o, err := autoscaler.NewObserver(autoscaler.ObserverConfig{
		Service: service, Limits: autoscaler.Limits{Max: 2}, Policy: &wish{}, Now: sim.Now, Sessions: s, State: s, Scaler: sim,
	})
	if err != nil {
		t.Fatal(err)
	}
	state, err := sim.Describe(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Register(t.Context(), autoscaler.RegisterRequest{
		Ref: autoscaler.TaskRef{Service: service, Task: state.Tasks[0].ID}, Level: autoscaler.LevelA, Slots: 1, Processes: 1, At: sim.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	for _, told := range []bool{false, true} {
		sim.RunFor(4 * time.Minute)
		if p, err := o.Evaluate(t.Context()); err != nil || has(p.Reasons, autoscaler.CodeNotOpened) != told {
			t.Errorf("%v, %v; want it told: %v", p.Reasons, err, told)
		}
	}
}

func TestRunningTaskWithAGravestoneIsAnAlert(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.pass()
	activity, _ := w.s.Store.Activity(t.Context(), service, w.c.Now())
	a := activity.Tasks[0]
	if err := w.s.Forget(t.Context(), autoscaler.ForgetRequest{Ref: a.Ref, Version: a.Version, At: w.c.Now()}); err != nil {
		t.Fatal(err)
	}
	w.c.RunFor(3 * time.Minute)
	if p := w.pass(); !has(p.Reasons, autoscaler.CodeGravestone) || p.Severity() != autoscaler.Alert {
		t.Errorf("%v: a running task whose record was closed raises no alert", p.Reasons)
	}
}

func TestRecordOfACrashedTaskIsClosed(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.pass()
	gone := w.records()[autoscaler.TaskOpen][0]
	if err := w.c.Crash(autoscaler.TaskRef{Service: service, Task: gone}); err != nil {
		t.Fatal(err)
	}
	w.passes(12)
	if slices.Contains(w.records()[autoscaler.TaskOpen], gone) || len(w.records()[autoscaler.TaskOpen]) != 3 {
		t.Errorf("records %v; want %s closed and its replacement open", w.records(), gone)
	}
}

func TestOperatorDrain(t *testing.T) {
	w := newWorld(t, 3, func(c *autoscaler.Config) { c.Emptying = true })
	w.passes(44)
	task := w.records()[autoscaler.TaskOpen][1]
	if err := w.ctl.Drain(t.Context(), task, ""); err == nil {
		t.Error("a drain that nobody asked for is carried out")
	}
	if err := w.ctl.Drain(t.Context(), "no-such-task", "ann"); !errors.Is(err, autoscaler.ErrHeld) {
		t.Errorf("%v, want ErrHeld", err)
	}
	if err := w.begin(task, "s-1"); err != nil {
		t.Fatal(err)
	}
	if err := w.ctl.Drain(t.Context(), task, "ann"); err != nil {
		t.Fatal(err)
	}
	w.wish.Open = 3 // demand does not take an operator's drain back: a task is started
	w.pass()
	if got := w.records()[autoscaler.TaskCordoned]; !slices.Equal(got, []autoscaler.TaskID{task}) || w.desired() != 4 {
		t.Errorf("cordoned %v, desired %d; want the task drained and one started", got, w.desired())
	}
	if err := w.begin(task, "s-2"); !errors.Is(err, autoscaler.ErrCordoned) {
		t.Errorf("a new session on the drained task: %v", err)
	}
}

func TestOperatorDrainIsHeldByTheGuard(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.passes(44)
	err := w.ctl.Drain(t.Context(), w.records()[autoscaler.TaskOpen][0], "ann")
	if !errors.Is(err, autoscaler.ErrHeld) {
		t.Fatalf("%v: the last task was drained", err)
	}
}

// A task that empties slowly stays cordoned for as long as a controller renews.
func TestCordonsAreRenewed(t *testing.T) {
	w := newWorld(t, 3, func(c *autoscaler.Config) { c.Emptying = true })
	w.passes(44)
	task := w.records()[autoscaler.TaskOpen][0]
	if err := w.s.beginLong(task, w.c.Now()); err != nil {
		t.Fatal(err)
	}
	w.wish.Decision = autoscaler.Decision{Open: 2, Empty: []autoscaler.TaskID{task}}
	w.pass()
	w.wish.Decision = autoscaler.Decision{Open: 2}
	for range 240 { // an hour
		w.pass()
		if got := w.records()[autoscaler.TaskCordoned]; !slices.Contains(got, task) {
			t.Fatalf("%v: the drain did not last", w.records())
		}
	}
}

// beginLong starts a session that its task's process never lists, and keeps it
// disconnected for a day so that its slot stays taken.
func (s *store) beginLong(task autoscaler.TaskID, at time.Time) error {
	ref := autoscaler.TaskRef{Service: service, Task: task}
	ctx := context.Background()
	if _, err := s.Begin(ctx, sessionstore.BeginRequest{Ref: ref, Session: "long", At: at}); err != nil {
		return err
	}
	return s.Touch(ctx, sessionstore.TouchRequest{Ref: ref, Session: "long", At: at, DisconnectedUntil: at.Add(24 * time.Hour)})
}

func TestFailedReadsFailThePass(t *testing.T) {
	boom := errors.New("boom")
	for _, op := range []string{"load", "control", "activity", "describe", "save"} {
		t.Run(op, func(t *testing.T) {
			w := newWorld(t, 2, nil)
			w.wish.Open = 3
			w.s.fail[op], w.c.fail[op] = boom, boom
			p, err := w.ctl.Reconcile(t.Context())
			var wrapped *autoscaler.Error
			if !errors.Is(err, boom) || !errors.As(err, &wrapped) || !strings.Contains(p.Error, "boom") {
				t.Errorf("error %v, pass %+v", err, p)
			}
			if p.Service != service || p.Policy != "wish" {
				t.Errorf("the pass is not filled: %+v", p)
			}
			if len(w.c.Writes()) != 0 {
				t.Error("a pass that could not read has written")
			}
		})
	}
}

func TestFailedMetricsAreAbsent(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.c.fail["utilization"] = errors.New("throttled")
	if p := w.pass(); !has(p.Reasons, autoscaler.CodeCallFailed) {
		t.Errorf("%v: nobody hears that there are no metrics", p.Reasons)
	}
	if s, err := w.ctl.Observe(t.Context()); err != nil || len(s.Utilization) != 0 {
		t.Errorf("%v, %v; want no metric", s.Utilization, err)
	}
}

func TestUnknownEffectIsNotRepeated(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.wish.Open = 4
	w.c.fail["set_desired"] = errors.New("timed out")
	p := w.pass()
	if !has(p.Reasons, autoscaler.CodeCallFailed) {
		t.Fatalf("%v", p.Reasons)
	}
	if n := len(slices.DeleteFunc(slices.Clone(w.s.calls), func(c string) bool { return c != "set_desired" })); n != 1 {
		t.Errorf("the call was made %d times in one pass", n)
	}
	if cp, _ := w.s.Store.LoadCheckpoint(t.Context(), service); cp.Permit == nil {
		t.Error("the permit was cleared although the call may still arrive")
	}
	delete(w.c.fail, "set_desired")
	if w.pass(); w.desired() != 4 {
		t.Errorf("desired %d: the next pass did not take over", w.desired())
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.wish.Open = 5
	o, err := autoscaler.NewObserver(autoscaler.ObserverConfig{
		Service: service, Limits: w.cfg.Limits, Policy: w.wish, Now: w.c.Now, Sessions: w.s, State: w.s, Scaler: w.c,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.Evaluate(t.Context())
	if err != nil || p.Open != 5 || len(p.Actions) != 0 {
		t.Fatalf("%+v, %v; want the decision and no action", p, err)
	}
	for _, call := range w.s.calls {
		if call != "load" && call != "control" && call != "activity" {
			t.Errorf("a dry run called %s", call)
		}
	}
	if len(w.c.Writes()) != 0 {
		t.Error("a dry run wrote the desired count")
	}
	w.s.fail["load"] = errors.New("boom")
	if p, err := o.Evaluate(t.Context()); err == nil || p.Error == "" {
		t.Errorf("%+v, %v; want the failure", p, err)
	}
}

func TestPauseHoldsBothDirections(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.passes(44)
	until := autoscaler.Override{By: "ann", Why: "maintenance", Until: w.c.Now().Add(time.Hour)}
	if err := w.s.SetControl(t.Context(), service, autoscaler.Control{PauseIn: until, PauseOut: until}); err != nil {
		t.Fatal(err)
	}
	for _, open := range []int{1, 9} {
		w.wish.Open = open
		if p := w.passes(20); len(p.Actions) != 0 || !has(p.Reasons, autoscaler.CodePaused) || w.desired() != 3 {
			t.Errorf("want %d: %v, %v, desired %d", open, p.Actions, p.Reasons, w.desired())
		}
	}
}

// Whose clock is off does not know how long anything has lasted.
func TestControllerWhoseClockIsOffScalesNothingIn(t *testing.T) {
	off := time.Duration(0)
	w := newWorld(t, 4, func(c *autoscaler.Config) {
		now := c.Now
		c.Now = func() time.Time { return now().Add(off) }
	})
	w.passes(44)
	w.wish.Open, off = 2, autoscaler.SkewBound+time.Second
	for range 60 {
		p := w.pass()
		if !has(p.Reasons, autoscaler.CodeClock) || len(p.Actions) > 0 {
			t.Fatalf("%v, %v; want nothing done and the clock told of", p.Actions, p.Reasons)
		}
	}
	off = 0
	if w.passes(60); w.desired() != 2 {
		t.Errorf("desired %d, want 2 once the clock is right", w.desired())
	}
}

// An operator's limits are the ones that a release carried on elsewhere sees.
func TestLimitsForATime(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.wish.Open = 9
	control := autoscaler.Control{Limits: autoscaler.LimitsFor{
		Override: autoscaler.Override{By: "ann", Until: w.c.Now().Add(time.Hour)}, Limits: autoscaler.Limits{Min: 1, Max: 4},
	}}
	if err := w.s.SetControl(t.Context(), service, control); err != nil {
		t.Fatal(err)
	}
	if w.pass(); w.desired() != 4 {
		t.Errorf("desired %d, want the four that the operator allows", w.desired())
	}
	cp, _ := w.s.Store.LoadCheckpoint(t.Context(), service)
	if cp.Limits.Max != 4 || cp.WantOpen != 4 {
		t.Errorf("checkpoint %+v", cp.Limits)
	}
}

// A quiet service is not written to at each pass, and is written to often enough
// that its tasks know a controller lives.
func TestQuietPassesSaveSeldom(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.passes(60)
	w.s.calls = nil
	w.passes(120) // half an hour
	saves := len(slices.DeleteFunc(slices.Clone(w.s.calls), func(c string) bool { return c != "save" }))
	if saves < 2 || saves > 4 {
		t.Errorf("%d saves in 30 quiet minutes, want about one in 10", saves)
	}
}

func TestRunMakesAPassEachIntervalAndAtEachWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New(memstore.Config{})
		counted := &countingScaler{state: autoscaler.ServiceState{
			Service: service, Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS",
			Deployments: []autoscaler.Deployment{{ID: "d", Primary: true, Rollout: "COMPLETED"}},
		}}
		ctl, err := autoscaler.New(autoscaler.Config{
			Service: service, Limits: autoscaler.Limits{Max: 1}, Policy: policy.Fixed{},
			Sessions: s, Records: s, State: s, Scaler: counted, Drains: noDrains{}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		bubble := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where every bubble's clock begins
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- ctl.Run(ctx) }()
		expect := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			if n := counted.passes(); n != want {
				t.Errorf("%s: %d passes, want %d", what, n, want)
			}
		}
		expect("at the start", 1)
		<-time.After(15 * time.Second)
		expect("after an interval", 2)
		ctl.Wake()
		expect("after a wake within the spacing", 2)
		<-time.After(time.Second)
		expect("when the spacing has passed", 3)
		<-time.After(time.Second)
		counted.set(nil, func() { ctl.Wake(); ctl.Wake(); ctl.Wake() })
		ctl.Wake()
		expect("after a wake with the spacing behind it", 4)
		<-time.After(time.Second)
		expect("after three more during the pass, which count as one", 5)
		<-time.After(2 * time.Second)
		expect("and no further", 5)
		if last := bubble.Add(18 * time.Second); !ctl.Healthy(last.Add(45*time.Second)) || ctl.Healthy(last.Add(time.Minute)) {
			t.Error("healthy for three intervals after a pass, and no longer")
		}
		counted.set(errors.New("boom"), nil)
		<-time.After(time.Minute)
		synctest.Wait()
		if ctl.Healthy(bubble.Add(90 * time.Second)) {
			t.Error("healthy although every pass failed for a minute")
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
}

// countingScaler counts passes by their one Describe. Run calls it from its own
// goroutine.
type countingScaler struct {
	state autoscaler.ServiceState

	mu   sync.Mutex
	n    int
	err  error
	once func() // runs in the next pass
}

func (c *countingScaler) Describe(context.Context, autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.once != nil {
		c.once()
		c.once = nil
	}
	return c.state, c.err
}

func (c *countingScaler) passes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *countingScaler) set(err error, once func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err, c.once = err, once
}

func (c *countingScaler) SetDesired(context.Context, autoscaler.SetDesired) error {
	return errors.New("this test wants no task")
}

type noDrains struct{ autoscaler.DrainWorkflow }

func ExampleNew() {
	cluster := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 2, Warm: true}})
	store := memstore.New(memstore.Config{Now: cluster.Now})
	drains, err := workflow.New(workflow.Config{
		Tasks: cluster, Scaler: cluster, Sessions: store, Records: store, State: store, Journal: store, Now: cluster.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctl, err := autoscaler.New(autoscaler.Config{
		Service:  autoscaler.ServiceID{Cluster: "sim", Name: "service"},
		Limits:   autoscaler.Limits{Min: 2, Max: 50},
		Policy:   policy.Fixed{Open: 4},
		Sessions: store, Records: store, State: store,
		Scaler: cluster, Utilization: cluster, Drains: drains, Now: cluster.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	pass, err := ctl.Reconcile(context.Background())
	fmt.Println(pass.Actions[0], err)
	// Output: scaled_out to 4 <nil>
}

func ExampleNewObserver() {
	cluster := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 2, Warm: true}})
	store := memstore.New(memstore.Config{Now: cluster.Now})
	dry, err := autoscaler.NewObserver(autoscaler.ObserverConfig{
		Service:  autoscaler.ServiceID{Cluster: "sim", Name: "service"},
		Limits:   autoscaler.Limits{Min: 2, Max: 50},
		Policy:   policy.Fixed{Open: 4},
		Sessions: store, State: store, Scaler: cluster, Now: cluster.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	pass, err := dry.Evaluate(context.Background())
	fmt.Println(pass.Open, "wanted,", len(pass.Actions), "done", err)
	// Output: 4 wanted, 0 done <nil>
}

func TestOperatorReopensWhatWasDrained(t *testing.T) {
	w := newWorld(t, 3, func(c *autoscaler.Config) { c.Emptying = true })
	w.passes(44)
	task := w.records()[autoscaler.TaskOpen][1]
	if err := w.ctl.Reopen(t.Context(), task, "ann"); !errors.Is(err, autoscaler.ErrConflict) {
		t.Errorf("%v: an open task was reopened", err)
	}
	if err := w.ctl.Reopen(t.Context(), "no-such-task", "ann"); !errors.Is(err, autoscaler.ErrNotFound) {
		t.Errorf("%v, want that there is no such record", err)
	}
	if err := w.begin(task, "s-1"); err != nil { // it keeps the drain from ending by itself
		t.Fatal(err)
	}
	if err := w.ctl.Drain(t.Context(), task, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := w.ctl.Reopen(t.Context(), task, "bob"); err != nil {
		t.Fatal(err)
	}
	if open := w.records()[autoscaler.TaskOpen]; len(open) != 3 {
		t.Errorf("open %v, want all three", open)
	}
}
