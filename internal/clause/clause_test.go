package clause_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-979cce96/idlescale/internal/clause"
)

// counter is a tiny contract: Add adds one and returns the sum.
type counter interface{ Add() int }

type honest struct{ n int }

func (c *honest) Add() int { c.n++; return c.n }

type stuck struct{}

func (stuck) Add() int { return 1 }

type explosive struct{}

func (explosive) Add() int { panic("boom") }

func counterClauses() []clause.Clause[counter] {
	return []clause.Clause[counter]{
		{
			Name: "starts-at-one", Text: "The first Add returns one.",
			Check: func(t clause.T, c counter) {
				if n := c.Add(); n != 1 {
					t.Errorf("Add() = %d", n)
				}
			},
		},
		{
			Name: "grows", Text: "Every Add returns one more.",
			Check: func(t clause.T, c counter) {
				if a, b := c.Add(), c.Add(); b != a+1 {
					t.Fatalf("%d after %d", b, a)
				}
			},
		},
	}
}

func always[C counter](c C) func(clause.T) counter {
	return func(clause.T) counter { return c }
}

func TestRunPassesAnHonestImplementation(t *testing.T) {
	clause.Run(t, counterClauses(), func(clause.T) counter { return &honest{} })
	if broken := clause.Failing(counterClauses(), func(clause.T) counter { return &honest{} }); len(broken) != 0 {
		t.Errorf("an honest counter breaks %v", broken)
	}
}

func TestFailingNamesTheBrokenClause(t *testing.T) {
	broken := clause.Failing(counterClauses(), always(stuck{}))
	if got := clause.Names(broken); !slices.Equal(got, []string{"grows"}) {
		t.Fatalf("broken clauses %v, want grows alone", got)
	}
	message := broken["grows"][0]
	if !strings.Contains(message, "Every Add returns one more.") || !strings.Contains(message, "1 after 1") {
		t.Errorf("message %q lacks the promise or what was seen", message)
	}
}

func TestFailingTakesAPanicAsABreach(t *testing.T) {
	broken := clause.Failing(counterClauses(), always(explosive{}))
	if got := clause.Names(broken); !slices.Equal(got, []string{"grows", "starts-at-one"}) {
		t.Fatalf("broken clauses %v, want both", got)
	}
	if !strings.Contains(broken["grows"][0], "boom") {
		t.Errorf("message %q does not tell the panic", broken["grows"][0])
	}
}

func TestFatalfEndsTheCheck(t *testing.T) {
	reached := false
	clause.Failing([]clause.Clause[int]{{
		Name: "ends", Text: "Nothing runs after Fatalf.",
		Check: func(t clause.T, _ int) { t.Fatalf("over"); reached = true },
	}}, func(clause.T) int { return 0 })
	if reached {
		t.Error("the check went on after Fatalf")
	}
}

func TestCleanupsRunLastFirstUnderAnEndedContext(t *testing.T) {
	var order []string
	clause.Failing([]clause.Clause[int]{{
		Name: "cleans", Text: "Cleanups run.",
		Check: func(t clause.T, _ int) {
			if t.Context().Err() != nil {
				order = append(order, "context ended early")
			}
			t.Cleanup(func() { order = append(order, "first registered") })
			t.Cleanup(func() {
				if t.Context().Err() == nil {
					order = append(order, "context still alive")
				}
				order = append(order, "last registered")
			})
		},
	}}, func(clause.T) int { return 0 })
	if want := []string{"last registered", "first registered"}; !slices.Equal(order, want) {
		t.Errorf("cleanups ran as %v, want %v", order, want)
	}
}
