package ecssim

import "time"

// event is something that is due at an instant. Inside says that it changes the
// cluster and runs under the cluster's lock; the others call back into it.
type event struct {
	at     int64 // nanoseconds since the start
	seq    uint64
	inside bool
	run    func()
}

// before orders events by their instant and then by when they were planned, so
// that a run never depends on the heap's shape.
func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// agenda is a binary heap of events. container/heap would box every one of them.
type agenda struct {
	events []event
	seq    uint64
}

func (a *agenda) push(at int64, inside bool, run func()) {
	a.seq++
	a.events = append(a.events, event{at, a.seq, inside, run})
	// The order of equal instants is that of planning: without it two runs of one
	// seed could differ by the heap's history.
	h, i := a.events, len(a.events)-1
	for i > 0 {
		parent := (i - 1) / 2
		if !h[i].before(&h[parent]) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (a *agenda) pop() event {
	h := a.events
	top, last := h[0], len(h)-1
	h[0] = h[last]
	// Let go of the closure: the slot may stay unused for long.
	h[last] = event{}
	a.events = h[:last]
	h = a.events
	for i := 0; ; {
		least, left := i, 2*i+1
		if left < last && h[left].before(&h[least]) {
			least = left
		}
		if right := left + 1; right < last && h[right].before(&h[least]) {
			least = right
		}
		if least == i {
			return top
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// Now returns the simulated instant. It carries no monotonic reading.
func (c *Cluster) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.instant(c.now)
}

// At plans f for the instant given, or for now if that has passed. Events of one
// instant run in the order in which they were planned.
func (c *Cluster) At(at time.Time, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agenda.push(max(c.now, int64(at.Sub(c.start))), false, f)
}

// Every plans f for first and each interval after it, until the function that it
// returns is called. An interval below a nanosecond is one nanosecond.
func (c *Cluster) Every(first time.Time, interval time.Duration, f func()) (stop func()) {
	stopped := false
	at := first
	var again func()
	again = func() {
		if stopped {
			return
		}
		f()
		at = at.Add(max(interval, 1))
		c.At(at, again)
	}
	c.At(at, again)
	return func() { stopped = true }
}

// RunUntil carries out everything that is due up to and including the instant,
// and leaves the clock there. It never runs backwards.
func (c *Cluster) RunUntil(at time.Time) {
	limit := int64(at.Sub(c.start))
	for c.step(limit) {
	}
}

// RunFor is RunUntil with a duration from now.
func (c *Cluster) RunFor(d time.Duration) { c.RunUntil(c.Now().Add(d)) }

// step carries out the next event that is due by limit; without one it moves the
// clock to limit and reports false.
func (c *Cluster) step(limit int64) bool {
	c.mu.Lock()
	if len(c.agenda.events) == 0 || c.agenda.events[0].at > limit {
		c.now = max(c.now, limit)
		c.mu.Unlock()
		return false
	}
	e := c.agenda.pop()
	c.now = e.at
	// The cluster's own changes run under the lock, so that callers from other
	// goroutines see each of them whole. The others call the cluster back.
	if e.inside {
		e.run()
		c.settle()
		c.mu.Unlock()
		return true
	}
	c.mu.Unlock()
	e.run()
	return true
}

// next returns the instant of the next event, and whether there is one.
func (c *Cluster) next() (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.agenda.events) == 0 {
		return 0, false
	}
	return c.agenda.events[0].at, true
}

// after plans a change of the cluster itself. The lock is held.
func (c *Cluster) after(d int64, run func()) { c.agenda.push(c.now+d, true, run) }

// instant converts a time of the clock. The zero offset before the start is the
// zero time, so that "never" stays never.
func (c *Cluster) instant(at int64) time.Time {
	if at == never {
		return time.Time{}
	}
	return c.start.Add(time.Duration(at))
}

// never is the offset of what has not happened.
const never = -1 << 62
