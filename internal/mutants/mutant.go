// Package mutants asks of each safety rule whether a test would notice its loss.
//
// A mutant is one small edit that takes one rule away. All of them are woven into one
// program, which is laid over the tree with go test's -overlay, so no file is touched;
// one is awake at a time, and the tests named with it must fail. One that they all
// pass names a rule that nobody holds: write the test, do not weaken the mutant.
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
	"slices"
	"strings"
)

// Mutant is one edit that takes one rule away.
type Mutant struct {
	Name string // a short name, unique
	Law  string // the rule that is lost, in words, with its place in the protocol
	File string // the file to edit, slash-separated, below the module's root
	Old  string // stands exactly once in the file
	New  string // takes its place; the result compiles
	Also []Edit // made together with it, where a second rule stands behind the first

	Packages []string // whose tests are asked, in order, until one notices
}

// Edit is one further edit of a mutant.
type Edit struct{ File, Old, New string }

// List is every mutant.
func List() []Mutant {
	return slices.Concat(
		recordMutants(), processMutants(), placeMutants(), permitMutants(), releaseMutants(), guardMutants(), simMutants(), lateMutants(),
		plantedMutants(), dynamoMutants(),
	)
}

// edits are all the edits of the mutant, in order.
func (m Mutant) edits() []Edit { return append([]Edit{{m.File, m.Old, m.New}}, m.Also...) }

// Apply returns the files that the mutant edits as they read with the edits, by their
// names below the root.
func (m Mutant) Apply(root string) (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range m.edits() {
		text, read := texts[e.File]
		if !read {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		switch n := strings.Count(text, e.Old); {
		case e.Old == "" || e.Old == e.New:
			return nil, fmt.Errorf("mutants: %s: the edit changes nothing", m.Name)
		case n != 1:
			return nil, fmt.Errorf("mutants: %s: %q stands %d times in %s and must stand once; "+
				"the code has moved on: find the rule %q there and anchor the edit anew", m.Name, e.Old, n, e.File, m.Law)
		}
		texts[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return texts, nil
}
