package ecssim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

// Cluster is a simulated cluster with its services. It implements
// autoscaler.Scaler, autoscaler.UtilizationSource and workflow.Tasks. Its
// methods may be called from several goroutines; RunUntil from one at a time.
type Cluster struct {
	mu sync.Mutex
	// Instants are offsets from the start: an event heap of integers is fast.
	start    time.Time
	now      int64
	agenda   agenda
	lag      int64
	seed     uint64
	services map[autoscaler.ServiceID]*service
	order    []*service // in the order of their making, for everything that loops
	calls    map[string]int
	writes   []DesiredWrite
	events   []ServiceEvent
	watchers []func(TaskChange)

	// How far back stale reads reach; views are kept for that long.
	remember  int64
	listeners []func(TaskChange) // to task events, which can be late, twice or lost

	requests atomic.Int64
	seam     atomic.Pointer[Seam]
	faults   atomic.Pointer[Faults]
}

var (
	_ autoscaler.Scaler            = (*Cluster)(nil)
	_ autoscaler.UtilizationSource = (*Cluster)(nil)
	_ workflow.Tasks               = (*Cluster)(nil)
)

// New returns a cluster with one service, whose first tasks are starting (or
// running, if it is warm).
func New(cfg Config) *Cluster {
	if cfg.Start.IsZero() {
		cfg.Start = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	}
	c := &Cluster{
		start:    cfg.Start.Round(0),
		lag:      int64(cfg.DescribeLag),
		seed:     cfg.Seed,
		services: make(map[autoscaler.ServiceID]*service),
		calls:    make(map[string]int),
	}
	c.SetSeam(cfg.Seam)
	c.AddService(cfg.Service)
	return c
}

// AddService adds a service, or replaces nothing if there is one of that name:
// then it returns the id and leaves the service as it is.
func (c *Cluster) AddService(cfg ServiceConfig) autoscaler.ServiceID {
	cfg = cfg.withDefaults()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.services[cfg.ID]; ok {
		return cfg.ID
	}
	// A service draws from streams of its own, so that adding a second one leaves
	// the first one's run as it was.
	stream := uint64(len(c.order)) * 16
	s := &service{
		c: c, cfg: cfg, desired: cfg.Desired, choiceAt: never,
		byID:    make(map[autoscaler.TaskID]*task),
		ids:     rand.New(rand.NewPCG(c.seed, stream+1)),
		times:   rand.New(rand.NewPCG(c.seed, stream+2)),
		choices: rand.New(rand.NewPCG(c.seed, stream+3)),
	}
	c.services[cfg.ID] = s
	c.order = append(c.order, s)
	s.deploy("")
	s.deployments[0].rollout = rolloutCompleted
	s.warming = cfg.Warm
	s.reconcile()
	s.warming = false
	s.sample()
	c.settle()
	return cfg.ID
}

// Calls returns how often each operation of AWS was called, by its name, since
// the start. Pages count one each.
func (c *Cluster) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// DesiredWrite is one UpdateService that took effect.
type DesiredWrite struct {
	At            time.Time
	Service       autoscaler.ServiceID
	From, Desired int
	Foreign       bool // written by ForeignDesired
}

// LogLimit is how many writes of the desired count, and how many service events, a
// cluster remembers: a simulation of years must not grow with its length. ECS keeps a
// hundred events.
const LogLimit = 1000

// latest appends to a log of which the newest LogLimit are kept, or up to twice as many:
// what is older is cut off now and then, and not entry by entry.
func latest[T any](log []T, entry T) []T {
	if len(log) >= 2*LogLimit {
		log = append(log[:0], log[len(log)-LogLimit+1:]...)
	}
	return append(log, entry)
}

// Writes returns the newest writes of a desired count, LogLimit or more, in order. How
// many there were in all is in Calls, as UpdateService.
func (c *Cluster) Writes() []DesiredWrite {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.writes)
}

// ServiceEvent is a line that the scheduler wrote about a service.
type ServiceEvent struct {
	At      time.Time
	Service autoscaler.ServiceID
	Message string
}

// Events returns the newest service events, LogLimit or more, in order.
func (c *Cluster) Events() []ServiceEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// TaskChange says that a task changed its status.
type TaskChange struct {
	At                                  time.Time
	Ref                                 autoscaler.TaskRef
	LastStatus, DesiredStatus, StopCode string
	Deployment                          string
	CreatedAt                           time.Time
	Sessions                            int   // that lived on the task at that instant
	Version                             int64 // grows with each change of the task
	Unhealthy                           bool  // now, or when it was told to stop
	// Spared says that ECS was protecting the task at the instant at which it was told
	// to stop; ByOthers that somebody else had taken its protection away, or stopped it.
	Spared, ByOthers bool
}

// Subscribe has f called on every change of a task, in order, at the change's
// instant and after it. Tasks that are running already are announced too.
func (c *Cluster) Subscribe(f func(TaskChange)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchers = append(c.watchers, f)
	for _, s := range c.order {
		for _, t := range s.tasks {
			// Somebody who subscribes late must not miss a task that runs already; one
			// that has stopped holds nothing any more.
			if t.status != stopped {
				change := t.change()
				c.agenda.push(c.now, false, func() { f(change) })
			}
		}
	}
}

// SubscribeEvents has f called with the task events that the cluster's event bus
// delivers: at least once and in any order, as far as the faults let them through.
// A task that is changing gets one for each status; Version tells their order.
func (c *Cluster) SubscribeEvents(f func(TaskChange)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners = append(c.listeners, f)
	for _, s := range c.order {
		for _, t := range s.tasks {
			if t.status != stopped {
				c.deliver(t.change(), f)
			}
		}
	}
}

// deliver plans the event's delivery. The lock is held.
func (c *Cluster) deliver(change TaskChange, f func(TaskChange)) {
	m := c.faults.Load().strikeEvent()
	if m.kind == FaultEventLost {
		return
	}
	at, late := c.now, c.now+int64(m.delay)
	if m.kind == FaultEventDup {
		c.agenda.push(late, false, func() { f(change) })
	}
	if m.kind == FaultEventLate {
		at = late
	}
	c.agenda.push(at, false, func() { f(change) })
}

// find returns a service. The lock is held.
func (c *Cluster) find(id autoscaler.ServiceID) (*service, error) {
	if s, ok := c.services[id]; ok {
		return s, nil
	}
	for _, s := range c.order {
		if s.cfg.ID.Cluster == id.Cluster {
			return nil, &Fault{Code: "ServiceNotFoundException", Message: "Service not found."}
		}
	}
	return nil, &Fault{Code: "ClusterNotFoundException", Message: "Cluster not found."}
}

// log writes a service event. The lock is held.
func (s *service) log(format string, args ...any) {
	s.c.events = latest(s.c.events, ServiceEvent{
		At: s.c.instant(s.c.now), Service: s.cfg.ID,
		Message: fmt.Sprintf("(service %s, taskSet %s) ", s.cfg.ID.Name, s.primary().id) + fmt.Sprintf(format, args...),
	})
}

// pages returns how many calls n tasks take at 100 per call, at least one.
func pages(n int) int { return max(1, (n+99)/100) }
