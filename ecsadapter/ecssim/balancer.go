package ecssim

import (
	"github.com/seed-979cce96/idlescale/autoscaler"
)

// targetState is the state of a task's balancer target.
type targetState int8

const (
	targetNone targetState = iota // never registered
	targetInitial
	targetHealthy
	targetUnhealthy
	targetDraining
	targetUnused
)

var targetText = [...]string{"", "initial", "healthy", "unhealthy", "draining", "unused"}

func (s targetState) String() string { return targetText[s] }

// target is a task's entry in its target group. The balancer knows nothing else
// of the task.
type target struct {
	state     targetState
	drainedAt int64 // end of the deregistration delay
	// A target can be deregistered and registered again before the first plan
	// comes due; the number tells which plans still hold.
	turn int // of registrations and deregistrations; an older plan is void
}

// registered reports that the target is in the group, or on its way out of it.
func (t *target) registered() bool { return t.state != targetNone && t.state != targetUnused }

// pass is a passed health check.
func (t *target) pass() {
	if t.state == targetInitial || t.state == targetUnhealthy {
		t.state = targetHealthy
	}
}

// health is the outcome of later checks; a target on its way out stays there.
func (t *target) health(healthy bool) {
	switch {
	case healthy:
		t.pass()
	case t.state == targetHealthy || t.state == targetInitial:
		t.state = targetUnhealthy
	}
}

// register puts the task into its target group; one passed check makes it healthy.
func (t *task) register() {
	if t.s.cfg.NoBalancer || !t.wanted || t.status != running {
		return
	}
	t.target.turn++
	t.target.state = targetInitial
	turn := t.target.turn
	// AWS asks for one passed check after registration, whatever the threshold
	// for a target that was unhealthy.
	t.s.c.after(t.s.cfg.HealthTime.draw(t.s.times), func() {
		if t.target.turn == turn && !t.unhealthy {
			t.target.pass()
			t.s.kick()
		}
	})
}

// deregister takes the task out of its group. The target drains for the whole
// delay, idle or not. Deregistering what is not there changes nothing.
func (t *task) deregister() {
	if t.s.cfg.NoBalancer || t.target.state == targetDraining || !t.target.registered() {
		return
	}
	t.target.turn++
	turn, delay := t.target.turn, int64(t.s.cfg.DeregistrationDelay)
	// ALB finishes an idle target inside at once and still shows draining until
	// the delay ends. Whoever polls for the end learns nothing before it.
	t.target.state, t.target.drainedAt = targetDraining, t.s.c.now+delay
	t.s.c.after(delay, func() {
		if t.target.turn == turn {
			t.target.state = targetUnused
		}
	})
}

// deregisterByHand is what DeregisterTargets does to a running task of a
// service: ECS notices, later, and registers it again.
func (t *task) deregisterByHand() {
	t.deregister()
	if t.s.cfg.ReregisterAfter < 0 || t.target.state != targetDraining {
		return
	}
	// Only while the task is one that ECS means to run: a target that the
	// scheduler took out stays out.
	turn := t.target.turn
	t.s.c.after(int64(t.s.cfg.ReregisterAfter), func() {
		if t.target.turn == turn {
			t.register()
		}
	})
}

// Routing is how a balancer picks among its healthy targets.
type Routing int

// The ways of routing.
const (
	RouteLeastConnections Routing = iota
	RouteMostConnections
	RouteRandom
)

// Route returns the task that the balancer sends a new connection to, and whether
// there is one. It knows registration, health and the number of live sessions on
// each task, and nothing of cordons: least connections prefers exactly the task
// that is being emptied. Ties go by a seeded draw. Where no registered target is
// healthy it fails open and routes to all of them.
func (c *Cluster) Route(id autoscaler.ServiceID, routing Routing) (autoscaler.TaskID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.find(id)
	if err != nil {
		return "", false
	}
	picked := s.route(routing, func(t *task) bool { return t.target.state == targetHealthy })
	if picked == nil {
		picked = s.route(routing, func(t *task) bool {
			return t.target.state == targetInitial || t.target.state == targetUnhealthy
		})
	}
	if picked == nil {
		return "", false
	}
	return picked.id, true
}

func (s *service) route(routing Routing, may func(*task) bool) *task {
	var picked *task
	ties := 0
	// A draining target gets nothing new, as behind an ALB. An NLB may still send
	// it connections for a while.
	for _, t := range s.tasks {
		if t.status != running || !may(t) {
			continue
		}
		better, same := picked == nil, picked != nil && routing == RouteRandom
		if picked != nil && routing != RouteRandom {
			more := t.sessions > picked.sessions
			same = t.sessions == picked.sessions
			better = !same && more == (routing == RouteMostConnections)
		}
		switch {
		case better:
			picked, ties = t, 1
		case same:
			ties++
			if s.choices.IntN(ties) == 0 {
				picked = t
			}
		}
	}
	return picked
}
