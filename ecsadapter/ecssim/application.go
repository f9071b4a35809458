package ecssim

import (
	"context"
	"errors"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Entrance says how users find a task.
type Entrance int

// The entrances.
const (
	// EnterPacked asks a broker that takes the fullest open task: sessionstore.Pack.
	EnterPacked Entrance = iota
	// EnterLeast asks a broker that takes the open task with the fewest sessions.
	EnterLeast
	// EnterByBalancer goes where the balancer routes by least connections, cordoned
	// or not. Who is refused tries again three times, a second apart, wherever the
	// balancer then sends it at random, and then keeps trying.
	EnterByBalancer
)

// ApplicationConfig describes an application and its users. The contracts are
// those of the store that the controller works on, wired or not.
type ApplicationConfig struct {
	Service autoscaler.ServiceID // default: the cluster's first
	Slots   int                  // sessions a task has room for; default 10

	// Only Activity is asked, by the broker, to know where there is room.
	Sessions interface {
		Activity(ctx context.Context, service autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error)
	}
	Records autoscaler.Records
	Writer  sessionstore.Writer
	Demand  sessionstore.DemandWriter // optional: without it nobody hears of waiting users

	Entrance Entrance
	// Lookup is how old the broker's view of the tasks may be; default 1 s. It
	// always looks again before it gives up or reopens a task.
	Lookup time.Duration
	// ReportInterval is the time between two reports of a process; default
	// sessionstore.ReportInterval.
	ReportInterval time.Duration
	// Protection is for how long a task protects itself; default 24 h. It renews
	// at half.
	Protection time.Duration
	// WarmUp is the time from now on that the score leaves out; default none.
	WarmUp time.Duration
}

// Application is the application that runs on a service's tasks, at level A, and
// the users that come to it. Each RUNNING task boots one process, which registers
// its record closed, protects itself, reads that back, opens, reports, and follows
// what the answers say. What lives is known here and nowhere else: a session whose
// task's process ends while it lives is cut.
//
// It runs on the cluster's clock and in its goroutine.
type Application struct {
	c   *Cluster
	cfg ApplicationConfig
	// Only processes that run; those of stopped tasks are forgotten.
	processes map[autoscaler.TaskID]*process
	broker    broker
	score     scoring
	cuts      []Cut
	names     int64 // of sessions, so far
}

// Cut is a session that ended because its task did.
type Cut struct {
	At       time.Time
	Task     autoscaler.TaskID
	Session  sessionstore.SessionID
	StopCode string // why the task stopped
}

// NewApplication starts an application on the cluster, now: on tasks that run
// already at once, on others as they come. It refuses a configuration without one
// of the contracts.
func NewApplication(c *Cluster, cfg ApplicationConfig) (*Application, error) {
	if cfg.Sessions == nil || cfg.Records == nil || cfg.Writer == nil {
		return nil, &autoscaler.Error{Op: "ecssim.NewApplication", Ref: cfg.Service.String(),
			Err: errors.New("a contract is missing"), Hint: "give Sessions, Records and Writer"}
	}
	if cfg.Service == (autoscaler.ServiceID{}) {
		cfg.Service = c.first()
	}
	if cfg.Slots <= 0 {
		cfg.Slots = 10
	}
	cfg.Lookup = defaultDuration(cfg.Lookup, time.Second)
	cfg.ReportInterval = defaultDuration(cfg.ReportInterval, sessionstore.ReportInterval)
	cfg.Protection = defaultDuration(cfg.Protection, 24*time.Hour)
	now := c.Now()
	a := &Application{
		c: c, cfg: cfg, processes: make(map[autoscaler.TaskID]*process),
		score: newScoring(now.Add(cfg.WarmUp), cfg.Slots),
	}
	a.broker = newBroker(a)
	c.Subscribe(a.follow)
	return a, nil
}

// first returns the id of the cluster's first service.
func (c *Cluster) first() autoscaler.ServiceID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order[0].cfg.ID
}

// follow acts on the tasks' changes.
func (a *Application) follow(change TaskChange) {
	if change.Ref.Service != a.cfg.Service {
		return
	}
	a.score.task(change)
	switch change.LastStatus {
	// The process starts with RUNNING and not with the target's first health
	// check: a broker reaches it without the balancer.
	case "RUNNING":
		if a.processes[change.Ref.Task] == nil {
			a.boot(change)
		}
	// SIGTERM. Who is inside goes on until the process exits; a level A process
	// that was stopped in its turn holds nobody by now.
	case "STOPPING":
		if p := a.processes[change.Ref.Task]; p != nil {
			p.leaving = true
		}
	// What lives now is lost. A drain that worked, or users that left in time,
	// leave nothing to cut.
	case "DEPROVISIONING", "STOPPED":
		if p := a.processes[change.Ref.Task]; p != nil {
			delete(a.processes, change.Ref.Task)
			a.cut(p, change)
		}
	}
}

// cut ends the sessions of a process that ended.
func (a *Application) cut(p *process, change TaskChange) {
	p.down = true
	for i := range p.sessions {
		a.cuts = append(a.cuts, Cut{At: change.At, Task: p.ref.Task, Session: p.sessions[i], StopCode: change.StopCode})
		// The users of a cut session do not come back here: the cut is counted, and
		// one is too many already.
		a.score.active(a.c.Now(), -1)
	}
	p.sessions = nil
	a.c.SetSessions(p.ref, 0, a.cfg.Slots)
}

// Play lets users come. Sessions must be sorted by start; those that lie in the
// past come at once. It may be called several times.
func (a *Application) Play(sessions []Session) {
	i := 0
	// One event carries the whole trace: an event for each of a million sessions
	// would sit in the agenda from the start.
	var next func()
	next = func() {
		now := a.c.Now()
		for i < len(sessions) && !sessions[i].Start.After(now) {
			a.names++
			a.broker.arrive(&user{name: a.names, arrived: now, length: sessions[i].Duration})
			i++
		}
		if i < len(sessions) {
			a.c.At(sessions[i].Start, next)
		}
	}
	if len(sessions) > 0 {
		a.c.At(sessions[0].Start, next)
	}
}

// Visit lets one user in now, through a broker of its own, and reports whether a
// task took it; who finds none leaves. Under the context of an actor on a [Stage],
// others go on between its calls, so that a session can begin in the middle of
// whatever a controller does.
func (a *Application) Visit(ctx context.Context, length time.Duration) bool {
	a.names++
	u := &user{name: a.names, arrived: a.c.Now(), length: length}
	b := broker{a: a, ctx: ctx}
	a.score.arrival(u.arrived)
	served := b.place(u)
	if !served {
		a.score.noSlot(u.arrived)
	}
	return served
}

// Live returns how many sessions the task truly holds.
func (a *Application) Live(task autoscaler.TaskID) int {
	if p := a.processes[task]; p != nil {
		return len(p.sessions)
	}
	return 0
}

// Active returns how many sessions live on all tasks.
func (a *Application) Active() int { return a.score.now }

// Waiting returns how many users wait for a slot.
func (a *Application) Waiting() int { return a.broker.waiting() }

// Cuts returns the sessions that ended because their task did, in order.
func (a *Application) Cuts() []Cut { return a.cuts }
