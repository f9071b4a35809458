package main

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/serving/pkg/autoscaler/scaling"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Knative's defaults, from its configuration map.
const (
	stableWindow = 60 * time.Second
	panicWindow  = 6 * time.Second
)

// knative is Knative's pod autoscaler, its own code: it keeps its state in itself, so a
// value serves one trial.
type knative struct {
	scaler scaling.UniScaler
	feed   *feed
}

// newKnative returns it with a target share of the concurrency that a task can hold.
func newKnative(target float64, slots int) *knative {
	f := &feed{}
	return &knative{feed: f, scaler: scaling.New(
		*attribute.EmptySet(), noop.NewMeterProvider(), "sim", "service", f, f,
		&scaling.DeciderSpec{
			MaxScaleUpRate: 1000, MaxScaleDownRate: 2, ScalingMetric: "concurrency",
			TargetValue: target * float64(slots), TotalValue: float64(slots), TargetBurstCapacity: 0,
			PanicThreshold: 2, StableWindow: stableWindow, Reachable: true,
		})}
}

func (*knative) Name() string { return "knative" }

func (k *knative) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	k.feed.see(s)
	r := k.scaler.Scale(zap.NewNop().Sugar(), s.At)
	if !r.ScaleValid {
		return s.Hold("not_valid")
	}
	return wants(s, float64(r.DesiredPodCount), "kpa", nil)
}

// feed is what the autoscaler asks for: how many are ready, and how much is going on.
type feed struct {
	ready, starting int
	seen            []point
}

type point struct {
	at       time.Time
	sessions float64
}

func (f *feed) see(s autoscaler.Snapshot) {
	f.ready, f.starting = s.Totals.Open, s.Totals.Starting
	f.seen = append(f.seen, point{s.At, float64(s.Totals.Slots - s.Totals.Free + s.Demand.Waiting)})
	for len(f.seen) > 1 && s.At.Sub(f.seen[0].at) > stableWindow {
		f.seen = f.seen[1:]
	}
}

// mean is the mean over a window that ends now.
func (f *feed) mean(now time.Time, window time.Duration) float64 {
	sum, n := 0.0, 0
	for _, p := range f.seen {
		if now.Sub(p.at) < window {
			sum += p.sessions
			n++
		}
	}
	return sum / float64(max(n, 1))
}

func (f *feed) ReadyCount() (int, error)    { return f.ready, nil }
func (f *feed) NotReadyCount() (int, error) { return f.starting, nil }

func (f *feed) StableAndPanicConcurrency(_ types.NamespacedName, now time.Time) (stable, panicking float64, err error) {
	return f.mean(now, stableWindow), f.mean(now, panicWindow), nil
}

func (f *feed) StableAndPanicRPS(key types.NamespacedName, now time.Time) (stable, panicking float64, err error) {
	return f.StableAndPanicConcurrency(key, now)
}

// Delete and the collection are no part of a decision.
func (f *feed) Delete(string, string) error                  { return nil }
func (f *feed) Record(context.Context, types.NamespacedName) {}
