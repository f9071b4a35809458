package main

import (
	"context"
	"fmt"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// compare runs every policy with every seed, slot count and route on one load.
func compare(ctx context.Context, o options, load backtest.Load, p *progress) ([]backtest.Result, error) {
	trials, err := o.trials(load)
	if err != nil {
		return nil, err
	}
	p.begin(len(trials))
	for i := range trials {
		trials[i].Progress = func(done float64, state string) {
			p.show(i, done, fmt.Sprintf("%s, seed %d  %s", trials[i].Name, trials[i].Seed, state))
		}
	}
	results, err := backtest.Compare(ctx, trials, o.parallel, nil)
	p.done()
	if ctx.Err() != nil {
		return nil, ctx.Err() // once, not from each run
	}
	if err == nil {
		p.speed(len(trials) * len(load.Sessions))
	}
	return results, err
}

// trials are the runs asked for, those that can be compared beside one another.
func (o options) trials(load backtest.Load) ([]backtest.Trial, error) {
	slots, err := o.slotList()
	if err != nil {
		return nil, err
	}
	routes, err := o.routeList()
	if err != nil {
		return nil, err
	}
	chosen, err := o.policyList()
	if err != nil {
		return nil, err
	}
	known := policies()
	var trials []backtest.Trial
	for _, n := range slots {
		for _, route := range routes {
			for _, name := range chosen {
				for seed := range o.seeds {
					trials = append(trials, backtest.Trial{
						Load: load, Policy: known[name](n), Name: name, Seed: uint64(seed) + 1,
						Route: route, Slots: n, Level: levels[o.level], Interval: o.interval, DeregistrationDelay: o.delay,
					})
				}
			}
		}
	}
	return trials, nil
}
