package policy

import (
	"encoding/binary"
	"math"
	"time"
)

// The profile is the mean rate of arrivals in each half hour of the week.
const (
	binSeconds = 1800
	binsPerDay = 24 * 3600 / binSeconds
	seasonBins = 7 * binsPerDay
	// monday is the Unix time of the first Monday after its epoch.
	monday = 4 * 24 * 3600
	// weeksKept is over how many weeks a bin is a mean.
	weeksKept = 4
	// doubt is how many arrivals a wider mean counts for, beside those of a bin: the
	// square of the inverse of a third, so that a bin is believed once its own error is
	// below that.
	doubt = 10.0
)

// bin is the half hour under way.
type bin struct {
	index   int32
	n, t    float64 // arrivals and seconds so far
	wrapped float64 // weeks seen
}

// binOf returns the bin of an instant, and how far into it that is.
func binOf(at time.Time) (index int32, into float64) {
	const week = seasonBins * binSeconds
	s := ((at.Unix()-monday)%week + week) % week
	return int32(s / binSeconds), float64(s%binSeconds) / binSeconds
}

// addToBin adds to the bin under way, and closes it where the next one has begun.
func (m *past) addToBin(at time.Time, n, t float64) {
	index, _ := binOf(at)
	if index != m.bin.index {
		// A bin of which less than half was seen says little.
		if m.bin.t >= binSeconds/2 {
			m.closeBin()
		}
		if index < m.bin.index {
			m.bin.wrapped = min(m.bin.wrapped+1, weeksKept)
		}
		m.bin.index, m.bin.n, m.bin.t = index, 0, 0
	}
	m.bin.n += n
	m.bin.t += t
}

func (m *past) closeBin() {
	rate := m.bin.n / m.bin.t
	if was, seen := m.binRate(m.bin.index); seen {
		rate = was + (rate-was)*max(1/(m.bin.wrapped+1), 1.0/weeksKept)
	}
	// In 1/512 of an octave: sixteen bits for any rate.
	code := min(max(math.Round((math.Log2(max(rate, 1e-9))+64)*512), 1), math.MaxUint16)
	binary.LittleEndian.PutUint16(m.bins[2*m.bin.index:], uint16(code))
}

// binRate is the rate that was seen in a bin, per second; false where none was.
func (m *past) binRate(index int32) (rate float64, seen bool) {
	code := binary.LittleEndian.Uint16(m.bins[2*index:])
	return math.Exp2(float64(code)/512 - 64), code != 0
}

// expected is the rate that is expected in a bin: its own, as far as it is known, else
// that of the same time on other days, else the mean of all.
func (m *past) expected(index int32) float64 {
	days, n := 0.0, 0.0
	for d := range int32(7) {
		if rate, seen := m.binRate((index + d*binsPerDay) % seasonBins); seen {
			days += rate
			n++
		}
	}
	if n == 0 {
		return m.long.rate()
	}
	mean := believe(days/n, days*binSeconds, m.long.rate())
	own, seen := m.binRate(index)
	if !seen {
		return mean
	}
	return believe(own, own*binSeconds*max(m.bin.wrapped, 1), mean)
}

// believe weighs a rate that rests on so many arrivals against a wider mean.
func believe(rate, arrivals, wider float64) float64 {
	return (arrivals*rate + doubt*wider) / (arrivals + doubt)
}

// profile is the rate that the season expects at an instant, drawn between the middles
// of two bins; never 0, so that one can divide by it.
func (m *past) profile(at time.Time) float64 {
	index, into := binOf(at)
	next := (index + 1) % seasonBins
	into -= 0.5
	if into < 0 {
		next, into = (index+seasonBins-1)%seasonBins, -into
	}
	return max(m.expected(index)*(1-into)+m.expected(next)*into, 1e-9)
}
