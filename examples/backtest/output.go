package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
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
	money := func(text string) string {
		if price == 0 {
			return ""
		}
		return text + "\t"
	}
	fmt.Fprintf(t, "policy\troute\tslots\tseed\tkilled\tno slot ppm\tratio LB1\tclairv.\ttask-hours\t%sp50 s\tp95 s\tp99 s\tmax s\tstarts\tpasses\tfront\t\n", money("USD"))
	front := backtest.Pareto(results)
	for i, r := range results {
		mark := ""
		if front[i] {
			mark = "*"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%.1f\t%.3f\t%.3f\t%.1f\t%s%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%s\t\n",
			r.Policy, r.Route, r.Slots, r.Seed, r.Killed, r.NoSlotPPM, r.RatioLB1, r.RatioClairvoyant, r.TaskHours,
			money(fmt.Sprintf("%.2f", r.Cost(price))), r.WaitP50, r.WaitP95, r.WaitP99, r.WaitMax, r.TaskStarts, r.Passes, mark)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\n* on the Pareto front: no run on the same load, route and slots costs less or turns fewer users away without being worse in the other")
	return err
}

// writeReport writes the report to its file.
func (o options) writeReport(results []backtest.Result) error {
	f, err := os.Create(o.report)
	if err != nil {
		return fmt.Errorf("-report: %w", err)
	}
	err = backtest.WriteReport(f, results, backtest.ReportOptions{
		Title: "Backtest of " + results[0].Trace, PricePerTaskHour: o.price,
	})
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("-report: %w", err)
	}
	return nil
}
