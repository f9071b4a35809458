package backtest

import (
	"context"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// heard tells the controller of the sessions that a writer begins and ends, as the
// process that grants them would.
type heard struct {
	sessionstore.Writer
	s *simulation
}

func (w heard) taken(n int, err error) {
	if err == nil && !w.s.trial.Unheard && w.s.ctl.Taken(n) {
		w.s.wake()
	}
}

// Begin begins a session.
func (w heard) Begin(ctx context.Context, req sessionstore.BeginRequest) (sessionstore.Grant, error) {
	grant, err := w.Writer.Begin(ctx, req)
	w.taken(1, err)
	return grant, err
}

// Started tells of a session.
func (w heard) Started(ctx context.Context, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
	result, err := w.Writer.Started(ctx, req)
	w.taken(1, err)
	return result, err
}

// End ends a session.
func (w heard) End(ctx context.Context, req sessionstore.EndRequest) error {
	err := w.Writer.End(ctx, req)
	w.taken(-1, err)
	return err
}

// heardDemand wakes the controller when users wait.
type heardDemand struct {
	sessionstore.DemandWriter
	s *simulation
}

// ReportDemand reports demand.
func (w heardDemand) ReportDemand(ctx context.Context, r sessionstore.DemandReport) error {
	err := w.DemandWriter.ReportDemand(ctx, r)
	if err == nil && r.Waiting > 0 && !w.s.trial.Unheard {
		w.s.wake()
	}
	return err
}

// counting counts the writes of a drain that the store confirmed.
type counting struct {
	*memstore.Store
	cordons, reopens, retires int
}

// Cordon cordons a task.
func (c *counting) Cordon(ctx context.Context, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
	a, err := c.Store.Cordon(ctx, req)
	if err == nil {
		c.cordons++
	}
	return a, err
}

// Reopen reopens a task.
func (c *counting) Reopen(ctx context.Context, d autoscaler.DrainRef) error {
	err := c.Store.Reopen(ctx, d)
	if err == nil {
		c.reopens++
	}
	return err
}

// Retire retires a task.
func (c *counting) Retire(ctx context.Context, d autoscaler.DrainRef) error {
	err := c.Store.Retire(ctx, d)
	if err == nil {
		c.retires++
	}
	return err
}
