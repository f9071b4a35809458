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
		for fn, text := range bodies {
			fn.add(m.Name, text)
		}
	}
	texts = map[string]string{}
	for name, f := range files {
		text := f.String()
		if text == f.text {
			continue
		}
		texts[name] = text
		texts[path.Join(path.Dir(name), "mutant_awake.go")] = fmt.Sprintf(
			"package %s\n\nimport \"os\"\n\nvar %s = os.Getenv(%q)\n", f.pkg, alive, Environment)
	}
	return texts, woven, nil
}

// bodies returns the text of each function body that the mutant edits, as it reads
// with the edits, and nil where it cannot be woven.
func (m Mutant) bodies(root string, files map[string]*fabric) (map[*function]string, error) {
	if _, err := m.Apply(root); err != nil {
		return nil, err
	}
	cuts := map[*function][]cut{}
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
		fn := f.around(c)
		if fn == nil {
			return nil, nil
		}
		cuts[fn] = append(cuts[fn], c)
	}
	bodies := map[*function]string{}
	for fn, list := range cuts {
		bodies[fn] = fn.cutOut(list)
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

// fabric is one source file, with its functions in the order of the file.
type fabric struct {
	text, pkg string
	functions []*function
}

// function is one function's body, and what is to be woven into it.
type function struct {
	file     *fabric
	from, to int // what stands between its braces
	results  bool
	labels   bool
	threads  []string
}

func spread(file string) (*fabric, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &fabric{text: string(text), pkg: parsed.Name.Name}
	add := func(signature *ast.FuncType, body *ast.BlockStmt) {
		if body == nil { // written in another language
			return
		}
		f.functions = append(f.functions, &function{
			file: f, from: set.Position(body.Lbrace).Offset + 1, to: set.Position(body.Rbrace).Offset,
			results: signature.Results != nil, labels: labelled(body),
		})
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			add(n.Type, n.Body)
			return false
		case *ast.FuncLit: // in the value of a variable: one in a function is part of it
			add(n.Type, n.Body)
			return false
		}
		return true
	})
	return f, nil
}

func labelled(body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		_, label := n.(*ast.LabeledStmt)
		found = found || label
		return !found
	})
	return found
}

// around returns the function that a cut is in, or nil.
func (f *fabric) around(c cut) *function {
	for _, fn := range f.functions {
		if fn.from <= c.from && c.to <= fn.to && !fn.labels {
			return fn
		}
	}
	return nil
}

// cutOut is the function's body with the cuts made.
func (fn *function) cutOut(cuts []cut) string {
	slices.SortFunc(cuts, func(a, b cut) int { return a.from - b.from })
	var out strings.Builder
	last := fn.from
	for _, c := range cuts {
		out.WriteString(fn.file.text[last:c.from])
		out.WriteString(c.text)
		last = c.to
	}
	out.WriteString(fn.file.text[last:fn.to])
	return out.String()
}

// add weaves a body in, to be run while the mutant is awake.
func (fn *function) add(name, text string) {
	// A body with results ends in a return of its own.
	if !fn.results {
		text += "\nreturn\n"
	}
	fn.threads = append(fn.threads, fmt.Sprintf("\nif %s == %q {%s}\n", alive, name, text))
}

// String is the file with all that was woven in.
func (f *fabric) String() string {
	var out strings.Builder
	last := 0
	for _, fn := range f.functions {
		out.WriteString(f.text[last:fn.from])
		last = fn.from
		for _, t := range fn.threads {
			out.WriteString(t)
		}
	}
	out.WriteString(f.text[last:])
	return out.String()
}
