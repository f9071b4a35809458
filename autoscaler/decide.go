package autoscaler

import (
	"encoding/json"
	"fmt"
	"time"
)

const (
	// adoptAfter is how long a foreign desired count must have been stable
	// before it is adopted.
	adoptAfter = 10 * time.Minute
	// missingAfter is how long ECS must not have known a task before its record
	// is closed without the word STOPPED.
	missingAfter = 10 * time.Minute
	// saveAtLeast bounds how old a checkpoint may become while nothing changes:
	// tasks take it for the sign that a controller lives.
	saveAtLeast = 10 * time.Minute
)

// decided is a pass before it acts: what to do, and the checkpoint to save
// first.
type decided struct {
	pass Pass
	guarded
	next     Checkpoint
	dead     []deadRecord
	decision Decision // as the policy gave it
}

// deadRecord is a record whose task runs no more.
type deadRecord struct {
	record *TaskActivity
	status TaskStatus
}

// decide is the pure middle of a pass: policy, guard, next checkpoint.
func (o *Observer) decide(v *view) decided {
	next := v.checkpoint.Clone()
	next.Version, next.Service, next.SavedAt = CheckpointVersion, o.cfg.Service, v.at
	next.Limits, next.Floor = v.snapshot.Limits, o.cfg.Floor
	next.Sessions, next.Demand = v.begun(), v.snapshot.Demand
	o.trackDesired(v, &next)
	var dead []deadRecord
	if !v.clockOff {
		dead = trackRecords(v, &next)
	}
	o.trackBrake(v, &next, len(dead))

	d := o.ask(v, &next)
	rules := o.cfg.rules("")
	rules.clockOff = v.clockOff
	g := guard(&v.snapshot, &next, d, rules)
	return o.plan(v, g, next, d, dead)
}

// plan puts the guard's result into the pass and the checkpoint.
func (o *Observer) plan(v *view, g guarded, next Checkpoint, d Decision, dead []deadRecord) decided {
	next.WantOpen, next.HasWant = g.want, true
	if next.Aborts >= abortsToReopen {
		next.Aborts = 0
	}
	next.Intents = nil
	for _, i := range v.checkpoint.Intents {
		if v.at.Before(i.Expires) {
			next.Intents = append(next.Intents, i)
		}
	}
	for _, c := range g.cordon {
		next.Intents = append(next.Intents, Intent{Task: c.task, Expires: v.at.Add(intentLife)})
	}
	pass := o.pass(v)
	pass.Wanted, pass.Open = d.Open, g.want
	pass.Reasons = append(append(append(pass.Reasons, v.reasons...), d.Reasons...), g.reasons...)
	return decided{pass: pass, guarded: g, next: next, dead: dead, decision: d}
}

// ask runs the policy and mends what a careless one left out. Its memory is
// kept only within the limit: a policy that grows without bound would end up
// breaking every save.
func (o *Observer) ask(v *view, next *Checkpoint) Decision {
	d := o.cfg.Policy.Decide(v.snapshot.apart())
	name := o.cfg.Policy.Name()
	if len(d.Reasons) == 0 {
		d.Reasons = []Reason{{Code: CodeNoReason, Severity: Notice}}
	}
	named := make([]Reason, len(d.Reasons))
	for i, r := range d.Reasons {
		if r.By == "" {
			r.By = name
		}
		named[i] = r
	}
	d.Reasons = named
	switch {
	case len(d.Memory) > MemoryLimit:
		v.note(CodeMemoryRefused, Alert, fmt.Sprintf("%d bytes, limit %d; the last memory is kept", len(d.Memory), MemoryLimit))
	case len(d.Memory) > 0 && !json.Valid(d.Memory):
		v.note(CodeMemoryRefused, Alert, "the memory is not JSON; the last one is kept")
	default:
		next.Memory = d.Memory
	}
	return d
}

// trackDesired follows whose value ECS's desired count is. A foreign value is
// adopted once it was stable: that opens the gate, and changes nothing about
// what Target computes.
func (o *Observer) trackDesired(v *view, next *Checkpoint) {
	d, have := &next.Desired, v.state.Desired
	switch {
	case d.ours(have, v.at):
		d.Foreign, d.ForeignSince = 0, time.Time{}
	case d.ForeignSince.IsZero() || d.Foreign != have:
		d.Foreign, d.ForeignSince = have, v.at
	case v.at.Sub(d.ForeignSince) >= adoptAfter:
		v.note(CodeForeignAdopted, Notice, fmt.Sprintf("desired %d, first seen %s", have, d.ForeignSince.Format("15:04:05")))
		*d = DesiredCount{Value: have, Previous: have, At: v.at, Known: true}
	}
	switch owed := v.state.Running+v.state.Pending < have || v.state.Pending > 0; {
	case !owed:
		next.OwedSince = time.Time{}
	case next.OwedSince.IsZero():
		next.OwedSince = v.at
	}
	if since(next.OwedSince, v.at) > owedAfter {
		v.note(CodeOwed, Alert, fmt.Sprintf("running %d, pending %d, desired %d since %s",
			v.state.Running, v.state.Pending, have, next.OwedSince.Format("15:04:05")))
	}
}

