package workflow

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Demand came back after a task was retired: four are wanted open or on their way, so
// the count stays where it is, and ECS, which runs as many as it means to, chooses none.
// The retired task stands where one that serves could, and is stopped at once.
func TestRetiredTaskMakesRoomAtOnceWhereDemandCameBack(t *testing.T) {
	wanted := func(f *Facts) { f.Checkpoint.WantOpen = 4 }
	count := func(value, previous int, ago time.Duration) func(*Facts) {
		return func(f *Facts) {
			f.Checkpoint.Desired = autoscaler.DesiredCount{Value: value, Previous: previous, Known: true, At: noon.Add(-ago)}
		}
	}
	desired := func(n int) func(*Facts) { return func(f *Facts) { f.State.Desired = n } }
	base := []func(*Facts){retired(time.Minute, "t-1"), record("t-2", opened), described, listed, bare("t-1"), wanted}
	for name, c := range map[string]struct {
		changes []func(*Facts)
		stops   bool
	}{
		"the count was never lowered":           {nil, true},
		"it was lowered and raised again":       {[]func(*Facts){count(4, 3, 10*time.Second)}, true},
		"it was lowered, which is not read yet": {[]func(*Facts){count(3, 4, 10*time.Second)}, false},
		"ECS has one to stop":                   {[]func(*Facts){desired(3), count(3, 4, 10*time.Second)}, false},
		"its protection still stands":           {[]func(*Facts){listed}, false},
		"it may hold a session":                 {[]func(*Facts){record("t-1", told)}, false},
	} {
		a := Next(facts(append(slices.Clone(base), c.changes...)...))
		if stops := a.Kind == Stop && slices.Equal(a.Tasks, []autoscaler.TaskID{"t-1"}); stops != c.stops {
			t.Errorf("%s: %s %v (%v); want a stop is %v", name, a.Kind, a.Tasks, a.Reasons, c.stops)
		}
	}
}

// A release that rests until ECS has had its time to choose looks at once where the
// count was raised after the retirement.
func TestReleaseDoesNotRestWhereDemandCameBack(t *testing.T) {
	for name, c := range map[string]struct {
		value, previous int
		ago             time.Duration
		rests           bool
	}{
		"raised since":             {4, 3, 10 * time.Second, false},
		"lowered since":            {3, 4, 10 * time.Second, true},
		"raised before it retired": {4, 3, time.Hour, true},
	} {
		f := facts(retired(time.Minute, "t-1"), record("t-2", opened), watching)
		f.Release.NextAt = noon.Add(time.Minute)
		f.Checkpoint.Desired = autoscaler.DesiredCount{Value: c.value, Previous: c.previous, Known: true, At: noon.Add(-c.ago)}
		if a := Next(f); (a.Kind == Wait) != c.rests {
			t.Errorf("%s: %s; rests is to be %v", name, a.Kind, c.rests)
		}
	}
}
