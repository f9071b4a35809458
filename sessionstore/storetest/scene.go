package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// scene is a clause under way: the harness, and the calls in the short form that
// the clauses are written in. Its calls are made at the store's own time.
type scene struct {
	clause.T
	Harness
	seq map[string]int64 // reports sent, by task and process
}

func newScene(t clause.T, h Harness) *scene {
	return &scene{T: t, Harness: h, seq: make(map[string]int64)}
}

// aDay is a protection that suffices for everything.
const aDay = 24 * time.Hour

func (s *scene) ctx() context.Context { return s.Context() }

func service() autoscaler.ServiceID { return autoscaler.ServiceID{Cluster: "c", Name: "s"} }

func ref(task string) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: service(), Task: autoscaler.TaskID(task)}
}

// must ends the clause where a step that is not under test fails.
func (s *scene) must(err error, step string) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", step, err)
	}
}

// want holds an error to a sentinel, nil for none.
func (s *scene) want(err, sentinel error, step string) {
	s.Helper()
	switch {
	case sentinel == nil && err != nil:
		s.Errorf("%s: %v, want success", step, err)
	case sentinel != nil && err == nil:
		s.Errorf("%s: success, want %q", step, sentinel)
	case sentinel != nil && !errors.Is(err, sentinel):
		s.Errorf("%s: %v, want %q", step, err, sentinel)
	}
}

// wantNamed holds a refusal to naming the field that the request lacks.
func (s *scene) wantNamed(err error, field, step string) {
	s.Helper()
	var wrapped *autoscaler.Error
	if !errors.As(err, &wrapped) || !strings.Contains(wrapped.Hint, field) {
		s.Errorf("%s: %v, want an error whose hint names %s", step, err, field)
	}
}

// see reads one record.
func (s *scene) see(task string) autoscaler.TaskActivity {
	s.Helper()
	a, err := s.Store.Prove(s.ctx(), []autoscaler.TaskRef{ref(task)}, s.Now())
	s.must(err, "Prove "+task)
	if len(a) != 1 {
		s.Fatalf("Prove returned %d records for one task", len(a))
	}
	return a[0]
}

func (s *scene) wantState(task string, state autoscaler.TaskState) {
	s.Helper()
	if a := s.see(task); a.State != state {
		s.Errorf("%s is %s, want %s", task, a.State, state)
	}
}

// wantSessions holds the occupancy to a number, below 0 for unknown.
func (s *scene) wantSessions(task string, want int) {
	s.Helper()
	if a := s.see(task); a.Occupancy != autoscaler.Sessions(want) {
		s.Errorf("%s has occupancy %v, want %v", task, a.Occupancy, autoscaler.Sessions(want))
	}
}

// next builds the next report of a process that holds the sessions given.
func (s *scene) next(task, process string, ids ...sessionstore.SessionID) sessionstore.Report {
	s.seq[task+"/"+process]++
	return sessionstore.Report{
		Ref: ref(task), Process: process, Boot: 1000, Seq: s.seq[task+"/"+process], At: s.Now(),
		Sessions: ids, Count: len(ids), Level: autoscaler.LevelA, Slots: 4, Processes: 1,
	}
}

func (s *scene) send(r sessionstore.Report) sessionstore.Order {
	s.Helper()
	order, err := s.Store.Report(s.ctx(), r)
	s.must(err, "Report "+r.Process)
	return order
}

// report sends the next report of the task's one process.
func (s *scene) report(task string, ids ...sessionstore.SessionID) sessionstore.Order {
	s.Helper()
	return s.send(s.next(task, "main", ids...))
}

// closed sends a report that acknowledges a drain with no session.
func (s *scene) closed(task, process string, drain autoscaler.DrainID) {
	s.Helper()
	r := s.next(task, process)
	r.Closed, r.Acknowledges = true, drain
	s.send(r)
}

// protect opens the record with the protection given.
func (s *scene) protect(task string, left time.Duration) (autoscaler.TaskActivity, error) {
	return s.Store.Open(s.ctx(), autoscaler.OpenRequest{
		Ref: ref(task), Version: s.see(task).Version, ProtectedUntil: s.Now().Add(left), At: s.Now(),
	})
}

// open has a task at level A with four slots and one process register and open.
func (s *scene) open(task string) {
	s.Helper()
	s.report(task)
	_, err := s.protect(task, aDay)
	s.must(err, "Open "+task)
}

// register makes a record without a report.
func (s *scene) register(req autoscaler.RegisterRequest) {
	s.Helper()
	req.At = s.Now()
	_, err := s.Store.Register(s.ctx(), req)
	s.must(err, "Register")
}

// asking makes an open record of a task where nothing reports.
func (s *scene) asking(task string) {
	s.Helper()
	s.register(autoscaler.RegisterRequest{Ref: ref(task), Level: autoscaler.LevelA, Slots: 4})
	_, err := s.protect(task, 60*aDay)
	s.must(err, "Open "+task)
}

// eventsOnly makes an open record at level C of a task where nothing reports.
func (s *scene) eventsOnly(task string) {
	s.Helper()
	s.register(autoscaler.RegisterRequest{Ref: ref(task), Level: autoscaler.LevelC, Slots: 4})
	_, err := s.Store.Open(s.ctx(), autoscaler.OpenRequest{Ref: ref(task), Version: s.see(task).Version, At: s.Now()})
	s.must(err, "Open "+task)
}

