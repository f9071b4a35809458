package backtest

import (
	"fmt"
	"strings"
)

// runView is one result as the page shows it.
type runView struct {
	row
	conditions
	Policy    string
	Seed      uint64
	Style     int // of the policy's mark
	Front     bool
	Charts    timeCharts
	Decisions []decisionView
	Timeline  timeline
	Money     money
	result    Result
}

func newRunView(r row, result Result, m money) (runView, error) {
	charts, err := newTimeCharts(result)
	return runView{
		row: r, result: result, Money: m,
		Policy: result.Policy, conditions: conditionsOf(result), Seed: result.Seed,
		Charts: charts, Decisions: decisionViews(result.Decisions), Timeline: newTimeline(result.Decisions),
	}, err
}

// markStyles is how many marks differ in form and colour.
const markStyles = 5

// style gives each policy a mark of its own, the same wherever it is shown.
func style(runs []runView) {
	styles := make(map[string]int)
	for i, run := range runs {
		if _, known := styles[run.Policy]; !known {
			styles[run.Policy] = len(styles) % markStyles
		}
		runs[i].Style = styles[run.Policy]
	}
}

// conditions are what a result came to be under, policy and seed left out, in words.
type conditions struct{ Load, Tasks, Timing string }

func conditionsOf(r Result) conditions {
	return conditions{
		Load:  r.Trace,
		Tasks: fmt.Sprintf("routing %s, %d %s a task", r.Route, r.Slots, plural(r.Slots, "slot")),
		Timing: fmt.Sprintf("Application at level %s, a pass every %g\u00a0s, deregistration delay %g\u00a0s",
			r.Level, r.IntervalS, r.DelayS),
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Cost is what the scored time cost.
func (v runView) Cost() figure { return v.Money.cost(v.Of("task_hours")) }

// Month is what a month costs, if all of it is as the scored time.
func (v runView) Month() figure {
	return v.Money.perMonth(v.Of("task_hours"), v.result.Days*24-v.result.WarmUpHours)
}

// symbol is how a run or a policy is marked, by form and colour.
type symbol struct {
	Style     int
	Full, Cut bool // on the Pareto front; killed sessions
}

// Mark is the run's mark.
func (v runView) Mark() symbol { return symbol{v.Style, v.Front, v.result.Killed > 0} }

// Any reports that the number under a key is not 0.
func (v runView) Any(key string) bool { return v.Of(key).value > 0 }

// countsTable is a table of counts by name.
type countsTable struct {
	Title, Unit string
	Counts      []count
}

// Table returns the counts under a key as a table.
func (v runView) Table(key, title, unit string) countsTable {
	return countsTable{title, unit, v.counts(key)}
}

// decisionView is one act and its reason as a person reads them.
type decisionView struct {
	At, Act, On, By, Code, Detail string
}

func decisionViews(decisions []Decision) []decisionView {
	views := make([]decisionView, len(decisions))
	for i, d := range decisions {
		v := &views[i]
		v.At = d.At.UTC().Format("2006-01-02 15:04:05")
		v.Act, v.On, _ = strings.Cut(d.Text, " ")
		by, rest, found := strings.Cut(d.Reason, ": ")
		if !found {
			by, rest = "", d.Reason
		}
		v.By = by
		v.Code, v.Detail, _ = strings.Cut(rest, " (")
		v.Detail = strings.TrimSuffix(v.Detail, ")")
	}
	return views
}
