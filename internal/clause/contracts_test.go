package clause_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// paragraphs are the promises that every contract's comment makes, in order.
func paragraphs() []string {
	return []string{"Guarantee", "Concurrency", "Idempotency", "Cancellation", "Errors", "Suite"}
}

// required are the contracts that must be found, whatever else is.
func required() []string {
	return []string{
		"autoscaler.DrainWorkflow", "autoscaler.Policy", "autoscaler.Records", "autoscaler.Scaler",
		"autoscaler.SessionStore", "autoscaler.StateStore", "autoscaler.UtilizationSource",
		"sessionstore.DemandWriter", "sessionstore.Writer", "autoscaler.Journal", "workflow.Tasks",
	}
}

// contract is an interface with its comment, by paragraph.
type contract struct {
	name string // package.Type
	dir  string
	says map[string]string
}

// contractsIn finds the contracts of the packages given: every interface that
// makes a guarantee.
func contractsIn(fsys fs.FS, dirs ...string) ([]contract, error) {
	var found []contract
	for _, dir := range dirs {
		files, err := parseDir(fsys, dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			found = append(found, contractsOf(f, dir)...)
		}
	}
	return found, nil
}

func contractsOf(f *ast.File, dir string) []contract {
	var found []contract
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.TypeSpec) //nolint:errcheck // a type declaration holds nothing else
			doc := spec.Doc
			if doc == nil {
				doc = g.Doc
			}
			if _, ok := spec.Type.(*ast.InterfaceType); !ok || !strings.Contains(doc.Text(), "Guarantee:") {
				continue
			}
			found = append(found, contract{f.Name.Name + "." + spec.Name.Name, dir, split(doc.Text())})
		}
	}
	return found
}

// split takes a comment apart into its named paragraphs.
func split(doc string) map[string]string {
	says := map[string]string{}
	for p := range strings.SplitSeq(doc, "\n\n") {
		name, rest, ok := strings.Cut(strings.Join(strings.Fields(p), " "), ": ")
		if ok && slices.Contains(paragraphs(), name) {
			says[name] = rest
		}
	}
	return says
}

// parseDir parses the files of one package that ship.
func parseDir(fsys fs.FS, dir string) ([]*ast.File, error) {
	names, err := fs.Glob(fsys, dir+"/*.go")
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// faults returns what is wrong with the contracts' comments.
func faults(fsys fs.FS, contracts []contract) []string {
	var out []string
	for _, c := range contracts {
		for _, p := range paragraphs() {
			switch text := c.says[p]; {
			case text == "":
				out = append(out, fmt.Sprintf("%s has no paragraph %q", c.name, p+":"))
			case p != "Suite" && !saysSomethingOfItsOwn(c, p, contracts):
				out = append(out, fmt.Sprintf("%s: the paragraph %q repeats another contract's; say what holds for this one", c.name, p+":"))
			}
		}
		if problem := suiteOf(fsys, c); problem != "" {
			out = append(out, c.name+": "+problem)
		}
	}
	return out
}

// saysSomethingOfItsOwn reports that a paragraph has a sentence that no other
// contract has: boilerplate promises nothing.
func saysSomethingOfItsOwn(c contract, paragraph string, all []contract) bool {
	for sentence := range strings.SplitSeq(c.says[paragraph], ". ") {
		repeated := slices.ContainsFunc(all, func(other contract) bool {
			return other.name != c.name && strings.Contains(strings.Join(values(other.says), " "), strings.TrimSuffix(sentence, "."))
		})
		if !repeated {
			return true
		}
	}
	return false
}

func values(m map[string]string) []string {
	var out []string
	for _, p := range paragraphs() {
		out = append(out, m[p])
	}
	return out
}

// suiteOf looks for the suite that a contract names, in the named package below
// the module or below the contract's own.
func suiteOf(fsys fs.FS, c contract) string {
	name := regexp.MustCompile(`^([\w/]+)\.(Test\w+)`).FindStringSubmatch(c.says["Suite"])
	if name == nil {
		return fmt.Sprintf("names no suite in %q; write package.TestName", c.says["Suite"])
	}
	for _, dir := range []string{name[1], path.Join(c.dir, name[1])} {
		files, err := parseDir(fsys, dir)
		if err != nil {
			return err.Error()
		}
		for _, f := range files {
			if declares(f, name[2]) {
				return ""
			}
		}
	}
	return fmt.Sprintf("its suite %s is not there", name[0])
}

func declares(f *ast.File, function string) bool {
	return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Recv == nil && fn.Name.Name == function
	})
}

func TestContractsSayWhatTheyPromise(t *testing.T) {
	module := os.DirFS("../..")
	contracts, err := contractsIn(module, "autoscaler", "sessionstore", "workflow")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range required() {
		if !slices.ContainsFunc(contracts, func(c contract) bool { return c.name == want }) {
			t.Errorf("no interface %s with a guarantee", want)
		}
	}
	for _, fault := range faults(module, contracts) {
		t.Error(fault)
	}
}

// The check itself is held to a contract that keeps the rules and to several
// that do not.
func TestContractCheckFindsFaults(t *testing.T) {
	const whole = `package p

// Store keeps things.
//
// Guarantee: what was put in comes out.
//
// Concurrency: callers may come
// together.
//
// Idempotency: putting twice is putting once.
//
// Cancellation: nothing is half put.
//
// Errors: none at all. Really.
//
// Suite: ptest.TestStore.
type Store interface{ Put() }
`
	suite := fstest.MapFS{"p/ptest/store.go": {Data: []byte("package ptest\n\nfunc TestStore() {}\n")}}
	for _, tc := range []struct {
		name, old, new string
		want           string
	}{
		{"whole", "", "", ""},
		{"a paragraph is missing", "// Cancellation: nothing is half put.\n//\n", "", `no paragraph "Cancellation:"`},
		{"the suite is not there", "ptest.TestStore", "ptest.TestOther", "its suite ptest.TestOther is not there"},
		{"no suite is named", "ptest.TestStore", "see elsewhere", "names no suite"},
		{"another one's words", "", "", `the paragraph "Errors:" repeats`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fsys := fstest.MapFS{"p/p.go": {Data: []byte(strings.Replace(whole, tc.old, tc.new, 1))}}
			for name, file := range suite {
				fsys[name] = file
			}
			contracts, err := contractsIn(fsys, "p")
			if err != nil || len(contracts) != 1 {
				t.Fatalf("%d contracts found, error %v", len(contracts), err)
			}
			if strings.Contains(tc.want, "repeats") {
				contracts = append(contracts, contract{"p.Other", "p", map[string]string{"Errors": "none at all. Really."}})
			}
			got := strings.Join(faults(fsys, contracts), "\n")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}
