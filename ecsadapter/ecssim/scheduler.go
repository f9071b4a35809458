package ecssim

import (
	"math/rand/v2"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// service is one simulated service. Everything in it is under the cluster's lock.
type service struct {
	// The lock is the cluster's, and held in every method below.
	c           *Cluster
	cfg         ServiceConfig
	desired     int
	deployments []*deployment // the primary first
	revision    int
	tasks       []*task // ordered by id
	byID        map[autoscaler.TaskID]*task

	// Streams of their own, so that a change in what is drawn for one purpose
	// leaves the others as they were.
	ids, times, choices *rand.Rand

	choiceAt int64 // no victim is chosen before this instant
	blocked  int   // protected tasks that the last event about scale-in named
	retryAt  int64 // of a placement that failed

	running, live int // RUNNING tasks and the sessions on them, for the metrics
	slots         int // of one task
	points        []point

	extra      int  // tasks that zone rebalancing has started beyond the desired count
	stuckExtra bool // it was said that they stay

	warming bool // the first tasks are being made, and skip their start
	dirty   bool
	past    []view // oldest first; kept only where describing lags
}

// kick has the scheduler look again after its delay.
func (s *service) kick() {
	s.c.after(s.cfg.SchedulerDelay.draw(s.times), s.reconcile)
}

// reconcile is one look of the scheduler: it starts what is owed and stops what
// is too much.
func (s *service) reconcile() {
	// A deployment has its own arithmetic: two sets of tasks under one count.
	if len(s.deployments) > 1 {
		s.roll()
		return
	}
	// Sick tasks do not count towards the desired number, so their replacements
	// are owed; this is what makes health checks a wrong way to drain.
	healthy, ready, sick := 0, 0, []*task(nil)
	for _, t := range s.tasks {
		switch {
		case !t.wanted:
		case t.unhealthy && (!t.protected() || !s.cfg.KeepUnhealthyProtected):
			sick = append(sick, t)
		default:
			healthy++
			if t.ready() {
				ready++
			}
		}
	}
	s.start(s.primary(), s.desired-healthy)
	// A sick task goes only when its replacement serves: with 200 % at most,
	// there is always room to start it first.
	if ready >= s.desired {
		for _, t := range sick {
			s.log("stopped 1 unhealthy task %s.", t.id)
			t.stop(stoppedByScheduler)
		}
	}
	// Healthy tasks beyond the count go at random, also where the scheduler made
	// them surplus itself by starting a replacement.
	s.scaleIn(healthy-s.desired-s.extra, func(t *task) bool { return !t.unhealthy })
	s.rebalance(ready)
}

// start launches up to n tasks of a deployment, as far as they can be placed.
func (s *service) start(d *deployment, n int) {
	for range n {
		// ECS backs off after a failed placement; the half minute stands for the
		// first of its steps.
		if s.c.now < s.retryAt {
			return
		}
		if fail := s.cfg.FailPlacement; fail != nil && fail(s.c.instant(s.c.now)) {
			s.log("was unable to place a task. Reason: no capacity.")
			wait := int64(30 * time.Second)
			s.retryAt = s.c.now + wait
			s.c.after(wait, s.reconcile)
			return
		}
		t := s.launch(d)
		if s.warming {
			t.run()
			t.target.pass()
			continue
		}
		t.begin()
	}
}

// scaleIn stops n tasks of those that may be chosen: at random in the fullest
// zone, among the unprotected. It knows nothing of sessions and of records.
func (s *service) scaleIn(n int, may func(*task) bool) {
	if n <= 0 {
		s.blocked = 0
		return
	}
	// Other looks may come sooner than the one that the write has planned. They
	// must not choose before it: the delay is what a release has to live with.
	if s.c.now < s.choiceAt {
		return
	}
	for ; n > 0; n-- {
		victim := s.victim(may)
		if victim == nil {
			s.blockedBy(n)
			return
		}
		s.log("has stopped 1 running tasks: (task %s).", victim.id)
		victim.stop(stoppedByScheduler)
	}
}

// victim picks the task to stop, nil when every candidate is protected.
func (s *service) victim(may func(*task) bool) *task {
	// Balance is judged on every task of a zone, protected ones included; only
	// the choice is among those that may go.
	total, free := make([]int, s.cfg.Zones), make([]int, s.cfg.Zones)
	for _, t := range s.tasks {
		if t.wanted {
			total[t.zone]++
			if may(t) && !t.protected() {
				free[t.zone]++
			}
		}
	}
	fullest := -1
	for z := range total {
		if free[z] > 0 && (fullest < 0 || total[z] > total[fullest]) {
			fullest = z
		}
	}
	if fullest < 0 {
		return nil
	}
	// At random: AWS documents no rule of age, and a library that relied on one
	// would work here and fail there.
	nth := s.choices.IntN(free[fullest])
	for _, t := range s.tasks {
		if t.wanted && t.zone == fullest && may(t) && !t.protected() {
			if nth == 0 {
				return t
			}
			nth--
		}
	}
	return nil
}

// blockedBy writes the event about scale-in that protection holds up, once for
// each number of tasks.
func (s *service) blockedBy(n int) {
	// One event for each change: repeating it would say no more.
	if s.blocked == n {
		return
	}
	s.blocked = n
	s.log("was unable to scale in due to (reason %d tasks under protection)", n)
}

// emptiestZone returns the zone where the next task starts.
func (s *service) emptiestZone() int {
	count := make([]int, s.cfg.Zones)
	for _, t := range s.tasks {
		if t.wanted {
			count[t.zone]++
		}
	}
	best := 0
	for z := range count {
		if count[z] < count[best] {
			best = z
		}
	}
	return best
}

// setDesired applies a write of the desired count.
func (s *service) setDesired(n int, foreign bool) {
	s.c.writes = latest(s.c.writes, DesiredWrite{
		At: s.c.instant(s.c.now), Service: s.cfg.ID, From: s.desired, Desired: n, Foreign: foreign,
	})
	// There is no compare-and-set: whatever value arrives last is the count, as
	// with UpdateService.
	lower, raised := n < s.desired, n-s.desired
	s.desired = n
	s.dirty = true
	// What AWS does to the old revision is not written anywhere; one reading is that a
	// deployment's two sets grow together.
	if raised > 0 && s.cfg.ScaleBothRevisions && len(s.deployments) > 1 {
		s.start(s.deployments[1], raised)
	}
	if lower {
		delay := s.cfg.SchedulerDelay.draw(s.times)
		s.choiceAt = s.c.now + delay
		s.c.after(delay, s.reconcile)
		return
	}
	s.reconcile()
}

// ForeignDesired writes the desired count as somebody else would: a person, a
// deployment tool, another autoscaler. It needs no permit and asks nobody.
func (c *Cluster) ForeignDesired(id autoscaler.ServiceID, n int) error {
	c.mu.Lock()
	defer c.unlock()
	return c.updateService(id, n, true)
}

// SetHealth makes a running task pass or fail its health checks.
func (c *Cluster) SetHealth(ref autoscaler.TaskRef, healthy bool) error {
	return c.onTask("ecssim.SetHealth", ref, func(t *task) {
		t.unhealthy, t.s.dirty = !healthy, true
		t.target.health(healthy)
		t.s.kick()
	})
}

// Crash ends a task's process from within: its sessions are lost, and ECS
// replaces it.
func (c *Cluster) Crash(ref autoscaler.TaskRef) error {
	return c.onTask("ecssim.Crash", ref, func(t *task) { t.stop(stoppedByExit) })
}

// onTask runs f on a task that ECS shows.
func (c *Cluster) onTask(op string, ref autoscaler.TaskRef, f func(*task)) error {
	c.mu.Lock()
	defer c.unlock()
	s, err := c.find(ref.Service)
	if err != nil {
		return notFound(op, ref.Service.String(), err)
	}
	t, ok := s.byID[ref.Task]
	if !ok {
		return &autoscaler.Error{Op: op, Ref: ref.String(), Err: autoscaler.ErrNotFound, Hint: "ECS shows no such task"}
	}
	f(t)
	return nil
}
