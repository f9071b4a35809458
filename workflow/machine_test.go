package workflow

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

var (
	noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	own  = autoscaler.ServiceID{Cluster: "c", Name: "s"}
)

// facts are four open, protected tasks of a steady service, t-1 and t-2 of them
// cordoned, empty, acknowledged and in the release. Nothing of the cluster was
// read yet.
func facts(changes ...func(*Facts)) Facts {
	f := Facts{
		At: noon, Options: Options{Timing: Timing{}.withDefaults()},
		Release: autoscaler.Release{
			Version: 1, ID: "r", Service: own, Phase: autoscaler.PhaseRelease, Started: noon,
			Tasks: []autoscaler.TaskID{"t-1", "t-2"},
		},
		Checkpoint: autoscaler.Checkpoint{
			Service: own, WantOpen: 2, HasWant: true, Limits: autoscaler.Limits{Min: 1, Max: 9}, Floor: 1,
			Desired: autoscaler.DesiredCount{Value: 4, Previous: 4, Known: true, At: noon.Add(-time.Hour)},
		},
		Tried: map[Kind][]autoscaler.TaskID{},
	}
	for i := 1; i <= 4; i++ {
		a := autoscaler.TaskActivity{
			Ref: autoscaler.TaskRef{Service: own, Task: autoscaler.TaskID(fmt.Sprint("t-", i))}, Version: 7,
			State: autoscaler.TaskOpen, Level: autoscaler.LevelA, Slots: 10, Occupancy: autoscaler.Sessions(3), Processes: 1,
		}
		if i <= 2 {
			a.State, a.Occupancy, a.Acknowledged = autoscaler.TaskCordoned, autoscaler.Sessions(0), true
			a.Drain = autoscaler.Drain{ID: "d", Since: noon.Add(-time.Minute), Until: noon.Add(time.Hour)}
		}
		f.Activity = append(f.Activity, a)
	}
	for _, change := range changes {
		change(&f)
	}
	return f
}

// statuses are the four tasks as ECS lists them.
func statuses() []autoscaler.TaskStatus {
	var all []autoscaler.TaskStatus
	for i := 1; i <= 4; i++ {
		all = append(all, autoscaler.TaskStatus{
			ID: autoscaler.TaskID(fmt.Sprint("t-", i)), Deployment: "ecs-svc/1", LastStatus: "RUNNING", DesiredStatus: "RUNNING",
			ProtectedUntil: noon.Add(20 * time.Hour),
		})
	}
	return all
}

func described(f *Facts) {
	f.State = &autoscaler.ServiceState{
		Service: own, At: noon, Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS", Desired: 4, Running: 4,
		Deployments: []autoscaler.Deployment{{ID: "ecs-svc/1", Primary: true, Rollout: "COMPLETED"}},
		Tasks:       statuses(), DeregistrationDelay: 5 * time.Minute, StopTimeout: 30 * time.Second,
	}
}

func listed(f *Facts) { f.Listing = statuses() }

// retired sets the marks that long ago.
func retired(ago time.Duration, tasks ...autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		for _, id := range tasks {
			a := f.record(id)
			a.State, a.RetiredAt = autoscaler.TaskRetired, noon.Add(-ago)
		}
	}
}

func record(id autoscaler.TaskID, change func(*autoscaler.TaskActivity)) func(*Facts) {
	return func(f *Facts) { change(f.record(id)) }
}

// bare takes protection away in the listing.
func bare(tasks ...autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		for _, id := range tasks {
			find(f.Listing, id).ProtectedUntil = time.Time{}
		}
	}
}

// stopping has ECS stop tasks.
func stopping(last string, tasks ...autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		for _, id := range tasks {
			s := find(f.State.Tasks, id)
			s.DesiredStatus, s.LastStatus, s.StopCode = "STOPPED", last, "ServiceSchedulerInitiated"
			f.State.Running--
		}
	}
}

func lowered(f *Facts) {
	f.Checkpoint.Desired = autoscaler.DesiredCount{Value: 2, Previous: 4, Known: true, At: noon.Add(-3 * time.Minute)}
	f.State.Desired, f.Release.Phase = 2, autoscaler.PhaseWatch
}

func watching(f *Facts) { f.Release.Phase = autoscaler.PhaseWatch }

func tried(kind Kind, tasks ...autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) { f.Tried[kind] = append(f.Tried[kind], tasks...) }
}

