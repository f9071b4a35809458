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
	// EnterSteered goes to the task with the fewest sessions among those that were not
	// taken out of the balancer, as behind one that keeps the flows of a target that
	// was. A cordoned task takes nobody, and one that is reopened takes users again
	// 20 seconds later.
	EnterSteered
)

// ApplicationConfig describes an application and its users. The contracts are
// those of the store that the controller works on, wired or not.
type ApplicationConfig struct {
	Service autoscaler.ServiceID // default: the cluster's first
	Slots   int                  // sessions a task has room for; default 10

	// Level is what the application does for its sessions' safety; default A.
	Level autoscaler.Level
	// LevelOf, if set, says so for each deployment: an application that moves from
	// one level to another in a rolling deployment runs at both for a while.
	LevelOf func(deployment string) autoscaler.Level
	// Processes is how many processes of a task hold sessions, each on its own;
	// default 1. At level C nothing reports, however many there are.
	Processes int

	// Only Activity is asked, by the broker, to know where there is room.
	Sessions interface {
		Activity(ctx context.Context, service autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error)
	}
	Records autoscaler.Records
	Writer  sessionstore.Writer
	Demand  sessionstore.DemandWriter // optional: without it nobody hears of waiting users
	// Barriers takes the barriers out of the event queue; needed at level C.
	Barriers sessionstore.Barriers
	// Queue describes the event queue of level C.
	Queue QueueConfig

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

	// Stage, if set, makes actors of the processes and the users: others go on
	// between any two of their calls. Without it each report and each placement is
	// one event of the clock.
	Stage *Stage
	// Skew, if set, is how far the clock of an actor is from the cluster's.
	Skew func(actor string) time.Duration
}

// Application is the application that runs on a service's tasks, and the users that
// come to it.
//
// At levels A and B each RUNNING task boots its processes, which register its record
// closed, protect it, read that back, open, report, and follow what the answers say;
// at level A a session is asked for before it is served, at level B it is told of
// while it is. At level C a task says nothing but that sessions start and end, by
// events that travel through a queue; it is registered by its own first event from
// ECS, and protected and opened by the controller.
//
// What lives is known here and nowhere else: a session whose task's process ends
// while it lives is cut.
//
// It runs on the cluster's clock and in its goroutine.
type Application struct {
	c   *Cluster
	cfg ApplicationConfig
	// Only processes that run; those of stopped tasks are forgotten.
	processes map[autoscaler.TaskID][]*process
	levels    map[autoscaler.TaskID]autoscaler.Level
	broker    broker
	queue     *EventQueue
	score     scoring
	cuts      []Cut
	names     int64 // of sessions, so far
}

// Cut is a session that ended because its task, or its task's process, did.
type Cut struct {
	At       time.Time
	Task     autoscaler.TaskID
	Session  sessionstore.SessionID
	Began    time.Time
	Level    autoscaler.Level // of the task
	StopCode string           // why the task stopped; [CutByRestart] where it did not
	// Protected says that ECS was protecting the task when it was told to stop, Sick
	// that it was unhealthy then, ByOthers that somebody else had taken its protection
	// away or stopped it.
	Protected, Sick, ByOthers bool
	// Exposed says that the task had found itself refused by ECS when it asked for
	// protection, and served all the same.
	Exposed bool
}

// Outside reports that nothing here could have saved the session: its process or its
// task ended by itself, AWS took the task, ECS replaced a sick one or had refused to
// protect it, or somebody else stopped it or bared it.
func (c Cut) Outside() bool {
	scaled := c.StopCode == stoppedByScheduler || c.StopCode == stoppedByUser
	return !scaled || c.Sick || c.ByOthers || c.Exposed
}

// CutByRestart is the StopCode of a session whose process restarted within its task:
// the application's own doing, which ECS tells nobody of.
const CutByRestart = "container restart"

// NewApplication starts an application on the cluster, now: on tasks that run
// already at once, on others as they come. It refuses a configuration without one
// of the contracts.
func NewApplication(c *Cluster, cfg ApplicationConfig) (*Application, error) {
	if cfg.Sessions == nil || cfg.Records == nil || cfg.Writer == nil {
		return nil, &autoscaler.Error{Op: "ecssim.NewApplication", Ref: cfg.Service.String(),
			Err: errors.New("a contract is missing"), Hint: "give Sessions, Records and Writer"}
	}
	cfg = cfg.withDefaults(c)
	now := c.Now()
	a := &Application{
		c: c, cfg: cfg, processes: make(map[autoscaler.TaskID][]*process),
		levels: make(map[autoscaler.TaskID]autoscaler.Level), score: newScoring(now.Add(cfg.WarmUp), cfg.Slots),
	}
	a.broker = newBroker(a)
	a.queue = newEventQueue(a, cfg.Queue)
	c.Subscribe(a.follow)
	c.SubscribeEvents(a.onboard)
	return a, nil
}

func (cfg ApplicationConfig) withDefaults(c *Cluster) ApplicationConfig {
	if cfg.Service == (autoscaler.ServiceID{}) {
		cfg.Service = c.first()
	}
	if cfg.Slots <= 0 {
		cfg.Slots = 10
	}
	if cfg.Level == "" {
		cfg.Level = autoscaler.LevelA
	}
	if cfg.Processes <= 0 {
		cfg.Processes = 1
	}
	cfg.Lookup = defaultDuration(cfg.Lookup, time.Second)
	cfg.ReportInterval = defaultDuration(cfg.ReportInterval, sessionstore.ReportInterval)
	cfg.Protection = defaultDuration(cfg.Protection, 24*time.Hour)
	return cfg
}

