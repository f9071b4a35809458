package backtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Compare runs trials, several at once, and returns their results in the order of the
// trials. Each runs to its end, whatever becomes of the others; the error joins what
// went wrong, and the results of those trials are zero. Done, if set, is called after
// each trial, from one goroutine at a time.
//
// At most parallel trials run at once, one where it is 0 or less: a trial uses one
// processor, and memory for the sessions that live.
func Compare(ctx context.Context, trials []Trial, parallel int, done func(i int, r Result, err error)) ([]Result, error) {
	results, errs := make([]Result, len(trials)), make([]error, len(trials))
	next := make(chan int)
	var all sync.WaitGroup
	var one sync.Mutex
	for range min(max(parallel, 1), len(trials)) {
		all.Go(func() {
			for i := range next {
				results[i], errs[i] = trials[i].Run(ctx)
				if done == nil {
					continue
				}
				one.Lock()
				done(i, results[i], errs[i])
				one.Unlock()
			}
		})
	}
	for i := range trials {
		next <- i
	}
	close(next)
	all.Wait()
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("trial %d, %s: %w", i, trials[i].withDefaults().Name, err)
		}
	}
	return results, errors.Join(errs...)
}

// Pareto reports for each result whether none of the others, on the same load, route
// and slots, is better in one of cost and users turned away and as good in the other.
// A policy that cut a session is never on the front.
func Pareto(results []Result) []bool {
	front := make([]bool, len(results))
	for i, r := range results {
		front[i] = r.Killed == 0
		for _, o := range results {
			same := o.Trace == r.Trace && o.Route == r.Route && o.Slots == r.Slots
			better := o.RatioLB1 <= r.RatioLB1 && o.NoSlotPPM <= r.NoSlotPPM && (o.RatioLB1 < r.RatioLB1 || o.NoSlotPPM < r.NoSlotPPM)
			if same && better && o.Killed == 0 {
				front[i] = false
			}
		}
	}
	return front
}
