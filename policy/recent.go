package policy

import (
	"math"
	"time"
)

// recent are numbers of the last while, oldest first: one for each part of it in
// which there was one, so that a memory does not grow with the passes.
type recent []entry

// entry is the number of the part that begins at an instant, in Unix
// milliseconds.
type entry struct {
	At int64 `json:"at"`
	N  int   `json:"n"`
}

// parts is into how many parts a while is divided. With the part that has just
// begun and the one that is not quite over, 30 entries are the most.
const parts = 28

// and adds a number of now.
func (r recent) and(now int64, n int) recent { return append(r, entry{now, n}) }

// within leaves out what is older than the while and makes the numbers of one
// part into one. A number counts for the whole while, and up to a part longer.
func (r recent) within(now int64, while time.Duration, join func(a, b int) int) recent {
	length := while.Milliseconds()
	if length <= 0 {
		return nil
	}
	part := (length + parts - 1) / parts
	var out recent
	for _, e := range r {
		if e.At <= now-length-part {
			continue
		}
		// The remainder of a negative number is negative, and its part begins before it.
		e = entry{e.At - ((e.At%part)+part)%part, bounded(e.N)}
		last := len(out) - 1
		switch {
		case e.At <= now-length-part:
		case last >= 0 && out[last].At == e.At:
			out[last].N = join(out[last].N, e.N)
		default:
			out = append(out, e)
		}
	}
	return out
}

// all joins the numbers to one.
func (r recent) all(n int, join func(a, b int) int) int {
	for _, e := range r {
		n = join(n, e.N)
	}
	return n
}

// sound reports that the entries may be this package's work, as of that instant.
func (r recent) sound(now int64) bool {
	last := int64(math.MinInt64)
	for _, e := range r {
		if e.At < last || e.At > now || e.N != bounded(e.N) {
			return false
		}
		last = e.At
	}
	return len(r) <= parts+2
}

func smaller(a, b int) int { return min(a, b) }
func larger(a, b int) int  { return max(a, b) }
func sum(a, b int) int     { return bounded(a + b) }
