package ecssim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Times of a process, beside its report interval.
const (
	protectRetry  = time.Minute      // between two tries after ECS refused
	exposedWait   = 30 * time.Second // from the exposed mark to opening
	controllerAge = time.Hour        // a controller heard of within this is alive
)

// process is one of the application's processes on one task. Its sessions are the
// truth.
type process struct {
	a          *Application
	level      autoscaler.Level
	ref        autoscaler.TaskRef
	deployment string
	name       string // of the actor
	first      bool   // of its task: it protects the task, and opens it
	machine    *sessionstore.Process
	// In the order of their beginning. A slice, since a task holds tens: a map
	// would cost more than the search.
	sessions []held
	order    sessionstore.Order

	protectedUntil time.Time // as read back last
	unsaid         bool      // the next report is to carry it
	tryAt          time.Time // no protection is asked for before this
	exposed        bool
	cleared        bool // its own protection, having read retired
	leaving        bool // SIGTERM has come
	down           bool
}

// held is a session that a process holds.
type held struct {
	id    sessionstore.SessionID
	began time.Time
}

// boot starts the processes of a task that became RUNNING, or whose containers were
// started again.
func (a *Application) boot(ref autoscaler.TaskRef, deployment string) {
	level := cmp.Or(a.levels[ref.Task], a.cfg.Level)
	all := make([]*process, a.cfg.Processes)
	for i := range all {
		p := &process{a: a, level: level, ref: ref, deployment: deployment, first: i == 0, name: "task/" + string(ref.Task)}
		if i > 0 {
			p.name += fmt.Sprintf("/%d", i)
		}
		p.machine = sessionstore.NewProcess(sessionstore.ProcessConfig{
			Ref: ref, Name: fmt.Sprintf("process-%d", i), Boot: a.now(p.name), Level: level, Slots: a.cfg.Slots,
			Processes: a.cfg.Processes, Revision: deployment, Interval: a.cfg.ReportInterval,
		})
		all[i] = p
	}
	a.processes[ref.Task] = all
	a.tellCluster(ref)
	if level == autoscaler.LevelC {
		return // it says nothing of itself
	}
	for _, p := range all {
		p.run()
	}
}

// run has the process report until it ends: as an actor of the stage where there is
// one, by the clock otherwise. The first report makes the record, closed, and its
// answer has the version that opening names.
func (p *process) run() {
	if s := p.a.cfg.Stage; s != nil {
		s.Go(p.name, func(ctx context.Context) {
			for !p.down {
				p.report(ctx)
				if s.Sleep(ctx, p.a.cfg.ReportInterval) != nil {
					return
				}
			}
		})
		return
	}
	ctx := WithActor(context.Background(), p.name)
	p.report(ctx)
	var again func()
	again = func() {
		if p.down {
			return
		}
		p.report(ctx)
		p.a.c.At(p.a.c.Now().Add(p.a.cfg.ReportInterval), again)
	}
	p.a.c.At(p.a.c.Now().Add(p.a.cfg.ReportInterval), again)
}

func (p *process) now() time.Time { return p.a.now(p.name) }

// listing is what the process reports: the sessions it holds at this moment. It is a
// copy, because a store may keep what it is given, as one that sends it over a
// network would.
func (p *process) listing() []sessionstore.SessionID {
	ids := make([]sessionstore.SessionID, len(p.sessions))
	for i, s := range p.sessions {
		ids[i] = s.id
	}
	return ids
}

// report reports, follows the answer, and reports again where the answer asks for
// it: to acknowledge a drain, or to read the record that it has just opened.
func (p *process) report(ctx context.Context) {
	// Three are enough: one to hear, one to say what was done, one to read what
	// that made of the record. A record that changes faster is read in its turn.
	for range 3 {
		now := p.now()
		until := time.Time{}
		if p.unsaid {
			until = p.protectedUntil
		}
		order, err := p.a.cfg.Writer.Report(ctx, p.machine.Report(now, p.listing(), until))
		if err != nil || p.down {
			return // it keeps what it has; the next report is due in its turn
		}
		p.unsaid = false
		p.machine.Observe(order)
		if order.Version >= p.order.Version {
			p.order = order
		}
		changed := p.follow(ctx, p.now())
		if now = p.now(); !changed && p.machine.Due(now).After(now) {
			return
		}
	}
}

