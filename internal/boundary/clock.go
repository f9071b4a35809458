package boundary

import (
	"go/ast"
	"slices"
	"strings"
)

// clockCalls are the functions of package time that read the machine's clock or
// wait on it.
func clockCalls() []string {
	return []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}
}

// CheckTestClocks finds tests that look at the machine's clock or wait on it. In
// a file that imports testing/synctest they do so in a bubble, where time is
// virtual; a line that runs in a bubble of another file, or that needs a value with
// both of the machine's clocks, says so in a comment. Linters hold the rest of the
// code.
func CheckTestClocks(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if !f.Test || importsPath(f, "testing/synctest") || !importsPath(f, "time") {
				continue
			}
			said := linesSaying(t, f, "bubble", "both clocks")
			ast.Inspect(f.AST, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if ok && isName(sel.X, "time") && slices.Contains(clockCalls(), sel.Sel.Name) &&
					!said[t.Files.Position(sel.Pos()).Line] {
					found = append(found, Finding{t.where(sel.Pos()), "time." + sel.Sel.Name + " in a test",
						"a test that waits is slow and a test that looks at the clock fails on a busy machine; " +
							"use fixed instants, the simulator's clock or a synctest bubble"})
				}
				return true
			})
		}
	}
	return found
}

func importsPath(f *File, path string) bool {
	return slices.ContainsFunc(f.AST.Imports, func(s *ast.ImportSpec) bool { return strings.Trim(s.Path.Value, `"`) == path })
}

// linesSaying are the lines of a file with a comment that holds one of the texts.
func linesSaying(t *Tree, f *File, texts ...string) map[int]bool {
	lines := map[int]bool{}
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(c.Text, text) }) {
				lines[t.Files.Position(c.Pos()).Line] = true
			}
		}
	}
	return lines
}
