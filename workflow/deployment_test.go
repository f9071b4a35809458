package workflow

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// rolled has a new revision take the place of that of the tasks named.
func rolled(old ...autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		f.State.Deployments = []autoscaler.Deployment{
			{ID: "ecs-svc/2", Primary: true, Rollout: "IN_PROGRESS"}, {ID: "ecs-svc/1", Rollout: "IN_PROGRESS"},
		}
		for i := range f.State.Tasks {
			f.State.Tasks[i].Deployment = "ecs-svc/2"
		}
		for _, id := range old {
			find(f.State.Tasks, id).Deployment = "ecs-svc/1"
		}
	}
}

func sick(id autoscaler.TaskID) func(*Facts) {
	return func(f *Facts) {
		find(f.State.Tasks, id).Health = "UNHEALTHY"
		f.State.Pending, f.State.Running = 1, 3
	}
}

// eventsAlone puts the batch at level C, its targets closed.
func eventsAlone(f *Facts) {
	f.Options.Events = true
	steeredOut(5*time.Minute, 1, both()...)(f)
	targets("unused", both()...)(f)
	for _, id := range both() {
		a := f.record(id)
		a.Level, a.Processes = autoscaler.LevelC, 0
	}
}

func failed(n int) func(*Facts) { return func(f *Facts) { f.Failed = &n } }

func barriers(ago time.Duration, drain autoscaler.DrainID) func(*Facts) {
	return func(f *Facts) {
		for _, id := range both() {
			f.record(id).Acknowledged = false
			f.Release.Marked = append(f.Release.Marked, autoscaler.Marked{Task: id, Drain: drain, At: noon.Add(-ago)})
		}
	}
}

func hold(step Step, codes ...autoscaler.Code) Action {
	a := Action{Kind: Hold, Step: step}
	for _, code := range codes {
		a.Reasons = append(a.Reasons, autoscaler.Reason{Code: code})
	}
	return a
}

// TestNextInADeployment goes through what a deployment, a sick task, and events that
// are all there is to go by change in a release.
func TestNextInADeployment(t *testing.T) {
	one := []autoscaler.TaskID{"t-1"}
	for _, row := range []struct {
		name string
		in   Facts
		want Action
	}{
		// what ECS replaces anyway
		{"old tasks pass a gate that a deployment holds", facts(described, rolled(both()...)),
			Action{Kind: Retire, Step: StepRetire, Tasks: both()}},
		{"tasks of the new revision do not", facts(described, rolled("t-3")), hold(StepGate, autoscaler.CodeDeployment)},
		{"a sick task passes, the others do not", facts(described, listed, sick("t-1")), Action{Kind: Retire, Step: StepRetire, Tasks: one}},
		{"a pause holds old tasks too", facts(described, rolled(both()...), func(f *Facts) { f.Control.PauseIn.Until = noon.Add(time.Hour) }),
			hold(StepGate, autoscaler.CodePaused)},
		{"the brake holds old tasks too", facts(described, rolled(both()...), func(f *Facts) { f.Checkpoint.Brake.Since = noon }),
			hold(StepGate, autoscaler.CodeBrake)},
		{"a wrong victim holds old tasks too", facts(described, rolled(both()...), stopping("DEACTIVATING", "t-3")),
			hold(StepGate, autoscaler.CodeWrongVictim)},

		// the balancer in a deployment
		{"old targets are taken out", facts(described, rolled(both()...), steeredOut(0, 0)), Action{Kind: SteerOut, Step: StepBalancer, Tasks: both()}},
		{"targets that the deployment waits for stay", facts(described, rolled("t-3"), steeredOut(0, 0)),
			Action{Kind: Done, Step: StepGate, Outcome: autoscaler.OutcomeAborted, Reasons: []autoscaler.Reason{{Code: autoscaler.CodeDeployment}, {Code: autoscaler.CodeDeployment}}}},
		{"those that are out are put back", facts(described, rolled("t-3"), steeredOut(time.Minute, 1, both()...)),
			Action{Kind: SteerIn, Step: StepBalancer, Tasks: both()}},
		{"the old stay out", facts(described, rolled(both()...), steeredOut(time.Minute, 1, both()...)),
			Action{Kind: Wait, Step: StepBalancer, Until: noon.Add(4 * time.Minute)}},
		{"one was refused, and another's target is out", facts(described, listed, steeredOut(5*time.Minute, 1, "t-1"), steeredOut(time.Minute, 1, "t-2"),
			targets("unused", "t-1"), tried(Retire, "t-1")), Action{Kind: Wait, Step: StepRetire, Until: noon.Add(time.Minute)}},

		// events alone
		{"the first barrier", facts(described, eventsAlone, record("t-1", unready), record("t-2", unready)),
			Action{Kind: Mark, Step: StepBarrier, Tasks: both()}},
		{"it is on its way", facts(described, eventsAlone, barriers(59*time.Second, "d")),
			Action{Kind: Wait, Step: StepBarrier, Until: noon.Add(time.Minute), Reasons: []autoscaler.Reason{{Code: autoscaler.CodeBarrier}, {Code: autoscaler.CodeBarrier}}}},
		{"it does not come", facts(described, eventsAlone, barriers(time.Minute, "d")), Action{Kind: Mark, Step: StepBarrier, Tasks: both()}},
		{"the drain before had one", facts(described, eventsAlone, barriers(time.Second, "before")), Action{Kind: Mark, Step: StepBarrier, Tasks: both()}},
		{"it came: what failed is counted", facts(described, eventsAlone), Action{Kind: LookEvents, Step: StepGate}},
		{"an event failed", facts(described, listed, eventsAlone, failed(1)), hold(StepGate, autoscaler.CodeDeadLetters, autoscaler.CodeDeadLetters)},
		{"none failed", facts(described, listed, eventsAlone, failed(0)), Action{Kind: Retire, Step: StepRetire, Tasks: both()}},

		// a clock that is off
		{"a clock that is off retires nothing", facts(described, listed, clockOff), hold(StepGate, autoscaler.CodeClock)},
		{"and stops nothing", facts(described, lowered, listed, retired(time.Hour, both()...), bare(both()...), clockOff), hold(StepWatch, autoscaler.CodeClock)},
		{"what is busy is protected all the same", facts(listed, retired(time.Minute, "t-1"), record("t-1", told), bare("t-1"), clockOff),
			Action{Kind: Protect, Step: StepProtection, Tasks: one, Code: autoscaler.CodeBusyRetired}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, Next(row.in), bySense()); diff != "" {
				t.Errorf("next action (-want +got):\n%s", diff)
			}
		})
	}
}

func clockOff(f *Facts) { f.ClockOff = true }
