package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// load reads the trace, or makes the built-in load, folds it and cuts it to the days
// asked for. All runs are on this one load, whatever their seed.
func (o options) load() (backtest.Load, error) {
	weeks, onto, err := o.weeks()
	if err != nil {
		return backtest.Load{}, err
	}
	whole, err := o.source(weeks)
	if err != nil {
		return backtest.Load{}, err
	}
	if weeks > 0 {
		if whole, err = whole.Fold(weeks, onto); err != nil {
			return backtest.Load{}, fmt.Errorf("-fold %s: %w", o.fold, err)
		}
	}
	load := whole.Until(days24(o.days))
	if len(load.Sessions) == 0 {
		return load, fmt.Errorf("-days %v: no session of %s begins within it; use a longer time", o.days, load.Name)
	}
	return load, nil
}

// source is the load before it is folded and cut; the built-in one is as long as that
// needs.
func (o options) source(weeks int) (backtest.Load, error) {
	if o.trace == "" {
		days := cmp.Or(o.days, builtInDays)
		if weeks > 0 {
			days = 7 * float64(weeks)
		}
		return backtest.Generate("built-in", ecssim.Load{Seed: 1, Length: days24(days), PerHour: 100}), nil
	}
	load, err := backtest.LoadFile(o.trace)
	if err != nil {
		return load, fmt.Errorf("-trace: %w", err)
	}
	return load, nil
}

func days24(days float64) time.Duration { return time.Duration(days * 24 * float64(time.Hour)) }
