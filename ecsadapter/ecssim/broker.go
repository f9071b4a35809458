package ecssim

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Times of a broker.
const (
	retryEvery   = time.Second     // while users wait
	demandEvery  = 2 * time.Second // between two reports of demand, at least
	demandRepeat = time.Minute     // while users wait: a report counts for five minutes
	balancerTry  = 3               // further tries behind a balancer before it counts as no slot
	lastTry      = 16              // of one placement: more refusals than any race explains
	grantTries   = 3               // of one question, before it is withdrawn
	demandSource = "ecssim/entrance"
	steerBack    = 20 * time.Second // from a task's reopening until a balancer routes to it
	patience     = 30 * time.Minute // of a user on a stage, who then leaves
)

// user is somebody who wants a session.
type user struct {
	name    int64
	arrived time.Time
	length  time.Duration
	tries   int
	noSlot  bool // counted already
	asked   int  // ids used so far: one that was abandoned is never used again
}

func (u *user) id() sessionstore.SessionID {
	id := "s-" + strconv.FormatInt(u.name, 10)
	if u.asked > 0 {
		id += "-" + strconv.Itoa(u.asked)
	}
	return sessionstore.SessionID(id)
}

// broker finds tasks for users: it looks, chooses and asks, and keeps who found
// none in the order of their coming. It stands for whatever sends users to tasks:
// the application's own gateway where it asks Place, the users themselves behind
// a balancer. It decides nothing about safety: at level A the answer to Begin does.
type broker struct {
	a   *Application
	ctx context.Context

	// First come, first served, as the model that scores are compared in has it.
	queue   []*user
	trying  int  // users behind the balancer that were counted as no slot
	planned bool // a retry is planned
	// The view may be a second old. What this broker began and saw end is carried
	// into it, so that it fills tasks in order between two looks; what others do, a
	// refusal tells.
	view     []autoscaler.TaskActivity
	viewedAt time.Time
	passed   []autoscaler.TaskID // tasks that refused in the placement under way
	// Tasks that were out of the balancer when they were last looked at; steered only.
	out map[autoscaler.TaskID]bool

	// Demand is reported as it changes and not with each user: a burst of a
	// thousand is one report, and the controller hears of it as soon.
	refusals    int // of users, not reported yet
	said        sessionstore.DemandReport
	saysPlanned bool
}

func newBroker(a *Application) broker {
	return broker{a: a, ctx: WithActor(context.Background(), "broker")}
}

func (b *broker) waiting() int { return len(b.queue) + b.trying }

// arrive takes a user in: by the application's broker, or, on a stage, by a broker of
// the user's own, which others can overtake at every call.
func (a *Application) arrive(u *user) {
	if a.cfg.Stage == nil {
		a.broker.arrive(u)
		return
	}
	a.score.arrival(u.arrived)
	a.cfg.Stage.Go("user/"+strconv.FormatInt(u.name, 10), func(ctx context.Context) { a.seek(ctx, u) })
}

// seek tries to be served, again and again, until the user's patience ends.
func (a *Application) seek(ctx context.Context, u *user) {
	own := broker{a: a, ctx: ctx}
	for a.c.Now().Sub(u.arrived) < patience {
		served := false
		if a.cfg.Entrance == EnterByBalancer {
			served = own.knockOnce(u)
		} else {
			served = own.place(u)
		}
		if served {
			break
		}
		if u.tries++; !u.noSlot && (a.cfg.Entrance != EnterByBalancer || u.tries > balancerTry) {
			a.broker.trying++
			a.broker.turnedAway(u)
		}
		if a.cfg.Stage.Sleep(ctx, retryEvery*time.Duration(min(u.tries, 30))) != nil {
			break
		}
	}
	if u.noSlot {
		a.broker.trying--
		a.broker.tell()
	}
}

// arrive takes a user in.
func (b *broker) arrive(u *user) {
	b.a.score.arrival(u.arrived)
	if b.a.cfg.Entrance == EnterByBalancer {
		b.knock(u)
		return
	}
	// Nobody overtakes who waits, even where a slot is free this instant.
	if len(b.queue) == 0 && b.place(u) {
		return
	}
	b.turnedAway(u)
	b.queue = append(b.queue, u)
	b.planRetry()
}

// turnedAway counts a user who found no free slot, once.
func (b *broker) turnedAway(u *user) {
	if u.noSlot {
		return
	}
	u.noSlot = true
	b.a.score.noSlot(u.arrived)
	b.refusals++
	b.tell()
}

// slotFreed says that a slot may be free, so that users who wait are tried now.
func (b *broker) slotFreed() {
	if len(b.queue) > 0 {
		// The slot that was freed is not in the view yet.
		b.viewedAt = time.Time{}
		b.serve()
	}
}

// planRetry tries the queue again soon: a task that the controller reopened tells
// nobody.
func (b *broker) planRetry() {
	if b.planned {
		return
	}
	b.planned = true
	b.a.c.At(b.a.c.Now().Add(retryEvery), func() {
		b.planned = false
		b.serve()
		if len(b.queue) > 0 {
			b.planRetry()
		}
	})
}

