package sessionstore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// gone says, from the journal, why a task without a record is gone. The text follows
// the task's name.
func (x *explaining) gone() string {
	end := x.last(func(e *autoscaler.Entry) bool {
		return e.Outcome == string(autoscaler.CodeReleased) || done(e, autoscaler.CodeForgotten)
	})
	switch {
	case end != nil && end.Step == string(autoscaler.CodeForgotten):
		return fmt.Sprintf(" is gone: %s (its record was closed at %s)", lost(end.Outcome), instantText(end.At))
	case end != nil:
		return " is gone: " + x.released(end)
	case len(x.history) > 0:
		return " has no record any more, and the journal does not say why; its last entry is: " + entryText(&x.history[len(x.history)-1])
	case x.from.Why != nil && !x.stopped && len(x.e.Reasons) > 0 && x.e.Reasons[0].Code != autoscaler.CodeCallFailed:
		return " runs without a record, which the next pass makes; until then it counts as busy"
	case x.from.Journal == nil:
		return " is not known: it has no record, and no journal was asked"
	}
	return fmt.Sprintf(" is not known: it has no record, and the journal has told nothing of it for %d days", int(autoscaler.JournalLife.Hours()/24))
}

// released tells of a task that went by a release.
func (x *explaining) released(end *autoscaler.Entry) string {
	of := func(e *autoscaler.Entry) bool { return e.Drain == end.Drain && e.Drain != "" }
	by := "a pass"
	if asked := x.last(func(e *autoscaler.Entry) bool { return of(e) && done(e, autoscaler.CodeCordoned) && e.By != byPass }); asked != nil {
		by = asked.By
	}
	text := fmt.Sprintf("release %s let it go, and it had stopped by %s", end.Release, instantText(end.At))
	if end.Drain != "" {
		text += fmt.Sprintf(", after drain %s, for which %s had asked", end.Drain, by)
	}
	if x.last(func(e *autoscaler.Entry) bool { return of(e) && done(e, autoscaler.CodeForced) }) != nil {
		text += ", its last sessions ended by force"
	}
	if x.last(func(e *autoscaler.Entry) bool {
		return e.Release == end.Release && strings.Contains(e.Outcome, "stop sent")
	}) != nil {
		text += "; ECS had not chosen it, so it was stopped by its name"
	}
	return text
}

// lost says in plain words what a pass wrote of a task that ended without a release:
// "missing", or "stopped: CODE", a remark in parentheses, and the sessions lost.
func lost(outcome string) string {
	cause, went, _ := strings.Cut(outcome, "; ")
	code, remark, _ := strings.Cut(strings.TrimPrefix(cause, "stopped: "), " (")
	text := stoppedBy(code, remark)
	if strings.HasPrefix(remark, "never opened") {
		text += ", before it had ever opened"
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(went, " sessions lost")); err == nil {
		text += ", and lost " + counted(n)
	}
	return text
}

// stoppedBy translates a stop code of ECS.
func stoppedBy(code, remark string) string {
	switch code {
	case "missing":
		return "ECS no longer knows it"
	case "SpotInterruption":
		return "AWS reclaimed its Spot capacity"
	case "TerminationNotice":
		return "AWS ended it, or its host, on its own"
	case "InfrastructureHealth":
		return "AWS found its host unhealthy"
	case "EssentialContainerExited":
		return "it crashed or ended by itself: an essential container exited"
	case "TaskFailedToStart":
		return "it failed to start"
	case "UserInitiated":
		return "somebody stopped it"
	case "ServiceSchedulerInitiated":
		return scheduled(remark)
	case "":
		return "ECS says that it has stopped, and not why"
	}
	return "it was stopped, by " + code
}

// scheduled says why ECS itself stopped a task that nobody had retired.
func scheduled(remark string) string {
	for _, c := range []struct{ remark, says string }{
		{"unhealthy", "ECS replaced it as unhealthy"},
		{"old revision", "ECS replaced it in a deployment"},
		{"exposed", "ECS chose it to scale in or deploy, and had refused before to protect it"},
		{"wrong victim", "ECS chose it to scale in though it was not retired, a wrong victim: its protection did not hold, or somebody took it away"},
	} {
		if strings.HasPrefix(remark, c.remark) {
			return c.says
		}
	}
	return "ECS chose it"
}
