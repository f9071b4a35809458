package backtest

import "math"

// scatter sets what runs cost against the users that they turned away.
type scatter struct {
	Dots   []dot
	Across []mark // the ratio to LB1
	Up     []mark // users without a free slot
	AnyCut bool   // whether a run killed sessions
}

// dot is a run, in percent from the lower left.
type dot struct {
	X, Y string
	Left bool // whether what is said of it stands to its left
	Run  runView
}

func newScatter(runs []runView) scatter {
	highest, most := 1.0, 0.0
	for _, run := range runs {
		highest, most = max(highest, run.result.RatioLB1), max(most, run.result.NoSlotPPM)
	}
	var s scatter
	var right float64
	s.Across, right = ratioAxis(highest)
	var decades int
	s.Up, decades = partsAxis(most)
	for _, run := range runs {
		s.AnyCut = s.AnyCut || run.result.Killed > 0
		x := max(0, (run.result.RatioLB1-1)/(right-1))
		s.Dots = append(s.Dots, dot{percent(x), percent(tenfold(run.result.NoSlotPPM, decades)), x > 0.5, run})
	}
	return s
}

// ratioAxis labels the ratios from 1, which is the bound, and returns where it ends.
func ratioAxis(highest float64) (marks []mark, end float64) {
	step := niceStep(max(highest-1, 0.1), 5)
	parts := int(math.Floor(max(highest-1, 0.1)/step)) + 1 // so that no dot stands on the edge
	end = 1 + step*float64(parts)
	digits := 1
	if step < 0.1 {
		digits = 2
	}
	for i := range parts + 1 {
		marks = append(marks, mark{
			At: percent(float64(i) / float64(parts)), Text: thousands(1+step*float64(i), digits), Minor: i%2 == 1,
		})
	}
	return marks, end
}

// partsAxis labels parts per million by powers of ten with 0 at its foot: policies
// differ by a thousand times in them, and the good ones are told apart near 0.
func partsAxis(most float64) (marks []mark, decades int) {
	decades = max(2, int(math.Ceil(math.Log10(most+2))))
	marks = append(marks, mark{At: percent(0), Text: "0"})
	for i := range decades + 1 {
		v := math.Pow(10, float64(i))
		marks = append(marks, mark{At: percent(tenfold(v, decades)), Text: thousands(v, 0)})
	}
	return marks, decades
}

// tenfold is where a number stands on an axis of powers of ten that begins with 0.
func tenfold(v float64, decades int) float64 {
	return math.Log10(v+1) / math.Log10(math.Pow(10, float64(decades))+1)
}
