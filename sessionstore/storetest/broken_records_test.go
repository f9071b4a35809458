package storetest

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func brokenRecords() map[string]func() *faulty {
	ctx := context.Background()
	opening := func(change func(*faulty, autoscaler.OpenRequest) (autoscaler.TaskActivity, error)) func() *faulty {
		return with(func(f *faulty) {
			f.open = func(req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) { return change(f, req) }
		})
	}
	forgetting := func(change func(*faulty, autoscaler.ForgetRequest) error) func() *faulty {
		return with(func(f *faulty) {
			f.forget = func(req autoscaler.ForgetRequest) error { return change(f, req) }
		})
	}
	return map[string]func() *faulty{
		"begins-closed": with(func(f *faulty) {
			f.register = func(req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
				a, err := f.Store.Register(ctx, req)
				if err != nil {
					return a, err
				}
				return f.Store.Open(ctx, autoscaler.OpenRequest{Ref: req.Ref, Version: a.Version, ProtectedUntil: req.At.Add(aDay), At: req.At})
			}
		}),
		"record-named": with(func(f *faulty) {
			f.register = func(req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
				req.Ref = ref("t")
				return f.Store.Register(ctx, req)
			}
		}),
		"register-twice": with(func(f *faulty) {
			f.register = func(req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
				a, err := f.Store.Register(ctx, req)
				a.State = autoscaler.TaskNew
				return a, err
			}
		}),
		"adopted-completed": reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Level = "" }),
		"adopted-unknown": with(func(f *faulty) {
			f.prove = func(tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
				all, err := f.Store.Prove(ctx, tasks, at)
				for i := range all {
					if all[i].Adopted {
						all[i].Occupancy = autoscaler.Sessions(0)
					}
				}
				return all, err
			}
		}),
		"register-confirms": with(func(f *faulty) {
			f.register = func(req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
				if a := f.record(req.Ref); a.Version > 0 {
					return a, nil
				}
				return f.Store.Register(ctx, req)
			}
		}),
		"register-bare": with(func(f *faulty) {
			f.register = func(req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
				if !req.Adopted && req.Level == "" {
					req.Level = autoscaler.LevelC
				}
				return f.Store.Register(ctx, req)
			}
		}),
		"level-bounded":         misruled(func(r *sessionstore.Rules) { r.Level = "" }),
		"open-needs-protection": ruled(sessionstore.Rules{Margin: time.Minute}),
		"exposed-waits":         ruled(sessionstore.Rules{ExposedWait: time.Second}),
		"open-refreshes": opening(func(f *faulty, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
			if a := f.record(req.Ref); a.State == autoscaler.TaskOpen {
				return a, nil
			}
			return f.Store.Open(ctx, req)
		}),
		"level-c-opens": opening(func(f *faulty, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
			if req.ProtectedUntil.IsZero() {
				return f.record(req.Ref), autoscaler.ErrBusy
			}
			return f.Store.Open(ctx, req)
		}),
		"open-names-version": opening(func(f *faulty, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
			req.Version = f.record(req.Ref).Version
			return f.Store.Open(ctx, req)
		}),
		"open-clock": ruled(sessionstore.Rules{Skew: time.Hour}),
		"retired-never-opens": opening(func(f *faulty, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
			a, err := f.Store.Open(ctx, req)
			return a, forgive(err, autoscaler.ErrRetired)
		}),
		"open-is-no-reopen": opening(func(f *faulty, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
			if a := f.record(req.Ref); a.State == autoscaler.TaskCordoned {
				err := f.Store.Reopen(ctx, autoscaler.DrainRef{Ref: req.Ref, Drain: a.Drain.ID, Version: a.Version, At: req.At})
				return f.record(req.Ref), err
			}
			return f.Store.Open(ctx, req)
		}),
		"renew": with(func(f *faulty) { f.renew = func(autoscaler.DrainRef, time.Time) error { return nil } }),
		"forget-gravestone": forgetting(func(*faulty, autoscaler.ForgetRequest) error {
			return nil
		}),
		"forget-names": forgetting(func(f *faulty, req autoscaler.ForgetRequest) error {
			a := f.record(req.Ref)
			req.Version, req.Drain = a.Version, a.Drain.ID
			return f.Store.Forget(ctx, req)
		}),
		"forget-twice": forgetting(func(f *faulty, req autoscaler.ForgetRequest) error {
			if f.record(req.Ref).Version == 0 {
				return autoscaler.ErrGone
			}
			return f.Store.Forget(ctx, req)
		}),
		"foreign": ownerless(),
		"no-record": opening(func(f *faulty, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
			a, err := f.Store.Open(ctx, req)
			return a, forgive(err, autoscaler.ErrNotFound)
		}),
	}
}
