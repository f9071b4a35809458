package mutants

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Verdict says how a mutant fared.
type Verdict struct {
	Caught bool
	By     string // package and test that failed first
	Says   string // that test's first line of output
}

// Bench holds a tree with its mutants woven in, and the test programs built from it.
// Its methods may be called from several goroutines.
type Bench struct {
	root, scratch string
	woven         map[string]bool
	overlay       string

	mu       sync.Mutex
	programs map[string]*program // by package
}

// NewBench weaves the mutants into the tree at root. scratch is an empty directory of
// the caller's.
func NewBench(root, scratch string, list []Mutant) (*Bench, error) {
	texts, woven, err := Weave(root, list)
	if err != nil {
		return nil, err
	}
	overlay, err := layOver(root, scratch, texts)
	if err != nil {
		return nil, err
	}
	return &Bench{root: root, scratch: scratch, woven: woven, overlay: overlay, programs: map[string]*program{}}, nil
}

// Base runs the tests of the packages while every mutant is asleep. Where one fails
// already, no mutant can be said to be caught by any. From then on the tests that take
// long are asked last.
func (b *Bench) Base(ctx context.Context, packages string) error {
	p, err := b.program(ctx, packages)
	if err != nil {
		return err
	}
	told, err := p.run(ctx, "")
	if err != nil {
		return err
	}
	if v := told.verdict; v.Caught {
		return fmt.Errorf("mutants: %s fails without any edit, so its failing tells nothing: %s", v.By, v.Says)
	}
	if len(told.slow) > 0 && len(told.slow) < told.tests {
		p.late = "^(" + strings.Join(told.slow, "|") + ")$"
	}
	return nil
}

// Try asks the tests of the mutant's packages, one package after the other, until one
// notices. An error means that the question was not answered.
func (b *Bench) Try(ctx context.Context, m Mutant) (Verdict, error) {
	for _, packages := range m.Packages {
		p, err := b.awake(ctx, m, packages)
		if err != nil {
			return Verdict{}, err
		}
		phases := []string{"-test.skip=" + p.late, "-test.run=" + p.late}
		if p.late == "" {
			phases = []string{"-test.run="}
		}
		for _, phase := range phases {
			if told, err := p.run(ctx, m.Name, phase); err != nil || told.verdict.Caught {
				return told.verdict, err
			}
		}
	}
	return Verdict{}, nil
}

// Ask runs the tests of a package that a pattern matches with the mutant awake.
// Arguments go to the tests.
func (b *Bench) Ask(ctx context.Context, m Mutant, packages, pattern string, args ...string) (Verdict, error) {
	p, err := b.awake(ctx, m, packages)
	if err != nil {
		return Verdict{}, err
	}
	told, err := p.run(ctx, m.Name, append([]string{"-test.run=" + pattern}, args...)...)
	return told.verdict, err
}

// awake returns the test program of a package in which the mutant can be woken: the one
// that all share, or one of its own for a mutant that cannot be woven in.
func (b *Bench) awake(ctx context.Context, m Mutant, packages string) (*program, error) {
	shared, err := b.program(ctx, packages)
	if err != nil || b.woven[m.Name] {
		return shared, err
	}
	own, err := b.apart(ctx, m, packages)
	if err == nil {
		own.late = shared.late
	}
	return own, err
}

// program returns the test program of a package, built on the first call.
func (b *Bench) program(ctx context.Context, packages string) (*program, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.programs[packages]; p != nil {
		return p, nil
	}
	p, err := build(ctx, b.root, b.scratch, b.overlay, packages)
	if err == nil {
		b.programs[packages] = p
	}
	return p, err
}

// apart builds a program for a mutant that cannot be woven in.
func (b *Bench) apart(ctx context.Context, m Mutant, packages string) (*program, error) {
	texts, err := m.Apply(b.root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.scratch, "apart")
	if err != nil {
		return nil, err
	}
	overlay, err := layOver(b.root, dir, texts)
	if err != nil {
		return nil, err
	}
	return build(ctx, b.root, dir, overlay, packages)
}

