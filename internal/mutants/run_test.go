package mutants

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small is a module with one rule, one test that holds it and one that does not.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/small\n\ngo 1.26\n",
		"a.go":   "package small\n\nfunc Bounded(n int) int {\n\tif n > 10 {\n\t\treturn 10\n\t}\n\treturn n\n}\n",
		"a_test.go": `package small

import "testing"

func TestSmall(t *testing.T) {
	if Bounded(3) != 3 {
		t.Error("3 was changed")
	}
}

func TestBound(t *testing.T) {
	t.Run("above", func(t *testing.T) {
		if got := Bounded(11); got != 10 {
			t.Errorf("Bounded(11) = %d", got)
		}
	})
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var bound = Mutant{
	Name: "bound", Law: "ten is the most", File: "a.go",
	Old: "return 10", New: "return n", Packages: []string{"."},
}

// benchOn weaves the mutants into a module.
func benchOn(t *testing.T, dir string, list ...Mutant) *Bench {
	t.Helper()
	b, err := NewBench(dir, t.TempDir(), list)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTryNamesTheTestThatCaughtIt(t *testing.T) {
	v, err := benchOn(t, small(t), bound).Try(t.Context(), bound)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Caught || v.By != "example.com/small TestBound/above" || !strings.Contains(v.Says, "Bounded(11) = 11") {
		t.Errorf("verdict %+v", v)
	}
}

func TestAskReportsWhatNoTestNotices(t *testing.T) {
	v, err := benchOn(t, small(t), bound).Ask(t.Context(), bound, ".", "^TestSmall$")
	if err != nil || v.Caught {
		t.Errorf("verdict %+v, %v; only a test that cannot see the bound ran", v, err)
	}
}

func TestTryRefusesToAnswerWhereNothingWasAsked(t *testing.T) {
	for name, change := range map[string]func(*Mutant){
		"does not compile":     func(m *Mutant) { m.New = "return \"ten\"" },
		"anchor is gone":       func(m *Mutant) { m.Old = "return 11" },
		"anchor stands twice":  func(m *Mutant) { m.Old = "return" },
		"edit changes nothing": func(m *Mutant) { m.New = m.Old },
		"file is gone":         func(m *Mutant) { m.File = "b.go" },
		"no tests":             func(m *Mutant) { m.Packages = []string{"./empty"} },
	} {
		t.Run(name, func(t *testing.T) {
			m := bound
			change(&m)
			b, err := NewBench(small(t), t.TempDir(), []Mutant{m})
			if err != nil {
				return
			}
			if v, err := b.Try(t.Context(), m); err == nil {
				t.Errorf("answered %+v", v)
			}
		})
	}
	if v, err := benchOn(t, small(t), bound).Ask(t.Context(), bound, ".", "^TestNothing$"); err == nil {
		t.Errorf("answered %+v, and no test matches", v)
	}
}

func TestEditsAreMadeTogether(t *testing.T) {
	m := bound
	m.Old, m.New = "n > 10", "n > 20"
	m.Also = []Edit{{"a.go", "return 10", "return 20"}}
	dir := small(t)
	texts, err := m.Apply(dir)
	if err != nil {
		t.Fatal(err)
	}
	if text := texts["a.go"]; !strings.Contains(text, "n > 20") || !strings.Contains(text, "return 20") {
		t.Errorf("with both edits the file reads %q", text)
	}
	if v, err := benchOn(t, dir, m).Try(t.Context(), m); err != nil || !v.Caught {
		t.Errorf("verdict %+v, %v", v, err)
	}
	m.Also[0].Old = "return 11"
	if _, err := NewBench(dir, t.TempDir(), []Mutant{m}); err == nil {
		t.Error("wove a mutant whose second edit does not apply")
	}
}

func TestOneProgramHoldsTheMutantsAsleep(t *testing.T) {
	dir := small(t)
	text := "package small\n\nconst most = 10\n\nvar count int\n\n" +
		"func Add(n int) {\n\tif n > most {\n\t\treturn\n\t}\n\tcount += n\n}\n"
	test := "package small\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tcount = 0\n" +
		"\tAdd(11)\n\tAdd(10)\n\tif count != 10 {\n\t\tt.Error(count)\n\t}\n}\n"
	for name, text := range map[string]string{"b.go": text, "b_test.go": test} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packages := []string{"."}
	list := []Mutant{
		bound,
		{Name: "all", File: "b.go", Old: "n > most", New: "n > 2*most", Packages: packages},
		{Name: "none", File: "b.go", Old: "count += n\n", New: "_ = n\n", Packages: packages},
		{Name: "nothing", File: "b.go", Old: "count += n\n}", New: "count += 1 * n\n}", Packages: packages},
		{Name: "constant", File: "b.go", Old: "most = 10", New: "most = 9", Packages: packages},
	}
	b := benchOn(t, dir, list...)
	if err := b.Base(t.Context(), "."); err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if b.woven[m.Name] == (m.Name == "constant") {
			t.Errorf("%s: woven %v; the value of a constant takes a program of its own", m.Name, b.woven[m.Name])
		}
		v, err := b.Try(t.Context(), m)
		if err != nil || v.Caught == (m.Name == "nothing") {
			t.Errorf("%s: verdict %+v, %v", m.Name, v, err)
		}
	}
}

func TestBaseRefusesATestThatFailsAnyway(t *testing.T) {
	dir := small(t)
	if err := benchOn(t, dir, bound).Base(t.Context(), "."); err != nil {
		t.Errorf("a package whose tests pass was refused: %v", err)
	}
	broken := "package small\n\nimport \"testing\"\n\nfunc TestBroken(t *testing.T) { t.Error(\"as ever\") }\n"
	if err := os.WriteFile(filepath.Join(dir, "b_test.go"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := benchOn(t, dir, bound).Base(t.Context(), "."); err == nil || !strings.Contains(err.Error(), "TestBroken") {
		t.Errorf("Base said %v of a package with a test that fails anyway", err)
	}
}

func TestWhatTakesLongIsAskedLast(t *testing.T) {
	told, err := read([]byte(`{"Action":"run","Package":"p","Test":"TestLong"}
{"Action":"run","Package":"p","Test":"TestLong/part"}
{"Action":"pass","Package":"p","Test":"TestLong/part","Elapsed":9}
{"Action":"pass","Package":"p","Test":"TestLong","Elapsed":9}
{"Action":"run","Package":"p","Test":"TestShort"}
{"Action":"pass","Package":"p","Test":"TestShort","Elapsed":0.1}
`))
	if err != nil || told.ran != 3 || told.tests != 2 || !slices.Equal(told.slow, []string{"TestLong"}) {
		t.Fatalf("read %+v, %v", told, err)
	}
	b := benchOn(t, small(t), bound)
	p, err := b.program(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, late := range []string{"^TestSmall$", "^TestBound$"} {
		p.late = late
		if v, err := b.Try(t.Context(), bound); err != nil || !v.Caught {
			t.Errorf("with %s last: verdict %+v, %v", late, v, err)
		}
	}
}

func TestCompilerFindsEditsThatDoNotCompile(t *testing.T) {
	c, err := NewCompiler(small(t), []Mutant{bound})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(bound); err != nil {
		t.Errorf("a sound edit was refused: %v", err)
	}
	both := bound
	both.Also = []Edit{{"a.go", "n > 10", "n > ten"}}
	if err := c.Check(both); err == nil {
		t.Error("a second edit that does not compile was accepted")
	}
	for name, text := range map[string]string{"wrong type": `return "ten"`, "no syntax": "return )", "undefined": "return x"} {
		m := bound
		m.New = text
		if err := c.Check(m); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
