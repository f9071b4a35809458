package dynamostore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Begin implements sessionstore.Writer.
func (s *Store) Begin(ctx context.Context, req sessionstore.BeginRequest) (sessionstore.Grant, error) {
	return s.ask(ctx, "Begin", req.Ref, req.At, func(r *sessionstore.Record, t sessionstore.Terms, spilled sessionstore.Spilled) (sessionstore.Grant, error) {
		return r.Begin(req, t, spilled)
	})
}

// Reserve implements sessionstore.Writer.
func (s *Store) Reserve(ctx context.Context, req sessionstore.ReserveRequest) (sessionstore.Grant, error) {
	return s.ask(ctx, "Reserve", req.Ref, req.At, func(r *sessionstore.Record, t sessionstore.Terms, spilled sessionstore.Spilled) (sessionstore.Grant, error) {
		return r.Reserve(req, t, spilled)
	})
}

// ask asks a record for a slot. A grant whose write failed has been promised to nobody.
// Whose clock is off is refused before anything is looked up.
func (s *Store) ask(
	ctx context.Context, op string, ref autoscaler.TaskRef, at time.Time,
	of func(*sessionstore.Record, sessionstore.Terms, sessionstore.Spilled) (sessionstore.Grant, error),
) (grant sessionstore.Grant, err error) {
	c := change{op: op, ref: ref, began: func(sessionstore.Terms) time.Time { return at }}
	c.apply = func(r *sessionstore.Record, t sessionstore.Terms, spilled sessionstore.Spilled) (_ []sessionstore.Ended, err error) {
		grant, err = of(r, t, spilled)
		return nil, err
	}
	if err := s.write(ctx, c); err != nil {
		return sessionstore.Grant{}, err
	}
	return grant, nil
}

// Started implements sessionstore.Writer.
//
// Where it makes the record it looks again for the session's end: an end that came
// meanwhile found no record and was written beside none. Whichever of the two is second
// sees the other one.
func (s *Store) Started(ctx context.Context, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
	receipt, err := s.started(ctx, req)
	if err != nil || !receipt.Registered {
		return receipt, err
	}
	terms := s.terms()
	look := beside{s: s, ctx: ctx, ref: req.Ref, began: req.Earliest(terms), now: terms.Now}
	receipt.Dropped = look.holds(req.Session)
	if look.err != nil {
		return sessionstore.Receipt{}, s.failed(ctx, "Started", req.Ref, look.err)
	}
	if receipt.Dropped {
		return receipt, s.End(ctx, sessionstore.EndRequest{Ref: req.Ref, Session: req.Session, At: req.At})
	}
	return receipt, nil
}

func (s *Store) started(ctx context.Context, req sessionstore.StartedRequest) (receipt sessionstore.Receipt, err error) {
	registers := false
	err = s.write(ctx, change{
		op: "Started", ref: req.Ref, began: req.Earliest,
		made: func(t sessionstore.Terms) *sessionstore.Record {
			registers = true
			return sessionstore.RecordOfStarted(req, t)
		},
		apply: func(r *sessionstore.Record, t sessionstore.Terms, spilled sessionstore.Spilled) (_ []sessionstore.Ended, err error) {
			receipt, err = r.Started(req, t, spilled)
			receipt.Registered, registers = registers && err == nil, false
			return nil, err
		},
	})
	if err != nil {
		return sessionstore.Receipt{}, err
	}
	return receipt, nil
}

// Touch implements sessionstore.Writer. Without a record it changes nothing.
func (s *Store) Touch(ctx context.Context, req sessionstore.TouchRequest) error {
	return s.write(ctx, change{
		op: "Touch", ref: req.Ref,
		apply: func(r *sessionstore.Record, t sessionstore.Terms, _ sessionstore.Spilled) ([]sessionstore.Ended, error) {
			return nil, r.Touch(req, t)
		},
		none: func(context.Context, sessionstore.Terms) error {
			return sessionstore.CheckSession("Touch", req.Ref, req.Session)
		},
	})
}

// End implements sessionstore.Writer. Without a record it is remembered by itself, for a
// start that may come after it; then it looks again, for one that came meanwhile.
func (s *Store) End(ctx context.Context, req sessionstore.EndRequest) error {
	alone := false
	end := change{
		op: "End", ref: req.Ref,
		apply: func(r *sessionstore.Record, t sessionstore.Terms, _ sessionstore.Spilled) ([]sessionstore.Ended, error) {
			return r.End(req, t)
		},
		none: func(ctx context.Context, t sessionstore.Terms) error {
			alone = true
			return s.endAlone(ctx, req, t)
		},
	}
	if err := s.write(ctx, end); err != nil || !alone {
		return err
	}
	end.none = func(context.Context, sessionstore.Terms) error { return nil }
	return s.write(ctx, end)
}

// endAlone remembers an end without a record.
func (s *Store) endAlone(ctx context.Context, req sessionstore.EndRequest, t sessionstore.Terms) error {
	if err := sessionstore.CheckSession("End", req.Ref, req.Session); err != nil {
		return err
	}
	ended := []sessionstore.Ended{{Session: req.Session, At: t.Now, Cause: sessionstore.CauseEnd}}
	if err := s.keep(ctx, &change{ref: req.Ref}, ended, t.Now); err != nil {
		return s.failed(ctx, "End", req.Ref, err)
	}
	return nil
}

// Abandon implements sessionstore.Writer. It is an end: a copy of the request that is
// still on its way must not bring the session back.
func (s *Store) Abandon(ctx context.Context, req sessionstore.EndRequest) error {
	return s.End(ctx, req)
}

// Report implements sessionstore.Writer.
func (s *Store) Report(ctx context.Context, rep sessionstore.Report) (order sessionstore.Order, err error) {
	err = s.write(ctx, change{
		op: "Report", ref: rep.Ref,
		made: func(t sessionstore.Terms) *sessionstore.Record { return sessionstore.RecordOfReport(rep, t) },
		apply: func(r *sessionstore.Record, t sessionstore.Terms, spilled sessionstore.Spilled) (_ []sessionstore.Ended, err error) {
			before := r.Version()
			order, err = r.Report(rep, t, spilled)
			if r.Version() == before { // nothing is written
				return nil, err
			}
			return r.Shed(), err
		},
	})
	if err != nil {
		return sessionstore.Order{}, err
	}
	order.ControllerAt, err = s.controllerAt(ctx, rep.Ref.Service)
	if err != nil {
		return sessionstore.Order{}, s.failed(ctx, "Report", rep.Ref, err)
	}
	return order, nil
}

// Barrier implements sessionstore.Barriers.
func (s *Store) Barrier(ctx context.Context, req sessionstore.BarrierRequest) error {
	return s.on(ctx, "Barrier", req.Ref, func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Barrier(req, t) })
}
