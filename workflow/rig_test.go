package workflow_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

var service = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

// rig is a cluster, a store, an application and a runner. It stands in for the
// controller: it keeps the checkpoint's intent, cordons, and at level C protects and
// opens.
type rig struct {
	t       *testing.T
	c       *ecssim.Cluster
	store   *memstore.Store
	users   *ecssim.Application
	checks  *ecssim.Invariants
	fault   ecssim.Seam
	cfg     workflow.Config
	runner  *workflow.Runner
	actions []workflow.Action
	unheard []autoscaler.TaskID // tasks whose own clearing of protection fails
	doing   workflow.Action     // the last that the runner was about
	watch   func(ecssim.Call)   // sees every call; nil for nobody
}

const seed = 11

// exact is a service whose every delay is one known number.
func exact(desired int) ecssim.ServiceConfig {
	second := func(n int) ecssim.Span {
		return ecssim.Span{Min: time.Duration(n) * time.Second, Max: time.Duration(n) * time.Second}
	}
	return ecssim.ServiceConfig{
		ID: service, Desired: desired, Warm: true, StartTime: second(60), SchedulerDelay: second(5),
		ExitTime: second(2), Deprovisioning: second(3), HealthTime: second(10),
		DeregistrationDelay: 30 * time.Second, ReregisterAfter: -1,
	}
}

// newRig is a rig whose application is at level A.
func newRig(t *testing.T, cfg ecssim.ServiceConfig, change func(*workflow.Config)) *rig {
	t.Helper()
	return newRigAt(t, autoscaler.LevelA, cfg, change)
}

