package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func reportClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("report-registers", "A task's first report makes its record, closed, as the report describes it.", func(s *scene) {
			order := s.report("t")
			a := s.see("t")
			if order.State != autoscaler.TaskNew || order.Version != a.Version {
				s.Errorf("the order is %+v, the record at version %d", order, a.Version)
			}
			if a.Adopted || a.Level != autoscaler.LevelA || a.Slots != 4 || a.Processes != 1 || !a.NeverOpened {
				s.Errorf("the record is %+v", a)
			}
		}),
		promise("report-removes-nothing", "A report that does not list a session which a call admitted leaves it there until its lease runs out.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.report("t")
			s.wantSessions("t", 1)
			s.Advance(5*time.Minute + 4*time.Second)
			s.report("t")
			s.wantSessions("t", 1)
			s.Advance(time.Second)
			s.report("t")
			s.wantSessions("t", 0)
		}),
		promise("first-report-removes-nothing", "The first report of a task for which nothing had reported leaves what it was told of there for one lease.", func(s *scene) {
			s.eventsOnly("t")
			s.started("t", "a")
			s.Advance(time.Hour)
			s.report("t")
			s.wantSessions("t", 1)
			s.Advance(5*time.Minute + 5*time.Second)
			s.report("t")
			s.wantSessions("t", 0)
		}),
		promise("report-keeps", "A session that reports list lives, whether or not a call told of it, and however old it is.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			for range 8 {
				s.Advance(time.Minute)
				s.report("t", "a", "b")
			}
			s.wantSessions("t", 2)
			s.end("t", "b")
			s.wantSessions("t", 1)
			s.report("t", "a")
			s.wantSessions("t", 1)
		}),
		promise("report-newest", "Only a later boot or sequence of the same process replaces what it reported, and the answer names the boot that is known.", func(s *scene) {
			s.open("t")
			old := s.next("t", "main", "a", "b")
			s.report("t", "a")
			version := s.see("t").Version
			for range 2 {
				if order := s.send(old); order.Version != version || order.Boot != 1000 {
					s.Errorf("an old report is answered with %+v, the record is at version %d", order, version)
				}
			}
			s.wantSessions("t", 1)
			rebooted := old
			rebooted.Boot, rebooted.Seq, rebooted.Sessions, rebooted.Count = 2000, 1, nil, 0
			s.send(rebooted)
			s.wantSessions("t", 0)
			if order := s.report("t", "x", "y", "z"); order.Boot != 2000 {
				s.Errorf("a report of the boot before is answered with boot %d", order.Boot)
			}
			s.wantSessions("t", 0)
		}),
		promise("report-processes", "The reports of several processes stand side by side.", func(s *scene) {
			for process, id := range map[string]sessionstore.SessionID{"one": "a", "two": "b"} {
				r := s.next("t", process, id)
				r.Processes = 2
				s.send(r)
			}
			s.wantSessions("t", 2)
		}),
		promise("report-tells-drain", "The answer to a report tells the record's state, and the drain to acknowledge.", func(s *scene) {
			s.open("t")
			if order := s.report("t"); order.State != autoscaler.TaskOpen || order.Drain != "" {
				s.Errorf("the order is %+v", order)
			}
			s.cordon("t", "d")
			if order := s.report("t"); order.State != autoscaler.TaskCordoned || order.Drain != "d" {
				s.Errorf("the order on a cordoned task is %+v", order)
			}
		}),
		promise("report-reopens", "A report on a lapsed cordon opens the task in the same write, if its protection allows it.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			s.Advance(15*time.Minute - time.Second)
			if order := s.report("t"); order.State != autoscaler.TaskCordoned {
				s.Errorf("before the lease ended the order is %+v", order)
			}
			s.Advance(time.Second)
			if order := s.report("t"); order.State != autoscaler.TaskOpen {
				s.Errorf("after the lease ended the order is %+v", order)
			}
			s.cordon("t", "e")
			s.Advance(aDay)
			if order := s.report("t"); order.State != autoscaler.TaskCordoned {
				s.Errorf("after the protection ended the order is %+v", order)
			}
			r := s.next("t", "main")
			r.ProtectedUntil = s.Now().Add(aDay)
			if order := s.send(r); order.State != autoscaler.TaskOpen {
				s.Errorf("with a new protection the order is %+v", order)
			}
		}),
		promise("report-protection", "A report's protection is recorded.", func(s *scene) {
			s.open("t")
			r := s.next("t", "main")
			r.ProtectedUntil = s.Now().Add(3 * aDay)
			s.send(r)
			if a := s.see("t"); !a.ProtectedUntil.Equal(r.ProtectedUntil) {
				s.Errorf("protected until %v, want %v", a.ProtectedUntil, r.ProtectedUntil)
			}
		}),
		promise("report-leaves", "A process that left with nothing is no longer waited for, and may come back.", func(s *scene) {
			for _, process := range []string{"one", "two"} {
				r := s.next("t", process)
				r.Processes = 2
				s.send(r)
			}
			last := s.next("t", "two")
			last.Left = true
			s.send(last)
			s.Advance(time.Minute)
			s.send(s.next("t", "one"))
			s.Advance(time.Minute)
			s.wantSessions("t", 0)
			back := s.next("t", "two", "a")
			back.Boot = 2000
			s.send(back)
			s.wantSessions("t", 1)
		}),
		promise("controller-heard", "The answer to a report tells when a controller last saved its checkpoint.", func(s *scene) {
			if order := s.report("t"); !order.ControllerAt.IsZero() {
				s.Errorf("without a controller the order says %v", order.ControllerAt)
			}
			_, err := s.Store.SaveCheckpoint(s.ctx(), autoscaler.Checkpoint{Service: service(), SavedAt: s.Now()})
			s.must(err, "SaveCheckpoint")
			at := s.Now()
			s.Advance(time.Minute)
			if order := s.report("t"); !order.ControllerAt.Equal(at) {
				s.Errorf("the order says %v, want %v", order.ControllerAt, at)
			}
		}),
		promise("session-ids", "A session id is 1 to 200 bytes long; another one is an error and counts nothing.", func(s *scene) {
			s.open("t")
			long := sessionstore.SessionID(make([]byte, 201))
			for _, id := range []sessionstore.SessionID{"", long} {
				_, err := s.Store.Started(s.ctx(), sessionstore.StartedRequest{Ref: ref("t"), Session: id, At: s.Now()})
				if s.begin("t", id) == nil || err == nil || s.reserve(id, time.Minute) == nil {
					s.Errorf("an id of %d bytes was taken", len(id))
				}
				if s.Store.End(s.ctx(), sessionstore.EndRequest{Ref: ref("none"), Session: id, At: s.Now()}) == nil {
					s.Errorf("an end of an id of %d bytes was taken without a record", len(id))
				}
			}
			s.want(s.begin("t", long[:200]), nil, "Begin with 200 bytes")
			s.wantSessions("t", 1)
		}),
	}
}

