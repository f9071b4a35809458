package autoscalertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// same fails the clause unless two decisions are equal, memory by its value.
func same(t clause.T, s situation, a, b autoscaler.Decision, when string) {
	t.Helper()
	if !sameDecision(a, b) {
		t.Fatalf("%s: %s the decision is\n%s\nand was\n%s", s.label, when, text(b), text(a))
	}
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// sameDecision compares decisions, and memory by its value where its bytes differ.
func sameDecision(a, b autoscaler.Decision) bool {
	return equal(a, b) || equal(settled(a), settled(b))
}

// settled gives the memory a form in which equal values are equal bytes.
func settled(d autoscaler.Decision) autoscaler.Decision {
	decoder := json.NewDecoder(bytes.NewReader(d.Memory))
	decoder.UseNumber()
	var value any
	if len(d.Memory) == 0 || decoder.Decode(&value) != nil {
		return d
	}
	if text, err := json.Marshal(value); err == nil {
		d.Memory = text
	}
	return d
}

// unordered sorts what a decision lists, so that equal sets are equal lists.
func unordered(d autoscaler.Decision) autoscaler.Decision {
	d.Remove, d.Empty, d.Reopen = sorted(d.Remove), sorted(d.Empty), sorted(d.Reopen)
	d.Reasons = slices.Clone(d.Reasons)
	slices.SortFunc(d.Reasons, func(a, b autoscaler.Reason) int { return strings.Compare(a.String(), b.String()) })
	return d
}

func sorted(ids []autoscaler.TaskID) []autoscaler.TaskID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

// text shows a value to a person.
func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(out)
}

// duplicate returns a snapshot that shares no memory with s.
func duplicate(s autoscaler.Snapshot) autoscaler.Snapshot {
	s.Tasks = slices.Clone(s.Tasks)
	s.Control.Pins = slices.Clone(s.Control.Pins)
	s.Utilization = maps.Clone(s.Utilization)
	s.Memory = slices.Clone(s.Memory)
	return s
}

// withSpare gives the slices of a snapshot room behind their end, where an
// append would write into what the caller owns.
func withSpare(s autoscaler.Snapshot) autoscaler.Snapshot {
	if s.Tasks != nil {
		s.Tasks = append(s.Tasks, autoscaler.Task{ID: "spare"})[:len(s.Tasks)]
	}
	if s.Memory != nil {
		s.Memory = append(s.Memory, '!')[:len(s.Memory)]
	}
	return s
}

// withinCap shows the room that withSpare made.
func withinCap(s autoscaler.Snapshot) autoscaler.Snapshot {
	if s.Tasks != nil {
		s.Tasks = s.Tasks[:len(s.Tasks)+1]
	}
	if s.Memory != nil {
		s.Memory = s.Memory[:len(s.Memory)+1]
	}
	return s
}
