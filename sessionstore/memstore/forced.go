package memstore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// GiveNotice implements autoscaler.ForcedEnds.
func (s *Store) GiveNotice(ctx context.Context, d autoscaler.DrainRef, ending time.Time) error {
	return s.with(ctx, "GiveNotice", d.Ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		return r.GiveNotice(d, ending, terms)
	})
}

// EndSessions implements autoscaler.ForcedEnds.
func (s *Store) EndSessions(ctx context.Context, d autoscaler.DrainRef) (ended int, err error) {
	err = s.with(ctx, "EndSessions", d.Ref, func(svc *service, r *sessionstore.Record, terms sessionstore.Terms) (err error) {
		var spill []sessionstore.Ended
		ended, spill, err = r.EndSessions(d, terms)
		svc.keep(d.Ref.Task, spill, terms.Now)
		return err
	})
	return ended, err
}

// Barrier implements sessionstore.Barriers.
func (s *Store) Barrier(ctx context.Context, req sessionstore.BarrierRequest) error {
	return s.with(ctx, "Barrier", req.Ref, func(_ *service, r *sessionstore.Record, terms sessionstore.Terms) error {
		return r.Barrier(req, terms)
	})
}
