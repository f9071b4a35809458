package policy

import (
	"math"
	"time"
)

const (
	seasonBins = 336
	seasonBin  = 30 * time.Minute
)

func binOf(at time.Time) (int32, float64) {
	// Monday 5 January 1970 was the first Monday of Unix time.
	s := at.Unix() - 4*86400
	const week = 7 * 86400
	s = ((s % week) + week) % week
	return int32(s / 1800), float64(s%1800) / 1800
}

func encodeRate(r float64) uint16 {
	if r <= 0 {
		r = 1e-9
	}
	return uint16(min(max(math.Round((math.Log2(r)+64)*512), 1), 65535))
}

func decodeRate(c uint16) float64 { return math.Exp2(float64(c)/512 - 64) }

// binAdd adds arrivals to the bin under way, closing it when the next begins.
func (st *hstate) binAdd(at time.Time, n, dt float64) {
	i, _ := binOf(at)
	if i != st.binI {
		if st.binE >= 900 {
			r := st.binC / st.binE
			if c := st.bins[st.binI]; c != 0 {
				w := max(1/(st.weeks+1), 0.25)
				r = decodeRate(c) + (r-decodeRate(c))*w
			}
			st.bins[st.binI] = encodeRate(r)
		}
		if i < st.binI {
			st.weeks++
		}
		st.binI, st.binC, st.binE = i, 0, 0
	}
	st.binC += n
	st.binE += dt
}

// binRate is the shrunk rate of one bin.
func (st *hstate) binRate(i int32) float64 {
	long := st.n2 / max(st.t2, 1)
	day, n := 0.0, 0.0
	for d := int32(0); d < 7; d++ {
		if c := st.bins[(i+48*d)%seasonBins]; c != 0 {
			day += decodeRate(c)
			n++
		}
	}
	if n == 0 {
		return long
	}
	day /= n
	cnt := day * n * 1800
	day = (cnt*day + 10*long) / (cnt + 10)
	c := st.bins[i]
	if c == 0 {
		return day
	}
	own := decodeRate(c)
	cnt = own * 1800 * min(max(st.weeks, 1), 4)
	return (cnt*own + 10*day) / (cnt + 10)
}

// profile is the seasonal rate at an instant, between the middles of two bins.
func (st *hstate) profile(at time.Time) float64 {
	i, f := binOf(at)
	j := (i + 1) % seasonBins
	f -= 0.5
	if f < 0 {
		j = (i + seasonBins - 1) % seasonBins
		f = -f
	}
	return max(st.binRate(i)*(1-f)+st.binRate(j)*f, 1e-9)
}
