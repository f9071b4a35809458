package ecssim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Weather is what befalls a service from outside: what other people and other tools
// do to it, what AWS does on its own, what goes wrong within its tasks. The rates are
// means per day; zero is never. The same value on the same run befalls it alike.
type Weather struct {
	Seed     uint64
	From, To time.Time // the zero From is now

	Deployments float64 // of a new revision, rolling
	Writes      float64 // of the desired count, to Applied, as an infrastructure apply does
	Applied     int
	Crashes     float64 // of a task's process
	Restarts    float64 // of the containers within a task; ECS sees nothing of it
	Sick        float64 // tasks that fail their health checks from then on
	Reclaims    float64 // Spot, retirement or the loss of a host, in turn
	Stops       float64 // of a task, by a person
	Bared       float64 // protections taken away by somebody else
}

// Play lays the weather over the service that the application runs on, and returns
// how often each kind has befallen it, filled in as the clock runs.
func (w Weather) Play(c *Cluster, a *Application) map[string]int {
	if w.From.IsZero() {
		w.From = c.Now()
	}
	r := rand.New(rand.NewPCG(w.Seed, 0x3ea7))
	id, counts := a.cfg.Service, make(map[string]int)
	onTask := func(f func(autoscaler.TaskRef) error) func() error {
		return func() error { return f(c.someTask(id, r)) }
	}
	reclaims := [...]Reclaim{ReclaimSpot, ReclaimRetirement, ReclaimHost}
	for _, kind := range []struct {
		name string
		rate float64
		do   func() error
	}{
		{"deployments", w.Deployments, func() error {
			_, err := c.Deploy(id, fmt.Sprint("revision-", counts["deployments"]+2))
			return err
		}},
		{"foreign writes of the desired count", w.Writes, func() error { return c.ForeignDesired(id, w.Applied) }},
		{"crashes", w.Crashes, onTask(c.Crash)},
		{"container restarts", w.Restarts, onTask(func(ref autoscaler.TaskRef) error { return a.restart(ref) })},
		{"sick tasks", w.Sick, onTask(func(ref autoscaler.TaskRef) error { return c.SetHealth(ref, false) })},
		{"tasks reclaimed by AWS", w.Reclaims, onTask(func(ref autoscaler.TaskRef) error {
			return c.Reclaim(ref, reclaims[counts["tasks reclaimed by AWS"]%len(reclaims)])
		})},
		{"tasks stopped by a person", w.Stops, onTask(c.ForeignStop)},
		{"protections taken away", w.Bared, onTask(func(ref autoscaler.TaskRef) error {
			_, err := c.UpdateTaskProtection(id, []autoscaler.TaskID{ref.Task}, false, 0)
			return err
		})},
	} {
		for _, at := range arrivals(r, kind.rate, w.From, w.To) {
			c.At(at, func() {
				// Where there is no task to befall, nothing has happened.
				if kind.do() == nil {
					counts[kind.name]++
				}
			})
		}
	}
	return counts
}

// arrivals draws instants of a Poisson process, a number per day on average.
func arrivals(r *rand.Rand, perDay float64, from, to time.Time) []time.Time {
	var all []time.Time
	if perDay <= 0 {
		return nil
	}
	mean := float64(24*time.Hour) / perDay
	for at := from.Add(time.Duration(r.ExpFloat64() * mean)); at.Before(to); at = at.Add(time.Duration(r.ExpFloat64() * mean)) {
		all = append(all, at)
	}
	return all
}

// someTask returns a running task, an unknown one where none runs.
func (c *Cluster) someTask(id autoscaler.ServiceID, r *rand.Rand) autoscaler.TaskRef {
	c.mu.Lock()
	defer c.mu.Unlock()
	ref := autoscaler.TaskRef{Service: id}
	s, err := c.find(id)
	if err != nil {
		return ref
	}
	n := 0
	for _, t := range s.tasks {
		if t.wanted && t.status == running {
			if n++; r.IntN(n) == 0 {
				ref.Task = t.id
			}
		}
	}
	return ref
}

// restart is Restart for a task that has to be there.
func (a *Application) restart(ref autoscaler.TaskRef) error {
	if a.processes[ref.Task] == nil {
		return &autoscaler.Error{Op: "ecssim.Restart", Ref: ref.String(), Err: autoscaler.ErrNotFound, Hint: "none of its processes runs"}
	}
	a.Restart(ref.Task)
	return nil
}
