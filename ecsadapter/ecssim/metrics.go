package ecssim

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// point is one minute of the metrics.
type point struct {
	// The instant is the beginning of the minute's value and not its arrival.
	at          int64
	cpu, memory float64
}

// pointsKept bounds what is looked back on: AWS keeps days, but a reading that
// old is of no use to anybody here.
const pointsKept = 15

// sample takes the next point and plans the one after it. Nothing is written
// while no task runs, as in CloudWatch.
func (s *service) sample() {
	if s.running > 0 {
		// The average over the service's tasks, as AWS/ECS gives it: one busy task
		// among idle ones does not show.
		share := 0.0
		if s.slots > 0 {
			share = float64(s.live) / float64(s.running*s.slots)
		}
		m := s.cfg.Metrics
		if len(s.points) == pointsKept {
			s.points = append(s.points[:0], s.points[1:]...)
		}
		s.points = append(s.points, point{
			at:     s.c.now,
			cpu:    min(100, m.CPUBase+(m.CPUFull-m.CPUBase)*share),
			memory: min(100, m.MemoryBase+(m.MemoryFull-m.MemoryBase)*share),
		})
	}
	s.c.after(int64(time.Minute), s.sample)
}

// Utilization returns the newest point that can be read by now: points are late
// by the configured delay, and absent while nothing runs. A newest point more
// than a quarter of an hour old is not returned. It implements
// autoscaler.UtilizationSource.
func (c *Cluster) Utilization(ctx context.Context, id autoscaler.ServiceID, at time.Time) (autoscaler.Utilization, error) {
	out := autoscaler.Utilization{}
	err := c.call(ctx, Call{Op: OpUtilization, Service: id, Args: at}, func() error {
		s, err := c.find(id)
		if err != nil {
			return notFound("ecssim.Utilization", id.String(), err)
		}
		c.calls["GetMetricData"]++
		// A caller that asks as of the past gets what could be read then.
		now := min(c.now, int64(at.Sub(c.start)))
		for i := len(s.points) - 1; i >= 0; i-- {
			p := s.points[i]
			if now-p.at > int64(pointsKept*time.Minute) {
				break
			}
			if p.at+int64(s.cfg.Metrics.Delay) <= now {
				out[autoscaler.MetricCPU] = autoscaler.Reading{Value: p.cpu, At: c.instant(p.at)}
				out[autoscaler.MetricMemory] = autoscaler.Reading{Value: p.memory, At: c.instant(p.at)}
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SetSessions tells the cluster how many live sessions a task holds, out of how
// many slots: the truth behind the metrics and the balancer's connection counts.
// An [Application] calls it by itself.
func (c *Cluster) SetSessions(ref autoscaler.TaskRef, live, slots int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.find(ref.Service)
	if err != nil {
		return
	}
	s.slots = slots
	if t, ok := s.byID[ref.Task]; ok {
		if t.status == running {
			s.live += live - t.sessions
		}
		t.sessions = live
	}
}