func steeredOut(ago time.Duration, attempts int, tasks ...autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		f.Options.LoadBalancerFirst, f.Release.Phase = true, autoscaler.PhaseBalancer
		for _, id := range tasks {
			f.record(id).Drain.Since = noon.Add(-time.Hour)
			f.Release.Steered = append(f.Release.Steered, autoscaler.Steered{Task: id, At: noon.Add(-ago), Attempts: attempts})
		}
	}
}

func targets(state string, tasks ...autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		for _, id := range tasks {
			s := *find(f.State.Tasks, id)
			s.Target = state
			f.Looked = append(f.Looked, s)
		}
	}
}

func both() []autoscaler.TaskID { return []autoscaler.TaskID{"t-1", "t-2"} }

// TestNext goes through the steps, each as it is met before its action, after
// the action where the process died before it saved anything, and in doubt.
func TestNext(t *testing.T) {
	long, soon := time.Hour, 10*time.Second
	for _, row := range []struct {
		name string
		in   Facts
		want Action
	}{
		// gate
		{"the gate needs the service", facts(), Action{Kind: LookState, Step: StepGate}},
		{"the gate is held", facts(described, func(f *Facts) { f.State.Pending = 1; f.State.Running = 3 }),
			Action{Kind: Hold, Step: StepGate, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeNotSteady}}}},
		{"a pause holds the gate", facts(described, func(f *Facts) { f.Control.PauseIn.Until = noon.Add(time.Hour) }),
			Action{Kind: Hold, Step: StepGate, Reasons: []autoscaler.Reason{{Code: autoscaler.CodePaused}}}},
		{"the brake holds the gate", facts(described, func(f *Facts) { f.Checkpoint.Brake.Since = noon }),
			Action{Kind: Hold, Step: StepGate, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeBrake}}}},
		{"a wrong victim holds the gate", facts(described, stopping("DEACTIVATING", "t-3"), func(f *Facts) { f.State.Desired = 3; f.Checkpoint.Desired.Value = 3 }),
			Action{Kind: Hold, Step: StepGate, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeWrongVictim}}}},
		{"not due", facts(described, func(f *Facts) { f.Release.NextAt = noon.Add(1) }),
			Action{Kind: Wait, Step: StepGate, Until: noon.Add(1)}},
		{"due at this instant", facts(func(f *Facts) { f.Release.NextAt = noon }), Action{Kind: LookState, Step: StepGate}},

		// protection
		{"protection is read", facts(described), Action{Kind: LookListing, Step: StepProtection}},
		{"what lacks protection is protected", facts(described, listed, bare("t-1", "t-4")),
			Action{Kind: Protect, Step: StepProtection, Tasks: []autoscaler.TaskID{"t-1", "t-4"}, Code: autoscaler.CodeUnconfirmed}},
		{"a protection that ends soon lacks", facts(described, listed, func(f *Facts) { f.Listing[3].ProtectedUntil = noon.Add(29 * time.Minute) }),
			Action{Kind: Protect, Step: StepProtection, Tasks: []autoscaler.TaskID{"t-4"}, Code: autoscaler.CodeUnconfirmed}},
		{"a task without a record is protected too", facts(described, listed, bare("t-4"), func(f *Facts) { f.Activity = f.Activity[:3] }),
			Action{Kind: Protect, Step: StepProtection, Tasks: []autoscaler.TaskID{"t-4"}, Code: autoscaler.CodeUnconfirmed}},
		{"one that started between the reads", facts(described, listed, func(f *Facts) { f.Listing = f.Listing[:3] }),
			Action{Kind: Protect, Step: StepProtection, Tasks: []autoscaler.TaskID{"t-4"}, Code: autoscaler.CodeUnconfirmed}},
		{"another owner's task without protection holds", facts(described, listed, bare("t-4"), record("t-4", func(a *autoscaler.TaskActivity) { a.Foreign = true })),
			Action{Kind: Hold, Step: StepProtection, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeForeignRecord}}}},
		{"after protect and death: the listing tells", facts(described, listed), Action{Kind: Retire, Step: StepRetire, Tasks: both()}},
		{"unconfirmed after the second listing", facts(described, listed, bare("t-4"), tried(Protect, "t-4")),
			Action{Kind: Done, Step: StepProtection, Outcome: autoscaler.OutcomeAborted, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeUnconfirmed}}}},

		// retire
		{"retire what is ready", facts(described, listed, record("t-2", func(a *autoscaler.TaskActivity) { a.Acknowledged = false })),
			Action{Kind: Retire, Step: StepRetire, Tasks: []autoscaler.TaskID{"t-1"}}},
		{"unknown is not ready", facts(described, listed, record("t-2", func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Occupancy{} })),
			Action{Kind: Retire, Step: StepRetire, Tasks: []autoscaler.TaskID{"t-1"}}},
		{"pinned is not ready", facts(described, listed, func(f *Facts) {
			f.Control.Pins = []autoscaler.Pin{{Task: "t-1", Override: autoscaler.Override{Until: noon.Add(long)}}}
		}), Action{Kind: Retire, Step: StepRetire, Tasks: []autoscaler.TaskID{"t-2"}}},
		{"reopened has dropped out", facts(described, listed, record("t-1", func(a *autoscaler.TaskActivity) { a.State = autoscaler.TaskOpen })),
			Action{Kind: Retire, Step: StepRetire, Tasks: []autoscaler.TaskID{"t-2"}}},
		{"where nothing reports the store decides", facts(described, listed, record("t-1", func(a *autoscaler.TaskActivity) { a.Acknowledged, a.Processes = false, 0 })),
			Action{Kind: Retire, Step: StepRetire, Tasks: both()}},
		{"none could be retired", facts(described, listed, tried(Retire, both()...)),
			Action{Kind: Done, Step: StepRetire, Outcome: autoscaler.OutcomeAborted}},
		{"after retire and death of one: the other", facts(described, listed, retired(soon, "t-1")),
			Action{Kind: Retire, Step: StepRetire, Tasks: []autoscaler.TaskID{"t-2"}}},
		{"none is ready", facts(record("t-1", unready), record("t-2", unready)),
			Action{Kind: Done, Step: StepGate, Outcome: autoscaler.OutcomeAborted, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeNotReady}, {Code: autoscaler.CodeNotReady}}}},
		{"all were reopened", facts(record("t-1", opened), record("t-2", opened)),
			Action{Kind: Done, Step: StepGate, Outcome: autoscaler.OutcomeAborted, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeReopened}}}},

		// unprotect
		{"the task may clear its own", facts(described, listed, retired(soon, both()...)),
			Action{Kind: Wait, Step: StepUnprotect, Until: noon.Add(25 * time.Second)}},
		{"it has had its time", facts(described, listed, retired(40*time.Second, both()...)),
			Action{Kind: Unprotect, Step: StepUnprotect, Tasks: both()}},
		{"where nothing reports, at once", facts(described, listed, retired(0, "t-1"), record("t-1", func(a *autoscaler.TaskActivity) { a.Processes = 0 }), record("t-2", unready)),
			Action{Kind: Unprotect, Step: StepUnprotect, Tasks: []autoscaler.TaskID{"t-1"}}},
		{"unknown keeps its protection", facts(described, listed, retired(long, "t-1"), record("t-2", unready), record("t-1", func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Occupancy{} })),
			Action{Kind: Wait, Step: StepUnprotect, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeUnknownOccupancy}}}},
		{"long retired: the listing first", facts(retired(long, both()...)), Action{Kind: LookListing, Step: StepUnprotect}},
		{"after unprotect and death: the listing tells", facts(listed, retired(long, both()...), bare(both()...)), Action{Kind: Lower, Step: StepLower, Code: autoscaler.CodeScaledIn}},
		{"asked for and dropped: the write's own listing tells", facts(retired(long, both()...), tried(Unprotect, both()...)),
			Action{Kind: Lower, Step: StepLower, Code: autoscaler.CodeScaledIn}},

		// lower
		{"cleared by now, most likely", facts(retired(40*time.Second, both()...)), Action{Kind: Lower, Step: StepLower, Code: autoscaler.CodeScaledIn}},
		{"one cleared, the other has time", facts(listed, retired(soon, both()...), bare("t-1")),
			Action{Kind: Wait, Step: StepUnprotect, Until: noon.Add(25 * time.Second)}},
		{"one cleared and overdue, the other young", facts(listed, retired(40*time.Second, "t-1"), retired(soon, "t-2"), bare("t-1")),
			Action{Kind: Lower, Step: StepLower, Code: autoscaler.CodeScaledIn}},
		{"a lowering that was held", facts(described, listed, retired(long, both()...), bare(both()...), func(f *Facts) {
			f.Lowered = &Lowering{Held: []autoscaler.Reason{{Code: autoscaler.CodeFloor}}}
		}), Action{Kind: Hold, Step: StepLower, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeFloor}}}},
		{"a task lost its protection", facts(described, listed, retired(long, both()...), bare("t-1", "t-2", "t-3")),
			Action{Kind: Protect, Step: StepProtection, Tasks: []autoscaler.TaskID{"t-3"}, Code: autoscaler.CodeUnconfirmed}},
		{"a pause holds it", facts(described, listed, retired(long, both()...), bare(both()...), func(f *Facts) { f.Control.PauseIn.Until = noon.Add(time.Hour) }),
			Action{Kind: Hold, Step: StepUnprotect, Reasons: []autoscaler.Reason{{Code: autoscaler.CodePaused}}}},
		{"after the write and death: nothing is owed", facts(described, lowered, listed, retired(long, both()...), bare(both()...), stopping("DEACTIVATING", both()...)),
			Action{Kind: Wait, Step: StepWatch, Until: noon.Add(time.Minute)}},

		// watch
		{"the watch needs the service", facts(watching, retired(long, both()...)), Action{Kind: LookState, Step: StepWatch}},
		{"one that is not listed is asked for", facts(described, lowered, retired(long, both()...), stopping("DEACTIVATING", "t-1"), func(f *Facts) {
			f.State.Tasks = slices.DeleteFunc(f.State.Tasks, func(s autoscaler.TaskStatus) bool { return s.ID == "t-2" })
		}), Action{Kind: LookTasks, Step: StepWatch, Tasks: []autoscaler.TaskID{"t-2"}}},
		{"the next look waits for the delay", facts(described, lowered, retired(long, both()...), stopping("DEACTIVATING", both()...), func(f *Facts) {
			f.Release.Ending = []autoscaler.Ending{{Task: "t-1", Since: noon}, {Task: "t-2", Since: noon}}
		}), Action{Kind: Wait, Step: StepWatch, Until: noon.Add(150 * time.Second)}}, // 3 min before + 5 min + 30 s
		{"not chosen in time: first its protection", facts(described, lowered, retired(long, both()...), stopping("DEACTIVATING", "t-1")),
			Action{Kind: LookListing, Step: StepUnprotect}},
		{"not chosen in time", facts(described, lowered, listed, retired(long, both()...), stopping("DEACTIVATING", "t-1"), bare("t-2"), func(f *Facts) { f.State.Desired = 2 }),
			Action{Kind: Stop, Step: StepWatch, Tasks: []autoscaler.TaskID{"t-2"}}},
		{"demand came back", facts(described, listed, watching, retired(long, both()...), bare(both()...), func(f *Facts) { f.Checkpoint.WantOpen = 4 }),
			Action{Kind: Stop, Step: StepWatch, Tasks: both()}},
		{"unknown is not stopped", facts(described, listed, watching, retired(long, both()...), bare(both()...), func(f *Facts) { f.Checkpoint.WantOpen = 4 },
			record("t-1", func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Occupancy{} })),
			Action{Kind: Stop, Step: StepWatch, Tasks: []autoscaler.TaskID{"t-2"}}},
		{"after StopTask and death", facts(described, lowered, listed, retired(long, both()...), stopping("STOPPING", both()...)),
			Action{Kind: Wait, Step: StepWatch, Until: noon.Add(time.Minute)}},
		{"over the bound", facts(described, lowered, retired(long, both()...), stopping("STOPPING", both()...), func(f *Facts) {
			f.Release.Ending = []autoscaler.Ending{{Task: "t-1", Since: noon.Add(-9 * time.Minute)}, {Task: "t-2", Since: noon}}
		}), Action{Kind: Done, Step: StepWatch, Outcome: autoscaler.OutcomeStuck, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeStuck}}}},

		// close
		{"stopped", facts(described, lowered, retired(long, both()...), stopping("STOPPED", both()...)), Action{Kind: Forget, Step: StepClose, Tasks: both()}},
		{"missing once", facts(described, lowered, retired(long, "t-1"), gone("t-1"), noBatch),
			Action{Kind: Wait, Step: StepWatch, Until: noon.Add(time.Minute)}},
		{"missing for ten minutes", facts(described, lowered, retired(long, "t-1"), gone("t-1"), noBatch, func(f *Facts) {
			f.Release.Ending = []autoscaler.Ending{{Task: "t-1", Since: noon.Add(-10 * time.Minute), Missing: true}}
		}), Action{Kind: Forget, Step: StepClose, Tasks: []autoscaler.TaskID{"t-1"}}},
		{"all closed", facts(func(f *Facts) { f.Activity = f.Activity[2:] }), Action{Kind: Done, Step: StepClose, Outcome: autoscaler.OutcomeReleased}},
		{"one closed, the other vetoed", facts(described, listed, tried(Retire, "t-2"), func(f *Facts) { f.Activity = f.Activity[1:] }),
			Action{Kind: Done, Step: StepClose, Outcome: autoscaler.OutcomeReleased}},

		// a retired task that was told of a session
		{"told: protection is read", facts(described, retired(soon, "t-1"), record("t-1", told), func(f *Facts) { f.Release.NextAt = noon.Add(long) }),
			Action{Kind: LookListing, Step: StepProtection}},
		{"told: protected again, due or not", facts(listed, retired(soon, "t-1"), record("t-1", told), bare("t-1"), func(f *Facts) { f.Release.NextAt = noon.Add(long) }),
			Action{Kind: Protect, Step: StepProtection, Tasks: []autoscaler.TaskID{"t-1"}, Code: autoscaler.CodeBusyRetired}},
		{"told: said for as long as it lasts", facts(described, listed, noBatch, retired(long, "t-1"), record("t-1", told)),
			Action{Kind: Wait, Step: StepWatch, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeBusyRetired, Severity: autoscaler.Alert}}}},

		// balancer first
		{"the balancer needs the service", facts(func(f *Facts) { f.Options.LoadBalancerFirst = true }), Action{Kind: LookState, Step: StepBalancer}},
		{"out of the balancer first", facts(described, func(f *Facts) { f.Options.LoadBalancerFirst = true }), Action{Kind: SteerOut, Step: StepBalancer, Tasks: both()}},
		{"after the intent and death: the delay from the intent", facts(described, steeredOut(time.Minute, 1, both()...)),
			Action{Kind: Wait, Step: StepBalancer, Until: noon.Add(4 * time.Minute)}},
		{"the delay is over", facts(described, steeredOut(5*time.Minute, 1, both()...)), Action{Kind: LookTasks, Step: StepBalancer, Tasks: both()}},
		{"closed", facts(described, steeredOut(5*time.Minute, 1, both()...), targets("unused", both()...)), Action{Kind: LookListing, Step: StepProtection}},
		{"draining will do", facts(described, listed, steeredOut(5*time.Minute, 1, both()...), targets("draining", both()...)),
			Action{Kind: Retire, Step: StepRetire, Tasks: both()}},
		{"registered again", facts(described, steeredOut(5*time.Minute, 2, both()...), targets("initial", both()...)),
			Action{Kind: SteerOut, Step: StepBalancer, Tasks: both()}},
		{"registered again the third time", facts(described, steeredOut(5*time.Minute, 3, both()...), targets("healthy", both()...)),
			Action{Kind: Reopen, Step: StepBalancer, Tasks: both(), Code: autoscaler.CodeTargetReturned}},
		{"a session on a deregistered task", facts(steeredOut(soon, 1, both()...), record("t-2", told)),
			Action{Kind: Reopen, Step: StepBalancer, Tasks: []autoscaler.TaskID{"t-2"}, Code: autoscaler.CodeBusy}},
		{"unknown on a deregistered task", facts(steeredOut(soon, 1, both()...), record("t-2", func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Occupancy{} })),
			Action{Kind: Reopen, Step: StepBalancer, Tasks: []autoscaler.TaskID{"t-2"}, Code: autoscaler.CodeBusy}},
		{"after reopen and death: registered again", facts(steeredOut(soon, 1, both()...), record("t-2", opened)),
			Action{Kind: SteerIn, Step: StepBalancer, Tasks: []autoscaler.TaskID{"t-2"}}},
		{"it could not be put back", facts(steeredOut(soon, 1, "t-1"), noBatch, record("t-1", opened), tried(SteerIn, "t-1"), func(f *Facts) { f.Release.NextAt = noon.Add(long) }),
			Action{Kind: Hold, Step: StepBalancer}},
		{"a new drain takes it out anew", facts(described, steeredOut(5*time.Minute, 3, "t-1"), noBatch, record("t-1", func(a *autoscaler.TaskActivity) { a.Drain.Since = noon.Add(-time.Minute) })),
			Action{Kind: SteerOut, Step: StepBalancer, Tasks: []autoscaler.TaskID{"t-1"}}},
		{"aborted: put back first", facts(described, listed, steeredOut(5*time.Minute, 1, both()...), targets("unused", both()...), tried(Retire, both()...)),
			Action{Kind: SteerIn, Step: StepRetire, Tasks: both()}},
		{"waiting for the balancer while others stop", facts(described, lowered, steeredOut(time.Minute, 1, "t-2"), retired(long, "t-1"), stopping("STOPPING", "t-1")),
			Action{Kind: Wait, Step: StepWatch, Until: noon.Add(time.Minute)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := clone(row.in)
			got := Next(row.in)
			if diff := cmp.Diff(row.want, got, bySense()); diff != "" {
				t.Errorf("next action (-want +got):\n%s", diff)
			}
			if again := Next(row.in); !reflect.DeepEqual(got, again) {
				t.Errorf("asked again it says %+v, before %+v", again, got)
			}
			if !reflect.DeepEqual(before, row.in) {
				t.Error("Next changed the facts it was given")
			}
		})
	}
}

