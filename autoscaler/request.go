package autoscaler

import (
	"context"
	"sync/atomic"
)

// requestKey is where a context keeps the last request id.
type requestKey struct{}

// WithRequests returns a context under which [NoteRequest] is heard, and the
// question for the id it heard last, empty while there was none. The journal tells
// by it which call of AWS an entry is about.
//
// A result beside the error would say the same, and would make every method of
// every contract longer for something that nothing decides by.
func WithRequests(ctx context.Context) (under context.Context, last func() string) {
	var id atomic.Pointer[string]
	last = func() string {
		if s := id.Load(); s != nil {
			return *s
		}
		return ""
	}
	return context.WithValue(ctx, requestKey{}, &id), last
}

// NoteRequest notes the id that a cluster or a store gave to the call it has just
// answered, also where it refused. An implementation of a contract calls it; where
// nobody listens it does nothing.
func NoteRequest(ctx context.Context, id string) {
	if p, ok := ctx.Value(requestKey{}).(*atomic.Pointer[string]); ok {
		p.Store(&id)
	}
}
