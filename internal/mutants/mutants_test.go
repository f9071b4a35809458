package mutants

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	all     = flag.Bool("all", false, "run every mutant; without it the edits are only checked")
	hunt    = flag.Bool("safety", false, "run the mutants of the safety list under the explorer and the random schedules")
	replays = flag.Bool("incidents", false, "run each replay of an incident under its mutant")
	only    = flag.String("only", "", "with one of these: only the mutants whose name holds this text, or the incident of this number")
)

// root is the module's directory: this package stands two levels below it.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("no go.mod in %s: this package has moved; mend root", dir)
	}
	return dir
}

func TestMutants(t *testing.T) {
	list := List()
	if len(list) == 0 {
		t.Fatal("no mutants: the test would pass on nothing")
	}
	if !*all {
		check(t, list)
		return
	}
	list = slices.DeleteFunc(list, func(m Mutant) bool { return !strings.Contains(m.Name, *only) })
	bench := base(t, list)
	summary := &table{}
	t.Cleanup(func() { fmt.Print(summary) })
	for _, m := range list {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			v, err := bench.Try(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			summary.add(m, v)
			if !v.Caught {
				t.Errorf("no test of %v notices the loss of this rule: %s", m.Packages, m.Law)
			}
		})
	}
}

// TestSafety has the explorer and the random schedules look for a violation while a
// mutant of the safety list is alive.
func TestSafety(t *testing.T) {
	list := Safety()
	for _, name := range safety {
		if !slices.ContainsFunc(list, func(m Mutant) bool { return m.Name == name }) {
			t.Errorf("the safety list names %s, and there is no such mutant", name)
		}
	}
	if !*hunt {
		return
	}
	bench := benchOn(t, root(t), list...)
	summary := &table{}
	t.Cleanup(func() { fmt.Print(summary) })
	// One after the other: each takes all processors.
	for _, m := range list {
		if !strings.Contains(m.Name, *only) {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			v, err := bench.Hunt(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			summary.add(m, v)
			if !v.Caught {
				t.Errorf("no violation within %s schedules without this rule: %s", SafetySchedules, m.Law)
			}
		})
	}
}

// TestIncidents holds the map from incidents to mutants: each replay is in it with a
// mutant that exists, and, with -incidents, fails under that mutant.
func TestIncidents(t *testing.T) {
	tests, err := IncidentNumbers(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for n := range incidents {
		if tests[n] == "" {
			t.Errorf("incident %d is in the map and has no test", n)
		}
	}
	list := List()
	summary := &table{}
	var bench *Bench
	if *replays {
		bench = benchOn(t, root(t), list...)
		t.Cleanup(func() { fmt.Print(summary) })
	}
	for n, name := range tests {
		i := slices.IndexFunc(list, func(m Mutant) bool { return m.Name == incidents[n] })
		if i < 0 {
			t.Errorf("%s names the mutant %q, and there is none of that name", name, incidents[n])
			continue
		}
		if !*replays || !strings.HasPrefix(name, "TestIncident"+*only) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := bench.Ask(t.Context(), list[i], "./"+IncidentTests, "^"+name+"$")
			if err != nil {
				t.Fatal(err)
			}
			summary.add(list[i], v)
			if !v.Caught {
				t.Errorf("the replay does not fail without the rule that it names: %s", list[i].Law)
			}
		})
	}
}

// base fails unless the tests that are to catch the mutants pass as they are.
func base(t *testing.T, list []Mutant) *Bench {
	t.Helper()
	bench := benchOn(t, root(t), list...)
	asked := map[string]bool{}
	for _, m := range list {
		for _, p := range m.Packages {
			if asked[p] {
				continue
			}
			asked[p] = true
			if err := bench.Base(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
	}
	return bench
}

// check is the quick half: every edit applies once and compiles.
func check(t *testing.T, list []Mutant) {
	compiler, err := NewCompiler(root(t), list)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if err := compiler.Check(m); err != nil {
			t.Error(err)
		}
	}
}

func TestListIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range List() {
		if seen[m.Name] {
			t.Errorf("two mutants are named %s", m.Name)
		}
		seen[m.Name] = true
		if m.Name == "" || m.Law == "" || len(m.Packages) == 0 {
			t.Errorf("mutant %+v lacks a name, a law or packages", m)
		}
	}
}

// table collects verdicts of mutants that run side by side.
type table struct {
	mu   sync.Mutex
	rows []string
	lost int
}

func (s *table) add(m Mutant, v Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by := v.By
	if !v.Caught {
		s.lost++
		by = "NO TEST"
	}
	s.rows = append(s.rows, fmt.Sprintf("%-34s caught by %s", m.Name, by))
}

// String returns the table, sorted, and the count of mutants that no test noticed.
func (s *table) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.rows)
	return fmt.Sprintf("%s\n%d mutants, %d not caught\n", strings.Join(s.rows, "\n"), len(s.rows), s.lost)
}