// trackRecords finds records whose task has stopped, or has been unknown to ECS
// for long enough. Absence alone is not an end: a listing may lag.
func trackRecords(v *view, next *Checkpoint) []deadRecord {
	listed := make(map[TaskID]*TaskStatus, len(v.state.Tasks))
	for i := range v.state.Tasks {
		listed[v.state.Tasks[i].ID] = &v.state.Tasks[i]
	}
	first := make(map[TaskID]time.Time, len(next.Missing))
	for _, m := range next.Missing {
		first[m.Task] = m.Since
	}
	next.Missing = nil
	var dead []deadRecord
	for i := range v.activity {
		a := &v.activity[i]
		if a.State == TaskRetired || a.Foreign {
			continue // the release closes the retired; another owner closes its own
		}
		status := listed[a.Ref.Task]
		switch {
		case status != nil && status.Stopped():
			dead = append(dead, deadRecord{a, *status})
		case status == nil || status.Missing:
			seen, ok := first[a.Ref.Task]
			if !ok {
				seen = later(v.at, a.Registered)
			}
			if ok && v.at.Sub(seen) >= missingAfter {
				dead = append(dead, deadRecord{a, TaskStatus{ID: a.Ref.Task, Missing: true}})
				continue
			}
			next.Missing = append(next.Missing, Missing{a.Ref.Task, seen})
		}
	}
	return dead
}

// trackBrake pulls the brake on scale-in when too much looks wrong at once, and
// releases it when every task has reported anew and two passes were clean.
func (o *Observer) trackBrake(v *view, next *Checkpoint, lost int) {
	wrong, tasks := lost, 0
	for i := range v.snapshot.Tasks {
		t := &v.snapshot.Tasks[i]
		if t.State != TaskOpen && t.State != TaskCordoned {
			continue
		}
		tasks++
		if _, known := t.Occupancy.Sessions(); !known && !t.Adopted || t.Unhealthy {
			wrong++
		}
	}
	cause := ""
	if limit := max(2, (tasks+lost)/5); wrong > limit {
		cause = fmt.Sprintf("%d of %d tasks unknown, unhealthy or lost", wrong, tasks+lost)
	}
	was, now := &v.checkpoint, &v.snapshot
	ended := int(now.Demand.Departures - was.Demand.Departures)
	began := int(now.Demand.Arrivals - was.Demand.Arrivals)
	if gone := was.Sessions + began - ended - v.begun(); was.Sessions >= minSessionsForBrake && 2*gone > was.Sessions {
		cause = fmt.Sprintf("%d of %d sessions gone without an end", gone, was.Sessions)
	}
	b := &next.Brake
	switch {
	case cause != "":
		if !b.On() {
			b.Since = v.at
		}
		b.Detail, b.Clean = cause, 0
	case b.On() && reportedSince(v, b.Since):
		if b.Clean++; b.Clean >= 2 {
			*b = Brake{}
		}
	}
}

// begun is the number of sessions that have begun: a reservation that lapses is no
// session that went.
func (v *view) begun() int {
	n := v.snapshot.Totals.Sessions
	for i := range v.snapshot.Tasks {
		if a := v.records[v.snapshot.Tasks[i].ID]; a != nil && !a.Foreign {
			n -= a.Reserved
		}
	}
	return n
}

// minSessionsForBrake keeps two users who leave together from pulling it.
const minSessionsForBrake = 4

// reportedSince reports that every open or cordoned task that reports has done
// so since the instant given, and is known. One that was adopted and has never said a
// word proves nothing by going on so.
func reportedSince(v *view, at time.Time) bool {
	for i := range v.snapshot.Tasks {
		t := &v.snapshot.Tasks[i]
		if t.State != TaskOpen && t.State != TaskCordoned || !t.Reports {
			continue
		}
		a := v.records[t.ID]
		if a != nil && a.Adopted && a.LastReport.IsZero() {
			continue
		}
		if a == nil || !a.LastReport.After(at) {
			return false
		}
	}
	return true
}

// pass returns a pass with what was observed filled in.
func (o *Observer) pass(v *view) Pass {
	s := &v.snapshot
	return Pass{
		Version: PassVersion, Service: o.cfg.Service, At: v.at, Policy: o.cfg.Policy.Name(),
		Totals: s.Totals, Running: s.Running, Pending: s.Pending, ServiceDesired: s.ServiceDesired,
	}
}

// failed returns a pass that could not be carried out.
func (o *Observer) failed(at time.Time, err error) Pass {
	return Pass{Version: PassVersion, Service: o.cfg.Service, At: at, Policy: o.cfg.Policy.Name(), Error: err.Error()}
}
