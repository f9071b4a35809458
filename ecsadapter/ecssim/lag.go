package ecssim

import (
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// view is what the describing calls show of a service from an instant on.
type view struct {
	at    int64
	state autoscaler.ServiceState
}

// settle ends a change: where describing lags, what the change left is kept for
// the reads that will see it later. The lock is held.
func (c *Cluster) settle() {
	// Without lag there is nothing to keep, and a run of millions of events pays
	// nothing for the possibility.
	if c.lag == 0 && c.remember == 0 {
		return
	}
	for _, s := range c.order {
		if !s.dirty {
			continue
		}
		s.dirty = false
		now := view{c.now, s.state()}
		// Nobody can read between two changes of one instant.
		if n := len(s.past); n > 0 && s.past[n-1].at == c.now {
			s.past[n-1] = now
			continue
		}
		// The last view before the horizon is still the one that is shown.
		old := 0
		for old+1 < len(s.past) && s.past[old+1].at <= c.now-max(c.lag, c.remember) {
			old++
		}
		s.past = append(s.past[:0], s.past[old:]...)
		s.past = append(s.past, now)
	}
}

// unsettle has the next change keep a view of every service, and keeps one now.
func (c *Cluster) unsettle() {
	for _, s := range c.order {
		s.dirty = true
	}
	c.settle()
}

// shown is what a call that a mishap befalls shows of the service: what was true a
// while ago, where the read is stale, with protection as it is.
func (s *service) shown(m mishap) autoscaler.ServiceState {
	lag := s.c.lag
	if m.kind == FaultStale {
		lag = max(lag, min(int64(m.delay), s.c.remember))
	}
	if lag == 0 || len(s.past) == 0 {
		return s.state()
	}
	// Before the first view is old enough to show, it is shown all the same: a
	// service does not begin by being unknown.
	shown := s.past[0].state
	for _, v := range s.past[1:] {
		if v.at > s.c.now-lag {
			break
		}
		shown = v.state
	}
	shown.At = s.c.instant(s.c.now)
	shown.Deployments = slices.Clone(shown.Deployments)
	// The caller may keep what it is given, and the view is shown again.
	shown.Tasks = slices.Clone(shown.Tasks)
	for i := range shown.Tasks {
		st := &shown.Tasks[i]
		st.ProtectedUntil = s.c.instant(never)
		if t, ok := s.byID[st.ID]; ok && t.protected() {
			st.ProtectedUntil = s.c.instant(t.protectedUntil)
		}
	}
	return shown
}

// state describes the service as it is.
func (s *service) state() autoscaler.ServiceState {
	out := autoscaler.ServiceState{
		Service: s.cfg.ID, At: s.c.instant(s.c.now),
		Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS",
		Desired:             s.desired,
		Deployments:         make([]autoscaler.Deployment, len(s.deployments)),
		Tasks:               make([]autoscaler.TaskStatus, len(s.tasks)),
		DeregistrationDelay: s.cfg.DeregistrationDelay, StopTimeout: s.cfg.StopTimeout,
	}
	for i, d := range s.deployments {
		out.Deployments[i] = autoscaler.Deployment{ID: d.id, Primary: i == 0, Rollout: d.rollout}
	}
	out.Deployments[0].Desired = s.desired
	for i, t := range s.tasks {
		out.Tasks[i] = t.show()
		if !t.wanted {
			continue
		}
		at := slices.Index(s.deployments, t.deployment)
		if at < 0 {
			continue
		}
		d := &out.Deployments[at]
		// Counted as ECS counts: a task on its way out is neither running nor
		// pending, though its process may still serve.
		if t.status == running {
			out.Running++
			d.Running++
		} else {
			out.Pending++
			d.Pending++
		}
		// An old deployment is meant to have what it still has; AWS lowers the number
		// as its tasks go.
		if at > 0 {
			d.Desired++
		}
	}
	return out
}
