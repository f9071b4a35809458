package main

import (
	"encoding/json"
	"math"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// hpa is the documented rule of Kubernetes' horizontal pod autoscaler: the number times
// the metric over its target, nothing within a tenth of it, and on the way down the
// largest wish of the last five minutes.
type hpa struct{ target float64 }

func (hpa) Name() string { return "hpa" }

func (p hpa) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	type wish struct {
		At   int64
		Want float64
	}
	var wishes []wish
	_ = json.Unmarshal(s.Memory, &wishes) // what is no memory is none
	share, ok := occupied(s)
	if !ok {
		return s.Hold("no_metric")
	}
	have := float64(s.Totals.Capacity())
	want, ratio := have, share/p.target
	if math.Abs(ratio-1) > 0.1 {
		want = math.Ceil(float64(s.Totals.Open) * ratio)
	}
	kept := []wish{{s.At.Unix(), want}}
	for _, w := range wishes {
		if s.At.Unix()-w.At < 300 {
			kept = append(kept, w)
		}
	}
	if want < have {
		for _, w := range kept {
			want = math.Max(want, math.Min(w.Want, have))
		}
	}
	return wants(s, want, "hpa", kept)
}

// ecs is the documented rule of target tracking on Amazon ECS: out after three points of
// a minute above the target, in after fifteen below nine tenths of it, 300 s apart.
type ecs struct{ target float64 }

func (ecs) Name() string { return "ecs" }

func (p ecs) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	var m struct{ Minute, Out, In, Above, Below int64 }
	_ = json.Unmarshal(s.Memory, &m)
	share, ok := occupied(s)
	now := s.At.Unix()
	if !ok || now/60 == m.Minute {
		d := s.Hold("between_points")
		return d
	}
	m.Minute = now / 60
	m.Above, m.Below = m.Above+1, m.Below+1
	if share <= p.target {
		m.Above = 0
	}
	if share >= 0.9*p.target {
		m.Below = 0
	}
	want := float64(s.Totals.Capacity())
	proportional := math.Ceil(float64(s.Totals.Open) * share / p.target)
	switch {
	case m.Above >= 3 && now-m.Out >= 300 && proportional > want:
		want, m.Out = proportional, now
	case m.Below >= 15 && now-m.In >= 300 && now-m.Out >= 300:
		want, m.In = math.Min(want, proportional), now
	}
	return wants(s, want, "target_tracking", m)
}

// agones is the documented buffer of Agones' fleet autoscaler, in slots: a share of all
// capacity is kept free.
type agones struct{ buffer float64 }

func (agones) Name() string { return "agones" }

func (p agones) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	if s.Totals.Open == 0 || s.Totals.Slots == 0 {
		return s.Hold("no_fleet")
	}
	per := float64(s.Totals.Slots) / float64(s.Totals.Open)
	used := float64(s.Totals.Slots - s.Totals.Free + s.Demand.Waiting)
	return wants(s, used/(1-p.buffer)/per, "buffer", nil)
}
