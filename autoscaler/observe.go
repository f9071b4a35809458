package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Observer sees a service and decides, and cannot write: it is built without
// the contracts that write, so a dry run is this type and not a flag. It is
// safe for concurrent use.
type Observer struct {
	cfg ObserverConfig
}

// NewObserver returns an observer, or everything that is wrong with the
// configuration in one error.
func NewObserver(cfg ObserverConfig) (*Observer, error) {
	if err := errors.Join(cfg.problems()...); err != nil {
		return nil, &Error{Op: "autoscaler.NewObserver", Ref: cfg.Service.String(), Err: err}
	}
	return &Observer{cfg: cfg.withDefaults()}, nil
}

// Observe returns the service as a policy sees it now.
func (o *Observer) Observe(ctx context.Context) (Snapshot, error) {
	v, err := o.observe(ctx)
	return v.snapshot, err
}

// Evaluate observes, decides and guards, and returns the pass that would be
// made, with nothing done.
func (o *Observer) Evaluate(ctx context.Context) (Pass, error) {
	v, err := o.observe(ctx)
	if err != nil {
		return o.failed(v.at, err), err
	}
	return o.decide(&v).pass, nil
}

// view is what one pass works on: the reads, and the snapshot made of them.
type view struct {
	at         time.Time
	checkpoint Checkpoint
	state      ServiceState
	activity   []TaskActivity
	records    map[TaskID]*TaskActivity
	snapshot   Snapshot
	reasons    []Reason
	clockOff   bool // ours is further from the store's than the skew bound
}

// observe reads everything a pass needs, checkpoint first: what is saved at the
// end is saved on a revision older than every other read.
func (o *Observer) observe(ctx context.Context) (view, error) {
	v := view{at: o.cfg.Now().Round(0).UTC()}
	fail := func(op string, err error) (view, error) {
		return v, &Error{Op: "autoscaler." + op, Ref: o.cfg.Service.String(), Err: err}
	}
	var err error
	if v.checkpoint, err = o.cfg.State.LoadCheckpoint(ctx, o.cfg.Service); err != nil {
		return fail("LoadCheckpoint", err)
	}
	if v.checkpoint.Version > CheckpointVersion {
		return fail("LoadCheckpoint", fmt.Errorf("the checkpoint is of version %d, and this module knows %d: a newer controller works on the service", v.checkpoint.Version, CheckpointVersion))
	}
	control, err := o.cfg.State.Control(ctx, o.cfg.Service)
	if err != nil {
		return fail("Control", err)
	}
	if v.state, err = o.cfg.Scaler.Describe(ctx, o.cfg.Service); err != nil {
		return fail("Describe", err)
	}
	asked := o.cfg.Now()
	activity, err := o.cfg.Sessions.Activity(ctx, o.cfg.Service, v.at)
	if err != nil {
		return fail("Activity", err)
	}
	v.clockOff = activity.ClockOff(asked, o.cfg.Now())
	v.activity, v.records = activity.Tasks, index(activity.Tasks)
	limits, err := control.effective(o.cfg.Limits, v.at)
	if err != nil {
		v.note(CodeControlIgnored, Alert, "limits by "+control.Limits.By+": "+err.Error())
	}
	v.snapshot = Snapshot{
		Version: SnapshotVersion, Service: o.cfg.Service, At: v.at,
		Limits: limits, Control: control,
		ServiceDesired: v.state.Desired, Running: v.state.Running, Pending: v.state.Pending,
		Deployment: v.state.deployment(), Demand: activity.Demand, Memory: v.checkpoint.Memory,
		Reaction: o.cfg.Timing.Interval,
	}
	v.snapshot.Tasks = o.tasks(&v)
	v.noteUnopened()
	v.snapshot.Totals.Count(v.snapshot.Tasks)
	v.snapshot.Utilization = o.utilization(ctx, &v)
	return v, nil
}