// bySense compares reasons by their codes.
func bySense() cmp.Option {
	return cmp.Options{
		cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b autoscaler.Reason) bool { return a.Code == b.Code }),
	}
}

func unready(a *autoscaler.TaskActivity) { a.Acknowledged = false }
func opened(a *autoscaler.TaskActivity)  { a.State = autoscaler.TaskOpen }
func told(a *autoscaler.TaskActivity)    { a.Occupancy = autoscaler.Sessions(1) }

// noBatch leaves t-2 open and t-1 alone in the release.
func noBatch(f *Facts) {
	f.record("t-2").State, f.Release.Tasks = autoscaler.TaskOpen, []autoscaler.TaskID{"t-1"}
}

// gone has ECS not know a task.
func gone(id autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		f.State.Tasks = slices.DeleteFunc(f.State.Tasks, func(s autoscaler.TaskStatus) bool { return s.ID == id })
		f.Looked = []autoscaler.TaskStatus{{ID: id, Missing: true}}
	}
}

// clone copies what a rule could change by mistake.
func clone(f Facts) Facts {
	f.Activity, f.Listing, f.Looked = slices.Clone(f.Activity), slices.Clone(f.Listing), slices.Clone(f.Looked)
	release := f.Checkpoint
	release.Release = &f.Release
	f.Release = *release.Clone().Release
	f.Checkpoint = f.Checkpoint.Clone()
	if f.State != nil {
		state := *f.State
		state.Tasks = slices.Clone(state.Tasks)
		f.State = &state
	}
	return f
}

