package backtest

import (
	"strconv"
	"strings"
	"time"
)

// drawing turns the points of a series into paths in a box of 1000 by 100, in steps:
// a number holds until the next one is known.
type drawing struct {
	series []Point
	marks  []mark
	top    float64
	zero   bool // whether the quantity is 0 throughout
}

// newDrawing makes room for a quantity.
func newDrawing(series []Point, most quantity) drawing {
	highest := 0
	for _, p := range series {
		highest = max(highest, most(p))
	}
	marks, top := countAxis(highest)
	return drawing{series, marks, top, highest == 0}
}

// area fills what lies below a quantity.
func (d drawing) area(q quantity) string { return d.path(q, 0) }

// extreme fills what lies below a quantity that a point has for the time before it.
func (d drawing) extreme(q quantity) string { return d.path(q, 1) }

// path draws each change of a quantity where a point stands, or the one before.
func (d drawing) path(q quantity, ahead int) string {
	var b strings.Builder
	last := q(d.series[ahead])
	b.WriteString("M0 " + d.height(last))
	for i := 1 + ahead; i < len(d.series); i++ {
		if now := q(d.series[i]); now != last {
			b.WriteString("H" + d.along(i-ahead) + "V" + d.height(now))
			last = now
		}
	}
	b.WriteString("H1000V100H0Z")
	return b.String()
}

// along is where a point stands in time.
func (d drawing) along(i int) string {
	first, last := d.series[0].At, d.series[len(d.series)-1].At
	return short(1000 * share(first, last, d.series[i].At))
}

func (d drawing) height(v int) string { return short(100 - 100*float64(v)/d.top) }

// short writes a number of a path to a tenth.
func short(v float64) string { return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") }

// share is how far an instant is on the way from one to another.
func share(from, to, at time.Time) float64 {
	return float64(at.Sub(from)) / float64(max(to.Sub(from), 1))
}
