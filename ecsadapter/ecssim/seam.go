package ecssim

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Point says where in a call a seam is.
type Point int

// The points, in order. A call that is refused for its permit never reaches Sent.
const (
	Before Point = iota // nothing has happened; an error here is a call that was never made
	Sent                // past the permit's check, on the wire: what waits here arrives late
	After               // it has taken effect; an error here is a reply that was lost
)

var pointText = [...]string{"before", "sent", "after"}

// String returns "before", "sent" or "after".
func (p Point) String() string {
	if p < Before || p > After {
		return "point"
	}
	return pointText[p]
}

// Op names a contract's method, as "contract.method".
type Op string

// The operations that pass a seam.
const (
	OpDescribe    Op = "scaler.describe"
	OpSetDesired  Op = "scaler.set_desired"
	OpUtilization Op = "metrics.utilization"

	OpList      Op = "tasks.list"
	OpProtect   Op = "tasks.protect"
	OpUnprotect Op = "tasks.unprotect"
	OpSteer     Op = "tasks.steer"
	OpStop      Op = "tasks.stop"
	OpWatch     Op = "tasks.watch"

	OpAgentProtect    Op = "agent.protect"
	OpAgentUnprotect  Op = "agent.unprotect"
	OpAgentProtection Op = "agent.protection"

	OpActivity Op = "sessions.activity"
	OpProve    Op = "sessions.prove"
	OpCordon   Op = "sessions.cordon"
	OpReopen   Op = "sessions.reopen"
	OpRetire   Op = "sessions.retire"

	OpRegister Op = "records.register"
	OpOpen     Op = "records.open"
	OpRenew    Op = "records.renew"
	OpForget   Op = "records.forget"

	OpLoadCheckpoint Op = "state.load_checkpoint"
	OpSaveCheckpoint Op = "state.save_checkpoint"
	OpControl        Op = "state.control"
	OpSetControl     Op = "state.set_control"

	OpBegin   Op = "writer.begin"
	OpStarted Op = "writer.started"
	OpTouch   Op = "writer.touch"
	OpEnd     Op = "writer.end"
	OpReport  Op = "writer.report"
	OpReserve Op = "writer.reserve"
	OpAbandon Op = "writer.abandon"

	OpReportDemand Op = "demand.report"

	OpMark        Op = "events.mark"
	OpDeadLetters Op = "events.failed"
	OpBarrier     Op = "barriers.barrier"

	OpGiveNotice  Op = "forced.give_notice"
	OpEndSessions Op = "forced.end_sessions"

	OpAppend Op = "journal.append"
	OpRead   Op = "journal.read"
)

// Call is one call of a contract as a seam sees it.
type Call struct {
	Actor   string // who calls: see WithActor; empty when nobody said
	Op      Op
	Point   Point
	At      time.Time
	Service autoscaler.ServiceID
	Task    autoscaler.TaskID // the task it is about, if it is about one
	Args    any               // the contract's request
	Err     error             // After: how the call itself ended
}

// Seam sees every call at each of its points, in the caller's goroutine and
// outside every lock. It may return an error, which the caller gets in place of
// the call (Before, Sent) or of its reply (After); it may hold the caller up. It
// must not change Args.
type Seam func(ctx context.Context, call Call) error

// Seams returns a seam that asks each of the seams given, in order, and stops at
// the first error. Nil seams are left out.
func Seams(seams ...Seam) Seam {
	return func(ctx context.Context, call Call) error {
		for _, s := range seams {
			if s == nil {
				continue
			}
			if err := s(ctx, call); err != nil {
				return err
			}
		}
		return nil
	}
}

type actorKey struct{}

// WithActor names who makes the calls under the context that it returns.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Actor returns the name that WithActor gave, empty if none.
func Actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

type clockKey struct{}

// WithClock gives the clock of whoever makes the calls under the context that it
// returns. A permit is judged by it, as an adapter judges one by the clock of the
// machine it runs on; without one the cluster's clock is taken.
func WithClock(ctx context.Context, now func() time.Time) context.Context {
	return context.WithValue(ctx, clockKey{}, now)
}

// callerNow is the caller's clock.
func (c *Cluster) callerNow(ctx context.Context) time.Time {
	if now, ok := ctx.Value(clockKey{}).(func() time.Time); ok {
		return now()
	}
	return c.Now()
}

