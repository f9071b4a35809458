package autoscalermock_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalermock"
)

// Each mock fits the contract that it stands in for.
var (
	_ autoscaler.SessionStore      = (*autoscalermock.MockSessionStore)(nil)
	_ autoscaler.Records           = (*autoscalermock.MockRecords)(nil)
	_ autoscaler.StateStore        = (*autoscalermock.MockStateStore)(nil)
	_ autoscaler.UtilizationSource = (*autoscalermock.MockUtilizationSource)(nil)
	_ autoscaler.Scaler            = (*autoscalermock.MockScaler)(nil)
	_ autoscaler.DrainWorkflow     = (*autoscalermock.MockDrainWorkflow)(nil)
	_ autoscaler.Policy            = (*autoscalermock.MockPolicy)(nil)
)

func TestMockAnswersAsTold(t *testing.T) {
	p := autoscalermock.NewMockPolicy(gomock.NewController(t))
	p.EXPECT().Name().Return("told")
	p.EXPECT().Decide(autoscaler.Snapshot{}).Return(autoscaler.Decision{Open: 4})
	if p.Name() != "told" || p.Decide(autoscaler.Snapshot{}).Open != 4 {
		t.Error("the mock does not answer as it was told")
	}
}

// The generator runs again, by the very commands of doc.go, and must give what
// is committed. It fails where the generator cannot run: mocks that nobody
// could check are as good as stale.
func TestMocksAreUpToDate(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED under -short: the mocks are not compared with what mockgen generates")
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^//go:generate go (run \S+mockgen@\S+) (-source=\S+) -destination=(\S+) (-package=\S+) (-write_package_comment=\S+) (-write_command_comment=\S+)$`)
	runs := command.FindAllStringSubmatch(string(doc), -1)
	if len(runs) != 2 {
		t.Fatalf("doc.go has %d go:generate lines of the known form, want 2", len(runs))
	}
	for _, run := range runs {
		file := run[3]
		t.Run(file, func(t *testing.T) {
			fresh := generate(t, run[1], run[2], file, run[4:])
			committed, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(committed) != fresh {
				t.Errorf("%s is not what mockgen generates from the contracts; run go generate ./autoscaler/autoscalermock", file)
			}
		})
	}
}

// generate runs mockgen and returns what it writes.
func generate(t *testing.T, run, source, file string, flags []string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), file)
	args := append([]string{"run", strings.TrimPrefix(run, "run "), source, "-destination=" + target}, flags...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s\nmockgen comes through the Go module proxy; without it the mocks cannot be checked", args, err, out)
	}
	text, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
