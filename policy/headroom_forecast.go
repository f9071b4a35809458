package policy

import (
	"math"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// headroomTuning are the constants of Headroom. None of them knows a load: each is in
// units of the load's own arrivals, errors or start times, or belongs to ECS.
type headroomTuning struct {
	// Risk turns the misses that are aimed at into the risk taken at each need. It makes
	// up for what the model leaves out: tasks come in lumps, so that the room is on
	// average half a task above what is asked for.
	Risk float64
	// Arrivals is how many of them the mean is taken over. The error of a mean of n
	// Poisson arrivals is 1/√n of it at any rate: 200 gives 7 %, less than the spread of
	// the arrivals in a start, and the season and the change detector see to what is
	// faster.
	Arrivals float64
	// Rise is by how much of itself the rate of arrivals may rise at any moment: by half.
	// It matters where many arrive in the time of a start, and hardly elsewhere.
	Rise float64
	// Evidence is the logarithm of the likelihood ratio from which more arrivals than
	// expected are a change and not chance: e^9, one false alarm in some thousand looks,
	// whatever the rate.
	Evidence float64
	// Band is the part of the cost of a start that is worth a band: a fifth. The rest of a
	// band is there anyway, since a task is given back only when its sessions have run
	// out.
	Band float64
	// Reopen is the time until a reopened task takes users again: a balancer's twenty
	// seconds, and as much as the controller needs.
	Reopen time.Duration
	// Hold is how long an emptied task is kept at least: longer than it takes until the
	// next user is told that his task has gone, and far shorter than any start.
	Hold time.Duration
	// Prior is how many windows the normal distribution counts as before there are
	// errors of one's own: about a day of them.
	Prior float64
	// Season says whether the time of day and week is looked at.
	Season bool
}

func (p Headroom) constants() headroomTuning {
	if p.tuning != nil {
		return *p.tuning
	}
	return headroomTuning{
		Risk: 2.1, Arrivals: 200, Rise: 0.55, Evidence: 9, Band: 0.2, Reopen: 30 * time.Second, Hold: 5 * time.Second, Prior: 1000, Season: true,
	}
}

// room is what a forecast comes to, in slots.
type room struct {
	start    float64 // until a task that is asked for now is open
	soon     float64 // until one that is reopened now takes users
	surprise float64 // more than this taken within a few seconds is a surprise
	band     float64 // beyond the room before anything is given back
}

const (
	// surpriseWithin is the time over which a surprise is judged: shorter than the
	// interval of any daemon.
	surpriseWithin = 15 // seconds
	// releaseTime is what a release costs beside a start: the balancer's shortest usual
	// delay, and the process's own end.
	releaseTime = 40 // seconds
	// rarest is the rate of arrivals below which none is told from another: one in a
	// month. Where nobody has come yet, somebody may.
	rarest = 1 / (30 * oneDay)
	// riskiest bounds the risk taken at one need: below it a quantile is no tail.
	riskiest = 0.1
)

// forecast returns the room that is needed, and begins to measure how wrong that is.
func (m *past) forecast(s *autoscaler.Snapshot, seen sight, misses float64, c headroomTuning) room {
	rate, plain, seasonal := m.arrivals(s.At, c)
	react := min(max(s.Reaction.Seconds(), 0), longestStart)
	horizon := m.start + react
	f := flow{in: max(rate, rarest), out: m.leaving() * seen.used, spread: m.spread()}
	r := room{band: f.band(m.slots, m.start+releaseTime, c.Band)}

	z := m.quantile(m.risk(f, r.band, horizon, misses*c.Risk), c.Prior)
	mean, sd := f.over(horizon)
	// A rate can rise without warning, which no past error tells of until it has. The
	// two are independent, and add up in squares.
	r.start = max(1, mean+math.Hypot(z*sd, c.Rise*rate*horizon))
	soonMean, soonSD := f.over(react + c.Reopen.Seconds())
	r.soon = max(1, min(r.start, soonMean+z*soonSD))
	shortMean, shortSD := f.over(surpriseWithin)
	r.surprise = max(3, shortMean+3*shortSD)
	m.watch(mean, sd, horizon, plain*horizon, seasonal*horizon)
	return r
}

// flow is slots taken and given back, per second.
type flow struct {
	in, out float64
	spread  float64 // variance of the arrivals over their mean
}

// over is the mean of the slots that are taken more than given back over some seconds,
// and its standard deviation. One slot is added to the variance: even where nothing
// comes, one user is no surprise.
func (f flow) over(seconds float64) (mean, sd float64) {
	return (f.in - f.out) * seconds, math.Sqrt((f.spread*f.in+f.out)*seconds + 1)
}

// band is how far beyond the room slots are kept before tasks are given back. Slots in
// use walk at random with a variance of v per second; a start and a release cost k
// task-seconds each time the walk crosses the whole band, of width q, once in q²/v
// seconds; and a band costs q/2 slots all the time. The sum is least at q³ = 4kvS for S
// slots a task. A task's own slots are no band: a start adds them and a release takes
// them, so that without one either could follow the other at once.
func (f flow) band(slots, cost, weight float64) float64 {
	return math.Cbrt(4 * weight * cost * slots * (f.spread*f.in + f.out))
}

// risk is the probability with which the room may be exceeded at one need, so that of
// a million arrivals no more than misses find no slot. The room comes into need once
// in the time in which the slots in use walk through a task and the band; where it is
// exceeded, it is by a third of the spread.
//
// Misses are spread evenly over time and not over arrivals: at night, when the room is
// seldom in need, a slot of it saves less than by day and costs the same.
func (m *past) risk(f flow, band, horizon, misses float64) float64 {
	lump, variance := m.slots+band, f.spread*f.in+f.out
	crossings := variance/(lump*lump) + math.Abs(f.in-f.out)/lump
	cycle := max(horizon, 1/crossings)
	excess := 1 + math.Sqrt(variance*horizon)/3
	return min(riskiest, misses*1e-6*max(m.long.rate(), rarest)*cycle/excess)
}

// arrivals is the rate of arrivals to reckon with, per second, and the two it is made
// of: from the last arrivals alone, and in proportion to the season.
func (m *past) arrivals(at time.Time, c headroomTuning) (rate, plain, seasonal float64) {
	plain = m.recent.rate()
	seasonal = plain
	if m.season > 0 {
		middle := at.Add(time.Duration(m.start / 2 * float64(time.Second)))
		seasonal = m.recent.n / m.season * m.profile(middle)
		// However strong a season, within a few minutes a rate does not double by it.
		seasonal = min(max(seasonal, plain/2), plain*2)
	}
	rate = plain
	if m.score > 0 && c.Season {
		rate = seasonal
	}
	return max(rate, m.burst), plain, seasonal
}

// quantile is how many standard deviations of past errors are exceeded with the
// probability given: counted where there are enough of them, normal where not.
func (m *past) quantile(risk, prior float64) float64 {
	all := prior + float64(m.windows)
	above, beyond := 0.0, 0.0
	for i := len(m.errors) - 1; i >= 0; i-- {
		z := float64(i) * errorWidth
		above += float64(m.errors[i])
		within := (prior*peakBeyond(z) + above) / all
		if within > risk {
			return z + errorWidth*(within-risk)/max(within-beyond, 1e-12)
		}
		beyond = within
	}
	return 0
}

// peakBeyond is the probability that the peak of a walk without drift lies beyond z
// standard deviations of its end: twice that of the end itself, by reflection.
func peakBeyond(z float64) float64 {
	if z > 7 {
		return 0 // less than once in 10¹¹ windows
	}
	return math.Erfc(z / math.Sqrt2)
}
