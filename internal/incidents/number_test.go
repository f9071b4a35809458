package incidents

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
)

// The number was lowered, and somebody else chose whom it cost.

// Buildkite's Elastic CI Stack, issues 1399, 520 and 587: the group was made smaller,
// and the group chose hosts with builds on them.
//
// Here somebody took the protection of all busy tasks away by hand, so that whomever the
// group chose would hardly be the one that is empty. Before the count is lowered for that
// one, they are protected again.
func TestIncident13GroupShrinksOverBusyHosts(t *testing.T) {
	onMemory(t, incident13GroupShrinksOverBusyHosts)
}

func incident13GroupShrinksOverBusyHosts(t on) {
	s := newScene(t, setting{tasks: 6})
	var busy []autoscaler.TaskID
	for range 5 {
		busy = append(busy, s.visit(2*time.Hour))
	}
	going := s.idle()
	s.want(5, going)
	// In the middle of the pass, so that no earlier look can have mended it.
	s.at(ecssim.OpCordon, ecssim.After, func(ecssim.Call) {
		if _, err := s.c.UpdateTaskProtection(s.id, busy, false, 0); err != nil {
			t.Error(err)
		}
	})
	s.pass(20 * time.Minute)
	s.stays(busy...)
	s.goes(going)
}

// docker-selenium, issue 1423, and KEDA, issues 6719 and 2900: the autoscaler lowered
// a number, and browsers with sessions on them were removed.
//
// Here a policy that knows nothing but a number wants one task where three are busy.
// It does not get its number until they have become idle by themselves.
func TestIncident14NumberAlone(t *testing.T) { onMemory(t, incident14NumberAlone) }

func incident14NumberAlone(t on) {
	s := newScene(t, setting{tasks: 4, control: func(c *autoscaler.Config) { c.Emptying = false }})
	busy := []autoscaler.TaskID{s.visit(time.Hour), s.visit(time.Hour), s.visit(time.Hour)}
	going := s.idle()
	s.want(1)
	s.pass(50 * time.Minute)
	s.stays(busy...)
	s.goes(going)
	for _, task := range busy {
		if state := s.record(task).State; state != autoscaler.TaskOpen {
			t.Errorf("%s is %s", task, state)
		}
	}
	s.pass(30 * time.Minute)
	if n := len(s.tasks()); n != 1 {
		t.Errorf("%d tasks run when all are idle, want 1", n)
	}
}

// Azure's remote desktop templates, issue 270: two hosts stood empty, and the one that
// was shut down was the third, with the only user on it.
//
// Here two of three are to go, and it is never the third.
func TestIncident15OnlyTheBusyOneWasTaken(t *testing.T) {
	onMemory(t, incident15OnlyTheBusyOneWasTaken)
}

func incident15OnlyTheBusyOneWasTaken(t on) {
	for _, victims := range []autoscaler.VictimOrder{nil, policy.Newest, policy.Oldest, policy.FewestSessions} {
		s := newScene(t, setting{tasks: 3, control: func(c *autoscaler.Config) { c.Victims = victims }})
		busy := s.visit(2 * time.Hour)
		s.want(1)
		s.pass(30 * time.Minute)
		s.stays(busy)
		if n := len(s.tasks()); n != 1 {
			t.Errorf("%d tasks run, want 1", n)
		}
		if cordons := s.record(busy).Drain.ID; cordons != "" {
			t.Error("the busy task was drained though two were empty")
		}
	}
}

// Agones, issue 2209: servers that were reserved but not yet in use were removed.
//
// Here a slot is reserved on an otherwise empty task, which therefore is not idle.
func TestIncident16ReservedIsNotIdle(t *testing.T) { onEachStore(t, incident16ReservedIsNotIdle) }