func (s *scene) begin(task string, id sessionstore.SessionID) error {
	_, err := s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref(task), Session: id, At: s.Now()})
	return err
}

func (s *scene) started(task string, id sessionstore.SessionID) sessionstore.Receipt {
	s.Helper()
	receipt, err := s.Store.Started(s.ctx(), sessionstore.StartedRequest{Ref: ref(task), Session: id, At: s.Now()})
	s.must(err, "Started "+string(id))
	return receipt
}

func (s *scene) end(task string, id sessionstore.SessionID) {
	s.Helper()
	s.must(s.Store.End(s.ctx(), sessionstore.EndRequest{Ref: ref(task), Session: id, At: s.Now()}), "End "+string(id))
}

// reserve holds a slot on task t.
func (s *scene) reserve(id sessionstore.SessionID, d time.Duration) error {
	_, err := s.Store.Reserve(s.ctx(), sessionstore.ReserveRequest{
		Ref: ref("t"), Session: id, At: s.Now(), Until: s.Now().Add(d),
	})
	return err
}

// disconnect marks a session of task t as disconnected.
func (s *scene) disconnect(id sessionstore.SessionID, d time.Duration) {
	s.Helper()
	s.must(s.Store.Touch(s.ctx(), sessionstore.TouchRequest{
		Ref: ref("t"), Session: id, At: s.Now(), DisconnectedUntil: s.Now().Add(d),
	}), "Touch")
}

// tryCordon cordons on the version that it reads.
func (s *scene) tryCordon(task string, drain autoscaler.DrainID, idle bool) (autoscaler.TaskActivity, error) {
	return s.Store.Cordon(s.ctx(), autoscaler.CordonRequest{
		Ref: ref(task), Version: s.see(task).Version, Drain: drain, OnlyIfIdle: idle,
		At: s.Now(), Until: s.Now().Add(15 * time.Minute),
	})
}

func (s *scene) cordon(task string, drain autoscaler.DrainID) {
	s.Helper()
	_, err := s.tryCordon(task, drain, false)
	s.must(err, "Cordon "+task)
}

// drainRef names a drain on the version that it reads.
func (s *scene) drainRef(task string, drain autoscaler.DrainID) autoscaler.DrainRef {
	s.Helper()
	return autoscaler.DrainRef{Ref: ref(task), Drain: drain, Version: s.see(task).Version, At: s.Now()}
}

func (s *scene) retire(task string, drain autoscaler.DrainID) error {
	s.Helper()
	return s.Store.Retire(s.ctx(), s.drainRef(task, drain))
}

// reopen ends a drain of task t.
func (s *scene) reopen(drain autoscaler.DrainID) error {
	s.Helper()
	return s.Store.Reopen(s.ctx(), s.drainRef("t", drain))
}

// ready has an open task cordoned by drain d and acknowledged.
func (s *scene) ready(task string) {
	s.Helper()
	s.open(task)
	s.cordon(task, "d")
	s.closed(task, "main", "d")
}

// retired has a task retired, by drain d.
func (s *scene) retired(task string) {
	s.Helper()
	s.ready(task)
	s.must(s.retire(task, "d"), "Retire "+task)
}

func (s *scene) barrier(task string, drain autoscaler.DrainID) {
	s.Helper()
	s.must(s.Store.Barrier(s.ctx(), sessionstore.BarrierRequest{Ref: ref(task), Drain: drain, At: s.Now()}), "Barrier "+task)
}

// notice tells the users of task t, which is cordoned by d, that their sessions end
// after the time given.
func (s *scene) notice(after time.Duration) error {
	s.Helper()
	return s.Store.GiveNotice(s.ctx(), s.drainRef("t", "d"), s.Now().Add(after))
}

// force ends the sessions of task t.
func (s *scene) force(drain autoscaler.DrainID) (int, error) {
	s.Helper()
	return s.Store.EndSessions(s.ctx(), s.drainRef("t", drain))
}

// forced has the sessions of task t, which is cordoned by d, ended by force.
func (s *scene) forced(want int) {
	s.Helper()
	s.must(s.notice(time.Minute), "GiveNotice")
	s.Advance(time.Minute)
	n, err := s.force("d")
	s.must(err, "EndSessions")
	if n != want {
		s.Errorf("EndSessions ended %d sessions, want %d", n, want)
	}
}

// find holds what is known of a session to where it is, and in which state.
func (s *scene) find(id sessionstore.SessionID, task string, state sessionstore.SessionState) sessionstore.Found {
	s.Helper()
	f, err := s.Store.Find(s.ctx(), service(), id)
	s.must(err, "Find "+string(id))
	if f.Session != id || f.Ref != ref(task) || f.State != state {
		s.Errorf("session %s is found as %+v, want it %s on %s", id, f, state, task)
	}
	return f
}

// findEnded holds a session of task t to having ended by the cause given.
func (s *scene) findEnded(id sessionstore.SessionID, cause sessionstore.EndCause) {
	s.Helper()
	if f := s.find(id, "t", sessionstore.SessionEnded); f.Cause != cause {
		s.Errorf("session %s ended by %q, want %q", id, f.Cause, cause)
	}
}

// forget leaves the gravestone of a task that is not drained.
func (s *scene) forget(task string) {
	s.Helper()
	s.must(s.Store.Forget(s.ctx(), autoscaler.ForgetRequest{
		Ref: ref(task), Version: s.see(task).Version, At: s.Now(),
	}), "Forget "+task)
}
