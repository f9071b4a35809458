package ecssim

import (
	"context"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Times of a level A process, beside its report interval.
const (
	protectRetry  = time.Minute      // between two tries after ECS refused
	exposedWait   = 30 * time.Second // from the exposed mark to opening
	controllerAge = time.Hour        // a controller heard of within this is alive
)

// process is the application's process on one task. Its sessions are the truth.
type process struct {
	a *Application
	// The context names the task as the actor of its calls.
	ctx     context.Context
	ref     autoscaler.TaskRef
	machine *sessionstore.Process
	// In the order of their beginning. A slice, since a task holds tens: a map
	// would cost more than the search.
	sessions []sessionstore.SessionID
	order    sessionstore.Order

	protectedUntil time.Time // as read back last
	unsaid         bool      // the next report is to carry it
	tryAt          time.Time // no protection is asked for before this
	exposed        bool
	cleared        bool // its own protection, having read retired
	leaving        bool // SIGTERM has come
	down           bool
}

// boot starts the process of a task that became RUNNING.
func (a *Application) boot(change TaskChange) {
	now := a.c.Now()
	p := &process{
		a: a, ref: change.Ref, ctx: WithActor(context.Background(), "task/"+string(change.Ref.Task)),
		machine: sessionstore.NewProcess(sessionstore.ProcessConfig{
			Ref: change.Ref, Name: "main", Boot: now, Level: autoscaler.LevelA, Slots: a.cfg.Slots,
			Processes: 1, Revision: change.Deployment, Interval: a.cfg.ReportInterval,
		}),
	}
	a.processes[change.Ref.Task] = p
	a.c.SetSessions(p.ref, 0, a.cfg.Slots)
	// The first report makes the record, closed, and its answer has the version
	// that opening names.
	p.report()
	var again func()
	again = func() {
		if p.down {
			return
		}
		p.report()
		a.c.At(a.c.Now().Add(a.cfg.ReportInterval), again)
	}
	a.c.At(now.Add(a.cfg.ReportInterval), again)
}

// report reports, follows the answer, and reports again where the answer asks for
// it: to acknowledge a drain, or to read the record that it has just opened.
func (p *process) report() {
	// Three are enough: one to hear, one to say what was done, one to read what
	// that made of the record. A record that changes faster is read in its turn.
	for range 3 {
		now := p.a.c.Now()
		until := time.Time{}
		if p.unsaid {
			until = p.protectedUntil
		}
		// The slice is copied because a store may keep what it is given, as one that
		// sends it over a network would.
		order, err := p.a.cfg.Writer.Report(p.ctx, p.machine.Report(now, slices.Clone(p.sessions), until))
		if err != nil {
			return // it keeps what it has; the next report is due in its turn
		}
		p.unsaid = false
		p.machine.Observe(order)
		if order.Version >= p.order.Version {
			p.order = order
		}
		changed := p.follow(now)
		if !changed && p.machine.Due(now).After(now) {
			return
		}
	}
}

// follow does what the record asks of the task, and reports whether the record
// may have changed by it.
func (p *process) follow(now time.Time) bool {
	switch p.order.State {
	case autoscaler.TaskRetired:
		p.clear()
		return false
	case autoscaler.TaskNew:
		return p.open(now)
	case autoscaler.TaskOpen, autoscaler.TaskCordoned:
		p.renew(now)
		if p.exposed && p.protect(now) {
			return p.say(now, false)
		}
		return false
	case autoscaler.TaskStopping, autoscaler.TaskGone:
		return false
	}
	return false
}

// clear takes the task's own protection away once its record says retired: the
// process that owns the sockets has the last word, and holds none.
func (p *process) clear() {
	// A session on a retired task can only be one that was told of. It keeps its
	// protection until it ends.
	if p.cleared || len(p.sessions) > 0 {
		return
	}
	_, failure, err := p.a.c.AgentProtect(p.ctx, p.ref, false, 0)
	p.cleared = err == nil && failure == ""
}

// open protects the task, reads the protection back and opens the record with
// what it read. Where a deployment or a scale-in blocks protection, the record is
// marked exposed first, and opens half a minute later.
func (p *process) open(now time.Time) bool {
	// A task that was cordoned before it ever opened, and reopened, is protected
	// already: it asks for nothing and only says so again.
	if p.protected(now) || p.protect(now) {
		return p.say(now, false)
	}
	return p.exposed && p.say(now, true)
}

// protected reports that the protection last read back is enough to open with.
func (p *process) protected(now time.Time) bool {
	return p.protectedUntil.Sub(now) > 30*time.Minute
}

// protect asks for protection and reads it back.
func (p *process) protect(now time.Time) bool {
	if now.Before(p.tryAt) {
		return false
	}
	// Any failure waits a minute: the endpoint shares its rate with every other
	// task, and a blocked deployment does not clear sooner.
	p.tryAt = now.Add(protectRetry)
	_, failure, err := p.a.c.AgentProtect(p.ctx, p.ref, true, p.a.cfg.Protection)
	if err != nil || failure != "" {
		p.exposed = p.exposed || failure == FailureBlocked
		return false
	}
	// That the PUT returned is no confirmation: the endpoint answers 200 with a
	// failure in the body, and its call to ECS can time out after it was applied.
	until, err := p.a.c.AgentProtection(p.ctx, p.ref)
	if err != nil || until.IsZero() {
		return false
	}
	p.protectedUntil, p.tryAt, p.exposed, p.unsaid = until, time.Time{}, false, true
	return true
}

// say tells the record what was read back.
func (p *process) say(now time.Time, exposed bool) bool {
	req := autoscaler.OpenRequest{Ref: p.ref, Version: p.order.Version, Exposed: exposed, At: now}
	if !exposed {
		req.ProtectedUntil = p.protectedUntil
	}
	activity, err := p.a.cfg.Records.Open(p.ctx, req)
	if err != nil {
		// Opening names the version that was read. Whoever wrote in between may have
		// cordoned the task, and then it must not open.
		return false // overtaken, or not yet: the next report tells the version
	}
	// Longer than any permit lives: a controller that lowers desired has either
	// seen the mark or its permit has run out when the task opens.
	if exposed && activity.State == autoscaler.TaskNew {
		p.a.c.At(now.Add(exposedWait), func() {
			if !p.down {
				p.report()
			}
		})
		return false
	}
	p.unsaid = false
	p.a.broker.slotFreed()
	return true
}

// renew asks for protection anew at half its life, while somebody needs it: a
// controller that is gone for good must not block deployments for ever.
func (p *process) renew(now time.Time) {
	if p.protectedUntil.Sub(now) > p.a.cfg.Protection/2 || p.exposed {
		return
	}
	// Half of a day is left when this is first asked, so a refusal, or a store
	// that is away for hours, is no danger yet.
	if len(p.sessions) > 0 || now.Sub(p.order.ControllerAt) <= controllerAge {
		p.protect(now)
	}
}

// admits reports whether the process takes a session that was granted. One that
// stands closed looks at the record before it refuses: it may have been reopened.
func (p *process) admits() bool {
	if p.down || p.leaving {
		return false
	}
	// One report is one read of the record, made after the grant: if a controller
	// or the grant itself reopened the task, the answer says so.
	if !p.machine.Admits() {
		p.report()
	}
	return p.machine.Admits()
}

// begin makes a session live.
func (p *process) begin(id sessionstore.SessionID) {
	p.sessions = append(p.sessions, id)
	p.a.score.active(p.a.c.Now(), 1)
	p.a.c.SetSessions(p.ref, len(p.sessions), p.a.cfg.Slots)
}

// end ends a session by itself. It reports whether the session still lived.
func (p *process) end(id sessionstore.SessionID) bool {
	i := slices.Index(p.sessions, id)
	if i < 0 {
		return false
	}
	p.sessions = slices.Delete(p.sessions, i, i+1)
	p.a.score.active(p.a.c.Now(), -1)
	p.a.c.SetSessions(p.ref, len(p.sessions), p.a.cfg.Slots)
	return true
}

// ended tells the store of a session's end, and acknowledges a drain with the
// last of them.
func (p *process) ended(id sessionstore.SessionID) {
	now := p.a.c.Now()
	// A lost end is repaired by the reports: the session is listed no more, and
	// its lease runs out.
	_ = p.a.cfg.Writer.End(p.ctx, sessionstore.EndRequest{Ref: p.ref, Session: id, At: now})
	if _, draining := p.machine.Draining(); draining && len(p.sessions) == 0 && !p.down {
		p.report()
	}
}
