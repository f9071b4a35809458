package backtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// Load is a series of sessions, sorted by start, with a name for reports.
type Load struct {
	Name     string
	Sessions []ecssim.Session
}

// ReadLoad reads a trace as [ecssim.ReadTrace] does; name stands in errors and
// reports.
func ReadLoad(r io.Reader, name string) (Load, error) {
	sessions, err := ecssim.ReadTrace(r, name)
	return Load{Name: name, Sessions: sessions}, err
}

// LoadFile reads the trace of that path; its base name stands in reports.
func LoadFile(path string) (Load, error) {
	f, err := os.Open(path)
	if err != nil {
		return Load{}, err
	}
	defer f.Close()
	load, err := ReadLoad(f, path)
	load.Name = filepath.Base(path)
	return load, err
}

// Generate returns the sessions of a generated load under a name.
func Generate(name string, l ecssim.Load) Load { return Load{Name: name, Sessions: l.Sessions()} }

// Until returns the sessions that begin within a time of the first one's start;
// those that began run to their end. 0 is all of them.
func (l Load) Until(d time.Duration) Load {
	if d <= 0 || len(l.Sessions) == 0 {
		return l
	}
	end := l.Sessions[0].Start.Add(d)
	n, _ := slices.BinarySearchFunc(l.Sessions, end, func(s ecssim.Session, end time.Time) int { return s.Start.Compare(end) })
	l.Sessions = l.Sessions[:n]
	return l
}

// week is a week: the longest season that people have.
const week = 7 * 24 * time.Hour

// Fold lays the first weeks of a load over one another, week w on week w mod onto,
// and so makes a service of several times the size with the same days and weeks. It
// begins with the first minute of the load.
func (l Load) Fold(weeks, onto int) (Load, error) {
	if len(l.Sessions) == 0 || weeks < 1 || onto < 1 || onto > weeks {
		return Load{}, &autoscaler.Error{Op: "backtest.Fold", Ref: l.Name,
			Err: fmt.Errorf("%d weeks onto %d of %d sessions", weeks, onto, len(l.Sessions)), Hint: "fold at least as many weeks as are to come out"}
	}
	first := l.Sessions[0].Start.Truncate(time.Minute)
	if last := l.Sessions[len(l.Sessions)-1].Start; last.Sub(first) < time.Duration(weeks)*week-24*time.Hour {
		return Load{}, &autoscaler.Error{Op: "backtest.Fold", Ref: l.Name,
			Err: errors.New("the load is shorter than that"), Hint: fmt.Sprintf("it lasts %.1f weeks", last.Sub(first).Hours()/week.Hours())}
	}
	folded := Load{Name: fmt.Sprintf("%s, %d weeks on %d", l.Name, weeks, onto)}
	for _, s := range l.Sessions {
		w := int(s.Start.Sub(first) / week)
		if w >= weeks {
			break
		}
		s.Start = s.Start.Add(-week * time.Duration(w-w%onto))
		folded.Sessions = append(folded.Sessions, s)
	}
	slices.SortStableFunc(folded.Sessions, func(a, b ecssim.Session) int { return a.Start.Compare(b.Start) })
	return folded, nil
}

// Step is a load that has no season and one sudden change: Poisson arrivals whose
// rate is multiplied for a while, and exponential durations.
type Step struct {
	Seed  uint64
	Start time.Time     // default 5 January 2026 00:00 UTC
	Span  time.Duration // of the whole load; default 36 h

	PerSecond float64       // mean arrivals; default 500/600
	Mean      time.Duration // of a duration; default 600 s

	From, To time.Duration // of the change, from the start; default 32 h to 32.5 h
	Times    float64       // what the rate is multiplied by; default 4
}

func (s Step) withDefaults() Step {
	if s.Start.IsZero() {
		s.Start = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	}
	if s.Span <= 0 {
		s.Span = 36 * time.Hour
	}
	if s.PerSecond <= 0 {
		s.PerSecond = 500.0 / 600
	}
	if s.Mean <= 0 {
		s.Mean = 600 * time.Second
	}
	if s.From == 0 && s.To == 0 {
		s.From, s.To = 32*time.Hour, 32*time.Hour+30*time.Minute
	}
	if s.Times <= 0 {
		s.Times = 4
	}
	return s
}

// Load returns the sessions; the same value gives the same ones.
func (s Step) Load() Load {
	s = s.withDefaults()
	r := rand.New(rand.NewPCG(s.Seed, 0x57e9))
	out := Load{Name: "step"}
	// Drawn at the higher rate and thinned, so that the change falls on its instant.
	peak := s.PerSecond * max(s.Times, 1)
	for at := 0.0; ; {
		at += r.ExpFloat64() / peak
		since := time.Duration(at * float64(time.Second))
		if since >= s.Span {
			return out
		}
		rate := s.PerSecond
		if since >= s.From && since < s.To {
			rate *= s.Times
		}
		length := time.Duration(r.ExpFloat64() * float64(s.Mean)).Round(time.Second)
		if r.Float64()*peak < rate {
			out.Sessions = append(out.Sessions, ecssim.Session{Start: s.Start.Add(since), Duration: max(length, time.Second)})
		}
	}
}

// span returns the first start, the last start and the last end.
func (l Load) span() (first, lastStart, lastEnd time.Time) {
	first, lastStart = l.Sessions[0].Start, l.Sessions[len(l.Sessions)-1].Start
	for _, s := range l.Sessions {
		if end := s.Start.Add(s.Duration); end.After(lastEnd) {
			lastEnd = end
		}
	}
	return first, lastStart, lastEnd
}

// Peak returns the most sessions that live at once where nobody has to wait.
func (l Load) Peak() int {
	peak := 0
	l.levels(func(_ time.Time, live int) { peak = max(peak, live) })
	return peak
}

// levels calls f with the live sessions after each change of their number, in order.
func (l Load) levels(f func(at time.Time, live int)) {
	ends := make([]time.Time, len(l.Sessions))
	for i, s := range l.Sessions {
		ends[i] = s.Start.Add(s.Duration)
	}
	slices.SortFunc(ends, time.Time.Compare)
	ended := 0
	for i, s := range l.Sessions {
		for ended < len(ends) && !ends[ended].After(s.Start) {
			ended++
			f(ends[ended-1], i-ended)
		}
		f(s.Start, i+1-ended)
	}
	for ; ended < len(ends); ended++ {
		f(ends[ended], len(ends)-ended-1)
	}
}
