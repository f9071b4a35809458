package e2e

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// weather lays over the chaos what others do to the service, and what AWS does.
// Whatever fails here fails for ECS's own reasons, and is as good as not tried.
func (w *world) weather(length time.Duration) {
	at := func(chance int, f func()) {
		if w.r.IntN(chance) == 0 {
			w.c.At(w.c.Now().Add(time.Duration(w.r.Int64N(int64(length)))), f)
		}
	}
	onTask := func(f func(autoscaler.TaskRef)) func() {
		return func() {
			if id, ok := w.someTask(); ok {
				f(autoscaler.TaskRef{Service: service, Task: id})
			}
		}
	}
	for range 2 {
		n := w.r.IntN(6)
		at(2, func() { _ = w.c.ForeignDesired(service, n) })
		at(2, onTask(func(ref autoscaler.TaskRef) {
			if w.c.SetHealth(ref, false) == nil {
				w.sick[ref.Task] = true
			}
		}))
	}
	at(3, onTask(func(ref autoscaler.TaskRef) { _ = w.c.Crash(ref) }))
	at(3, onTask(func(ref autoscaler.TaskRef) { w.users.Restart(ref.Task) }))
	at(4, onTask(func(ref autoscaler.TaskRef) { _ = w.c.ForeignStop(ref) }))
	at(4, onTask(func(ref autoscaler.TaskRef) {
		_, _ = w.c.UpdateTaskProtection(service, []autoscaler.TaskID{ref.Task}, false, 0)
	}))
	why := []ecssim.Reclaim{ecssim.ReclaimSpot, ecssim.ReclaimRetirement, ecssim.ReclaimHost}[w.r.IntN(3)]
	at(4, onTask(func(ref autoscaler.TaskRef) { _ = w.c.Reclaim(ref, why) }))
	revision := fmt.Sprint("revision-", w.r.IntN(100))
	chance := 3
	if w.col.level == "C-A" {
		chance = 1
	}
	at(chance, func() { _, _ = w.c.DeployWithin(service, revision, 3*time.Hour) })
}
