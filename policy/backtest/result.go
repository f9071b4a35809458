package backtest

import (
	"errors"
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// Result is what a run came to, in the units that its keys name. Sessions, killed and
// the counts of writes are of the whole run; the others leave the warm-up out.
type Result struct {
	Policy      string  `json:"policy"`
	Trace       string  `json:"trace"`
	Route       string  `json:"route"`
	Slots       int     `json:"slots"`
	Seed        uint64  `json:"seed"`
	Level       string  `json:"level"`
	IntervalS   float64 `json:"interval_s"`
	DelayS      float64 `json:"deregistration_delay_s"`
	Days        float64 `json:"days"`
	WarmUpHours float64 `json:"warm_up_hours"`

	Sessions int `json:"sessions"`
	Killed   int `json:"killed"` // by scaling, a drain or a deployment
	// Lost are sessions that nothing here could have saved: their task crashed, AWS took
	// it or had refused to protect it, it was sick, or somebody else stopped it.
	Lost               int     `json:"lost_outside_the_guarantee"`
	Arrivals           int     `json:"arrivals"` // scored ones
	NoSlot             int     `json:"no_slot"`
	NoSlotPPM          float64 `json:"no_slot_ppm"`
	RefusalsPerArrival float64 `json:"refusals_per_arrival"`
	Waiting            int     `json:"waiting_at_end"`

	RatioLB1         float64 `json:"ratio_lb1"`
	RatioClairvoyant float64 `json:"ratio_clairvoyant"` // to the bound that pays for starts and releases too
	TaskHours        float64 `json:"task_hours"`
	LB1Hours         float64 `json:"lb1_hours"`
	ClairvoyantHours float64 `json:"clairvoyant_hours"`

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
	// What went wrong with calls, and what befell the service; with faults only.
	Faults  map[string]int `json:"faults,omitempty"`
	Weather map[string]int `json:"weather,omitempty"`

	// For the report; bounded, however long the run.
	Series    []Point    `json:"-"`
	Decisions []Decision `json:"-"`
}

func newResult(t Trial) Result {
	return Result{
		Policy: t.Name, Trace: t.Load.Name, Route: string(t.Route), Slots: t.Slots, Seed: t.Seed, Level: string(t.Level),
		IntervalS: t.Interval.Seconds(), DelayS: t.DeregistrationDelay.Seconds(),
		WarmUpHours: t.WarmUp.Hours(), Sessions: len(t.Load.Sessions), Reasons: make(map[string]int), Holds: make(map[string]int),
	}
}

// count counts the reasons of a pass.
func (r *Result) count(p autoscaler.Pass) {
	r.Passes++
	reasons := p.Reasons
	for _, release := range p.Releases {
		reasons = append(reasons, release.Reasons...)
	}
	for _, reason := range reasons {
		r.Reasons[reason.By+" "+string(reason.Code)]++
		if reason.Severity > autoscaler.Info {
			r.Holds[reason.By+" "+string(reason.Code)]++
		}
	}
}

// score copies what the simulator measured.
func (r *Result) score(s ecssim.Score, t Trial) {
	r.Days = s.To.Sub(s.From).Hours()/24 + r.WarmUpHours/24
	r.Arrivals, r.NoSlot, r.NoSlotPPM = s.Arrivals, s.NoSlot, s.NoSlotPPM()
	r.RefusalsPerArrival = s.RefusalsPerArrival()
	r.RatioLB1 = s.Ratio()
	r.TaskHours, r.LB1Hours = s.BilledTaskSeconds/3600, s.BoundTaskSeconds/3600
	r.WaitP50, r.WaitP95 = s.WaitP50.Seconds(), s.WaitP95.Seconds()
	r.WaitP99, r.WaitMax = s.WaitP99.Seconds(), s.WaitMax.Seconds()
	r.TaskStarts, r.TasksReleased = s.TaskStarts, s.TaskStops
	bounds := t.Load.Bounds(s.From, s.To, t.Slots, meanStart, t.DeregistrationDelay)
	r.ClairvoyantHours = bounds.Clairvoyant / 3600
	if r.ClairvoyantHours > 0 {
		r.RatioClairvoyant = r.TaskHours / r.ClairvoyantHours
	}
}

// String returns the result on one line; the ratio never stands alone.
func (r Result) String() string {
	return fmt.Sprintf("%s on %s, %s: ratio %.3f, killed %d of %d, no slot %.0f ppm, wait p99 %.0f s max %.0f s, %d starts",
		r.Policy, r.Trace, r.Route, r.RatioLB1, r.Killed, r.Sessions, r.NoSlotPPM, r.WaitP99, r.WaitMax, r.TaskStarts)
}

// Cost is what the scored time cost, at a price for one task for an hour.
func (r Result) Cost(perTaskHour float64) float64 { return r.TaskHours * perTaskHour }

// Budget is what a policy is held to. Zero fields hold it to nothing, Killed
// excepted: no session may be cut, ever.
type Budget struct {
	Ratio     float64 // to LB1, at most
	NoSlotPPM float64 // arrivals that found no free slot, at most
	WaitMaxS  float64 // the longest wait, at most
	Killed    int     // sessions cut, at most; leave it 0
}

// Within returns what of the budget is overdrawn, nil where nothing is.
func (r Result) Within(b Budget) error {
	var all []error
	over := func(what string, have, most float64) {
		if most > 0 && have > most {
			all = append(all, fmt.Errorf("%s is %.4g, and the budget %.4g", what, have, most))
		}
	}
	if r.Killed > b.Killed {
		all = append(all, fmt.Errorf("%d sessions were cut", r.Killed))
	}
	over("the ratio to LB1", r.RatioLB1, b.Ratio)
	over("the share of arrivals without a slot, in ppm,", r.NoSlotPPM, b.NoSlotPPM)
	over("the longest wait, in seconds,", r.WaitMax, b.WaitMaxS)
	if err := errors.Join(all...); err != nil {
		return &autoscaler.Error{Op: "backtest.Within", Ref: r.Policy + " on " + r.Trace, Err: err}
	}
	return nil
}
