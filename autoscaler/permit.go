package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// PermitLife is how long a permit is good, from the start of the reads behind
// it. A controller that froze between its reads and its call finds the permit
// expired, however sure it was.
const PermitLife = 20 * time.Second

// PermitCall names a call that can end a task, or that lets ECS end one.
type PermitCall string

// The calls that need a permit.
const (
	CallSetDesired PermitCall = "set_desired"
	CallUnprotect  PermitCall = "unprotect"
	CallStopTask   PermitCall = "stop_task"
)

// Permit allows one dangerous call, once, for a short time. It is saved on the
// checkpoint that its reads began with, so it is held by one caller per service.
type Permit struct {
	Call     PermitCall `json:"call"`
	Desired  int        `json:"desired,omitempty"` // for CallSetDesired
	Raise    bool       `json:"raise,omitempty"`   // the value is above the one read
	Tasks    []TaskID   `json:"tasks,omitempty"`   // for the other calls
	Reason   Code       `json:"reason"`
	NotAfter time.Time  `json:"not_after"`
}

// Expired reports that the permit's time has passed on the wall clock or on the
// monotonic one. Either may stand still or jump: the monotonic clock stops while
// a Lambda or a laptop sleeps, the wall clock is set by others.
func (p Permit) Expired(now time.Time) bool {
	return now.After(p.NotAfter) || now.Round(0).After(p.NotAfter.Round(0))
}

// Covers reports that the permit allows this call on these tasks.
func (p Permit) Covers(call PermitCall, tasks ...TaskID) bool {
	if p.Call != call {
		return false
	}
	for _, t := range tasks {
		if !slices.Contains(p.Tasks, t) {
			return false
		}
	}
	return true
}

// Reads are what a permit is computed from: read in this order, after Began.
type Reads struct {
	Began      time.Time
	Checkpoint Checkpoint
	State      ServiceState
	Activity   []TaskActivity
}

// Permits makes the dangerous calls of one service: every raising and lowering
// of the desired count, every removal of a protection and every StopTask goes
// through it. It refuses to make a call that its own reads do not bear out.
// The fields are the contracts of the same service that the controller has.
type Permits struct {
	Service  ServiceID
	Sessions interface {
		Activity(ctx context.Context, service ServiceID, at time.Time) (Activity, error)
	}
	State  StateStore
	Scaler Scaler
	Now    func() time.Time
}

// ErrHeld says that a dangerous call was not made, for reasons that are returned
// beside it. It is an outcome, not a failure.
var ErrHeld = errors.New("held")

// Do reads everything, asks judge whether and how the call may be made, saves
// the permit that judge returns on the checkpoint just read, makes the call and
// clears the permit. Where judge returns reasons the call is not made, and Do
// returns them with ErrHeld, as it does where another's permit is live, where
// somebody saved first, and where the permit ran out before anything was sent (it
// is then withdrawn). A call that failed keeps its permit until it runs out, since
// its effect is not known.
func (p Permits) Do(
	ctx context.Context,
	judge func(Reads) (Permit, []Reason),
	call func(context.Context, Permit) error,
) (Reads, []Reason, error) {
	reads, err := p.read(ctx)
	if err != nil {
		return reads, nil, err
	}
	permit, held := judge(reads)
	if len(held) > 0 {
		return reads, held, ErrHeld
	}
	if other := reads.Checkpoint.live(reads.Began); other != nil && !p.mayTakeOver(reads, permit) {
		return reads, []Reason{{Code: CodePermitHeld, Severity: Info, Detail: string(other.Call)}}, ErrHeld
	}
	permit.NotAfter = reads.Began.Add(PermitLife)

	saved := reads.Checkpoint.Clone()
	saved.Permit = &permit
	if permit.Call == CallSetDesired {
		saved.Desired = DesiredCount{Value: permit.Desired, Previous: reads.State.Desired, At: reads.Began, Known: true}
	}
	if saved.Revision, err = p.State.SaveCheckpoint(ctx, saved); err != nil {
		if errors.Is(err, ErrConflict) {
			return reads, []Reason{{Code: CodeOverlapped, Severity: Info, Detail: string(permit.Call)}}, ErrHeld
		}
		return reads, nil, err
	}
	if err := call(ctx, permit); err != nil {
		if errors.Is(err, ErrClock) {
			p.withdraw(ctx, saved, reads.Checkpoint.Desired)
			return reads, []Reason{{Code: CodePermitExpired, Severity: Notice, Detail: string(permit.Call)}}, ErrHeld
		}
		return reads, nil, err
	}
	p.clear(ctx, saved)
	return reads, nil, nil
}

