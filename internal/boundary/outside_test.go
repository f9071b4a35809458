package boundary

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outsideCode is what a user of the library writes: a policy of their own from
// the built-in ones, and a program that shows its decision.
const outsideCode = `package outside

import (
	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Rule scales a service whose users pick their own tasks.
func Rule() autoscaler.Policy { return policy.Safest{policy.Buffer{Slots: 3}, policy.Fixed{Open: 2}} }

// Pick chooses the task for a session.
func Pick(tasks []autoscaler.TaskActivity) (sessionstore.Choice, bool) {
	return sessionstore.Place(tasks, sessionstore.Pack)
}
`

// outsideTest is how a user tests with the mocks.
const outsideTest = `package outside

import (
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalermock"
)

func TestRuleIsAsked(t *testing.T) {
	if d := Rule().Decide(autoscaler.Snapshot{}); len(d.Reasons) == 0 {
		t.Fatal("a decision without reasons")
	}
	scaler := autoscalermock.NewMockScaler(gomock.NewController(t))
	want := autoscaler.ServiceState{Desired: 3}
	scaler.EXPECT().Describe(gomock.Any(), gomock.Any()).Return(want, nil)
	if got, err := scaler.Describe(t.Context(), autoscaler.ServiceID{}); err != nil || got.Desired != want.Desired {
		t.Fatalf("Describe = %+v, %v", got, err)
	}
}
`

// TestOutsideModule builds and tests a module of its own against this one, as
// somebody does who has just fetched it, without a network: what it pulls in is
// the standard library, this module and gomock.
func TestOutsideModule(t *testing.T) {
	loaded, root := tree(t)
	dir := t.TempDir()
	writeOutside(t, dir, root, loaded.Module)

	run(t, dir, "go", "vet", "./...")
	if out := run(t, dir, "go", "test", "-count=1", "-v", "./..."); !strings.Contains(out, "--- PASS: TestRuleIsAsked") {
		t.Errorf("the outside module's own test did not run:\n%s", out)
	}

	const format = `{{if not .Standard}}{{.ImportPath}}{{end}}`
	deps := strings.Fields(run(t, dir, "go", "list", "-deps", "-test", "-f", format, "./..."))
	if len(deps) == 0 {
		t.Fatal("go list named no dependency, not even this module; the check is broken")
	}
	for _, dep := range deps {
		if !slices.ContainsFunc([]string{"example.com/outside/...", loaded.Module + "/...", "go.uber.org/mock/..."},
			func(pattern string) bool { return matches(pattern, strings.TrimSuffix(dep, ".test")) }) &&
			!strings.HasPrefix(dep, "[") {
			t.Errorf("a user of autoscaler, policy and sessionstore compiles %s; "+
				"nothing but the standard library, this module and, in tests, gomock may come with them", dep)
		}
	}
}

// writeOutside lays the module out. It repeats this module's requirements, at
// their versions, so that nothing has to be resolved.
func writeOutside(t *testing.T, dir, root, module string) {
	t.Helper()
	mod := read(t, filepath.Join(root, "go.mod"))
	_, requirements, _ := strings.Cut(mod, "\ngo ")
	files := map[string]string{
		"go.mod": "module example.com/outside\n\ngo " + requirements +
			"\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n",
		"go.sum":          read(t, filepath.Join(root, "go.sum")),
		"outside.go":      outsideCode,
		"outside_test.go": outsideTest,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run returns what a command printed and fails with it if the command failed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
