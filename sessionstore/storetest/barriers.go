package storetest

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func barrierClauses() []clause.Clause[Harness] {
	apply := func(s *scene, store Store, req sessionstore.BarrierRequest) error {
		req.At = s.Now()
		return store.Barrier(s.ctx(), req)
	}
	wantBarrier := func(s *scene, at time.Time) {
		s.Helper()
		if a := s.see("t"); !a.Barrier.Equal(at) {
			s.Errorf("the record's barrier is of %v, want %v", a.Barrier, at)
		}
	}
	return []clause.Clause[Harness]{
		promise("barrier-applied", "A barrier of the drain under way is on the record from then on, at the store's own time, whatever the caller's clock says.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			at := s.Now()
			s.must(s.Store.Barrier(s.ctx(), sessionstore.BarrierRequest{Ref: ref("t"), Drain: "d", At: at.Add(-time.Hour)}), "Barrier")
			wantBarrier(s, at)
		}),
		promise("barrier-once", "A second copy of a barrier changes nothing and succeeds.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			s.barrier("t", "d")
			at, version := s.Now(), s.see("t").Version
			s.Advance(time.Minute)
			s.want(apply(s, s.Store, sessionstore.BarrierRequest{Ref: ref("t"), Drain: "d"}), nil, "the same Barrier again")
			wantBarrier(s, at)
			if now := s.see("t").Version; now != version {
				s.Errorf("the copy moved the record from version %d to %d", version, now)
			}
		}),
		promise("barrier-other-drain", "A barrier of a drain that is not under way changes nothing and succeeds, on a cordoned task, an open one and a retired one.", func(s *scene) {
			s.eventsOnly("t")
			s.want(apply(s, s.Store, sessionstore.BarrierRequest{Ref: ref("t"), Drain: "d"}), nil, "Barrier before its drain")
			s.cordon("t", "d")
			s.want(apply(s, s.Store, sessionstore.BarrierRequest{Ref: ref("t"), Drain: "old"}), nil, "Barrier of another drain")
			wantBarrier(s, time.Time{})
			s.retired("done")
			version := s.see("done").Version
			s.want(apply(s, s.Store, sessionstore.BarrierRequest{Ref: ref("done"), Drain: "d"}), nil, "Barrier of a retired task")
			if a := s.see("done"); a.Version != version || !a.Barrier.IsZero() {
				s.Errorf("the retired record is at version %d, was %d, with a barrier of %v", a.Version, version, a.Barrier)
			}
		}),
		promise("barrier-next-drain", "A drain begins without the barrier of the one before.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			s.barrier("t", "d")
			s.must(s.reopen("d"), "Reopen")
			s.cordon("t", "e")
			wantBarrier(s, time.Time{})
		}),
		promise("barrier-named", "A barrier that does not name its task whole, or its drain, is refused with the name of what is missing.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			for field, nobody := range unnamed() {
				s.wantNamed(apply(s, s.Store, sessionstore.BarrierRequest{Ref: nobody, Drain: "d"}), field, "Barrier")
			}
			s.wantNamed(apply(s, s.Store, sessionstore.BarrierRequest{Ref: ref("t")}), "Drain", "Barrier")
			wantBarrier(s, time.Time{})
		}),
		promise("barrier-no-record", "A barrier for a task without a record is ErrNotFound.", func(s *scene) {
			s.want(apply(s, s.Store, sessionstore.BarrierRequest{Ref: ref("t"), Drain: "d"}), autoscaler.ErrNotFound, "Barrier")
		}),
		promise("barrier-foreign", "A barrier for another owner's task is ErrForeign and changes nothing.", func(s *scene) {
			s.eventsOnly("t")
			s.cordon("t", "d")
			s.want(apply(s, s.As("other"), sessionstore.BarrierRequest{Ref: ref("t"), Drain: "d"}), autoscaler.ErrForeign, "Barrier by another owner")
			wantBarrier(s, time.Time{})
		}),
	}
}
