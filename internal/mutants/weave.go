package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Environment names the mutant that is awake in a woven program; none is where it is
// unset.
const Environment = "IDLESCALE_MUTANT"

// alive is what a woven package asks for the name.
const alive = "mutantAwake"

// Weave returns the files of the tree at root that hold every mutant of the list
// side by side, each asleep, and the names of those that are in them. A function
// that mutants edit begins, for each of them, with its edited body behind a
// question whether that one is awake: one program then stands for all of them, and
// what is compiled and linked once is asked hundreds of times.
//
// A mutant with an edit outside of any function body, such as a constant's value,
// is left out, and so is one in a function with labels, which cannot stand twice:
// those take a program of their own.
func Weave(root string, list []Mutant) (texts map[string]string, woven map[string]bool, err error) {
	files := map[string]*fabric{}
	woven = map[string]bool{}
	for _, m := range list {
		bodies, err := m.bodies(root, files)
		if err != nil {
			return nil, nil, err
		}
		if bodies == nil {
			continue
		}
		woven[m.Name] = true
		for at, text := range bodies {
			at.file.add(at.body, m.Name, text)
		}
	}
	texts = map[string]string{}
	for name, f := range files {
		if f.threads == nil {
			continue
		}
		texts[name] = f.String()
		texts[path.Join(path.Dir(name), "mutant_awake.go")] = fmt.Sprintf(
			"package %s\n\nimport \"os\"\n\nvar %s = os.Getenv(%q)\n", f.pkg, alive, Environment)
	}
	return texts, woven, nil
}

// place is one function's body in one file.
type place struct {
	file *fabric
	body *ast.BlockStmt
}

// bodies returns the text of each function body that the mutant edits, as it reads
// with the edits, and nil where it cannot be woven.
func (m Mutant) bodies(root string, files map[string]*fabric) (map[place]string, error) {
	if _, err := m.Apply(root); err != nil {
		return nil, err
	}
	cuts := map[place][]cut{}
	for _, e := range m.edits() {
		f := files[e.File]
		if f == nil {
			var err error
			if f, err = spread(filepath.Join(root, filepath.FromSlash(e.File))); err != nil {
				return nil, err
			}
			files[e.File] = f
		}
		c := e.cut(f.text)
		body := f.around(c)
		if body == nil {
			return nil, nil
		}
		cuts[place{f, body}] = append(cuts[place{f, body}], c)
	}
	bodies := map[place]string{}
	for at, list := range cuts {
		bodies[at] = at.file.cutOut(at.body, list)
	}
	return bodies, nil
}

// cut is what an edit changes: an anchor holds more than that, to be unique.
type cut struct {
	from, to int // offsets in the file
	text     string
}

func (e Edit) cut(text string) cut {
	begin := strings.Index(text, e.Old)
	before, after, shorter := 0, 0, min(len(e.Old), len(e.New))
	for before < shorter && e.Old[before] == e.New[before] {
		before++
	}
	for after < shorter-before && e.Old[len(e.Old)-1-after] == e.New[len(e.New)-1-after] {
		after++
	}
	return cut{begin + before, begin + len(e.Old) - after, e.New[before : len(e.New)-after]}
}

// fabric is one source file, and what is to be woven into it.
type fabric struct {
	text, pkg string
	set       *token.FileSet
	functions []function
	threads   map[*ast.BlockStmt][]string
}

type function struct {
	body    *ast.BlockStmt
	results bool
}

func spread(file string) (*fabric, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := &fabric{text: string(text), set: token.NewFileSet()}
	parsed, err := parser.ParseFile(f.set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f.pkg = parsed.Name.Name
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			f.functions = append(f.functions, function{n.Body, n.Type.Results != nil})
			return false
		case *ast.FuncLit: // in the value of a variable: one in a function is part of it
			f.functions = append(f.functions, function{n.Body, n.Type.Results != nil})
			return false
		}
		return true
	})
	return f, nil
}

func (f *fabric) offset(at token.Pos) int { return f.set.Position(at).Offset }

// around returns the function's body that a cut is in, or nil.
func (f *fabric) around(c cut) *ast.BlockStmt {
	for _, fn := range f.functions {
		if fn.body != nil && f.offset(fn.body.Lbrace) < c.from && c.to <= f.offset(fn.body.Rbrace) && !labelled(fn.body) {
			return fn.body
		}
	}
	return nil
}

// cutOut is the text between a body's braces with the cuts made.
func (f *fabric) cutOut(body *ast.BlockStmt, cuts []cut) string {
	slices.SortFunc(cuts, func(a, b cut) int { return a.from - b.from })
	var out strings.Builder
	last := f.offset(body.Lbrace) + 1
	for _, c := range cuts {
		out.WriteString(f.text[last:c.from])
		out.WriteString(c.text)
		last = c.to
	}
	out.WriteString(f.text[last:f.offset(body.Rbrace)])
	return out.String()
}

func labelled(body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		_, label := n.(*ast.LabeledStmt)
		found = found || label
		return !found
	})
	return found
}

// add weaves a body in, to be run while the mutant is awake.
func (f *fabric) add(body *ast.BlockStmt, name, text string) {
	// A body with results ends in a return of its own.
	i := slices.IndexFunc(f.functions, func(fn function) bool { return fn.body == body })
	if !f.functions[i].results {
		text += "\nreturn\n"
	}
	if f.threads == nil {
		f.threads = map[*ast.BlockStmt][]string{}
	}
	f.threads[body] = append(f.threads[body], fmt.Sprintf("\nif %s == %q {%s}\n", alive, name, text))
}

// String is the file with all that was woven in.
func (f *fabric) String() string {
	var out strings.Builder
	last := 0
	for _, fn := range f.functions { // in the order of the file
		if threads := f.threads[fn.body]; threads != nil {
			at := f.offset(fn.body.Lbrace) + 1
			out.WriteString(f.text[last:at])
			last = at
			for _, t := range threads {
				out.WriteString(t)
			}
		}
	}
	out.WriteString(f.text[last:])
	return out.String()
}
