package storetest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func brokenStore() map[string]func() *faulty {
	ctx := context.Background()
	cordoning := func(change func(*faulty, autoscaler.CordonRequest) (autoscaler.TaskActivity, error)) func() *faulty {
		return with(func(f *faulty) {
			f.cordon = func(req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) { return change(f, req) }
		})
	}
	retiring := func(change func(*faulty, autoscaler.DrainRef) error) func() *faulty {
		return with(func(f *faulty) { f.retire = func(d autoscaler.DrainRef) error { return change(f, d) } })
	}
	reopening := func(change func(*faulty, autoscaler.DrainRef) error) func() *faulty {
		return with(func(f *faulty) { f.reopen = func(d autoscaler.DrainRef) error { return change(f, d) } })
	}
	proof := func(change func([]autoscaler.TaskActivity, error) ([]autoscaler.TaskActivity, error)) func() *faulty {
		return with(func(f *faulty) {
			f.prove = func(tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
				return change(f.Store.Prove(ctx, tasks, at))
			}
		})
	}
	oneProcess := reporting(func(f *faulty, rep *sessionstore.Report) {
		f.calls++
		rep.Process, rep.Processes, rep.Seq = "main", 1, int64(f.calls)
	})
	return map[string]func() *faulty{
		"activity-whole": with(func(f *faulty) {
			f.activity = func(id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
				a, err := f.Store.Activity(ctx, id, at)
				slices.Reverse(a.Tasks)
				return a, err
			}
		}),
		"activity-time": with(func(f *faulty) {
			f.activity = func(id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
				a, err := f.Store.Activity(ctx, id, at)
				a.Now = at
				return a, err
			}
		}),
		"prove-exact": proof(func(a []autoscaler.TaskActivity, err error) ([]autoscaler.TaskActivity, error) {
			return a, forgive(err, autoscaler.ErrNotFound)
		}),
		"silent-unknown":          ruled(sessionstore.Rules{SilentAfter: time.Hour}),
		"missing-process-unknown": oneProcess,
		"skewed-unknown":          ruled(sessionstore.Rules{Skew: time.Hour}),
		"higher-count-wins":       reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Count = len(rep.Sessions) }),
		"reads-change-nothing": with(func(f *faulty) {
			f.activity = func(id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
				a, err := f.Store.Activity(ctx, id, at)
				for _, task := range a.Tasks {
					if task.Drain.Lapsed(at) {
						d := autoscaler.DrainRef{Ref: task.Ref, Drain: task.Drain.ID, Version: task.Version, At: at}
						err = cmp.Or(err, f.Store.Reopen(ctx, d))
					}
				}
				return a, err
			}
		}),
		"idle-since": proof(func(a []autoscaler.TaskActivity, err error) ([]autoscaler.TaskActivity, error) {
			for i := range a {
				a[i].IdleSince = a[i].Opened
			}
			return a, err
		}),
		"cordon-closes": cordoning(func(f *faulty, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
			a := f.record(req.Ref)
			a.State, a.Drain = autoscaler.TaskCordoned, autoscaler.Drain{ID: req.Drain, Until: req.Until}
			return a, nil
		}),
		"cordon-only-if-idle": cordoning(func(f *faulty, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
			req.OnlyIfIdle = false
			return f.Store.Cordon(ctx, req)
		}),
		"cordon-names-version": cordoning(func(f *faulty, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
			req.Version = f.record(req.Ref).Version
			return f.Store.Cordon(ctx, req)
		}),
		"cordon-again": cordoning(func(f *faulty, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
			a, err := f.Store.Cordon(ctx, req)
			return a, forgive(err, autoscaler.ErrCordoned)
		}),
		"one-cordon": cordoning(func(f *faulty, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
			a, err := f.Store.Cordon(ctx, req)
			return a, forgive(err, autoscaler.ErrCordoned)
		}),
		"reopen": reopening(func(f *faulty, d autoscaler.DrainRef) error {
			if f.record(d.Ref).State != autoscaler.TaskCordoned {
				return autoscaler.ErrConflict
			}
			return f.Store.Reopen(ctx, d)
		}),
		"reopen-names-drain": reopening(func(f *faulty, d autoscaler.DrainRef) error {
			a := f.record(d.Ref)
			d.Version, d.Drain = a.Version, a.Drain.ID
			return f.Store.Reopen(ctx, d)
		}),
		"reopen-needs-protection": ruled(sessionstore.Rules{Margin: time.Minute}),
		"controller-clock":        ruled(sessionstore.Rules{Skew: time.Hour}),
		"retire":                  retiring(func(*faulty, autoscaler.DrainRef) error { return nil }),
		"retire-needs-acknowledgement": reporting(func(f *faulty, rep *sessionstore.Report) {
			rep.Closed, rep.Acknowledges = true, f.record(rep.Ref).Drain.ID
		}),
		"retire-needs-closed":         reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Closed = true }),
		"retire-needs-every-process":  oneProcess,
		"retire-refuses-live":         startedWhere(autoscaler.TaskCordoned),
		"retire-refuses-reserved":     with(func(f *faulty) { f.reserve = grantAll }),
		"retire-refuses-disconnected": with(touchEnds),
		"retire-refuses-counted":      reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Count = len(rep.Sessions) }),
		"retire-refuses-unknown":      ruled(sessionstore.Rules{SilentAfter: time.Hour}),
		"retire-names": retiring(func(f *faulty, d autoscaler.DrainRef) error {
			a := f.record(d.Ref)
			d.Version, d.Drain = a.Version, a.Drain.ID
			return f.Store.Retire(ctx, d)
		}),
		"retired-is-final": reopening(func(f *faulty, d autoscaler.DrainRef) error {
			return forgive(f.Store.Reopen(ctx, d), autoscaler.ErrRetired)
		}),
		"retire-new": retiring(func(f *faulty, d autoscaler.DrainRef) error {
			if f.record(d.Ref).State == autoscaler.TaskNew {
				return autoscaler.ErrBusy
			}
			return f.Store.Retire(ctx, d)
		}),
		"retire-settles":        ruled(sessionstore.Rules{Settle: time.Second}),
		"retire-new-level-b":    reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Closed = true }),
		"level-c-unbounded":     misruled(func(r *sessionstore.Rules) { r.LagBound = time.Second }),
		"level-c-reports":       reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Level = autoscaler.LevelA }),
		"level-c-settles":       misruled(func(r *sessionstore.Rules) { r.LagBound /= 2 }),
		"level-c-settles-whole": misruled(func(r *sessionstore.Rules) { r.LagBound = min(r.LagBound, r.Settle) }),
		"level-c-voided":        startedWhere(autoscaler.TaskCordoned),
		"level-c-other-barrier": with(func(f *faulty) {
			f.barrier = func(req sessionstore.BarrierRequest) error {
				req.Drain = f.record(req.Ref).Drain.ID
				return f.Store.Barrier(ctx, req)
			}
		}),
		"level-c-busy": with(func(f *faulty) {
			f.retire = func(d autoscaler.DrainRef) error {
				d.Version += int64(f.endAll(d.Ref))
				return f.Store.Retire(ctx, d)
			}
		}),
		"begin-or-retire": with(func(f *faulty) {
			f.retire = func(d autoscaler.DrainRef) error { return forgive(f.Store.Retire(ctx, d), autoscaler.ErrConflict) }
			f.begin = func(req sessionstore.BeginRequest) (sessionstore.Grant, error) {
				g, err := f.Store.Begin(ctx, req)
				return g, forgive(err, autoscaler.ErrGone)
			}
		}),
	}
}

func grantAll(req sessionstore.ReserveRequest) (sessionstore.Grant, error) {
	return sessionstore.Grant{Expires: req.Until}, nil
}

// touchEnds takes a disconnected session for one that has ended.
func touchEnds(f *faulty) {
	f.touch = func(req sessionstore.TouchRequest) error {
		return f.Store.End(context.Background(), sessionstore.EndRequest{Ref: req.Ref, Session: req.Session, At: req.At})
	}
}
