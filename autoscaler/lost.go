package autoscaler

import "fmt"

// lostBy says by what a task ended that nobody here had released, so that what AWS
// does on its own, a person, and a failure of the protocol are told apart. The cause
// is what the journal shows.
func (d deadRecord) lostBy(primary string) (code Code, severity Severity, cause string) {
	s := d.status
	code, severity, cause = CodeTaskLost, Notice, "stopped: "+s.StopCode
	switch {
	case s.Missing:
		cause = "missing"
	case d.record.State == TaskNew:
		severity, cause = Info, cause+" (never opened)"
	case s.StopCode != "ServiceSchedulerInitiated":
		// SpotInterruption, TerminationNotice, InfrastructureHealth: AWS on its own.
		// UserInitiated: somebody's StopTask. EssentialContainerExited: the task itself.
	case s.Health == "UNHEALTHY":
		cause += " (unhealthy)"
	case s.Deployment != primary:
		cause += " (old revision)"
	case d.record.Exposed():
		cause += " (exposed: ECS had refused to protect it)"
	default:
		// Every task that is not retired is protected, so this is a protection that did
		// not hold, or that somebody took away.
		code, severity, cause = CodeWrongVictim, Alert, cause+" (wrong victim, its record was "+string(d.record.State)+")"
	}
	if n, known := d.record.Occupancy.Sessions(); known && n > 0 {
		severity, cause = Alert, fmt.Sprintf("%s; %d sessions lost", cause, n)
	}
	return code, severity, cause
}
