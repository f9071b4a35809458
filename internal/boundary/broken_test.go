package boundary

import (
	"strings"
	"testing"
	"testing/fstest"
)

// broken is a module made of the files given; each test breaks one rule in it.
func broken(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	loaded, err := Load(fsOf(files))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func fsOf(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.com/m\n\ngo 1.26\n")}}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestImportsAreCaught(t *testing.T) {
	for _, c := range []struct{ name, file, imports, want string }{
		{"the root of all imports a policy", "autoscaler/a.go", "example.com/m/policy", "standard library only"},
		{"the root of all imports a module", "autoscaler/a.go", "golang.org/x/sync/errgroup", "standard library only"},
		{"a policy reads a store", "policy/p.go", "example.com/m/sessionstore", "function of a snapshot"},
		{"stores know each other", "sessionstore/memstore/s.go", "example.com/m/sessionstore/dynamostore", "never another implementation"},
		{"a store imports a release", "sessionstore/memstore/s.go", "example.com/m/workflow", "never another implementation"},
		{"what ships imports a kit", "workflow/w.go", "example.com/m/ecsadapter/ecssim", "nothing that ships imports a kit"},
		{"what ships imports a suite", "sessionstore/s.go", "example.com/m/sessionstore/storetest", "nothing that ships imports a kit"},
		{"what ships imports internals", "workflow/w.go", "example.com/m/internal/golden", "nothing that ships imports a kit"},
		{"the simulator uses the adapter", "ecsadapter/ecssim/s.go", "example.com/m/ecsadapter", "never the adapter or an SDK"},
		{"the simulator uses an SDK", "ecsadapter/ecssim/s.go", "github.com/aws/aws-sdk-go-v2/aws", "never the adapter or an SDK"},
		{"a kit uses the recorder of clauses", "ecsadapter/ecssim/s.go", "example.com/m/internal/clause", "only conformance suites"},
		{"a suite needs a cloud", "workflow/workflowtest/t.go", "github.com/aws/aws-sdk-go-v2/aws", "particular cloud"},
		{"the test flags are shipped", "workflow/w.go", "testing", "carry the test flags"},
		{"the bubble is shipped", "workflow/w.go", "testing/synctest", "carry the test flags"},
		{"an example looks inside", "examples/x/main.go", "example.com/m/internal/golden", "cannot import internal"},
		{"a test builds on an example", "workflow/w_test.go", "example.com/m/examples/x", "nothing is built on it"},
		{"a test brings a framework", "workflow/w_test.go", "github.com/stretchr/testify/assert", "every user's go.sum"},
		{"a package without a rule", "ecsagent/a.go", "example.com/m/autoscaler", "has no rule yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := CheckImports(broken(t, map[string]string{c.file: "package x\n\nimport _ \"" + c.imports + "\"\n"}))
			expect(t, found, c.want)
		})
	}
}

func TestAllowedImportsPass(t *testing.T) {
	found := CheckImports(broken(t, map[string]string{
		"policy/p.go":                           "package x\n\nimport (\n\t_ \"time\"\n\t_ \"example.com/m/autoscaler\"\n)\n",
		"workflow/w.go":                         "package x\n\nimport _ \"golang.org/x/sync/errgroup\"\n",
		"workflow/w_test.go":                    "package x_test\n\nimport (\n\t_ \"testing\"\n\t_ \"example.com/m/ecsadapter/ecssim\"\n)\n",
		"workflow/workflowtest/t.go":            "package x\n\nimport (\n\t_ \"testing\"\n\t_ \"example.com/m/internal/clause\"\n)\n",
		"sessionstore/memstore/s.go":            "package x\n\nimport _ \"example.com/m/sessionstore\"\n",
		"autoscaler/autoscalermock/mocks.go":    "package x\n\nimport _ \"go.uber.org/mock/gomock\"\n",
		"examples/nested/go.mod":                "module nested\n",
		"examples/nested/main.go":               "package main\n\nimport _ \"github.com/aws/aws-lambda-go/lambda\"\n",
		"workflow/testdata/not/of/this/tree.go": "package x\n\nimport _ \"github.com/anything/at/all\"\n",
	}))
	if len(found) > 0 {
		t.Errorf("allowed imports were refused: %v", found)
	}
}

