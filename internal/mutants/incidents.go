package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
)

// IncidentTests is the package that replays real failures of other systems, each in a
// test named after its number.
const IncidentTests = "internal/incidents"

var incidentName = regexp.MustCompile(`^TestIncident(\d\d)[A-Z]`)

// incidents says, for each of these failures, without which rule this library would
// fail the same way: with the mutant alive the test of that number fails.
var incidents = map[int]string{
	// Idle at the look, busy at the end.
	1:  "planted-cached-claim",
	2:  "planted-cached-mark",
	3:  "planted-look-once",
	4:  "planted-undisturbed",
	5:  "guard-idle-long",
	6:  "target-twice",
	7:  "planted-check-then-end",
	8:  "planted-refusal-ignored",
	9:  "live-reserved",
	10: "planted-unmarked",
	11: "planted-look-once",
	12: "settle-no-barrier",

	// The number was lowered, and somebody else chose.
	13: "planted-unprotected-shrink",
	14: "planted-busy-victim",
	15: "planted-busy-victim",
	16: "live-reserved",
	17: "planted-busy-victim",
	18: "target-twice",
	19: "planted-any-wants-fewer",
	20: "guard-foreign-desired",
	21: "planted-deployment-ignored",
	22: "planted-unconfirmed-shrink",

	// What was unknown was taken for idle, dead or surplus.
	23: "live-silent",
	24: "policy-writes-snapshot",
	25: "planted-foreign-unknown",
	26: "live-missing-process",
	27: "missing-is-gone",
	28: "planted-error-is-empty",
	29: "planted-no-metric-is-zero",
	30: "live-reservation-endless",
	31: "forget-loses-sessions",

	// Protection or a drain failed, and nobody noticed.
	33: "planted-queue-depth",
	34: "planted-look-once",
	35: "observe-stopping",
	36: "planted-stop-failed",
	37: "close-unstopped",
	38: "balancer-unasked",
	39: "planted-half-drained",
	40: "planted-all-closed",
	41: "guard-drains-wait",

	// Two brains, or a brain that forgot.
	43: "planted-dry-run-writes",
	44: "desired-adopt-at-once",
	45: "planted-age-limit",
}

// IncidentNumbers returns the tests of the package, by number, in the tree at root.
func IncidentNumbers(root string) (map[int]string, error) {
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(IncidentTests), "*_test.go"))
	if err != nil {
		return nil, err
	}
	tests := map[int]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			m := incidentName.FindStringSubmatch(fn.Name.Name)
			if m == nil {
				continue
			}
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			if other := tests[n]; other != "" {
				return nil, fmt.Errorf("mutants: incident %d is replayed by %s and by %s", n, other, fn.Name.Name)
			}
			tests[n] = fn.Name.Name
		}
	}
	return tests, nil
}
