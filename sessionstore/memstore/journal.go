package memstore

import (
	"context"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// JournalLimit is the number of entries kept of a service; older ones give way, and
// those older than autoscaler.JournalLife.
const JournalLimit = 10_000

// Append implements autoscaler.Journal. The entries may be of several services.
func (s *Store) Append(ctx context.Context, entries ...autoscaler.Entry) error {
	for _, e := range entries {
		svc, terms, err := s.lock(ctx, e.Service)
		if err != nil {
			return err
		}
		svc.append(e, terms.Now)
		svc.mu.Unlock()
	}
	return nil
}

// append puts the entry behind those of its instant or before, and drops the oldest
// that are over the limit or past their life.
func (s *service) append(e autoscaler.Entry, now time.Time) {
	i := len(s.journal)
	for i > 0 && s.journal[i-1].At.After(e.At) {
		i--
	}
	s.journal = slices.Insert(s.journal, i, e)
	over := max(0, len(s.journal)-JournalLimit)
	for over < len(s.journal) && now.Sub(s.journal[over].At) > autoscaler.JournalLife {
		over++
	}
	// Cut off and not moved up: the array is left behind when it next has to grow.
	clear(s.journal[:over])
	s.journal = s.journal[over:]
}

// Read implements autoscaler.Journal. A limit of 0 or less returns every entry. What
// is past its life is not shown, dropped or not.
func (s *Store) Read(
	ctx context.Context, id autoscaler.ServiceID, task autoscaler.TaskID, since time.Time, limit int,
) ([]autoscaler.Entry, error) {
	svc, terms, err := s.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	defer svc.mu.Unlock()
	if oldest := terms.Now.Add(-autoscaler.JournalLife); since.Before(oldest) {
		since = oldest
	}
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
