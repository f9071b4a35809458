package autoscalertest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

var simulated = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

func TestSimulatorIsAScaler(t *testing.T) {
	autoscalertest.TestScaler(t, func(*testing.T) autoscalertest.ScalerHarness {
		start := time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)
		c := ecssim.New(ecssim.Config{Start: start, Service: ecssim.ServiceConfig{ID: simulated, Desired: 2, Warm: true}})
		return autoscalertest.ScalerHarness{
			Scaler: c, Service: simulated, Now: start, Simulated: true,
			SetClock: c.RunUntil,
			Sent: func() []autoscalertest.Sent {
				var sent []autoscalertest.Sent
				for _, w := range c.Writes() {
					sent = append(sent, autoscalertest.Sent{Service: w.Service, Desired: w.Desired})
				}
				return sent
			},
			Settle: func() { c.RunFor(5 * time.Minute) },
		}
	})
}

func TestSimulatorIsAUtilizationSource(t *testing.T) {
	autoscalertest.TestUtilizationSource(t, func(*testing.T) autoscalertest.UtilizationHarness {
		start := time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)
		c := ecssim.New(ecssim.Config{Start: start, Service: ecssim.ServiceConfig{
			ID: simulated, Desired: 1, Warm: true,
			Metrics: ecssim.MetricsConfig{CPUBase: 10, CPUFull: 90, MemoryBase: 20, MemoryFull: 60, Delay: time.Second},
		}})
		state, err := c.Describe(context.Background(), simulated)
		if err != nil || len(state.Tasks) != 1 {
			t.Fatalf("%d tasks with error %v, want one", len(state.Tasks), err)
		}
		task := autoscaler.TaskRef{Service: simulated, Task: state.Tasks[0].ID}
		return autoscalertest.UtilizationHarness{
			Source: c, Service: simulated, At: start.Add(10 * time.Minute),
			// A point is taken each whole minute; what it shows is the load that
			// was set before.
			Measure: func(load float64, at time.Time) autoscaler.Utilization {
				c.RunUntil(at.Add(-time.Second))
				c.SetSessions(task, int(10*load), 1000)
				c.RunUntil(at.Add(time.Second))
				return autoscaler.Utilization{
					autoscaler.MetricCPU:    {Value: 10 + 0.8*load, At: at},
					autoscaler.MetricMemory: {Value: 20 + 0.4*load, At: at},
				}
			},
			Break: func() {
				c.SetSeam(func(context.Context, ecssim.Call) error { return errors.New("throttled") })
			},
		}
	})
}
