package backtest

import (
	"bytes"
	_ "embed" // the page stands in a file of its own
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// ReportOptions says what a report adds to its results. All of it is optional.
type ReportOptions struct {
	// Title is the heading of the report; default "Backtest".
	Title string
	// PricePerTaskHour is what one task costs for an hour. Where it is 0 the report
	// says nothing of money.
	PricePerTaskHour float64
	// Currency is the code or the sign of that price; default "USD".
	Currency string
}

//go:embed report.html
var reportPage string

// WriteReport writes results as one HTML file that stands alone: it asks the network
// for nothing, reads without scripts, and holds the results themselves as JSON, in
// the element with the id "results". Every figure of a result carries the key, the row
// and the exact value that it was rounded from, as data-key, data-row and data-value.
//
// Results are compared where load, route and slots are the same. Charts and decisions
// need Result.Series and Result.Decisions, which a result read from JSON lacks.
//
// It fails, and writes nothing, where there are no results, where one is of a trial
// that did not run, and where a figure or the price is not a finite number; other
// errors are those of w.
func WriteReport(w io.Writer, results []Result, options ReportOptions) error {
	page, err := newReport(results, options)
	if err != nil {
		return &autoscaler.Error{Op: "backtest.WriteReport", Ref: options.Title, Err: err}
	}
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return fmt.Errorf("backtest.WriteReport: %w", err)
	}
	// Whole or not at all: half a report looks like one.
	var whole bytes.Buffer
	if err := t.Execute(&whole, page); err != nil {
		return fmt.Errorf("backtest.WriteReport: %w", err)
	}
	_, err = whole.WriteTo(w)
	return err
}

// WriteReportFile is WriteReport into the file of that path, which is made anew.
func WriteReportFile(path string, results []Result, options ReportOptions) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = WriteReport(f, results, options)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// report is what the page shows.
type report struct {
	Title  string
	Money  money
	JSON   template.JS
	Setups []setup
	Runs   []runView
}

// newReport prepares the page, and refuses what would show as nonsense.
func newReport(results []Result, o ReportOptions) (*report, error) {
	if err := checkReport(results, o); err != nil {
		return nil, err
	}
	if o.Title == "" {
		o.Title = "Backtest"
	}
	if o.Currency == "" {
		o.Currency = "USD"
	}
	rows, text, err := exactRows(results)
	if err != nil {
		return nil, err
	}
	p := &report{Title: o.Title, Money: money{o.PricePerTaskHour, o.Currency}, JSON: text}
	front := Pareto(results)
	for i, r := range results {
		run, err := newRunView(rows[i], r, p.Money)
		if err != nil {
			return nil, err
		}
		run.Front = front[i]
		p.Runs = append(p.Runs, run)
	}
	style(p.Runs)
	p.Setups = newSetups(p.Runs)
	return p, nil
}

// Cut is how many runs killed sessions.
func (p *report) Cut() int {
	n := 0
	for _, run := range p.Runs {
		if run.result.Killed > 0 {
			n++
		}
	}
	return n
}

// Several reports that not all runs can be compared.
func (p *report) Several() bool { return len(p.Setups) > 1 }

// Policies says how many policies there are.
func (p *report) Policies() string {
	names := map[string]bool{}
	for _, run := range p.Runs {
		names[run.Policy] = true
	}
	if len(names) == 1 {
		return "1 policy"
	}
	return strconv.Itoa(len(names)) + " policies"
}

// checkReport returns everything that stands in the way of a report, joined.
func checkReport(results []Result, o ReportOptions) error {
	var all []error
	if len(results) == 0 {
		all = append(all, errors.New("there are no results to report; run a trial first"))
	}
	for i, r := range results {
		if r.Policy == "" && r.Passes == 0 {
			all = append(all, fmt.Errorf("result %d is of a trial that did not run; leave it out", i))
		}
	}
	if p := o.PricePerTaskHour; !(p >= 0) || math.IsInf(p, 0) {
		all = append(all, fmt.Errorf("PricePerTaskHour is %v; use 0 or a price", p))
	}
	return errors.Join(all...)
}

// exactRows returns the results as their JSON has them: each as its keys' texts, and
// all as one text.
func exactRows(results []Result) ([]row, template.JS, error) {
	text, err := json.Marshal(results)
	if err != nil {
		return nil, "", err
	}
	var keys []map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, "", err
	}
	rows := make([]row, len(keys))
	for i := range keys {
		rows[i] = row{Index: i, keys: keys[i]}
	}
	return rows, template.JS(text), nil // json.Marshal writes no "<", so no name ends the element
}
