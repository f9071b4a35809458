package ecssim

import (
	"math/rand/v2"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Config describes a cluster. The zero value is one service of no tasks with
// AWS's defaults, seed 0, from Monday 5 January 2026 00:00 UTC.
type Config struct {
	Seed  uint64    // of everything that is drawn
	Start time.Time // the instant the clock starts at
	// Service is the first service; AddService adds more.
	Service ServiceConfig
	// DescribeLag is how far behind DescribeServices, ListTasks and DescribeTasks
	// are; 0 means not at all. Protection is always read as it is.
	DescribeLag time.Duration
	// Seam sees every call; nil for none. Cluster.SetSeam replaces it.
	Seam Seam
}

// ServiceConfig describes one service. Every zero field has the default that it
// names; a negative duration means zero where zero has another meaning.
type ServiceConfig struct {
	ID      autoscaler.ServiceID // default sim/service
	Desired int                  // the desired count to begin with
	// Warm makes the first tasks RUNNING and healthy at once; otherwise they
	// start as any others.
	Warm  bool
	Zones int // default 3

	// StartTime is the time from PROVISIONING to RUNNING; default 60 to 90 s.
	StartTime Span
	// SchedulerDelay is what the scheduler takes to notice: from a lower desired
	// count to the choice of a task, from a stop to its replacement. Default 1 to
	// 10 s. What a higher desired count owes is started at once.
	SchedulerDelay Span
	// ExitTime is what the application takes to exit after SIGTERM, at most
	// StopTimeout; default 1 to 2 s.
	ExitTime    Span
	StopTimeout time.Duration // default 30 s
	// Deprovisioning is the time from the exit to STOPPED; default 2 to 5 s.
	Deprovisioning Span

	// NoBalancer leaves the service without target groups.
	NoBalancer bool
	// DeregistrationDelay is how long a target drains; default 300 s.
	DeregistrationDelay time.Duration
	// HealthTime is the time from registration to the first passed health check;
	// default 10 s.
	HealthTime Span
	// ReregisterAfter is when ECS registers the target of a running task again
	// that was deregistered by hand; default 60 s, negative for never. Two
	// independent reports say it does; AWS's text is silent.
	ReregisterAfter time.Duration

	// RefuseAtEquality is the stricter reading of DEPLOYMENT_BLOCKED: protection
	// is refused when as many tasks as desired would be protected, and not only
	// when more would. AWS's text allows both.
	RefuseAtEquality bool
	// KeepUnhealthyProtected makes the scheduler leave an unhealthy task alone
	// while it is protected. AWS's text is silent; the default replaces it.
	KeepUnhealthyProtected bool
	MaxPercent             int // of desired, during a deployment; default 200
	// ScaleBothRevisions has a higher desired count during a rolling deployment start
	// tasks of the old revision too. AWS's text is silent.
	ScaleBothRevisions bool
	// Rebalance is zone rebalancing, which AWS turns on by default: it starts an extra
	// task first, and keeps it where it can stop no other.
	Rebalance bool

	// FailPlacement is asked before each start; true leaves the task unplaced,
	// and the scheduler tries again half a minute later. Nil never fails.
	FailPlacement func(at time.Time) bool
	// FailStart is asked when a task would become RUNNING; true stops it with
	// TaskFailedToStart. Nil never fails.
	FailStart func(at time.Time, task autoscaler.TaskID) bool

	Metrics MetricsConfig
}

// MetricsConfig says how sessions show in the metrics: each value runs from Base,
// for idle tasks, to Full, for tasks whose slots are all taken. Percentages.
type MetricsConfig struct {
	CPUBase, CPUFull       float64       // default 5 and 80
	MemoryBase, MemoryFull float64       // default 20 and 60
	Delay                  time.Duration // from a point's instant until it can be read; default 90 s
}

// Span is a range of durations; one is drawn uniformly for each use. A Span of
// two equal durations draws nothing.
type Span struct{ Min, Max time.Duration }

// draw returns a duration in the span.
func (s Span) draw(r *rand.Rand) int64 {
	if s.Max <= s.Min {
		return int64(s.Min)
	}
	return int64(s.Min) + r.Int64N(int64(s.Max-s.Min)+1)
}

// or returns s, or def where s is zero. A negative Min asks for zero.
func (s Span) or(lo, hi time.Duration) Span {
	switch {
	case s == Span{}:
		return Span{lo, hi}
	case s.Min < 0:
		return Span{}
	}
	return s
}

// defaultDuration returns d, def where d is zero, and zero where d is negative.
func defaultDuration(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(d, 0)
}

// withDefaults fills in what the zero fields mean.
func (c ServiceConfig) withDefaults() ServiceConfig {
	if c.ID == (autoscaler.ServiceID{}) {
		c.ID = autoscaler.ServiceID{Cluster: "sim", Name: "service"}
	}
	if c.Zones < 1 {
		c.Zones = 3
	}
	if c.MaxPercent == 0 {
		c.MaxPercent = 200
	}
	c.StartTime = c.StartTime.or(60*time.Second, 90*time.Second)
	c.SchedulerDelay = c.SchedulerDelay.or(time.Second, 10*time.Second)
	c.ExitTime = c.ExitTime.or(time.Second, 2*time.Second)
	c.Deprovisioning = c.Deprovisioning.or(2*time.Second, 5*time.Second)
	c.HealthTime = c.HealthTime.or(10*time.Second, 10*time.Second)
	c.StopTimeout = defaultDuration(c.StopTimeout, 30*time.Second)
	c.DeregistrationDelay = defaultDuration(c.DeregistrationDelay, 300*time.Second)
	if c.ReregisterAfter == 0 {
		c.ReregisterAfter = time.Minute
	}
	if c.NoBalancer {
		c.DeregistrationDelay = 0
	}
	c.Metrics = c.Metrics.withDefaults()
	return c
}

func (m MetricsConfig) withDefaults() MetricsConfig {
	if m.CPUFull == 0 {
		m.CPUBase, m.CPUFull = 5, 80
	}
	if m.MemoryFull == 0 {
		m.MemoryBase, m.MemoryFull = 20, 60
	}
	m.Delay = defaultDuration(m.Delay, 90*time.Second)
	return m
}
