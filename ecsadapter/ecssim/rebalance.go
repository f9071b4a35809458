package ecssim

import "slices"

// rebalance is zone rebalancing: where two zones differ by two tasks or more, ECS
// starts one in the emptier zone first, waits until it serves, and then stops one in
// the fuller zone. It cannot stop a protected one. Then the extra task stays, and
// nothing but the text of an event says so.
func (s *service) rebalance(ready int) {
	switch {
	case !s.cfg.Rebalance || len(s.deployments) > 1:
		s.extra = 0
	case s.extra > 0 && ready > s.desired:
		s.giveBack()
	case s.extra == 0 && ready == s.desired && s.uneven():
		s.extra = 1
		s.log("has started 1 task in zone %s to AZ Rebalance.", zoneName(s.emptiestZone()))
		s.start(s.primary(), 1)
	}
}

// giveBack stops one task in the fullest zone, if one may be chosen there: stopping the
// new one would leave the zones as they were.
func (s *service) giveBack() {
	count := s.inZones()
	most := slices.Max(count)
	victim := s.victim(func(t *task) bool { return !t.unhealthy && count[t.zone] == most })
	if victim == nil {
		if !s.stuckExtra {
			s.stuckExtra = true
			s.log("was unable to AZ Rebalance because tasks are protected from scale-in.")
		}
		return
	}
	s.extra, s.stuckExtra = 0, false
	s.log("has stopped 1 running tasks: (task %s) to AZ Rebalance.", victim.id)
	victim.stop(stoppedByScheduler)
}

// uneven reports that the fullest zone has at least two tasks more than the emptiest.
func (s *service) uneven() bool {
	count := s.inZones()
	return slices.Max(count)-slices.Min(count) >= 2
}

// inZones counts the tasks of each zone that are to run.
func (s *service) inZones() []int {
	count := make([]int, s.cfg.Zones)
	for _, t := range s.tasks {
		if t.wanted {
			count[t.zone]++
		}
	}
	return count
}
