package memstore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Activity implements autoscaler.SessionStore. It never lags.
func (s *Store) Activity(ctx context.Context, id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
	svc, terms, err := s.lock(ctx, id)
	if err != nil {
		return autoscaler.Activity{}, err
	}
	defer svc.mu.Unlock()
	activity := autoscaler.Activity{
		Tasks:  make([]autoscaler.TaskActivity, len(svc.ordered)),
		Demand: svc.demand,
		Now:    terms.Now,
	}
	for i, r := range svc.ordered {
		activity.Tasks[i] = r.Activity(at, terms)
		arrivals, departures := r.Demand()
		activity.Demand.Arrivals += arrivals
		activity.Demand.Departures += departures
	}
	activity.Demand.Waiting = svc.waiting(at)
	return activity, nil
}

// Prove implements autoscaler.SessionStore. A gravestone fails it with ErrGone.
func (s *Store) Prove(ctx context.Context, tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	proved := make([]autoscaler.TaskActivity, len(tasks))
	for i, ref := range tasks {
		err := s.with(ctx, "Prove", ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
			if r.State() == autoscaler.TaskGone {
				return &autoscaler.Error{Op: "memstore.Prove", Ref: ref.String(), Err: autoscaler.ErrGone, Hint: "the task was forgotten"}
			}
			proved[i] = r.Activity(at, terms)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return proved, ctx.Err()
}

// Cordon implements autoscaler.SessionStore.
func (s *Store) Cordon(ctx context.Context, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
	var a autoscaler.TaskActivity
	err := s.with(ctx, "Cordon", req.Ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		err := r.Cordon(req, terms)
		a = r.Activity(req.At, terms)
		return err
	})
	return a, err
}

// Reopen implements autoscaler.SessionStore.
func (s *Store) Reopen(ctx context.Context, d autoscaler.DrainRef) error {
	return s.with(ctx, "Reopen", d.Ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		return r.Reopen(d, terms)
	})
}

// Retire implements autoscaler.SessionStore.
func (s *Store) Retire(ctx context.Context, d autoscaler.DrainRef) error {
	return s.with(ctx, "Retire", d.Ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		return r.Retire(d, terms)
	})
}

// with applies f to the task's record under the service's lock.
func (s *Store) with(
	ctx context.Context, op string, ref autoscaler.TaskRef,
	f func(*service, *sessionstore.Record, sessionstore.Terms) error,
) error {
	svc, terms, err := s.lockTask(ctx, op, ref)
	if err != nil {
		return err
	}
	defer svc.mu.Unlock()
	r := svc.records[ref.Task]
	if r == nil {
		return missing(op, ref)
	}
	return f(svc, r, terms)
}
