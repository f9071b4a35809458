package mutants

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Verdict says how a mutant fared.
type Verdict struct {
	Caught bool
	By     string // package and test that failed first
	Says   string // that test's first line of output
}

// Try lays the mutant over the tree at root and asks its packages' tests, one
// after the other, until one notices. scratch is an empty directory of the
// caller's. An error means that the question was not answered: the edit does not
// apply, or the result does not compile.
func (m Mutant) Try(ctx context.Context, root, scratch string) (Verdict, error) {
	if m.Inside {
		v, err := m.ask(ctx, root, scratch, true, m.Packages[0])
		if err != nil || v.Caught {
			return v, err
		}
	}
	for _, p := range m.Packages {
		v, err := m.ask(ctx, root, scratch, false, p)
		if err != nil || v.Caught {
			return v, err
		}
	}
	return Verdict{}, nil
}

func (m Mutant) ask(ctx context.Context, root, scratch string, inside bool, packages string, flags ...string) (Verdict, error) {
	overlay, err := m.overlay(root, scratch, inside)
	if err != nil {
		return Verdict{}, err
	}
	args := []string{"-overlay", overlay}
	if m.Run != "" {
		args = append(args, "-run", m.Run)
	}
	return test(ctx, m.Name, root, append(append(args, packages), flags...))
}

// Base runs the tests of the packages as they are. Where one fails already, no
// mutant can be said to be caught by any.
func Base(ctx context.Context, root, packages string) error {
	v, err := test(ctx, "without an edit", root, []string{packages})
	if err == nil && v.Caught {
		err = fmt.Errorf("mutants: %s fails without any edit, so its failing tells nothing: %s", v.By, v.Says)
	}
	return err
}

// test runs go test and reads what it says.
func test(ctx context.Context, name, root string, args []string) (Verdict, error) {
	// -failfast: one failing test is an answer. Vet is off, since what it finds
	// in a mutant is not a test that holds the rule.
	args = append([]string{"test", "-json", "-failfast", "-count=1", "-vet=off", "-timeout=30m"}, args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	var noise bytes.Buffer
	cmd.Stderr = &noise
	out, failed := cmd.Output()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) {
		return Verdict{}, fmt.Errorf("mutants: %s: %w", name, failed)
	}
	v, ran, err := read(out)
	switch {
	case err != nil:
		return v, fmt.Errorf("mutants: %s: %w", name, err)
	case ran == 0:
		return v, fmt.Errorf("mutants: %s: no test ran, so nothing was asked:\n%s%s", name, out, noise.Bytes())
	case failed != nil && !v.Caught:
		return v, fmt.Errorf("mutants: %s: go test failed but no test did:\n%s%s", name, out, noise.Bytes())
	}
	return v, nil
}

// overlay writes the edited files and the map that go test takes.
func (m Mutant) overlay(root, scratch string, inside bool) (string, error) {
	texts, err := m.Apply(root)
	if err != nil {
		return "", err
	}
	replace := make(map[string]string, len(texts))
	for name, text := range texts {
		edited := filepath.Join(scratch, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(name))] = edited
	}
	if inside {
		if err := without(replace, filepath.Join(root, filepath.FromSlash(path.Dir(m.File)))); err != nil {
			return "", err
		}
	}
	doc, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(scratch, "overlay.json")
	return file, os.WriteFile(file, doc, 0o600)
}

// without lays the external tests of a directory away: in an overlay an empty
// path is a file that is not there.
func without(replace map[string]string, dir string) error {
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range tests {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		if strings.HasSuffix(f.Name.Name, "_test") {
			replace[file] = ""
		}
	}
	return nil
}

// event is one line of go test -json.
type event struct{ Action, Package, Test, Output string }

// read finds the first test that failed, and counts those that ran. A subtest's
// failure is told before its parent's, so the first is the one that says most.
func read(out []byte) (v Verdict, ran int, err error) {
	said := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return v, ran, fmt.Errorf("go test printed no event: %s", lines.Bytes())
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "build-fail":
			return v, ran, fmt.Errorf("the edit does not compile:\n%s", out)
		case "run":
			ran++
		case "output":
			if telling(e.Output) && said[key] == "" {
				said[key] = strings.TrimSpace(e.Output)
			}
		case "fail":
			if e.Test != "" && !v.Caught {
				v = Verdict{Caught: true, By: key, Says: said[key]}
			}
		}
	}
	return v, ran, lines.Err()
}

// telling skips the lines that go test prints about tests.
func telling(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---")
}
