package dynamostore

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// seenLimit is how many records a process remembers. A record is some two kilobytes.
const seenLimit = 2048

// seen are the records that this process saw last: what a write begins with, so that it
// need not read before it. They are no more than a guess; the condition of the write says
// whether it was right.
type seen struct {
	mu      sync.Mutex
	records map[autoscaler.TaskRef]*stored

	seed  maphash.Seed
	turns [256]chan struct{}
}

func newSeen() *seen {
	s := &seen{records: make(map[autoscaler.TaskRef]*stored), seed: maphash.MakeSeed()}
	for i := range s.turns {
		s.turns[i] = make(chan struct{}, 1)
	}
	return s
}

// turn waits until no other call of this process writes to the task. It is for the bill
// alone: of two that race, one pays for a write that is refused. Tasks share turns by
// their hash, and a call never waits for a second one.
func (s *seen) turn(ctx context.Context, ref autoscaler.TaskRef) (release func(), err error) {
	turn := s.turns[maphash.Comparable(s.seed, ref)%uint64(len(s.turns))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// last returns what was seen last of a task; nil for nothing.
func (s *seen) last(ref autoscaler.TaskRef) *stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[ref]
}

// keep remembers what was seen of a task.
func (s *seen) keep(ref autoscaler.TaskRef, now *stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.record == nil {
		delete(s.records, ref)
		return
	}
	if _, there := s.records[ref]; !there && len(s.records) >= seenLimit {
		for other := range s.records { // any one: the next write to it reads
			delete(s.records, other)
			break
		}
	}
	s.records[ref] = now
}

func (s *seen) forget(ref autoscaler.TaskRef) { s.keep(ref, &stored{}) }
