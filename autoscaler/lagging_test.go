package autoscaler

import (
	"testing"
	"time"
)

// A read may be older than the last write. What is a raise over the count that it
// shows can lie below the one that was written: it would lower the count with
// nothing retired, and take a task that has just started.
func TestRaiseOnAReadBehindTheLastWriteIsHeld(t *testing.T) {
	for name, c := range map[string]struct {
		written DesiredCount
		value   int // written then; 0 for held
	}{
		"more was written":          {DesiredCount{Value: 6, Previous: 3, Known: true}, 0},
		"as much was written":       {DesiredCount{Value: 5, Previous: 3, Known: true}, 5},
		"less was written":          {DesiredCount{Value: 4, Previous: 3, Known: true}, 5},
		"the read shows the write":  {DesiredCount{Value: 3, Previous: 6, Known: true}, 5},
		"somebody else has written": {DesiredCount{Value: 6, Previous: 4, Known: true}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			r := gateCase()
			r.State, r.Activity = cluster("ooo")
			r.Checkpoint.WantOpen, r.Checkpoint.Desired = 5, c.written
			r.Checkpoint.Desired.At = guardAt.Add(-10 * time.Second)
			permit, held := r.Desired()
			if c.value == 0 && !hasCode(held, CodeNotReady) || permit.Desired != c.value {
				t.Errorf("permit %+v, held %v; want %d", permit, held, c.value)
			}
			r.Checkpoint.Desired.At = guardAt.Add(-describeLag)
			if permit, held := r.Desired(); permit.Desired != 5 {
				t.Errorf("permit %+v, held %v when no read lags any more; want 5", permit, held)
			}
		})
	}
}

// A task marks itself when ECS refuses to protect it. Where ECS lists a protection
// all the same (the reply to an earlier call was lost), its word is the newer one.
func TestMarkedTaskThatECSListsAsProtectedIsSpared(t *testing.T) {
	r := gateCase()
	r.Activity[0].ExposedAt = guardAt
	for left, held := range map[time.Duration]bool{0: true, protectionMargin: true, protectionMargin + time.Second: false} {
		r.State.Tasks[0].ProtectedUntil = guardAt.Add(left)
		if reasons := r.Gate(); hasCode(reasons, CodeExposed) != held {
			t.Errorf("%v left: held %v, want held: %v", left, reasons, held)
		}
	}
}

// A record of another owner whose task is not there lowers no level, and one of a
// task that runs here does.
func TestLevelCountsWhatIsPresent(t *testing.T) {
	r := gateCase()
	theirs := TaskActivity{Ref: TaskRef{Task: "z"}, State: TaskNew, Level: LevelB, Foreign: true}
	r.Activity = append(r.Activity, theirs)
	if level := r.Level(); level != LevelA {
		t.Errorf("level %s for another owner's record of a task that is not there, want A", level)
	}
	r.State.Tasks = append(r.State.Tasks, TaskStatus{ID: "z"})
	if level := r.Level(); level != LevelB {
		t.Errorf("level %s beside a task at level B, want B", level)
	}
	r = gateCase()
	theirs.Foreign = false
	r.Activity = append(r.Activity, theirs)
	if level := r.Level(); level != LevelB {
		t.Errorf("level %s with a record of our own at level B, want B", level)
	}
}

// ECS runs a sick task and its replacement side by side. The two together are no
// reason to raise the count, whoever asks.
func TestSickTaskIsNotAmongThoseThatStay(t *testing.T) {
	r := gateCase()
	r.State, r.Activity = cluster("oooo")
	r.State.Desired, r.Checkpoint.Desired.Value = 3, 3
	if permit, held := r.Desired(); permit.Desired != 4 || !permit.Raise {
		t.Errorf("permit %+v, held %v for four that stay; want a raise to 4", permit, held)
	}
	r.State.Tasks[1].Health = "UNHEALTHY"
	if permit, held := r.Desired(); !hasCode(held, CodeNotReady) {
		t.Errorf("permit %+v, held %v for three and a sick one; want nothing to write", permit, held)
	}
}