// SetSeam replaces the cluster's seam; nil takes it away.
func (c *Cluster) SetSeam(seam Seam) {
	if seam == nil {
		c.seam.Store(nil)
		return
	}
	c.seam.Store(&seam)
}

func (c *Cluster) currentSeam() Seam {
	if seam := c.seam.Load(); seam != nil {
		return *seam
	}
	return nil
}

// pass runs a call through the seam: check judges a permit at the last instant
// before the call goes out, and send is its effect.
func (c *Cluster) pass(ctx context.Context, call Call, check func() error, send func(mishap) error) error {
	// A caller that has given up sends nothing.
	if err := ctx.Err(); err != nil {
		return err
	}
	c.identify(ctx, call.Op)
	seam, faults := c.currentSeam(), c.faults.Load()
	if seam == nil && faults == nil {
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		return send(mishap{})
	}
	// Everything about the call is made only where somebody listens: a run
	// without a seam makes millions of calls.
	call.Actor = Actor(ctx)
	w := watched{c: c, seam: seam, call: call, send: send}
	if err := w.at(ctx, Before); err != nil {
		return err
	}
	m := faults.strike(call)
	if m.kind == FaultThrottle || m.kind == FaultTimeout {
		c.linger(ctx, m)
		return m.fault(call.Op)
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
		if err := w.at(ctx, Sent); err != nil {
			return err
		}
	}
	return w.sent(ctx, m)
}

// identify gives the call an id for whoever keeps a journal. What users do by the
// million has none.
func (c *Cluster) identify(ctx context.Context, op Op) {
	if strings.HasPrefix(string(op), "writer.") {
		return
	}
	autoscaler.NoteRequest(ctx, "sim-"+strconv.FormatInt(c.requests.Add(1), 10))
}

// watched is a call that somebody listens to, on its way.
type watched struct {
	c    *Cluster
	seam Seam
	call Call
	send func(mishap) error
}

func (w *watched) at(ctx context.Context, p Point) error {
	if w.seam == nil {
		return nil
	}
	w.call.Point, w.call.At = p, w.c.Now()
	return w.seam(ctx, w.call)
}

// sent has the call take effect, now or when it arrives.
func (w *watched) sent(ctx context.Context, m mishap) error {
	if m.kind == FaultLate {
		w.arriveLater(m.delay)
		w.c.linger(ctx, m)
		return m.fault(w.call.Op)
	}
	// After is reached also where the call failed: a seam may want to see a
	// refusal, and whoever takes turns there must not skip one.
	w.call.Err = w.send(m)
	if m.kind == FaultTwice {
		w.arriveLater(m.delay)
	}
	if err := w.at(ctx, After); err != nil {
		return err
	}
	if lost := m.fault(w.call.Op); lost != nil {
		w.c.linger(ctx, m)
		return lost
	}
	return w.call.Err
}

// arriveLater has the call take effect later, when nobody waits for it any more. Its
// answer is lost, and seams that hand turns around are not asked about it.
func (w *watched) arriveLater(delay time.Duration) {
	late := *w
	w.c.At(w.c.Now().Add(delay), func() {
		late.call.Err = late.send(mishap{})
		_ = late.at(WithActor(context.Background(), late.call.Actor), After)
	})
}

// linger holds up an actor that waits for an answer in vain. Others do not wait: no
// time passes between the calls of a clock's event.
func (c *Cluster) linger(ctx context.Context, m mishap) {
	if a, ok := ctx.Value(stageKey{}).(*actor); ok && m.delay > 0 && m.kind != FaultThrottle {
		a.wake = c.Now().Add(min(m.delay, lingerAtMost))
		_ = a.wait(ctx)
	}
}

// lingerAtMost is when a caller gives up, however late the call arrives.
const lingerAtMost = 5 * time.Second

// call passes a call whose effect is one of the cluster's own, under its lock.
func (c *Cluster) call(ctx context.Context, call Call, effect func() error) error {
	return c.callWith(ctx, call, func(mishap) error { return effect() })
}

// callWith is call for an effect that a mishap changes.
func (c *Cluster) callWith(ctx context.Context, call Call, effect func(mishap) error) error {
	return c.pass(ctx, call, nil, func(m mishap) error { return c.locked(func() error { return effect(m) }) })
}

func (c *Cluster) locked(effect func() error) error {
	c.mu.Lock()
	defer c.unlock()
	return effect()
}

// unlock ends a change of the cluster.
func (c *Cluster) unlock() {
	c.settle()
	c.mu.Unlock()
}
