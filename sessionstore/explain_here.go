package sessionstore

import (
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// task says why the task is still here, or that it is gone and why.
func (x *explaining) task() string {
	name := "task " + string(x.e.Task)
	a := x.e.Record
	if a == nil {
		return name + x.gone()
	}
	text := name + x.stands(a)
	switch {
	case x.stopped && a.State != autoscaler.TaskRetired:
		text += "; ECS does not run it any more, and a pass will close its record and say why"
	case x.stopped:
		text += "; ECS does not run it any more, and its release will close its record"
	}
	return text
}

// stands says what a record that is there says of its task.
func (x *explaining) stands(a *autoscaler.TaskActivity) string {
	if a.Foreign {
		return " belongs to another owner, and nothing here touches it"
	}
	switch a.State {
	case autoscaler.TaskNew:
		return x.new(a)
	case autoscaler.TaskOpen:
		return x.open(a)
	case autoscaler.TaskCordoned:
		return x.cordoned(a)
	case autoscaler.TaskRetired:
		return x.retired(a)
	case autoscaler.TaskStopping, autoscaler.TaskGone:
	}
	return fmt.Sprintf(" is in state %q, which this version does not know, and is left alone", a.State)
}

func (x *explaining) new(a *autoscaler.TaskActivity) string {
	text := " is still here: it has not opened yet"
	switch n, known := a.Occupancy.Sessions(); {
	case a.Exposed():
		text += ", since ECS refuses to protect it, and opens without protection in a moment"
	case known && n > 0:
		text += ", and holds " + counted(n) + " that it was told of"
	case !known:
		text += ", and nobody can tell what it holds: " + x.unknown(a)
	}
	return text
}

func (x *explaining) open(a *autoscaler.TaskActivity) string {
	switch n, known := a.Occupancy.Sessions(); {
	case !known:
		return " is still here: it is open, and counts as busy, since nobody can tell what it holds: " + x.unknown(a)
	case n > 0 && a.Reserved > 0:
		return fmt.Sprintf(" is still here: it is open and holds %s, %d of them reserved", counted(n), a.Reserved)
	case n > 0:
		return " is still here: it is open and holds " + counted(n)
	}
	text := " is still here: it is open, has held nothing since " + instantText(a.IdleSince) + ", and nothing has closed it"
	if len(x.e.Reasons) > 0 {
		text += ": " + x.e.Reasons[0].String()
	}
	return text
}

// unknown says, as far as a record shows it, why nobody can tell what its task holds.
func (x *explaining) unknown(a *autoscaler.TaskActivity) string {
	silent := x.q.At.Sub(a.LastReport)
	switch {
	case a.Processes == 0 && a.Adopted:
		return "its record was made when it was running already, nothing reports for it, and nobody has said that all its sessions were told of"
	case a.Processes == 0:
		return "it was told of more sessions than its record holds"
	case a.LastReport.IsZero():
		return fmt.Sprintf("none of the processes that should report, %d, has done so yet", a.Processes)
	case silent >= Rules{}.WithDefaults().SilentAfter:
		return "no process has reported since " + instantText(a.LastReport)
	}
	return fmt.Sprintf("not each of the %d processes that should report has done so in time and by a good clock, the newest at %s", a.Processes, instantText(a.LastReport))
}

func (x *explaining) cordoned(a *autoscaler.TaskActivity) string {
	by := "a pass"
	if a.Drain.By != "" {
		by = a.Drain.By
	}
	text := fmt.Sprintf(" is still here: %s drains it since %s (drain %s), and it waits for %s", by, instantText(a.Drain.Since), a.Drain.ID, x.awaited(a))
	switch {
	case !a.Drain.Forced.IsZero():
		text += "; the sessions it held were ended by force at " + instantText(a.Drain.Forced)
	case !a.Drain.Ending.IsZero():
		text += "; the deadline for its sessions is announced for " + instantText(a.Drain.Ending)
	}
	if a.Drain.Lapsed(x.q.At) {
		text += "; the drain's lease has run out, and the next session or report opens the task again"
	}
	return text
}

// awaited says what a drain waits for.
func (x *explaining) awaited(a *autoscaler.TaskActivity) string {
	n, known := a.Occupancy.Sessions()
	eventsOnly := a.Level != autoscaler.LevelA && a.Level != autoscaler.LevelB
	switch {
	case !known:
		return "word of what it holds: " + x.unknown(a)
	case n > 0:
		return counted(n) + " to end"
	case a.Acknowledged:
		return "its release: it is empty, and nothing can enter it any more"
	case eventsOnly && !a.Bounded:
		return "the host to say how late its events may be (Rules.LagBound): at level C nothing is retired before"
	case eventsOnly && a.Barrier.IsZero():
		return "its barrier to come out of the queue of its events"
	case eventsOnly:
		return "what is late to settle after its barrier, which came at " + instantText(a.Barrier)
	case a.Processes == 0:
		return "its cordon to settle, since nothing reports that could acknowledge it"
	}
	return "an acknowledgement by each of its processes"
}

func (x *explaining) retired(a *autoscaler.TaskActivity) string {
	text := fmt.Sprintf(" is retired: drain %s closed it for good at %s, and it waits for ECS to stop it", a.Drain.ID, instantText(a.RetiredAt))
	release := x.last(func(e *autoscaler.Entry) bool { return e.Release != "" })
	if release != nil {
		text += fmt.Sprintf(" (release %s)", release.Release)
	}
	switch n, known := a.Occupancy.Sessions(); {
	case known && n > 0:
		text += "; it was told of " + counted(n) + " since, and stays protected until they have ended"
	case !known:
		text += "; it is left alone while nobody can tell what it holds: " + x.unknown(a)
	}
	return text
}

// session says what became of the session, or where it is.
func (x *explaining) session() string {
	f := x.e.Session
	name, task, since := "session "+string(f.Session), "task "+string(f.Ref.Task), instantText(f.Since)
	switch f.State {
	case SessionReserved:
		return fmt.Sprintf("%s has not begun: its slot on %s is held until %s", name, task, since)
	case SessionDisconnected:
		return fmt.Sprintf("%s is disconnected and holds its slot on %s until %s", name, task, since) + x.under()
	case SessionLive:
		text := fmt.Sprintf("%s lives on %s, since %s", name, task, since)
		if a := x.e.Record; a != nil && a.Processes > 0 && !f.Listed {
			text += ", though no process lists it in its newest report"
		}
		return text + x.under()
	case SessionEnded:
		return fmt.Sprintf("%s, on %s, %s", name, task, x.ended(f.Cause, since))
	}
	return fmt.Sprintf("%s is in state %q on %s, which this version does not know", name, f.State, task)
}

// under says what the drain of a session's task means for it.
func (x *explaining) under() string {
	a := x.e.Record
	switch {
	case a == nil || a.State != autoscaler.TaskCordoned:
		return ""
	case !a.Drain.Ending.IsZero() && a.Drain.Forced.IsZero():
		return "; its task is drained, and it is to end at " + instantText(a.Drain.Ending)
	}
	return "; its task is drained, and waits for it"
}

// ended says by what the session ended.
func (x *explaining) ended(cause EndCause, since string) string {
	switch cause {
	case CauseEnd:
		return "ended at " + since + ": somebody told its end"
	case CauseTime:
		return "ended at " + since + " by time alone: its lease, its reservation or its limit ran out, and nobody told its end"
	case CauseForced:
		text := "was ended by force at " + since + ": the deadline of its task's drain had passed"
		notice := x.last(func(e *autoscaler.Entry) bool { return done(e, autoscaler.CodeNotified) && e.By != byPass })
		if notice != nil {
			text += fmt.Sprintf(", which %s had set at %s", notice.By, instantText(notice.At))
		}
		return text
	case CauseTask:
		return "was lost at " + since + " with its task, which" + x.gone()
	}
	return fmt.Sprintf("ended at %s by %q, which this version does not know", since, cause)
}

// byPass is whom the entries of a pass name.
const byPass = "pass"
