// Package mutants asks of each safety rule whether a test would notice its loss.
//
// A mutant is one small edit that takes one rule away. It is laid over the tree
// with go test's -overlay, so no file is touched, and the tests named with it
// must fail. One that they all pass names a rule that nobody holds: write the
// test, do not weaken the mutant.
//
//	go test -v ./internal/mutants -all
//
// runs every mutant and prints which test caught it. Without -all the tests only
// check that every edit still applies to exactly one place and still compiles.
package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutant is one edit that takes one rule away.
type Mutant struct {
	Name string // a short name, unique
	Law  string // the rule that is lost, in words, with its place in the protocol
	File string // the file to edit, slash-separated, below the module's root
	Old  string // stands exactly once in the file
	New  string // takes its place; the result compiles

	Packages []string // whose tests are asked, in order, until one notices
	Run      string   // narrows the tests with -run, for speed; empty for all
	// Inside has the tests inside the first package asked before those that stand
	// in a package of their own beside it: those pull in half the module, and
	// compiling that takes most of the time. For rules that a table inside holds.
	Inside bool
}

// List is every mutant.
func List() []Mutant {
	var all []Mutant
	for _, group := range [][]Mutant{
		recordMutants(), processMutants(), placeMutants(), permitMutants(), releaseMutants(), guardMutants(), simMutants(), lateMutants(),
	} {
		all = append(all, group...)
	}
	return all
}

// Apply returns the mutant's file as it reads with the edit.
func (m Mutant) Apply(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return "", err
	}
	switch n := strings.Count(string(text), m.Old); {
	case m.Old == "" || m.Old == m.New:
		return "", fmt.Errorf("mutants: %s: the edit changes nothing", m.Name)
	case n != 1:
		return "", fmt.Errorf("mutants: %s: %q stands %d times in %s and must stand once; "+
			"the code has moved on: find the rule %q there and anchor the edit anew", m.Name, m.Old, n, m.File, m.Law)
	}
	return strings.Replace(string(text), m.Old, m.New, 1), nil
}
