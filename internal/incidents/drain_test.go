package incidents

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/workflow"
)

// Protection or a drain failed, and nobody noticed.

// wellcomecollection's storage service, issue 1195: work in flight made its queue look
// empty, the busy task was stopped, and five hours of work were lost twice.
//
// Here every metric reads zero while sessions last for five hours on tasks whose
// protection would have run out after two. Sessions decide, and protection is renewed
// for as long as they live.
func TestIncident33QueueLooksEmpty(t *testing.T) { onMemory(t, incident33QueueLooksEmpty) }

func incident33QueueLooksEmpty(t on) {
	s := newScene(t, setting{
		tasks: 3, slots: 4,
		service: func(c *ecssim.ServiceConfig) { c.Metrics = ecssim.MetricsConfig{CPUFull: 0.01, MemoryFull: 0.01} },
		people: func(c *ecssim.ApplicationConfig) {
			c.Entrance, c.Protection = ecssim.EnterLeast, 2*time.Hour
		},
	})
	busy := []autoscaler.TaskID{s.visit(5 * time.Hour), s.visit(5 * time.Hour)}
	going := s.idle()
	s.want(0)
	s.pass(4*time.Hour + 50*time.Minute)
	s.stays(busy...)
	s.goes(going)
	for _, task := range s.tasks() {
		if left := task.ProtectedUntil.Sub(s.c.Now()); left < 30*time.Minute {
			t.Errorf("%s has %s of protection left", task.ID, left)
		}
	}
	s.pass(time.Hour)
	s.goes(busy...)
}

// LiveKit's agents, example deployment, issue 20: calls of ten minutes were cut by the
// two minutes that a task has between the signal and its end.
//
// Here the stop timeout is two minutes and a call lasts for forty. The stop comes after
// the call, not the call within the stop.
func TestIncident34StopTimeoutShorterThanTheCall(t *testing.T) {
	onMemory(t, incident34StopTimeoutShorterThanTheCall)
}

func incident34StopTimeoutShorterThanTheCall(t on) {
	s := newScene(t, setting{tasks: 2, slots: 4, service: func(c *ecssim.ServiceConfig) { c.StopTimeout = 2 * time.Minute }})
	call := s.visit(40 * time.Minute)
	s.empty(0, call)
	s.pass(35 * time.Minute)
	s.stays(call)
	if state := s.record(call).State; state != autoscaler.TaskCordoned {
		t.Errorf("the task is %s, want it to wait for the call", state)
	}
	s.pass(15 * time.Minute)
	s.goes(call)
}

// Nomad's autoscaler, issues 571 and 511: a host that was dead already was chosen, and
// counted for the reduction or not as it came.
//
// Here one of four crashes as three are wanted. The dead one is the one less; nobody
// else goes.
func TestIncident35DeadHostChosen(t *testing.T) { onMemory(t, incident35DeadHostChosen) }

func incident35DeadHostChosen(t on) {
	s := newScene(t, setting{tasks: 4, service: func(c *ecssim.ServiceConfig) {
		c.Deprovisioning = ecssim.Span{Min: 5 * time.Minute, Max: 5 * time.Minute}
	}})
	busy := s.visit(2 * time.Hour)
	s.want(4)
	dead := s.idle()
	if err := s.c.Crash(s.ref(dead)); err != nil {
		t.Fatal(err)
	}
	s.want(4, dead)
	s.pass(4 * time.Minute)
	s.stays(busy)
	if n, cordons := len(s.tasks()), s.count(ecssim.OpCordon); n != 4 || cordons > 0 {
		t.Errorf("%d tasks run after %d cordons, want 4 after none: what is dead is no capacity and no victim", n, cordons)
	}
}

// Drone's autoscaler, issue 146, and its collector as the code reads: an agent that was
// being stopped took one more stage and hung, and the host was destroyed even where
// stopping the agent had failed.
//
// Here the task cannot be let go: the call that removes its protection fails, for half
// an hour. The release is not over, and says so; the count is not lowered past it.
func TestIncident36DestroyedThoughStopFailed(t *testing.T) {
	onMemory(t, incident36DestroyedThoughStopFailed)
}

