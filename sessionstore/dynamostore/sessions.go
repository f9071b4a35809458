package dynamostore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// stateUnreadable is the state of a task whose record cannot be read. Nobody knows such
// a state, so that the task counts as busy and nothing closes it.
const stateUnreadable autoscaler.TaskState = "unreadable"

// Activity implements autoscaler.SessionStore, by one query that may lag by moments. A
// record that cannot be read is there, in a state of its own and with unknown occupancy:
// one damaged item must not keep a service from growing.
func (s *Store) Activity(ctx context.Context, id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
	var activity autoscaler.Activity
	var sum counts
	err := s.pages(ctx, s.between(id, prefixActivity, prefixActivity+behind), func(it item) error {
		terms := s.terms()
		if it.sortKey() < prefixTask {
			return sum.add(it, at, terms.Now)
		}
		r, err := Decode(id, it)
		switch {
		case err != nil:
			task, _ := taskOf(it.sortKey(), prefixTask)
			activity.Tasks = append(activity.Tasks, autoscaler.TaskActivity{Ref: autoscaler.TaskRef{Service: id, Task: task}, State: stateUnreadable})
		case it.expired(terms.Now):
		case r.State() == autoscaler.TaskGone:
			sum.gravestone(it, r)
		default:
			activity.Tasks = append(activity.Tasks, r.Activity(at, terms))
			sum.arrived(r.Demand())
		}
		return nil
	})
	if err != nil {
		return autoscaler.Activity{}, s.failed(ctx, "Activity", id, err)
	}
	// Keys sort by their escaped form.
	slices.SortFunc(activity.Tasks, func(a, b autoscaler.TaskActivity) int { return cmp.Compare(a.Ref.Task, b.Ref.Task) })
	s.leftovers.set(id, sum.unfolded())
	activity.Demand, activity.Now = sum.demand(), s.clock.now()
	return activity, nil
}

// Prove implements autoscaler.SessionStore. A gravestone fails it with ErrGone.
func (s *Store) Prove(ctx context.Context, tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	for _, ref := range tasks {
		if err := sessionstore.CheckTask("Prove", ref); err != nil {
			return nil, err
		}
	}
	items, err := s.batch(ctx, tasks)
	if err != nil {
		return nil, s.failed(ctx, "Prove", refs(tasks), err)
	}
	proved := make([]autoscaler.TaskActivity, len(tasks))
	for i, ref := range tasks {
		terms := s.terms()
		it := items[ref]
		if it == nil || it.expired(terms.Now) {
			return nil, s.without(ctx, change{op: "Prove", ref: ref}, terms)
		}
		r, err := Decode(ref.Service, it)
		if err != nil {
			return nil, err
		}
		if r.State() == autoscaler.TaskGone {
			return nil, &autoscaler.Error{Op: "dynamostore.Prove", Ref: ref.String(), Err: autoscaler.ErrGone, Hint: "the task was forgotten"}
		}
		proved[i] = r.Activity(at, terms)
	}
	return proved, nil
}

// refs names the first of some tasks.
type refs []autoscaler.TaskRef

// String returns the first task's name.
func (r refs) String() string {
	if len(r) == 0 {
		return ""
	}
	return r[0].String()
}

// Cordon implements autoscaler.SessionStore.
func (s *Store) Cordon(ctx context.Context, req autoscaler.CordonRequest) (a autoscaler.TaskActivity, err error) {
	err = s.on(ctx, "Cordon", req.Ref, func(r *sessionstore.Record, t sessionstore.Terms) error {
		err := r.Cordon(req, t)
		a = r.Activity(req.At, t)
		return err
	})
	return a, err
}

// Reopen implements autoscaler.SessionStore.
func (s *Store) Reopen(ctx context.Context, d autoscaler.DrainRef) error {
	return s.on(ctx, "Reopen", d.Ref, func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Reopen(d, t) })
}

// Retire implements autoscaler.SessionStore.
func (s *Store) Retire(ctx context.Context, d autoscaler.DrainRef) error {
	return s.on(ctx, "Retire", d.Ref, func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Retire(d, t) })
}

// on applies f to the record of a task that has one.
func (s *Store) on(ctx context.Context, op string, ref autoscaler.TaskRef, f func(*sessionstore.Record, sessionstore.Terms) error) error {
	return s.write(ctx, change{op: op, ref: ref, apply: func(r *sessionstore.Record, t sessionstore.Terms, _ sessionstore.Spilled) ([]sessionstore.Ended, error) {
		return nil, f(r, t)
	}})
}
