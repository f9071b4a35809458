package storetest

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func brokenBarriers() map[string]func() *faulty {
	ctx := context.Background()
	applying := func(change func(*faulty, sessionstore.BarrierRequest) error) func() *faulty {
		return with(func(f *faulty) {
			f.barrier = func(req sessionstore.BarrierRequest) error { return change(f, req) }
		})
	}
	return map[string]func() *faulty{
		"barrier-applied": proving(func(f *faulty, a *autoscaler.TaskActivity) {
			if !a.Barrier.IsZero() {
				a.Barrier = a.Barrier.Add(-time.Hour) // by the caller's clock
			}
		}),
		"barrier-once": proving(func(f *faulty, a *autoscaler.TaskActivity) {
			if !a.Barrier.IsZero() {
				a.Barrier = f.clock.Now()
			}
		}),
		"barrier-other-drain": applying(func(f *faulty, req sessionstore.BarrierRequest) error {
			if a := f.record(req.Ref); a.State == autoscaler.TaskCordoned {
				req.Drain = a.Drain.ID
			}
			return f.Store.Barrier(ctx, req)
		}),
		"barrier-next-drain": with(func(f *faulty) {
			f.cordon = func(req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
				a, err := f.Store.Cordon(ctx, req)
				if f.calls++; f.calls > 1 && err == nil {
					err = f.Store.Barrier(ctx, sessionstore.BarrierRequest{Ref: req.Ref, Drain: req.Drain})
				}
				return a, err
			}
		}),
		"barrier-named": applying(func(f *faulty, req sessionstore.BarrierRequest) error {
			return f.Store.Barrier(ctx, sessionstore.BarrierRequest{Ref: ref("t"), Drain: "d"})
		}),
		"barrier-no-record": applying(func(f *faulty, req sessionstore.BarrierRequest) error {
			return forgive(f.Store.Barrier(ctx, req), autoscaler.ErrNotFound)
		}),
		"barrier-foreign": ownerless(),
	}
}

func brokenForced() map[string]func() *faulty {
	ctx := context.Background()
	noticing := func(change func(*faulty, autoscaler.DrainRef, time.Time) error) func() *faulty {
		return with(func(f *faulty) {
			f.notice = func(d autoscaler.DrainRef, ending time.Time) error { return change(f, d, ending) }
		})
	}
	ending := func(change func(*faulty, autoscaler.DrainRef) (int, error)) func() *faulty {
		return with(func(f *faulty) {
			f.force = func(d autoscaler.DrainRef) (int, error) { return change(f, d) }
		})
	}
	// hasty ends at once whatever was begun or told.
	hasty := ending(func(f *faulty, d autoscaler.DrainRef) (int, error) {
		if n, err := f.Store.EndSessions(ctx, d); err == nil {
			return n, nil
		}
		return f.endAll(d.Ref), nil
	})
	return map[string]func() *faulty{
		"notice-told": with(func(f *faulty) {
			f.report = func(rep sessionstore.Report) (sessionstore.Order, error) {
				order, err := f.Store.Report(ctx, rep)
				order.Ending = time.Time{}
				return order, err
			}
		}),
		"notice-once": noticing(func(f *faulty, d autoscaler.DrainRef, ending time.Time) error {
			f.calls++
			return f.Store.GiveNotice(ctx, d, ending.Add(time.Duration(f.calls)))
		}),
		"notice-not-forward": proving(func(f *faulty, a *autoscaler.TaskActivity) {
			if a.Drain.Ending.Sub(f.clock.Now()) > time.Minute {
				a.Drain.Ending = f.clock.Now().Add(time.Minute)
			}
		}),
		"notice-put-off": noticing(func(f *faulty, d autoscaler.DrainRef, ending time.Time) error {
			if !f.record(d.Ref).Drain.Ending.IsZero() {
				return nil
			}
			return f.Store.GiveNotice(ctx, d, ending)
		}),
		"notice-ahead": noticing(func(f *faulty, d autoscaler.DrainRef, ending time.Time) error {
			d.At = f.clock.Now()
			return f.Store.GiveNotice(ctx, d, ending.Add(time.Second))
		}),
		"notice-next-drain": ending(func(f *faulty, d autoscaler.DrainRef) (int, error) {
			n, err := f.Store.EndSessions(ctx, d)
			return n, forgive(err, autoscaler.ErrBusy)
		}),
		"forced-refused": ending(func(f *faulty, d autoscaler.DrainRef) (int, error) {
			d.Version, d.Drain = f.record(d.Ref).Version, f.record(d.Ref).Drain.ID
			return f.Store.EndSessions(ctx, d)
		}),
		"forced-needs-notice": hasty,
		"forced-waits": ending(func(f *faulty, d autoscaler.DrainRef) (int, error) {
			d.At = f.clock.Now()
			return f.Store.EndSessions(ctx, d)
		}),
		"forced-ends": ending(func(f *faulty, d autoscaler.DrainRef) (int, error) {
			_, err := f.Store.EndSessions(ctx, d)
			return 0, err
		}),
		"forced-stays": reporting(func(f *faulty, rep *sessionstore.Report) {
			for i := range rep.Sessions { // taken for new ones
				if !f.record(rep.Ref).Drain.Forced.IsZero() {
					rep.Sessions[i] += "'"
				}
			}
		}),
		"forced-waives": with(func(f *faulty) {
			f.retire = func(d autoscaler.DrainRef) error {
				if a := f.record(d.Ref); f.clock.Now().Sub(a.LastReport) > 90*time.Second {
					return autoscaler.ErrBusy
				}
				return f.Store.Retire(ctx, d)
			}
		}),
		"forced-this-drain": with(func(f *faulty) {
			f.retire = func(d autoscaler.DrainRef) error { return forgive(f.Store.Retire(ctx, d), autoscaler.ErrBusy) }
		}),
		"forced-counts-later": startedWhere(autoscaler.TaskCordoned),
		"forced-twice": ending(func(f *faulty, d autoscaler.DrainRef) (int, error) {
			if n, err := f.Store.EndSessions(ctx, d); n > 0 || err != nil {
				return n, err
			}
			return f.endAll(d.Ref), nil
		}),
		"forced-level-c": with(func(f *faulty) {
			f.retire = func(d autoscaler.DrainRef) error {
				err := f.Store.Retire(ctx, d)
				if !f.record(d.Ref).Drain.Forced.IsZero() {
					err = forgive(err, autoscaler.ErrBusy)
				}
				return err
			}
		}),
	}
}

