package workflow

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Where one task of a batch is closed and nothing else of it is retired, what the
// others wait for ends the call: the plan has to lead there.
func TestPlanLeadsFromAClosedTaskToWhatTheOthersWaitFor(t *testing.T) {
	eventful := func(f *Facts) {
		f.Options.Events = true
		a := f.record("t-2")
		a.Level, a.Acknowledged = autoscaler.LevelC, false
		f.Release.Marked = []autoscaler.Marked{{Task: "t-2", Drain: a.Drain.ID, At: noon}}
	}
	foreign := func(a *autoscaler.TaskActivity) { a.Foreign = true }
	for step, changes := range map[Step][]func(*Facts){
		StepBalancer:   {steeredOut(time.Second, 1, "t-2")},
		StepBarrier:    {steeredOut(time.Hour, 1, "t-2"), targets("unused", "t-2"), eventful},
		StepGate:       {func(f *Facts) { f.State.Pending = 1 }},
		StepProtection: {listed, bare("t-4"), record("t-4", foreign)},
	} {
		first := []func(*Facts){described, tried(Forget, "t-1"), func(f *Facts) { f.State.Tasks = f.State.Tasks[1:] }}
		all := append(first, changes...)
		a := Next(facts(append(all, func(f *Facts) {
			f.Activity = slices.DeleteFunc(f.Activity, func(a autoscaler.TaskActivity) bool { return a.Ref.Task == "t-1" })
			f.Listing = slices.DeleteFunc(f.Listing, func(s autoscaler.TaskStatus) bool { return s.ID == "t-1" })
			f.State.Desired, f.State.Running, f.Checkpoint.Desired.Value = 3, 3, 3
		})...))
		if a.Step != step || !a.ends() || !ReleasePlan().Allows(StepClose, a.Step) {
			t.Errorf("%s at %s; want the end of the call at %s, and a way there from %s", a.Kind, a.Step, step, StepClose)
		}
	}
}