func incident16ReservedIsNotIdle(t on) {
	s := newScene(t, setting{tasks: 2})
	busy, held := s.visit(2*time.Hour), s.idle()
	s.reserve(held, 30*time.Minute)
	s.want(1, held)
	s.pass(20 * time.Minute)
	s.stays(busy, held)
	if state := s.record(held).State; state != autoscaler.TaskOpen {
		t.Errorf("the task is %s, want open", state)
	}
	s.tells(autoscaler.CodeBusy)
	s.pass(30 * time.Minute)
	s.goes(held)
}

// Nomad's autoscaler, pull request 450: the selector of empty hosts returned hosts that
// were not empty.
//
// Here a broken selector names every task there is, in every list it has. The guard
// tests each of them against its record.
func TestIncident17SelectorOfTheEmptyReturnsBusyOnes(t *testing.T) {
	onMemory(t, incident17SelectorOfTheEmptyReturnsBusyOnes)
}

func incident17SelectorOfTheEmptyReturnsBusyOnes(t on) {
	s := newScene(t, setting{tasks: 4})
	busy := []autoscaler.TaskID{s.visit(2 * time.Hour), s.visit(2 * time.Hour)}
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
		d := now.Want(0, "all are empty")
		for i := range now.Tasks {
			d.Remove = append(d.Remove, now.Tasks[i].ID)
		}
		return d
	}
	s.pass(30 * time.Minute)
	s.stays(busy...)
	for _, task := range busy {
		if state := s.record(task).State; state != autoscaler.TaskOpen {
			t.Errorf("%s is %s, and no selector may close what is busy", task, state)
		}
	}
	if n := len(s.tasks()); n != 2 {
		t.Errorf("%d tasks run, want the 2 that are busy", n)
	}
}

// Buildkite's agent scaler, issues 350 and 351: the host that ended lowered the count
// with its own termination, and the scaler lowered it once more.
//
// Here the reply to the write is lost, so the release does not know that it has lowered
// the count, and writes again. The count is computed from what stays, not subtracted.
func TestIncident18CountLoweredTwice(t *testing.T) { onMemory(t, incident18CountLoweredTwice) }

func incident18CountLoweredTwice(t on) {
	s := newScene(t, setting{tasks: 4})
	busy := []autoscaler.TaskID{s.visit(2 * time.Hour), s.visit(2 * time.Hour)}
	s.want(3)
	lost := 0
	s.fail(ecssim.OpSetDesired, ecssim.After, func(ecssim.Call) error {
		if lost++; lost < 3 {
			return errLost
		}
		return nil
	})
	s.pass(30 * time.Minute)
	s.stays(busy...)
	if n := len(s.tasks()); n != 3 {
		t.Errorf("%d tasks run, want 3", n)
	}
	if lost == 0 {
		t.Error("no reply was lost")
	}
}

// AWS CDK, issue 20706: a policy on the queue and one on the processor fought, and
// tasks were stopped in the middle of their messages.
//
// Here one policy wants fewer and the other what there is. In needs all to agree.
func TestIncident19TwoPoliciesFight(t *testing.T) { onMemory(t, incident19TwoPoliciesFight) }

func incident19TwoPoliciesFight(t on) {
	s := newScene(t, setting{tasks: 4})
	queue := policy.Fixed{Open: 1}
	both := policy.Safest{queue, policy.Fixed{Open: 4}}
	s.decide = both.Decide
	busy := s.visit(2 * time.Hour)
	s.pass(20 * time.Minute)
	s.stays(busy)
	if n, cordons := len(s.tasks()), s.count(ecssim.OpCordon); n != 4 || cordons > 0 {
		t.Errorf("%d tasks run after %d cordons, want 4 after none", n, cordons)
	}
	s.decide = policy.Safest{queue, policy.Fixed{Open: 2}}.Decide
	s.pass(20 * time.Minute)
	s.stays(busy)
	if n := len(s.tasks()); n != 2 {
		t.Errorf("%d tasks run where both want fewer, want 2", n)
	}
}

