package mutants

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
)

// Compiler checks edited packages against the export data of what they import,
// which the build cache holds: a mutant takes milliseconds and no process.
type Compiler struct {
	root    string
	files   *token.FileSet
	sources map[string][]string // the Go files of a directory, as go list selects them
	imports types.Importer
}

// listed is what go list tells of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// NewCompiler asks the go command for the packages of the mutants, in the tree
// at root.
func NewCompiler(root string, list []Mutant) (*Compiler, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles"}
	for _, m := range list {
		if dir := "./" + path.Dir(m.File); !slices.Contains(args, dir) {
			args = append(args, dir)
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var noise bytes.Buffer
	cmd.Stderr = &noise
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("mutants: go list: %w\n%s", err, noise.Bytes())
	}
	exports := map[string]string{}
	c := &Compiler{root: root, files: token.NewFileSet(), sources: map[string][]string{}}
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("mutants: go list: %w", err)
		}
		exports[p.ImportPath] = p.Export
		c.sources[p.Dir] = p.GoFiles
	}
	c.imports = importer.ForCompiler(c.files, "gc", func(name string) (io.ReadCloser, error) {
		return os.Open(exports[name])
	})
	return c, nil
}

// Check type-checks the mutant's package with the edit in it.
func (c *Compiler) Check(m Mutant) error {
	text, err := m.Apply(c.root)
	if err != nil {
		return err
	}
	dir := filepath.Join(c.root, filepath.FromSlash(path.Dir(m.File)))
	var files []*ast.File
	edited := false
	for _, name := range c.sources[dir] {
		var src any
		if name == path.Base(m.File) {
			src, edited = text, true
		}
		f, err := parser.ParseFile(c.files, filepath.Join(dir, name), src, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("mutants: %s: the edit does not parse: %w", m.Name, err)
		}
		files = append(files, f)
	}
	if !edited {
		return fmt.Errorf("mutants: %s: %s is no source of its package", m.Name, m.File)
	}
	config := types.Config{Importer: c.imports}
	if _, err := config.Check(path.Dir(m.File), c.files, files, nil); err != nil {
		return fmt.Errorf("mutants: %s: the edit does not compile: %w", m.Name, err)
	}
	return nil
}
