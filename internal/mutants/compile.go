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
		for _, e := range m.edits() {
			if dir := "./" + path.Dir(e.File); !slices.Contains(args, dir) {
				args = append(args, dir)
			}
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

// Check type-checks each of the mutant's packages with the edits in it.
func (c *Compiler) Check(m Mutant) error {
	texts, err := m.Apply(c.root)
	if err != nil {
		return err
	}
	checked := map[string]bool{}
	for _, e := range m.edits() {
		dir := path.Dir(e.File)
		if !slices.Contains(c.sources[filepath.Join(c.root, filepath.FromSlash(dir))], path.Base(e.File)) {
			return fmt.Errorf("mutants: %s: %s is no source of its package", m.Name, e.File)
		}
		if checked[dir] {
			continue
		}
		checked[dir] = true
		if err := c.compile(dir, texts); err != nil {
			return fmt.Errorf("mutants: %s: %w", m.Name, err)
		}
	}
	return nil
}

// compile checks one package, with the texts given in place of its files of their names.
func (c *Compiler) compile(dir string, texts map[string]string) error {
	full := filepath.Join(c.root, filepath.FromSlash(dir))
	var files []*ast.File
	for _, name := range c.sources[full] {
		var src any
		if text, edited := texts[path.Join(dir, name)]; edited {
			src = text
		}
		f, err := parser.ParseFile(c.files, filepath.Join(full, name), src, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("the edit does not parse: %w", err)
		}
		files = append(files, f)
	}
	config := types.Config{Importer: c.imports}
	if _, err := config.Check(dir, c.files, files, nil); err != nil {
		return fmt.Errorf("the edit does not compile: %w", err)
	}
	return nil
}
