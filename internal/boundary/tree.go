// Package boundary holds the tree to its own plan: who may import whom, what
// stands at the top, what the module needs, what it exports, which words it
// uses, and that no package keeps state of its own. The rules are data and the
// checks are functions over parsed source; the tests apply them to the tree, and
// each of them to a small tree that breaks it.
package boundary

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is the parsed source of one module.
type Tree struct {
	Module   string // the module's path
	Files    *token.FileSet
	Packages []*Package // ordered by directory
}

// Package is one directory of Go source.
type Package struct {
	Dir   string // slash-separated, below the module's root; "." for the root
	Files []*File
}

// File is one Go file.
type File struct {
	Name      string // below the module's root, slash-separated
	Test      bool   // a _test.go file
	Generated bool   // carries the mark of generated code
	AST       *ast.File
}

// Finding is one place that breaks a rule, and why there is such a rule.
type Finding struct {
	Where  string // file:line, a package or a module
	What   string
	Reason string
}

// String returns "where: what; because reason".
func (f Finding) String() string { return f.Where + ": " + f.What + "; because " + f.Reason }

// Load parses the module that fsys holds at its root. Nested modules, hidden
// directories and testdata belong to somebody else and are left out.
func Load(fsys fs.FS) (*Tree, error) {
	module, err := moduleOf(fsys)
	if err != nil {
		return nil, err
	}
	t := &Tree{Module: module, Files: token.NewFileSet()}
	byDir := map[string]*Package{}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return enter(fsys, name)
		case path.Ext(name) != ".go":
			return nil
		}
		file, err := t.parse(fsys, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byDir[dir] == nil {
			byDir[dir] = &Package{Dir: dir}
			t.Packages = append(t.Packages, byDir[dir])
		}
		byDir[dir].Files = append(byDir[dir].Files, file)
		return nil
	})
	slices.SortFunc(t.Packages, func(a, b *Package) int { return strings.Compare(a.Dir, b.Dir) })
	return t, err
}

// LoadDir parses the module at root.
func LoadDir(root string) (*Tree, error) { return Load(os.DirFS(root)) }

// Root returns the module's directory, seen from a test's.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("boundary: no go.mod above the working directory; run inside the module")
		}
		dir = up
	}
}

// enter says whether a directory is walked.
func enter(fsys fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	base := path.Base(dir)
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (t *Tree) parse(fsys fs.FS, name string) (*File, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseFile(t.Files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("boundary: %s does not parse: %w", name, err)
	}
	return &File{
		Name: name, AST: tree,
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(tree),
	}, nil
}

// moduleOf reads the module's path from its go.mod.
func moduleOf(fsys fs.FS) (string, error) {
	f, err := fsys.Open("go.mod")
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("boundary: go.mod names no module: %w", lines.Err())
}

// where renders a position as file:line.
func (t *Tree) where(pos token.Pos) string {
	p := t.Files.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// Kind sorts packages by who may know them.
type Kind int

// The kinds of package.
const (
	Shipped  Kind = iota // what users build into their programs
	Kit                  // what users' tests and backtests import: simulators, suites, mocks
	Example              // programs that show the rest
	Internal             // what holds the module to its word; seen by nobody outside
)

// KindOf tells a package's kind from its directory.
func KindOf(dir string) Kind {
	top, _, _ := strings.Cut(dir, "/")
	base := path.Base(dir)
	switch {
	case top == "examples":
		return Example
	case top == "internal":
		return Internal
	case dir == "policy/backtest" || dir == "ecsadapter/ecssim": // kits whose names do not say it
		return Kit
	case isSuite(dir) || strings.HasSuffix(base, "mock"):
		return Kit
	}
	return Shipped
}

// isSuite tells a package of conformance suites.
func isSuite(dir string) bool { return strings.HasSuffix(path.Base(dir), "test") }
