package clause

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
)

// Failing runs every clause against an implementation and returns the messages
// of those that it broke, by name; the map is empty when it kept them all. A
// panic, of a check or of the implementation, breaks the clause it happened in.
func Failing[H any](clauses []Clause[H], newHarness func(t T) H) map[string][]string {
	broken := map[string][]string{}
	for _, c := range clauses {
		r := newRecorder()
		r.run(func() {
			says := promise{T: r, text: c.Text}
			c.Check(says, newHarness(says))
		})
		if len(r.messages) > 0 {
			broken[c.Name] = r.messages
		}
	}
	return broken
}

// Catches asks of each clause whether it notices the implementation in which that very
// promise is broken. It runs all clauses on each, so that one which is caught by another
// clause only is told apart from one that nobody catches.
func Catches[H any](t *testing.T, clauses []Clause[H], broken func(name string) H) {
	t.Helper()
	for _, c := range clauses {
		t.Run(c.Name, func(t *testing.T) {
			failing := Failing(clauses, func(T) H { return broken(c.Name) })
			if failing[c.Name] == nil {
				t.Errorf("an implementation that breaks %q was caught only by %v", c.Text, Names(failing))
			}
		})
	}
}

// Names returns the names of the clauses that Failing reports, sorted.
func Names(failing map[string][]string) []string {
	names := make([]string, 0, len(failing))
	for name := range failing {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// recorder stands in for *testing.T and keeps the failures instead of failing.
type recorder struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex // a check may fail from several goroutines
	messages []string
	cleanups []func()
}

func newRecorder() *recorder {
	ctx, cancel := context.WithCancel(context.Background())
	return &recorder{ctx: ctx, cancel: cancel}
}

// run calls f on a goroutine of its own, since Fatalf ends the goroutine that
// calls it, then the cleanups, last one first, as a test does.
func (r *recorder) run(f func()) {
	r.guarded(f)
	r.cancel()
	for {
		r.mu.Lock()
		last := len(r.cleanups) - 1
		if last < 0 {
			r.mu.Unlock()
			return
		}
		cleanup := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		r.mu.Unlock()
		r.guarded(cleanup)
	}
}

// guarded runs f to its end, its Goexit or its panic.
func (r *recorder) guarded(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		f()
	}()
	<-done
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// Logf drops what it is told: a log explains a failing test to a person, and
// here only the failures are read.
func (*recorder) Logf(string, ...any) {}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}
