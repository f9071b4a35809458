package workflowtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// scene is the in-process runner on the simulated cluster, and everybody else.
type scene struct {
	c      *ecssim.Cluster
	store  *memstore.Store
	runner *workflow.Runner
	drains int

	sent             []DangerousCall
	deaf, refuse     bool
	calls, interrupt int
}

// must is for what the scene itself does: its failing is a broken test.
func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

const mine = "workflow"

func newScene() *scene {
	second := func(n int) ecssim.Span {
		return ecssim.Span{Min: time.Duration(n) * time.Second, Max: time.Duration(n) * time.Second}
	}
	s := &scene{c: ecssim.New(ecssim.Config{Seed: 5, Service: ecssim.ServiceConfig{
		ID: service, Desired: tasksAtFirst, Warm: true, SchedulerDelay: second(5), DeregistrationDelay: 30 * time.Second,
	}})}
	s.store = memstore.New(memstore.Config{Now: s.c.Now})
	s.c.SetSeam(s.seam)
	sessions, records := ecssim.WireSessions(s.c, s.store), ecssim.WireRecords(s.c, s.store)
	must(ecssim.NewApplication(s.c, ecssim.ApplicationConfig{
		Service: service, Sessions: sessions, Records: records, Writer: ecssim.WireWriter(s.c, s.store),
	}))
	s.runner = must(workflow.New(workflow.Config{
		Tasks: s.c, Scaler: s.c, Sessions: sessions, Records: records, State: ecssim.WireState(s.c, s.store), Journal: s.store, Now: s.c.Now,
	}))
	s.c.RunFor(2 * time.Minute)
	s.save(func(c *autoscaler.Checkpoint) {
		c.Service, c.WantOpen, c.HasWant, c.Limits = service, tasksAtFirst, true, autoscaler.Limits{Min: 1, Max: 50}
		c.Desired = autoscaler.DesiredCount{Value: tasksAtFirst, Previous: tasksAtFirst, Known: true}
	})
	return s
}

func (s *scene) save(change func(*autoscaler.Checkpoint)) {
	c := must(s.store.LoadCheckpoint(context.Background(), service))
	change(&c)
	must(s.store.SaveCheckpoint(context.Background(), c))
}

// seam counts, and breaks what it was told to.
func (s *scene) seam(ctx context.Context, call ecssim.Call) error {
	own := ecssim.Actor(ctx) == mine
	switch {
	case call.Point == ecssim.Sent:
		switch args := call.Args.(type) {
		case autoscaler.SetDesired:
			s.sent = append(s.sent, DangerousCall{Call: autoscaler.CallSetDesired, Desired: args.Desired})
		case workflow.Dangerous:
			s.sent = append(s.sent, DangerousCall{Call: args.Permit.Call, Tasks: args.Tasks})
		}
	case call.Point == ecssim.Before && call.Op == ecssim.OpAgentUnprotect && s.deaf,
		call.Point == ecssim.Before && call.Op == ecssim.OpProtect && s.refuse:
		return errors.New("refused")
	}
	if !own || s.interrupt == 0 || call.Point == ecssim.Sent {
		return nil
	}
	if s.calls++; s.calls >= s.interrupt {
		return errors.New("the process ended")
	}
	return nil
}

// named marks a workflow's calls as those of the process that may be interrupted.
type named struct{ autoscaler.DrainWorkflow }

func (n named) Advance(ctx context.Context, service autoscaler.ServiceID) ([]autoscaler.Release, error) {
	return n.DrainWorkflow.Advance(ecssim.WithActor(ctx, mine), service)
}

func (s *scene) activity() []autoscaler.TaskActivity {
	return must(s.store.Activity(context.Background(), service, s.c.Now())).Tasks
}

func (s *scene) ready(n int) []autoscaler.TaskRef {
	var tasks []autoscaler.TaskRef
	for _, a := range s.activity() {
		if a.State != autoscaler.TaskOpen || len(tasks) == n {
			continue
		}
		s.drains++
		must(s.store.Cordon(context.Background(), autoscaler.CordonRequest{
			Ref: a.Ref, Version: a.Version, Drain: autoscaler.DrainID(fmt.Sprint("d-", s.drains)), At: s.c.Now(), Until: s.c.Now().Add(3 * time.Hour),
		}))
		tasks = append(tasks, a.Ref)
	}
	s.wanted(-n)
	s.c.RunFor(40 * time.Second)
	return tasks
}

func (s *scene) wanted(change int) {
	s.save(func(c *autoscaler.Checkpoint) { c.WantOpen += change })
}

func (s *scene) status(task autoscaler.TaskID) autoscaler.TaskStatus {
	return must(s.c.Watch(context.Background(), service, []autoscaler.TaskID{task}))[0]
}

func (s *scene) running() []autoscaler.TaskID {
	var wanted []autoscaler.TaskID
	for _, task := range must(s.c.Describe(context.Background(), service)).Tasks {
		if task.Wanted() {
			wanted = append(wanted, task.ID)
		}
	}
	return wanted
}

