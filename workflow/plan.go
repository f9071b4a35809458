package workflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Step is one step of a release. Its text is what the journal shows.
type Step string

// The steps, in order.
const (
	StepBalancer   Step = "balancer"
	StepBarrier    Step = "barrier"
	StepGate       Step = "gate"
	StepProtection Step = "protection"
	StepRetire     Step = "retire"
	StepUnprotect  Step = "unprotect"
	StepLower      Step = "lower"
	StepWatch      Step = "watch"
	StepClose      Step = "close"
)

// PlanStep is one step of the plan: what it does, and the ways out of it.
type PlanStep struct {
	Step  Step
	Phase autoscaler.Phase // what a release that stands here shows
	Does  string
	Exits []Exit
}

// Exit is one way out of a step: the step that follows, or, where Ends is set,
// the end of the release. An exit to the step itself is a wait for the next
// advance.
type Exit struct {
	On   string
	To   Step
	Ends autoscaler.Outcome
}

// Plan is the list of steps, first one first. It is data: the machine takes no
// way that is not in it, and a generated state machine is routed by it.
type Plan []PlanStep

// ReleasePlan returns the plan of a release. Each call returns a copy of its own.
func ReleasePlan() Plan {
	return Plan{
		{StepBalancer, autoscaler.PhaseBalancer, "takes the tasks out of their target groups and waits for the delay", besideRetired(
			Exit{On: "targets closed", To: StepGate},
			Exit{On: "targets closed, level C", To: StepBarrier},
			Exit{On: "targets closed, gate open", To: StepProtection},
			Exit{On: "targets closed, old revision", To: StepRetire},
			Exit{On: "waiting, or registered again", To: StepBalancer},
			Exit{On: "no task left", Ends: autoscaler.OutcomeAborted},
		)},
		{StepBarrier, autoscaler.PhaseBalancer, "at level C: sends a barrier behind the task's events, and waits until it has settled", besideRetired(
			Exit{On: "settled", To: StepGate},
			Exit{On: "settled, gate open", To: StepProtection},
			Exit{On: "settled, old revision", To: StepRetire},
			Exit{On: "waiting", To: StepBarrier},
			Exit{On: "registered again", To: StepBalancer},
			Exit{On: "no task left", Ends: autoscaler.OutcomeAborted},
		)},
		{StepGate, autoscaler.PhaseRelease, "judges the service on fresh reads", besideRetired(
			Exit{On: "open", To: StepProtection},
			Exit{On: "open, protection read before", To: StepRetire},
			Exit{On: "open, a task at level C registered again", To: StepBalancer},
			Exit{On: "open, a task at level C to be marked", To: StepBarrier},
			Exit{On: "held", To: StepGate},
			Exit{On: "no task left, or none ready", Ends: autoscaler.OutcomeAborted},
		)},
		{StepProtection, autoscaler.PhaseRelease, "protects every task that is not retired, and reads it back", besideRetired(
			Exit{On: "confirmed", To: StepRetire},
			Exit{On: "held", To: StepProtection},
			Exit{On: "a retired task was protected again", To: StepGate},
			Exit{On: "unconfirmed", Ends: autoscaler.OutcomeAborted},
		)},
		{StepRetire, autoscaler.PhaseRelease, "sets each record's final mark, after the host's veto", besideRetired(
			Exit{On: "none retired", Ends: autoscaler.OutcomeAborted},
		)},
		{StepUnprotect, autoscaler.PhaseRelease, "waits for the task to clear its protection, then removes it", []Exit{
			{On: "cleared", To: StepLower},
			{On: "not cleared yet", To: StepUnprotect},
			{On: "none wanted any more", To: StepWatch},
			{On: "stopped meanwhile", To: StepClose},
		}},
		{StepLower, autoscaler.PhaseRelease, "lists again and writes the desired count", []Exit{
			{On: "written", To: StepWatch},
			{On: "held", To: StepLower},
			{On: "a task lost its protection", To: StepProtection},
			{On: "still protected", To: StepUnprotect},
			{On: "stopped meanwhile", To: StepClose},
		}},
		{StepWatch, autoscaler.PhaseWatch, "waits for ECS to stop the retired; stops one that was not chosen", []Exit{
			{On: "stopped", To: StepClose},
			{On: "not yet", To: StepWatch},
			{On: "protected again", To: StepUnprotect},
			{On: "a lower count is owed", To: StepLower},
			{On: "over the bound", Ends: autoscaler.OutcomeStuck},
		}},
		{StepClose, autoscaler.PhaseWatch, "leaves a gravestone for each task that stopped", []Exit{
			{On: "some left", To: StepWatch},
			{On: "some left, protected", To: StepUnprotect},
			{On: "some left, count owed", To: StepLower},
			{On: "the others' targets are not closed", To: StepBalancer},
			{On: "the others' barriers have not settled", To: StepBarrier},
			{On: "the others are held", To: StepGate},
			{On: "the others are held for a protection", To: StepProtection},
			{On: "the others could not be retired", To: StepRetire},
			{On: "all closed", Ends: autoscaler.OutcomeReleased},
		}},
	}
}

// besideRetired adds to a step's own exits those of the tasks that were retired
// before, by this call or by a process that died: they go on from where their
// records say, whatever holds the step back.
func besideRetired(own ...Exit) []Exit {
	return append(own,
		Exit{On: "retired, protected", To: StepUnprotect},
		Exit{On: "retired, count owed", To: StepLower},
		Exit{On: "retired, count right", To: StepWatch},
		Exit{On: "retired, stopped", To: StepClose},
	)
}

// phase returns the phase of a step.
func phase(step Step) autoscaler.Phase {
	for _, s := range ReleasePlan() {
		if s.Step == step {
			return s.Phase
		}
	}
	return autoscaler.PhaseRelease
}

// String returns the plan as a table, one line per exit.
func (p Plan) String() string {
	var b strings.Builder
	for _, s := range p {
		fmt.Fprintf(&b, "%-10s  %s\n", s.Step, s.Does)
		for _, e := range s.Exits {
			fmt.Fprintf(&b, "    %-30s  → %s\n", e.On, e.target())
		}
	}
	return b.String()
}

func (e Exit) target() string {
	if e.Ends != "" {
		return "ends " + string(e.Ends)
	}
	return string(e.To)
}

// Allows reports that the plan has a way from one step to the other.
func (p Plan) Allows(from, to Step) bool {
	i := slices.IndexFunc(p, func(s PlanStep) bool { return s.Step == from })
	return i >= 0 && (from == to || slices.ContainsFunc(p[i].Exits, func(e Exit) bool { return e.To == to }))
}
