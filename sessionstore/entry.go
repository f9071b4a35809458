package sessionstore

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

// entry is one session in a record, in 24 bytes: its id, and packed beside it
// an instant, what kind of session it is, whether a call admitted it, and which
// processes listed it in their newest report. A million live sessions are kept
// this way; a map per record would take five times as much.
type entry struct {
	id   SessionID
	bits uint64
}

// kind is what a session that has not ended is.
type kind uint64

const (
	kindLive kind = iota
	kindReserved
	kindDisconnected
)

// The layout of entry.bits, from the lowest bit: the instant in Unix
// milliseconds (good until the year 2109), the kind, the admitted bit, one bit
// per process.
const (
	instantBits   = 42
	kindShift     = instantBits
	admittedShift = kindShift + 2
	listedShift   = admittedShift + 1

	instantMask  = 1<<instantBits - 1
	kindMask     = 3 << kindShift
	admittedMask = 1 << admittedShift
	listedMask   = (1<<ProcessLimit - 1) << listedShift
)

func newEntry(id SessionID, k kind, at instant) entry {
	e := entry{id: id, bits: admittedMask}
	e.set(k, at)
	return e
}

// set replaces kind and instant. The instant is rounded up, so that rounding
// ends no session early.
func (e *entry) set(k kind, at instant) {
	ns := max(0, int64(at)-1)
	ms := ns / int64(time.Millisecond)
	// Not by adding to ns first: at the last instant there is, that would wrap.
	if ns%int64(time.Millisecond) > 0 {
		ms++
	}
	e.bits = e.bits&^(instantMask|kindMask) | uint64(k)<<kindShift | min(uint64(ms), instantMask)
}

func (e entry) kind() kind     { return kind(e.bits & kindMask >> kindShift) }
func (e entry) admitted() bool { return e.bits&admittedMask != 0 }
func (e entry) listed() bool   { return e.bits&listedMask != 0 }

// listings is the number of processes that list the session.
func (e entry) listings() int { return bits.OnesCount64(e.bits & listedMask) }

// instant is when a live session was admitted, and when any other ends by itself.
func (e entry) instant() instant {
	return instant(int64(e.bits&instantMask)*int64(time.Millisecond) + 1)
}

func listedBy(process int) uint64 { return 1 << (listedShift + process) }

// find returns where the session is among the entries, which are ordered by id,
// or where it would be.
func find(entries []entry, id SessionID) (int, bool) {
	return slices.BinarySearchFunc(entries, id, func(e entry, id SessionID) int { return cmp.Compare(e.id, id) })
}

// insert puts e at index i. It grows the entries by a sixteenth and not by
// doubling: they are held for as long as the task lives.
func insert(entries []entry, i int, e entry) []entry {
	if n := len(entries); n == cap(entries) {
		grown := make([]entry, n, n+4+n/16)
		copy(grown, entries)
		entries = grown
	}
	return slices.Insert(entries, i, e)
}
