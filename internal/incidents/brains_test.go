package incidents

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// Two brains, or a brain that forgot.

// Nomad's autoscaler, pull request 845, and sokar, issue 98: a dry run changed the
// capacity.
//
// Here an observer looks at a service on which everything is to be done. It says what
// would be, and no call of it has an effect.
func TestIncident43DryRunChangesCapacity(t *testing.T) { onMemory(t, incident43DryRunChangesCapacity) }

func incident43DryRunChangesCapacity(t on) {
	s := newScene(t, setting{tasks: 3})
	s.visit(2 * time.Hour)
	s.want(1)
	dry, err := autoscaler.NewObserver(autoscaler.ObserverConfig{
		Service: s.id, Limits: s.cfg.Limits, Policy: s.cfg.Policy, Sessions: s.cfg.Sessions, State: s.cfg.State,
		Scaler: s.c, Floor: -1, Emptying: true, Timing: s.cfg.Timing, Now: s.c.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.c.RunFor(time.Minute)
	s.calls = nil
	would := false
	for range 5 {
		pass, err := dry.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		would = would || pass.Open < 3
	}
	if !would {
		t.Error("there was nothing to do; the test proves nothing")
	}
	reads := []ecssim.Op{ecssim.OpLoadCheckpoint, ecssim.OpControl, ecssim.OpDescribe, ecssim.OpActivity, ecssim.OpUtilization}
	for _, call := range s.calls {
		if !slices.Contains(reads, call.Op) {
			t.Errorf("a dry run called %s", call.Op)
		}
	}
}

// Nomad, issue 25509, and aws-asg-roller, issue 43: a deployment or another tool set
// the count back, the autoscaler set it again, and so on for ever.
//
// Here somebody writes a count of two each minute while three are busy. Nobody is
// stopped, the library says whose value it is, and does not answer each write with one
// of its own.
func TestIncident44TwoToolsFight(t *testing.T) { onMemory(t, incident44TwoToolsFight) }

func incident44TwoToolsFight(t on) {
	s := newScene(t, setting{tasks: 4})
	busy := []autoscaler.TaskID{s.visit(4 * time.Hour), s.visit(4 * time.Hour), s.visit(4 * time.Hour)}
	s.want(4)
	const fight = 60
	for range fight {
		if err := s.c.ForeignDesired(s.id, 2); err != nil {
			t.Fatal(err)
		}
		s.pass(time.Minute)
	}
	s.stays(busy...)
	s.tells(autoscaler.CodeForeignAdopted)
	if n := s.count(ecssim.OpSetDesired); n > fight/8 {
		t.Errorf("the count was written %d times against %d foreign writes", n, fight)
	}
	s.pass(30 * time.Minute)
	if d := s.desired(); d != 4 {
		t.Errorf("desired %d when the other has given up, want 4", d)
	}
}

// fcvm, issue 884: a hard limit on age ended runners that were busy.
//
// Here tasks are days old and one is busy. Age is a reason to drain, which waits for
// the session, however old it makes the task.
func TestIncident45AgeLimit(t *testing.T) { onMemory(t, incident45AgeLimit) }

func incident45AgeLimit(t on) {
	s := newScene(t, setting{tasks: 2, people: func(c *ecssim.ApplicationConfig) { c.Protection = 6 * time.Hour }})
	old := s.visit(40 * time.Hour)
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
		d := now.Want(0, "too old")
		for i := range now.Tasks {
			if now.Tasks[i].Age > 12*time.Hour {
				d.Empty = append(d.Empty, now.Tasks[i].ID)
			}
		}
		return d
	}
	s.pass(39 * time.Hour)
	s.stays(old)
	if state := s.record(old).State; state != autoscaler.TaskCordoned {
		t.Errorf("the old task is %s, want it drained", state)
	}
	s.pass(2 * time.Hour)
	s.goes(old)
}
