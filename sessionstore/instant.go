package sessionstore

import "time"

// instant is a time in eight bytes: nanoseconds since 1970, plus one, so that
// the zero value is no instant and 1970 itself is one. A time.Time would take
// three times as much, a dozen times per record.
type instant int64

// never is later than every instant a record holds.
const never = instant(1<<63 - 1)

// instantOf returns the instant of t, and no instant for the zero time.
func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.UnixNano() + 1)
}

// time returns the instant as UTC, and the zero time for no instant.
func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)-1).UTC()
}

// add returns the instant d later.
func (i instant) add(d time.Duration) instant { return i + instant(d) }