func newRigAt(t *testing.T, level autoscaler.Level, cfg ecssim.ServiceConfig, change func(*workflow.Config)) *rig {
	t.Helper()
	// What a level C task is registered by is its first event, and a warm one has none.
	cfg.Warm = level != autoscaler.LevelC
	c := ecssim.New(ecssim.Config{Seed: seed, Service: cfg})
	store := memstore.New(memstore.Config{Now: c.Now, Rules: sessionstore.Rules{LagBound: 30 * time.Second}})
	r := &rig{t: t, c: c, store: store, checks: ecssim.NewInvariants(c, service, store)}
	c.SetSeam(ecssim.Seams(r.checks.Seam(), func(ctx context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpAgentUnprotect && call.Point == ecssim.Before && slices.Contains(r.unheard, call.Task) {
			return errors.New("the endpoint does not answer")
		}
		if r.watch != nil {
			r.watch(call)
		}
		if r.fault == nil {
			return nil
		}
		return r.fault(ctx, call)
	}))
	sessions, records := ecssim.WireSessions(c, store), ecssim.WireRecords(c, store)
	users, err := ecssim.NewApplication(c, ecssim.ApplicationConfig{
		Service: service, Sessions: sessions, Records: records, Writer: ecssim.WireWriter(c, store),
		Level: level, Barriers: ecssim.WireBarriers(c, store),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.users = users
	r.cfg = workflow.Config{
		Tasks: c, Scaler: c, Sessions: sessions, Records: records, State: ecssim.WireState(c, store),
		Journal: ecssim.WireJournal(c, store), Now: c.Now,
	}
	if level == autoscaler.LevelC {
		r.cfg.Events = users.Events()
	}
	if change != nil {
		change(&r.cfg)
	}
	r.restart()
	c.RunFor(2 * time.Minute)
	r.open()
	r.want(cfg.Desired)
	t.Cleanup(r.check)
	return r
}

// open protects and opens what does not do so itself: the tasks at level C.
func (r *rig) open() {
	r.t.Helper()
	for _, id := range r.in(autoscaler.TaskNew) {
		mustProtect(r.t, r.c, id, true)
		_, err := r.store.Open(context.Background(), autoscaler.OpenRequest{
			Ref: ref(id), Version: r.records()[id].Version, ProtectedUntil: r.c.Now().Add(time.Hour), At: r.c.Now(),
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// check holds every run to the drain protocol and to the plan.
func (r *rig) check() {
	for _, v := range r.checks.Violations() {
		r.t.Errorf("%s", v)
	}
	for _, cut := range r.users.Cuts() {
		r.t.Errorf("seed %d: session %s was cut with task %s", seed, cut.Session, cut.Task)
	}
}

// restart puts another runner in the place of the one that was, as a new process
// would.
func (r *rig) restart() {
	r.t.Helper()
	runner, err := workflow.New(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.runner = runner
	var last workflow.Step
	runner.Trace(func(a workflow.Action) {
		r.doing = a
		if last != "" && !workflow.ReleasePlan().Allows(last, a.Step) {
			r.t.Errorf("the plan has no way from %s to %s (%s)", last, a.Step, a.Kind)
		}
		last = a.Step
		if a.Kind == workflow.Wait || a.Kind == workflow.Hold || a.Kind == workflow.Done {
			last = ""
		}
		r.actions = append(r.actions, a)
	})
}

// want saves the checkpoint that a pass would have left.
func (r *rig) want(open int) {
	r.t.Helper()
	r.save(func(c *autoscaler.Checkpoint) {
		c.Version, c.Service, c.SavedAt = autoscaler.CheckpointVersion, service, r.c.Now()
		c.WantOpen, c.HasWant, c.Limits, c.Floor = open, true, autoscaler.Limits{Min: 1, Max: 50}, 1
		if !c.Desired.Known {
			c.Desired = autoscaler.DesiredCount{Value: open, Previous: open, At: r.c.Now(), Known: true}
		}
	})
}

func (r *rig) save(change func(*autoscaler.Checkpoint)) {
	r.t.Helper()
	c := r.checkpoint()
	change(&c)
	if _, err := r.store.SaveCheckpoint(context.Background(), c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) checkpoint() autoscaler.Checkpoint {
	r.t.Helper()
	c, err := r.store.LoadCheckpoint(context.Background(), service)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) records() map[autoscaler.TaskID]autoscaler.TaskActivity {
	r.t.Helper()
	a, err := r.store.Activity(context.Background(), service, r.c.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	all := map[autoscaler.TaskID]autoscaler.TaskActivity{}
	for _, record := range a.Tasks {
		all[record.Ref.Task] = record
	}
	return all
}

// in returns the ids of the records in a state, in order.
func (r *rig) in(state autoscaler.TaskState) []autoscaler.TaskID {
	var found []autoscaler.TaskID
	for id, record := range r.records() {
		if record.State == state {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return found
}

func ref(id autoscaler.TaskID) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: service, Task: id}
}

func refs(ids []autoscaler.TaskID) []autoscaler.TaskRef {
	var all []autoscaler.TaskRef
	for _, id := range ids {
		all = append(all, ref(id))
	}
	return all
}

// cordon closes n open tasks and returns them.
func (r *rig) cordon(n int) []autoscaler.TaskID {
	r.t.Helper()
	open := r.in(autoscaler.TaskOpen)
	if len(open) < n {
		r.t.Fatalf("%d open tasks, %d are to be cordoned", len(open), n)
	}
	for _, id := range open[:n] {
		now := r.c.Now()
		_, err := r.store.Cordon(context.Background(), autoscaler.CordonRequest{
			Ref: ref(id), Version: r.records()[id].Version, Drain: autoscaler.DrainID("d-" + string(id)), At: now, Until: now.Add(3 * time.Hour),
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	r.want(len(open) - n)
	return open[:n]
}

// ready closes n open tasks and lets their processes acknowledge.
func (r *rig) ready(n int) []autoscaler.TaskID {
	r.t.Helper()
	ids := r.cordon(n)
	r.c.RunFor(40 * time.Second)
	for _, id := range ids {
		if a := r.records()[id]; !a.Acknowledged || !a.Occupancy.Idle() {
			r.t.Fatalf("task %s is not ready: %+v", id, a)
		}
	}
	return ids
}

func (r *rig) release(ids []autoscaler.TaskID) autoscaler.Release {
	r.t.Helper()
	release, err := r.runner.Release(context.Background(), autoscaler.ReleaseRequest{Service: service, Tasks: refs(ids)})
	if err != nil {
		r.t.Fatal(err)
	}
	return release
}

// advance calls Advance once.
func (r *rig) advance() autoscaler.Release {
	r.t.Helper()
	releases, err := r.runner.Advance(asRunner(), service)
	if err != nil {
		r.t.Fatalf("%v\n%v", err, releases)
	}
	if len(releases) == 0 {
		return autoscaler.Release{}
	}
	return releases[0]
}

// asRunner marks the calls that a runner makes, so that a fault can tell them
// from the application's.
func asRunner() context.Context { return ecssim.WithActor(context.Background(), "runner") }

// passes calls Advance every 15 s until the release ends or d has passed, and
// returns it as it was last seen.
func (r *rig) passes(d time.Duration) autoscaler.Release {
	r.t.Helper()
	var last autoscaler.Release
	for end := r.c.Now().Add(d); r.c.Now().Before(end); r.c.RunFor(15 * time.Second) {
		last = r.advance()
		if last.Phase == autoscaler.PhaseDone {
			return last
		}
	}
	return last
}

func (r *rig) outcome(got autoscaler.Release, want autoscaler.Outcome) {
	r.t.Helper()
	if got.Phase != autoscaler.PhaseDone || got.Outcome != want {
		r.t.Fatalf("release is %q %q for %v, want outcome %q", got.Phase, got.Outcome, got.Reasons, want)
	}
	if under := r.checkpoint().Release; under != nil {
		r.t.Errorf("an ended release still stands on the checkpoint: %+v", under)
	}
}

func says(release autoscaler.Release, code autoscaler.Code) bool {
	return slices.ContainsFunc(release.Reasons, func(reason autoscaler.Reason) bool { return reason.Code == code })
}

// told tells the store of a session on a task, as a process at level B would.
func (r *rig) told(id autoscaler.TaskID, session string) {
	r.t.Helper()
	_, err := r.store.Started(context.Background(), sessionstore.StartedRequest{Ref: ref(id), Session: sessionstore.SessionID(session), At: r.c.Now()})
	if err != nil {
		r.t.Fatal(err)
	}
}

// kinds are the effects taken so far, in order, without reads and ends.
func (r *rig) kinds() string {
	var all []string
	for _, a := range r.actions {
		switch a.Kind {
		case workflow.LookState, workflow.LookListing, workflow.LookTasks, workflow.LookEvents, workflow.Mark,
			workflow.Wait, workflow.Hold, workflow.Done:
		case workflow.Protect, workflow.Retire, workflow.Unprotect, workflow.Lower, workflow.Stop, workflow.Forget,
			workflow.SteerOut, workflow.SteerIn, workflow.Reopen:
			all = append(all, string(a.Kind))
		}
	}
	return strings.Join(all, " ")
}
