package backtest

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// Point is what a run looked like over a stretch of it: the last values, and the
// extremes of what is missed or short.
type Point struct {
	At       time.Time `json:"at"`
	Sessions int       `json:"sessions"`
	Open     int       `json:"open"`
	Starting int       `json:"starting"`
	Cordoned int       `json:"cordoned"`
	Retired  int       `json:"retired"`
	Slots    int       `json:"slots"`     // of open tasks
	FreeLow  int       `json:"free_low"`  // fewest free slots of open tasks
	WaitHigh int       `json:"wait_high"` // most users that waited
}

// Decision is one act of a run and its reason.
type Decision struct {
	At     time.Time `json:"at"`
	Text   string    `json:"text"`
	Reason string    `json:"reason"`
}

// How much of a run is kept for its report.
const (
	seriesPoints  = 1500
	keptDecisions = 400
)

// series gathers points and the latest decisions.
type series struct {
	first     time.Time
	width     time.Duration
	kept      []Point
	decisions []Decision
}

func newSeries(first, last time.Time) series {
	return series{first: first, width: max(last.Sub(first)/seriesPoints, time.Second)}
}

// pass notes a pass.
func (s *series) pass(p autoscaler.Pass, users *ecssim.Application) {
	t := p.Totals
	now := Point{
		At: p.At, Sessions: users.Active(), Open: t.Open, Starting: t.Starting, Cordoned: t.Cordoned, Retired: t.Retired,
		Slots: t.Slots, FreeLow: t.Free, WaitHigh: users.Waiting(),
	}
	slot := p.At.Sub(s.first) / s.width
	if n := len(s.kept); n > 0 && s.kept[n-1].At.Sub(s.first)/s.width == slot {
		last := s.kept[n-1]
		now.FreeLow, now.WaitHigh = min(now.FreeLow, last.FreeLow), max(now.WaitHigh, last.WaitHigh)
		s.kept[n-1] = now
	} else {
		s.kept = append(s.kept, now)
	}
	s.decided(p)
}

// decided notes what a pass did, and why.
func (s *series) decided(p autoscaler.Pass) {
	if len(p.Actions) == 0 || len(p.Reasons) == 0 {
		return
	}
	why := p.Reasons[0].String()
	for _, a := range p.Actions {
		switch a.Code {
		case autoscaler.CodeReopened, autoscaler.CodeScaledOut, autoscaler.CodeScaledIn, autoscaler.CodeCordoned:
			s.decisions = append(s.decisions, Decision{At: p.At, Text: a.String(), Reason: why})
		}
	}
	if n := len(s.decisions); n > 2*keptDecisions {
		s.decisions = append(s.decisions[:0], s.decisions[n-keptDecisions:]...)
	}
}