// mayTakeOver reports that a raise may replace a live permit: at level A, where
// no session enters a task without asking, a lowering that arrives late can hurt
// nobody, and a raise must not wait behind it.
func (p Permits) mayTakeOver(r Reads, permit Permit) bool {
	return permit.Call == CallSetDesired && permit.Raise && r.Level() == LevelA
}

// read collects what a permit is computed from; its clock starts before the
// first of the reads.
func (p Permits) read(ctx context.Context) (Reads, error) {
	r := Reads{Began: p.Now()}
	var err error
	if r.Checkpoint, err = p.State.LoadCheckpoint(ctx, p.Service); err != nil {
		return r, &Error{Op: "autoscaler.Permits", Ref: p.Service.String(), Err: err}
	}
	if r.State, err = p.Scaler.Describe(ctx, p.Service); err != nil {
		return r, &Error{Op: "autoscaler.Permits", Ref: p.Service.String(), Err: err}
	}
	activity, err := p.Sessions.Activity(ctx, p.Service, r.Began)
	if err != nil {
		return r, &Error{Op: "autoscaler.Permits", Ref: p.Service.String(), Err: err}
	}
	r.Activity = activity.Tasks
	return r, nil
}

// clear takes the permit off the checkpoint. Losing the race, or the reply, is
// no harm: the permit runs out by itself.
func (p Permits) clear(ctx context.Context, c Checkpoint) {
	c.Permit = nil
	_, _ = p.State.SaveCheckpoint(ctx, c)
}

// withdraw takes back a permit under which nothing was sent, and the count that
// the checkpoint says was written with it: left there, the count that ECS still
// has would pass for somebody else's until it was adopted. Whoever was held up for
// so long finds that others have saved since, so it tries a few times; what
// others have written in between stays.
func (p Permits) withdraw(ctx context.Context, held Checkpoint, was DesiredCount) {
	for range 3 {
		c, err := p.State.LoadCheckpoint(ctx, p.Service)
		if err != nil {
			return
		}
		if own := c.Permit; own != nil && own.Call == held.Permit.Call && own.NotAfter.Equal(held.Permit.NotAfter) {
			c.Permit = nil
		}
		if held.Permit.Call == CallSetDesired && c.Desired.Value == held.Desired.Value && c.Desired.At.Equal(held.Desired.At) {
			c.Desired = was
		}
		if _, err = p.State.SaveCheckpoint(ctx, c); !errors.Is(err, ErrConflict) {
			return
		}
	}
}

// SetDesired writes the desired count that Target computes, if there is a
// reason to write it: something is to be started, more tasks are to stay than ECS
// means to keep, or ECS has owed tasks for so long that they are given up. To
// lower it past the retired is the release's business, which looks at each task's
// protection first. It returns the reads, and the value written, or the reasons
// with ErrHeld.
func (p Permits) SetDesired(ctx context.Context, reason Code) (reads Reads, written int, reasons []Reason, err error) {
	judge := func(r Reads) (Permit, []Reason) {
		r.Activity = r.keepingUnreleasable()
		permit, held := r.Desired()
		if len(held) == 0 && !permit.Raise {
			held = r.givingUp()
		}
		permit.Reason, written = reason, permit.Desired
		return permit, held
	}
	reads, reasons, err = p.Do(ctx, judge, func(ctx context.Context, permit Permit) error {
		return p.Scaler.SetDesired(ctx, SetDesired{Service: p.Service, Desired: permit.Desired, Permit: permit})
	})
	return reads, written, reasons, err
}

