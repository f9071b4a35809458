package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// row is one load and how it is run.
type row struct {
	name  string
	file  func(options) string // the trace it needs; nil for a generated load
	slots int
	trial func(o options, seed uint64) (backtest.Trial, error)
}

func rows() []row {
	taxi := func(o options) string { return o.taxi }
	folded := func(t backtest.Trial) func(options, uint64) (backtest.Trial, error) {
		return func(o options, _ uint64) (backtest.Trial, error) {
			load, err := read(o.taxi, "fold")
			if err == nil {
				load, err = load.Fold(12, 4)
			}
			load.Name, t.Load = "fold", load
			return t, err
		}
	}
	plain := func(file func(options) string, name string, t backtest.Trial) func(options, uint64) (backtest.Trial, error) {
		return func(o options, _ uint64) (backtest.Trial, error) {
			load, err := read(file(o), name)
			t.Load = load
			return t, err
		}
	}
	azure := func(o options) string { return o.azure }
	return []row{
		{"taxi, place, 15 s pass, 30 s delay", taxi, 10, plain(taxi, "taxi", backtest.Trial{})},
		{"azure, place, 15 s pass, 30 s delay", azure, 10, plain(azure, "azure", backtest.Trial{})},
		{"fold, steered, 60 s pass, 300 s delay", taxi, 10, folded(backtest.Trial{
			Route: backtest.RouteSteered, Interval: time.Minute, DeregistrationDelay: 300 * time.Second,
		})},
		{"step, place, 15 s pass, 30 s delay", nil, 10, func(_ options, seed uint64) (backtest.Trial, error) {
			return backtest.Trial{Load: backtest.Step{Seed: seed}.Load(), WarmUp: 24 * time.Hour}, nil
		}},
		{"taxi, place, 1 slot", taxi, 1, plain(taxi, "taxi", backtest.Trial{Slots: 1})},
		{"fold, place, 50 slots", taxi, 50, folded(backtest.Trial{Slots: 50})},
	}
}

func read(file, name string) (backtest.Load, error) {
	load, err := backtest.LoadFile(file)
	load.Name = name
	return load, err
}

// chosen are the rows asked for whose traces are there; the others are named.
func (o options) chosen(diagnostics io.Writer) ([]row, error) {
	var chosen []row
	for _, r := range rows() {
		switch {
		case !matches(o.rows, r.name):
		case r.file != nil && r.file(o) == "":
			fmt.Fprintf(diagnostics, "LEFT OUT: %s needs its trace, see -help\n", r.name)
		default:
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("no row is left; give -taxi FILE or -azure FILE, or other -rows")
	}
	return chosen, nil
}
