package incidents

import (
	"context"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Idle at the look, busy at the end: what was true when somebody looked was acted on
// later.

// Agones, issues 367 and 198: the allocator chose from a cache in which a server was
// still ready that the scale-down was already removing, and the players were sent
// there.
//
// Here the broker's view is a minute old and shows the task open. The claim is a
// conditional write to the task's record, so the old view earns a refusal.
func TestIncident01StaleCacheAllocatesWhatIsBeingRemoved(t *testing.T) {
	onEachStore(t, incident01StaleCacheAllocatesWhatIsBeingRemoved)
}

func incident01StaleCacheAllocatesWhatIsBeingRemoved(t on) {
	s := newScene(t, setting{tasks: 2, people: func(c *ecssim.ApplicationConfig) { c.Lookup = time.Hour }})
	busy := s.visit(2 * time.Hour)
	going := s.idle()
	s.users.Play([]ecssim.Session{{Start: s.c.Now(), Duration: time.Second}}) // the broker looks, and keeps what it sees
	s.pass(time.Minute)
	s.want(1, going)
	s.at(ecssim.OpRetire, ecssim.After, func(ecssim.Call) {
		s.users.Play([]ecssim.Session{{Start: s.c.Now(), Duration: time.Hour}})
	})
	s.pass(10 * time.Minute)
	s.stays(busy)
	s.goes(going)
}

// Thundernetes, issue 152: the controller's cache was behind, and a server that had
// become active meanwhile was deleted.
//
// Here the pass reads the task as idle, and a session begins before the pass writes.
// The cordon names the version that was read, so it fails.
func TestIncident02CacheBehindDeletesWhatBecameActive(t *testing.T) {
	onEachStore(t, incident02CacheBehindDeletesWhatBecameActive)
}

func incident02CacheBehindDeletesWhatBecameActive(t on) {
	s := newScene(t, setting{tasks: 2})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.want(1, going)
	s.at(ecssim.OpActivity, ecssim.After, func(ecssim.Call) {
		if got := s.visit(20 * time.Minute); got != going {
			t.Fatalf("the user is on %s", got)
		}
	})
	s.pass(10 * time.Minute)
	s.stays(busy, going)
	if state := s.record(going).State; state != autoscaler.TaskOpen {
		t.Errorf("the task is %s while nobody has seen it idle", state)
	}
	s.pass(20 * time.Minute)
	s.goes(going)
}

// Kubernetes' cluster autoscaler, issues 3886 and 4223: between the listing that found
// a host empty and the mark that closed it, a workload was placed there.
//
// Here the session begins between the checks of the release and its write. The write
// that closes for good is the check.
func TestIncident03PlacedBetweenListingAndTaint(t *testing.T) {
	onMemory(t, incident03PlacedBetweenListingAndTaint)
}

func incident03PlacedBetweenListingAndTaint(t on) {
	s := newScene(t, setting{tasks: 2})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.want(1, going)
	s.at(ecssim.OpCordon, ecssim.Before, func(ecssim.Call) { s.visit(20 * time.Minute) })
	s.pass(10 * time.Minute)
	s.stays(busy, going)
	s.pass(20 * time.Minute)
	s.goes(going)
}

// Karpenter, issues 651 and 1167: hosts were validated before they were marked, and
// workloads that had asked not to be disturbed were ended.
//
// Here somebody pins the idle task that the policy names, for a job that sessions say
// nothing of; and the other is busy.
func TestIncident04WorkThatAskedNotToBeDisturbed(t *testing.T) {
	onMemory(t, incident04WorkThatAskedNotToBeDisturbed)
}

func incident04WorkThatAskedNotToBeDisturbed(t on) {
	s := newScene(t, setting{tasks: 3})
	busy := s.visit(2 * time.Hour)
	pinned := s.idle()
	control, err := s.raw.Control(t.Context(), s.id)
	if err != nil {
		t.Fatal(err)
	}
	control.Pins = []autoscaler.Pin{{Task: pinned, Override: autoscaler.Override{By: "ann", Why: "a job", Until: s.c.Now().Add(time.Hour)}}}
	if err := s.raw.SetControl(t.Context(), s.id, control); err != nil {
		t.Fatal(err)
	}
	s.want(0, pinned, busy)
	s.pass(50 * time.Minute)
	s.stays(busy, pinned)
	s.tells(autoscaler.CodePinned)
	s.pass(20 * time.Minute)
	s.goes(pinned)
}

func user() context.Context { return ecssim.WithActor(context.Background(), "user") }

// Karpenter, issue 3185: hosts filled up during the wait between the choice and the
// deed, and were disrupted all the same.
//
// Here each session, however short, begins the idle time anew.
func TestIncident05FilledDuringTheWait(t *testing.T) { onMemory(t, incident05FilledDuringTheWait) }

func incident05FilledDuringTheWait(t on) {
	const wait = 5 * time.Minute
	s := newScene(t, setting{tasks: 2, control: func(c *autoscaler.Config) { c.Timing.IdleFor = wait }})
	busy, going := s.visit(3*time.Hour), s.idle()
	s.want(1, going)
	for range 5 {
		s.pass(wait - time.Minute)
		if got := s.visit(30 * time.Second); got != going {
			t.Fatalf("the user is on %s", got)
		}
	}
	s.stays(busy, going)
	if n := s.count(ecssim.OpCordon); n > 0 {
		t.Errorf("%d cordons of a task that was never idle for %s", n, wait)
	}
	s.pass(2 * wait)
	s.goes(going)
}

// Jenkins' EC2 fleet plug-in, issues 498, 436 and 363: the test for idleness stood
// outside the queue's lock, a job was bound before the termination, and the capacity
// was computed before either.
//
// Here users knock at every single call of a release. Once the record is retired none
// of them gets in, and the count that is written is computed after that.
func TestIncident06BoundBetweenTheTestAndTheTermination(t *testing.T) {
	onMemory(t, incident06BoundBetweenTheTestAndTheTermination)
}

func incident06BoundBetweenTheTestAndTheTermination(t on) {
	s := newScene(t, setting{tasks: 2, slots: 4})
	busy, going := s.visit(2*time.Hour), s.emptiest()
	s.want(1, going)
	s.fail(ecssim.OpSetDesired, ecssim.Before, func(call ecssim.Call) error {
		if req, ok := call.Args.(autoscaler.SetDesired); ok && req.Desired != 1 {
			t.Errorf("desired %d is written, want 1", req.Desired)
		}
		return nil
	})
	for _, op := range []ecssim.Op{ecssim.OpProtect, ecssim.OpUnprotect, ecssim.OpSetDesired, ecssim.OpStop} {
		s.at(op, ecssim.Before, func(ecssim.Call) { s.users.Visit(user(), time.Minute) })
		s.at(op, ecssim.After, func(ecssim.Call) { s.users.Visit(user(), time.Minute) })
	}
	s.pass(20 * time.Minute)
	s.stays(busy)
	s.goes(going)
}

// terraform-aws-github-runner, issues 5085 and 5086: a job was assigned between the
// check for busyness and the call that terminates; a deployment died thirteen seconds
// in.
//
// Here a session begins right before the record is retired, while the application
// knows of the drain and reopens for it. The write fails, and the task stays.
func TestIncident07AssignedBetweenCheckAndTerminate(t *testing.T) {
	onMemory(t, incident07AssignedBetweenCheckAndTerminate)
}

func incident07AssignedBetweenCheckAndTerminate(t on) {
	s := newScene(t, setting{tasks: 2})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.want(1, going)
	s.at(ecssim.OpRetire, ecssim.Before, func(ecssim.Call) {
		if got := s.visit(30 * time.Minute); got != going {
			t.Fatalf("the user is on %s", got)
		}
	})
	s.pass(20 * time.Minute)
	s.stays(busy, going)
	s.pass(40 * time.Minute)
	s.goes(going)
}

// GitHub's Actions Runner Controller, issues 911 and 1085: runs were cancelled at
// random when runners were scaled down. The answer was to ask the one who knows, and
// to take a refusal for what it is.
//
// Here the store refuses to retire what is busy, and the release takes no for an
// answer.
func TestIncident08RefusalIsAnAnswer(t *testing.T) { onMemory(t, incident08RefusalIsAnAnswer) }

func incident08RefusalIsAnAnswer(t on) {
	s := newScene(t, setting{tasks: 3})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.want(2, going)
	refusals := 0
	s.fail(ecssim.OpRetire, ecssim.Before, func(ecssim.Call) error {
		if refusals++; refusals > 2 {
			return nil
		}
		return autoscaler.ErrBusy
	})
	s.at(ecssim.OpUnprotect, ecssim.Before, func(ecssim.Call) {
		if refusals < 3 {
			t.Error("a task is let go that was not retired")
		}
	})
	s.pass(20 * time.Minute)
	s.stays(busy)
	s.goes(going)
	if refusals < 3 {
		t.Errorf("retiring was tried %d times", refusals)
	}
}

// Woodpecker's autoscaler, issue 50: the mark that sends no more work was read by
// agents when they polled next, and those that were polling already took work.
//
// Here the user holds a reservation, made before the drain began. The reservation
// counts as a session, so the task waits for it.
func TestIncident09WaitingBeforeTheMark(t *testing.T) { onEachStore(t, incident09WaitingBeforeTheMark) }

func incident09WaitingBeforeTheMark(t on) {
	s := newScene(t, setting{tasks: 2})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.empty(1, going)
	s.reserve(going, 20*time.Minute)
	s.pass(15 * time.Minute)
	s.stays(busy, going)
	if state := s.record(going).State; state != autoscaler.TaskCordoned {
		t.Errorf("the task is %s, want it drained", state)
	}
	if _, err := s.raw.Begin(t.Context(), sessionstore.BeginRequest{Ref: s.ref(going), Session: "reserved", At: s.c.Now()}); err != nil {
		t.Errorf("who has a reservation is refused: %v", err)
	}
	if err := s.raw.End(t.Context(), sessionstore.EndRequest{Ref: s.ref(going), Session: "reserved", At: s.c.Now()}); err != nil {
		t.Error(err)
	}
	s.pass(10 * time.Minute)
	s.goes(going)
}

// Woodpecker's autoscaler, pull request 156: agents were removed whether they had been
// marked first or not.
//
// Here the host asks for the release of a task that nobody has drained. It is refused:
// only what was cordoned by this very drain is retired.
func TestIncident10RemovedWithoutTheMark(t *testing.T) { onMemory(t, incident10RemovedWithoutTheMark) }

func incident10RemovedWithoutTheMark(t on) {
	s := newScene(t, setting{tasks: 2})
	busy, open := s.visit(2*time.Hour), s.idle()
	req := autoscaler.ReleaseRequest{Service: s.id, Tasks: []autoscaler.TaskRef{s.ref(open), s.ref(busy)}}
	if _, err := s.cfg.Drains.Release(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	s.pass(10 * time.Minute)
	s.stays(busy, open)
	if state := s.record(open).State; state != autoscaler.TaskOpen {
		t.Errorf("the task is %s, want open", state)
	}
}

// Azure's remote desktop templates, issues 501, 274 and 440: users who logged on after
// the script had begun were cut off; only hosts with users had been closed first.
//
// Here, at level B, a user comes to an empty task after the drain has begun and before
// its process has heard of it. The process has to acknowledge first, and says one.
func TestIncident11LogonAfterTheScriptBegan(t *testing.T) {
	onMemory(t, incident11LogonAfterTheScriptBegan)
}

func incident11LogonAfterTheScriptBegan(t on) {
	s := newScene(t, setting{tasks: 2, level: autoscaler.LevelB})
	busy, going := s.visit(2*time.Hour), s.idle()
	s.want(1, going)
	s.at(ecssim.OpCordon, ecssim.After, func(ecssim.Call) {
		if !s.users.Connect(user(), going, 20*time.Minute) {
			t.Error("the process has heard of the drain already; the test proves nothing")
		}
	})
	s.pass(10 * time.Minute)
	s.stays(busy, going)
	s.pass(30 * time.Minute)
	s.goes(going)
}

// The AWS load balancer controller, issue 2366, and the containers roadmap, issue 470:
// a network balancer goes on sending connections for about two minutes after a target
// is deregistered.
//
// Here, at level C, a user arrives a minute after the target was taken out. The
// release waits until the events of such users must have come, and counts again.
func TestIncident12ConnectionAfterDeregistration(t *testing.T) {
	onMemory(t, incident12ConnectionAfterDeregistration)
}

func incident12ConnectionAfterDeregistration(t on) {
	s := newScene(t, setting{
		tasks: 2, level: autoscaler.LevelC,
		service: func(c *ecssim.ServiceConfig) { c.Warm, c.ReregisterAfter = false, -1 },
		store:   func(r *sessionstore.Rules) { r.LagBound = 2 * time.Minute },
	})
	s.pass(5 * time.Minute)
	busy, going := s.visit(3*time.Hour), s.idle()
	s.pass(5 * time.Minute)
	s.want(1, going)
	s.at(ecssim.OpSteer, ecssim.After, func(ecssim.Call) {
		s.c.At(s.c.Now().Add(time.Minute), func() { s.users.Connect(user(), going, 30*time.Minute) })
	})
	s.pass(25 * time.Minute)
	s.stays(busy, going)
	s.pass(time.Hour)
	s.goes(going)
}
