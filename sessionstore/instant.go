package sessionstore

import "time"

// instant is a time in eight bytes: nanoseconds since 1970, plus one, so that
// the zero value is no instant and 1970 itself is one. A time.Time would take
// three times as much, a dozen times per record.
type instant int64

// never is later than every instant a record holds.
const never = instant(1<<63 - 1)

// instantOf returns the instant of t, and no instant for the zero time. What lies
// outside 1678 to 2262 becomes the nearest instant inside: "the year 9999" means
// never, and must not wrap around into the past.
func instantOf(t time.Time) instant {
	switch {
	case t.IsZero():
		return 0
	case t.Unix() <= -int64(never)/int64(time.Second):
		return -never
	case t.Unix() >= int64(never)/int64(time.Second):
		return never - 1
	}
	return instant(t.UnixNano() + 1)
}

// plain returns a time as a record keeps it: in UTC, by the wall clock alone, within
// the bounds of an instant.
func plain(t time.Time) time.Time { return instantOf(t).time() }

// time returns the instant as UTC, and the zero time for no instant.
func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)-1).UTC()
}

// add returns the instant d later, at the latest never.
func (i instant) add(d time.Duration) instant {
	if d > 0 && i > never-instant(d) {
		return never
	}
	return i + instant(d)
}
