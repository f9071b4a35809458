package backtest

import (
	"math"
	"strconv"
	"time"
)

// mark is a labelled place on an axis, in percent from its beginning.
type mark struct {
	At   string
	Text string
	// Minor marks are left out where there is little room; First and Last stand at an
	// end and must not reach beyond it.
	Minor, First, Last bool
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 2, 64) }

// niceStep is the least of 1, 2 and 5 times a power of ten that divides a span into
// at most so many parts.
func niceStep(span float64, parts int) float64 {
	if !(span > 0) {
		return 1
	}
	least := span / float64(parts)
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, times := range []float64{1, 2, 5} {
		if step := times * power; step >= least*(1-1e-9) {
			return step
		}
	}
	return 10 * power
}

// countAxis labels an axis of whole things from 0, and returns where it ends.
func countAxis(most int) (marks []mark, top float64) {
	step := max(1, niceStep(float64(max(most, 1)), 4))
	top = step * math.Ceil(float64(max(most, 1))/step)
	for v := 0.0; v <= top; v += step {
		marks = append(marks, mark{At: percent(v / top), Text: thousands(v, 0)})
	}
	return marks, top
}

// timeAxis labels the time between two instants, in UTC.
func timeAxis(from, to time.Time) []mark {
	span := to.Sub(from)
	step := timeStep(span)
	var marks []mark
	// Truncate counts from a Monday, so that weeks begin with one.
	for at := from.Truncate(step); !at.After(to); at = at.Add(step) {
		if at.Before(from) {
			continue
		}
		share := float64(at.Sub(from)) / float64(span)
		marks = append(marks, mark{
			At: percent(share), Text: moment(at.UTC(), step), Minor: len(marks)%2 == 1, First: share < 0.04, Last: share > 0.96,
		})
	}
	return marks
}

// moment names an instant on an axis: at midnight its day, else its time of day.
func moment(at time.Time, step time.Duration) string {
	switch {
	case at.Equal(at.Truncate(day)):
		return at.Format("2 Jan")
	case step < time.Minute:
		return at.Format("15:04:05")
	}
	return at.Format("15:04")
}

// timeStep is the time between two labels, so that there are eight at most.
func timeStep(span time.Duration) time.Duration {
	for _, step := range []time.Duration{
		10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
		day, 2 * day, week, 2 * week, 4 * week, 8 * week,
	} {
		if span/step < 8 {
			return step
		}
	}
	return 16 * week
}