// TestPlan holds the plan to what makes it one: every way leads to a step or to
// an end, every step can be reached and left, and every end is there.
func TestPlan(t *testing.T) {
	plan := ReleasePlan()
	reached := map[Step]bool{plan[0].Step: true, StepGate: true} // the two beginnings
	ends := map[autoscaler.Outcome]bool{}
	for _, s := range plan {
		leaves := false
		for _, e := range s.Exits {
			known := slices.ContainsFunc(plan, func(other PlanStep) bool { return other.Step == e.To })
			if known == (e.Ends != "") || e.On == "" {
				t.Errorf("step %s has an exit that leads nowhere or twice: %+v", s.Step, e)
			}
			leaves = leaves || e.To != s.Step
			if e.To != s.Step {
				reached[e.To] = true
			}
			ends[e.Ends] = true
		}
		if !leaves || s.Does == "" || !understood(autoscaler.Release{Version: 1, Phase: s.Phase}) {
			t.Errorf("step %+v", s)
		}
	}
	for _, s := range plan {
		if !reached[s.Step] {
			t.Errorf("no way leads to step %s", s.Step)
		}
	}
	for _, outcome := range []autoscaler.Outcome{autoscaler.OutcomeReleased, autoscaler.OutcomeAborted, autoscaler.OutcomeStuck} {
		if !ends[outcome] {
			t.Errorf("no step ends %s", outcome)
		}
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plan {
		if line := fmt.Sprintf("//\t%-10s  %s\n", s.Step, s.Does); !strings.Contains(string(doc), line) {
			t.Errorf("the package documentation lacks %q", line)
		}
	}
	if text := plan.String(); strings.Count(text, "→") < 20 || !strings.Contains(text, "ends stuck") {
		t.Errorf("the plan prints as\n%s", text)
	}
	if plan[0].Exits[0].On = "changed"; ReleasePlan()[0].Exits[0].On == "changed" {
		t.Error("two plans share their exits")
	}
}
