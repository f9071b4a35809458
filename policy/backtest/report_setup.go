package backtest

import "slices"

// setup is a load and everything else but policy and seed: what can be compared.
type setup struct {
	conditions
	Policies []policyView
	Scatter  scatter
	Runs     []runView
}

// Money is the price.
func (s setup) Money() money { return s.Runs[0].Money }

// policyView is what the runs of one policy came to, whatever their seed.
type policyView struct {
	Name string
	Runs []runView
}

// newSetups sorts runs by what can be compared, in the order of the results.
func newSetups(runs []runView) []setup {
	var setups []setup
	for _, run := range runs {
		i := slices.IndexFunc(setups, func(s setup) bool { return s.conditions == run.conditions })
		if i < 0 {
			i = len(setups)
			setups = append(setups, setup{conditions: run.conditions})
		}
		setups[i].add(run)
	}
	for i := range setups {
		setups[i].Scatter = newScatter(setups[i].Runs)
	}
	return setups
}

func (s *setup) add(run runView) {
	s.Runs = append(s.Runs, run)
	i := slices.IndexFunc(s.Policies, func(v policyView) bool { return v.Name == run.Policy })
	if i < 0 {
		i = len(s.Policies)
		s.Policies = append(s.Policies, policyView{Name: run.Policy})
	}
	s.Policies[i].Runs = append(s.Policies[i].Runs, run)
}

// Mark is the policy's mark in a key.
func (v policyView) Mark() symbol { return symbol{Style: v.Runs[0].Style} }

// Money is the price.
func (v policyView) Money() money { return v.Runs[0].Money }

// Front is how many of the runs are on the Pareto front.
func (v policyView) Front() int {
	n := 0
	for _, run := range v.Runs {
		if run.Front {
			n++
		}
	}
	return n
}

// Of returns the number under a key over the runs.
func (v policyView) Of(key string) between {
	return v.over(func(r runView) figure { return r.Of(key) })
}

// Any reports that the number under a key is not 0 in each run.
func (v policyView) Any(key string) bool { return v.Of(key).High.value > 0 }

// Cost is what the scored time cost.
func (v policyView) Cost() between { return v.over(runView.Cost) }

// Month is what a month costs.
func (v policyView) Month() between { return v.over(runView.Month) }

func (v policyView) over(pick func(runView) figure) between {
	figures := make([]figure, len(v.Runs))
	for i, run := range v.Runs {
		figures[i] = pick(run)
	}
	return newBetween(figures)
}
