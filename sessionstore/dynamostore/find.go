package dynamostore

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Find implements sessionstore.Finder, by reading every record of the service and what
// ended beside them. Where a session was told of on several tasks, the first one by id on
// which it lives is returned, else the last end.
func (s *Store) Find(ctx context.Context, id autoscaler.ServiceID, session sessionstore.SessionID) (sessionstore.Found, error) {
	if err := ctx.Err(); err != nil {
		return sessionstore.Found{}, err
	}
	found, err := s.inRecords(ctx, id, session)
	if err == nil && !slices.ContainsFunc(found, lives) {
		var ends []sessionstore.Found
		ends, err = s.inEnds(ctx, id, session)
		found = append(found, ends...)
	}
	switch {
	case err != nil:
		return sessionstore.Found{}, s.failed(ctx, "Find", id, err)
	case len(found) == 0:
		return sessionstore.Found{}, &autoscaler.Error{
			Op: "dynamostore.Find", Ref: id.String() + "/" + string(session), Err: autoscaler.ErrNotFound,
			Hint: "no record of this service has heard of it, or it ended more than 15 days ago",
		}
	}
	return slices.MaxFunc(found, func(a, b sessionstore.Found) int {
		switch {
		case lives(a) && lives(b):
			return cmp.Compare(b.Ref.Task, a.Ref.Task)
		case lives(a):
			return 1
		case lives(b):
			return -1
		}
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(b.Ref.Task, a.Ref.Task))
	}), nil
}

func lives(f sessionstore.Found) bool { return f.State != sessionstore.SessionEnded }

// inRecords looks in every record.
func (s *Store) inRecords(ctx context.Context, id autoscaler.ServiceID, session sessionstore.SessionID) (found []sessionstore.Found, err error) {
	in := s.between(id, prefixTask, prefixTask+behind)
	in.ConsistentRead = aws.Bool(true)
	err = s.pages(ctx, in, func(it item) error {
		terms := s.terms()
		if it.expired(terms.Now) {
			return nil
		}
		r, err := Decode(id, it)
		if err != nil {
			return err
		}
		if f, ok := r.Find(session, terms); ok {
			found = append(found, f)
		}
		return nil
	})
	return found, err
}

// inEnds looks among the sessions that ended beside their records, or without one.
func (s *Store) inEnds(ctx context.Context, id autoscaler.ServiceID, session sessionstore.SessionID) (found []sessionstore.Found, err error) {
	in := s.between(id, prefixEnded, prefixEnded+behind)
	in.ConsistentRead = aws.Bool(true)
	err = s.pages(ctx, in, func(it item) error {
		if it.expired(s.clock.now()) {
			return nil
		}
		ends, err := decodeEnds(it)
		if err != nil {
			return err
		}
		task, err := taskOf(it.sortKey(), prefixEnded)
		for _, e := range ends {
			if sessionstore.SessionID(e.ID) == session {
				ref := autoscaler.TaskRef{Service: id, Task: task}
				found = append(found, sessionstore.FoundEnded(ref, sessionstore.Ended{Session: session, At: e.At, Cause: sessionstore.EndCause(e.Cause)}))
			}
		}
		return err
	})
	return found, err
}