// serve places who waits, first come first served.
func (b *broker) serve() {
	before := len(b.queue)
	for len(b.queue) > 0 && b.place(b.queue[0]) {
		b.queue[0] = nil
		b.queue = b.queue[1:]
	}
	if len(b.queue) != before {
		b.tell()
	}
}

// place finds a task for a user by the broker's own view. It gives up only after
// a fresh look.
func (b *broker) place(u *user) bool {
	route, steered := sessionstore.Pack, b.a.cfg.Entrance == EnterSteered
	// Packing keeps other tasks empty, and an empty task is what a scale-in can
	// release; spreading is what most balancers do.
	if b.a.cfg.Entrance == EnterLeast || steered {
		route = sessionstore.Least
	}
	b.passed = b.passed[:0]
	// Each refusal takes one task out of this placement, so the loop ends by
	// itself; the bound is for a store that answers differently each time.
	for range lastTry {
		fresh := b.look()
		choice, ok := sessionstore.Place(b.view, route)
		// Only a question opens a cordoned task, and a level B process is not asked.
		ok = ok && (!choice.Reopen || b.asks(choice.Ref.Task) && !steered)
		if (!ok || choice.Reopen) && !fresh {
			b.viewedAt = time.Time{}
			continue
		}
		if !ok {
			return false
		}
		if b.ask(u, choice.Ref.Task, choice.Reopen) {
			b.adjust(choice.Ref.Task, 1)
			return true
		}
		b.passed = append(b.passed, choice.Ref.Task)
		b.viewedAt = time.Time{}
	}
	return false
}

// look makes the view young enough, and reports whether it is of this instant.
func (b *broker) look() bool {
	now := b.a.c.Now()
	if !b.viewedAt.IsZero() && now.Sub(b.viewedAt) < b.a.cfg.Lookup {
		return b.viewedAt.Equal(now)
	}
	activity, err := b.a.cfg.Sessions.Activity(b.ctx, b.a.cfg.Service, b.now())
	if err != nil {
		// No view is not an empty service: the user waits, and the next look may
		// succeed.
		b.view = nil
	} else {
		b.view = activity.Tasks
	}
	b.viewedAt = now
	if b.a.cfg.Entrance == EnterSteered {
		b.steer(now)
	}
	// A task that has refused this user would be chosen again: the look may lag
	// behind the record, and a process may be closed while its record is open.
	for _, id := range b.passed {
		if i := b.find(id); i >= 0 {
			b.view[i].Occupancy = autoscaler.Occupancy{}
		}
	}
	return true
}

// steer leaves out what the balancer does not route to: a task that was cordoned and
// was not reopened long enough ago.
func (b *broker) steer(now time.Time) {
	if b.out == nil {
		b.out = make(map[autoscaler.TaskID]bool)
	}
	for i := range b.view {
		a := &b.view[i]
		switch {
		case a.State == autoscaler.TaskCordoned:
			b.out[a.Ref.Task] = true
		case a.State != autoscaler.TaskOpen:
			delete(b.out, a.Ref.Task)
		case b.out[a.Ref.Task] && now.Sub(a.Opened) < steerBack:
			a.Occupancy = autoscaler.Occupancy{}
		default:
			delete(b.out, a.Ref.Task)
		}
	}
}

// find returns a task's place in the view, or -1.
func (b *broker) find(id autoscaler.TaskID) int {
	i, ok := slices.BinarySearchFunc(b.view, id, func(a autoscaler.TaskActivity, id autoscaler.TaskID) int {
		return strings.Compare(string(a.Ref.Task), string(id))
	})
	if !ok {
		return -1
	}
	return i
}

// adjust carries a session that this broker began, or saw end, into its view.
func (b *broker) adjust(id autoscaler.TaskID, by int) {
	i := b.find(id)
	if i < 0 {
		return
	}
	if n, known := b.view[i].Occupancy.Sessions(); known {
		b.view[i].Occupancy = autoscaler.Sessions(max(0, n+by))
	}
	if by > 0 && b.view[i].State == autoscaler.TaskCordoned {
		b.viewedAt = time.Time{} // it was reopened
	}
}

// ask begins a session on a task and has the task's process take it. A refusal
// of either is a refusal.
func (b *broker) ask(u *user, task autoscaler.TaskID, reopen bool) bool {
	ref := autoscaler.TaskRef{Service: b.a.cfg.Service, Task: task}
	asks := b.asks(task)
	if asks && !b.begin(u, ref, reopen) {
		b.a.score.refused(u.arrived)
		return false
	}
	// The process has the last word, not the record: one that has acknowledged a
	// drain is bound until it reads an open record of a higher version. Until then
	// the record holds the session, so the task cannot be retired meanwhile.
	p, id := b.a.emptiest(task), u.id()
	if p == nil || !p.admits(b.ctx) {
		b.a.score.refused(u.arrived)
		if asks {
			b.abandon(u, ref)
		}
		return false
	}
	b.serveUser(u, p, id)
	if !asks {
		p.told(b.ctx, id)
	}
	return true
}

