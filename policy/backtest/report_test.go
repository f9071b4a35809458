package backtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// reported are runs of two policies and two seeds, and a page of them.
func reported(t *testing.T, o backtest.ReportOptions) ([]backtest.Result, string) {
	t.Helper()
	load := backtest.Generate("generated", ecssim.Load{Seed: 1, Length: 20 * time.Hour, PerHour: 100})
	var trials []backtest.Trial
	for _, seed := range []uint64{1, 2} {
		trials = append(trials,
			backtest.Trial{Load: load, Policy: policy.Threshold{}, Seed: seed},
			backtest.Trial{Load: load, Policy: policy.Buffer{Slots: 10}, Seed: seed, Faults: true})
	}
	results, err := backtest.Compare(t.Context(), trials, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	return results, page(t, results, o)
}

func page(t *testing.T, results []backtest.Result, o backtest.ReportOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := backtest.WriteReport(&b, results, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shown is a figure of the page.
type shown struct{ key, row, value, derived, text string }

// figures returns every figure of a page.
func figures(page string) []shown {
	var all []shown
	scan := regexp.MustCompile(`<span class="n" data-key="([^"]*)" data-row="([^"]*)" data-value="([^"]*)"(?: data-derived="([^"]*)")?>([^<]*)</span>`)
	for _, m := range scan.FindAllStringSubmatch(page, -1) {
		for i := range m {
			m[i] = html.UnescapeString(m[i])
		}
		all = append(all, shown{m[1], m[2], m[3], m[4], m[5]})
	}
	return all
}

// embedded returns the results that the page holds.
func embedded(t *testing.T, page string) string {
	t.Helper()
	_, after, _ := strings.Cut(page, `<script type="application/json" id="results">`)
	text, _, found := strings.Cut(after, "</script>")
	if !found {
		t.Fatal("the page holds no results")
	}
	return text
}

// exact finds the number that a figure is of, in results as their JSON has them.
func exact(t *testing.T, results []map[string]json.RawMessage, f shown) string {
	t.Helper()
	i, err := strconv.Atoi(f.row)
	if err != nil || i < 0 || i >= len(results) {
		t.Fatalf("%+v is of no row", f)
	}
	key, name, within := strings.Cut(f.key, ".")
	if !within {
		return string(results[i][key])
	}
	var counts map[string]json.RawMessage
	if err := json.Unmarshal(results[i][key], &counts); err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	return string(counts[name])
}

// Each figure on the page is the number of its key, and its text is that number,
// rounded to as many digits as it shows.
func TestReportFiguresAreThoseOfTheResults(t *testing.T) {
	results, page := reported(t, backtest.ReportOptions{PricePerTaskHour: 0.05})
	text, err := json.Marshal(results)
	if err != nil {
		t.Fatal(err)
	}
	if embedded(t, page) != string(text) {
		t.Error("the results on the page differ from their JSON")
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range figures(page) {
		seen[f.row+f.key] = true
		if want := exact(t, rows, f); f.value != want {
			t.Errorf("%+v: the result has %s", f, want)
		}
		readsAs(t, f)
	}
	if n := strings.Count(page, "data-key="); n != len(figures(page)) {
		t.Errorf("%d figures are marked and %d were read", n, len(figures(page)))
	}
	for i, row := range rows {
		for key, value := range row {
			if c := value[0]; (c == '-' || c >= '0' && c <= '9') && !settings(key) && !seen[strconv.Itoa(i)+key] {
				t.Errorf("row %d: %s is not shown", i, key)
			}
		}
	}
}

// settings are keys that the page tells of in words.
func settings(key string) bool {
	return key == "slots" || key == "interval_s" || key == "deregistration_delay_s" || key == "days" || key == "warm_up_hours"
}

// readsAs holds a text to its number.
func readsAs(t *testing.T, f shown) {
	t.Helper()
	text, err := strconv.ParseFloat(strings.ReplaceAll(f.text, ",", ""), 64)
	if err != nil {
		t.Errorf("%+v: %v", f, err)
	}
	value, err := strconv.ParseFloat(f.value, 64)
	if err != nil {
		t.Errorf("%+v: %v", f, err)
	}
	_, part, _ := strings.Cut(f.text, ".")
	if f.derived == "" && math.Abs(text-value) > 0.5000001*math.Pow10(-len(part)) {
		t.Errorf("%+v reads as another number", f)
	}
}

// Money is task-hours times the price, and a month is 730.5 hours of the scored ones.
func TestReportMoney(t *testing.T) {
	result := backtest.Result{Policy: "p", Trace: "t", Days: 11, WarmUpHours: 24, TaskHours: 480, Passes: 1}
	var derived []string
	for _, f := range figures(page(t, []backtest.Result{result}, backtest.ReportOptions{PricePerTaskHour: 0.25, Currency: "EUR"})) {
		if f.derived != "" && f.key == "task_hours" {
			derived = append(derived, f.text)
		}
	}
	// 480 task-hours in 240 scored hours: two tasks, all month.
	for i, text := range derived {
		if want := []string{"120.00", "365"}[i%2]; text != want {
			t.Errorf("%s, want %s", text, want)
		}
	}
	if len(derived) != 6 {
		t.Errorf("%d figures of money, want two in the card, two in the table and two in the run", len(derived))
	}
	if text := page(t, []backtest.Result{result}, backtest.ReportOptions{}); strings.Contains(text, "USD") || strings.Contains(text, "data-derived=") {
		t.Error("without a price the page talks of money")
	}
}

// The page asks nobody for anything.
func TestReportStandsAlone(t *testing.T) {
	_, text := reported(t, backtest.ReportOptions{})
	for _, pattern := range []string{`(?i)https?://`, `(?i)\ssrc\s*=`, `(?i)href\s*=\s*["']?[^"'#]`, `(?i)@import`, `(?i)url\(`, `(?i)<link`, `(?i)<iframe`, `(?i)fetch\(`} {
		if found := regexp.MustCompile(pattern).FindString(text); found != "" {
			t.Errorf("%s: the page holds %q", pattern, found)
		}
	}
	if !strings.Contains(text, "<svg viewBox") || !strings.Contains(text, "default-src &#39;none&#39;") && !strings.Contains(text, "default-src 'none'") {
		t.Error("the page lacks its charts, or its promise to load nothing")
	}
}

// Names may hold anything, and none of it becomes a part of the page.
func TestReportEscapesNames(t *testing.T) {
	odd := `</script><script>alert(1)</script><img onerror="x" 'y' & ` + "`${z}` \u2028 {{.}} --> "
	at := time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	result := backtest.Result{
		Policy: odd, Trace: odd, Route: odd, Level: odd, Passes: 1, Days: 1,
		Reasons: map[string]int{odd: 3}, Holds: map[string]int{"a " + odd: 1}, Calls: map[string]int{odd: 2},
		Series:    []backtest.Point{{At: at}, {At: at.Add(time.Hour), Open: 3}},
		Decisions: []backtest.Decision{{At: at, Text: "scaled_out " + odd, Reason: odd}},
	}
	text := page(t, []backtest.Result{result}, backtest.ReportOptions{Title: odd, PricePerTaskHour: 1, Currency: odd})
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "<img") {
		t.Error("a name became a part of the page")
	}
	if opened := strings.Count(text, "<script"); opened != 3 {
		t.Errorf("%d scripts, want the results, the columns of one run and the page's own", opened)
	}
	var back []backtest.Result
	if err := json.Unmarshal([]byte(embedded(t, text)), &back); err != nil {
		t.Fatal(err)
	}
	result.Series, result.Decisions = nil, nil
	if !reflect.DeepEqual(back, []backtest.Result{result}) {
		t.Errorf("the results came back as %+v", back)
	}
	for _, f := range figures(text) {
		if f.key == "reasons."+odd && f.value == "3" {
			return
		}
	}
	t.Error("the reason of an odd name is not shown")
}

// A report of nothing, or of what makes no sense, is an error and writes nothing.
func TestReportRefuses(t *testing.T) {
	one := []backtest.Result{{Policy: "p", Passes: 1}}
	for name, tt := range map[string]struct {
		results []backtest.Result
		price   float64
		want    string
	}{
		"no results":     {nil, 0, "no results"},
		"did not run":    {[]backtest.Result{one[0], {}}, 0, "result 1"},
		"not a number":   {[]backtest.Result{{Policy: "p", RatioLB1: math.NaN()}}, 0, "NaN"},
		"negative price": {one, -1, "PricePerTaskHour"},
		"endless price":  {one, math.Inf(1), "PricePerTaskHour"},
		"price unknown":  {one, math.NaN(), "PricePerTaskHour"},
	} {
		var b bytes.Buffer
		err := backtest.WriteReport(&b, tt.results, backtest.ReportOptions{PricePerTaskHour: tt.price})
		if err == nil || !strings.Contains(err.Error(), tt.want) || b.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes", name, err, b.Len())
		}
	}
}

// Results without a series, of one point, or of a single moment have a page too.
func TestReportOfLittle(t *testing.T) {
	at := time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	for name, r := range map[string]backtest.Result{
		"no series":  {},
		"one point":  {Series: []backtest.Point{{At: at}}},
		"one moment": {Series: []backtest.Point{{At: at}, {At: at}}, Decisions: []backtest.Decision{{At: at, Text: "cordoned t", Reason: "r"}}},
	} {
		r.Policy, r.Passes = "p", 1
		text := page(t, []backtest.Result{r}, backtest.ReportOptions{})
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "ZgotmplZ") {
			t.Errorf("%s: a number of the page makes no sense", name)
		}
	}
}

// A session that was killed is said first.
func TestReportSaysWhoWasCut(t *testing.T) {
	results := []backtest.Result{{Policy: "p", Passes: 1, Sessions: 4, Killed: 1}, {Policy: "q", Passes: 1, Sessions: 4}}
	text := page(t, results, backtest.ReportOptions{Title: "Load test"})
	before, _, _ := strings.Cut(text, "<main")
	if !strings.Contains(before, "Sessions were killed in 1 of them") || !strings.Contains(before, "<h1>Load test</h1>") {
		t.Errorf("the head is %s", before)
	}
	if n := strings.Count(text, `<td class="bad">`); n != 1 {
		t.Errorf("%d rows are marked, want one", n)
	}
}

// What cannot be compared stands apart.
func TestReportSetsLoadsApart(t *testing.T) {
	var results []backtest.Result
	for i, trace := range []string{"a", "b", "a"} {
		results = append(results, backtest.Result{Policy: fmt.Sprint("p", i), Trace: trace, Route: "place", Slots: 10, Passes: 1})
	}
	text := page(t, results, backtest.ReportOptions{})
	for heading, want := range map[string]int{"<h2>a, routing place": 1, "<h2>b, routing place": 1, "<h3>Every run</h3>": 2} {
		if n := strings.Count(text, heading); n != want {
			t.Errorf("%q stands %d times, want %d", heading, n, want)
		}
	}
}
