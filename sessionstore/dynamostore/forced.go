package dynamostore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// GiveNotice implements autoscaler.ForcedEnds.
func (s *Store) GiveNotice(ctx context.Context, d autoscaler.DrainRef, ending time.Time) error {
	return s.on(ctx, "GiveNotice", d.Ref, func(r *sessionstore.Record, t sessionstore.Terms) error {
		return r.GiveNotice(d, ending, t)
	})
}

// EndSessions implements autoscaler.ForcedEnds.
func (s *Store) EndSessions(ctx context.Context, d autoscaler.DrainRef) (ended int, err error) {
	err = s.write(ctx, change{
		op: "EndSessions", ref: d.Ref,
		apply: func(r *sessionstore.Record, t sessionstore.Terms, _ sessionstore.Spilled) (spill []sessionstore.Ended, err error) {
			ended, spill, err = r.EndSessions(d, t)
			return spill, err
		},
	})
	if err != nil {
		return 0, err
	}
	return ended, nil
}