// checkAnyOrder applies the same calls in several orders, copies among them, and
// compares what each order leaves. Reports keep the order of their own process:
// a late one is dropped, and one that is dropped says nothing.
func checkAnyOrder(s *scene) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	var first string
	for round := range 12 {
		task := fmt.Sprint("t", round)
		s.report(task)
		calls := s.mixedCalls(task)
		if round > 0 {
			calls = append(calls, calls...)
			random.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
		}
		for _, call := range calls {
			call()
		}
		last := s.next(task, "main", "a", "c", "d", "told")
		last.Seq = 100
		s.send(last)
		a := s.see(task)
		if got := fmt.Sprint(a.State, a.Occupancy); first == "" {
			first = got
		} else if got != first {
			s.Fatalf("seed %d, round %d: %s, in order: %s", seed, round, got, first)
		}
		// Each id for itself: a session that lives takes a second start without
		// being counted again, one that ended drops it.
		for _, id := range []sessionstore.SessionID{"a", "b", "c", "d", "e", "f"} {
			if receipt := s.started(task, id); receipt.Dropped != (id == "b" || id == "c" || id == "f") {
				s.Fatalf("seed %d, round %d: session %s dropped %v", seed, round, id, receipt.Dropped)
			}
		}
	}
}

// mixedCalls starts a to e, ends b, c and f, and reports a, b and c.
func (s *scene) mixedCalls(task string) []func() {
	rep := s.next(task, "main", "a", "b", "c")
	calls := []func(){func() { s.send(rep) }}
	for _, id := range []sessionstore.SessionID{"a", "b", "c", "d", "e"} {
		calls = append(calls, func() { s.started(task, id) })
	}
	for _, id := range []sessionstore.SessionID{"b", "c", "f"} {
		calls = append(calls, func() { s.end(task, id) })
	}
	return calls
}
