package policy

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// pastVersion is the first byte of the memory. Another one is another policy's, or
// another version's, and counts as none.
const pastVersion = 1

// pastSize is the memory in bytes: version, numbers, counts of errors, profile. It
// does not depend on the service.
const pastSize = 1 + 8*pastNumbers + 2*48 + 2*seasonBins

// pastNumbers is how many numbers of eight bytes there are: see numbers and integers.
const pastNumbers = 23 + 7 + 20

// numbers are the fields that are fractions, in the order in which they are written.
func (m *past) numbers() [23]*float64 {
	w := &m.window
	return [...]*float64{
		&m.slots, &m.start, &m.recent.n, &m.recent.t, &m.long.n, &m.long.t, &m.season, &m.gone.n, &m.gone.t, &m.burst,
		&m.squares, &m.weight, &m.score, &w.left, &w.mean, &w.sd, &w.seconds, &w.peak, &w.plain, &w.seasonal,
		&m.bin.n, &m.bin.t, &m.bin.wrapped,
	}
}

// memory writes what was learnt as one JSON string. A JSON object would be four times
// as long, and take longer to read than the decision takes.
func (m *past) memory() autoscaler.Memory {
	var buffer [pastSize]byte
	raw := append(buffer[:0], pastVersion)
	for _, f := range m.numbers() {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(*f))
	}
	for _, n := range [...]int64{m.at, m.asked, m.arrivals0, m.departures, m.window.from, m.window.asked, int64(m.bin.index)<<32 | int64(m.windows)} {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(n))
	}
	for _, l := range m.looks {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(l.at))
		raw = binary.LittleEndian.AppendUint64(raw, uint64(l.asked))
	}
	for _, n := range m.errors {
		raw = binary.LittleEndian.AppendUint16(raw, n)
	}
	raw = append(raw, m.bins[:]...)
	out := make([]byte, 0, base64.RawStdEncoding.EncodedLen(len(raw))+2)
	out = append(out, '"')
	out = base64.RawStdEncoding.AppendEncode(out, raw)
	return append(out, '"')
}

// remember reads what memory wrote. Anything else is no memory, whatever it is: a past
// that makes no sense would shape decisions for a day.
func remember(memory autoscaler.Memory) past {
	n := len(memory)
	if n != base64.RawStdEncoding.EncodedLen(pastSize)+2 || memory[0] != '"' || memory[n-1] != '"' {
		return past{}
	}
	var raw [pastSize]byte
	if _, err := base64.RawStdEncoding.Decode(raw[:], memory[1:n-1]); err != nil || raw[0] != pastVersion {
		return past{}
	}
	m := past{known: true, bins: [2 * seasonBins]byte(raw[pastSize-2*seasonBins:])}
	if !m.parse(raw[1:]) {
		return past{}
	}
	return m
}

// parse reads the numbers, and reports whether they make sense.
func (m *past) parse(raw []byte) bool {
	next := func() uint64 {
		v := binary.LittleEndian.Uint64(raw)
		raw = raw[8:]
		return v
	}
	const most = 1e15
	for _, f := range m.numbers() {
		*f = math.Float64frombits(next())
		if !(*f >= -most && *f <= most) {
			return false
		}
	}
	for _, n := range [...]*int64{&m.at, &m.asked, &m.arrivals0, &m.departures, &m.window.from, &m.window.asked} {
		*n = int64(next())
	}
	both := next()
	m.bin.index, m.windows = int32(both>>32), uint32(both)
	for i := range m.looks {
		m.looks[i] = look{int64(next()), int64(next())}
	}
	for i := range m.errors {
		m.errors[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return m.sensible()
}

// sensible bounds what a later computation relies on.
func (m *past) sensible() bool {
	counts := m.arrivals0 >= 0 && m.asked >= m.arrivals0 && m.asked <= 1<<53 && m.departures >= 0
	rates := m.recent.n >= 0 && m.recent.t >= 0 && m.long.n >= 0 && m.long.t >= 0 && m.gone.n >= 0 && m.gone.t >= 0 && m.season >= 0
	shape := m.slots >= 1 && m.start >= 1 && m.start <= longestStart && m.window.seconds >= 0 && m.burst >= 0 &&
		m.squares >= 0 && m.weight >= 0 && m.bin.t >= 0 && m.bin.n >= 0 && m.bin.wrapped >= 0
	return counts && rates && shape && m.bin.index >= 0 && m.bin.index < seasonBins && m.windows < 1<<16
}
