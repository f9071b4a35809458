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
	// Measure makes the service have been loaded like this at an instant before
	// At, in percent, and returns what was measured then: the readings that a
	// source which keeps its promises has for that instant. It is called for
	// growing instants, whole minutes from At.
	Measure func(load float64, at time.Time) autoscaler.Utilization
	// MeasureOne makes one metric alone have had a value, which may be one that
	// is not a finite number. It is nil where what lies behind the source always
	// measures every metric, and finite values only.
	MeasureOne func(metric autoscaler.Metric, value float64, at time.Time)
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
	promise := clause.New[UtilizationHarness]
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

// measured fails the clause unless the source answers with these readings.
func (h UtilizationHarness) measured(t clause.T, want autoscaler.Utilization) {
	t.Helper()
	got := h.read(t)
	for metric, w := range want {
		g, ok := got[metric]
		if !ok || math.Abs(g.Value-w.Value) > 1e-6 || !g.At.Equal(w.At) {
			t.Errorf("%s is %v (present: %v), measured was %v", metric, g, ok, w)
		}
	}
	for metric, g := range got {
		if _, ok := want[metric]; !ok {
			t.Errorf("%s is %v, and was not measured", metric, g)
		}
	}
}

func checkMeasured(t clause.T, h UtilizationHarness) {
	want := h.Measure(41.5, h.ago(2))
	if len(want) == 0 {
		t.Fatalf("the harness measures nothing at a load of 41.5%%")
	}
	h.measured(t, want)
}

func checkAbsent(t clause.T, h UtilizationHarness) {
	h.measured(t, nil)
	if h.MeasureOne == nil {
		return
	}
	h.MeasureOne(autoscaler.MetricMemory, 63, h.ago(2))
	if got, ok := h.read(t)[autoscaler.MetricCPU]; ok {
		t.Errorf("only memory was measured and cpu is %v", got)
	}
}

func checkZero(t clause.T, h UtilizationHarness) {
	h.measured(t, h.Measure(0, h.ago(2)))
}

func checkNewest(t clause.T, h UtilizationHarness) {
	h.Measure(20, h.ago(4))
	h.Measure(60, h.ago(3))
	h.measured(t, h.Measure(40, h.ago(2)))
}

func checkFinite(t clause.T, h UtilizationHarness) {
	if h.MeasureOne != nil {
		h.MeasureOne(autoscaler.MetricCPU, math.NaN(), h.ago(3))
		h.MeasureOne(autoscaler.MetricMemory, math.Inf(1), h.ago(3))
	} else {
		h.Measure(100, h.ago(3))
	}
	for metric, r := range h.read(t) {
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			t.Errorf("%s is %v", metric, r.Value)
		}
	}
}

func checkFailure(t clause.T, h UtilizationHarness) {
	h.Measure(20, h.ago(2))
	h.Break()
	if u, err := h.Source.Utilization(t.Context(), h.Service, h.At); err == nil {
		t.Errorf("every read fails and the answer is %v without an error", u)
	}
}

func checkCancelledRead(t clause.T, h UtilizationHarness) {
	h.Measure(20, h.ago(2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Source.Utilization(ctx, h.Service, h.At); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func checkOtherService(t clause.T, h UtilizationHarness) {
	want := h.Measure(20, h.ago(2))
	other := autoscaler.ServiceID{Cluster: h.Service.Cluster, Name: h.Service.Name + "-other"}
	u, err := h.Source.Utilization(t.Context(), other, h.At)
	if err == nil && len(u) > 0 {
		t.Errorf("a service that nothing was measured of has %v", u)
	}
	h.measured(t, want)
}

func checkShared(t clause.T, h UtilizationHarness) {
	want := h.Measure(20, h.ago(2))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				u, err := h.Source.Utilization(t.Context(), h.Service, h.At)
				if err != nil || len(u) != len(want) {
					t.Errorf("the answer is %v with error %v, measured was %v", u, err, want)
					return
				}
				clear(u) // the caller's to do with as it likes
			}
		})
	}
	all.Wait()
}
