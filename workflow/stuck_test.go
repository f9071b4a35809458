package workflow

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// A release that ends forgets which targets it has taken out. While one is out,
// a task that is stuck ends nothing.
func TestStuckReleaseKeepsTheTargetsItHasTakenOut(t *testing.T) {
	stuck := func(f *Facts) {
		f.Release.Ending = []autoscaler.Ending{{Task: "t-1", Since: noon.Add(-25 * time.Minute)}}
	}
	one := []func(*Facts){retired(30*time.Minute, "t-1"), described, listed, stopping("STOPPING", "t-1"), stuck}
	for name, c := range map[string]struct {
		changes []func(*Facts)
		kind    Kind
	}{
		"a target is out": {append(slices.Clone(one), steeredOut(time.Minute, 1, "t-2")), Hold},
		"none is out":     {append(slices.Clone(one), record("t-2", opened)), Done},
	} {
		a := Next(facts(c.changes...))
		told := slices.ContainsFunc(a.Reasons, func(r autoscaler.Reason) bool { return r.Code == autoscaler.CodeStuck && r.Task == "t-1" })
		if a.Kind != c.kind || !told {
			t.Errorf("%s: %s, %v; want %s, and the stuck task told of", name, a.Kind, a.Reasons, c.kind)
		}
	}
}
