package autoscaler_test

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// roomy is a policy that holds, wants so many slots free, and notes how soon it is
// asked again.
type roomy struct {
	room     int
	reaction *time.Duration
}

func (roomy) Name() string { return "roomy" }

func (p roomy) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	*p.reaction = s.Reaction
	d := s.Hold("said")
	d.Room = p.room
	return d
}

// Two tasks of ten slots: of twenty free ones the sixth that is taken leaves fewer
// than fifteen.
func TestTakenWakesBelowTheRoom(t *testing.T) {
	var reaction time.Duration
	w := newWorld(t, 2, func(c *autoscaler.Config) { c.Policy = roomy{15, &reaction} })
	w.passes(20)
	if reaction != 15*time.Second {
		t.Errorf("asked again after %v where nobody tells; want the interval", reaction)
	}
	for i := range 5 {
		if w.ctl.Taken(1) {
			t.Fatalf("breached with %d taken", i+1)
		}
	}
	if w.ctl.Taken(-1) || w.ctl.Taken(1) {
		t.Error("one that ends makes room for one that begins")
	}
	for range 2 {
		if !w.ctl.Taken(1) {
			t.Error("not breached with fourteen free, or fewer")
		}
	}
	if w.ctl.Taken(-1) {
		t.Error("an end breaches nothing")
	}
	w.pass()
	if reaction != 2*time.Second {
		t.Errorf("asked again after %v where sessions are told; want seconds", reaction)
	}
	if w.ctl.Taken(5) {
		t.Error("what was told before a pass counts after it")
	}
}
