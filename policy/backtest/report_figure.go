package backtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// figure is a number as a person reads it, beside what it was rounded from.
type figure struct {
	Key     string // of the result, or key.name where the key holds counts by name
	Row     int    // of the results
	Value   string // exact, as JSON has it
	Text    string // rounded
	Derived string // how Text follows from Value, where it is not the value itself
	value   float64
}

// row is a result by its keys.
type row struct {
	Index int
	keys  map[string]json.RawMessage
}

// decimals are the digits after the point; keys that are not here are counts.
var decimals = map[string]int{
	"no_slot_ppm": 1, "refusals_per_arrival": 3, "ratio_lb1": 3, "ratio_clairvoyant": 3,
	"task_hours": 1, "lb1_hours": 1, "clairvoyant_hours": 1,
	"wait_p50_s": 1, "wait_p95_s": 1, "wait_p99_s": 1, "wait_max_s": 1,
	"days": 1, "warm_up_hours": 1,
}

// Of returns the number under a key.
func (r row) Of(key string) figure {
	return newFigure(r.Index, key, string(r.keys[key]), decimals[key])
}

func newFigure(index int, key, value string, digits int) figure {
	v, _ := strconv.ParseFloat(value, 64) // JSON wrote it
	return figure{Key: key, Row: index, Value: value, Text: thousands(v, digits), value: v}
}

// counts returns the numbers under the names of a key, the largest first.
func (r row) counts(key string) []count {
	var named map[string]json.Number
	if err := json.Unmarshal(r.keys[key], &named); err != nil {
		return nil // a result without this key
	}
	var all []count
	for _, name := range slices.Sorted(maps.Keys(named)) {
		by, code, found := strings.Cut(name, " ")
		if !found {
			by, code = "", name
		}
		all = append(all, count{by, code, newFigure(r.Index, key+"."+name, named[name].String(), 0)})
	}
	slices.SortStableFunc(all, func(a, b count) int { return cmp.Compare(b.Figure.value, a.Figure.value) })
	return all
}

// count is how often something was.
type count struct {
	By, Name string // who said it, if somebody did, and what
	Figure   figure
}

// between is a figure over several runs: the lowest, and the highest where it differs.
type between struct {
	Low, High figure
	Differ    bool
}

func newBetween(figures []figure) between {
	order := func(a, b figure) int { return cmp.Compare(a.value, b.value) }
	low, high := slices.MinFunc(figures, order), slices.MaxFunc(figures, order)
	if high.value >= 1000 {
		// A range of thousands needs no tenths.
		low.Text, high.Text = thousands(low.value, 0), thousands(high.value, 0)
	}
	return between{low, high, low.Text != high.Text}
}

// thousands writes a number with so many digits after the point, and with commas.
func thousands(v float64, digits int) string {
	text := strconv.FormatFloat(v, 'f', digits, 64)
	whole, part, _ := strings.Cut(text, ".")
	whole, negative := strings.CutPrefix(whole, "-")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if negative {
		whole = "-" + whole
	}
	if digits > 0 {
		whole += "." + part
	}
	return whole
}
