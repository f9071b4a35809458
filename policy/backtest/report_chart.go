package backtest

import (
	"encoding/json"
	"html/template"
	"slices"
	"time"
)

// timeCharts are the charts of one run over time, on one time axis.
type timeCharts struct {
	From, To string // in UTC
	Charts   []timeChart
	Marks    []mark // of the time axis
	Bands    []band // what is not scored
	Columns  template.JS
}

// timeChart is one chart.
type timeChart struct {
	Title, Unit, About string
	Marks              []mark
	Layers             []layer // what is drawn first stands first
	Low                bool    // whether little height does
	Zero               bool    // whether it is 0 throughout
}

// Key returns the layers from the front to the back, as they lie on one another.
func (c timeChart) Key() []layer {
	key := slices.Clone(c.Layers)
	slices.Reverse(key)
	return key
}

// layer is a quantity over time.
type layer struct {
	Class string // its colour, and its name in Columns
	Label string
	Path  string // in a box of 1000 by 100
}

// band is a stretch of time, in percent.
type band struct{ From, Width string }

// quantity is a number of each point.
type quantity func(Point) int

// newTimeCharts draws a series; without one there are no charts.
func newTimeCharts(r Result) (timeCharts, error) {
	if len(r.Series) == 0 {
		return timeCharts{}, nil
	}
	from, to := r.Series[0].At, r.Series[len(r.Series)-1].At
	if !to.After(from) {
		return timeCharts{}, nil // a moment is no time to draw
	}
	values, err := columns(r)
	return timeCharts{
		From: from.UTC().Format("Mon 2 Jan 2006 15:04"), To: to.UTC().Format("Mon 2 Jan 2006 15:04"),
		Charts: []timeChart{capacityChart(r), sessionsChart(r.Series), freeChart(r.Series), waitingChart(r.Series)},
		Marks:  timeAxis(from, to), Bands: unscored(r, to.Sub(from)), Columns: values,
	}, err
}

// capacityChart stacks the tasks; each area covers what is drawn before it.
func capacityChart(r Result) timeChart {
	open := func(p Point) int { return p.Open }
	starting := func(p Point) int { return open(p) + p.Starting }
	cordoned := func(p Point) int { return starting(p) + p.Cordoned }
	all := func(p Point) int { return cordoned(p) + p.Retired }
	d := newDrawing(r.Series, all)
	return timeChart{
		Title: "Tasks by state, and the fewest that could hold the sessions", Unit: "tasks", Marks: d.marks,
		About: "Stacked: together they are the tasks that are paid for. The dark part is the lower bound: live sessions over the slots of a task, rounded up; what is bright is more than that.",
		Layers: []layer{
			{"retired", "Retired: closed for good", d.area(all)},
			{"cordoned", "Cordoned: takes no new session", d.area(cordoned)},
			{"starting", "Starting", d.area(starting)},
			{"open", "Open", d.area(open)},
			{"need", "Fewest tasks needed", d.area(need(r.Slots))},
		},
	}
}

// need is the lower bound of the tasks for the sessions that live.
func need(slots int) quantity {
	slots = max(slots, 1)
	return func(p Point) int { return (p.Sessions + slots - 1) / slots }
}

func sessionsChart(series []Point) timeChart {
	d := newDrawing(series, func(p Point) int { return max(p.Sessions, p.Slots) })
	return timeChart{
		Title: "Sessions, and the slots of open tasks", Unit: "sessions, slots", Marks: d.marks,
		About: "Sessions lie in front of the slots; grey above them is room that is paid for and free. Sessions live on cordoned tasks too, whose slots do not count.",
		Layers: []layer{
			{"slots", "Slots of open tasks", d.area(func(p Point) int { return p.Slots })},
			{"sessions", "Live sessions", d.area(func(p Point) int { return p.Sessions })},
		},
	}
}

func freeChart(series []Point) timeChart {
	free := func(p Point) int { return p.FreeLow }
	d := newDrawing(series, free)
	return timeChart{
		Title: "Fewest free slots of open tasks", Unit: "slots", Marks: d.marks, Low: true, Zero: d.zero,
		About:  "The fewest that a pass of each stretch of time saw. At 0 the next user waits.",
		Layers: []layer{{"free_low", "Fewest free slots", d.extreme(free)}},
	}
}

func waitingChart(series []Point) timeChart {
	waiting := func(p Point) int { return p.WaitHigh }
	d := newDrawing(series, waiting)
	return timeChart{
		Title: "Most users waiting for a slot", Unit: "users", Marks: d.marks, Low: true, Zero: d.zero,
		About:  "The most that a pass of each stretch of time saw.",
		Layers: []layer{{"wait_high", "Most users waiting", d.extreme(waiting)}},
	}
}

// unscored are the stretches that no figure counts: the warm-up, and what comes after
// the last session has begun.
func unscored(r Result, span time.Duration) []band {
	warm, end := r.WarmUpHours/span.Hours(), r.Days*24/span.Hours()
	var bands []band
	if warm > 0 {
		bands = append(bands, band{percent(0), percent(min(warm, 1))})
	}
	if end > warm && end < 1 {
		bands = append(bands, band{percent(end), percent(1 - end)})
	}
	return bands
}

// columns are the values behind the charts, by layer, for whoever points at a moment.
func columns(r Result) (template.JS, error) {
	all := map[string][]int64{}
	for _, p := range r.Series {
		for name, v := range map[string]int64{
			"at": p.At.Unix(), "open": int64(p.Open), "starting": int64(p.Starting), "cordoned": int64(p.Cordoned),
			"retired": int64(p.Retired), "need": int64(need(r.Slots)(p)), "sessions": int64(p.Sessions), "slots": int64(p.Slots),
			"free_low": int64(p.FreeLow), "wait_high": int64(p.WaitHigh),
		} {
			all[name] = append(all[name], v)
		}
	}
	text, err := json.Marshal(all)
	return template.JS(text), err
}