// endAll ends what was begun or told on the task, one by one.
func (f *faulty) endAll(task autoscaler.TaskRef) int {
	n := 0
	for id := range f.live {
		if err := f.Store.End(context.Background(), sessionstore.EndRequest{Ref: task, Session: id, At: f.clock.Now()}); err == nil {
			n++
		}
	}
	return n
}

func brokenFinder() map[string]func() *faulty {
	ctx := context.Background()
	finding := func(change func(*faulty, sessionstore.Found, error) (sessionstore.Found, error)) func() *faulty {
		return with(func(f *faulty) {
			f.find = func(id autoscaler.ServiceID, session sessionstore.SessionID) (sessionstore.Found, error) {
				found, err := f.Store.Find(ctx, id, session)
				return change(f, found, err)
			}
		})
	}
	forgetful := finding(func(f *faulty, found sessionstore.Found, err error) (sessionstore.Found, error) {
		if a := f.record(found.Ref); found.State == sessionstore.SessionEnded && (a.Version == 0 || f.clock.Now().Sub(found.Since) > 15*time.Minute) {
			return sessionstore.Found{}, autoscaler.ErrNotFound
		}
		return found, err
	})
	return map[string]func() *faulty{
		"find-live": finding(func(_ *faulty, found sessionstore.Found, err error) (sessionstore.Found, error) {
			found.Listed = false
			return found, err
		}),
		"find-states": finding(func(_ *faulty, found sessionstore.Found, err error) (sessionstore.Found, error) {
			found.State = sessionstore.SessionLive
			return found, err
		}),
		"find-ended": forgetful,
		"find-ended-listed": finding(func(_ *faulty, found sessionstore.Found, err error) (sessionstore.Found, error) {
			found.State, found.Cause = sessionstore.SessionLive, ""
			return found, err
		}),
		"find-time": finding(func(_ *faulty, found sessionstore.Found, err error) (sessionstore.Found, error) {
			if found.Cause == sessionstore.CauseTime {
				found.Cause = sessionstore.CauseEnd
			}
			return found, err
		}),
		"find-forgotten": with(func(f *faulty) {
			f.forget = func(req autoscaler.ForgetRequest) error {
				f.endAll(req.Ref)
				req.Version = f.record(req.Ref).Version
				return f.Store.Forget(ctx, req)
			}
		}),
		"find-no-record": forgetful,
		"find-where-it-lives": finding(func(_ *faulty, found sessionstore.Found, err error) (sessionstore.Found, error) {
			if err == nil {
				found.Ref = ref("t")
			}
			return found, err
		}),
		"find-none": finding(func(_ *faulty, found sessionstore.Found, err error) (sessionstore.Found, error) {
			return found, forgive(err, autoscaler.ErrNotFound)
		}),
		"find-changes-nothing": with(func(f *faulty) {
			f.find = func(id autoscaler.ServiceID, session sessionstore.SessionID) (sessionstore.Found, error) {
				err := f.Store.End(ctx, sessionstore.EndRequest{Ref: ref("t"), Session: session, At: f.clock.Now()})
				return sessionstore.Found{}, err
			}
		}),
	}
}
