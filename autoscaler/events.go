package autoscaler

import (
	"sync"
	"time"
)

// eventReaction is how soon a breach is answered where sessions are told as they
// begin: the spacing of passes, and a pass.
const eventReaction = 2 * time.Second

// events is what a controller hears between two passes: how many slots of open
// tasks were taken. It is an estimate that every pass puts right, so a count that
// is lost, or told twice, costs one early or late pass and nothing else.
type events struct {
	mu    sync.Mutex
	taken int64 // since the controller was made, less those that were freed
	heard bool  // something was told since the last pass began
	alive bool  // something was told while the last arrivals came

	began    int64 // taken, when the last pass began
	arrivals int64 // of the service's demand, as the last pass read it
	free     int   // as the last pass read them
	room     int   // as the last pass's policy wants them
}

// begins notes that a pass begins to read.
func (e *events) begins() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.began = e.taken
}

// decided notes what a pass read and decided. Sessions that came while nothing was
// told show that nobody tells.
func (e *events) decided(v *view, room int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	arrivals := v.snapshot.Demand.Arrivals
	if e.heard || arrivals > e.arrivals {
		e.alive = e.heard
	}
	e.heard, e.arrivals = false, arrivals
	e.free, e.room = v.snapshot.Totals.Free, room
}

// take counts, and reports that fewer slots are free than there should be.
func (e *events) take(n int) (breached bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken += int64(n)
	e.heard = true
	return n > 0 && int64(e.free)-(e.taken-e.began) < int64(e.room)
}

// reaction is how long a breach goes unanswered.
func (e *events) reaction(interval time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alive || e.heard {
		return min(eventReaction, interval)
	}
	return interval
}

// Taken tells the controller that n slots of open tasks were taken, or freed where n
// is negative, as sessions begin and end: by the process that grants them, or by
// whoever reads the store's events. Where fewer slots are then free than the last
// decision wants ([Decision.Room]), it wakes Run and reports true; a host without Run
// makes a pass then. It never blocks. What is told twice or not at all costs a pass
// too many or too late.
func (c *Controller) Taken(n int) bool {
	if !c.events.take(n) {
		return false
	}
	c.Wake()
	return true
}
