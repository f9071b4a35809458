package sessionstore

import "time"

// Ended is a session that ended and that its record no longer has room or time
// to remember. A store keeps it beside the record for [GravestoneLife], so that
// a start that arrives late does not bring the session back.
type Ended struct {
	Session SessionID
	At      time.Time // when the store applied the end
	Cause   EndCause
}

// EndCause says by what a session ended. An unknown text is a newer writer's.
type EndCause string

// The causes.
const (
	CauseEnd    EndCause = "end"    // somebody told its end, or withdrew its begin
	CauseForced EndCause = "forced" // its drain's deadline passed: see autoscaler.ForcedEnds
	CauseTask   EndCause = "task"   // its task ended while it lived
	CauseTime   EndCause = "time"   // its lease, its reservation or its limit ran out, and nobody told an end
)

// ended is a session that the record itself remembers as ended.
type ended struct {
	id    SessionID
	at    instant
	cause EndCause
}

// Spilled tells whether a session of the task is among the [Ended] values that
// the store keeps beside its record. It is asked seldom: only about a session
// that may have begun before the newest of them ended.
type Spilled func(SessionID) bool

// hasEnded reports that a session which began, by its teller's clock, at the
// instant given has ended already.
func (r *Record) hasEnded(id SessionID, began time.Time, t Terms, spilled Spilled) bool {
	for i := range r.ended {
		if r.ended[i].id == id {
			return true
		}
	}
	// A session that began after the newest end beside the record cannot be
	// there. Both clocks may be off by the skew bound.
	if spilled == nil || instantOf(began) > r.watermark.add(2*t.Rules.Skew) {
		return false
	}
	return spilled(id)
}

// remember notes that a session has ended, and returns what the record is to
// forget in its place, for the store to keep. A full list gives up its older half at
// once, and nothing before it is full: what stands beside the record is written in
// batches, whose price is shared.
func (r *Record) remember(id SessionID, cause EndCause, t Terms) []Ended {
	var out []Ended
	if len(r.ended) >= EndedLimit {
		out = r.shed(EndedLimit / 2)
	}
	r.ended = append(r.ended, ended{id, instantOf(t.Now), cause})
	return out
}

// shedAt is how many ended sessions a record is to hold for [Record.Shed].
const shedAt = EndedLimit * 3 / 4

// Shed gives up ended sessions before the record is full, for a store that writes the
// record anyway and would otherwise make its next End pay: with a report, as many sessions
// can end until the next one as a quarter of the list. What it returns is for the store to
// keep, as what [Record.End] returns. It is nothing, and changes nothing, where there is
// room. It raises no version: it may only follow, in the same write, on a call that did.
func (r *Record) Shed() []Ended {
	if len(r.ended) < shedAt {
		return nil
	}
	return r.shed(EndedLimit / 2)
}

// shed gives up the n oldest.
func (r *Record) shed(n int) []Ended {
	out := make([]Ended, n)
	for i, e := range r.ended[:n] {
		out[i] = Ended{Session: e.id, At: e.at.time(), Cause: e.cause}
		r.watermark = max(r.watermark, e.at)
	}
	kept := copy(r.ended, r.ended[n:])
	clear(r.ended[kept:])
	r.ended = r.ended[:kept]
	return out
}
