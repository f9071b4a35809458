package autoscaler

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A snapshot comes back from JSON as it went in: recordings and policies in
// other processes depend on it.
func TestSnapshotRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		s := randomSnapshot(r)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Snapshot
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("seed %d: %v in %s", seed, err, text)
		}
		if !reflect.DeepEqual(s, back) {
			t.Fatalf("seed %d:\n in %+v\nout %+v\n as %s", seed, s, back, text)
		}
	}
}

func randomSnapshot(r *rand.Rand) Snapshot {
	s := Snapshot{
		Version: SnapshotVersion, Service: ServiceID{"c", "s"}, At: guardAt.Add(time.Duration(r.Int64N(1e15))),
		Limits: Limits{Min: r.IntN(3), Max: 3 + r.IntN(9)}, ServiceDesired: r.IntN(9),
		Deployment: []DeploymentState{DeploymentSteady, DeploymentRolling, "newer"}[r.IntN(3)],
		Demand:     Demand{Arrivals: r.Int64N(1000)}, Memory: Memory(`{"a":1}`),
		Utilization: Utilization{MetricCPU: {Value: r.Float64() * 100, At: guardAt}},
		Control:     Control{Pins: []Pin{{Task: "t", Override: Override{By: "ann", Until: guardAt}}}},
		Tasks:       []Task{},
		Reaction:    time.Duration(r.Int64N(3)) * 1500 * time.Millisecond,
	}
	for range r.IntN(4) {
		task := Task{
			ID: TaskID(strings.Repeat("x", 1+r.IntN(5))), State: []TaskState{TaskOpen, TaskCordoned, "newer"}[r.IntN(3)],
			Slots: r.IntN(10), Age: time.Duration(r.Int64N(1e16)), IdleFor: time.Duration(r.Int64N(1e12)),
			ReportAge: time.Duration(r.Int64N(100)), Level: LevelA,
		}
		if r.IntN(2) == 0 {
			task.Occupancy = Sessions(r.IntN(5))
		}
		s.Tasks = append(s.Tasks, task)
	}
	s.Totals.Count(s.Tasks)
	return s
}

func TestOccupancy(t *testing.T) {
	var zero Occupancy
	if _, known := zero.Sessions(); known || zero.Idle() {
		t.Error("the zero value is known, or idle")
	}
	if Sessions(-1) != zero {
		t.Error("a negative number of sessions is known")
	}
	if !Sessions(0).Idle() || Sessions(1).Idle() {
		t.Error("idle is known and zero, nothing else")
	}
	for text, want := range map[string]Occupancy{"null": {}, "0": Sessions(0), "17": Sessions(17)} {
		var o Occupancy
		if err := json.Unmarshal([]byte(text), &o); err != nil || o != want {
			t.Errorf("%s = %v, %v, want %v", text, o, err, want)
		}
		if back, _ := json.Marshal(want); string(back) != text {
			t.Errorf("%v is written as %s, want %s", want, back, text)
		}
	}
	for _, text := range []string{"-1", "1.5", `"3"`, "{}"} {
		o := Sessions(3)
		if err := json.Unmarshal([]byte(text), &o); err == nil || o != zero {
			t.Errorf("%s was read as %v, %v; want an error and unknown", text, o, err)
		}
	}
	if got := zero.String() + " " + Sessions(4).String(); got != "unknown 4" {
		t.Errorf("String: %q", got)
	}
}

func TestParseTaskID(t *testing.T) {
	for text, want := range map[string]TaskID{
		"0123456789abcdef": "0123456789abcdef",
		"arn:aws:ecs:eu-west-1:111122223333:task/rdp/0123456789abcdef": "0123456789abcdef",
		"arn:aws:ecs:eu-west-1:111122223333:task/0123456789abcdef":     "0123456789abcdef",
		"arn:aws-cn:ecs:cn-north-1:111122223333:task/rdp/0123":         "0123",
	} {
		if got, err := ParseTaskID(text); err != nil || got != want {
			t.Errorf("ParseTaskID(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "rdp/0123", "arn:aws:ecs:eu-west-1:111122223333:service/rdp/x", "arn:aws:ecs:r:1:task/rdp/", "a b"} {
		if got, err := ParseTaskID(text); err == nil {
			t.Errorf("ParseTaskID(%q) = %q, want an error", text, got)
		}
	}
}

func TestErrorSaysWhereAndWhatToDo(t *testing.T) {
	err := error(&Error{Op: "store.Begin", Ref: "c/s/t", Hint: "ask another task", Err: ErrTaskFull})
	if got, want := err.Error(), "store.Begin: c/s/t: task is full (ask another task)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(err, ErrTaskFull) || errors.Is(err, ErrGone) {
		t.Error("the sentinel is not found")
	}
	if got := (&Error{Err: ErrBusy}).Error(); got != ErrBusy.Error() {
		t.Errorf("%q, want the cause alone", got)
	}
}

func TestSeverityText(t *testing.T) {
	for _, s := range []Severity{Info, Notice, Alert} {
		text, _ := json.Marshal(s)
		var back Severity
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("%s came back as %v, %v", text, back, err)
		}
	}
	var newer Severity
	if err := json.Unmarshal([]byte(`"catastrophe"`), &newer); err != nil || newer != Alert {
		t.Errorf("an unknown severity is %v, %v, want an alert", newer, err)
	}
	if got := Severity(9).String(); got != "severity(9)" {
		t.Errorf("%q", got)
	}
}

func TestReasonString(t *testing.T) {
	r := Reason{Code: CodeFloor, By: "guard", Task: "t1", Count: 2, Detail: "why"}
	if got, want := r.String(), "guard: floor t1 ×2 (why)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNextPassWaitsForReleases(t *testing.T) {
	at := guardAt
	release := func(after time.Duration, phase Phase) Release { return Release{Phase: phase, NextAt: at.Add(after)} }
	for _, tt := range []struct {
		releases []Release
		want     time.Duration
	}{
		{nil, time.Minute},
		{[]Release{release(35*time.Second, PhaseRelease)}, 35 * time.Second},
		{[]Release{release(2*time.Minute, PhaseWatch), release(50*time.Second, PhaseBalancer)}, 50 * time.Second},
		{[]Release{release(-time.Second, PhaseRelease), {Phase: PhaseRelease}}, time.Minute}, // due by now: the turn will do
		{[]Release{release(time.Second, PhaseDone)}, time.Minute},
	} {
		if got := (Pass{At: at, Releases: tt.releases}).Next(time.Minute); got != tt.want {
			t.Errorf("%+v: next in %v, want %v", tt.releases, got, tt.want)
		}
	}
}
