package autoscaler

import (
	"encoding/json"
	"fmt"
	"math"
)

// Occupancy is how many sessions a task holds, or that nobody can tell. The
// zero value is unknown, so a value that was never filled in counts as busy:
// missing is not zero.
//
// A pointer to an int would say the same and would be dereferenced without the
// question; a number below zero as the mark would be added up by mistake.
type Occupancy struct {
	sessions int32
	known    bool
}

// Sessions returns a known occupancy of n sessions. A negative n cannot be
// true and gives the unknown occupancy.
func Sessions(n int) Occupancy {
	if n < 0 || n > math.MaxInt32 {
		return Occupancy{}
	}
	return Occupancy{sessions: int32(n), known: true}
}

// Sessions returns the number of sessions and whether it is known. When it is
// not, n is 0 and means nothing.
func (o Occupancy) Sessions() (n int, known bool) { return int(o.sessions), o.known }

// Idle reports that the task is known to hold no session. It is the only idle
// test in this module: unknown is busy.
func (o Occupancy) Idle() bool { return o.known && o.sessions == 0 }

// String returns the number, or "unknown".
func (o Occupancy) String() string {
	if !o.known {
		return "unknown"
	}
	return fmt.Sprint(o.sessions)
}

// MarshalJSON writes the number, or null when it is unknown.
func (o Occupancy) MarshalJSON() ([]byte, error) {
	if !o.known {
		return []byte("null"), nil
	}
	return json.Marshal(o.sessions)
}

// UnmarshalJSON reads what MarshalJSON wrote. It refuses a negative number and
// a fraction; null is unknown.
func (o *Occupancy) UnmarshalJSON(text []byte) error {
	*o = Occupancy{}
	if string(text) == "null" {
		return nil
	}
	var n int32
	if err := json.Unmarshal(text, &n); err != nil {
		return fmt.Errorf("autoscaler: occupancy %s: want a whole number or null: %w", text, err)
	}
	if n < 0 {
		return fmt.Errorf("autoscaler: occupancy %d: want 0 or more, or null for unknown", n)
	}
	*o = Sessions(int(n))
	return nil
}
