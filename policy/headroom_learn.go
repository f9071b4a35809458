package policy

import (
	"math"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// past is what a Headroom has learnt: its memory.
type past struct {
	known bool // it has seen a snapshot before

	at         int64 // of the last snapshot, in Unix milliseconds
	asked      int64 // arrivals and users waiting, then
	arrivals0  int64 // arrivals alone
	departures int64

	slots  float64 // of a task
	start  float64 // seconds that a task takes to open
	recent decayed // arrivals over the last few dozen of them
	long   decayed // over about a day
	season float64 // the exposure of recent, in arrivals that the profile expects
	gone   decayed // departures over an hour or less, by session-seconds
	burst  float64 // arrivals per second in a sudden change; 0 for none

	squares, weight float64 // of the arrivals' spread
	score           float64 // of the season over no season, as a log-likelihood

	window  window
	errors  [48]uint16 // by standard deviations, errorWidth each
	windows uint32
	looks   [10]look // ever further back
	bin     bin
	bins    [2 * seasonBins]byte // of the profile
}

// decayed is a count over an exposure, both fading.
type decayed struct{ n, t float64 }

func (d decayed) rate() float64 { return d.n / max(d.t, 1) }

func (d *decayed) add(n, t, keep float64) { d.n, d.t = d.n*keep+n, d.t*keep+t }

// look is what an earlier snapshot showed.
type look struct{ at, asked int64 }

// window is a forecast whose outcome is awaited.
type window struct {
	from     int64 // Unix milliseconds; 0 for none
	asked    int64
	left     float64 // departures from open tasks since
	mean, sd float64
	seconds  float64
	peak     float64
	plain    float64 // arrivals forecast without a season
	seasonal float64
}

const (
	errorWidth   = 0.25 // standard deviations
	longestStart = 600  // seconds; a task that takes longer is stuck
	hour         = 3600.0
	oneDay       = 24 * hour
	// shortest and longest time that the recent arrivals are taken over, in seconds.
	shortestMean, longestMean = 120.0, 1800.0
	// firstLife is how long sessions are taken to last before one was seen to end.
	firstLife = 600.0 // seconds
)

// sight is what a snapshot shows of demand.
type sight struct {
	asked, arrivals, departures int64
	sessions, used              float64 // on all tasks, and slots in use on open ones
}

func see(s *autoscaler.Snapshot) sight {
	arrivals, departures := counted(s.Demand.Arrivals), counted(s.Demand.Departures)
	return sight{
		// Whoever waits has arrived. To count him when he is let in would show a queue that
		// is served as a burst, and one that grows as a lull.
		asked: arrivals + int64(bounded(s.Demand.Waiting)), arrivals: arrivals, departures: departures,
		sessions: float64(bounded(s.Totals.Sessions)),
		used:     float64(max(0, bounded(s.Totals.Slots)-bounded(s.Totals.Free))),
	}
}

// counted bounds a count so that differences cannot overflow.
func counted(n int64) int64 { return min(max(n, 0), 1<<52) }

// learn takes a snapshot in. One of the same instant teaches nothing; one from before
// the last, or one whose counts fell, begins anew but for the season and the errors.
func (m *past) learn(s *autoscaler.Snapshot, seen sight, start float64, c headroomTuning) {
	now := s.At.UnixMilli()
	dt := float64(now-m.at) / 1000
	switch {
	case !m.known || dt < 0 || dt > oneDay || seen.arrivals < m.arrivals0 || seen.departures < m.departures:
		m.begin(seen, start)
	case dt > 0:
		m.opening(s, dt)
		m.change(now, seen.asked, c.Evidence)
		m.count(s.At, seen, dt, c.Arrivals)
		m.judge(now, seen)
	}
	m.known, m.at = true, now
	m.asked, m.arrivals0, m.departures = seen.asked, seen.arrivals, seen.departures
}

// begin starts from what lives: as many arrive and leave as keep it so.
func (m *past) begin(seen sight, start float64) {
	if m.start == 0 {
		m.start = start
	}
	if m.long.t == 0 {
		m.long = decayed{seen.sessions / firstLife * 60, 60}
	}
	m.recent = decayed{seen.sessions / firstLife * 60, 60}
	m.gone = decayed{seen.sessions / firstLife * 60, seen.sessions * 60}
	m.season = m.recent.n
	m.burst, m.window, m.looks = 0, window{}, [10]look{}
	m.bin = bin{}
}

// opening learns how long a task takes to open: the greatest age of one that has not,
// forgotten over a day. The greatest and not the mean: users wait for the slowest.
func (m *past) opening(s *autoscaler.Snapshot, dt float64) {
	if s.Totals.Starting <= 0 {
		return
	}
	oldest := 0.0
	for i := range s.Tasks {
		if t := &s.Tasks[i]; t.State == autoscaler.TaskNew && t.Age < longestStart*time.Second {
			oldest = max(oldest, t.Age.Seconds())
		}
	}
	m.start += (max(oldest, 30) - m.start) * (1 - math.Exp(-dt/oneDay))
	m.start = max(m.start, oldest)
}

// change finds a sudden rise: the shortest time up to now in which more have arrived
// than chance explains at the recent rate. The shortest, since a longer one is diluted
// by what was before the change.
func (m *past) change(now, asked int64, evidence float64) {
	m.burst = 0
	for _, l := range m.looks {
		t := float64(now-l.at) / 1000
		n, expected := float64(asked-l.asked), m.recent.rate()*t
		if l.at == 0 || t < 2 || n <= expected+3 {
			continue
		}
		if ratio := n*math.Log(n/max(expected, 0.5)) - (n - expected); ratio > evidence*m.spread() {
			m.burst = n / t
			break
		}
	}
	// Each look is twice as far back as the one before.
	for i := len(m.looks) - 1; i > 0; i-- {
		if age := float64(now-m.looks[i].at) / 1000; m.looks[i].at == 0 || age >= float64(int(2)<<i) {
			m.looks[i] = m.looks[i-1]
		}
	}
	m.looks[0] = look{now, asked}
}

// count brings the rates up to date.
func (m *past) count(at time.Time, seen sight, dt, arrivals float64) {
	n := float64(max(0, seen.asked-m.asked))
	span := min(max(arrivals/max(m.recent.rate(), 1e-9), shortestMean), longestMean)
	keep := math.Exp(-dt / span)
	m.recent.add(n, dt, keep)
	m.season = m.season*keep + m.profile(at)*dt
	m.long.add(n, dt, math.Exp(-dt/oneDay))
	// Over as many departures as arrivals: what was supposed in the beginning fades from
	// both alike, or a service would look as if it were emptying.
	span = min(max(arrivals/max(m.leaving()*seen.sessions, 1e-9), shortestMean), hour)
	m.gone.add(float64(seen.departures-m.departures), seen.sessions*dt, math.Exp(-dt/span))
	m.addToBin(at, n, dt)
}

// leaving is the share of the sessions that end, per second.
func (m *past) leaving() float64 { return m.gone.n / max(m.gone.t, 1) }

// spread is the variance of arrivals over their mean: 1 where each comes by himself,
// more where they come in batches. Thirty windows count as 1 from the start.
func (m *past) spread() float64 { return min(max(1, (m.squares+30)/(m.weight+30)), 1e3) }

// watch begins to measure a forecast, unless one is being measured.
func (m *past) watch(mean, sd, seconds, plain, seasonal float64) {
	if m.window.from == 0 {
		m.window = window{from: m.at, asked: m.asked, mean: mean, sd: sd, seconds: seconds, plain: plain, seasonal: seasonal}
	}
}

// judge measures the forecast under way, by its peak: room that was short for a moment
// was short.
func (m *past) judge(now int64, seen sight) {
	w := &m.window
	if w.from == 0 {
		return
	}
	share := 1.0
	if seen.sessions > 0 {
		share = min(1, seen.used/seen.sessions)
	}
	w.left += float64(seen.departures-m.departures) * share
	came := float64(max(0, seen.asked-w.asked))
	w.peak = max(w.peak, came-w.left)
	t := float64(now-w.from) / 1000
	if t < w.seconds {
		return
	}
	// In the first hour a forecast is wrong by what was supposed, which says nothing of
	// later ones.
	if m.long.t < hour {
		*w = window{}
		return
	}
	if e := (w.peak - w.mean) / max(w.sd, 1); e >= 0 {
		m.errors[min(int(e/errorWidth), len(m.errors)-1)]++
	}
	if m.windows++; m.windows >= 1<<16-1 {
		m.fade()
	}
	if expected := m.recent.rate() * t; expected > 0 {
		const keep = 1 - 1.0/200
		m.squares = m.squares*keep + (came-expected)*(came-expected)/max(expected, 1)
		m.weight = m.weight*keep + 1
	}
	if w.plain > 0 && w.seasonal > 0 {
		gain := came*math.Log(w.seasonal/w.plain) - (w.seasonal-w.plain)*t/max(w.seconds, 1)
		m.score = m.score*math.Exp(-t/(3*oneDay)) + gain
	}
	*w = window{}
}

// fade halves what is known of errors: old ones count less, and no count overflows.
func (m *past) fade() {
	m.windows /= 2
	for i := range m.errors {
		m.errors[i] /= 2
	}
}
