package boundary

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"slices"
	"strings"
)

// Surface lists what the packages that users can import export, one line per
// name with its signature, sorted: the module's promise in the form in which a
// review can see it change.
//
// The lines are printed from the source and not from types: so a package whose
// neighbour does not compile at the moment can still be listed.
func Surface(t *Tree) string {
	var lines []string
	for _, p := range t.Packages {
		if k := KindOf(p.Dir); k != Shipped && k != Kit {
			continue
		}
		for _, d := range p.decls() {
			for _, line := range exported(d) {
				lines = append(lines, p.Dir+": "+line)
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

// decls returns the package's declarations outside tests.
func (p *Package) decls() []ast.Decl {
	var all []ast.Decl
	for _, f := range p.Files {
		if !f.Test {
			all = append(all, f.AST.Decls...)
		}
	}
	return all
}

// Count returns how many types and top-level functions a package exports.
func Count(t *Tree, dir string) (types, funcs int) {
	for _, p := range t.Packages {
		if p.Dir != dir {
			continue
		}
		for _, d := range p.decls() {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() {
					funcs++
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
						types++
					}
				}
			}
		}
	}
	return types, funcs
}

// exported renders the exported names of one declaration.
func exported(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return exportedFunc(d)
	case *ast.GenDecl:
		var lines []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				lines = append(lines, exportedType(s)...)
			case *ast.ValueSpec:
				lines = append(lines, exportedValues(d.Tok, s)...)
			}
		}
		return lines
	}
	return nil
}

func exportedFunc(d *ast.FuncDecl) []string {
	if !d.Name.IsExported() {
		return nil
	}
	line := d.Name.Name + strings.TrimPrefix(oneLine(d.Type), "func")
	if d.Recv == nil {
		return []string{"func " + line}
	}
	recv := oneLine(d.Recv.List[0].Type)
	if !ast.IsExported(strings.TrimLeft(recv, "*")) {
		return nil
	}
	return []string{"method (" + recv + ") " + line}
}

func exportedValues(tok token.Token, s *ast.ValueSpec) []string {
	var lines []string
	for i, name := range s.Names {
		if !name.IsExported() {
			continue
		}
		line := tok.String() + " " + name.Name
		if s.Type != nil {
			line += " " + oneLine(s.Type)
		}
		// A constant's value is part of the promise: codes and states are stored.
		if tok == token.CONST && i < len(s.Values) {
			line += " = " + oneLine(s.Values[i])
		}
		lines = append(lines, line)
	}
	return lines
}

func exportedType(s *ast.TypeSpec) []string {
	if !s.Name.IsExported() {
		return nil
	}
	name := s.Name.Name
	if s.TypeParams != nil {
		name += "[" + fieldList(s.TypeParams) + "]"
	}
	switch typ := s.Type.(type) {
	case *ast.StructType:
		return append([]string{"type " + name + " struct"}, members(s.Name.Name, typ.Fields)...)
	case *ast.InterfaceType:
		return append([]string{"type " + name + " interface"}, members(s.Name.Name, typ.Methods)...)
	}
	equals := ""
	if s.Assign.IsValid() {
		equals = "= "
	}
	return []string{"type " + name + " " + equals + oneLine(s.Type)}
}

// members renders the exported fields of a struct with their tags, and the
// methods of an interface.
func members(owner string, fields *ast.FieldList) []string {
	var lines []string
	for _, f := range fields.List {
		text := oneLine(f.Type)
		if _, method := f.Type.(*ast.FuncType); method {
			text = strings.TrimPrefix(text, "func")
		}
		if f.Tag != nil {
			text += " " + f.Tag.Value
		}
		if len(f.Names) == 0 {
			lines = append(lines, fmt.Sprintf("type %s, embeds %s", owner, text))
		}
		for _, n := range f.Names {
			if n.IsExported() {
				space := " "
				if strings.HasPrefix(text, "(") && f.Tag == nil {
					space = ""
				}
				lines = append(lines, fmt.Sprintf("type %s, %s%s%s", owner, n.Name, space, text))
			}
		}
	}
	return lines
}

func fieldList(fields *ast.FieldList) string {
	parts := make([]string, 0, len(fields.List))
	for _, f := range fields.List {
		names := make([]string, 0, len(f.Names))
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
		parts = append(parts, strings.Join(names, ", ")+" "+oneLine(f.Type))
	}
	return strings.Join(parts, ", ")
}

// oneLine prints syntax without comments and line breaks.
func oneLine(node ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		return "?" // printing to memory fails only on a node that is no syntax
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
