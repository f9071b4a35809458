package ecssim

import (
	"context"
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
func (c *Cluster) pass(ctx context.Context, call Call, check, send func() error) error {
	// A caller that has given up sends nothing.
	if err := ctx.Err(); err != nil {
		return err
	}
	seam := c.currentSeam()
	if seam == nil {
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		return send()
	}
	// Everything about the call is made only where somebody listens: a run
	// without a seam makes millions of calls.
	call.Actor = Actor(ctx)
	at := func(p Point) error {
		call.Point, call.At = p, c.Now()
		return seam(ctx, call)
	}
	if err := at(Before); err != nil {
		return err
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
		if err := at(Sent); err != nil {
			return err
		}
	}
	// After is reached also where the call failed: a seam may want to see a
	// refusal, and whoever takes turns there must not skip one.
	call.Err = send()
	if err := at(After); err != nil {
		return err
	}
	return call.Err
}

// call passes a call whose effect is one of the cluster's own, under its lock.
func (c *Cluster) call(ctx context.Context, call Call, effect func() error) error {
	return c.pass(ctx, call, nil, func() error { return c.locked(effect) })
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
