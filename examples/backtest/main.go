// Backtest compares policies on a load: each runs through the library's own
// controller on a simulated ECS service, for each seed, slot count and route asked
// for. It prints a table with the Pareto front marked, and writes a report for a
// browser.
//
//	go run ./examples/backtest
//	go run ./examples/backtest -trace FILE -policies headroom,threshold,buffer,safest -report out.html
//
// Nothing is reached over the network. It exits with 3 where a session was cut, and
// with 4 where a budget is overdrawn.
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
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "backtest:", err)
	os.Exit(exitCode(err))
}

var (
	// errCut says that a run cut a session, which this library exists to prevent.
	errCut = errors.New("a session was cut")
	// errOverdrawn says that a run kept to its sessions, and not to its budget.
	errOverdrawn = errors.New("the budget is overdrawn")
)

// exitCode tells apart what a script wants to know.
func exitCode(err error) int {
	switch {
	case errors.Is(err, errCut):
		return 3
	case errors.Is(err, errOverdrawn):
		return 4
	}
	return 1
}

// run is the whole program: flags in, table or JSON out, and the report beside it.
func run(ctx context.Context, args []string, out, diagnostics io.Writer) error {
	opts, err := parse(args, diagnostics)
	if err != nil {
		return err
	}
	load, err := opts.load()
	if err != nil {
		return err
	}
	results, err := compare(ctx, opts, load, newProgress(diagnostics, isTerminal(diagnostics)))
	if err != nil {
		return err
	}
	if opts.json {
		err = writeJSON(out, results)
	} else {
		err = writeTable(out, results, opts.price)
	}
	if err == nil && opts.report != "" {
		err = opts.writeReport(results)
	}
	return errors.Join(err, verdict(results, opts.budget()))
}

// verdict returns what a script has to hear of: sessions cut, then the budget.
func verdict(results []backtest.Result, budget backtest.Budget) error {
	var all []error
	for _, r := range results {
		if r.Killed > 0 {
			all = append(all, fmt.Errorf("%w: %d of %d, %s, seed %d", errCut, r.Killed, r.Sessions, r.Policy, r.Seed))
		}
	}
	if budget == (backtest.Budget{}) {
		return errors.Join(all...)
	}
	for _, r := range results {
		if err := r.Within(budget); err != nil {
			all = append(all, fmt.Errorf("%w, seed %d: %w", errOverdrawn, r.Seed, err))
		}
	}
	return errors.Join(all...)
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
