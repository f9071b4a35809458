package memstore

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// service is all that is kept of one service, under one lock. The lock is held
// for the time of one record's write, some hundred nanoseconds; a lock for each
// record would cost more memory than it saves time.
type service struct {
	mu       sync.Mutex
	id       autoscaler.ServiceID
	remember time.Duration // Config.Remember

	records map[autoscaler.TaskID]*sessionstore.Record // gravestones included
	ordered []*sessionstore.Record                     // by task id; without gravestones
	graves  queue[autoscaler.TaskID]

	spilled map[endedKey]sessionstore.Ended
	spills  queue[endedKey]

	demand  autoscaler.Demand // of forgotten records, and refusals
	sources map[string]*source

	checkpoint   autoscaler.Checkpoint
	controllerAt time.Time
	control      autoscaler.Control

	journal []autoscaler.Entry
}

// endedKey names an ended session that its record no longer remembers.
type endedKey struct {
	task    autoscaler.TaskID
	session sessionstore.SessionID
}

func newService(id autoscaler.ServiceID, remember time.Duration) *service {
	return &service{
		id: id, remember: remember,
		records: make(map[autoscaler.TaskID]*sessionstore.Record),
		spilled: make(map[endedKey]sessionstore.Ended),
		sources: make(map[string]*source),
	}
}

// add keeps a new record.
func (s *service) add(r *sessionstore.Record) {
	task := r.Ref().Task
	s.records[task] = r
	i, _ := s.place(task)
	s.ordered = slices.Insert(s.ordered, i, r)
}

// bury takes a forgotten record out of what Activity shows.
func (s *service) bury(r *sessionstore.Record, now time.Time) {
	task := r.Ref().Task
	if i, there := s.place(task); there {
		s.ordered = slices.Delete(s.ordered, i, i+1)
	}
	arrivals, departures := r.Demand()
	s.demand.Arrivals += arrivals
	s.demand.Departures += departures
	s.graves.push(task, now)
}

func (s *service) place(task autoscaler.TaskID) (int, bool) {
	return slices.BinarySearchFunc(s.ordered, task, func(r *sessionstore.Record, task autoscaler.TaskID) int {
		return cmp.Compare(r.Ref().Task, task)
	})
}

// keep keeps ended sessions beside their record.
func (s *service) keep(task autoscaler.TaskID, ended []sessionstore.Ended, now time.Time) {
	for _, e := range ended {
		key := endedKey{task, e.Session}
		if _, there := s.spilled[key]; !there {
			s.spilled[key] = e
			s.spills.push(key, now)
		}
	}
}

// spilledOf returns the question whether an ended session of the task is kept
// beside its record.
func (s *service) spilledOf(task autoscaler.TaskID) sessionstore.Spilled {
	return func(id sessionstore.SessionID) bool {
		_, there := s.spilled[endedKey{task, id}]
		return there
	}
}

// sweep removes a little of what is past its time. Every write calls it and adds
// at most as much as is removed here, so that nothing piles up.
func (s *service) sweep(now time.Time) {
	for range 2 {
		if task, ok := s.graves.popBefore(now.Add(-s.remember)); ok {
			delete(s.records, task)
		}
	}
	for range sessionstore.EndedLimit {
		key, ok := s.spills.popBefore(now.Add(-s.remember))
		if !ok {
			break
		}
		delete(s.spilled, key)
	}
}

// queue holds values with the instants they came at, oldest first.
type queue[T any] struct {
	items []queued[T]
	head  int
}

type queued[T any] struct {
	value T
	at    int64 // Unix nanoseconds
}

func (q *queue[T]) push(value T, at time.Time) {
	// What was popped is given back once it is more than half.
	if q.head > 16 && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, queued[T]{value, at.UnixNano()})
}

// popBefore takes the oldest value out if it came before the instant given.
func (q *queue[T]) popBefore(t time.Time) (value T, ok bool) {
	if q.head == len(q.items) || q.items[q.head].at >= t.UnixNano() {
		return value, false
	}
	value = q.items[q.head].value
	var none queued[T]
	q.items[q.head] = none
	q.head++
	return value, true
}
