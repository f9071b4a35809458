// Package golden compares what a test produced with a text that is kept beside
// the test, and shows the lines that differ.
package golden

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// T is what Check needs of *testing.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Check compares got with the text in file and fails with the lines that were
// added and lost. With update it writes got to file instead, so that the change
// shows in a review: a golden file records what was agreed, it does not prove
// that the agreement was right.
//
// A file that is missing is a failure, not an empty agreement. Line ends are
// compared as they are, except that a final newline is supplied where it lacks.
func Check(t T, file, got string, update bool) {
	t.Helper()
	got = ended(got)
	if update {
		write(t, file, got)
		return
	}
	kept, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("golden: %s does not exist; run the test with -update to write it, then read it", file)
		return
	}
	if err != nil {
		t.Fatalf("golden: %v", err)
		return
	}
	if d := Diff(ended(string(kept)), got); d != "" {
		t.Errorf("golden: %s no longer says what is there (- agreed, + found); "+
			"if the change is meant, run the test with -update:\n%s", file, d)
	}
}

func write(t T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatalf("golden: %v", err)
		return
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatalf("golden: %v", err)
		return
	}
	t.Logf("golden: wrote %s", file)
}

func ended(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// Diff returns the lines of old that new lacks, each after "-", and the lines
// that new has besides, each after "+", in the order of the texts. It is empty
// when the texts are the same.
//
// A common start and end are cut off first and what is left is matched by the
// longest common run of lines, which is quadratic: golden texts are short and
// their changes shorter.
func Diff(old, new string) string {
	if old == new {
		return ""
	}
	a, b := strings.SplitAfter(old, "\n"), strings.SplitAfter(new, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return merge(a, b, common(a, b))
}

// common fills the table of the longest common subsequence: at [i][j] stands how
// many lines a[i:] and b[j:] share.
func common(a, b []string) [][]int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}

func merge(a, b []string, table [][]int) string {
	var out strings.Builder
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && table[i+1][j] >= table[i][j+1]:
			fmt.Fprintf(&out, "-%s\n", strings.TrimSuffix(a[i], "\n"))
			i++
		default:
			fmt.Fprintf(&out, "+%s\n", strings.TrimSuffix(b[j], "\n"))
			j++
		}
	}
	return out.String()
}
