package mutants

import (
	"context"
	"slices"
)

// Where a rule that keeps sessions alive has to be missed: by the explorer, or by random
// schedules on a simulated service.
const (
	ExplorerTests = "./internal/explore"
	ScheduleTests = "./internal/e2e"
	// SafetySchedules is how many schedules are run at most until one goes wrong.
	SafetySchedules = "5000"
)

// safety names the mutants whose loss ends a session, or breaks an invariant of the
// drain protocol, in a run of the whole: not only in the table that holds the rule.
// A rule that is not here is held by a second one behind it, or is about something
// else than safety.
var safety = []string{}

// Safety returns the mutants that the explorer or the schedules find.
func Safety() []Mutant {
	return slices.DeleteFunc(List(), func(m Mutant) bool { return !slices.Contains(safety, m.Name) })
}

// Hunt lets the explorer look for a violation with the mutant awake, and random
// schedules where it finds none.
func (b *Bench) Hunt(ctx context.Context, m Mutant) (Verdict, error) {
	v, err := b.Ask(ctx, m, ExplorerTests, "^TestScenes$")
	if err != nil || v.Caught {
		return v, err
	}
	return b.Ask(ctx, m, ScheduleTests, "^TestSchedules$", "-schedules="+SafetySchedules, "-hunt")
}
