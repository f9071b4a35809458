package boundary

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Rule says what the shipped code of some packages may import beside the
// standard library. Patterns are directories of this module, import paths of
// others, or either with a trailing "/..." for what lies below too.
type Rule struct {
	From   string // directory pattern: the packages that the rule is for
	May    []string
	Reason string
}

// Rules are tried in order, the first whose From matches decides. A package that
// no rule matches may import nothing of the module: a new one needs a row.
func Rules() []Rule {
	return []Rule{
		{"autoscaler", nil,
			"autoscaler is read first, every arrow points at it, and a policy needs nothing else: standard library only"},
		{"autoscaler/autoscalermock", []string{"autoscaler", "go.uber.org/mock/gomock"},
			"mocks know the contracts and gomock, so that a user's test pulls in nothing more"},
		{"ecsadapter/ecssim", []string{"autoscaler", "sessionstore/...", "workflow"},
			"the simulator is for users' tests too: it puts contracts together, never the adapter or an SDK"},
		{"policy/backtest", []string{"autoscaler", "policy/...", "sessionstore/...", "workflow", "ecsadapter/ecssim"},
			"a backtest runs the real controller on the simulator, and nothing that talks to AWS"},
		{"ecsadapter/taskagent", nil,
			"an application that only identifies and protects its task carries the standard library and no more"},
		{"policy", []string{"autoscaler"},
			"a policy is a function of a snapshot; whatever else it imported would be I/O it must not have"},
		{"sessionstore/dynamostore", []string{"autoscaler", "sessionstore", "github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/...", "golang.org/x/sync/..."},
			"a store on DynamoDB applies the record's rules and calls one client; it loads no configuration and no credentials"},
		{"sessionstore", []string{"autoscaler"},
			"the record's rules need the nouns and nothing else, or two stores would come to differ"},
		{"workflow", []string{"autoscaler", "golang.org/x/sync/..."},
			"releases work through contracts, so that any store and any cluster can be put under them"},
		{"ecsadapter", []string{"autoscaler", "workflow"},
			"the adapter implements contracts and decides nothing"},
		{"internal/clause", nil,
			"the suites' recorder is part of every suite a user runs"},
		{"internal/...", []string{"..."},
			"what holds the module to its word may look at all of it"},
		{"examples/...", []string{
			"autoscaler/...", "policy/...", "sessionstore/...", "workflow/...", "ecsadapter/...", "go.uber.org/mock/gomock",
		}, "an example uses what a user can import, and a user cannot import internal packages"},
	}
}

// ruleFor returns the rule for a package. Two kinds follow from where a package
// stands: suites may import what they put together, and an implementation one
// level down knows its parent and the nouns and never its siblings.
func ruleFor(dir string) Rule {
	for _, r := range Rules() {
		if matches(r.From, dir) {
			return r
		}
	}
	parent := path.Dir(dir)
	switch {
	case isSuite(dir):
		return Rule{dir, []string{
			"autoscaler/...", "policy/...", "sessionstore/...", "workflow/...", "ecsadapter/ecssim",
			"internal/clause", "github.com/google/go-cmp/cmp/...",
		}, "a suite holds any implementation to a contract and must not need a particular cloud"}
	case parent != ".":
		return Rule{dir, []string{"autoscaler", parent},
			"an implementation knows its parent and the nouns, and never another implementation"}
	}
	return Rule{dir, nil, "a package that has no rule yet imports nothing of the module; give it a row in Rules"}
}

// matches reports that a pattern covers a directory or import path.
func matches(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == below || strings.HasPrefix(name, below+"/")
	}
	return pattern == "..." || pattern == name
}

// testsMay returns the foreign packages that test files import.
func testsMay() []string {
	return []string{"github.com/google/go-cmp/cmp/...", "go.uber.org/mock/gomock"}
}

// CheckImports holds every import to the rules.
func CheckImports(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		for _, f := range p.Files {
			for _, spec := range f.AST.Imports {
				name := strings.Trim(spec.Path.Value, `"`)
				if what, reason := judgeImport(t, p, f, name); what != "" {
					found = append(found, Finding{t.where(spec.Pos()), what, reason})
				}
			}
		}
	}
	return found
}

// judgeImport returns what is wrong with one import, and the reason for the
// rule, or nothing.
func judgeImport(t *Tree, p *Package, f *File, name string) (what, reason string) {
	dir, own := ownDir(t, name)
	switch {
	case name == "testing" || strings.HasPrefix(name, "testing/"):
		if !f.Test && KindOf(p.Dir) == Shipped {
			return "imports " + name, "a program that embeds the library would carry the test flags"
		}
		return "", ""
	case !own && isStandard(name):
		return "", ""
	case f.Test:
		return judgeTest(p, dir, own, name)
	case own && dir == p.Dir:
		return "", ""
	}
	rule := ruleFor(p.Dir)
	what, reason = judgeKit(p, dir, own)
	if what != "" {
		return what, reason
	}
	asked := name
	if own {
		asked = dir
	}
	if slices.ContainsFunc(rule.May, func(pattern string) bool { return matches(pattern, asked) }) {
		return "", ""
	}
	return fmt.Sprintf("%s imports %s", p.Dir, asked), rule.Reason
}

// judgeKit keeps kits out of what ships: a simulator in a production binary is a
// mistake waiting to be configured.
func judgeKit(p *Package, dir string, own bool) (what, reason string) {
	if !own {
		return "", ""
	}
	if dir == "internal/clause" && !isSuite(p.Dir) && KindOf(p.Dir) != Internal {
		return p.Dir + " imports " + dir, "only conformance suites and tests know the recorder of clauses"
	}
	if KindOf(p.Dir) == Shipped && KindOf(dir) != Shipped {
		return p.Dir + " imports " + dir, "nothing that ships imports a kit, an example or an internal package"
	}
	return "", ""
}

// judgeTest holds a test file: any package of the module that is not an example,
// what the package that it tests may import, and the few foreign packages that tests
// use.
func judgeTest(p *Package, dir string, own bool, name string) (what, reason string) {
	if own {
		if KindOf(dir) == Example && dir != p.Dir {
			return "a test imports " + dir, "an example is a program, and nothing is built on it"
		}
		return "", ""
	}
	if slices.ContainsFunc(append(testsMay(), ruleFor(p.Dir).May...), func(pattern string) bool { return matches(pattern, name) }) {
		return "", ""
	}
	return "a test imports " + name, "tests use the standard library, go-cmp and gomock; more would be a dependency of every user's go.sum"
}

// ownDir returns the directory of a package of this module.
func ownDir(t *Tree, name string) (dir string, own bool) {
	if name == t.Module {
		return ".", true
	}
	return strings.CutPrefix(name, t.Module+"/")
}

// isStandard tells the standard library from modules: their paths begin with a
// host name, which has a dot.
func isStandard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}
