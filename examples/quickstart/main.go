// Quickstart runs a simulated ECS service under a load of user sessions, scaled
// by the library's own controller, and prints what came of it: sessions, sessions
// cut, users without a slot, the cost beside its lower bound.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -trace FILE -days 14 -report out.html
//
// Nothing is reached over the network, and a run takes seconds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

func main() {
	// A run allocates much and keeps little; collecting a fifth as often saves a
	// third of its time for a hundred megabytes.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errCut):
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(3)
	}
	fmt.Fprintln(os.Stderr, "quickstart:", err)
	os.Exit(1)
}

// errCut says that the run cut a session, which this library exists to prevent.
var errCut = errors.New("a session was cut")

// run is the whole program: flags in, table or JSON out.
func run(ctx context.Context, args []string, out, diagnostics io.Writer) error {
	opts, err := parse(args, diagnostics)
	if err != nil {
		return err
	}
	load, err := opts.load()
	if err != nil {
		return err
	}
	progress := newProgress(diagnostics, isTerminal(diagnostics))
	trial := opts.trial(load)
	trial.Progress = progress.show
	result, err := trial.Run(ctx)
	progress.done()
	if err != nil {
		return err
	}
	if err := opts.write(out, result); err != nil {
		return err
	}
	if result.Killed > 0 {
		return fmt.Errorf("%w: %d of %d", errCut, result.Killed, result.Sessions)
	}
	return nil
}

// write prints the result, and writes the report where one is asked for.
func (o options) write(out io.Writer, r backtest.Result) error {
	if o.report != "" {
		err := backtest.WriteReportFile(o.report, []backtest.Result{r}, backtest.ReportOptions{Title: "Quickstart: " + r.Trace})
		if err != nil {
			return fmt.Errorf("-report: %w", err)
		}
	}
	if o.json {
		return writeJSON(out, r)
	}
	return writeTable(out, r)
}

// isTerminal reports that a progress line can be drawn over and over.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
