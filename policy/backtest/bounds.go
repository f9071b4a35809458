package backtest

import "time"

// Bounds are task-seconds that no scaler can do without, from the loosest to the
// tightest, over the part of a load that is scored.
type Bounds struct {
	// LB1 is the integral of the live sessions over the slots of a task, rounded up:
	// it supposes that sessions move and that tasks start and stop for nothing.
	LB1 float64
	// Clairvoyant is what somebody pays who knows everything and moves sessions, but
	// pays for each start and each release: the k-th task is billed while k tasks are
	// needed, and in a gap it is kept or stopped and started, whatever is cheaper.
	Clairvoyant float64
}

// Bounds returns the bounds of a load between two instants, for tasks of so many
// slots, where a start and a release bill start and stop beside the time in use.
func (l Load) Bounds(from, to time.Time, slots int, start, stop time.Duration) Bounds {
	var b Bounds
	cycle := (start + stop).Seconds()
	// For each level of demand: since when it is needed, or since when it is not.
	var levels []level
	last, need := time.Time{}, 0
	l.levels(func(at time.Time, live int) {
		b.LB1 += float64(need) * overlap(last, at, from, to)
		last = at
		now := (live + slots - 1) / slots
		for len(levels) < now {
			levels = append(levels, level{})
		}
		for ; need < now; need++ {
			levels[need].up(at, from, to, cycle)
		}
		for ; need > now; need-- {
			levels[need-1].down(at, from, to)
		}
	})
	for i := range levels {
		b.Clairvoyant += levels[i].close(from, to, cycle)
	}
	return b
}

// level is one task's worth of demand.
type level struct {
	busy   bool
	ever   bool
	since  time.Time
	billed float64
}

// up begins a time of need: the gap before it was bridged, or ended with a start.
func (l *level) up(at, from, to time.Time, cycle float64) {
	if l.ever {
		l.billed += min(overlap(l.since, at, from, to), cycle)
	}
	l.busy, l.ever, l.since = true, true, at
}

func (l *level) down(at, from, to time.Time) {
	l.billed += overlap(l.since, at, from, to)
	l.busy, l.since = false, at
}

func (l *level) close(from, to time.Time, cycle float64) float64 {
	if l.busy {
		return l.billed + overlap(l.since, to, from, to)
	}
	return l.billed + min(overlap(l.since, to, from, to), cycle)
}

// overlap is how many seconds of a span lie between from and to.
func overlap(since, until, from, to time.Time) float64 {
	if since.Before(from) {
		since = from
	}
	if until.After(to) {
		until = to
	}
	return max(0, until.Sub(since).Seconds())
}

// meanStart is the mean time that the simulator's tasks take to start.
const meanStart = 75 * time.Second
