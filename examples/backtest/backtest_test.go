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
	"time"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

func runWith(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, diagnostics bytes.Buffer
	err := run(t.Context(), args, &out, &diagnostics)
	return out.String(), err
}

func resultsOf(t *testing.T, args ...string) []backtest.Result {
	t.Helper()
	out, err := runWith(t, append(args, "-json")...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	var results []backtest.Result
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatalf("%v: %v in %s", args, err, out)
	}
	return results
}

// There is a result for each policy, seed, slot count and route; every policy scales,
// and cuts nobody.
func TestEveryRunHasItsResult(t *testing.T) {
	results := resultsOf(t, "-days", "0.25", "-seeds", "2", "-slots", "10,20", "-route", "place,steered", "-policies", "buffer, safest", "-interval", "1m")
	if len(results) != 16 {
		t.Fatalf("%d results, want 16", len(results))
	}
	seen := map[string]bool{}
	for _, r := range results {
		seen[fmt.Sprint(r.Policy, r.Seed, r.Slots, r.Route)] = true
		if r.Killed != 0 || r.Sessions == 0 || r.Sessions != results[0].Sessions {
			t.Errorf("%d of %d sessions killed, and the first run has %d", r.Killed, r.Sessions, results[0].Sessions)
		}
		if r.Cordons == 0 || r.DesiredWrites == 0 || r.RatioLB1 < 1 || r.RatioClairvoyant < 1 {
			t.Errorf("it does not scale, or below its bound: %+v", r)
		}
	}
	if len(seen) != len(results) {
		t.Errorf("%d of %d results differ in what they are of", len(seen), len(results))
	}
}

func TestEveryPolicyRuns(t *testing.T) {
	for name := range policies() {
		if r := resultsOf(t, "-days", "0.3", "-policies", name)[0]; r.Policy != name || r.Killed != 0 || r.TaskStarts == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// The flags reach the run.
func TestConditionsAreThoseAskedFor(t *testing.T) {
	for _, level := range []string{"A", "B", "C"} {
		r := resultsOf(t, "-days", "0.3", "-policies", "buffer", "-level", level, "-interval", "30s", "-delay", "1m")[0]
		if r.Level != level || r.IntervalS != 30 || r.DelayS != 60 || r.Killed != 0 {
			t.Errorf("level %s: %+v", level, r)
		}
	}
}

func TestSameFlagsSameResults(t *testing.T) {
	args := []string{"-days", "0.2", "-policies", "headroom,buffer", "-seeds", "2", "-interval", "1m", "-json"}
	a, err := runWith(t, append(args, "-parallel", "1")...)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := runWith(t, append(args, "-parallel", "4")...); a != b {
		t.Error("several runs at once give other results than one after the other")
	}
}

func TestJSONHasTheDocumentedKeys(t *testing.T) {
	out, err := runWith(t, "-days", "0.2", "-policies", "buffer", "-json")
	if err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	if err := json.Unmarshal([]byte(out), &objects); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"policy", "trace", "sessions", "killed", "no_slot_ppm", "ratio_lb1", "task_hours", "wait_p99_s", "task_starts",
	} {
		if _, ok := objects[0][key]; !ok {
			t.Errorf("the object lacks %q", key)
		}
	}
}

func TestTableShowsWhatIsCompared(t *testing.T) {
	out, err := runWith(t, "-days", "0.3", "-policies", "threshold,buffer", "-price", "0.05")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"killed", "no slot ppm", "ratio LB1", "USD", "threshold", "buffer", "level A", "* on the Pareto front", " *\n"} {
		if !strings.Contains(out, part) {
			t.Errorf("the table lacks %q:\n%s", part, out)
		}
	}
	if out, err := runWith(t, "-days", "0.2", "-policies", "buffer"); err != nil || strings.Contains(out, "USD") {
		t.Errorf("without a price the table talks of money, %v:\n%s", err, out)
	}
}