func TestStateIsCaught(t *testing.T) {
	const file = "workflow/w.go"
	for _, c := range []struct{ name, text, want string }{
		{"a map", "var registry = map[string]int{}\n\nfunc F() { registry[\"a\"]++ }", "package-level variable registry"},
		{"a zero value", "var last int", "package-level variable last"},
		{"an error made by another call", "var ErrX = f()", "package-level variable ErrX"},
		{"an error without a value", "var ErrX error", "package-level variable ErrX"},
		{"a table that is written", "var table = []int{1}\n\nfunc F() { table[0] = 2 }", "package-level variable table"},
		{"a table that is replaced", "var table = []int{1}\n\nfunc F() { table = nil }", "package-level variable table"},
		{"a table that is handed out", "var table = []int{1}\n\nfunc F() []int { return table }", "package-level variable table"},
		{"a table that others see", "var Table = []int{1}\n\nfunc F() int { return Table[0] }", "package-level variable Table"},
		{"init", "func init() {}", "an init function"},
		{"panic", "func F() { panic(1) }", "a call of panic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, CheckState(broken(t, map[string]string{file: "package x\n\n" + c.text + "\n"})), c.want)
		})
	}
	clean := "package x\n\nimport \"errors\"\n\nvar ErrX = errors.New(\"x\")\n\nvar _ error = ErrX\n\nvar ErrY error = kind{ErrX}\n\nconst n = 1\n" +
		"\nvar table = [...]int{1, 2}\n\nfunc F() int { for range table { return table[0] + len(table) }; return 0 }\n"
	if found := CheckState(broken(t, map[string]string{file: clean})); len(found) > 0 {
		t.Errorf("sentinels and assertions were refused: %v", found)
	}
}

func TestWordsAreCaught(t *testing.T) {
	const file = "workflow/w.go"
	for _, c := range []struct{ name, file, text, want string }{
		{"a type", file, "type TaskManager struct{}", "word manager"},
		{"a field", file, "type T struct{ appName string }", "word app"},
		{"a parameter", file, "func F(nodes int) {}", "word nodes"},
		{"a local variable", file, "func F() { w, tickSize := 1, 2; _, _ = w, tickSize }", "word tick"},
		{"a comment", file, "// F stops a worker.\nfunc F() {}", "word worker"},
		{"a comment inside", file, "func F() {\n\t// the instance\n}", "word instance"},
		{"a file", "workflow/drain_helper.go", "func F() {}", "word helper"},
		{"an exception with more around it", file, "type KilledTasks int", "word killed"},
		{"an acronym before it", file, "func ECSInstance() {}", "word instance"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, CheckWords(broken(t, map[string]string{c.file: "package x\n\n" + c.text + "\n"})), c.want)
		})
	}
	clean := "package x\n\n// The application runs on a container instance.\nfunc Skilled(happy, managed int) {}\n\ntype Score struct{ Killed int }\n"
	if found := CheckWords(broken(t, map[string]string{file: clean})); len(found) > 0 {
		t.Errorf("words that only contain others, and exceptions, were refused: %v", found)
	}
}

func TestMissingExamplesAreCaught(t *testing.T) {
	const code = "package x\n\nfunc New() int { return 1 }\n"
	example := func(body string) map[string]string {
		return map[string]string{"workflow/w.go": code, "workflow/w_test.go": "package x\n\nfunc ExampleNew() {\n" + body + "}\n"}
	}
	expect(t, CheckExamples(broken(t, map[string]string{"workflow/w.go": code})), "no ExampleNew")
	expect(t, CheckExamples(broken(t, example("\tNew()\n"))), "no ExampleNew")
	if found := CheckExamples(broken(t, example("\tprintln(New())\n\t// Output: 1\n"))); len(found) > 0 {
		t.Errorf("an example with output was refused: %v", found)
	}
}