// layOver writes edited files and the map that the go command takes.
func layOver(root, dir string, texts map[string]string) (string, error) {
	replace := make(map[string]string, len(texts))
	for name, text := range texts {
		edited := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(name))] = edited
	}
	doc, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, doc, 0o600)
}

// program is the compiled tests of one package.
type program struct {
	name, dir string // the package's import path and directory
	file      string
	late      string // matches the tests that take long; empty for none
}

// slow is how many seconds make a test one that is asked last.
const slow = 0.5

func build(ctx context.Context, root, dir, overlay, packages string) (*program, error) {
	out, err := goCommand(ctx, root, "list", "-f", "{{.ImportPath}}\n{{.Dir}}", packages)
	if err != nil {
		return nil, err
	}
	p := &program{}
	p.name, p.dir, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	p.file = filepath.Join(dir, strings.ReplaceAll(p.name, "/", "-")+".test")
	// Vet is off, since what it finds in a mutant is not a test that holds the rule.
	if _, err := goCommand(ctx, root, "test", "-c", "-vet=off", "-overlay", overlay, "-o", p.file, packages); err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.file); err != nil {
		return nil, fmt.Errorf("mutants: %s has no tests: %w", p.name, err)
	}
	return p, nil
}

func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	var noise bytes.Buffer
	cmd.Stderr = &noise
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("mutants: go %s: %w\n%s%s", args[0], err, out, noise.Bytes())
	}
	return out, nil
}

// run runs the program with a mutant awake, or none, and reads what it says.
func (p *program) run(ctx context.Context, name string, args ...string) (told report, err error) {
	// -failfast: one failing test is an answer.
	args = append([]string{"-test.v=test2json", "-test.failfast", "-test.timeout=30m"}, args...)
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "test2json", "-t", "-p", p.name, p.file}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), Environment+"="+name)
	var noise bytes.Buffer
	cmd.Stderr = &noise
	out, failed := cmd.Output()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) {
		return told, fmt.Errorf("mutants: %s: %w", name, failed)
	}
	told, err = read(out)
	switch {
	case err != nil:
		return told, fmt.Errorf("mutants: %s: %w", name, err)
	case told.ran == 0:
		return told, fmt.Errorf("mutants: %s: no test ran, so nothing was asked:\n%s%s", name, out, noise.Bytes())
	case failed != nil && !told.verdict.Caught:
		return told, fmt.Errorf("mutants: %s: the tests failed but none of them did:\n%s%s", name, out, noise.Bytes())
	}
	return told, nil
}

// report is what a run of a test program told.
type report struct {
	verdict Verdict
	ran     int      // tests and subtests
	tests   int      // tests
	slow    []string // those that took long
}

// event is one line of what test2json prints.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// read finds the first test that failed, and counts those that ran. A subtest's
// failure is told before its parent's, so the first is the one that says most.
func read(out []byte) (told report, err error) {
	said := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return told, fmt.Errorf("the tests printed no event: %s", lines.Bytes())
		}
		key := e.Package + " " + e.Test
		if e.Elapsed > slow && e.Test != "" && !strings.Contains(e.Test, "/") {
			told.slow = append(told.slow, regexp.QuoteMeta(e.Test))
		}
		switch e.Action {
		case "run":
			told.ran++
			if !strings.Contains(e.Test, "/") {
				told.tests++
			}
		case "output":
			if telling(e.Output) && said[key] == "" {
				said[key] = strings.TrimSpace(e.Output)
			}
		case "fail":
			if e.Test != "" && !told.verdict.Caught {
				told.verdict = Verdict{Caught: true, By: key, Says: said[key]}
			}
		}
	}
	return told, lines.Err()
}

// telling skips the lines that go test prints about tests.
func telling(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---")
}