// givingUp judges whether a count that ECS has owed for long may be lowered to
// what there is, with nothing retired: only where ECS could choose nobody.
func (r Reads) givingUp() []Reason {
	if b := r.Checkpoint.Brake; b.On() {
		return []Reason{{Code: CodeBrake, Severity: Alert, Detail: b.Detail}}
	}
	records := index(r.Activity)
	for i := range r.State.Tasks {
		task := &r.State.Tasks[i]
		if a := records[task.ID]; a != nil && a.State == TaskRetired {
			return []Reason{{Code: CodeNotReady, Severity: Info, Detail: "the release lowers the count past what is retired"}}
		}
		if task.Wanted() && task.LastStatus == "RUNNING" && task.ProtectedUntil.Before(r.Began.Add(protectionMargin)) {
			return []Reason{{Code: CodeUnconfirmed, Severity: Notice, Task: task.ID, Detail: "ECS could choose it"}}
		}
	}
	return nil
}

// protectionMargin is how much of a protection must be left for it to count.
const protectionMargin = 30 * time.Minute

// Desired decides on what was read whether the desired count is to be
// written, and to what: the permit for it, or the reasons to hold. Where there is
// nothing to write, the one reason is [CodeNotReady]. It is pure; SetDesired is
// the way to act on it, and a release that must also look at protections calls
// it within [Permits.Do].
func (r Reads) Desired() (Permit, []Reason) {
	hold := func(code Code, sev Severity, format string, args ...any) (Permit, []Reason) {
		return Permit{}, []Reason{{Code: code, Severity: sev, Detail: fmt.Sprintf(format, args...)}}
	}
	if !r.Checkpoint.HasWant {
		return hold(CodeNotReady, Info, "no pass has decided yet")
	}
	value, err := Target(r.State, r.Activity, r.Checkpoint.WantOpen, r.Checkpoint.Limits.Total())
	if err != nil {
		return hold(CodeServiceState, Alert, "%v", err)
	}
	count := census(r.State, r.Activity)
	have := r.State.Desired
	switch {
	case value == have && value == r.Checkpoint.Limits.Total() && count.open+count.starting < r.Checkpoint.WantOpen:
		return hold(CodeMaxTotal, Notice, "desired is %d, the most that may be", value)
	case value == have:
		return hold(CodeNotReady, Info, "desired is %d already", value)
	case value <= count.kept && count.retired == 0 && !r.below(count) && !owedLong(r):
		return hold(CodeNotReady, Info, "nothing to start and nothing to release")
	case value > have && r.Checkpoint.Desired.outruns(have, value, r.Began):
		return hold(CodeNotReady, Info, "%d was written and does not show yet", r.Checkpoint.Desired.Value)
	case value > have:
		return Permit{Call: CallSetDesired, Desired: value, Raise: true}, nil
	case r.State.deployment() != DeploymentSteady:
		return hold(CodeDeployment, Notice, "desired is only raised during a deployment")
	}
	if held := r.steady(); len(held) > 0 {
		return Permit{}, held
	}
	return Permit{Call: CallSetDesired, Desired: value}, nil
}

// below reports that ECS means to keep fewer tasks than are healthy and to stay:
// a lowering of our own arrived late, or a foreign value was adopted. Left there,
// ECS refuses to renew protections, and takes a task when the first one ends. A
// sick task does not count: ECS has started its replacement beside it, and the two
// together would drive the count up.
func (r Reads) below(c counted) bool {
	return c.healthy > r.State.Desired && r.Checkpoint.Desired.ours(r.State.Desired, r.Began)
}

// keepingUnreleasable returns the records with those retired tasks shown as
// cordoned that ECS cannot choose by what the service's description says, or must
// not. They count as tasks that stay: otherwise a scale-out would take them for
// capacity that is going, and start nothing while they linger.
func (r Reads) keepingUnreleasable() []TaskActivity {
	protected := make(map[TaskID]bool)
	for i := range r.State.Tasks {
		if t := &r.State.Tasks[i]; t.ProtectedUntil.After(r.Began) {
			protected[t.ID] = true
		}
	}
	out := r.Activity
	for i := range r.Activity {
		a := &r.Activity[i]
		n, known := a.Occupancy.Sessions()
		if a.State != TaskRetired || !protected[a.Ref.Task] && !(known && n > 0) {
			continue
		}
		if &out[0] == &r.Activity[0] {
			out = slices.Clone(r.Activity)
		}
		out[i].State = TaskCordoned
	}
	return out
}
