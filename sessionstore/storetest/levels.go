package storetest

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// bounded are rules under which a barrier settles for two minutes.
func bounded() sessionstore.Rules { return sessionstore.Rules{LagBound: time.Minute} }

// levelClauses hold a store to what it asks for below level A before a task is
// retired.
func levelClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("retire-new-level-b", "At level B a task that never opened is retired straight from new, once every one of its processes has said that it admits nobody, and not before.", checkRetireNewLevelB),
		promise("level-c-unbounded", "Where the host has not said how late events may be, no task at level C is retired, by whatever barrier and however long after it.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			s.barrier("t", "d")
			s.Advance(10 * aDay)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire")
			if a := s.see("t"); a.Bounded || a.Acknowledged {
				s.Errorf("the record is %+v", a)
			}
		}),
		promise("level-c-reports", "A level C task's processes acknowledge nothing that would take the barrier's place.", func(s *scene) {
			r := s.next("t", "main")
			r.Level = autoscaler.LevelC
			s.send(r)
			_, err := s.protect("t", aDay)
			s.must(err, "Open")
			s.cordon("t", "d")
			s.closed("t", "main", "d")
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire")
		}),
		promiseUnder(bounded(), "level-c-settles", "At level C a task is retired twice the lag bound after its drain's barrier, not before, and never without one.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			s.Advance(time.Hour)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire without a barrier")
			s.barrier("t", "d")
			s.Advance(2*time.Minute - time.Second)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire a second early")
			s.Advance(time.Second)
			if a := s.see("t"); !a.Bounded || !a.Acknowledged {
				s.Errorf("the record does not show that it has settled: %+v", a)
			}
			s.want(s.retire("t", "d"), nil, "Retire after twice the lag bound")
		}),
		promiseUnder(sessionstore.Rules{LagBound: time.Minute, Settle: time.Second}, "level-c-settles-whole", "A settling time of the host's own does not cut that short.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			s.barrier("t", "d")
			s.Advance(time.Minute)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire after the lag bound")
		}),
		promiseUnder(bounded(), "level-c-voided", "A session that comes after the barrier voids it, also one that has ended since: it takes another barrier.", checkVoided),
		promiseUnder(bounded(), "level-c-other-barrier", "A barrier of another drain settles nothing.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "old")
			s.barrier("t", "old")
			s.must(s.reopen("old"), "Reopen")
			s.cordon("t", "d")
			s.barrier("t", "old")
			s.Advance(time.Hour)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire")
		}),
		promiseUnder(bounded(), "level-c-busy", "At level C a task that holds a session is not retired, however long ago its barrier came.", func(s *scene) {
			s.eventsOnly("t")
			s.started("t", "a")
			s.cordon("t", "d")
			s.barrier("t", "d")
			s.Advance(36 * time.Hour)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire")
			s.end("t", "a")
			s.want(s.retire("t", "d"), nil, "Retire after the end")
		}),
	}
}

func checkRetireNewLevelB(s *scene) {
	report := func(process string, closed bool) {
		r := s.next("t", process)
		r.Level, r.Processes, r.Closed = autoscaler.LevelB, 2, closed
		s.send(r)
	}
	report("one", true)
	s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire before the second process has reported")
	report("two", false)
	s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire with a process that admits sessions")
	report("two", true)
	s.want(s.retire("t", "d"), nil, "Retire of a task that admits nobody")
	s.wantState("t", autoscaler.TaskRetired)
}

// checkVoided has a session come that is new, and one whose slot was reserved.
func checkVoided(s *scene) {
	s.eventsOnly("new")
	s.eventsOnly("reserved")
	_, err := s.Store.Reserve(s.ctx(), sessionstore.ReserveRequest{Ref: ref("reserved"), Session: "a", At: s.Now(), Until: s.Now().Add(time.Hour)})
	s.must(err, "Reserve")
	for _, task := range []string{"new", "reserved"} {
		s.cordon(task, "d")
		s.barrier(task, "d")
		s.Advance(time.Minute)
		s.started(task, "a")
		s.end(task, "a")
		s.Advance(10 * time.Minute)
		if a := s.see(task); !a.Barrier.IsZero() || a.Acknowledged {
			s.Errorf("%s still has its barrier: %+v", task, a)
		}
		s.want(s.retire(task, "d"), autoscaler.ErrBusy, "Retire on the voided barrier")
		s.barrier(task, "d")
		s.Advance(2 * time.Minute)
		s.want(s.retire(task, "d"), nil, "Retire after another barrier")
	}
}
