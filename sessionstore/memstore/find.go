package memstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Find implements sessionstore.Finder. Where a session was told of on several
// tasks, the first one by id on which it lives is returned, else the last end.
func (s *Store) Find(ctx context.Context, id autoscaler.ServiceID, session sessionstore.SessionID) (sessionstore.Found, error) {
	svc, terms, err := s.lock(ctx, id)
	if err != nil {
		return sessionstore.Found{}, err
	}
	defer svc.mu.Unlock()
	var ends []sessionstore.Found
	for _, r := range svc.ordered {
		f, ok := r.Find(session, terms)
		if ok && f.State != sessionstore.SessionEnded {
			return f, nil
		}
		if ok {
			ends = append(ends, f)
		}
	}
	// Not by the records: an end may have come without one.
	for key, e := range svc.spilled {
		if key.session == session {
			ends = append(ends, sessionstore.FoundEnded(autoscaler.TaskRef{Service: id, Task: key.task}, e))
		}
	}
	if len(ends) == 0 {
		return sessionstore.Found{}, &autoscaler.Error{
			Op: "memstore.Find", Ref: id.String() + "/" + string(session), Err: autoscaler.ErrNotFound,
			Hint: "no record of this service has heard of it, or it ended more than 15 days ago",
		}
	}
	return slices.MaxFunc(ends, func(a, b sessionstore.Found) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(b.Ref.Task, a.Ref.Task))
	}), nil
}

// Record returns a copy of a task's record as it stands, gravestones included: what
// there is to look at when somebody asks why.
func (s *Store) Record(ref autoscaler.TaskRef) (*sessionstore.Record, bool) {
	svc := s.data.service(ref.Service)
	svc.mu.Lock()
	defer svc.mu.Unlock()
	r := svc.records[ref.Task]
	if r == nil {
		return nil, false
	}
	return r.Clone(), true
}
