// Peers runs other autoscalers' decisions on the simulator and the loads that this
// library is measured on, and prints one table: Nomad's and Knative's own code, the
// documented rules of Kubernetes' HPA, ECS target tracking and Agones, and Headroom.
//
//	go run . -taxi FILE -azure FILE
//
// All of them run through the same controller, which drains idle tasks only: what the
// rules would do to sessions without it is not asked. Nothing is reached over the
// network.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

type options struct {
	taxi, azure, rows, peers string
	seeds, parallel          int
}

func run(ctx context.Context, args []string, out, diagnostics io.Writer) error {
	var o options
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	flags.StringVar(&o.taxi, "taxi", "", "trace `FILE` of the rows taxi and fold; without it they are left out")
	flags.StringVar(&o.azure, "azure", "", "trace `FILE` of the row azure; without it it is left out")
	flags.StringVar(&o.rows, "rows", "", "only rows whose name holds one of these, separated by commas")
	flags.StringVar(&o.peers, "peers", "", "only peers whose name holds one of these, separated by commas")
	flags.IntVar(&o.seeds, "seeds", 1, "how many seeds each is run with")
	flags.IntVar(&o.parallel, "parallel", runtime.GOMAXPROCS(0), "how many run at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	rows, err := o.chosen(diagnostics)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, versions())
	for _, r := range rows {
		if err := o.row(ctx, r, out, diagnostics); err != nil {
			return err
		}
	}
	return nil
}

// row runs every peer on one load and prints its lines.
func (o options) row(ctx context.Context, r row, out, diagnostics io.Writer) error {
	var trials []backtest.Trial
	var of []peer
	for _, p := range peers() {
		if !matches(o.peers, p.name) {
			continue
		}
		for seed := range o.seeds {
			t, err := r.trial(o, uint64(seed+1))
			if err != nil {
				return err
			}
			t.Policy, t.Name, t.Seed = p.policy(max(t.Slots, r.slots)), p.name+", "+p.setting, uint64(seed+1)
			trials, of = append(trials, t), append(of, p)
		}
	}
	results, err := backtest.Compare(ctx, trials, o.parallel, func(_ int, result backtest.Result, _ error) {
		fmt.Fprintln(diagnostics, result)
	})
	if err != nil {
		return err
	}
	return table(out, r.name, of, results)
}

// matches reports that a name holds one of the words, or that there are none.
func matches(words, name string) bool {
	for _, w := range strings.Split(words, ",") {
		if strings.Contains(strings.ToLower(name), strings.ToLower(w)) {
			return true
		}
	}
	return false
}