// Terraform's AWS provider, issue 10308, and civiform, issue 14017: applying an
// unrelated change set the desired count back to the file's, and tasks in use were
// stopped.
//
// Here the count is set from four to one while three tasks are busy. They are
// protected; the pass says that somebody else wrote, holds, and raises it again.
func TestIncident20ApplyResetsTheCount(t *testing.T) { onMemory(t, incident20ApplyResetsTheCount) }

func incident20ApplyResetsTheCount(t on) {
	s := newScene(t, setting{tasks: 4})
	busy := []autoscaler.TaskID{s.visit(3 * time.Hour), s.visit(3 * time.Hour), s.visit(3 * time.Hour)}
	s.want(3)
	if err := s.c.ForeignDesired(s.id, 1); err != nil {
		t.Fatal(err)
	}
	s.pass(5 * time.Minute)
	s.stays(busy...)
	s.tells(autoscaler.CodeForeignDesired)
	if n := s.count(ecssim.OpCordon); n > 0 {
		t.Errorf("%d tasks were drained while the count was somebody else's", n)
	}
	s.pass(40 * time.Minute)
	s.stays(busy...)
	if d := s.desired(); d != 3 {
		t.Errorf("desired %d, want 3 again", d)
	}
}

// The ECS agent, issue 2125, and the containers roadmap, issue 525: a scaling policy
// fired in the middle of a deployment, and the count it left was wrong.
//
// Here the policy wants fewer from the moment in which a deployment begins. Nothing is
// taken away until it is over.
func TestIncident21PolicyFiresInADeployment(t *testing.T) {
	onMemory(t, incident21PolicyFiresInADeployment)
}

func incident21PolicyFiresInADeployment(t on) {
	s := newScene(t, setting{tasks: 4})
	busy := s.visit(40 * time.Minute)
	if _, err := s.c.Deploy(s.id, "next"); err != nil {
		t.Fatal(err)
	}
	s.want(1)
	s.at(ecssim.OpSetDesired, ecssim.Before, func(call ecssim.Call) {
		if req, ok := call.Args.(autoscaler.SetDesired); ok && req.Desired < 4 {
			t.Errorf("desired %d is written during the deployment", req.Desired)
		}
	})
	s.pass(10 * time.Minute)
	s.stays(busy)
	s.tells(autoscaler.CodeDeployment)
	s.hooks = nil
	s.pass(2 * time.Hour)
	if n := len(s.tasks()); n != 1 {
		t.Errorf("%d tasks run when the deployment is over, want 1", n)
	}
}

// A Terraform Cloud agent autoscaler, as its code reads: it lowers the count even
// where protecting the busy failed, and looks at no item of the answer.
//
// Here ECS refuses to protect one busy task again. The release is given up before
// anything has happened, as often as it is tried, and succeeds once ECS gives in.
func TestIncident22ScaledInWithoutProtection(t *testing.T) {
	onMemory(t, incident22ScaledInWithoutProtection)
}

func incident22ScaledInWithoutProtection(t on) {
	// Only releases protect here, so that nothing mends it between them.
	s := newScene(t, setting{tasks: 3, control: func(c *autoscaler.Config) { c.Protection = nil }})
	busy, other := s.visit(2*time.Hour), s.visit(2*time.Hour)
	going := s.idle()
	s.want(2, going)
	refusing := true
	s.fail(ecssim.OpProtect, ecssim.Before, func(ecssim.Call) error {
		if refusing {
			return errRefused
		}
		return nil
	})
	s.at(ecssim.OpCordon, ecssim.After, func(ecssim.Call) {
		if _, err := s.c.UpdateTaskProtection(s.id, []autoscaler.TaskID{busy}, false, 0); err != nil {
			t.Error(err)
		}
	})
	s.pass(5 * time.Minute)
	s.stays(busy, other, going)
	if d := s.desired(); d != 3 {
		t.Errorf("desired %d while a busy task was bare, want 3", d)
	}
	s.tells(autoscaler.CodeUnconfirmed)
	refusing = false
	s.pass(30 * time.Minute)
	s.stays(busy, other)
	s.goes(going)
}
