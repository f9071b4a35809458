package autoscaler

import "time"

// Metric names a measured quantity of a service. A host may add its own names.
type Metric string

// The metrics that the AWS implementation fills, each a percentage of what the
// service's tasks reserved, averaged over them.
const (
	MetricCPU    Metric = "cpu"
	MetricMemory Metric = "memory"
)

// Reading is one value of a metric: finite, and with the instant it was
// measured at, which may lie minutes before the snapshot.
type Reading struct {
	Value float64   `json:"value"`
	At    time.Time `json:"at"`
}

// Utilization holds the newest reading of each metric that has one. A metric
// that is absent has no value, which is not zero; one older than its bound is
// removed before a policy sees it.
type Utilization map[Metric]Reading

// Value returns the metric's reading and whether there is one.
func (u Utilization) Value(m Metric) (float64, bool) {
	r, ok := u[m]
	return r.Value, ok
}
