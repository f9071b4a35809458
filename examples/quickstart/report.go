package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// result is what a run came to, in the units that its keys name. Sessions,
// killed and the counts of writes are of the whole run; the others leave the
// warm-up out.
type result struct {
	Policy      string  `json:"policy"`
	Trace       string  `json:"trace"`
	Route       string  `json:"route"`
	Slots       int     `json:"slots"`
	Seed        uint64  `json:"seed"`
	Level       string  `json:"level"`
	Days        float64 `json:"days"`
	WarmUpHours float64 `json:"warm_up_hours"`

	Sessions int `json:"sessions"`
	Killed   int `json:"killed"` // by scaling, a drain or a deployment
	// Lost are sessions that nothing here could have saved: their task crashed, AWS took
	// it or had refused to protect it, it was sick, or somebody else stopped it.
	Lost      int     `json:"lost_outside_the_guarantee"`
	Arrivals  int     `json:"arrivals"` // scored ones
	NoSlot    int     `json:"no_slot"`
	NoSlotPPM float64 `json:"no_slot_ppm"`
	Waiting   int     `json:"waiting_at_end"`

	RatioLB1  float64 `json:"ratio_lb1"`
	TaskHours float64 `json:"task_hours"`
	LB1Hours  float64 `json:"lb1_hours"`

	WaitP50 float64 `json:"wait_p50_s"`
	WaitP95 float64 `json:"wait_p95_s"`
	WaitP99 float64 `json:"wait_p99_s"`
	WaitMax float64 `json:"wait_max_s"`

	TaskStarts    int `json:"task_starts"`
	TasksReleased int `json:"tasks_released"`

	Passes        int `json:"passes"`
	FailedPasses  int `json:"failed_passes"`
	Cordons       int `json:"store_cordons"`
	Reopens       int `json:"store_reopens"`
	Retires       int `json:"store_retires"`
	DesiredWrites int `json:"desired_count_writes"`

	Reasons map[string]int `json:"reasons"`
	Holds   map[string]int `json:"holds"` // of those, what held something back or wants somebody
	Calls   map[string]int `json:"aws_calls"`
	// What went wrong with calls, and what befell the service; with -faults only.
	Faults  map[string]int `json:"faults,omitempty"`
	Weather map[string]int `json:"weather,omitempty"`
}

// score copies what the simulator measured.
func (r *result) score(s ecssim.Score) {
	r.Days = s.To.Sub(s.From).Hours()/24 + r.WarmUpHours/24
	r.Arrivals, r.NoSlot, r.NoSlotPPM = s.Arrivals, s.NoSlot, s.NoSlotPPM()
	r.RatioLB1 = s.Ratio()
	r.TaskHours, r.LB1Hours = s.BilledTaskSeconds/3600, s.BoundTaskSeconds/3600
	r.WaitP50, r.WaitP95 = s.WaitP50.Seconds(), s.WaitP95.Seconds()
	r.WaitP99, r.WaitMax = s.WaitP99.Seconds(), s.WaitMax.Seconds()
	r.TaskStarts, r.TasksReleased = s.TaskStarts, s.TaskStops
}

// writeJSON prints the result as one object.
func (r result) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// writeTable prints the result for a person.
func (r result) writeTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	fmt.Fprintf(t, "policy %s, load %s, routing %s, level %s, %d slots a task, seed %d; %.1f days, the first %.1f h as warm-up and not scored\n\n",
		r.Policy, r.Trace, r.Route, r.Level, r.Slots, r.Seed, r.Days, r.WarmUpHours)
	row("sessions", "%d", r.Sessions)
	row("killed", "%d", r.Killed)
	if r.Weather != nil {
		row("lost outside the guarantee", "%d (crashes, Spot, sick tasks, people, tasks that ECS refused to protect)", r.Lost)
	}
	row("arrivals without a slot", "%.0f ppm (%d of %d scored)", r.NoSlotPPM, r.NoSlot, r.Arrivals)
	row("wait p99 / max", "%.0f s / %.0f s", r.WaitP99, r.WaitMax)
	row("task-hours", "%.1f", r.TaskHours)
	row("lower bound LB1", "%.1f task-hours: every session on as few tasks as could hold them, at each instant", r.LB1Hours)
	row("ratio to LB1", "%.3f", r.RatioLB1)
	row("tasks started / released", "%d / %d", r.TaskStarts, r.TasksReleased)
	row("passes", "%d, of which %d could not be carried out", r.Passes, r.FailedPasses)
	row("store: cordons / reopens / retires", "%d / %d / %d", r.Cordons, r.Reopens, r.Retires)
	row("desired-count writes", "%d", r.DesiredWrites)
	section(t, "calls that went wrong", "times", r.Faults)
	section(t, "what befell the service", "times", r.Weather)
	if r.Faults != nil {
		section(t, "holds, and what wants somebody, by reason", "passes", r.Holds)
	}
	section(t, "decisions by reason", "passes", r.Reasons)
	return t.Flush()
}

// section prints counts, the largest first; nothing where there are none.
func section(w io.Writer, title, unit string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\t%s\n", title, unit)
	byCount := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	for _, name := range byCount {
		fmt.Fprintf(w, "  %s\t%d\n", name, counts[name])
	}
}

// progress draws one line over and over on a terminal, and prints nothing
// elsewhere.
type progress struct {
	w     io.Writer
	live  bool
	shown bool
	last  time.Time
	now   func() time.Time
}

func newProgress(w io.Writer, live bool) *progress { return &progress{w: w, live: live, now: time.Now} }

// show draws the line, at most ten times a second.
func (p *progress) show(done float64, text string) {
	now := p.now()
	if !p.live || now.Sub(p.last) < 100*time.Millisecond && done < 1 {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r\x1b[K%3.0f %%  %s", 100*min(done, 1), text)
}

// done leaves the line.
func (p *progress) done() {
	if p.shown {
		fmt.Fprintln(p.w)
	}
}
