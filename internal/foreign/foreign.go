// Package foreign starts servers that speak AWS's protocols and that nobody here wrote,
// so that what is true of a fake of one's own is not true by agreement. It refuses to pass
// for one of them: a server that is not there is said to be missing, and its tests skip.
package foreign

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/internal/mutants"
)

// Server is a DynamoDB that somebody else wrote.
type Server struct {
	Name     string
	Version  string
	Endpoint string
}

// DynaliteVersion is the version of dynalite that the tests are made for.
const DynaliteVersion = "4.0.0"

// Endpoint is the environment variable that names a server of one's own: AWS's emulator,
// or a region's real endpoint. The SDK reads the same one.
const Endpoint = "AWS_ENDPOINT_URL_DYNAMODB"

// Each runs a test against every server that is there, each in a subtest, and says which
// ran and which did not.
func Each(t *testing.T, test func(t *testing.T, s Server)) {
	t.Helper()
	if os.Getenv(mutants.Environment) != "" {
		t.Skip("SKIPPED: mutants are asked of the fake alone, which is faster")
	}
	t.Run("dynalite", func(t *testing.T) { test(t, dynalite(t)) })
	t.Run("moto", func(t *testing.T) { test(t, moto(t)) })
	t.Run("environment", func(t *testing.T) {
		endpoint := os.Getenv(Endpoint)
		if endpoint == "" {
			t.Skipf("SKIPPED: no server of your own; set %s to run against one", Endpoint)
		}
		test(t, announce(t, Server{Name: "environment", Endpoint: endpoint}))
	})
}

// dynalite starts the npm package of that name.
func dynalite(t *testing.T) Server {
	t.Helper()
	bin, err := exec.LookPath("dynalite")
	if err != nil {
		cache, _ := os.UserCacheDir()
		bin = filepath.Join(cache, "idlescale-tools", "dynalite-"+DynaliteVersion, "node_modules", ".bin", "dynalite")
	}
	if _, err := os.Stat(bin); err != nil {
		t.Skipf("SKIPPED: dynalite is not installed; npm install --prefix %s dynalite@%s", filepath.Dir(filepath.Dir(filepath.Dir(bin))), DynaliteVersion)
	}
	port := freePort(t)
	start(t, bin, "--host", "127.0.0.1", "--port", port, "--createTableMs", "0", "--deleteTableMs", "0")
	return announce(t, await(t, Server{Name: "dynalite", Version: DynaliteVersion, Endpoint: "http://127.0.0.1:" + port}))
}

// moto starts moto's server where it is installed.
func moto(t *testing.T) Server {
	t.Helper()
	bin, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("SKIPPED: moto_server is not on the PATH; pip install 'moto[server]'")
	}
	port := freePort(t)
	start(t, bin, "-H", "127.0.0.1", "-p", port)
	s := await(t, Server{Name: "moto", Endpoint: "http://127.0.0.1:" + port})
	s.Version = motoVersion(t, bin)
	return announce(t, s)
}

// motoVersion asks pip beside the server; the server itself does not tell.
func motoVersion(t *testing.T, bin string) string {
	out, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(bin), "pip"), "show", "moto").Output()
	if err != nil {
		return "of unknown version"
	}
	for line := range strings.Lines(string(out)) {
		if version, ok := strings.CutPrefix(line, "Version: "); ok {
			return strings.TrimSpace(version)
		}
	}
	return "of unknown version"
}

func announce(t *testing.T, s Server) Server {
	t.Helper()
	t.Logf("runs against %s %s at %s", s.Name, s.Version, s.Endpoint)
	return s
}

// start runs a server until the test ends.
func start(t *testing.T, bin string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	command := exec.CommandContext(ctx, bin, args...)
	if err := command.Start(); err != nil {
		cancel()
		t.Fatalf("%s: %v", bin, err)
	}
	t.Cleanup(func() {
		cancel()
		_ = command.Wait() // it was told to end, and says so
	})
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// patience is how long a server may take to start.
const patience = time.Minute

// await waits until the server answers. It is the one place that waits on a real clock:
// the server has no other.
func await(t *testing.T, s Server) Server {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close() // nothing was asked for
			return s
		}
	}
	t.Fatalf("%s did not answer within %v", s.Name, patience)
	return s
}