// follow does what the record asks of the task, and reports whether the record
// may have changed by it.
func (p *process) follow(ctx context.Context, now time.Time) bool {
	p.letGo(ctx, now)
	if !p.first {
		return false
	}
	switch p.order.State {
	case autoscaler.TaskRetired:
		p.clear(ctx)
		return false
	case autoscaler.TaskNew:
		return p.open(ctx, now)
	case autoscaler.TaskOpen, autoscaler.TaskCordoned:
		p.renew(ctx, now)
		if p.exposed && p.protect(ctx, now) {
			return p.say(ctx, now, false)
		}
		return false
	case autoscaler.TaskStopping, autoscaler.TaskGone:
		return false
	}
	return false
}

// letGo ends the sessions whose deadline has come: the users were told in time.
func (p *process) letGo(ctx context.Context, now time.Time) {
	if p.order.Ending.IsZero() || now.Before(p.order.Ending) {
		return
	}
	for len(p.sessions) > 0 {
		id := p.sessions[0].id
		p.end(id)
		p.ended(ctx, id)
	}
}

// clear takes the task's own protection away once its record says retired: the
// process that owns the sockets has the last word, and holds none.
func (p *process) clear(ctx context.Context) {
	// A session on a retired task can only be one that was told of. It keeps its
	// protection until it ends.
	if p.cleared || p.a.Live(p.ref.Task) > 0 {
		return
	}
	_, failure, err := p.a.c.AgentProtect(ctx, p.ref, false, 0)
	p.cleared = err == nil && failure == ""
}

// open protects the task, reads the protection back and opens the record with
// what it read. Where a deployment or a scale-in blocks protection, the record is
// marked exposed first, and opens half a minute later.
func (p *process) open(ctx context.Context, now time.Time) bool {
	// A task that was cordoned before it ever opened, and reopened, is protected
	// already: it asks for nothing and only says so again.
	if p.protected(now) || p.protect(ctx, now) {
		return p.say(ctx, now, false)
	}
	return p.exposed && p.say(ctx, now, true)
}

// protected reports that the protection last read back is enough to open with.
func (p *process) protected(now time.Time) bool {
	return p.protectedUntil.Sub(now) > 30*time.Minute
}

// protect asks for protection and reads it back.
func (p *process) protect(ctx context.Context, now time.Time) bool {
	if now.Before(p.tryAt) {
		return false
	}
	// Any failure waits a minute: the endpoint shares its rate with every other
	// task, and a blocked deployment does not clear sooner.
	p.tryAt = now.Add(protectRetry)
	_, failure, err := p.a.c.AgentProtect(ctx, p.ref, true, p.a.cfg.Protection)
	if err != nil || failure != "" {
		p.exposed = p.exposed || failure == FailureBlocked
		return false
	}
	// That the PUT returned is no confirmation: the endpoint answers 200 with a
	// failure in the body, and its call to ECS can time out after it was applied.
	until, err := p.a.c.AgentProtection(ctx, p.ref)
	if err != nil || until.IsZero() {
		return false
	}
	p.protectedUntil, p.tryAt, p.exposed, p.unsaid = until, time.Time{}, false, true
	return true
}

