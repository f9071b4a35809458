package policy

import (
	"encoding/json"
	"math"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// measured is a number that a policy follows, and on how many open tasks it was
// measured.
type measured struct {
	name  string
	value float64
	open  int
	past  openings
}

// measure reads a metric, or where none is named the slots in use in percent.
// Missing says why there is no number, and is empty where there is one.
func measure(s *autoscaler.Snapshot, metric autoscaler.Metric) (m measured, missing string) {
	if metric == "" {
		return measureSlots(s)
	}
	m = measured{name: string(metric), past: recall(s)}
	reading, ok := s.Utilization[metric]
	if !ok || math.IsNaN(reading.Value) || math.IsInf(reading.Value, 0) {
		return m, m.name + " has no value"
	}
	m.past = m.past.from(reading.At.UnixMilli())
	m.value, m.open = min(max(reading.Value, -most), most), m.past[0].Open
	return m, ""
}

// measureSlots counts a task of unknown occupancy as full, as Buffer does.
func measureSlots(s *autoscaler.Snapshot) (m measured, missing string) {
	m = measured{name: "slots in use", open: bounded(s.Totals.Open)}
	slots := bounded(s.Totals.Slots)
	if slots == 0 {
		return m, "no open task says its slots"
	}
	used := max(0, slots-bounded(s.Totals.Free))
	m.value = 100 * float64(used) / float64(slots)
	return m, ""
}

// memory is what measure needs next time: nothing where it reads no metric.
func (m measured) memory() autoscaler.Memory {
	if len(m.past) == 0 {
		return nil
	}
	packed, err := json.Marshal(tracked{m.past})
	if err != nil {
		return nil
	}
	return packed
}

// tracked is the memory of a policy that follows a metric.
type tracked struct {
	Open openings `json:"open"`
}

// openings are the numbers of open tasks that there were, oldest first. A
// reading may be minutes older than the snapshot; judged by the tasks that have
// opened since, it would be answered a second time.
type openings []opening

// opening is a number of open tasks, and since when, in Unix milliseconds.
type opening struct {
	At   int64 `json:"at"`
	Open int   `json:"open"`
}

// mostOpenings bounds the memory. Where the number changed more often since the
// reading, the oldest one that is known stands for those before it.
const mostOpenings = 30

// recall reads the openings and adds what the snapshot shows. Instants after the
// snapshot's, or out of order, are not this policy's work.
func recall(s *autoscaler.Snapshot) openings {
	var t tracked
	if err := json.Unmarshal(s.Memory, &t); err != nil || !t.Open.sound(s.At.UnixMilli()) {
		t.Open = nil
	}
	open, n := bounded(s.Totals.Open), len(t.Open)
	if n > 0 && t.Open[n-1].Open == open {
		return t.Open
	}
	all := append(t.Open, opening{s.At.UnixMilli(), open})
	return all[max(0, len(all)-mostOpenings):]
}

func (o openings) sound(now int64) bool {
	last := int64(math.MinInt64)
	for _, e := range o {
		if e.At < last || e.At > now || e.Open != bounded(e.Open) {
			return false
		}
		last = e.At
	}
	return len(o) <= mostOpenings
}

// from leaves out what was over before the instant given, so that the first one
// left is the number that a reading of that instant was measured on. A number
// that was first seen at that very instant is too new for it.
func (o openings) from(at int64) openings {
	for len(o) > 1 && o[1].At < at {
		o = o[1:]
	}
	return o
}
