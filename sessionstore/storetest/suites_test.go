package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// fault breaks a store in one way.
type fault func(*faulty)

// ruled is a store that is sound but for its numbers.
func ruled(rules sessionstore.Rules) func() *faulty {
	return func() *faulty { return newFaulty(rules) }
}

// misruled is a store that makes other rules of those it is given.
func misruled(change func(*sessionstore.Rules)) func() *faulty {
	var build func(sessionstore.Rules) *faulty
	build = func(rules sessionstore.Rules) *faulty {
		change(&rules)
		f := newFaulty(rules)
		f.again = build
		return f
	}
	return func() *faulty { return build(sessionstore.Rules{}) }
}

func with(breaks fault) func() *faulty {
	var build func(sessionstore.Rules) *faulty
	build = func(rules sessionstore.Rules) *faulty {
		f := newFaulty(rules)
		breaks(f)
		f.again = build
		return f
	}
	return func() *faulty { return build(sessionstore.Rules{}) }
}

// reporting replaces what is reported.
func reporting(change func(*faulty, *sessionstore.Report)) func() *faulty {
	return with(func(f *faulty) {
		f.report = func(rep sessionstore.Report) (sessionstore.Order, error) {
			change(f, &rep)
			return f.Store.Report(context.Background(), rep)
		}
	})
}

// beginning replaces the answer to a Begin.
func beginning(change func(sessionstore.Grant, error) (sessionstore.Grant, error)) func() *faulty {
	return with(func(f *faulty) {
		f.begin = func(req sessionstore.BeginRequest) (sessionstore.Grant, error) {
			return change(f.Store.Begin(context.Background(), req))
		}
	})
}

func beginForgives(sentinel error) func() *faulty {
	return beginning(func(g sessionstore.Grant, err error) (sessionstore.Grant, error) { return g, forgive(err, sentinel) })
}

// startedWhere drops what is told of tasks in one state.
func startedWhere(state autoscaler.TaskState) func() *faulty {
	return with(func(f *faulty) {
		f.started = func(req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
			if a := f.record(req.Ref); a.State == state {
				return sessionstore.Receipt{Version: a.Version, State: a.State}, nil
			}
			return f.Store.Started(context.Background(), req)
		}
	})
}

// ignoresEarlyEnds ignores an end of what has not started.
func ignoresEarlyEnds() *faulty {
	f := newFaulty(sessionstore.Rules{})
	f.end = func(req sessionstore.EndRequest) error {
		if !f.live[req.Session] {
			return nil
		}
		return f.Store.End(context.Background(), req)
	}
	return f
}

// TestSuitesFindBrokenStores holds every suite to finding, for each of its
// clauses, a store that breaks it, by that clause, and to finding nothing in a
// sound one.
func TestSuitesFindBrokenStores(t *testing.T) {
	for _, suite := range []struct {
		name    string
		clauses []clause.Clause[Harness]
		broken  map[string]func() *faulty
	}{
		{"records", recordsClauses(), brokenRecords()},
		{"store", storeClauses(), brokenStore()},
		{"writer", writerClauses(), brokenWriter()},
		{"state", stateClauses(), brokenState()},
		{"demand", demandClauses(), brokenDemand()},
		{"journal", journalClauses(), brokenJournal()},
		{"barriers", barrierClauses(), brokenBarriers()},
		{"forced", forcedClauses(), brokenForced()},
		{"finder", finderClauses(), brokenFinder()},
	} {
		t.Run(suite.name, func(t *testing.T) {
			sound := func(clause.T) Harness { return newFaulty(sessionstore.Rules{}).harness() }
			for name, messages := range clause.Failing(suite.clauses, sound) {
				t.Errorf("a sound store fails %s: %v", name, messages)
			}
			for _, c := range suite.clauses {
				broken, ok := suite.broken[c.Name]
				if !ok {
					t.Errorf("clause %s has no broken store that shows it to work", c.Name)
					continue
				}
				delete(suite.broken, c.Name)
				failing := clause.Failing([]clause.Clause[Harness]{c}, func(clause.T) Harness { return broken().harness() })
				if len(failing) == 0 {
					t.Errorf("clause %s does not find the store that breaks it", c.Name)
				}
			}
			for name := range suite.broken {
				t.Errorf("a broken store for %s, which is no clause", name)
			}
		})
	}
}

// proving replaces what a read of a record shows of it.
func proving(change func(*faulty, *autoscaler.TaskActivity)) func() *faulty {
	return with(func(f *faulty) {
		f.prove = func(tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
			all, err := f.Store.Prove(context.Background(), tasks, at)
			for i := range all {
				change(f, &all[i])
			}
			return all, err
		}
	})
}

// ownerless is a store that takes every owner for its own.
func ownerless() func() *faulty {
	return with(func(f *faulty) { f.as = func(string) Store { return f } })
}

// A harness that cannot give a store other rules leaves clauses out and fails none.
func TestClausesWithoutRulesAreLeftOut(t *testing.T) {
	failing := clause.Failing(storeClauses(), func(clause.T) Harness {
		h := newFaulty(sessionstore.Rules{}).harness()
		h.WithRules = nil
		return h
	})
	if len(failing) > 0 {
		t.Errorf("a sound store whose harness gives no rules fails %v", clause.Names(failing))
	}
}

func TestClausesAreNamedOnce(t *testing.T) {
	seen := make(map[string]bool)
	texts := make(map[string]bool)
	for _, c := range slices.Concat(recordsClauses(), storeClauses(), writerClauses(), stateClauses(), demandClauses(), journalClauses(), barrierClauses(), forcedClauses(), finderClauses()) {
		if seen[c.Name] || texts[c.Text] || c.Text == "" {
			t.Errorf("clause %s is there twice, or says nothing", c.Name)
		}
		seen[c.Name], texts[c.Text] = true, true
	}
	t.Logf("%d clauses", len(seen))
}