func incident36DestroyedThoughStopFailed(t on) {
	s := newScene(t, setting{tasks: 3})
	busy := []autoscaler.TaskID{s.visit(3 * time.Hour), s.visit(3 * time.Hour)}
	going := s.idle()
	s.want(2, going)
	failing := true
	s.fail(ecssim.OpAgentUnprotect, ecssim.Before, func(ecssim.Call) error { return errLost })
	s.fail(ecssim.OpUnprotect, ecssim.Before, func(ecssim.Call) error {
		if failing {
			return errLost
		}
		return nil
	})
	s.pass(30 * time.Minute)
	s.stays(busy...)
	s.stays(going)
	if s.told(autoscaler.CodeReleased) {
		t.Error("a task is told to be released that still runs")
	}
	failing = false
	s.pass(30 * time.Minute)
	s.stays(busy...)
	s.goes(going)
	s.tells(autoscaler.CodeReleased)
}

// Buildkite's Elastic CI Stack, pull request 92, and lifecycled: the hook that was to
// wait for the end of the job returned at once, and the job was cut.
//
// Here a task takes four minutes to end after the signal. It is released when ECS says
// that it has stopped, and its record stands until then.
func TestIncident37RequestTakenForTheEnd(t *testing.T) { onMemory(t, incident37RequestTakenForTheEnd) }

func incident37RequestTakenForTheEnd(t on) {
	s := newScene(t, setting{tasks: 2, service: func(c *ecssim.ServiceConfig) {
		c.Deprovisioning = ecssim.Span{Min: 4 * time.Minute, Max: 4 * time.Minute}
	}})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.want(1, going)
	begin := s.c.Now()
	for !s.told(autoscaler.CodeReleased) && s.c.Now().Before(begin.Add(time.Hour)) {
		truth, err := s.c.Truth(s.id)
		if err != nil {
			t.Fatal(err)
		}
		ended := true
		for _, task := range truth.Tasks {
			ended = ended && (task.ID != going || task.Stopped())
		}
		s.pass(between)
		if s.told(autoscaler.CodeReleased) && !ended {
			t.Error("released before it had stopped")
		}
		if state := s.record(going).State; !ended && state == "" {
			t.Error("the record is closed while the task runs")
		}
	}
	s.stays(busy)
	s.goes(going)
	s.tells(autoscaler.CodeReleased)
}

// The ECS agent, issues 234 and 1417, and AWS CDK, issue 13506: the stop signal came
// before the balancer had let go of the target.
//
// Here the balancer comes first: no record is retired, and no protection removed, while
// its target still takes connections.
func TestIncident38SignalBeforeTheBalancer(t *testing.T) {
	onMemory(t, incident38SignalBeforeTheBalancer)
}

func incident38SignalBeforeTheBalancer(t on) {
	s := newScene(t, setting{
		tasks: 2, service: func(c *ecssim.ServiceConfig) { c.ReregisterAfter = -1 },
		drains: func(c *workflow.Config) { c.LoadBalancerFirst = true },
	})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.want(1, going)
	s.at(ecssim.OpRetire, ecssim.Before, func(call ecssim.Call) {
		watched, err := s.c.Watch(t.Context(), s.id, []autoscaler.TaskID{call.Task})
		if err != nil {
			t.Fatal(err)
		}
		if target := watched[0].Target; target == "healthy" || target == "initial" {
			t.Errorf("retired while its target is %s", target)
		}
	})
	s.pass(20 * time.Minute)
	s.stays(busy)
	s.goes(going)
}

