package memstore

import (
	"context"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// JournalLimit is the number of entries kept of a service; older ones give way.
const JournalLimit = 10_000

// Append implements autoscaler.Journal. The entries may be of several services.
func (s *Store) Append(ctx context.Context, entries ...autoscaler.Entry) error {
	for _, e := range entries {
		svc, _, err := s.lock(ctx, e.Service)
		if err != nil {
			return err
		}
		svc.append(e)
		svc.mu.Unlock()
	}
	return nil
}

// append puts the entry behind those of its instant or before.
func (s *service) append(e autoscaler.Entry) {
	i := len(s.journal)
	for i > 0 && s.journal[i-1].At.After(e.At) {
		i--
	}
	s.journal = slices.Insert(s.journal, i, e)
	// The oldest go an eighth at a time, so that moving the rest is rare.
	if len(s.journal) > JournalLimit+JournalLimit/8 {
		s.journal = slices.Delete(s.journal, 0, len(s.journal)-JournalLimit)
	}
}

// Read implements autoscaler.Journal. A limit of 0 or less returns every entry.
func (s *Store) Read(
	ctx context.Context, id autoscaler.ServiceID, task autoscaler.TaskID, since time.Time, limit int,
) ([]autoscaler.Entry, error) {
	svc, _, err := s.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	defer svc.mu.Unlock()
	var out []autoscaler.Entry
	for i := len(svc.journal) - 1; i >= 0 && (limit <= 0 || len(out) < limit); i-- {
		e := svc.journal[i]
		if e.At.Before(since) {
			break
		}
		if task == "" || e.Task == task {
			out = append(out, e)
		}
	}
	slices.Reverse(out)
	return out, nil
}
