package mutants

import (
	"context"
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
	2:  "live-listed-expires",
	4:  "guard-pinned",
	5:  "guard-idle-long",
	9:  "report-removes",
	12: "live-lease-unreported",
	14: "target-counts-retired",
	15: "target-counts-retired",
	16: "guard-busy",
	17: "live-listed-expires",
	18: "target-counts-retired",
	19: "target-counts-retired",
	20: "guard-foreign-desired",
	21: "target-counts-retired",
	22: "batch-reopened",
	23: "guard-unknown-is-idle",
	24: "live-listed-expires",
	26: "live-missing-process",
	27: "target-counts-retired",
	30: "report-removes",
	31: "forget-loses-sessions",
	33: "target-counts-retired",
	35: "observe-stopping",
	36: "permit-two-at-once",
	37: "close-unstopped",
	39: "place-spreads",
	41: "guard-not-open",
	44: "count-below-stays",
	45: "pass-renew-lapses",
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

// Alone lays the mutant over the tree and asks one test of one package.
func (m Mutant) Alone(ctx context.Context, root, scratch, packages, test string, args ...string) (Verdict, error) {
	m.Packages, m.Run, m.Inside = []string{packages}, "^"+test+"$", false
	return m.ask(ctx, root, scratch, false, packages, args...)
}
