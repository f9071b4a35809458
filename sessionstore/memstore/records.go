package memstore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Register implements autoscaler.Records.
func (s *Store) Register(ctx context.Context, req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
	svc, terms, err := s.lockTask(ctx, "Register", req.Ref)
	if err != nil {
		return autoscaler.TaskActivity{}, err
	}
	defer svc.mu.Unlock()
	svc.sweep(terms.Now)
	r := svc.records[req.Ref.Task]
	if r == nil {
		r = sessionstore.NewRecord(req, terms)
		svc.add(r)
	} else if err := r.Register(req, terms); err != nil {
		return r.Activity(req.At, terms), err
	}
	return r.Activity(req.At, terms), nil
}

// Open implements autoscaler.Records.
func (s *Store) Open(ctx context.Context, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
	var a autoscaler.TaskActivity
	err := s.with(ctx, "Open", req.Ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		err := r.Open(req, terms)
		a = r.Activity(req.At, terms)
		return err
	})
	return a, err
}

// Renew implements autoscaler.Records.
func (s *Store) Renew(ctx context.Context, d autoscaler.DrainRef, until time.Time) error {
	return s.with(ctx, "Renew", d.Ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		return r.Renew(d, until, terms)
	})
}

// Forget implements autoscaler.Records.
func (s *Store) Forget(ctx context.Context, req autoscaler.ForgetRequest) error {
	svc, terms, err := s.lockTask(ctx, "Forget", req.Ref)
	if err != nil {
		return err
	}
	defer svc.mu.Unlock()
	svc.sweep(terms.Now)
	r := svc.records[req.Ref.Task]
	if r == nil {
		return missing("Forget", req.Ref)
	}
	gone := r.State() == autoscaler.TaskGone
	ended, err := r.Forget(req, terms)
	if err != nil || gone {
		return err
	}
	svc.keep(req.Ref.Task, ended, terms.Now)
	svc.bury(r, terms.Now)
	return nil
}
