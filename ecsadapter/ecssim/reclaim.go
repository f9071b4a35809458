package ecssim

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Reclaim is a reason for which AWS takes a task away on its own, whatever protects
// it: outside every guarantee, and to be told apart from what a scaler does.
type Reclaim string

// The reasons, as the stop codes that ECS shows.
const (
	ReclaimSpot       Reclaim = "SpotInterruption"     // two minutes after a warning
	ReclaimRetirement Reclaim = "TerminationNotice"    // Fargate retires the platform under it
	ReclaimHost       Reclaim = "InfrastructureHealth" // its host is lost, without notice
)

// spotNotice is the time from a Spot warning to the end.
const spotNotice = 2 * time.Minute

// Reclaim takes a task away. The balancer is not drained first; ECS replaces it.
func (c *Cluster) Reclaim(ref autoscaler.TaskRef, why Reclaim) error {
	return c.onTask("ecssim.Reclaim", ref, func(t *task) {
		switch why {
		case ReclaimSpot:
			c.after(int64(spotNotice), func() { t.stop(string(why)) })
		case ReclaimHost:
			t.stop(string(why))
			t.exit()
		case ReclaimRetirement:
			t.stop(string(why))
		}
	})
}
