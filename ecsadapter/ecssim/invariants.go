package ecssim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

// Violation is a moment in which the drain protocol did not hold.
type Violation struct {
	Invariant string // I1 to I5, or "cut"
	At        time.Time
	Seed      uint64
	What      string
	Trace     []Call // the last calls, the offending one last
}

// String returns the violation with its seed and the calls that led to it.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s broken at %s, seed %d: %s", v.Invariant, v.At.Format(time.RFC3339Nano), v.Seed, v.What)
	for _, c := range v.Trace {
		fmt.Fprintf(&b, "\n  %s %-6s %s %s %s", c.At.Format("15:04:05.000"), c.Point, c.Actor, c.Op, c.Task)
		if c.Err != nil {
			fmt.Fprintf(&b, ": %v", c.Err)
		}
	}
	return b.String()
}

// traceLength is how many calls a violation shows.
const traceLength = 40

// Proof is what the invariants read of a store: the raw one, not a wired one.
type Proof interface {
	Prove(ctx context.Context, tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error)
}

// Invariants check the drain protocol after every call that passes the cluster's
// seam, from the truth of the cluster and from the records:
//
//   - I1: a write opens a task at level A or B only where ECS truly protects it,
//     or where it carries the exposed mark.
//   - I2: nothing leads out of retired; no session lives on a task at the instant
//     at which it is retired, and none begins there afterwards.
//   - I3: protection is removed from, and StopTask sent to, only the retired.
//   - I4: a desired count is its permit's, and no lower than the tasks that were
//     there when the permit's reads began and are now neither retired nor going.
//     Then a write that arrives late can take nothing but what was chosen.
//   - I5: a dangerous call carries a permit that a checkpoint held and that has
//     not run out as it is sent; a service has one live permit at a time, unless a
//     raise takes it over at level A.
//   - cut: no task at level A or B stops by scaling, a drain or a deployment while a
//     session lives on it, unless it is exposed or unhealthy, somebody else took its
//     protection away, or its sessions were ended by force.
//
// A protection that runs out by itself breaks nothing: that is how a service
// without a controller is freed in the end. The stores must be wired to the same
// cluster, state included; a permit that was saved past the seam is taken for one
// that nobody saved.
type Invariants struct {
	c       *Cluster
	service autoscaler.ServiceID
	proof   Proof
	// What each record last said. A gravestone cannot be read, so a task that was
	// retired and forgotten is known by this alone.
	records map[autoscaler.TaskID]autoscaler.TaskActivity
	gone    map[autoscaler.TaskID]bool // its record was forgotten
	// All that any checkpoint has held: a late call carries an old one.
	permits []autoscaler.Permit
	held    *autoscaler.Permit // on the checkpoint now
	trace   []Call
	found   []Violation

	// Clock is the clock of whoever makes a call, by the actor's name; nil where all
	// of them have the cluster's. A permit is judged by it, as its owner judges it.
	Clock func(actor string) time.Time
}

// NewInvariants returns the invariants of one service. Put Seam first among the
// cluster's seams, so that they see each call at the instant of its effect. The
// zero ServiceID is the cluster's first service.
func NewInvariants(c *Cluster, service autoscaler.ServiceID, proof Proof) *Invariants {
	if service == (autoscaler.ServiceID{}) {
		service = c.first()
	}
	v := &Invariants{
		c: c, service: service, proof: proof,
		records: make(map[autoscaler.TaskID]autoscaler.TaskActivity), gone: make(map[autoscaler.TaskID]bool),
	}
	c.Subscribe(v.stopped)
	return v
}

// Violations returns what was found, in order.
func (v *Invariants) Violations() []Violation { return v.found }

// Seam returns the seam that checks. It never fails a call and holds nobody up.
func (v *Invariants) Seam() Seam {
	return func(ctx context.Context, call Call) error {
		// Other services on the cluster have invariants of their own.
		if call.Service != v.service {
			return nil
		}
		v.note(call)
		switch call.Point {
		case Before:
		case Sent:
			v.sent(call)
		case After:
			v.after(context.WithoutCancel(ctx), call)
		}
		return nil
	}
}

// now is the clock of an actor.
func (v *Invariants) now(actor string) time.Time {
	if v.Clock == nil {
		return v.c.Now()
	}
	return v.Clock(actor)
}

// note keeps the trace. Reads that decide nothing by themselves are left out.
func (v *Invariants) note(call Call) {
	if len(v.trace) >= 2*traceLength {
		v.trace = append(v.trace[:0], v.trace[traceLength:]...)
	}
	v.trace = append(v.trace, call)
}

func (v *Invariants) broken(invariant, format string, args ...any) {
	tail := v.trace[max(0, len(v.trace)-traceLength):]
	v.found = append(v.found, Violation{
		Invariant: invariant, At: v.c.Now(), Seed: v.c.seed,
		What: fmt.Sprintf(format, args...), Trace: slices.Clone(tail),
	})
}

