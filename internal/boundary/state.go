package boundary

import (
	"go/ast"
	"go/doc"
	"go/token"
	"slices"
	"strings"
)

// CheckState finds package-level variables that can change, init functions and
// panics in what ships and in the kits. Sentinel errors, tables that are only
// read, and assertions that a type implements a contract are variables by the
// language's need alone.
func CheckState(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		if k := KindOf(p.Dir); k != Shipped && k != Kit {
			continue
		}
		for _, f := range p.Files {
			if f.Test || f.Generated {
				continue
			}
			found = append(found, stateOf(t, p, f)...)
		}
	}
	return found
}

func stateOf(t *Tree, p *Package, f *File) []Finding {
	var found []Finding
	for _, d := range f.AST.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.VAR && !embeds(d) {
				found = append(found, variables(t, p, d)...)
			}
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				found = append(found, Finding{t.where(d.Pos()), "an init function",
					"importing a package must do nothing; what needs setting up has a constructor"})
			}
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && isName(call.Fun, "panic") {
			found = append(found, Finding{t.where(call.Pos()), "a call of panic",
				"a controller that panics stops looking after every service of its process; return an error"})
		}
		return true
	})
	return found
}

// variables finds those of a declaration that can change.
func variables(t *Tree, p *Package, d *ast.GenDecl) []Finding {
	var found []Finding
	for _, s := range d.Specs {
		v := s.(*ast.ValueSpec) //nolint:errcheck // a var declaration holds nothing else
		for i, name := range v.Names {
			if name.Name == "_" || i < len(v.Values) && (isSentinel(name.Name, v.Type, v.Values[i]) || isTable(p, name, v.Values[i])) {
				continue
			}
			found = append(found, Finding{t.where(name.Pos()), "package-level variable " + name.Name,
				"state that two controllers share, or that a test changes under another, is nobody's; " +
					"make it a field, a constant or a function"})
		}
	}
	return found
}

// isSentinel recognises Err… = errors.New(…), = fmt.Errorf(…), and an Err… that
// is declared to be an error and has its value there.
func isSentinel(name string, typ, value ast.Expr) bool {
	if !strings.HasPrefix(name, "Err") && !strings.HasPrefix(name, "err") {
		return false
	}
	if isName(typ, "error") {
		return true
	}
	call, ok := value.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (isName(sel.X, "errors") && sel.Sel.Name == "New" || isName(sel.X, "fmt") && sel.Sel.Name == "Errorf")
}

// isTable recognises an unexported literal that its package only looks things up
// in: every use of its name is x[i] as a value, range x, or len(x). Handing it
// on, slicing it or taking an address would let somebody write to it.
func isTable(p *Package, name *ast.Ident, value ast.Expr) bool {
	if _, literal := value.(*ast.CompositeLit); !literal || name.IsExported() {
		return false
	}
	reads, uses := 0, -1 // the declaration names it too
	for _, f := range p.Files {
		ast.Inspect(f.AST, func(n ast.Node) bool {
			reads += readsOf(n, name.Name)
			if id, ok := n.(*ast.Ident); ok && id.Name == name.Name {
				uses++
			}
			return true
		})
	}
	return reads == uses
}

// readsOf counts what one piece of syntax reads of a table, less what it writes.
func readsOf(n ast.Node, table string) int {
	switch n := n.(type) {
	case *ast.IndexExpr:
		return named(table, n.X)
	case *ast.RangeStmt:
		return named(table, n.X)
	case *ast.CallExpr:
		if isName(n.Fun, "len") {
			return named(table, n.Args...)
		}
	case *ast.AssignStmt:
		return -elements(table, n.Lhs...)
	case *ast.IncDecStmt:
		return -elements(table, n.X)
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return -elements(table, n.X)
		}
	}
	return 0
}

// named counts the expressions that are the name.
func named(name string, exprs ...ast.Expr) int {
	n := 0
	for _, e := range exprs {
		if isName(e, name) {
			n++
		}
	}
	return n
}

// elements counts the expressions that are an element of the table.
func elements(table string, exprs ...ast.Expr) int {
	n := 0
	for _, e := range exprs {
		if x, ok := e.(*ast.IndexExpr); ok {
			n += named(table, x.X)
		}
	}
	return n
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// CheckExamples finds exported constructors that no example runs. An example
// without an Output comment is compiled and never run, so it does not count.
func CheckExamples(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		if k := KindOf(p.Dir); k != Shipped && k != Kit {
			continue
		}
		shown := examplesOf(p)
		for _, f := range p.Files {
			if f.Test || f.Generated {
				continue
			}
			for _, d := range f.AST.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if ok && isConstructor(fn) && !shown[fn.Name.Name] {
					found = append(found, Finding{t.where(fn.Pos()),
						"no Example" + fn.Name.Name + " with an Output comment",
						"a constructor is where a reader begins, and an example that runs cannot go stale"})
				}
			}
		}
	}
	return found
}

// examplesOf names what the package's runnable examples show; a package example
// shows New.
func examplesOf(p *Package) map[string]bool {
	var tests []*ast.File
	for _, f := range p.Files {
		if f.Test {
			tests = append(tests, f.AST)
		}
	}
	shown := map[string]bool{}
	for _, e := range doc.Examples(tests...) {
		if e.Output == "" && !e.EmptyOutput {
			continue
		}
		name, _, _ := strings.Cut(e.Name, "_")
		if name == "" {
			name = "New"
		}
		shown[name] = true
	}
	return shown
}

func isConstructor(fn *ast.FuncDecl) bool {
	rest, ok := strings.CutPrefix(fn.Name.Name, "New")
	return ok && fn.Recv == nil && fn.Type.Results != nil && (rest == "" || ast.IsExported(rest))
}

// embeds tells a declaration that go:embed fills: the language wants a variable there.
func embeds(d *ast.GenDecl) bool {
	return d.Doc != nil && slices.ContainsFunc(d.Doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}
