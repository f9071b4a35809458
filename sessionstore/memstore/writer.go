package memstore

import (
	"context"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Begin implements sessionstore.Writer.
func (s *Store) Begin(ctx context.Context, req sessionstore.BeginRequest) (sessionstore.Grant, error) {
	return s.ask(ctx, "Begin", req.Ref, func(r *sessionstore.Record, t sessionstore.Terms, spilled sessionstore.Spilled) (sessionstore.Grant, error) {
		return r.Begin(req, t, spilled)
	})
}

// Reserve implements sessionstore.Writer.
func (s *Store) Reserve(ctx context.Context, req sessionstore.ReserveRequest) (sessionstore.Grant, error) {
	return s.ask(ctx, "Reserve", req.Ref, func(r *sessionstore.Record, t sessionstore.Terms, spilled sessionstore.Spilled) (sessionstore.Grant, error) {
		return r.Reserve(req, t, spilled)
	})
}

// ask asks a record for a slot.
func (s *Store) ask(
	ctx context.Context, op string, ref autoscaler.TaskRef,
	of func(*sessionstore.Record, sessionstore.Terms, sessionstore.Spilled) (sessionstore.Grant, error),
) (grant sessionstore.Grant, err error) {
	err = s.with(ctx, op, ref, func(svc *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		grant, err = of(r, terms, svc.spilledOf(ref.Task))
		return err
	})
	return grant, err
}

// Started implements sessionstore.Writer.
func (s *Store) Started(ctx context.Context, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
	svc, terms, err := s.lockTask(ctx, "Started", req.Ref)
	if err != nil {
		return sessionstore.Receipt{}, err
	}
	defer svc.mu.Unlock()
	svc.sweep(terms.Now)
	r := svc.records[req.Ref.Task]
	registers := r == nil
	if registers {
		r = sessionstore.RecordOfStarted(req, terms)
	}
	receipt, err := r.Started(req, terms, svc.spilledOf(req.Ref.Task))
	if err == nil && registers {
		svc.add(r)
		receipt.Registered = true
	}
	return receipt, err
}

// Touch implements sessionstore.Writer. Without a record it changes nothing.
func (s *Store) Touch(ctx context.Context, req sessionstore.TouchRequest) error {
	svc, terms, err := s.lockTask(ctx, "Touch", req.Ref)
	if err != nil {
		return err
	}
	defer svc.mu.Unlock()
	r := svc.records[req.Ref.Task]
	if r == nil {
		return sessionstore.CheckSession("Touch", req.Ref, req.Session)
	}
	return r.Touch(req, terms)
}

// End implements sessionstore.Writer. Without a record it is remembered by
// itself, for a start that may come after it.
func (s *Store) End(ctx context.Context, req sessionstore.EndRequest) error {
	svc, terms, err := s.lockTask(ctx, "End", req.Ref)
	if err != nil {
		return err
	}
	defer svc.mu.Unlock()
	svc.sweep(terms.Now)
	r := svc.records[req.Ref.Task]
	if r == nil {
		if err := sessionstore.CheckSession("End", req.Ref, req.Session); err != nil {
			return err
		}
		svc.keep(req.Ref.Task, []sessionstore.Ended{{Session: req.Session, At: terms.Now, Cause: sessionstore.CauseEnd}}, terms.Now)
		return nil
	}
	ended, err := r.End(req, terms)
	svc.keep(req.Ref.Task, ended, terms.Now)
	return err
}

// Abandon implements sessionstore.Writer. It is an end: a copy of the request
// that is still on its way must not bring the session back.
func (s *Store) Abandon(ctx context.Context, req sessionstore.EndRequest) error {
	return s.End(ctx, req)
}

// Report implements sessionstore.Writer.
func (s *Store) Report(ctx context.Context, rep sessionstore.Report) (sessionstore.Order, error) {
	svc, terms, err := s.lockTask(ctx, "Report", rep.Ref)
	if err != nil {
		return sessionstore.Order{}, err
	}
	defer svc.mu.Unlock()
	svc.sweep(terms.Now)
	r := svc.records[rep.Ref.Task]
	registers := r == nil
	if registers {
		r = sessionstore.RecordOfReport(rep, terms)
	}
	order, err := r.Report(rep, terms, svc.spilledOf(rep.Ref.Task))
	if err == nil && registers {
		svc.add(r)
	}
	order.ControllerAt = svc.controllerAt
	return order, err
}
