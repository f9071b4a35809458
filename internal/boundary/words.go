package boundary

import (
	"go/ast"
	"go/token"
	"path"
	"strings"
	"unicode"
)

// words are those that this module does not use for its own things, each with
// the one it uses instead. One name per thing: a reader who meets "instance"
// beside "task" has to find out whether they differ.
func words() map[string]string {
	say := map[string]string{
		"app":      "application",
		"instance": "task",
		"replica":  "task",
		"node":     "task",
		"worker":   "task or process",
		"kill":     "stop, end or cut",
		"evict":    "drain",
		"tick":     "pass or interval",
		"helper":   "the name of what it does",
		"util":     "the name of what it does",
		"manager":  "the name of what it does",
	}
	for word, instead := range map[string]string{
		"killed": say["kill"], "killing": say["kill"], "kills": say["kill"], "killer": say["kill"],
		"evicted": say["evict"], "evicting": say["evict"], "eviction": say["evict"], "evicts": say["evict"],
		"ticker": say["tick"], "ticking": say["tick"], "utils": say["util"], "utility": say["util"],
	} {
		say[word] = instead
	}
	for _, word := range []string{"app", "instance", "replica", "node", "worker", "tick", "helper", "manager"} {
		say[word+"s"] = say[word]
	}
	return say
}

// Exception lets one text use a word, and says why.
type Exception struct {
	Path   string // a file, or a directory with a trailing slash; empty for all
	Text   string // what the identifier is, or what the comment line holds; empty for all
	Reason string
}

// Exceptions are the words that others chose.
func Exceptions() []Exception {
	return []Exception{
		{"", "Killed", "the field that a score is read for first; its key in JSON is fixed"},
		{"", "killed", "the same, where its key is decoded or named"},
		{"", "container instance", "an ECS noun: the host of a task on EC2"},
		{"", "ContainerInstance", "an ECS field"},
		{"", "REPLICA", "an ECS scheduling strategy"},
		{"", "Helper", "the method of testing.T"},
		{"autoscaler/autoscalermock/", "isgomock", "gomock's own field"},
		{"internal/boundary/", "", "the rule has to name what it forbids"},
	}
}

// CheckWords finds the words in the identifiers that the tree declares, in its
// comments and in its file names. Identifiers that are only used belong to
// whoever declared them.
func CheckWords(t *Tree) []Finding {
	say := words()
	var found []Finding
	for _, p := range t.Packages {
		for _, f := range p.Files {
			note := func(where, text string, exact bool) {
				for _, word := range split(text) {
					if instead, bad := say[word]; bad && !excepted(f.Name, text, exact) {
						found = append(found, Finding{where, "the word " + word + " in " + text,
							"here one says " + instead})
					}
				}
			}
			note(f.Name, path.Base(f.Name), true)
			if f.Generated {
				continue
			}
			for _, id := range declared(f.AST) {
				note(t.where(id.Pos()), id.Name, true)
			}
			for _, group := range f.AST.Comments {
				commentWords(t, group, note)
			}
		}
	}
	return found
}

// commentWords looks at a comment line by line, so that an exception covers a
// line and not a page.
func commentWords(t *Tree, group *ast.CommentGroup, note func(where, text string, exact bool)) {
	for _, c := range group.List {
		if strings.HasPrefix(c.Text, "//nolint:") || strings.HasPrefix(c.Text, "//go:") {
			continue
		}
		for line := range strings.SplitSeq(c.Text, "\n") {
			note(t.where(c.Pos()), strings.TrimSpace(line), false)
		}
	}
}

// excepted reports that an exception covers a text: an identifier must be the
// exception's text, a comment line must hold it.
func excepted(file, text string, exact bool) bool {
	for _, e := range Exceptions() {
		inside := e.Path == "" || e.Path == file || strings.HasSuffix(e.Path, "/") && strings.HasPrefix(file, e.Path)
		said := e.Text == "" || e.Text == text || !exact && strings.Contains(text, e.Text)
		if inside && said {
			return true
		}
	}
	return false
}

// split breaks a text into lower-case words, identifiers at their capitals too.
func split(text string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	letters := []rune(text)
	for i, r := range letters {
		if !unicode.IsLetter(r) {
			flush()
			continue
		}
		lowerNext := i+1 < len(letters) && unicode.IsLower(letters[i+1])
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(letters[i-1]) || lowerNext) {
			flush()
		}
		word = append(word, r)
	}
	flush()
	return out
}

// declared returns the names that a file introduces.
func declared(f *ast.File) []*ast.Ident {
	names := []*ast.Ident{f.Name}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name)
		case *ast.ValueSpec:
			names = append(names, n.Names...)
		case *ast.Field:
			names = append(names, n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				names = append(names, idents(n.Lhs...)...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				names = append(names, idents(n.Key, n.Value)...)
			}
		}
		return true
	})
	return names
}

func idents(exprs ...ast.Expr) []*ast.Ident {
	var names []*ast.Ident
	for _, e := range exprs {
		if id, ok := e.(*ast.Ident); ok {
			names = append(names, id)
		}
	}
	return names
}
