package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// record keeps what a check said instead of failing the test that runs it.
type record struct{ errors, fatals, logs []string }

func (*record) Helper() {}
func (r *record) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *record) Fatalf(format string, args ...any) {
	r.fatals = append(r.fatals, fmt.Sprintf(format, args...))
}
func (r *record) Logf(format string, args ...any) {
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

func TestDiffShowsOnlyWhatDiffers(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"same", "a\nb\n", "a\nb\n", ""},
		{"added in the middle", "a\nc\n", "a\nb\nc\n", "+b\n"},
		{"lost at the start", "a\nb\n", "b\n", "-a\n"},
		{"changed", "a\nb\nc\n", "a\nx\nc\n", "-b\n+x\n"},
		{"moved", "a\nb\nc\n", "c\na\nb\n", "+c\n-c\n"},
		{"from nothing", "", "a\n", "+a\n"},
		{"two apart", "a\nb\nc\nd\n", "x\nb\nc\ny\n", "-a\n+x\n-d\n+y\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Diff(c.old, c.new); got != c.want {
				t.Errorf("Diff(%q, %q) = %q, want %q", c.old, c.new, got, c.want)
			}
		})
	}
}

func TestCheckFailsOnADifferenceAndOnAMissingFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kept", "text.txt")

	var missing record
	Check(&missing, file, "a\n", false)
	if len(missing.fatals) != 1 {
		t.Fatalf("a missing file was accepted: %+v", missing)
	}

	var written record
	Check(&written, file, "a\nb", true)
	if text, err := os.ReadFile(file); err != nil || string(text) != "a\nb\n" {
		t.Fatalf("update wrote %q, %v; want the text with a final newline", text, err)
	}

	var same record
	Check(&same, file, "a\nb\n", false)
	if len(same.errors)+len(same.fatals) != 0 {
		t.Errorf("the same text was refused: %+v", same)
	}

	var differs record
	Check(&differs, file, "a\nc\n", false)
	if len(differs.errors) != 1 || !strings.Contains(differs.errors[0], "-b\n+c\n") {
		t.Errorf("a difference was not shown: %+v", differs)
	}
}
