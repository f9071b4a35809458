// Package clause holds implementations to the promises of a contract, one
// promise at a time. A conformance suite is a list of clauses; the same list
// runs against a real implementation, where a broken promise fails the test, and
// against a deliberately broken one, where the suite's own test asks which
// promises were found broken.
//
// Only conformance suites and tests import it.
package clause

import (
	"context"
	"testing"
)

// Clause is one promise of a contract and the check that holds an
// implementation to it.
type Clause[H any] struct {
	// Name is the clause's subtest: short, lower case, words joined by hyphens.
	Name string
	// Text is the promise, a full sentence. Every failure prints it first.
	Text string
	// Check tries the promise on a harness made for this clause alone.
	Check func(t T, h H)
}

// New makes a clause; a suite that takes it for its own harness lists promises in lines.
func New[H any](name, text string, check func(t T, h H)) Clause[H] {
	return Clause[H]{Name: name, Text: text, Check: check}
}

// T is what a check may use of *testing.T. It lets one check run both as a
// subtest and under a recorder.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Context() context.Context
	Cleanup(func())
}

var _ T = (*testing.T)(nil)

// Run runs every clause as a subtest named by its Name, each on a harness of
// its own, and prints the clause's Text with each failure.
func Run[H any](t *testing.T, clauses []Clause[H], newHarness func(t T) H) {
	t.Helper()
	for _, c := range clauses {
		t.Run(c.Name, func(t *testing.T) {
			t.Helper()
			says := promise{T: t, text: c.Text}
			c.Check(says, newHarness(says))
		})
	}
}

// promise prints the promise before what was seen.
type promise struct {
	T
	text string
}

// Errorf fails the clause and goes on.
func (p promise) Errorf(format string, args ...any) {
	p.T.Helper()
	p.T.Errorf("the contract promises: %s\nseen: "+format, prepend(p.text, args)...)
}

// Fatalf fails the clause and ends it.
func (p promise) Fatalf(format string, args ...any) {
	p.T.Helper()
	p.T.Fatalf("the contract promises: %s\nseen: "+format, prepend(p.text, args)...)
}

func prepend(text string, args []any) []any {
	return append([]any{text}, args...)
}

// Testing returns the subtest that a clause runs as, for a harness maker that
// needs all of *testing.T, or nil where the clause runs under Failing.
func Testing(t T) *testing.T {
	switch t := t.(type) {
	case promise:
		return Testing(t.T)
	case *testing.T:
		return t
	}
	return nil
}
