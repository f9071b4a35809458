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
	all  = flag.Bool("all", false, "run every mutant; without it the edits are only checked")
	only = flag.String("only", "", "with -all: run the mutants whose name holds this text")
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
	base(t, list)
	summary := &table{}
	t.Cleanup(func() { fmt.Print(summary) })
	for _, m := range list {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			v, err := m.Try(t.Context(), root(t), t.TempDir())
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

// base fails unless the tests that are to catch the mutants pass as they are.
func base(t *testing.T, list []Mutant) {
	t.Helper()
	asked := map[string]bool{}
	for _, m := range list {
		for _, p := range m.Packages {
			if asked[p] {
				continue
			}
			asked[p] = true
			if err := Base(t.Context(), root(t), p); err != nil {
				t.Fatal(err)
			}
		}
	}
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