// tasks joins what ECS lists with the records, ordered by id. Tasks that have
// stopped are not among them.
func (o *Observer) tasks(v *view) []Task {
	primary := v.state.primary()
	tasks := make([]Task, 0, len(v.state.Tasks))
	for i := range v.state.Tasks {
		status := &v.state.Tasks[i]
		if status.Stopped() || status.Missing {
			continue
		}
		task := Task{
			ID: status.ID, Zone: status.Zone, Revision: status.Deployment, State: TaskNew,
			Age: since(status.CreatedAt, v.at), Old: status.Deployment != primary,
			Unhealthy: status.Health == "UNHEALTHY",
			Protected: status.ProtectedUntil.After(v.at),
			Pinned:    v.snapshot.Control.Pinned(status.ID, v.at),
		}
		if a := v.records[status.ID]; a != nil {
			task.fill(a, v.at)
		} else {
			task.Unrecorded = status.LastStatus == "RUNNING" && since(status.StartedAt, v.at) > registerAfter
		}
		if !status.Wanted() {
			task.State = TaskStopping
		}
		tasks = append(tasks, task)
	}
	slices.SortFunc(tasks, func(a, b Task) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return tasks
}

// noteUnopened says which tasks have been running for long and do not open:
// usually an application that does not protect itself, or does not say so.
func (v *view) noteUnopened() {
	n := 0
	for i := range v.state.Tasks {
		status := &v.state.Tasks[i]
		a := v.records[status.ID]
		if a != nil && a.State == TaskNew && status.LastStatus == "RUNNING" && since(status.StartedAt, v.at) > openWithin {
			n++
		}
	}
	if n > 0 {
		v.reasons = append(v.reasons, Reason{
			Code: CodeNotOpened, Severity: Notice, By: "observe", Count: n,
			Detail: "running for over " + openWithin.String() + " and closed; a task protects itself, reads that back and calls Records.Open",
		})
	}
}

// openWithin is how long a running task may take to open before it is told of.
const openWithin = 5 * time.Minute

// fill adds what the record says.
func (t *Task) fill(a *TaskActivity, at time.Time) {
	t.State, t.Level, t.Slots, t.Occupancy = a.State, a.Level, a.Slots, a.Occupancy
	t.Reports, t.Adopted, t.NeverOpened = a.Processes > 0, a.Adopted, a.NeverOpened
	t.Exposed, t.Drain, t.DrainBy = a.Exposed(), a.Drain.ID, a.Drain.By
	t.Protected = t.Protected || a.ProtectedUntil.After(at)
	if a.Occupancy.Idle() {
		t.IdleFor = since(later(a.IdleSince, a.Opened), at)
	}
	t.ReportAge, t.OpenFor = since(a.LastReport, at), since(a.Opened, at)
	// At level C nobody acknowledges; what stands in its place begins with the release.
	eventsOnly := a.Level.known() == LevelC
	t.Ready = a.State == TaskCordoned && a.Occupancy.Idle() && (a.Acknowledged || eventsOnly && a.Bounded)
	t.Undrainable = eventsOnly && !a.Bounded
	if a.Foreign {
		t.Occupancy, t.Pinned, t.Ready = Occupancy{}, true, false
	}
}

// utilization reads the metrics and drops what is too old or not a number. A
// source that fails is a source without metrics: the policy hears of absence,
// and abstains where it must.
func (o *Observer) utilization(ctx context.Context, v *view) Utilization {
	if o.cfg.Utilization == nil {
		return nil
	}
	all, err := o.cfg.Utilization.Utilization(ctx, o.cfg.Service, v.at)
	if err != nil {
		v.note(CodeCallFailed, Notice, "metrics: "+err.Error())
		return nil
	}
	fresh := make(Utilization, len(all))
	for name, r := range all {
		switch {
		case math.IsNaN(r.Value) || math.IsInf(r.Value, 0):
			v.note(CodeStaleMetric, Notice, string(name)+": not a finite number")
		case v.at.Sub(r.At) > o.cfg.Timing.MetricAge:
			v.note(CodeStaleMetric, Notice, string(name)+": measured "+v.at.Sub(r.At).String()+" ago")
		default:
			fresh[name] = r
		}
	}
	slices.SortFunc(v.reasons, func(a, b Reason) int { return strings.Compare(a.Detail, b.Detail) })
	return fresh
}

func (v *view) note(code Code, severity Severity, detail string) {
	v.reasons = append(v.reasons, Reason{Code: code, Severity: severity, By: "observe", Detail: detail})
}

// since is the age of an instant, 0 for one that is unset or lies ahead.
func since(t, at time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(0, at.Sub(t))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