// sent judges a dangerous call as it goes out.
func (v *Invariants) sent(call Call) {
	permit, ok := permitOf(call)
	if !ok {
		return
	}
	// Judged as the call leaves its sender. That it may arrive minutes later is
	// not the sender's to prevent, and I4 makes it harmless.
	if permit.Expired(v.now(call.Actor)) {
		v.broken("I5", "%s is sent under a permit that ran out at %s", call.Op, permit.NotAfter.Format(time.RFC3339Nano))
	}
	if !slices.ContainsFunc(v.permits, func(p autoscaler.Permit) bool { return samePermit(p, permit) }) {
		v.broken("I5", "%s is sent under a permit that no checkpoint held", call.Op)
	}
}

// permitOf returns the permit of a dangerous call.
func permitOf(call Call) (autoscaler.Permit, bool) {
	switch args := call.Args.(type) {
	case autoscaler.SetDesired:
		return args.Permit, true
	case workflow.Dangerous:
		return args.Permit, true
	}
	return autoscaler.Permit{}, false
}

func samePermit(a, b autoscaler.Permit) bool {
	return a.Call == b.Call && a.Desired == b.Desired && a.NotAfter.Equal(b.NotAfter) && slices.Equal(a.Tasks, b.Tasks)
}

// after judges what a call has done.
func (v *Invariants) after(ctx context.Context, call Call) {
	switch call.Op {
	case OpSaveCheckpoint:
		if c, ok := call.Args.(autoscaler.Checkpoint); ok && call.Err == nil {
			v.saved(call.Actor, c)
		}
	case OpUnprotect, OpStop:
		v.released(ctx, call)
	case OpAgentUnprotect:
		v.onlyRetired(ctx, call, call.Task)
	case OpSetDesired:
		if call.Err == nil {
			v.lowered(ctx, call)
		}
	case OpBegin:
		if was := v.records[call.Task]; call.Err == nil && was.State == autoscaler.TaskRetired {
			v.broken("I2", "a session began on %s after it was retired", call.Task)
		}
		v.look(ctx, call.Task)
	case OpForget:
		v.gone[call.Task] = v.gone[call.Task] || call.Err == nil
		v.look(ctx, call.Task)
	case OpCordon, OpReopen, OpRetire, OpRegister, OpOpen, OpRenew,
		OpStarted, OpReport, OpEnd, OpTouch, OpReserve, OpAbandon, OpBarrier, OpGiveNotice, OpEndSessions:
		v.look(ctx, call.Task)
	case OpDescribe, OpUtilization, OpList, OpProtect, OpSteer, OpWatch, OpAgentProtect, OpAgentProtection,
		OpActivity, OpProve, OpLoadCheckpoint, OpControl, OpSetControl, OpReportDemand, OpMark, OpDeadLetters, OpAppend, OpRead:
	}
}

// look reads a record that may have changed, and judges the change.
func (v *Invariants) look(ctx context.Context, task autoscaler.TaskID) {
	now, ok := v.read(ctx, task)
	if !ok {
		return
	}
	was := v.records[task]
	v.records[task] = now
	truth := v.c.truthOf(autoscaler.TaskRef{Service: v.service, Task: task})
	if was.State == autoscaler.TaskRetired && now.State != autoscaler.TaskRetired && now.State != autoscaler.TaskGone {
		v.broken("I2", "%s was retired and is %s", task, now.State)
	}
	forced := !now.Drain.Forced.IsZero()
	if was.State != autoscaler.TaskRetired && now.State == autoscaler.TaskRetired && truth.sessions > 0 && vouched(now.Level) && !forced {
		v.broken("I2", "%s is retired while %d sessions live on it", task, truth.sessions)
	}
	// Only the write that opens is judged. An open task whose protection runs out
	// later is the price of freeing a service that nobody controls.
	opened := was.State != autoscaler.TaskOpen && now.State == autoscaler.TaskOpen
	// What somebody else took away since it was read back nobody here can know.
	if opened && vouched(now.Level) && truth.wanted && !truth.protected && !truth.byOthers && !now.Exposed() {
		v.broken("I1", "%s opens, and ECS does not protect it", task)
	}
}

// vouched reports that the guarantee holds at the level as it stands; at level C it
// is the weaker one.
func vouched(level autoscaler.Level) bool {
	return level == autoscaler.LevelA || level == autoscaler.LevelB
}

// read returns the record as the store holds it. A record that is gone is shown
// as that, with its retired mark remembered by the caller.
func (v *Invariants) read(ctx context.Context, task autoscaler.TaskID) (autoscaler.TaskActivity, bool) {
	if task == "" {
		return autoscaler.TaskActivity{}, false
	}
	ref := autoscaler.TaskRef{Service: v.service, Task: task}
	records, err := v.proof.Prove(ctx, []autoscaler.TaskRef{ref}, v.c.Now())
	if err != nil || len(records) != 1 {
		return autoscaler.TaskActivity{}, false
	}
	return records[0], true
}