// The report holds the results that -json prints.
func TestReportIsOfTheSameResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.html")
	out, err := runWith(t, "-days", "0.3", "-policies", "buffer", "-json", "-report", path)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, []byte(out)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, want.Bytes()) || !bytes.Contains(page, []byte("<h1>Backtest of built-in</h1>")) {
		t.Error("the report is of other results")
	}
	if _, err := runWith(t, "-days", "0.2", "-policies", "buffer", "-report", t.TempDir()); err == nil || !strings.Contains(err.Error(), "-report") {
		t.Errorf("%v, want that no report can be written to a directory", err)
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

// sparse is a trace of a session each three hours for so many days.
func sparse(days int) string {
	var b strings.Builder
	b.WriteString("start_unix_s,duration_s\n")
	for i := range days * 8 {
		fmt.Fprintf(&b, "%d,%d\n", 1_700_000_000+i*10_800, 600+i)
	}
	return b.String()
}

func TestTraceIsRead(t *testing.T) {
	for _, zipped := range []bool{false, true} {
		path := writeTrace(t, sparse(2), zipped)
		if r := resultsOf(t, "-trace", path, "-policies", "buffer", "-interval", "1m")[0]; r.Sessions != 16 || r.Killed != 0 || r.Trace != "trace.csv" {
			t.Errorf("gzip %v: %+v", zipped, r)
		}
		if r := resultsOf(t, "-trace", path, "-policies", "buffer", "-interval", "1m", "-days", "1")[0]; r.Sessions != 8 {
			t.Errorf("a day of eight sessions holds %d", r.Sessions)
		}
	}
}

func TestFold(t *testing.T) {
	path := writeTrace(t, sparse(14), false)
	r := resultsOf(t, "-trace", path, "-policies", "buffer", "-interval", "1m", "-fold", "2/1")[0]
	if r.Sessions != 112 || r.Days > 7.1 || !strings.Contains(r.Trace, "2 weeks on 1") {
		t.Errorf("%d sessions of %q in %.1f days; want two weeks in one", r.Sessions, r.Trace, r.Days)
	}
	if _, err := runWith(t, "-trace", path, "-fold", "3/1"); err == nil || !strings.Contains(err.Error(), "-fold 3/1") {
		t.Errorf("%v, want that the trace is too short", err)
	}
}

func TestBadTracesAreRefused(t *testing.T) {
	_, err := runWith(t, "-trace", writeTrace(t, "start_unix_s,duration_s\n5,1\n4,1\n", false))
	if err == nil || !strings.Contains(err.Error(), ":3:") {
		t.Errorf("%v, want the line that is out of order", err)
	}
	if _, err := runWith(t, "-trace", filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want that the file is not there", err)
	}
}

func TestBadFlagsAreRefusedAllAtOnce(t *testing.T) {
	_, err := runWith(t, "-policies", "x,buffer,buffer", "-route", "y", "-days", "-1", "-slots", "0,z", "-seeds", "0", "-interval", "1ms",
		"-delay", "0s", "-level", "D", "-price", "-1", "-parallel", "0", "-fold", "1/2", "-budget-ratio", "NaN", "-budget-ppm", "-1", "rest")
	for _, part := range []string{
		`-policies "x"`, `"buffer" twice`, `-route "y"`, "-days", `-slots "0"`, `-slots "z"`, "-seeds", "-interval", "-delay", "-level",
		"-price", "-parallel", "-fold", "-budget-ratio", "-budget-ppm", "rest",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not name %s: %v", part, err)
		}
	}
	if _, err := runWith(t, "-days", "0.0000001"); err == nil || !strings.Contains(err.Error(), "no session") {
		t.Errorf("a time without a session: %v", err)
	}
	if _, err := runWith(t, "-help"); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
}

// Who has to hear of what: sessions cut before the budget, and the budget only where
// one is set.
func TestExitCodes(t *testing.T) {
	_, err := runWith(t, "-days", "0.3", "-policies", "buffer", "-budget-ratio", "1.0001")
	if exitCode(err) != 4 || !strings.Contains(err.Error(), "budget") {
		t.Errorf("%v exits with %d, want 4", err, exitCode(err))
	}
	if _, err := runWith(t, "-days", "0.3", "-policies", "buffer", "-budget-ratio", "9", "-budget-ppm", "900000"); err != nil {
		t.Errorf("a run within its budget: %v", err)
	}
	cut := []backtest.Result{{Policy: "p", Sessions: 3, Killed: 1, RatioLB1: 2}}
	for _, budget := range []backtest.Budget{{}, {Ratio: 1.5}} {
		if err := verdict(cut, budget); exitCode(err) != 3 {
			t.Errorf("%v exits with %d, want 3", err, exitCode(err))
		}
	}
	if code := exitCode(errors.New("any other")); code != 1 {
		t.Errorf("any other error exits with %d", code)
	}
}

func TestInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := run(ctx, []string{"-days", "1"}, &out, &out); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "trial") {
		t.Errorf("%v, want the interrupt, once", err)
	}
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	at := time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	for _, live := range []bool{false, true} {
		var b bytes.Buffer
		p := &progress{w: &b, live: live, now: func() time.Time { return at }}
		p.begin(2)
		p.show(0, 1, "one")
		p.show(1, 0.5, "too soon to draw again")
		p.show(1, 1, "both")
		p.done()
		if !live && b.Len() != 0 {
			t.Errorf("%q was written to a file", b.String())
		}
		if live && (!strings.Contains(b.String(), " 50 %  one") || !strings.Contains(b.String(), "100 %  both\n") || strings.Contains(b.String(), "soon")) {
			t.Errorf("%q", b.String())
		}
	}
}

func TestSpeedIsSaid(t *testing.T) {
	var b bytes.Buffer
	at := time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	p := &progress{w: &b, now: func() time.Time { return at }}
	p.begin(3)
	at = at.Add(2 * time.Second)
	if p.speed(600); b.String() != "3 runs of 600 sessions in 2.0 s: 300 sessions per second\n" {
		t.Errorf("%q", b.String())
	}
}
