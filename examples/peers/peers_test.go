package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func fleet(at time.Time, tasks, sessions int) autoscaler.Snapshot {
	all := make([]autoscaler.Task, tasks)
	for i := range all {
		all[i] = autoscalertest.Open(autoscaler.TaskID(fmt.Sprintf("t-%02d", i)), 10, sessions)
	}
	return autoscalertest.Snapshot(at, all...)
}

// Each rule as its project documents it, on a snapshot that shows it.
func TestRules(t *testing.T) {
	for name, tt := range map[string]struct {
		policy          autoscaler.Policy
		tasks, sessions int
		want            int
	}{
		"nomad: 8 × 0.9 / 0.6":                          {nomad{0.6}, 8, 9, 12},
		"nomad: nothing within a hundredth":             {nomad{0.9}, 8, 9, 8},
		"hpa: 8 × 0.9 / 0.6":                            {hpa{0.6}, 8, 9, 12},
		"hpa: nothing within a tenth":                   {hpa{0.85}, 8, 9, 8},
		"agones: 40 in use and a fifth of 50 free":      {agones{0.2}, 8, 5, 5},
		"agones: a third is not free, so there is more": {agones{0.5}, 8, 9, 15},
	} {
		if d := tt.policy.Decide(fleet(start, tt.tasks, tt.sessions)); d.Open != tt.want {
			t.Errorf("%s: wants %d, want %d", name, d.Open, tt.want)
		}
	}
}

// pass asks a policy each quarter minute, and returns the last decision.
func pass(p autoscaler.Policy, s autoscaler.Snapshot, minutes int) autoscaler.Decision {
	var d autoscaler.Decision
	for i := range minutes * 4 {
		s.At = start.Add(time.Duration(i) * 15 * time.Second)
		d = p.Decide(s)
		if s.Memory = d.Memory; d.Open != s.Totals.Capacity() {
			return d
		}
	}
	return d
}

func TestECSTakesItsTime(t *testing.T) {
	high, low := fleet(start, 8, 9), fleet(start, 8, 2)
	if d := pass(ecs{0.6}, high, 2); d.Open != 8 {
		t.Errorf("out after two points: %d", d.Open)
	}
	if d := pass(ecs{0.6}, high, 4); d.Open != 12 {
		t.Errorf("after three points %d, want 12", d.Open)
	}
	if d := pass(ecs{0.6}, low, 14); d.Open != 8 {
		t.Errorf("in after fourteen points: %d", d.Open)
	}
	if d := pass(ecs{0.6}, low, 17); d.Open != 3 {
		t.Errorf("after fifteen points %d, want 3", d.Open)
	}
}

func TestHPAWaitsOnTheWayDown(t *testing.T) {
	p := hpa{0.6}
	s := fleet(start, 8, 9)
	s.Memory = p.Decide(s).Memory
	low := fleet(start.Add(4*time.Minute), 8, 2)
	low.Memory = s.Memory
	if d := p.Decide(low); d.Open != 8 {
		t.Errorf("in within five minutes of a higher wish: %d", d.Open)
	}
	low.At = start.Add(6 * time.Minute)
	if d := p.Decide(low); d.Open != 3 {
		t.Errorf("after five minutes %d, want 3", d.Open)
	}
}

func TestKnativeFollowsConcurrency(t *testing.T) {
	k := newKnative(0.5, 10)
	if d := pass(k, fleet(start, 4, 9), 3); d.Open != 8 {
		t.Errorf("36 sessions at five a task: %d, want 8", d.Open)
	}
}

// Every peer runs a small load through the controller, and ends no session.
func TestNobodyIsCut(t *testing.T) {
	load := backtest.Generate("small", ecssim.Load{Seed: 1, Length: 8 * time.Hour, PerHour: 120})
	var trials []backtest.Trial
	all := peers()
	for _, p := range all {
		trials = append(trials, backtest.Trial{Load: load, Policy: p.policy(10), Name: p.name})
	}
	results, err := backtest.Compare(t.Context(), trials, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Killed > 0 {
			t.Error(r)
		}
	}
	var out bytes.Buffer
	if err := table(&out, "small", all, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"**small**", "| Nomad target-value |", "| Knative KPA |", "| headroom (this library) |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestRowsWithoutTheirTraceAreNamed(t *testing.T) {
	var out, diagnostics bytes.Buffer
	if err := run(t.Context(), []string{"-rows", "taxi"}, &out, &diagnostics); err == nil || !strings.Contains(diagnostics.String(), "LEFT OUT: taxi") {
		t.Errorf("%v, %s", err, diagnostics.String())
	}
	if err := run(t.Context(), []string{"-rows", "taxi", "-taxi", "/none"}, &out, &diagnostics); err == nil {
		t.Error("a trace that is not there is read")
	}
}
