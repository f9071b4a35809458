package storetest

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func finderClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("find-live", "A session that lives is found on its task, since it was admitted, and told to be listed where a process lists it.", func(s *scene) {
			s.open("t")
			s.open("u")
			s.must(s.begin("u", "a"), "Begin")
			at := s.Now()
			if f := s.find("a", "u", sessionstore.SessionLive); f.Listed || !f.Since.Equal(at) {
				s.Errorf("before a report: %+v, want it unlisted and since %v", f, at)
			}
			s.Advance(time.Minute)
			s.report("u", "a")
			if f := s.find("a", "u", sessionstore.SessionLive); !f.Listed || !f.Since.Equal(at) {
				s.Errorf("after a report: %+v, want it listed and since %v", f, at)
			}
		}),
		promise("find-states", "A reserved and a disconnected session are found as such, with the instant at which they end by themselves.", func(s *scene) {
			s.open("t")
			s.must(s.reserve("r", time.Hour), "Reserve")
			s.must(s.begin("t", "a"), "Begin")
			s.disconnect("a", 2*time.Hour)
			if f := s.find("r", "t", sessionstore.SessionReserved); !f.Since.Equal(s.Now().Add(time.Hour)) {
				s.Errorf("the reservation ends %v, want in an hour", f.Since)
			}
			if f := s.find("a", "t", sessionstore.SessionDisconnected); !f.Since.Equal(s.Now().Add(2 * time.Hour)) {
				s.Errorf("the disconnected session ends %v, want in two hours", f.Since)
			}
		}),
		promise("find-ended", "A session that has ended is found with when and by what, however many ended after it, for 15 days.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.Advance(time.Minute)
			s.end("t", "a")
			at := s.Now()
			for i := range 40 {
				s.end("t", sessionstore.SessionID(fmt.Sprint(i)))
			}
			for _, wait := range []time.Duration{0, time.Hour, 14 * aDay} {
				s.Advance(wait)
				s.findEnded("a", sessionstore.CauseEnd)
				if f := s.find("a", "t", sessionstore.SessionEnded); !f.Since.Equal(at) {
					s.Errorf("it ended %v, want %v", f.Since, at)
				}
			}
		}),
		promise("find-ended-listed", "A session that has ended is found as ended, also while its process still lists it.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.end("t", "a")
			for i := range 40 {
				s.end("t", sessionstore.SessionID(fmt.Sprint(i)))
			}
			for range 3 {
				s.Advance(time.Minute)
				s.report("t", "a")
				s.findEnded("a", sessionstore.CauseEnd)
				s.wantSessions("t", 1)
			}
		}),
		promise("find-time", "A session that time alone has ended is told to have ended by time, as long as its record holds it.", func(s *scene) {
			s.open("t")
			s.must(s.reserve("r", time.Minute), "Reserve")
			s.Advance(time.Minute)
			s.findEnded("r", sessionstore.CauseTime)
		}),
		promise("find-forgotten", "Sessions that lived when their task was forgotten are found there, ended with their task; those that had ended before keep their cause.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.must(s.begin("t", "b"), "Begin")
			s.end("t", "b")
			s.forget("t")
			s.Advance(14 * aDay)
			s.findEnded("a", sessionstore.CauseTask)
			s.findEnded("b", sessionstore.CauseEnd)
		}),
		promise("find-no-record", "An end that came without a record is found.", func(s *scene) {
			s.end("t", "a")
			s.findEnded("a", sessionstore.CauseEnd)
		}),
		promise("find-where-it-lives", "A session that was told of on several tasks is found where it lives, else where it ended last.", func(s *scene) {
			for _, task := range []string{"t", "u", "v"} {
				s.open(task)
				s.started(task, "a")
			}
			s.end("u", "a")
			s.end("t", "a")
			s.find("a", "v", sessionstore.SessionLive)
			s.Advance(time.Minute)
			s.end("v", "a")
			s.find("a", "v", sessionstore.SessionEnded)
		}),
		promise("find-none", "A session that nobody told of in this service is ErrNotFound.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			for _, where := range []struct {
				service autoscaler.ServiceID
				id      sessionstore.SessionID
			}{{service(), "b"}, {autoscaler.ServiceID{Cluster: "c", Name: "other"}, "a"}} {
				_, err := s.Store.Find(s.ctx(), where.service, where.id)
				s.want(err, autoscaler.ErrNotFound, "Find "+string(where.id)+" in "+where.service.String())
			}
		}),
		promise("find-changes-nothing", "Looking for a session changes no record.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			version := s.see("t").Version
			s.Advance(time.Hour)
			_, _ = s.Store.Find(s.ctx(), service(), "a")
			if now := s.see("t").Version; now != version {
				s.Errorf("the record moved from version %d to %d", version, now)
			}
		}),
	}
}