// Jenkins' EC2 fleet plug-in, issues 419 and 432: protection from scale-in was left
// behind by a controller that had died, and held hosts for ever.
//
// Here the controller dies in the middle of a drain and nobody takes its place. The
// cordon runs out, the task takes users again; and when nobody needs the service, its
// protection runs out by itself.
func TestIncident39ProtectionLeftBehind(t *testing.T) { onMemory(t, incident39ProtectionLeftBehind) }

func incident39ProtectionLeftBehind(t on) {
	s := newScene(t, setting{tasks: 2, slots: 2, people: func(c *ecssim.ApplicationConfig) { c.Protection = 3 * time.Hour }})
	busy := s.visit(30 * time.Minute)
	s.visit(30 * time.Minute)
	drained := s.idle()
	s.decide = policy.Fixed{Open: 1}.Decide
	s.at(ecssim.OpCordon, ecssim.After, func(ecssim.Call) {
		s.fail(ecssim.OpRetire, ecssim.Before, func(ecssim.Call) error { return errLost })
	})
	s.pass(time.Minute)
	if state := s.record(drained).State; state != autoscaler.TaskCordoned {
		t.Fatalf("the task is %s, want it drained", state)
	}
	s.c.RunFor(20 * time.Minute) // and no more passes
	if got := s.visit(time.Minute); got != drained {
		t.Errorf("the user is on %s, want the one whose cordon has run out", got)
	}
	s.stays(busy)
	s.c.RunFor(25 * time.Hour)
	for _, task := range s.tasks() {
		if task.ProtectedUntil.After(s.c.Now()) {
			t.Errorf("%s is protected until %s, for nobody", task.ID, task.ProtectedUntil)
		}
	}
}

// Azure's remote desktop templates, issues 305, 444, 463 and 510: all hosts were closed,
// or stayed closed over night, and nobody could log on.
//
// Here a policy wants every task emptied at once, and says so at each pass. The minimum
// stays open, with a free slot; and what had been closed before is opened again.
func TestIncident40AllHostsClosed(t *testing.T) { onMemory(t, incident40AllHostsClosed) }

func incident40AllHostsClosed(t on) {
	s := newScene(t, setting{tasks: 4, slots: 2, control: func(c *autoscaler.Config) {
		c.Limits.Min, c.Floor = 1, 1
	}, people: func(c *ecssim.ApplicationConfig) { c.Entrance = ecssim.EnterLeast }})
	for range 4 {
		s.visit(3 * time.Hour)
	}
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
		d := now.Want(0, "close all")
		for i := range now.Tasks {
			d.Empty = append(d.Empty, now.Tasks[i].ID)
		}
		return d
	}
	for range 20 {
		s.pass(time.Minute)
		open, free := 0, 0
		for _, task := range s.tasks() {
			if a := s.record(task.ID); a.State == autoscaler.TaskOpen {
				open++
				free += a.Slots - s.users.Live(task.ID)
			}
		}
		if open < 1 || free < 1 {
			t.Fatalf("%d tasks are open with %d free slots", open, free)
		}
	}
	s.visit(time.Minute) // and finds a slot
}

// Nomad's autoscaler, issues 628, 879 and 672: one drain that did not end kept all the
// others from ending.
//
// Here a task that is drained holds a session for a day. Another is drained after it,
// and goes.
func TestIncident41EndlessDrainBlocksTheRest(t *testing.T) {
	onMemory(t, incident41EndlessDrainBlocksTheRest)
}

func incident41EndlessDrainBlocksTheRest(t on) {
	s := newScene(t, setting{tasks: 4, slots: 2, people: func(c *ecssim.ApplicationConfig) { c.Entrance = ecssim.EnterLeast }})
	endless := s.visit(24 * time.Hour)
	busy := s.visit(24 * time.Hour)
	s.empty(3, endless)
	s.pass(2 * time.Minute)
	going := s.idle()
	s.empty(2, endless, going)
	s.pass(30 * time.Minute)
	s.stays(endless, busy)
	s.goes(going)
	if state := s.record(endless).State; state != autoscaler.TaskCordoned {
		t.Errorf("the endless drain is %s", state)
	}
}
