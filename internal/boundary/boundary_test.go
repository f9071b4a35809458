package boundary

import (
	"flag"
	"os"
	"testing"

	"github.com/seed-979cce96/idlescale/internal/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

// surfaceBound is the most types and functions that autoscaler may export. The
// package is the one that everybody reads, so a name more has to earn its place:
// whoever raises the bound says in the review what the name is for.
const surfaceBound = 82

// tree parses the module that the test stands in.
func tree(t *testing.T) (*Tree, string) {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Packages) == 0 {
		t.Fatalf("no package found below %s: the checks would all pass on nothing", root)
	}
	return loaded, root
}

func report(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestImports(t *testing.T) {
	loaded, _ := tree(t)
	report(t, CheckImports(loaded))
}

func TestState(t *testing.T) {
	loaded, _ := tree(t)
	report(t, CheckState(loaded))
}

func TestWords(t *testing.T) {
	loaded, _ := tree(t)
	report(t, CheckWords(loaded))
}

func TestConstructorsHaveExamples(t *testing.T) {
	loaded, _ := tree(t)
	report(t, CheckExamples(loaded))
}

func TestTestsOwnTheirTime(t *testing.T) {
	loaded, _ := tree(t)
	report(t, CheckTestClocks(loaded))
}

func TestLayout(t *testing.T) {
	_, root := tree(t)
	ignored, err := Ignored(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	found, err := CheckLayout(os.DirFS(root), ignored)
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func TestMarks(t *testing.T) {
	_, root := tree(t)
	found, err := CheckMarks(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func TestRequirements(t *testing.T) {
	_, root := tree(t)
	direct, err := Requirements(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/requirements.txt", direct, *update)
}

func TestSurface(t *testing.T) {
	loaded, _ := tree(t)
	golden.Check(t, "testdata/surface.txt", Surface(loaded), *update)
}

func TestAutoscalerStaysSmall(t *testing.T) {
	loaded, _ := tree(t)
	types, funcs := Count(loaded, "autoscaler")
	t.Logf("autoscaler exports %d types and %d functions", types, funcs)
	if types == 0 || funcs == 0 {
		t.Fatalf("counted %d types and %d functions; the count is broken", types, funcs)
	}
	if types+funcs > surfaceBound {
		t.Errorf("autoscaler exports %d types and %d functions, together more than %d; "+
			"move what policies and hosts do not need into another package, or argue for a higher bound",
			types, funcs, surfaceBound)
	}
}
