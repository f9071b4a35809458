package sessionstore

import (
	"errors"
	"strings"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// ErrEnded is the refusal of a Begin or a Reserve whose session has ended: no
// task will ever take that id. It is an [autoscaler.ErrGone], which by itself
// says that the task is gone and another one may do.
var ErrEnded error = cause{"the session has ended", autoscaler.ErrGone}

// errUnprotected is an [autoscaler.ErrBusy] that no session is to blame for.
var errUnprotected error = cause{"the task lacks the protection that opening needs", autoscaler.ErrBusy}

// errArgument is the cause where a request could not mean anything.
var errArgument = errors.New("bad argument")

// cause says more than its sentinel does, in the sentinel's place: behind it, as
// fmt.Errorf would put it, the sentinel's own text would contradict.
type cause struct {
	text     string
	sentinel error
}

func (c cause) Error() string { return c.text }
func (c cause) Unwrap() error { return c.sentinel }

// CheckTask refuses a task that is not named whole. A store asks before it looks
// for a record: what was written under half a name would belong to nobody. op is
// the name of the call.
func CheckTask(op string, ref autoscaler.TaskRef) error {
	missing := unnamed("Ref.Service", ref.Service)
	if ref.Task == "" {
		missing = append(missing, "Ref.Task")
	}
	if missing == nil {
		return nil // every call passes here: no name is spelled out for it
	}
	return incomplete(op, ref.String(), missing)
}

// CheckSession refuses what [CheckTask] refuses, and a session id that no store
// accepts.
func CheckSession(op string, ref autoscaler.TaskRef, id SessionID) error {
	if err := CheckTask(op, ref); err != nil {
		return err
	}
	return checkSession(op, ref, id)
}

// Check refuses a report of demand that does not say whose it is, or which of
// its source's reports. A store asks before it counts.
func (d DemandReport) Check() error {
	missing := unnamed("Service", d.Service)
	if d.Source == "" {
		missing = append(missing, "Source")
	}
	if d.Seq < 1 {
		missing = append(missing, "Seq (from 1 on)")
	}
	if missing == nil {
		return nil
	}
	return incomplete("ReportDemand", d.Service.String(), missing)
}

// check refuses a report that no process could have sent twice.
func (rep Report) check() error {
	var missing []string
	if rep.Process == "" {
		missing = append(missing, "Process (a name that its next boot has too)")
	}
	if rep.Boot < 1 {
		missing = append(missing, "Boot (the process's start in Unix milliseconds)")
	}
	if rep.Seq < 1 {
		missing = append(missing, "Seq (from 1 on)")
	}
	if missing == nil {
		return nil
	}
	return incomplete("Report", rep.Ref.String(), missing)
}

// unnamed returns the parts that a service's name lacks.
func unnamed(field string, id autoscaler.ServiceID) []string {
	var missing []string
	if id.Cluster == "" {
		missing = append(missing, field+".Cluster")
	}
	if id.Name == "" {
		missing = append(missing, field+".Name")
	}
	return missing
}

// incomplete refuses a request that lacks fields.
func incomplete(op, ref string, missing []string) error {
	return &autoscaler.Error{Op: "sessionstore." + op, Ref: ref, Err: errArgument, Hint: "set " + strings.Join(missing, ", ")}
}

// checkSession refuses an id that no store accepts.
func checkSession(op string, ref autoscaler.TaskRef, id SessionID) error {
	if len(id) > 0 && len(id) <= SessionIDLimit {
		return nil
	}
	return refusal(op, ref, errArgument, "a session id has 1 to 200 bytes")
}
