package ecssim

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// AWS's rollout states, as far as they are simulated.
const (
	rolloutInProgress = "IN_PROGRESS"
	rolloutCompleted  = "COMPLETED"
)

// deployment is one deployment of a service.
type deployment struct {
	id      string
	rollout string
}

// Deploy starts a rolling deployment of a new revision: new tasks start, up to
// MaxPercent of the desired count in all, and old ones go as the new ones become
// healthy. Protected old tasks stay until their protection ends. It returns the
// new deployment's id, the startedBy of its tasks.
func (c *Cluster) Deploy(id autoscaler.ServiceID, revision string) (string, error) {
	c.mu.Lock()
	defer c.unlock()
	s, err := c.find(id)
	if err != nil {
		return "", notFound("ecssim.Deploy", id.String(), err)
	}
	d := s.deploy(revision)
	s.reconcile()
	return d.id, nil
}

// DeployWithin is Deploy by a tool that waits for the deployment to complete, as
// CloudFormation does for three hours, and rolls back to the revision before it where
// it has not by then.
func (c *Cluster) DeployWithin(id autoscaler.ServiceID, revision string, patience time.Duration) (string, error) {
	c.mu.Lock()
	s, err := c.find(id)
	if err != nil {
		c.mu.Unlock()
		return "", notFound("ecssim.DeployWithin", id.String(), err)
	}
	before := strings.TrimPrefix(s.primary().id, "ecs-svc/")
	c.mu.Unlock()
	started, err := c.Deploy(id, revision)
	if err != nil {
		return "", err
	}
	c.At(c.Now().Add(patience), func() {
		if c.underWay(id, started) {
			_, _ = c.Deploy(id, before+"-again")
		}
	})
	return started, nil
}

// underWay reports that the deployment is the primary one and has not completed.
func (c *Cluster) underWay(id autoscaler.ServiceID, deployment string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.find(id)
	return err == nil && s.primary().id == deployment && s.primary().rollout != rolloutCompleted
}

// deploy makes a deployment the primary one.
func (s *service) deploy(revision string) *deployment {
	// Deployment ids are what a task's startedBy shows, so they stand for the
	// revision everywhere in this module.
	s.revision++
	id := fmt.Sprintf("ecs-svc/%010d", s.revision)
	if revision != "" {
		id = "ecs-svc/" + revision
	}
	d := &deployment{id: id, rollout: rolloutInProgress}
	s.deployments = append([]*deployment{d}, s.deployments...)
	s.dirty = true
	return d
}

func (s *service) primary() *deployment { return s.deployments[0] }

// roll is the scheduler's look while more than one deployment is there. Healthy
// tasks never fall below the desired count.
func (s *service) roll() {
	fresh, ready, old, oldRunning := 0, 0, 0, 0
	for _, t := range s.tasks {
		switch {
		case !t.wanted:
		case t.deployment == s.primary():
			fresh++
			if t.ready() {
				ready++
			}
		default:
			old++
			if t.status == running {
				oldRunning++
			}
		}
	}
	// Protected old tasks take up this room, which is why a deployment of a fully
	// protected service can stall below its count.
	room := s.desired*s.cfg.MaxPercent/100 - fresh - old
	s.start(s.primary(), min(s.desired-fresh, room))
	// Only what is healthy replaces what is old: minimumHealthyPercent is taken to
	// be 100, the default.
	s.retireOld(ready+oldRunning-s.desired, old-oldRunning)
	if fresh > s.desired {
		s.scaleIn(fresh-s.desired, func(t *task) bool { return t.deployment == s.primary() })
	}
	s.complete(ready)
}

// retireOld stops old tasks: surplus of the running ones, and every one that has
// not started yet.
func (s *service) retireOld(surplus, unstarted int) {
	outdated := func(t *task) bool { return t.deployment != s.primary() }
	if unstarted > 0 {
		for _, t := range s.tasks {
			if t.wanted && outdated(t) && t.status < running {
				t.stop(stoppedByScheduler)
			}
		}
	}
	for ; surplus > 0; surplus-- {
		victim := s.victim(outdated)
		if victim == nil {
			break
		}
		victim.stop(stoppedByScheduler)
	}
	// Told in the words of a scale-in: AWS documents no others.
	held := 0
	for _, t := range s.tasks {
		if t.wanted && outdated(t) && t.protected() {
			held++
		}
	}
	if held > 0 && surplus > 0 {
		s.blockedBy(held)
	}
}

// complete ends the deployment once every wanted task is new and ready.
func (s *service) complete(ready int) {
	for _, t := range s.tasks {
		if t.wanted && t.deployment != s.primary() {
			return
		}
	}
	if ready < s.desired {
		return
	}
	// A later change of the count alone starts no deployment, and is taken to leave
	// this state as it is: AWS does not say.
	s.primary().rollout = rolloutCompleted
	s.deployments = s.deployments[:1]
	s.blocked = 0
	s.dirty = true
	s.log("(deployment %s) deployment completed.", s.primary().id)
	s.kick()
}
