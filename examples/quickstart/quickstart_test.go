package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

func runWith(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, diagnostics bytes.Buffer
	err := run(t.Context(), args, &out, &diagnostics)
	return out.String(), err
}

func resultOf(t *testing.T, args ...string) backtest.Result {
	t.Helper()
	out, err := runWith(t, append(args, "-json")...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	var r backtest.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %v in %s", args, err, out)
	}
	return r
}

// Every policy and route scales, and cuts nobody.
func TestRunsScaleAndCutNobody(t *testing.T) {
	for policy := range policies {
		for _, route := range backtest.Routes() {
			t.Run(policy+"/"+string(route), func(t *testing.T) {
				r := resultOf(t, "-days", "0.7", "-policy", policy, "-route", string(route))
				if r.Killed != 0 || r.Sessions == 0 {
					t.Errorf("%d of %d sessions killed", r.Killed, r.Sessions)
				}
				if r.Cordons == 0 || r.Retires == 0 || r.DesiredWrites == 0 || 2*r.Retires < r.TaskStarts {
					t.Errorf("it does not scale: %+v", r)
				}
				if r.RatioLB1 < 1 {
					t.Errorf("ratio %v is below its bound", r.RatioLB1)
				}
			})
		}
	}
}

// At every level the service is scaled in, and nobody is cut.
func TestLevels(t *testing.T) {
	for _, level := range []string{"A", "B", "C"} {
		r := resultOf(t, "-days", "0.7", "-level", level)
		if r.Level != level || r.Killed != 0 || r.Lost != 0 {
			t.Errorf("level %s: %+v", level, r)
		}
		if r.Retires == 0 || 3*r.Retires < r.TaskStarts {
			t.Errorf("level %s: it does not scale in: %d retires, %d starts", level, r.Retires, r.TaskStarts)
		}
	}
}

// With faults the table says what befell the service, and that nobody was cut by it.
func TestFaultsAreShown(t *testing.T) {
	r := resultOf(t, "-days", "1.5", "-faults")
	if r.Killed != 0 {
		t.Errorf("%d sessions killed", r.Killed)
	}
	if len(r.Faults) < 8 || len(r.Weather) == 0 || len(r.Holds) == 0 || r.FailedPasses == 0 {
		t.Errorf("faults %v, weather %v, holds %v, failed passes %d", r.Faults, r.Weather, r.Holds, r.FailedPasses)
	}
	out, err := runWith(t, "-days", "1", "-faults", "-level", "B")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"killed   ", "level B", "calls that went wrong", "what befell the service", "holds, and what wants somebody", "reopens"} {
		if !strings.Contains(out, line) {
			t.Errorf("the table lacks %q:\n%s", line, out)
		}
	}
	if plain, err := runWith(t, "-days", "0.2"); err != nil || strings.Contains(plain, "calls that went wrong") {
		t.Errorf("a run without faults tells of some, %v:\n%s", err, plain)
	}
}

func TestSameSeedSameResult(t *testing.T) {
	a, err := runWith(t, "-days", "0.3", "-seed", "3", "-json")
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := runWith(t, "-days", "0.3", "-seed", "3", "-json"); a != b {
		t.Error("two runs of one seed differ")
	}
	if c, _ := runWith(t, "-days", "0.3", "-seed", "4", "-json"); a == c {
		t.Error("two seeds give the same run")
	}
}

func TestJSONHasTheDocumentedKeys(t *testing.T) {
	out, err := runWith(t, "-days", "0.2", "-json")
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"policy", "trace", "sessions", "killed", "no_slot_ppm", "ratio_lb1", "task_hours", "wait_p99_s", "task_starts",
	} {
		if _, ok := object[key]; !ok {
			t.Errorf("the object lacks %q", key)
		}
	}
}

