package workflowtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/workflow"
)

// EventsHarness is an implementation of workflow.Events with the queue behind it,
// and with whoever takes the events out of that queue.
type EventsHarness struct {
	Events workflow.Events
	Tasks  []autoscaler.TaskRef // at least two tasks of one service
	// Send sends an event of the task, by the way that its application's events go.
	Send func(task autoscaler.TaskRef)
	// Spoil makes every event of the application fail from now on, whoever tries it.
	// Barriers go on.
	Spoil func()
	// Settle lets time pass until what was sent has been applied or given up.
	Settle func()
	// Applied returns what has been applied of a task's events, in order: "event" for
	// one that Send sent, the drain's id for a barrier.
	Applied func(task autoscaler.TaskRef) []string
}

// TestEvents holds an implementation to the contract of [workflow.Events]. The
// harness is made anew for every clause.
func TestEvents(t *testing.T, newHarness func(t *testing.T) EventsHarness) {
	t.Helper()
	clause.Run(t, eventsClauses(), func(ct clause.T) eventing { return eventing{newHarness(clause.Testing(ct))} })
}

// eventing is a harness with what the clauses share.
type eventing struct{ EventsHarness }

func eventsClauses() []clause.Clause[eventing] {
	promise := clause.New[eventing]
	return []clause.Clause[eventing]{
		promise("behind", "A barrier is applied behind every event of its task that was sent before it.", checkBarrierBehind),
		promise("own-group", "A barrier is applied to the task that it names, with its drain, and to no other.", checkBarrierOwn),
		promise("again", "A barrier may be sent again: it arrives.", checkBarrierAgain),
		promise("none-failed", "As long as every event is applied, none counts as failed.", checkNoneFailed),
		promise("failed", "Every event that was given up counts as failed, until it is dealt with.", checkFailed),
		promise("failed-barrier", "What was given up holds up no other task's barrier.", checkFailedBarrier),
		promise("shared", "Many goroutines may call at once.", checkEventsShared),
		promise("cancelled", "Under an ended context a call returns its error.", checkEventsCancelled),
	}
}

// mark sends a barrier; an error ends the clause.
func (h eventing) mark(t clause.T, task autoscaler.TaskRef, drain autoscaler.DrainID) {
	t.Helper()
	if err := h.Events.Mark(t.Context(), task, drain); err != nil {
		t.Fatalf("Mark: %v", err)
	}
}

// failed asks how many events were given up; an error ends the clause.
func (h eventing) failed(t clause.T) int {
	t.Helper()
	n, err := h.Events.Failed(t.Context(), h.Tasks[0].Service)
	if err != nil {
		t.Fatalf("Failed: %v", err)
	}
	return n
}

func checkBarrierBehind(t clause.T, h eventing) {
	// Sent in one go, so that only the queue's order can keep them apart.
	for range 5 {
		h.Send(h.Tasks[0])
	}
	h.mark(t, h.Tasks[0], "drain-1")
	h.Settle()
	want := []string{"event", "event", "event", "event", "event", "drain-1"}
	if got := h.Applied(h.Tasks[0]); !slices.Equal(got, want) {
		t.Errorf("applied were %q, sent %q", got, want)
	}
}

func checkBarrierOwn(t clause.T, h eventing) {
	h.mark(t, h.Tasks[0], "drain-1")
	h.mark(t, h.Tasks[1], "drain-2")
	h.Settle()
	for i, want := range []string{"drain-1", "drain-2"} {
		if got := h.Applied(h.Tasks[i]); !slices.Equal(got, []string{want}) {
			t.Errorf("applied to task %d were %q, sent %q", i+1, got, want)
		}
	}
}

func checkBarrierAgain(t clause.T, h eventing) {
	h.mark(t, h.Tasks[0], "drain-1")
	h.Settle()
	h.Send(h.Tasks[0])
	h.mark(t, h.Tasks[0], "drain-1")
	h.Settle()
	if got := h.Applied(h.Tasks[0]); len(got) != 3 || got[2] != "drain-1" {
		t.Errorf("applied were %q, with the same barrier sent before and after an event", got)
	}
}

func checkNoneFailed(t clause.T, h eventing) {
	h.Send(h.Tasks[0])
	h.Send(h.Tasks[1])
	h.Settle()
	if n := h.failed(t); n != 0 {
		t.Errorf("%d events failed, and each was applied: %q and %q", n, h.Applied(h.Tasks[0]), h.Applied(h.Tasks[1]))
	}
}

func checkFailed(t clause.T, h eventing) {
	h.Spoil()
	h.Send(h.Tasks[0])
	h.Send(h.Tasks[1])
	h.Settle()
	for range 2 {
		if n := h.failed(t); n != 2 {
			t.Errorf("%d events failed, and two were given up", n)
		}
	}
}

func checkFailedBarrier(t clause.T, h eventing) {
	h.Spoil()
	h.Send(h.Tasks[0])
	h.mark(t, h.Tasks[1], "drain-2")
	h.Settle()
	if got := h.Applied(h.Tasks[1]); !slices.Equal(got, []string{"drain-2"}) {
		t.Errorf("applied to the other task were %q, sent was its barrier", got)
	}
}

func checkEventsShared(t clause.T, h eventing) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 5 {
				if err := h.Events.Mark(t.Context(), h.Tasks[i%2], "drain-1"); err != nil {
					t.Errorf("Mark: %v", err)
				}
				if n, err := h.Events.Failed(t.Context(), h.Tasks[0].Service); n != 0 || err != nil {
					t.Errorf("Failed: %d, %v", n, err)
				}
			}
		})
	}
	all.Wait()
	h.Settle()
	for _, task := range h.Tasks[:2] {
		if got := h.Applied(task); len(got) != 10 {
			t.Errorf("%d barriers were applied, and ten were sent", len(got))
		}
	}
}

func checkEventsCancelled(t clause.T, h eventing) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Events.Mark(ctx, h.Tasks[0], "drain-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Mark: %v", err)
	}
	if n, err := h.Events.Failed(ctx, h.Tasks[0].Service); !errors.Is(err, context.Canceled) {
		t.Errorf("Failed: %d, %v", n, err)
	}
}
