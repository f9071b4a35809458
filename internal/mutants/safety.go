package mutants

import (
	"context"
	"slices"
	"strings"
)

// Where a rule that keeps sessions alive has to be missed: by the explorer, or by random
// schedules on a simulated service.
const (
	ExplorerTests = "./internal/explore"
	ScheduleTests = "./internal/e2e"
	// SafetySchedules is how many schedules are run at most until one goes wrong.
	SafetySchedules = "5000"
)

// safety names the mutants that end a session, break an invariant of the drain
// protocol, or keep a drain from ending, in a run of the whole: not only in the table
// that holds the rule. A rule that is not here is held by a second one behind it, or is
// about something else.
var safety = []string{
	// The record: what admits, what is believed, what retires.
	"open-before-protected", "reopen-retired", "retire-unacknowledged", "retire-level-c",
	"report-removes", "live-ids", "live-lease-unreported", "process-cordon-ignored",

	// The desired count.
	"target-subtracts", "target-counts-retired", "target-twice", "target-forgets-cordoned", "count-below-stays",

	// The permit, and what is asked for before a dangerous call.
	"permit-two-at-once", "permit-taken-over-below-a", "permit-lowering-takes-over", "protect-unheard",
	"unprotect-before-retire", "ready-unacknowledged", "admit-replaced-gated",

	// The store on DynamoDB: the condition of its writes.
	"dynamo-any-version",

	// What other systems did.
	"planted-cached-claim", "planted-check-then-end", "planted-look-once", "planted-queue-depth",
	"planted-unmarked", "planted-deployment-ignored",
}

// Safety returns the mutants that the explorer or the schedules find.
func Safety() []Mutant {
	return slices.DeleteFunc(List(), func(m Mutant) bool { return !slices.Contains(safety, m.Name) })
}

// Hunt lets the explorer look for a violation with the mutant awake, and random
// schedules where it finds none.
func (b *Bench) Hunt(ctx context.Context, m Mutant) (Verdict, error) {
	// A scene that has only grown with the mutant says nothing.
	v, err := b.Ask(ctx, m, ExplorerTests, "^Test(Table)?Scenes$")
	if err != nil || v.Caught && strings.Contains(v.Says, "violated: ") {
		return v, err
	}
	return b.Ask(ctx, m, ScheduleTests, "^TestSchedules$", "-schedules="+SafetySchedules, "-hunt")
}