func (s *scene) harness() DrainHarness {
	background := context.Background()
	return DrainHarness{
		Workflow: named{s.runner}, Other: s.runner, Service: service, Sessions: s.store, Now: s.c.Now,
		Ready: s.ready, Wanted: s.wanted, Pass: s.c.RunFor,
		Tell: func(task autoscaler.TaskRef) {
			must(s.store.Started(background, sessionstore.StartedRequest{Ref: task, Session: "told", At: s.c.Now()}))
		},
		End: func(task autoscaler.TaskRef) {
			must(0, s.store.End(background, sessionstore.EndRequest{Ref: task, Session: "told", At: s.c.Now()}))
		},
		Bare: func(task autoscaler.TaskRef) {
			must(s.c.UpdateTaskProtection(service, []autoscaler.TaskID{task.Task}, false, 0))
		},
		RefuseProtection: func(refuse bool) { s.refuse = refuse },
		Deaf:             func() { s.deaf = true },
		Shut: func(shut bool) {
			s.save(func(c *autoscaler.Checkpoint) {
				if c.Floor = 0; shut {
					c.Floor = 1000
				}
			})
		},
		Interrupt: func(n int) { s.calls, s.interrupt = 0, n },
		Sent:      func() []DangerousCall { return slices.Clone(s.sent) },
		Running:   s.running,
		Protected: func(task autoscaler.TaskRef) bool { return s.status(task.Task).ProtectedUntil.After(s.c.Now()) },
	}
}

func TestDrainWorkflowAcceptsTheRunner(t *testing.T) {
	TestDrainWorkflow(t, func(*testing.T) DrainHarness { return newScene().harness() })
}

// broken is a workflow that breaks one promise.
type broken struct {
	autoscaler.DrainWorkflow
	s     *scene
	fault string
}

func (b broken) Release(ctx context.Context, req autoscaler.ReleaseRequest) (autoscaler.Release, error) {
	switch b.fault {
	case "joined", "joined-elsewhere":
		b.s.save(func(c *autoscaler.Checkpoint) { c.Release = nil })
	case "open-stays", "busy-stays", "cancelled":
		defer b.force(ctx, req.Tasks)
	case "held", "unconfirmed":
		b.s.save(func(c *autoscaler.Checkpoint) { c.Floor = 0 })
		defer b.force(ctx, req.Tasks)
	}
	return b.DrainWorkflow.Release(ctx, req)
}

// force stops tasks whatever their records say.
func (b broken) force(ctx context.Context, tasks []autoscaler.TaskRef) {
	for _, task := range tasks {
		b.send(ctx, autoscaler.CallStopTask, task)
	}
}

// send makes a dangerous call under a permit of its own making.
func (b broken) send(ctx context.Context, call autoscaler.PermitCall, task autoscaler.TaskRef) {
	req := workflow.Dangerous{Service: service, Tasks: []autoscaler.TaskID{task.Task}, Permit: autoscaler.Permit{
		Call: call, Tasks: []autoscaler.TaskID{task.Task}, NotAfter: b.s.c.Now().Add(time.Second),
	}}
	if call == autoscaler.CallStopTask {
		must(0, b.s.c.Stop(ctx, req))
		return
	}
	must(b.s.c.Unprotect(ctx, req))
}

func (b broken) Advance(ctx context.Context, id autoscaler.ServiceID) ([]autoscaler.Release, error) {
	under := must(b.s.store.LoadCheckpoint(ctx, id)).Release
	switch b.fault {
	case "released":
		return nil, nil
	case "only-retired":
		for _, a := range b.s.activity() {
			if a.State == autoscaler.TaskOpen {
				b.send(ctx, autoscaler.CallUnprotect, a.Ref)
				break
			}
		}
	case "one-write", "repeated":
		desired := must(b.s.c.Describe(ctx, id)).Desired
		must(0, b.s.c.SetDesired(ctx, autoscaler.SetDesired{Service: id, Desired: desired, Permit: autoscaler.Permit{
			Call: autoscaler.CallSetDesired, Desired: desired, NotAfter: b.s.c.Now().Add(time.Second),
		}}))
	case "reopened-drops-out":
		if under == nil || slices.ContainsFunc(b.s.activity(), func(a autoscaler.TaskActivity) bool {
			return a.State == autoscaler.TaskOpen && slices.Contains(under.Tasks, a.Ref.Task)
		}) {
			return nil, nil
		}
	case "from-records":
		if under == nil {
			return nil, nil
		}
	case "told":
		for _, a := range b.s.activity() {
			if n, _ := a.Occupancy.Sessions(); a.State == autoscaler.TaskRetired && n > 0 {
				return nil, nil
			}
		}
	case "stragglers":
		if counted := must(b.s.store.LoadCheckpoint(ctx, id)); counted.WantOpen == tasksAtFirst {
			return nil, nil
		}
	case "nothing":
		if under == nil {
			return []autoscaler.Release{{ID: "r-0"}}, nil
		}
	}
	return b.DrainWorkflow.Advance(ctx, id)
}

func (b broken) Cancel(ctx context.Context, id autoscaler.ServiceID, release autoscaler.ReleaseID) error {
	err := b.DrainWorkflow.Cancel(ctx, id, release)
	if b.fault == "cancel-retired" || b.fault == "cancel-unknown" {
		return nil
	}
	return err
}

// newBroken is a harness with one promise broken. An interrupted process is never
// taken up by one that forgets what it did not begin.
func newBroken(fault string) draining {
	s := newScene()
	h := s.harness()
	b := broken{h.Workflow, s, fault}
	h.Workflow, h.Other = b, broken{h.Other, s, fault}
	if fault == "resumed" {
		h.Other = broken{h.Other, s, "released"}
	}
	return draining{h}
}

func TestDrainWorkflowCatchesEachBrokenPromise(t *testing.T) {
	for _, c := range drainClauses() {
		t.Run(c.Name, func(t *testing.T) {
			failing := clause.Failing([]clause.Clause[draining]{c}, func(clause.T) draining { return newBroken(c.Name) })
			if failing[c.Name] == nil {
				t.Errorf("a workflow that breaks %q was not caught", c.Text)
			}
		})
	}
}
