package autoscaler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameJSON holds two values to being equal but for what JSON does not tell apart:
// an empty list and none, a memory's white space, two zones of one instant.
func sameJSON() cmp.Options {
	return cmp.Options{
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() != reflect.TypeFor[Memory]() }, cmpopts.EquateEmpty()),
		cmp.Comparer(func(a, b Memory) bool { return compacted(a) == compacted(b) }),
	}
}

func compacted(m Memory) string {
	var plain, escaped bytes.Buffer
	if err := json.Compact(&plain, m); err != nil {
		return string(m)
	}
	json.HTMLEscape(&escaped, plain.Bytes())
	return escaped.String()
}

// roundTrip decodes bytes and, where they mean something, holds the value to coming
// back from its own JSON equal, and to being written the same again.
func roundTrip[T any](t *testing.T, doc []byte) (value T, ok bool) {
	var back T
	if err := json.Unmarshal(doc, &value); err != nil {
		return value, false
	}
	once, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v\n%s", err, doc)
	}
	if err := json.Unmarshal(once, &back); err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, once)
	}
	if diff := cmp.Diff(value, back, sameJSON()); diff != "" {
		t.Fatalf("it came back another one:\n%s\nread %s\nwritten %s", diff, doc, once)
	}
	if twice, err := json.Marshal(back); err != nil || !bytes.Equal(once, twice) {
		t.Fatalf("written again it differs: %v\n%s\n%s", err, once, twice)
	}
	return value, true
}

func FuzzCheckpoint(f *testing.F) {
	for _, c := range []Checkpoint{{}, fullCheckpoint(), {Version: CheckpointVersion + 1, Memory: Memory(`{"a": "<>"}`)}} {
		doc, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, ok := roundTrip[Checkpoint](t, doc)
		if !ok {
			return
		}
		clone := c.Clone()
		if diff := cmp.Diff(c, clone, sameJSON()); diff != "" {
			t.Fatalf("the clone is another one:\n%s", diff)
		}
		if part := shared(reflect.ValueOf(c), reflect.ValueOf(clone)); part != "" {
			t.Fatalf("the clone shares %s with its original", part)
		}
	})
}

func FuzzPass(f *testing.F) {
	for _, p := range []Pass{{}, fullPass()} {
		doc, err := json.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if p, ok := roundTrip[Pass](t, doc); ok {
			_ = fmt.Sprint(p.LogValue(), p.Severity(), p.Quiet())
		}
	})
}

func fullRelease() Release {
	return Release{
		Version: ReleaseVersion, ID: "r", Service: ServiceID{"c", "s"}, Tasks: []TaskID{"t", "u"}, Phase: PhaseWatch,
		Started: guardAt, NextAt: guardAt.Add(time.Minute), Steered: []Steered{{Task: "t", At: guardAt, Attempts: 2}},
		Ending: []Ending{{Task: "u", Since: guardAt, Missing: true}}, Outcome: OutcomeStuck,
		Reasons: []Reason{{Code: CodeStuck, Severity: Alert, By: "release", Task: "t", Count: 1, Detail: "why"}}, Entries: 3,
		Marked: []Marked{{Task: "t", Drain: "d", At: guardAt}},
	}
}

// fullCheckpoint has something in each of its parts.
func fullCheckpoint() Checkpoint {
	release := fullRelease()
	return Checkpoint{
		Version: CheckpointVersion, Revision: 7, Service: ServiceID{"c", "s"}, SavedAt: guardAt, WantOpen: 3, HasWant: true,
		Limits: Limits{Min: 1, Max: 9, MaxTotal: 12}, Floor: 2, Memory: Memory(`{"a":[1,null]}`),
		Intents: []Intent{{Task: "t", Expires: guardAt}}, LastOut: guardAt, LastIn: guardAt,
		Desired: DesiredCount{Value: 4, Previous: 3, At: guardAt, Known: true, Foreign: 9, ForeignSince: guardAt},
		Brake:   Brake{Since: guardAt, Clean: 1, Detail: "unhealthy"}, OwedSince: guardAt, ListedAt: guardAt,
		Missing: []Missing{{Task: "m", Since: guardAt}}, Sessions: 5, Demand: Demand{Arrivals: 9, Departures: 4, Refusals: 1, Waiting: 2},
		Aborts: 2, Permit: &Permit{Call: CallUnprotect, Desired: 1, Raise: true, Tasks: []TaskID{"t"}, Reason: CodeRetired, NotAfter: guardAt},
		Release: &release,
	}
}

func fullPass() Pass {
	return Pass{
		Version: PassVersion, Service: ServiceID{"c", "s"}, At: guardAt, Policy: "fixed",
		Totals:  Totals{Open: 1, Starting: 2, Cordoned: 3, Retired: 4, Unknown: 5, Idle: 1, Sessions: 6, Slots: 7, Free: 1},
		Running: 9, Pending: 1, ServiceDesired: 10, Wanted: 3, Open: 3,
		Actions:  []Action{{Code: CodeScaledOut, Task: "t", Value: 3, Detail: "why", Outcome: "refused"}},
		Releases: []Release{fullRelease()}, Reasons: []Reason{{Code: CodeMinimum, Severity: Notice}}, Error: "no",
	}
}

// shared names the first part that two values keep in the same memory. Text is never
// written to, and neither is a zone.
func shared(a, b reflect.Value) string {
	switch {
	case a.Type() == reflect.TypeFor[time.Time]():
		return ""
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if part := shared(a.Field(i), b.Field(i)); part != "" {
				return a.Type().Field(i).Name + "." + part
			}
		}
	case a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil():
		if a.Pointer() == b.Pointer() {
			return a.Type().String()
		}
		return shared(a.Elem(), b.Elem())
	case a.Kind() == reflect.Slice && a.Len() > 0 && b.Len() > 0:
		if a.Pointer() == b.Pointer() {
			return a.Type().String()
		}
		for i := range min(a.Len(), b.Len()) {
			if part := shared(a.Index(i), b.Index(i)); part != "" {
				return part
			}
		}
	case a.Kind() == reflect.Map && a.Len() > 0 && a.Pointer() == b.Pointer():
		return a.Type().String()
	}
	return ""
}

// What is kept in a checkpoint and shown of a pass is whole: a field without a value
// here would be one that no test has seen come back.
func TestFullValuesAreFull(t *testing.T) {
	for _, value := range []any{fullCheckpoint(), fullPass(), fullRelease()} {
		if part := empty(reflect.ValueOf(value)); part != "" {
			t.Errorf("%T has nothing in %s", value, part)
		}
	}
}

func empty(v reflect.Value) string {
	switch {
	case v.IsZero():
		return v.Type().String()
	case v.Kind() == reflect.Pointer:
		return empty(v.Elem())
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			if part := empty(v.Field(i)); part != "" {
				return v.Type().Field(i).Name + " " + part
			}
		}
	}
	return ""
}