// first returns the id of the cluster's first service.
func (c *Cluster) first() autoscaler.ServiceID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order[0].cfg.ID
}

// level returns the level of a task of the deployment.
func (a *Application) level(deployment string) autoscaler.Level {
	if a.cfg.LevelOf != nil {
		return a.cfg.LevelOf(deployment)
	}
	return a.cfg.Level
}

// now is the clock of an actor.
func (a *Application) now(actor string) time.Time {
	if a.cfg.Skew == nil {
		return a.c.Now()
	}
	return a.c.Now().Add(a.cfg.Skew(actor))
}

// follow acts on the tasks' changes: what happens within the task itself, which no
// lost event can keep from happening.
func (a *Application) follow(change TaskChange) {
	if change.Ref.Service != a.cfg.Service {
		return
	}
	a.score.task(change)
	task := change.Ref.Task
	switch change.LastStatus {
	// The process starts with RUNNING and not with the target's first health
	// check: a broker reaches it without the balancer.
	case "RUNNING":
		if a.processes[task] == nil {
			a.levels[task] = a.level(change.Deployment)
			a.boot(change.Ref, change.Deployment)
		}
	// SIGTERM. Who is inside goes on until the process exits; a process that was
	// stopped in its turn holds nobody by now.
	case "STOPPING":
		for _, p := range a.processes[task] {
			p.leaving = true
		}
	// What lives now is lost. A drain that worked, or users that left in time,
	// leave nothing to cut.
	case "DEPROVISIONING", "STOPPED":
		for _, p := range a.processes[task] {
			a.cut(p, Cut{At: change.At, StopCode: change.StopCode, Protected: change.Spared, Sick: change.Unhealthy, ByOthers: change.ByOthers})
		}
		delete(a.processes, task)
		delete(a.levels, task)
	}
}

// onboard registers level C tasks, as whoever reads the service's task events would.
// The event may come late, twice, or never: then the pass that lists the task makes
// its record, and nobody knows what the task held before.
func (a *Application) onboard(event TaskChange) {
	early := event.LastStatus == "PROVISIONING" || event.LastStatus == "PENDING" || event.LastStatus == "ACTIVATING"
	if event.Ref.Service != a.cfg.Service || !early || a.level(event.Deployment) != autoscaler.LevelC {
		return
	}
	// A registration that fails is tried again with the next event.
	_, _ = a.cfg.Records.Register(WithActor(context.Background(), "ingest"), autoscaler.RegisterRequest{
		Ref: event.Ref, Level: autoscaler.LevelC, Slots: a.cfg.Slots, Revision: event.Deployment, At: a.now("ingest"),
	})
}

// Restart ends the task's processes from within and boots them again: ECS sees
// nothing of it, and the sessions are lost.
func (a *Application) Restart(task autoscaler.TaskID) {
	old := a.processes[task]
	if len(old) == 0 || old[0].leaving {
		return
	}
	for _, p := range old {
		a.cut(p, Cut{At: a.c.Now(), StopCode: CutByRestart})
	}
	a.boot(old[0].ref, old[0].deployment)
}

// cut ends the sessions of a process that ended.
func (a *Application) cut(p *process, as Cut) {
	p.down = true
	as.Task, as.Level = p.ref.Task, p.level
	as.Exposed = p.exposed || a.processes[as.Task] != nil && a.processes[as.Task][0].exposed
	for _, s := range p.sessions {
		as.Session, as.Began = s.id, s.began
		a.cuts = append(a.cuts, as)
		// The users of a cut session do not come back here: the cut is counted, and
		// one is too many already.
		a.score.active(a.c.Now(), -1)
	}
	p.sessions = nil
	a.tellCluster(p.ref)
}

// tellCluster keeps the truth behind metrics and routing.
func (a *Application) tellCluster(ref autoscaler.TaskRef) {
	a.c.SetSessions(ref, a.Live(ref.Task), a.cfg.Slots)
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
			a.arrive(&user{name: a.names, arrived: now, length: sessions[i].Duration})
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

// Connect lets one user come to the task given, now, whatever a broker or a balancer
// would say: a connection that was on its way when its target was taken out, a client
// that remembers an address. It reports whether the task took the user.
func (a *Application) Connect(ctx context.Context, task autoscaler.TaskID, length time.Duration) bool {
	a.names++
	u := &user{name: a.names, arrived: a.c.Now(), length: length}
	b := broker{a: a, ctx: ctx}
	a.score.arrival(u.arrived)
	served := b.ask(u, task, false)
	if !served {
		a.score.noSlot(u.arrived)
	}
	return served
}

// Live returns how many sessions the task truly holds.
func (a *Application) Live(task autoscaler.TaskID) int {
	n := 0
	for _, p := range a.processes[task] {
		n += len(p.sessions)
	}
	return n
}

// Active returns how many sessions live on all tasks.
func (a *Application) Active() int { return a.score.now }

// Waiting returns how many users wait for a slot.
func (a *Application) Waiting() int { return a.broker.waiting() }

// Cuts returns the sessions that ended because their task did, in order.
func (a *Application) Cuts() []Cut { return a.cuts }

// Events returns the queue that carries the events of the level C tasks.
func (a *Application) Events() *EventQueue { return a.queue }
