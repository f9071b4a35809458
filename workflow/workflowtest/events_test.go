package workflowtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// ingest takes the events out of the simulated queue and writes down what came.
type ingest struct {
	sessionstore.Writer
	applied map[autoscaler.TaskRef][]string
	spoiled bool
}

func (i *ingest) Started(_ context.Context, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
	if i.spoiled {
		return sessionstore.Receipt{}, errors.New("the event cannot be read")
	}
	i.applied[req.Ref] = append(i.applied[req.Ref], "event")
	return sessionstore.Receipt{}, nil
}

func (i *ingest) Barrier(_ context.Context, req sessionstore.BarrierRequest) error {
	i.applied[req.Ref] = append(i.applied[req.Ref], string(req.Drain))
	return nil
}

// careless is the simulated queue with one promise broken.
type careless struct {
	workflow.Events
	fault string
	in    *ingest
	tasks []autoscaler.TaskRef

	mu     sync.Mutex
	marked map[autoscaler.TaskRef]bool
}

func (e *careless) Mark(ctx context.Context, ref autoscaler.TaskRef, drain autoscaler.DrainID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	again := e.marked[ref]
	e.marked[ref] = true
	switch {
	case e.fault == "behind":
		return e.in.Barrier(ctx, sessionstore.BarrierRequest{Ref: ref, Drain: drain})
	case e.fault == "own-group":
		ref = e.tasks[0]
	case e.fault == "again" && again, e.fault == "failed-barrier" && e.in.spoiled:
		return nil
	case e.fault == "shared" && again:
		return errors.New("somebody else is sending")
	case e.fault == "cancelled":
		ctx = context.WithoutCancel(ctx)
	}
	return e.Events.Mark(ctx, ref, drain)
}

func (e *careless) Failed(ctx context.Context, service autoscaler.ServiceID) (int, error) {
	n, err := e.Events.Failed(ctx, service)
	switch e.fault {
	case "none-failed":
		n++
	case "failed":
		n = min(n, 1)
	}
	return n, err
}

// newEvents is a harness on the simulated queue.
func newEvents(fault string) EventsHarness {
	c := ecssim.New(ecssim.Config{Seed: 3, Service: ecssim.ServiceConfig{ID: service, Desired: 2, Warm: true}})
	store := memstore.New(memstore.Config{Now: c.Now})
	in := &ingest{applied: map[autoscaler.TaskRef][]string{}}
	users := must(ecssim.NewApplication(c, ecssim.ApplicationConfig{
		Service: service, Level: autoscaler.LevelC, Queue: ecssim.QueueConfig{Attempts: 2, Redrive: -1},
		Sessions: store, Records: store, Writer: in, Barriers: in,
	}))
	c.RunFor(2 * time.Minute)
	h := EventsHarness{
		Events: users.Events(), Settle: func() { c.RunFor(2 * time.Minute) },
		Send: func(task autoscaler.TaskRef) {
			if !users.Connect(context.Background(), task.Task, time.Hour) {
				panic("no user got in")
			}
		},
		Spoil:   func() { in.spoiled = true },
		Applied: func(task autoscaler.TaskRef) []string { return in.applied[task] },
	}
	for _, s := range must(c.Describe(context.Background(), service)).Tasks {
		h.Tasks = append(h.Tasks, autoscaler.TaskRef{Service: service, Task: s.ID})
	}
	if fault != "" {
		h.Events = &careless{Events: h.Events, fault: fault, in: in, tasks: h.Tasks, marked: map[autoscaler.TaskRef]bool{}}
	}
	return h
}

func TestEventsAcceptsTheSimulatedQueue(t *testing.T) {
	TestEvents(t, func(*testing.T) EventsHarness { return newEvents("") })
}

func TestEventsCatchesEachBrokenPromise(t *testing.T) {
	clause.Catches(t, eventsClauses(), func(name string) eventing { return eventing{newEvents(name)} })
}
