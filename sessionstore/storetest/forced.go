package storetest

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func forcedClauses() []clause.Clause[Harness] {
	return append(noticeClauses(), endClauses()...)
}

func noticeClauses() []clause.Clause[Harness] {
	wantEnding := func(s *scene, at time.Time) {
		s.Helper()
		if a := s.see("t"); !a.Drain.Ending.Equal(at) {
			s.Errorf("the sessions are to end %v, want %v", a.Drain.Ending, at)
		}
	}
	return []clause.Clause[Harness]{
		promise("notice-told", "The deadline stands on the record, and the answer to each report tells it.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			if order := s.report("t"); !order.Ending.IsZero() {
				s.Errorf("without notice the order says %v", order.Ending)
			}
			s.must(s.notice(time.Hour), "GiveNotice")
			ending := s.Now().Add(time.Hour)
			wantEnding(s, ending)
			if order := s.report("t"); !order.Ending.Equal(ending) {
				s.Errorf("the order says %v, want %v", order.Ending, ending)
			}
		}),
		promise("notice-once", "The same notice again changes nothing and succeeds.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			s.must(s.notice(time.Hour), "GiveNotice")
			version := s.see("t").Version
			s.want(s.notice(time.Hour), nil, "the same GiveNotice again")
			if now := s.see("t").Version; now != version {
				s.Errorf("the copy moved the record from version %d to %d", version, now)
			}
		}),
		promise("notice-not-forward", "A deadline that was given is not brought forward.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			s.must(s.notice(time.Hour), "GiveNotice")
			ending := s.Now().Add(time.Hour)
			s.want(s.notice(time.Minute), nil, "GiveNotice of an earlier end")
			wantEnding(s, ending)
		}),
		promise("notice-put-off", "A deadline that was given can be put off.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			s.must(s.notice(time.Hour), "GiveNotice")
			s.want(s.notice(2*time.Hour), nil, "GiveNotice of a later end")
			wantEnding(s, s.Now().Add(2*time.Hour))
		}),
		promise("notice-ahead", "A deadline that has passed by either clock is no notice, and refused.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			d := s.drainRef("t", "d")
			if s.Store.GiveNotice(s.ctx(), d, s.Now()) == nil {
				s.Errorf("a deadline of this very instant was taken")
			}
			d.At = s.Now().Add(4 * time.Second)
			if s.Store.GiveNotice(s.ctx(), d, s.Now().Add(3*time.Second)) == nil {
				s.Errorf("a deadline that has passed by the caller's clock was taken")
			}
			wantEnding(s, time.Time{})
		}),
		promise("notice-next-drain", "A drain begins without the notice of the one before.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.cordon("t", "d")
			s.must(s.notice(time.Minute), "GiveNotice")
			s.must(s.reopen("d"), "Reopen")
			s.cordon("t", "e")
			wantEnding(s, time.Time{})
			s.Advance(time.Minute)
			_, err := s.force("e")
			s.want(err, autoscaler.ErrBusy, "EndSessions without a notice of its own")
		}),
		promise("forced-refused", "Neither notice nor end is for a task that is open, retired, without a record or another owner's, nor for another drain or a stale version.", checkForcedRefused),
	}
}

func checkForcedRefused(s *scene) {
	both := func(store Store, d autoscaler.DrainRef, sentinel error, step string) {
		s.Helper()
		s.want(store.GiveNotice(s.ctx(), d, s.Now().Add(time.Hour)), sentinel, "GiveNotice, "+step)
		_, err := store.EndSessions(s.ctx(), d)
		s.want(err, sentinel, "EndSessions, "+step)
	}
	both(s.Store, autoscaler.DrainRef{Ref: ref("t"), Drain: "d", Version: 1, At: s.Now()}, autoscaler.ErrNotFound, "no record")
	s.open("t")
	both(s.Store, s.drainRef("t", "d"), autoscaler.ErrConflict, "an open task")
	s.cordon("t", "d")
	both(s.Store, s.drainRef("t", "other"), autoscaler.ErrConflict, "another drain")
	stale := s.drainRef("t", "d")
	s.report("t")
	both(s.Store, stale, autoscaler.ErrConflict, "a stale version")
	off := s.drainRef("t", "d")
	off.At = s.Now().Add(time.Minute)
	both(s.Store, off, autoscaler.ErrClock, "a clock that is off")
	both(s.As("other"), s.drainRef("t", "d"), autoscaler.ErrForeign, "another owner")
	s.retired("done")
	both(s.Store, s.drainRef("done", "d"), autoscaler.ErrRetired, "a retired task")
}

