package autoscalertest

import (
	"context"
	"errors"
	"maps"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// meter is a small source that keeps its promises unless a fault is set.
type meter struct {
	mu     sync.Mutex
	values map[autoscaler.ServiceID]autoscaler.Utilization
	broken bool
	fault  string // the clause to break
	served autoscaler.Utilization
}

func (m *meter) Utilization(ctx context.Context, service autoscaler.ServiceID, _ time.Time) (autoscaler.Utilization, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != "cancelled" && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if m.fault == "other-service" {
		for s := range m.values {
			service = s
		}
	}
	if m.broken && m.fault != "failure" {
		return nil, errors.New("the metrics cannot be read")
	}
	u := maps.Clone(m.values[service])
	switch {
	case m.fault == "absent":
		return autoscaler.Utilization{autoscaler.MetricCPU: u[autoscaler.MetricCPU], autoscaler.MetricMemory: u[autoscaler.MetricMemory]}, nil
	case m.fault == "zero":
		maps.DeleteFunc(u, func(_ autoscaler.Metric, r autoscaler.Reading) bool { return r.Value == 0 })
	case m.fault == "shared":
		if m.served == nil {
			m.served = u
		}
		return m.served, nil
	}
	return u, nil
}

func (m *meter) measure(service autoscaler.ServiceID, metric autoscaler.Metric, value float64, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != "finite" && (math.IsNaN(value) || math.IsInf(value, 0)) {
		return
	}
	if m.fault == "measured" {
		at = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)
	}
	if m.values[service] == nil {
		m.values[service] = autoscaler.Utilization{}
	}
	if old, ok := m.values[service][metric]; !ok || at.After(old.At) != (m.fault == "newest") {
		m.values[service][metric] = autoscaler.Reading{Value: value, At: at}
	}
}

func newMeter(fault string) UtilizationHarness {
	m := &meter{values: map[autoscaler.ServiceID]autoscaler.Utilization{}, fault: fault}
	h := UtilizationHarness{
		Source: m, Service: autoscaler.ServiceID{Cluster: "test", Name: "service"},
		At: time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC),
	}
	h.Measure = func(load float64, at time.Time) autoscaler.Utilization {
		m.measure(h.Service, autoscaler.MetricCPU, load, at)
		m.measure(h.Service, autoscaler.MetricMemory, load/2, at)
		return autoscaler.Utilization{
			autoscaler.MetricCPU: {Value: load, At: at}, autoscaler.MetricMemory: {Value: load / 2, At: at},
		}
	}
	h.MeasureOne = func(metric autoscaler.Metric, value float64, at time.Time) { m.measure(h.Service, metric, value, at) }
	h.Break = func() { m.broken = true }
	return h
}

func TestUtilizationSourceAcceptsAnHonestSource(t *testing.T) {
	TestUtilizationSource(t, func(*testing.T) UtilizationHarness { return newMeter("") })
}

func TestUtilizationSourceCatchesEachBrokenPromise(t *testing.T) {
	clause.Catches(t, utilizationClauses(), newMeter)
}
