package mutants

import (
	"os"
	"path/filepath"
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

func TestTryNamesTheTestThatCaughtIt(t *testing.T) {
	v, err := bound.Try(t.Context(), small(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !v.Caught || v.By != "example.com/small TestBound/above" || !strings.Contains(v.Says, "Bounded(11) = 11") {
		t.Errorf("verdict %+v", v)
	}
}

func TestTryReportsWhatNoTestNotices(t *testing.T) {
	m := bound
	m.Run = "TestSmall"
	v, err := m.Try(t.Context(), small(t), t.TempDir())
	if err != nil || v.Caught {
		t.Errorf("verdict %+v, %v; only a test that cannot see the bound ran", v, err)
	}
}

func TestTryRefusesToAnswerWhereNothingWasAsked(t *testing.T) {
	for name, change := range map[string]func(*Mutant){
		"no test matches":      func(m *Mutant) { m.Run = "TestNothing" },
		"does not compile":     func(m *Mutant) { m.New = "return \"ten\"" },
		"anchor is gone":       func(m *Mutant) { m.Old = "return 11" },
		"anchor stands twice":  func(m *Mutant) { m.Old = "return" },
		"edit changes nothing": func(m *Mutant) { m.New = m.Old },
		"file is gone":         func(m *Mutant) { m.File = "b.go" },
	} {
		t.Run(name, func(t *testing.T) {
			m := bound
			change(&m)
			if v, err := m.Try(t.Context(), small(t), t.TempDir()); err == nil {
				t.Errorf("answered %+v", v)
			}
		})
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
	if v, err := m.Try(t.Context(), dir, t.TempDir()); err != nil || !v.Caught {
		t.Errorf("verdict %+v, %v", v, err)
	}
	m.Also[0].Old = "return 11"
	if v, err := m.Try(t.Context(), dir, t.TempDir()); err == nil {
		t.Errorf("answered %+v of a mutant whose second edit does not apply", v)
	}
}

func TestBaseRefusesATestThatFailsAnyway(t *testing.T) {
	dir := small(t)
	if err := Base(t.Context(), dir, "."); err != nil {
		t.Errorf("a package whose tests pass was refused: %v", err)
	}
	broken := "package small\n\nimport \"testing\"\n\nfunc TestBroken(t *testing.T) { t.Error(\"as ever\") }\n"
	if err := os.WriteFile(filepath.Join(dir, "b_test.go"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Base(t.Context(), dir, "."); err == nil || !strings.Contains(err.Error(), "TestBroken") {
		t.Errorf("Base said %v of a package with a test that fails anyway", err)
	}
}

func TestInsideIsAskedFirst(t *testing.T) {
	dir := small(t)
	outside := "package small_test\n\nimport \"testing\"\n\nfunc TestAbove(t *testing.T) { t.Error(\"was run\") }\n"
	if err := os.WriteFile(filepath.Join(dir, "a_outside_test.go"), []byte(outside), 0o600); err != nil {
		t.Fatal(err)
	}
	m := bound
	m.Inside = true
	v, err := m.Try(t.Context(), dir, t.TempDir())
	if err != nil || v.By != "example.com/small TestBound/above" {
		t.Errorf("verdict %+v, %v; want the test inside the package", v, err)
	}
	m.Old, m.New = "func Bounded", "// Nothing notices this.\nfunc Bounded"
	v, err = m.Try(t.Context(), dir, t.TempDir())
	if err != nil || v.By != "example.com/small TestAbove" {
		t.Errorf("verdict %+v, %v; want the test outside, asked when none inside noticed", v, err)
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
