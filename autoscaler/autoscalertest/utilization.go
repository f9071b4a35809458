package autoscalertest

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// UtilizationHarness is a source and the means to set what it measures. The
// service has no measured value of any metric at first.
type UtilizationHarness struct {
	Source  autoscaler.UtilizationSource
	Service autoscaler.ServiceID
	// At is the instant that the source is asked at.
	At time.Time
	// Measure makes the metric of the service have had a value at an instant
	// before At. It is called for both metrics of package autoscaler and with
	// percentages; where what lies behind the source cannot hold a value that is
	// not a number, Measure drops such a one.
	Measure func(metric autoscaler.Metric, value float64, at time.Time)
	// Break makes every later read fail.
	Break func()
}

// TestUtilizationSource holds an implementation to the contract of
// [autoscaler.UtilizationSource]. The harness is made anew for every clause.
func TestUtilizationSource(t *testing.T, newHarness func(t *testing.T) UtilizationHarness) {
	t.Helper()
	clause.Run(t, utilizationClauses(), func(ct clause.T) UtilizationHarness {
		return newHarness(clause.Testing(ct))
	})
}

func utilizationClauses() []clause.Clause[UtilizationHarness] {
	promise := func(name, text string, check func(clause.T, UtilizationHarness)) clause.Clause[UtilizationHarness] {
		return clause.Clause[UtilizationHarness]{Name: name, Text: text, Check: check}
	}
	return []clause.Clause[UtilizationHarness]{
		promise("measured", "A value that was measured is returned with the instant of its measurement.", checkMeasured),
		promise("absent", "A metric without a value is absent and not zero.", checkAbsent),
		promise("zero", "A value of zero that was measured is present.", checkZero),
		promise("newest", "Of several values the newest is returned.", checkNewest),
		promise("finite", "No value is returned that is not a finite number.", checkFinite),
		promise("failure", "Where nothing can be read the answer is an error, not an empty one.", checkFailure),
		promise("cancelled", "Under an ended context it returns promptly with the context's error.", checkCancelledRead),
		promise("other-service", "One source serves many services and does not mix them up.", checkOtherService),
		promise("shared", "One source serves many goroutines, and each answer belongs to its caller.", checkShared),
	}
}

// read asks the source; an error ends the clause.
func (h UtilizationHarness) read(t clause.T) autoscaler.Utilization {
	t.Helper()
	u, err := h.Source.Utilization(t.Context(), h.Service, h.At)
	if err != nil {
		t.Fatalf("Utilization: %v", err)
	}
	return u
}

// ago is an instant a few minutes before the source is asked.
func (h UtilizationHarness) ago(minutes int) time.Time {
	return h.At.Add(-time.Duration(minutes) * time.Minute)
}

func checkMeasured(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, 41.5, h.ago(2))
	h.Measure(autoscaler.MetricMemory, 63, h.ago(3))
	u := h.read(t)
	expect := func(metric autoscaler.Metric, value float64, at time.Time) {
		got, ok := u[metric]
		if !ok || math.Abs(got.Value-value) > 1e-6 || !got.At.Equal(at) {
			t.Errorf("%s is %v (present: %v), measured were %v at %v", metric, got, ok, value, at)
		}
	}
	expect(autoscaler.MetricCPU, 41.5, h.ago(2))
	expect(autoscaler.MetricMemory, 63, h.ago(3))
}

func checkAbsent(t clause.T, h UtilizationHarness) {
	if u := h.read(t); len(u) != 0 {
		t.Errorf("nothing was measured and the answer is %v", u)
	}
	h.Measure(autoscaler.MetricMemory, 63, h.ago(2))
	if got, ok := h.read(t)[autoscaler.MetricCPU]; ok {
		t.Errorf("only memory was measured and cpu is %v", got)
	}
}

func checkZero(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, 0, h.ago(2))
	if v, ok := h.read(t).Value(autoscaler.MetricCPU); !ok || v != 0 {
		t.Errorf("cpu is %v (present: %v), measured was 0", v, ok)
	}
}

func checkNewest(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, 20, h.ago(3))
	h.Measure(autoscaler.MetricCPU, 30, h.ago(2))
	h.Measure(autoscaler.MetricCPU, 10, h.ago(4))
	if v, _ := h.read(t).Value(autoscaler.MetricCPU); v != 30 {
		t.Errorf("cpu is %v, the newest measured is 30", v)
	}
}

func checkFinite(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, math.NaN(), h.ago(2))
	h.Measure(autoscaler.MetricMemory, math.Inf(1), h.ago(2))
	for metric, r := range h.read(t) {
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			t.Errorf("%s is %v", metric, r.Value)
		}
	}
}

func checkFailure(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, 20, h.ago(2))
	h.Break()
	if u, err := h.Source.Utilization(t.Context(), h.Service, h.At); err == nil {
		t.Errorf("every read fails and the answer is %v without an error", u)
	}
}

func checkCancelledRead(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, 20, h.ago(2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Source.Utilization(ctx, h.Service, h.At); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func checkOtherService(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, 20, h.ago(2))
	other := autoscaler.ServiceID{Cluster: h.Service.Cluster, Name: h.Service.Name + "-other"}
	u, err := h.Source.Utilization(t.Context(), other, h.At)
	if err == nil && len(u) > 0 {
		t.Errorf("a service that nothing was measured of has %v", u)
	}
	if v, _ := h.read(t).Value(autoscaler.MetricCPU); v != 20 {
		t.Errorf("cpu is %v after another service was asked for, measured was 20", v)
	}
}

func checkShared(t clause.T, h UtilizationHarness) {
	h.Measure(autoscaler.MetricCPU, 20, h.ago(2))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				u, err := h.Source.Utilization(t.Context(), h.Service, h.At)
				if v, _ := u.Value(autoscaler.MetricCPU); err != nil || v != 20 {
					t.Errorf("cpu is %v with error %v, measured was 20", v, err)
					return
				}
				clear(u) // the caller's to do with as it likes
			}
		})
	}
	all.Wait()
}