// serveUser lets a user in, and plans the session's end.
func (b *broker) serveUser(u *user, p *process, id sessionstore.SessionID) {
	now, task := b.a.c.Now(), p.ref.Task
	p.begin(id)
	b.a.score.served(u.arrived, now)
	b.a.c.At(now.Add(u.length), func() {
		// A session that was cut has ended already, and nobody tells its end.
		if p.end(id) {
			p.ended(WithActor(context.Background(), p.name), id)
			b.a.broker.adjust(task, -1)
			b.a.broker.slotFreed()
		}
	})
}

// asks reports that sessions on the task are asked for before they are served.
func (b *broker) asks(task autoscaler.TaskID) bool {
	ps := b.a.processes[task]
	return len(ps) == 0 || ps[0].level == autoscaler.LevelA
}

// emptiest returns the task's process with the fewest sessions, nil where none runs.
func (a *Application) emptiest(task autoscaler.TaskID) *process {
	var best *process
	for _, p := range a.processes[task] {
		if best == nil || len(p.sessions) < len(best.sessions) {
			best = p
		}
	}
	return best
}

// now is the broker's clock.
func (b *broker) now() time.Time { return b.a.now(Actor(b.ctx)) }

// begin asks the store until there is an answer that still holds: a grant is
// void when it comes too late, and the same question renews it.
func (b *broker) begin(u *user, ref autoscaler.TaskRef, reopen bool) bool {
	// The same id, the same task: after a lost reply the repeat finds the session
	// admitted and answers as the first call did.
	for range grantTries {
		grant, err := b.a.cfg.Writer.Begin(b.ctx, sessionstore.BeginRequest{
			Ref: ref, Session: u.id(), At: b.now(), Reopen: reopen,
		})
		switch {
		case err == nil && b.now().Before(grant.Expires):
			return true
		case refusal(err):
			return false
		}
	}
	b.abandon(u, ref)
	return false
}

// refusal reports that the store has said no, and so holds nothing for the user.
// After any other error nobody knows.
func refusal(err error) bool {
	for _, no := range []error{autoscaler.ErrCordoned, autoscaler.ErrTaskFull, autoscaler.ErrGone,
		autoscaler.ErrNotFound, autoscaler.ErrForeign} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// abandon withdraws what was granted, or may have been, and is not served. The id
// is never used again.
func (b *broker) abandon(u *user, ref autoscaler.TaskRef) {
	_ = b.a.cfg.Writer.Abandon(b.ctx, sessionstore.EndRequest{Ref: ref, Session: u.id(), At: b.now()})
	u.asked++
}

// knock goes where the balancer routes: by least connections first, at random
// after a refusal.
func (b *broker) knock(u *user) {
	if b.knockOnce(u) {
		if u.noSlot {
			b.trying--
			b.tell()
		}
		return
	}
	// Three tries a second apart are what a patient client makes by itself; who
	// is refused four times has found no slot, and says so to the demand.
	if u.tries++; u.tries > balancerTry && !u.noSlot {
		b.trying++
		b.turnedAway(u)
	}
	b.a.c.At(b.a.c.Now().Add(retryEvery), func() { b.knock(u) })
}

// knockOnce goes where the balancer sends a user, once.
func (b *broker) knockOnce(u *user) bool {
	routing := RouteLeastConnections
	if u.tries > 0 {
		routing = RouteRandom
	}
	task, ok := b.a.c.Route(b.a.cfg.Service, routing)
	return ok && b.ask(u, task, false)
}

// tell reports demand, at most every two seconds, and again while users wait.
func (b *broker) tell() {
	if b.a.cfg.Demand == nil || b.saysPlanned {
		return
	}
	b.saysPlanned = true
	now := b.a.c.Now()
	at := now
	// The first report of a burst goes out at once; what follows is gathered.
	if soonest := b.said.At.Add(demandEvery); soonest.After(now) {
		at = soonest
	}
	b.a.c.At(at, b.reportDemand)
}

func (b *broker) reportDemand() {
	b.saysPlanned = false
	b.said = sessionstore.DemandReport{
		Service: b.a.cfg.Service, Source: demandSource, Seq: b.said.Seq + 1,
		At: b.a.c.Now(), Waiting: b.waiting(), Refusals: b.refusals,
	}
	// Refusals that could not be reported are carried into the next report, which
	// has another number: the store counts each of them once.
	if b.a.cfg.Demand.ReportDemand(b.ctx, b.said) == nil {
		b.refusals = 0
	}
	if b.said.Waiting == 0 {
		return
	}
	seq := b.said.Seq
	b.a.c.At(b.said.At.Add(demandRepeat), func() {
		if b.said.Seq == seq {
			b.tell()
		}
	})
}