func TestClocksInTestsAreCaught(t *testing.T) {
	in := func(imports, body string) []Finding {
		return CheckTestClocks(broken(t, map[string]string{
			"workflow/w_test.go": "package x\n\nimport (\n" + imports + ")\n\nfunc f() {\n" + body + "}\n",
		}))
	}
	expect(t, in("\"time\"\n", "time.Sleep(1)\n"), "w_test.go:8: time.Sleep")
	expect(t, in("\"time\"\n", "_ = time.Now\n"), "time.Now")
	for name, found := range map[string][]Finding{
		"a bubble":         in("\"testing/synctest\"\n\"time\"\n", "time.Sleep(1)\n"),
		"both clocks":      in("\"time\"\n", "_ = time.Now() // both clocks\n"),
		"a fixed instant":  in("\"time\"\n", "_ = time.Unix(0, 0)\n"),
		"another's method": in("\"time\"\n", "_ = time.Second; clock.Now()\n"),
	} {
		if len(found) > 0 {
			t.Errorf("%s was refused: %v", name, found)
		}
	}
}

func TestLayoutIsCaught(t *testing.T) {
	fsys := fsOf(map[string]string{"pkg/a.go": "package a\n", "report.html": "", ".github/x": ""})
	found, err := CheckLayout(fsys, []string{"report.html"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, found, "pkg: is not part of the layout")
	expect(t, found, "workflow: is missing")
	for _, f := range found {
		if f.Where == "report.html" || f.Where == ".github" {
			t.Errorf("refused what is ignored or hidden: %v", f)
		}
	}
}

func TestMarksAreCaught(t *testing.T) {
	found, err := CheckMarks(fsOf(map[string]string{
		"a.go":         "package a\n\n// " + "TO" + "DO: later\n",
		".github/x.md": "see /" + "root/notes\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, found, "a.go:3: holds "+"TO"+"DO")
	expect(t, found, ".github/x.md:1: holds /"+"root/")
}

func TestRequirementsAreTheDirectOnes(t *testing.T) {
	fsys := fstest.MapFS{"go.mod": {Data: []byte(`module m

require example.com/z v1.0.0

require (
	example.com/b v0.2.0
	example.com/a v0.1.0
	example.com/c v0.3.0 // indirect
)
`)}}
	got, err := Requirements(fsys)
	if want := "example.com/a v0.1.0\nexample.com/b v0.2.0\nexample.com/z v1.0.0\n"; err != nil || got != want {
		t.Errorf("Requirements = %q, %v; want %q", got, err, want)
	}
}

func TestSurfaceShowsWhatAUserCanUse(t *testing.T) {
	got := Surface(broken(t, map[string]string{
		"workflow/w.go": `package workflow

// T is documented; the comment is no part of the promise.
type T struct {
	A, B int
	c    int
	D    string ` + "`json:\"d\"`" + `
}

func (t *T) Do(n int) (err error) { return nil }
func (t *T) hidden()              {}
func (u other) Do()               {}

type other struct{}

type I interface {
	Call(x int) string
	T
}

type F func(int) error

const C, d = 1, 2

var ErrX error

func New[V any](v V) *T { return nil }
`,
		"internal/x/x.go":    "package x\n\nfunc Hidden() {}\n",
		"workflow/w_test.go": "package workflow\n\nfunc Helping() {}\n",
	}))
	want := strings.Join([]string{
		"workflow: const C = 1",
		"workflow: func New[V any](v V) *T",
		"workflow: method (*T) Do(n int) (err error)",
		"workflow: type F func(int) error",
		"workflow: type I interface",
		"workflow: type I, Call(x int) string",
		"workflow: type I, embeds T",
		"workflow: type T struct",
		"workflow: type T, A int",
		"workflow: type T, B int",
		"workflow: type T, D string `json:\"d\"`",
		"workflow: var ErrX error",
	}, "\n") + "\n"
	if got != want {
		t.Errorf("surface:\n%s\nwant:\n%s", got, want)
	}
}

// expect fails unless one of the findings says want.
func expect(t *testing.T, found []Finding, want string) {
	t.Helper()
	for _, f := range found {
		if strings.Contains(f.String(), want) {
			return
		}
	}
	t.Errorf("nothing found that says %q; found %v", want, found)
}