// say tells the record what was read back.
func (p *process) say(ctx context.Context, now time.Time, exposed bool) bool {
	req := autoscaler.OpenRequest{Ref: p.ref, Version: p.order.Version, Exposed: exposed, At: now}
	if !exposed {
		req.ProtectedUntil = p.protectedUntil
	}
	activity, err := p.a.cfg.Records.Open(ctx, req)
	if err != nil {
		// Opening names the version that was read. Whoever wrote in between may have
		// cordoned the task, and then it must not open.
		return false // overtaken, or not yet: the next report tells the version
	}
	// Longer than any permit lives: a controller that lowers desired has either
	// seen the mark or its permit has run out when the task opens.
	if exposed && activity.State == autoscaler.TaskNew {
		if p.a.cfg.Stage == nil {
			p.a.c.At(p.a.c.Now().Add(exposedWait), func() {
				if !p.down {
					p.report(WithActor(context.Background(), p.name))
				}
			})
		}
		return false
	}
	p.unsaid = false
	p.a.broker.slotFreed()
	return true
}

// renew asks for protection anew at half its life, while somebody needs it: a
// controller that is gone for good must not block deployments for ever.
func (p *process) renew(ctx context.Context, now time.Time) {
	if p.protectedUntil.Sub(now) > p.a.cfg.Protection/2 || p.exposed {
		return
	}
	// Half of a day is left when this is first asked, so a refusal, or a store
	// that is away for hours, is no danger yet.
	if p.a.Live(p.ref.Task) > 0 || now.Sub(p.order.ControllerAt) <= controllerAge {
		p.protect(ctx, now)
	}
}

// admits reports whether the process takes a session now. At level A, where it was
// granted, one that stands closed looks at the record before it refuses: it may have
// been reopened. At level C nothing closes the door but the end of the process.
func (p *process) admits(ctx context.Context) bool {
	if p.down || p.leaving {
		return false
	}
	if p.level == autoscaler.LevelC {
		return p.a.Live(p.ref.Task) < p.a.cfg.Slots
	}
	// One report is one read of the record, made after the grant: if a controller
	// or the grant itself reopened the task, the answer says so.
	if !p.machine.Admits() && p.level == autoscaler.LevelA {
		p.report(ctx)
	}
	// While the answer was on its way the process may have been told to end.
	room := p.level == autoscaler.LevelA || p.a.Live(p.ref.Task) < p.a.cfg.Slots
	return p.machine.Admits() && room && !p.down && !p.leaving
}

// begin makes a session live.
func (p *process) begin(id sessionstore.SessionID) {
	p.sessions = append(p.sessions, held{id, p.a.c.Now()})
	p.a.score.active(p.a.c.Now(), 1)
	p.a.tellCluster(p.ref)
}

// end ends a session by itself. It reports whether the session still lived.
func (p *process) end(id sessionstore.SessionID) bool {
	i := slices.IndexFunc(p.sessions, func(s held) bool { return s.id == id })
	if i < 0 {
		return false
	}
	p.sessions = slices.Delete(p.sessions, i, i+1)
	p.a.score.active(p.a.c.Now(), -1)
	p.a.tellCluster(p.ref)
	return true
}

// ended tells the store of a session's end, and acknowledges a drain with the
// last of them.
func (p *process) ended(ctx context.Context, id sessionstore.SessionID) {
	if p.level == autoscaler.LevelC {
		p.a.queue.end(p.ref, id)
		return
	}
	// A lost end is repaired by the reports: the session is listed no more, and
	// its lease runs out.
	_ = p.a.cfg.Writer.End(ctx, sessionstore.EndRequest{Ref: p.ref, Session: id, At: p.now()})
	if _, draining := p.machine.Draining(); draining && len(p.sessions) == 0 && !p.down {
		p.report(ctx)
	}
}

// told tells of a session that the process serves already, at level B; at level C
// an event does.
func (p *process) told(ctx context.Context, id sessionstore.SessionID) {
	if p.level == autoscaler.LevelC {
		p.a.queue.start(p.ref, id)
		return
	}
	// What is lost on the way the next report lists.
	now := p.now()
	_, _ = p.a.cfg.Writer.Started(ctx, sessionstore.StartedRequest{Ref: p.ref, Session: id, At: now, Began: now})
}
