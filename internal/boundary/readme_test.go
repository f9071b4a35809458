package boundary

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the README shows is compiled: a reader copies it.
func TestReadmeCompiles(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := goBlocks(string(readme))
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of Go, want the main, the broker and the policy", len(blocks))
	}
	source := readmeImports +
		"func main1(ctx context.Context, cluster everything) error {\n" + blocks[0] + "}\n" +
		"func broker(ctx context.Context, store *memstore.Store, service autoscaler.ServiceID, id sessionstore.SessionID) error {\n" +
		blocks[1] + "return err\n}\n" + blocks[2] + "var _ autoscaler.Policy = Office{}\n"

	// Through an overlay, so that nothing is written into the tree.
	dir := t.TempDir()
	file := filepath.Join(dir, "readme.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "internal", "readmecheck", "readme.go"): file,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{file: []byte(source), filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "./internal/readmecheck")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("the README's code does not compile: %v\n%s\n%s", err, out, source)
	}
}

const readmeImports = `package readmecheck

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

type everything interface {
	autoscaler.Scaler
	autoscaler.UtilizationSource
	workflow.Tasks
}

`

// goBlocks returns the fenced blocks of Go in a text.
func goBlocks(text string) []string {
	var blocks []string
	for {
		_, rest, found := strings.Cut(text, "```go\n")
		if !found {
			return blocks
		}
		block, after, _ := strings.Cut(rest, "```")
		blocks, text = append(blocks, block), after
	}
}
