package policy

import (
	"fmt"
	"math"
	"time"
)

// Window is a time of day on some days, and what a [Schedule] wants in it.
//
// It belongs to the day on which it begins: a window from 22:00 to 06:00 on
// Fridays ends on Saturday, and an exception on Saturday does not touch it.
//
// Where the clock changes it goes by the clock on the wall, and errs on the side
// of the window:
//
//   - a time that is skipped stands for the instant of the change: a window from
//     02:30 begins at 03:00, and one until 02:30 ends there. One that lies in what
//     is skipped altogether does not take place, edges included;
//   - of a time that occurs twice a window begins at the first and ends at the
//     second: from 02:10 to 02:50 it lasts an hour and 40 minutes, in one piece.
//     A window until 02:30 and one from 02:30 then hold both for an hour;
//   - a window over the change lasts an hour less, or more.
type Window struct {
	// Name says in reasons which window it was; empty is its times of day.
	Name string
	// Days are the days of the week on which it begins, and Dates further days.
	// With neither it begins every day. Except are days on which it does not
	// begin, whatever the other two say.
	Days          Days
	Dates, Except []Date
	// From and To are the times of day, as time since midnight on the wall clock.
	// From belongs to the window and To does not. A To that is not after From is
	// on the next day, so that with both 0 a window is a whole day. What is not
	// within 0 to 24 hours counts as the nearest of them.
	From, To time.Duration

	// Min and Max bound the number of open tasks in the window. Max 0 or negative
	// is no bound.
	Min, Max int
	// Open is the number of open tasks wanted in the window, in place of the
	// member's. 0 or negative is none.
	Open int
	// Edge is how long the number takes to rise before the window begins, and to
	// fall after it ends: the larger of Min and Open becomes a lower bound that
	// grows from nothing and shrinks to nothing, evenly and rounded up. The last
	// of n tasks is asked for an n-th of the Edge before the window begins. Max
	// has no edge. 0 or negative is none; more than 24 hours count as 24 hours.
	Edge time.Duration
	// NoScaleIn says that in the window fewer tasks are never wanted.
	NoScaleIn bool
}

// Days is a set of days of the week: Monday|Thursday.
type Days uint8

// The days of the week, and sets of them.
const (
	Sunday Days = 1 << iota
	Monday
	Tuesday
	Wednesday
	Thursday
	Friday
	Saturday

	Workdays = Monday | Tuesday | Wednesday | Thursday | Friday
	Weekend  = Saturday | Sunday
)

// Date is a day of the calendar. Year 0 is every year.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

const day = 24 * time.Hour

// at returns how much of the window is there at an instant: 1 within it, less on
// its edges, 0 elsewhere.
func (w Window) at(t time.Time, zone *time.Location) (part float64, within bool) {
	local := t.In(zone)
	edge := min(max(w.Edge, 0), day)
	// A window ends within two days of its midnight, and its edges reach a day
	// further; a day on which the clock changes is not as long as others.
	for k := -3; k <= 2; k++ {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+k, 0, 0, 0, 0, time.UTC)
		if !w.on(midnight) {
			continue
		}
		begin, end := w.times(midnight, zone)
		switch {
		case !begin.Before(end):
		case t.Before(begin):
			part = max(part, onEdge(t.Sub(begin)+edge, edge))
		case t.Before(end):
			return 1, true
		default:
			part = max(part, onEdge(end.Sub(t)+edge, edge))
		}
	}
	return part, false
}

// onEdge returns the part of an edge that has passed, or is left.
func onEdge(passed, edge time.Duration) float64 {
	if passed <= 0 {
		return 0
	}
	return float64(passed) / float64(edge)
}

// on reports that the window begins on a day, given by its midnight in UTC.
func (w Window) on(midnight time.Time) bool {
	if among(w.Except, midnight) {
		return false
	}
	if w.Days == 0 && len(w.Dates) == 0 {
		return true
	}
	return w.Days&(1<<midnight.Weekday()) != 0 || among(w.Dates, midnight)
}

func among(dates []Date, midnight time.Time) bool {
	for _, d := range dates {
		if d.Month == midnight.Month() && d.Day == midnight.Day() && (d.Year == 0 || d.Year == midnight.Year()) {
			return true
		}
	}
	return false
}

// times returns when the window that begins on a day begins and ends.
func (w Window) times(midnight time.Time, zone *time.Location) (begin, end time.Time) {
	from, to := min(max(w.From, 0), day), min(max(w.To, 0), day)
	if to <= from {
		to += day
	}
	begin, _ = onWall(midnight.Add(from), zone)
	_, end = onWall(midnight.Add(to), zone)
	return begin, end
}

// onWall returns the first and the last instant at which the clocks of a zone
// show a date and time, which is written as if it were UTC; where they skip it,
// both are the instant of the change. time.Date promises nothing for either case.
func onWall(wall time.Time, zone *time.Location) (first, last time.Time) {
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := offset(wall.Add(-day)), offset(wall.Add(day))
	early, late := wall.Add(-before), wall.Add(-after)
	showsEarly, showsLate := offset(early) == before, offset(late) == after
	switch {
	case showsEarly && showsLate:
		return early, late
	case showsEarly:
		return early, early
	case showsLate:
		return late, late
	}
	change, _ := early.In(zone).ZoneBounds()
	return change, change
}

// most is the number that the window stands for on its edges.
func (w Window) most() int {
	n := bounded(w.Open)
	if w.Max > 0 {
		n = min(n, w.Max)
	}
	return max(n, bounded(w.Min))
}

// rising is the lower bound on an edge of which that part has passed.
func (w Window) rising(part float64) int {
	return int(math.Ceil(float64(w.most()) * part))
}

func (w Window) label() string {
	if w.Name != "" {
		return w.Name
	}
	clock := func(d time.Duration) string {
		d = min(max(d, 0), day)
		return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
	}
	return clock(w.From) + "–" + clock(w.To)
}
