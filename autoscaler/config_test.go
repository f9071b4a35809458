package autoscaler

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
	"time"
)

func TestNewReportsEverythingAtOnce(t *testing.T) {
	_, err := New(Config{
		Limits: Limits{Min: -1, Max: 0, MaxTotal: -3},
		Timing: Timing{Interval: -1, MetricAge: -1, CordonLease: time.Second, Deadline: time.Hour, Notice: -1},
	})
	if err == nil {
		t.Fatal("an empty configuration is accepted")
	}
	for _, field := range []string{
		"Service.Cluster", "Service.Name", "Policy", "Sessions", "Records", "State", "Scaler", "Drains",
		"Limits.Min", "Limits.Max", "Limits.MaxTotal", "Timing.Interval", "Timing.MetricAge", "Timing.CordonLease", "Timing.Deadline", "Timing.Notice",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("the error does not name %s: %v", field, err)
		}
	}
	var wrapped *Error
	if !errors.As(err, &wrapped) || wrapped.Op != "autoscaler.New" {
		t.Errorf("%T is not the module's error", err)
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		limits Limits
		valid  bool
	}{
		{Limits{Min: 0, Max: 1}, true},
		{Limits{Min: 2, Max: 2, MaxTotal: 2}, true},
		{Limits{Min: 3, Max: 2}, false},
		{Limits{Min: 1, Max: 5, MaxTotal: 4}, false},
	} {
		if got := len(tt.limits.problems()) == 0; got != tt.valid {
			t.Errorf("%+v: valid %v, want %v", tt.limits, got, tt.valid)
		}
	}
	l := Limits{Min: 2, Max: 5}
	if l.Total() != 10 || l.Clamp(1) != 2 || l.Clamp(9) != 5 || l.Clamp(3) != 3 {
		t.Errorf("%+v: total %d, clamps %d %d %d", l, l.Total(), l.Clamp(1), l.Clamp(9), l.Clamp(3))
	}
}

func TestTimingDefaults(t *testing.T) {
	got := Timing{IdleFor: -1, Cooldown: time.Minute}.withDefaults()
	want := Timing{
		Interval: 15 * time.Second, Spacing: time.Second, IdleFor: 0, Cooldown: time.Minute, MetricAge: 5 * time.Minute,
		MinAge: 5 * time.Minute, CordonLease: 15 * time.Minute, Notice: 15 * time.Minute,
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// The package documentation lists every code, and no code has two names: alarms
// and log queries are written from that list.
func TestEveryCodeIsListedOnce(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(doc), "# Reason codes")
	listed := strings.Fields(strings.ReplaceAll(list, "//", ""))
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		seen[strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)]++
		return true
	})
	if len(seen) < 40 {
		t.Fatalf("only %d codes were found", len(seen))
	}
	for code, n := range seen {
		if n > 1 {
			t.Errorf("%d constants are %q", n, code)
		}
		count := 0
		for _, word := range listed {
			if word == code {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%q is listed %d times in the package documentation", code, count)
		}
	}
}