func endClauses() []clause.Clause[Harness] {
	busy := func(s *scene, d autoscaler.DrainRef, step string) {
		s.Helper()
		_, err := s.Store.EndSessions(s.ctx(), d)
		s.want(err, autoscaler.ErrBusy, "EndSessions "+step)
		s.find("a", "t", sessionstore.SessionLive)
	}
	return []clause.Clause[Harness]{
		promise("forced-needs-notice", "Nothing is ended without notice.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.cordon("t", "d")
			busy(s, s.drainRef("t", "d"), "without notice")
		}),
		promise("forced-waits", "Nothing is ended before the deadline, neither by the store's clock nor by the caller's.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.cordon("t", "d")
			s.must(s.notice(time.Minute), "GiveNotice")
			s.Advance(time.Minute - time.Second)
			d := s.drainRef("t", "d")
			busy(s, d, "a second early")
			d.At = s.Now().Add(3 * time.Second)
			busy(s, d, "a second early, by a clock that is fast")
			s.Advance(time.Second)
			d.At = s.Now().Add(-3 * time.Second)
			busy(s, d, "at the deadline, by a clock that is slow")
			d.At = s.Now()
			_, err := s.Store.EndSessions(s.ctx(), d)
			s.want(err, nil, "EndSessions at the deadline")
		}),
		promise("forced-ends", "At the deadline every session ends, the disconnected too, reserved slots are given up, and the answer says how many sessions ended.", func(s *scene) {
			s.open("t")
			for _, id := range []sessionstore.SessionID{"a", "b"} {
				s.must(s.begin("t", id), "Begin")
			}
			s.disconnect("b", 10*time.Minute)
			s.must(s.reserve("r", 10*time.Minute), "Reserve")
			s.cordon("t", "d")
			s.forced(2)
			s.wantSessions("t", 0)
			s.findEnded("a", sessionstore.CauseForced)
			s.findEnded("b", sessionstore.CauseForced)
		}),
		promise("forced-stays", "What was ended by force stays ended, however many there were: no Begin, no start and no report brings it back.", checkForcedStays),
		promise("forced-waives", "A forced end waives the acknowledgements of its drain, silence and counts among them.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.cordon("t", "d")
			s.forced(1)
			s.Advance(10 * time.Minute)
			s.report("t", "a")
			s.Advance(10 * time.Minute)
			s.wantSessions("t", 0)
			s.want(s.retire("t", "d"), nil, "Retire of a task that is silent and acknowledged nothing")
		}),
		promise("forced-this-drain", "A forced end waives nothing for the drain after it.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.cordon("t", "d")
			s.forced(1)
			s.must(s.reopen("d"), "Reopen")
			s.cordon("t", "e")
			s.report("t")
			s.want(s.retire("t", "e"), autoscaler.ErrBusy, "Retire without an acknowledgement")
			s.report("t", "a")
			s.wantSessions("t", 1)
		}),
		promise("forced-counts-later", "A session that comes after the others were ended by force counts, and the task is not retired.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.cordon("t", "d")
			s.forced(1)
			s.started("t", "later")
			s.wantSessions("t", 1)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire")
			s.end("t", "later")
			s.report("t", "reported")
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire of a task that reports a session")
		}),
		promise("forced-twice", "Ending twice ends nothing more and answers with 0.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.cordon("t", "d")
			s.forced(1)
			s.started("t", "later")
			n, err := s.force("d")
			s.want(err, nil, "EndSessions again")
			if n != 0 {
				s.Errorf("it ended %d more", n)
			}
			s.find("later", "t", sessionstore.SessionLive)
		}),
		promiseUnder(sessionstore.Rules{LagBound: time.Minute}, "forced-level-c", "At level C a forced end waives neither the barrier nor its settling.", func(s *scene) {
			s.eventsOnly("t")
			s.started("t", "a")
			s.cordon("t", "d")
			s.forced(1)
			s.Advance(time.Hour)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire without a barrier")
			s.barrier("t", "d")
			s.Advance(2 * time.Minute)
			s.want(s.retire("t", "d"), nil, "Retire after the barrier has settled")
		}),
	}
}

// checkForcedStays ends more sessions than a record remembers by itself.
func checkForcedStays(s *scene) {
	r := s.next("t", "main")
	r.Slots = 40
	s.send(r)
	_, err := s.protect("t", aDay)
	s.must(err, "Open")
	var ids []sessionstore.SessionID
	for i := range 40 {
		ids = append(ids, sessionstore.SessionID(fmt.Sprintf("s%02d", i)))
		s.must(s.begin("t", ids[i]), "Begin")
	}
	began := s.Now()
	s.cordon("t", "d")
	s.forced(40)
	for _, id := range ids {
		s.want(s.begin("t", id), sessionstore.ErrEnded, "Begin of a session that was ended by force")
	}
	s.Advance(time.Minute)
	s.report("t", ids...)
	s.wantSessions("t", 0)
	for _, id := range ids {
		receipt, err := s.Store.Started(s.ctx(), sessionstore.StartedRequest{Ref: ref("t"), Session: id, At: s.Now(), Began: began})
		if err != nil || !receipt.Dropped {
			s.Errorf("Started of a session that was ended by force: %+v, %v", receipt, err)
		}
		s.findEnded(id, sessionstore.CauseForced)
	}
}
