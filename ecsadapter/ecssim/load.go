package ecssim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Load generates sessions: Poisson arrivals whose rate follows a daily and a
// weekly cycle, with bursts, and durations with a heavy tail. The zero value of
// each field has the default that it names.
type Load struct {
	Seed   uint64
	Start  time.Time     // default Config.Start's default
	Length time.Duration // default one week

	PerHour float64 // mean arrivals per hour on a weekday; default 60
	// Cycle is the length of the season; default 24 h. Swing is how far the rate
	// moves about its mean, 0 to 1; default 0.8, negative for none.
	Cycle time.Duration
	Swing float64
	// Weekend is the rate on days 6 and 7 of each seven cycles, as a share of the
	// other days'; default 0.4.
	Weekend float64
	// Bursts is the mean number of bursts per cycle, each of BurstSize arrivals
	// within five minutes; default 1 of 10, negative for none.
	Bursts    float64
	BurstSize int

	Mean time.Duration // of a duration; default 20 min
	// Tail is the standard deviation of the duration's logarithm; default 1.2,
	// which gives one session in a hundred about eight times the mean.
	Tail float64
}

func (l Load) withDefaults() Load {
	if l.Start.IsZero() {
		l.Start = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	}
	or := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
		*v = max(*v, 0)
	}
	or(&l.PerHour, 60)
	or(&l.Swing, 0.8)
	or(&l.Weekend, 0.4)
	or(&l.Bursts, 1)
	or(&l.Tail, 1.2)
	l.Length = defaultDuration(l.Length, 7*24*time.Hour)
	l.Cycle = defaultDuration(l.Cycle, 24*time.Hour)
	l.Mean = defaultDuration(l.Mean, 20*time.Minute)
	if l.BurstSize == 0 {
		l.BurstSize = 10
	}
	return l
}

// Sessions returns the load, sorted by start. The same value gives the same
// sessions.
func (l Load) Sessions() []Session {
	l = l.withDefaults()
	r := rand.New(rand.NewPCG(l.Seed, 0x10ad))
	var out []Session
	add := func(at time.Duration) {
		if at >= 0 && at < l.Length {
			out = append(out, Session{l.Start.Add(at), l.duration(r)})
		}
	}
	// Thinning: draw at the highest rate, keep each arrival with the share that the
	// rate then has of it.
	peak := l.PerHour * (1 + l.Swing) / float64(time.Hour)
	for at := r.ExpFloat64() / peak; at < float64(l.Length); at += r.ExpFloat64() / peak {
		if r.Float64()*peak < l.rate(time.Duration(at)) {
			add(time.Duration(at))
		}
	}
	// Bursts are what a forecast from averages gets wrong: a class that begins, a
	// shift that starts. They come at any hour.
	bursts := l.Bursts / float64(l.Cycle)
	for at := r.ExpFloat64() / bursts; at < float64(l.Length); at += r.ExpFloat64() / bursts {
		for range l.BurstSize {
			add(time.Duration(at) + time.Duration(r.Int64N(int64(5*time.Minute))))
		}
	}
	slices.SortStableFunc(out, func(a, b Session) int { return a.Start.Compare(b.Start) })
	return out
}

// rate is the arrivals per nanosecond at an offset, bursts excepted. The season
// peaks at its middle.
func (l Load) rate(at time.Duration) float64 {
	phase := 2 * math.Pi * float64(at%l.Cycle) / float64(l.Cycle)
	rate := l.PerHour * (1 - l.Swing*math.Cos(phase)) / float64(time.Hour)
	if at/l.Cycle%7 >= 5 {
		rate *= l.Weekend
	}
	return rate
}

// duration draws from a log-normal distribution with the mean asked for, in whole
// seconds, at least one.
func (l Load) duration(r *rand.Rand) time.Duration {
	// The mean of a log-normal distribution lies above its median by this much.
	mu := math.Log(l.Mean.Seconds()) - l.Tail*l.Tail/2
	d := math.Exp(mu + l.Tail*r.NormFloat64())
	return max(time.Second, time.Duration(d)*time.Second)
}