// released judges what lets ECS stop tasks, or stops them.
func (v *Invariants) released(ctx context.Context, call Call) {
	args, ok := call.Args.(workflow.Dangerous)
	if !ok {
		return
	}
	for _, task := range args.Tasks {
		v.onlyRetired(ctx, call, task)
	}
}

// onlyRetired judges I3, after the effect: retired is final, so a record that is
// not retired now was not when the call was sent.
func (v *Invariants) onlyRetired(ctx context.Context, call Call, task autoscaler.TaskID) {
	v.look(ctx, task)
	if record := v.records[task]; record.State != autoscaler.TaskRetired && record.State != autoscaler.TaskGone {
		v.broken("I3", "%s for %s, whose record is %q", call.Op, task, record.State)
	}
}

// saved judges the permits on a checkpoint.
func (v *Invariants) saved(actor string, c autoscaler.Checkpoint) {
	before := v.held
	v.held = c.Permit
	if c.Permit == nil || before != nil && samePermit(*before, *c.Permit) {
		return
	}
	v.permits = append(v.permits, *c.Permit)
	// An expired permit allows nothing, so replacing it takes nothing over.
	if before == nil || before.Expired(v.now(actor)) {
		return
	}
	if !c.Permit.Raise || v.level() != autoscaler.LevelA {
		v.broken("I5", "a permit for %s replaces a live one for %s", c.Permit.Call, before.Call)
	}
}

// level is the lowest level among the records seen that are not retired.
func (v *Invariants) level() autoscaler.Level {
	all := make([]autoscaler.TaskActivity, 0, len(v.records))
	for task, r := range v.records {
		if r.State != autoscaler.TaskGone && !v.gone[task] {
			all = append(all, r)
		}
	}
	return autoscaler.Reads{Activity: all}.Level()
}

// lowered judges a desired count that took effect.
func (v *Invariants) lowered(ctx context.Context, call Call) {
	args, ok := call.Args.(autoscaler.SetDesired)
	if !ok {
		return
	}
	if args.Desired != args.Permit.Desired {
		v.broken("I4", "desired %d is written under a permit for %d", args.Desired, args.Permit.Desired)
	}
	// The reads behind the value began a permit's life before it ends. A task
	// that was there then, is wanted now and is not retired now was counted: the
	// set can only have shrunk, however late the write arrives.
	ahead := v.now(call.Actor).Sub(v.c.Now())
	seen := args.Permit.NotAfter.Add(-autoscaler.PermitLife - time.Duration(max(v.c.lag, v.c.remember)) - ahead)
	kept := 0
	for _, task := range v.c.keptSince(v.service, seen) {
		v.look(ctx, task)
		if v.records[task].State != autoscaler.TaskRetired {
			kept++
		}
	}
	if args.Desired < kept {
		v.broken("I4", "desired %d is below the %d tasks that are to stay", args.Desired, kept)
	}
}

// stopped judges a task's end.
func (v *Invariants) stopped(change TaskChange) {
	if change.Ref.Service != v.service || change.LastStatus != "DEPROVISIONING" || change.Sessions == 0 {
		return
	}
	if change.StopCode != stoppedByScheduler && change.StopCode != stoppedByUser {
		return
	}
	record := v.records[change.Ref.Task]
	// The guarantee excepts these, and says so: an exposed task is unprotected by
	// ECS's own refusal, an unhealthy one is replaced by ECS itself, and what somebody
	// else bares or stops nobody here can save.
	if record.Exposed() || change.Unhealthy || change.ByOthers {
		return
	}
	// A host that ends sessions by force has asked for what still lives to be cut.
	if !record.Drain.Forced.IsZero() {
		return
	}
	// At level C a session can be cut that began since what the proof is of; how long
	// that may be only the host knows.
	if !vouched(record.Level) {
		return
	}
	v.broken("cut", "%s stopped (%s) with %d sessions, its record %q", change.Ref.Task, change.StopCode, change.Sessions, record.State)
}

// truth is what the cluster knows of a task, whatever the records say.
type truth struct {
	wanted, protected, byOthers bool
	sessions                    int
}

func (c *Cluster) truthOf(ref autoscaler.TaskRef) truth {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.find(ref.Service)
	if err != nil {
		return truth{}
	}
	t, ok := s.byID[ref.Task]
	if !ok {
		return truth{}
	}
	return truth{wanted: t.wanted, protected: t.protected(), byOthers: t.bared, sessions: t.sessions}
}

// keptSince returns the primary deployment's tasks that were there at the instant
// and that ECS still means to run.
func (c *Cluster) keptSince(id autoscaler.ServiceID, at time.Time) []autoscaler.TaskID {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.find(id)
	if err != nil {
		return nil
	}
	var out []autoscaler.TaskID
	for _, t := range s.tasks {
		if t.wanted && t.deployment == s.primary() && c.instant(t.created).Before(at) {
			out = append(out, t.id)
		}
	}
	return out
}
