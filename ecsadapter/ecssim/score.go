package ecssim

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Score says how well an application was served, and at what cost, from the end
// of its warm-up. Counts of users are of those who arrived in that time; Cut is
// of the whole run, since no session may be cut in a warm-up either.
type Score struct {
	From, To time.Time

	Arrivals int
	NoSlot   int // arrivals that found no free slot
	Refusals int // single refusals: tasks that were asked and did not take the user
	Waiting  int // users still waiting at To
	Cut      int // sessions whose task's process ended while they lived

	// The time from arrival to service, over all who were served.
	WaitP50, WaitP95, WaitP99, WaitMax time.Duration

	// BilledTaskSeconds runs from each task's request to its STOPPED.
	BilledTaskSeconds float64
	// BoundTaskSeconds is what no scaler can do without, LB1: the integral of the
	// live sessions over the slots of a task, rounded up to whole tasks.
	BoundTaskSeconds float64

	TaskStarts  int // tasks requested
	TaskStops   int // tasks stopped by the scheduler or by StopTask
	TaskFailure int // tasks that ended in any other way
}

// Ratio is the billed time over the bound; 0 where the bound is 0.
func (s Score) Ratio() float64 {
	if s.BoundTaskSeconds == 0 {
		return 0
	}
	return s.BilledTaskSeconds / s.BoundTaskSeconds
}

// NoSlotPPM is the share of arrivals that found no free slot, in parts per million.
func (s Score) NoSlotPPM() float64 { return perArrival(s.NoSlot, s.Arrivals) * 1e6 }

// RefusalsPerArrival is how often a user was refused, on average.
func (s Score) RefusalsPerArrival() float64 { return perArrival(s.Refusals, s.Arrivals) }

func perArrival(n, arrivals int) float64 {
	if arrivals == 0 {
		return 0
	}
	return float64(n) / float64(arrivals)
}

// String returns the score on one line; the ratio never stands alone.
func (s Score) String() string {
	return fmt.Sprintf("ratio %.3f, cut %d, no slot %.0f ppm of %d, wait p95 %s p99 %s max %s, %d starts, %.3f refusals per arrival",
		s.Ratio(), s.Cut, s.NoSlotPPM(), s.Arrivals, s.WaitP95, s.WaitP99, s.WaitMax, s.TaskStarts, s.RefusalsPerArrival())
}

// scoring collects what a Score is computed from.
type scoring struct {
	from  time.Time
	slots int

	now     int       // live sessions
	since   time.Time // that this many live
	bound   float64   // task-seconds before since
	billed  float64   // task-seconds of tasks that have stopped
	created map[autoscaler.TaskID]time.Time

	out    Score
	prompt int             // users served at once
	waits  []time.Duration // of the others
}

func newScoring(from time.Time, slots int) scoring {
	return scoring{from: from, slots: slots, since: from, created: make(map[autoscaler.TaskID]time.Time)}
}

// active notes that the number of live sessions changes now.
func (s *scoring) active(at time.Time, by int) {
	// The integral is exact at each change, so nothing depends on when it is read.
	s.advance(at)
	s.now += by
}

// advance adds up the bound until the instant.
func (s *scoring) advance(at time.Time) {
	if at.After(s.since) {
		s.bound += float64(tasksFor(s.now, s.slots)) * at.Sub(s.since).Seconds()
		s.since = at
	}
}

// tasksFor is how many tasks these sessions need at least.
func tasksFor(sessions, slots int) int { return (sessions + slots - 1) / slots }

// task notes a task's request and its end.
func (s *scoring) task(change TaskChange) {
	id := change.Ref.Task
	if change.LastStatus != "STOPPED" {
		// The first change that is seen of a task, whatever its status: a scoring
		// that began late still bills from the request.
		if _, known := s.created[id]; !known {
			s.created[id] = change.CreatedAt
			if !change.CreatedAt.Before(s.from) {
				s.out.TaskStarts++
			}
		}
		return
	}
	created, known := s.created[id]
	if !known {
		return
	}
	delete(s.created, id)
	s.billed += s.seconds(created, change.At)
	if change.At.Before(s.from) {
		return
	}
	switch change.StopCode {
	case stoppedByScheduler, stoppedByUser:
		s.out.TaskStops++
	default:
		s.out.TaskFailure++
	}
}

// seconds is the part of a span that is scored.
func (s *scoring) seconds(from, to time.Time) float64 {
	if from.Before(s.from) {
		from = s.from
	}
	return max(0, to.Sub(from).Seconds())
}

func (s *scoring) scored(arrived time.Time) bool { return !arrived.Before(s.from) }

func (s *scoring) arrival(at time.Time) {
	if s.scored(at) {
		s.out.Arrivals++
	}
}

func (s *scoring) noSlot(arrived time.Time) {
	if s.scored(arrived) {
		s.out.NoSlot++
	}
}

func (s *scoring) refused(arrived time.Time) {
	if s.scored(arrived) {
		s.out.Refusals++
	}
}

func (s *scoring) served(arrived, at time.Time) {
	switch {
	case !s.scored(arrived):
	case at.After(arrived):
		s.waits = append(s.waits, at.Sub(arrived))
	default:
		s.prompt++
	}
}

// wait returns the time that a share of those served did not wait longer than.
// The waits are sorted.
func (s *scoring) wait(share float64) time.Duration {
	total := s.prompt + len(s.waits)
	if total == 0 {
		return 0
	}
	// Those served at once stand before all others, without a list of zeros.
	rank := min(int(share*float64(total)), total-1)
	if rank < s.prompt {
		return 0
	}
	return s.waits[rank-s.prompt]
}

// Score returns the score until now.
func (a *Application) Score() Score {
	now := a.c.Now()
	s := &a.score
	s.advance(now)
	out := s.out
	out.From, out.To = s.from, now
	// A bill without its cuts and its waits means nothing, so one value holds
	// them all.
	out.Cut, out.Waiting = len(a.cuts), a.Waiting()
	out.BoundTaskSeconds, out.BilledTaskSeconds = s.bound, s.billed
	// Summed over sorted instants, so that the last digit does not depend on the
	// order of a map.
	open := make([]time.Time, 0, len(s.created))
	for _, created := range s.created {
		open = append(open, created)
	}
	slices.SortFunc(open, time.Time.Compare)
	for _, created := range open {
		out.BilledTaskSeconds += s.seconds(created, now)
	}
	slices.Sort(s.waits)
	out.WaitP50, out.WaitP95, out.WaitP99, out.WaitMax = s.wait(.50), s.wait(.95), s.wait(.99), s.wait(1)
	return out
}
