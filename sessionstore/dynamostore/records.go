package dynamostore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Register implements autoscaler.Records.
func (s *Store) Register(ctx context.Context, req autoscaler.RegisterRequest) (a autoscaler.TaskActivity, err error) {
	made := false
	err = s.write(ctx, change{
		op: "Register", ref: req.Ref,
		made: func(t sessionstore.Terms) *sessionstore.Record {
			made = true
			return sessionstore.NewRecord(req, t)
		},
		apply: func(r *sessionstore.Record, t sessionstore.Terms, _ sessionstore.Spilled) (_ []sessionstore.Ended, err error) {
			if !made {
				err = r.Register(req, t)
			}
			made = false
			a = r.Activity(req.At, t)
			return nil, err
		},
	})
	return a, err
}

// Open implements autoscaler.Records.
func (s *Store) Open(ctx context.Context, req autoscaler.OpenRequest) (a autoscaler.TaskActivity, err error) {
	err = s.on(ctx, "Open", req.Ref, func(r *sessionstore.Record, t sessionstore.Terms) error {
		err := r.Open(req, t)
		a = r.Activity(req.At, t)
		return err
	})
	return a, err
}

// Renew implements autoscaler.Records.
func (s *Store) Renew(ctx context.Context, d autoscaler.DrainRef, until time.Time) error {
	return s.on(ctx, "Renew", d.Ref, func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Renew(d, until, t) })
}

// Forget implements autoscaler.Records. What came to the task and what ended on it is
// then added to the service's own counts, since a gravestone does not last.
func (s *Store) Forget(ctx context.Context, req autoscaler.ForgetRequest) error {
	err := s.write(ctx, change{
		op: "Forget", ref: req.Ref,
		apply: func(r *sessionstore.Record, t sessionstore.Terms, _ sessionstore.Spilled) ([]sessionstore.Ended, error) {
			return r.Forget(req, t)
		},
	})
	if err != nil {
		return err
	}
	if err := s.foldAll(ctx, req.Ref); err != nil {
		return s.failed(ctx, "Forget", req.Ref, err)
	}
	return nil
}
