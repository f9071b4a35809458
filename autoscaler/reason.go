package autoscaler

import (
	"fmt"
)

// Code names why something was decided or held back. Codes are constants: log
// queries, alarms and golden tests depend on their text, so a code is never
// renamed or used for a second meaning. A policy of one's own brings its own
// codes; those of this module are listed in the package documentation.
type Code string

// Severity says who should hear of a reason.
type Severity int

// The severities.
const (
	Info   Severity = iota // explains an ordinary decision
	Notice                 // something was held back, absent or adopted; worth a look if it stays
	Alert                  // somebody should look now
)

var severityText = [...]string{"info", "notice", "alert"}

// String returns "info", "notice" or "alert".
func (s Severity) String() string {
	if s < Info || s > Alert {
		return fmt.Sprintf("severity(%d)", int(s))
	}
	return severityText[s]
}

// MarshalText writes the severity as String returns it.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote; an unknown text is an alert,
// since a newer writer thought it worth a severity of its own.
func (s *Severity) UnmarshalText(text []byte) error {
	*s = Alert
	for i, known := range severityText {
		if string(text) == known {
			*s = Severity(i)
		}
	}
	return nil
}

// Reason explains one part of a decision, a guard's change to it, or a step.
type Reason struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	By       string   `json:"by,omitempty"`    // path in the composition, as safest/buffer; observe, guard, pass, scale-out, gate, release
	Task     TaskID   `json:"task,omitempty"`  // the task it is about, if one
	Count    int      `json:"count,omitempty"` // how many tasks it is about, if several
	Detail   string   `json:"detail,omitempty"`
}

// String returns the reason on one line: "guard: floor t-1 (detail)".
func (r Reason) String() string {
	text := string(r.Code)
	if r.By != "" {
		text = r.By + ": " + text
	}
	if r.Task != "" {
		text += " " + string(r.Task)
	}
	if r.Count > 0 {
		text += fmt.Sprintf(" ×%d", r.Count)
	}
	if r.Detail != "" {
		text += " (" + r.Detail + ")"
	}
	return text
}

// The codes of the controller, the guard and the release. Those of the
// built-in policies stand with the policies.
const (
	// Why a task, or every task, is held back from scale-in.
	CodeUnknownOccupancy Code = "unknown_occupancy"  // nobody can tell how many sessions it holds
	CodeBusy             Code = "busy"               // it holds a session and was to be drained only if idle
	CodeYoung            Code = "young"              // not past its minimum age
	CodeNotIdleLong      Code = "not_idle_long"      // idle, but not for long enough
	CodeIntended         Code = "intended"           // an earlier pass meant to close it and may yet
	CodePinned           Code = "pinned"             // an operator or a foreign protection pinned it
	CodeNotATask         Code = "not_a_task"         // the policy named an id that is no candidate
	CodeLevel            Code = "level"              // at level C, and nobody has bounded how late its events are
	CodeFloor            Code = "floor"              // free open slots would fall below the floor
	CodeMinimum          Code = "minimum"            // open tasks would fall below the minimum
	CodeMaximum          Code = "maximum"            // more was wanted than the limits allow
	CodeMaxTotal         Code = "max_total"          // desired would pass MaxTotal
	CodeCordonCap        Code = "cordon_cap"         // enough tasks were cordoned in this pass
	CodeCooldown         Code = "cooldown"           // the last scale-in is too recent
	CodePaused           Code = "paused"             // an operator paused this direction
	CodeDeployment       Code = "deployment"         // a deployment is under way
	CodeBrake            Code = "brake"              // too much looked wrong at once
	CodeForeignDesired   Code = "foreign_desired"    // somebody else wrote the desired count
	CodeForeignAdopted   Code = "foreign_adopted"    // a foreign desired count was adopted
	CodeAdopting         Code = "adopting"           // running tasks are met without records
	CodeNotOpened        Code = "not_opened"         // a running task has stayed closed for long
	CodeControlIgnored   Code = "control_ignored"    // an operator's limits make no sense and are not followed
	CodeStaleMetric      Code = "stale_metric"       // a metric was too old and counts as absent
	CodeForeignRecord    Code = "foreign_record"     // the record belongs to another owner
	CodeClock            Code = "clock"              // this process's clock is further from the store's than the skew bound
	CodeNoReason         Code = "no_reason_given"    // the policy gave no reason
	CodeMemoryRefused    Code = "memory_refused"     // the policy's new memory was too large or not JSON; the last one stays
	CodeGravestone       Code = "running_gravestone" // ECS runs a task that the store holds for gone

	// Why a task goes with the desired count left alone.
	CodeOldRevision Code = "old_revision" // its revision is being replaced
	CodeUnhealthy   Code = "unhealthy"    // ECS holds it for unhealthy, and replaces it

	// What a pass did.
	CodeOverlapped    Code = "overlapped"     // another pass saved first; this one did nothing
	CodeRegistered    Code = "registered"     // a record was made for a running task
	CodeReopened      Code = "reopened"       // a cordoned task admits sessions again
	CodeCordoned      Code = "cordoned"       // a task was closed to new sessions
	CodeScaledOut     Code = "scaled_out"     // desired was raised
	CodeScaledIn      Code = "scaled_in"      // desired was lowered past the retired
	CodeLostRace      Code = "lost_race"      // a record changed between the look and the write
	CodeForgotten     Code = "forgotten"      // a stopped task's record was closed
	CodeTaskLost      Code = "task_lost"      // a task ended that nobody here had released; the detail says by what
	CodeProtected     Code = "protected"      // a task was protected on its behalf
	CodeOpened        Code = "opened"         // a task was opened on its behalf
	CodeUnprotected   Code = "unprotected"    // an open task was found without protection
	CodeNotified      Code = "notified"       // the users of a drained task were given notice
	CodeForced        Code = "forced"         // sessions were ended by force, their deadline having passed
	CodePermitHeld    Code = "permit_held"    // another dangerous call is under way
	CodePermitExpired Code = "permit_expired" // the permit ran out before the call was made
	CodeCallFailed    Code = "call_failed"    // a call failed; its effect is not known

	// The gate before a release, and the release itself.
	CodeServiceState   Code = "service_state"   // not ACTIVE, REPLICA and deployed by ECS
	CodeNotSteady      Code = "not_steady"      // running below desired, or tasks pending
	CodeOwed           Code = "owed"            // ECS has owed tasks for over 15 minutes
	CodeExposed        Code = "exposed"         // a task is open without protection
	CodeDisagree       Code = "disagree"        // listing and records do not agree
	CodeUnconfirmed    Code = "unconfirmed"     // a protection could not be confirmed
	CodeNotReady       Code = "not_ready"       // the drain is not finished
	CodeVetoed         Code = "vetoed"          // the host's veto refused the retire
	CodeRetired        Code = "retired"         // a task's record was retired
	CodeReleased       Code = "released"        // a retired task stopped
	CodeStopped        Code = "stopped"         // a retired straggler was stopped by StopTask
	CodeWrongVictim    Code = "wrong_victim"    // ECS stopped a task that was not retired
	CodeStuck          Code = "stuck"           // a retired task does not stop
	CodeBusyRetired    Code = "busy_retired"    // a retired task was told of a session
	CodeTargetReturned Code = "target_returned" // a deregistered target was registered again
	CodeBarrier        Code = "barrier"         // a level C task waits for its barrier, or for it to settle
	CodeDeadLetters    Code = "dead_letters"    // events of the service could not be applied
)
