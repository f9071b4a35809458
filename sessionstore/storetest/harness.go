// Package storetest holds a store to its contracts: autoscaler.SessionStore,
// autoscaler.Records, autoscaler.StateStore, autoscaler.ForcedEnds,
// autoscaler.Journal, sessionstore.Writer, sessionstore.DemandWriter,
// sessionstore.Barriers and sessionstore.Finder. Each suite is a list of clauses, a
// clause is a subtest of its own on a store that holds nothing, and a failure prints
// the promise before what was seen.
//
// Clocks are explicit: a suite advances the store's own time and never waits.
package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Store is everything that a store implements.
type Store interface {
	autoscaler.SessionStore
	autoscaler.Records
	autoscaler.StateStore
	sessionstore.Writer
	sessionstore.DemandWriter
	autoscaler.Journal
	autoscaler.ForcedEnds
	sessionstore.Barriers
	sessionstore.Finder
}

// Harness is a store that holds nothing, with the default rules, and its clock.
type Harness struct {
	Store Store
	// As returns a handle on the same data for another owner.
	As func(owner string) Store
	// Now is the store's own time, and Advance moves it.
	Now     func() time.Time
	Advance func(time.Duration)
	// WithRules returns a harness of another store that holds nothing, whose records
	// are judged by the rules given. Level C, whose lag bound has no default, cannot be
	// tried without: where it is nil, the clauses that need it are left out and say so.
	WithRules func(rules sessionstore.Rules) Harness
}

// Clock is a clock that stands still until it is advanced. It is safe for
// concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at the instant given.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestStore holds an implementation to the contract of [autoscaler.SessionStore].
func TestStore(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, storeClauses(), newHarness)
}

// TestRecords holds an implementation to the contract of [autoscaler.Records].
func TestRecords(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, recordsClauses(), newHarness)
}

// TestWriter holds an implementation to the contract of [sessionstore.Writer].
func TestWriter(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, writerClauses(), newHarness)
}

// TestDemand holds an implementation to the contract of [sessionstore.DemandWriter].
func TestDemand(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, demandClauses(), newHarness)
}

// TestState holds an implementation to the contract of [autoscaler.StateStore].
func TestState(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, stateClauses(), newHarness)
}

// TestJournal holds an implementation to the contract of [autoscaler.Journal].
func TestJournal(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, journalClauses(), newHarness)
}

// TestBarriers holds an implementation to the contract of [sessionstore.Barriers].
func TestBarriers(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, barrierClauses(), newHarness)
}

// TestForcedEnds holds an implementation to the contract of [autoscaler.ForcedEnds].
func TestForcedEnds(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, forcedClauses(), newHarness)
}

// TestFinder holds an implementation to the contract of [sessionstore.Finder].
func TestFinder(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	run(t, finderClauses(), newHarness)
}

func run(t *testing.T, clauses []clause.Clause[Harness], newHarness func(t *testing.T) Harness) {
	t.Helper()
	clause.Run(t, clauses, func(ct clause.T) Harness { return newHarness(clause.Testing(ct)) })
}

// promise makes a clause of a check on a scene.
func promise(name, text string, check func(*scene)) clause.Clause[Harness] {
	return clause.Clause[Harness]{Name: name, Text: text, Check: func(t clause.T, h Harness) {
		check(newScene(t, h))
	}}
}

// promiseUnder makes a clause of a check on a scene whose store has rules of its own.
func promiseUnder(rules sessionstore.Rules, name, text string, check func(*scene)) clause.Clause[Harness] {
	return clause.Clause[Harness]{Name: name, Text: text, Check: func(t clause.T, h Harness) {
		if h.WithRules == nil {
			t.Logf("not tried: Harness.WithRules is nil")
			return
		}
		check(newScene(t, h.WithRules(rules)))
	}}
}
