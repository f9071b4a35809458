package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// writeJSON prints the results as one array.
func writeJSON(w io.Writer, results []backtest.Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(results)
}

// writeTable prints the results for a person, a line for each run.
func writeTable(w io.Writer, results []backtest.Result, price float64) error {
	r := results[0]
	fmt.Fprintf(w, "load %s, level %s, a pass every %g s, deregistration delay %g s; %.1f days, the first %.1f h as warm-up and not scored\n\n",
		r.Trace, r.Level, r.IntervalS, r.DelayS, r.Days, r.WarmUpHours)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, cells := range table(results, price) {
		fmt.Fprintln(t, strings.Join(cells, "\t")+"\t")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\n* on the Pareto front: no run on the same load, route and slots costs less or turns fewer users away without being worse in the other")
	return err
}

// money is the column that needs a price.
const money = 9

// table returns the cells, the heading first; without a price it says nothing of
// money.
func table(results []backtest.Result, price float64) [][]string {
	rows := [][]string{strings.Split("policy,route,slots,seed,killed,no slot ppm,ratio LB1,clairv.,task-hours,USD,p50 s,p95 s,p99 s,max s,starts,passes,front", ",")}
	longest := len("policy")
	for i, front := range backtest.Pareto(results) {
		r, mark := results[i], ""
		if front {
			mark = "*"
		}
		longest = max(longest, len(r.Policy))
		rows = append(rows, strings.Split(fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%.1f\t%.3f\t%.3f\t%.1f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%s",
			r.Policy, r.Route, r.Slots, r.Seed, r.Killed, r.NoSlotPPM, r.RatioLB1, r.RatioClairvoyant, r.TaskHours, r.Cost(price),
			r.WaitP50, r.WaitP95, r.WaitP99, r.WaitMax, r.TaskStarts, r.Passes, mark), "\t"))
	}
	for i, cells := range rows {
		// Names stand to the left, unlike numbers.
		cells[0] = fmt.Sprintf("%-*s", longest, cells[0])
		if price == 0 {
			rows[i] = slices.Delete(cells, money, money+1)
		}
	}
	return rows
}

// writeReport writes the report to its file.
func (o options) writeReport(results []backtest.Result) error {
	err := backtest.WriteReportFile(o.report, results, backtest.ReportOptions{
		Title: "Backtest of " + results[0].Trace, PricePerTaskHour: o.price,
	})
	if err != nil {
		return fmt.Errorf("-report: %w", err)
	}
	return nil
}