func TestTableShowsWhatTheRunDid(t *testing.T) {
	out, err := runWith(t, "-days", "0.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"killed ", "arrivals without a slot", "ratio to LB1", "task-hours", "cordons / reopens / retires", "decisions by reason"} {
		if !strings.Contains(out, row) {
			t.Errorf("the table lacks %q:\n%s", row, out)
		}
	}
}

func writeTrace(t *testing.T, text string, zipped bool) string {
	t.Helper()
	var b bytes.Buffer
	if zipped {
		z := gzip.NewWriter(&b)
		fmt.Fprint(z, text)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	} else {
		b.WriteString(text)
	}
	path := filepath.Join(t.TempDir(), "trace.csv")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTraceIsRead(t *testing.T) {
	var b strings.Builder
	b.WriteString("start_unix_s,duration_s\n")
	for i := range 120 {
		fmt.Fprintf(&b, "%d,%d\n", 1_700_000_000+i*1200, 600+i)
	}
	for _, zipped := range []bool{false, true} {
		path := writeTrace(t, b.String(), zipped)
		if r := resultOf(t, "-trace", path); r.Sessions != 120 || r.Killed != 0 || r.Trace != "trace.csv" {
			t.Errorf("gzip %v: %+v", zipped, r)
		}
		if r := resultOf(t, "-trace", path, "-days", "1"); r.Sessions != 72 {
			t.Errorf("a day of one session each twenty minutes holds %d", r.Sessions)
		}
	}
}

func TestBadTracesAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no header":    {"1,2\n", ":1:"},
		"no sessions":  {"start_unix_s,duration_s\n", "trace.csv"},
		"not a number": {"start_unix_s,duration_s\n1,2\nx,2\n", ":3:"},
		"no duration":  {"start_unix_s,duration_s\n1,0\n", ":2:"},
		"unsorted":     {"start_unix_s,duration_s\n5,1\n4,1\n", ":3:"},
		"third column": {"start_unix_s,duration_s\n5,1,7\n", ":2:"},
	} {
		_, err := runWith(t, "-trace", writeTrace(t, tt.text, false))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want the place %q", name, err, tt.want)
		}
	}
	if _, err := runWith(t, "-trace", filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want that the file is not there", err)
	}
}

func TestBadFlagsAreRefusedAllAtOnce(t *testing.T) {
	_, err := runWith(t, "-policy", "x", "-route", "y", "-days", "-1", "-slots", "0", "rest")
	for _, part := range []string{"-policy", "-route", "-days", "-slots", "rest"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not name %s: %v", part, err)
		}
	}
	if _, err := runWith(t, "-days", "0.0000001"); err == nil || !strings.Contains(err.Error(), "no session") {
		t.Errorf("a time without a session: %v", err)
	}
	if _, err := runWith(t, "-level", "D"); err == nil || !strings.Contains(err.Error(), "A, B") {
		t.Errorf("an unknown level: %v", err)
	}
	if _, err := runWith(t, "-days", "NaN"); err == nil {
		t.Error("NaN days are accepted")
	}
	if _, err := runWith(t, "-help"); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
}

func TestInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := run(ctx, nil, &out, &out); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the interrupt", err)
	}
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, false)
	p.show(0.5, "half")
	p.done()
	if b.Len() != 0 {
		t.Errorf("%q was written to a file", b.String())
	}
	p = newProgress(&b, true)
	p.show(1, "all")
	p.done()
	if !strings.Contains(b.String(), "100 %  all") || !strings.HasSuffix(b.String(), "\n") {
		t.Errorf("%q", b.String())
	}
}

func TestReportIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.html")
	if _, err := runWith(t, "-days", "0.2", "-report", path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "</html>") || !strings.Contains(string(text), "ratio_lb1") {
		t.Errorf("%v; %d bytes that are no report", err, len(text))
	}
	if _, err := runWith(t, "-days", "0.2", "-report", filepath.Join(path, "below")); err == nil || !strings.Contains(err.Error(), "-report") {
		t.Errorf("a report that cannot be written: %v", err)
	}
}
