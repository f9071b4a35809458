package ecssim

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// QueueConfig describes the queue that carries the events of level C tasks. Every
// zero field has the default that it names.
type QueueConfig struct {
	// Lag is the time from sending an event to applying it; default 100 ms to 2 s.
	Lag Span
	// Twice is the share of events that are delivered a second time; default none.
	Twice float64
	// Attempts is how often an event is tried, five seconds apart, before it goes to
	// the dead-letter queue; default 10.
	Attempts int
	// Redrive is how long events stay there before somebody has them delivered again;
	// default one hour, negative for never.
	Redrive time.Duration
}

// EventQueue is a FIFO queue with a group for each task, as SQS has them: a group's
// events are applied one after the other, those of different tasks in any order. An
// event that cannot be applied is put aside in the dead-letter queue, and those
// behind it go on. It implements workflow.Events.
type EventQueue struct {
	a      *Application
	cfg    QueueConfig
	random *rand.Rand
	groups map[autoscaler.TaskID][]*queued
	dead   []*queued
	ctx    context.Context
}

// queued is one event on its way.
type queued struct {
	task  autoscaler.TaskID
	ready time.Time // not applied before
	tries int
	apply func(context.Context) error
}

func newEventQueue(a *Application, cfg QueueConfig) *EventQueue {
	cfg.Lag = cfg.Lag.or(100*time.Millisecond, 2*time.Second)
	if cfg.Attempts <= 0 {
		cfg.Attempts = 10
	}
	if cfg.Redrive == 0 {
		cfg.Redrive = time.Hour
	}
	return &EventQueue{
		a: a, cfg: cfg, random: rand.New(rand.NewPCG(a.c.seed, 0xe4e)), groups: make(map[autoscaler.TaskID][]*queued),
		ctx: WithActor(context.Background(), "ingest"),
	}
}

// send puts an event behind those of its task, twice now and then: a producer that
// did not hear the answer sends again.
func (q *EventQueue) send(task autoscaler.TaskID, apply func(context.Context) error) {
	copies := 1
	if q.cfg.Twice > 0 && q.random.Float64() < q.cfg.Twice {
		copies = 2
	}
	for range copies {
		q.push(&queued{task: task, apply: apply})
	}
}

func (q *EventQueue) push(e *queued) {
	e.ready = q.a.c.Now().Add(time.Duration(q.cfg.Lag.draw(q.random)))
	q.groups[e.task] = append(q.groups[e.task], e)
	if len(q.groups[e.task]) == 1 {
		q.a.c.At(e.ready, func() { q.deliver(e.task) })
	}
}

// deliver applies the group's first event, and plans the next one.
func (q *EventQueue) deliver(task autoscaler.TaskID) {
	group := q.groups[task]
	e, now := group[0], q.a.c.Now()
	if err := e.apply(q.ctx); err != nil {
		if e.tries++; e.tries < q.cfg.Attempts {
			q.a.c.At(now.Add(5*time.Second), func() { q.deliver(task) })
			return
		}
		q.bury(e)
	}
	if group = group[1:]; len(group) == 0 {
		delete(q.groups, task)
		return
	}
	q.groups[task] = group
	at := group[0].ready
	if at.Before(now) {
		at = now
	}
	q.a.c.At(at, func() { q.deliver(task) })
}

// bury puts an event aside, until somebody looks.
func (q *EventQueue) bury(e *queued) {
	q.dead = append(q.dead, e)
	if q.cfg.Redrive < 0 || len(q.dead) > 1 {
		return
	}
	q.a.c.At(q.a.c.Now().Add(q.cfg.Redrive), func() {
		again := q.dead
		q.dead = nil
		for _, e := range again {
			e.tries = 0
			q.push(e)
		}
	})
}

func (q *EventQueue) start(ref autoscaler.TaskRef, id sessionstore.SessionID) {
	sent := q.a.c.Now()
	q.send(ref.Task, func(ctx context.Context) error {
		_, err := q.a.cfg.Writer.Started(ctx, sessionstore.StartedRequest{Ref: ref, Session: id, At: q.a.now("ingest"), Began: sent})
		return err
	})
}

func (q *EventQueue) end(ref autoscaler.TaskRef, id sessionstore.SessionID) {
	q.send(ref.Task, func(ctx context.Context) error {
		return q.a.cfg.Writer.End(ctx, sessionstore.EndRequest{Ref: ref, Session: id, At: q.a.now("ingest")})
	})
}

// Mark implements workflow.Events.
func (q *EventQueue) Mark(ctx context.Context, ref autoscaler.TaskRef, drain autoscaler.DrainID) error {
	return q.a.c.call(ctx, Call{Op: OpMark, Service: ref.Service, Task: ref.Task, Args: drain}, func() error {
		q.a.c.agenda.push(q.a.c.now, false, func() {
			q.send(ref.Task, func(ctx context.Context) error {
				return q.a.cfg.Barriers.Barrier(ctx, sessionstore.BarrierRequest{Ref: ref, Drain: drain, At: q.a.now("ingest")})
			})
		})
		return nil
	})
}

// Failed implements workflow.Events.
func (q *EventQueue) Failed(ctx context.Context, service autoscaler.ServiceID) (int, error) {
	n := 0
	err := q.a.c.call(ctx, Call{Op: OpDeadLetters, Service: service}, func() error {
		n = len(q.dead)
		return nil
	})
	return n, err
}

// Outstanding returns how many events have been sent and not applied, those that
// were put aside included.
func (q *EventQueue) Outstanding() int {
	n := len(q.dead)
	for _, group := range q.groups {
		n += len(group)
	}
	return n
}
