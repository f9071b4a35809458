package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func brokenWriter() map[string]func() *faulty {
	ctx := context.Background()
	telling := func(change func(*faulty, sessionstore.StartedRequest) (sessionstore.Receipt, error)) func() *faulty {
		return with(func(f *faulty) {
			f.started = func(req sessionstore.StartedRequest) (sessionstore.Receipt, error) { return change(f, req) }
		})
	}
	answering := func(change func(*sessionstore.Order)) func() *faulty {
		return with(func(f *faulty) {
			f.report = func(rep sessionstore.Report) (sessionstore.Order, error) {
				order, err := f.Store.Report(ctx, rep)
				change(&order)
				return order, err
			}
		})
	}
	return map[string]func() *faulty{
		"begin-counts": with(func(f *faulty) {
			f.begin = func(sessionstore.BeginRequest) (sessionstore.Grant, error) { return sessionstore.Grant{}, nil }
		}),
		"begin-expires": beginning(func(g sessionstore.Grant, err error) (sessionstore.Grant, error) {
			g.Expires = g.Expires.Add(5 * time.Second)
			return g, err
		}),
		"begin-once": with(func(f *faulty) {
			f.begin = func(req sessionstore.BeginRequest) (sessionstore.Grant, error) {
				f.calls++
				req.Session += sessionstore.SessionID(fmt.Sprint("/", f.calls))
				return f.Store.Begin(ctx, req)
			}
		}),
		"begin-full":         beginForgives(autoscaler.ErrTaskFull),
		"last-slot":          beginForgives(autoscaler.ErrTaskFull),
		"begin-record-limit": ruled(sessionstore.Rules{SessionLimit: 1000}),
		"begin-ended":        beginForgives(autoscaler.ErrGone),
		"ended-is-told": beginning(func(g sessionstore.Grant, err error) (sessionstore.Grant, error) {
			if errors.Is(err, sessionstore.ErrEnded) {
				err = autoscaler.ErrGone
			}
			return g, err
		}),
		"task-named": telling(func(f *faulty, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
			req.Ref = ref("t")
			return f.Store.Started(ctx, req)
		}),
		"report-numbered": reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Boot, rep.Seq = max(1, rep.Boot), max(1, rep.Seq) }),
		"report-slots":    reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Slots = max(1, rep.Slots) }),
		"begin-lapsed": beginning(func(g sessionstore.Grant, err error) (sessionstore.Grant, error) {
			g.Reopened = false
			return g, err
		}),
		"begin-reopens": with(func(f *faulty) {
			f.begin = func(req sessionstore.BeginRequest) (sessionstore.Grant, error) {
				req.Reopen = false
				return f.Store.Begin(ctx, req)
			}
		}),
		"begin-needs-protection": ruled(sessionstore.Rules{Margin: time.Minute}),
		"begin-clock":            ruled(sessionstore.Rules{Skew: time.Hour}),
		"begin-no-record":        beginForgives(autoscaler.ErrNotFound),
		"reserve":                with(func(f *faulty) { f.reserve = grantAll }),
		"abandon":                with(func(f *faulty) { f.abandon = func(sessionstore.EndRequest) error { return nil } }),
		"started-registers": telling(func(f *faulty, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
			receipt, err := f.Store.Started(ctx, req)
			receipt.Registered = false
			return receipt, err
		}),
		"started-cordoned": startedWhere(autoscaler.TaskCordoned),
		"started-retired":  startedWhere(autoscaler.TaskRetired),
		"started-overflow": ruled(sessionstore.Rules{SessionLimit: 1000}),
		"told-limit": telling(func(f *faulty, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
			if f.calls++; f.calls > 200 {
				return sessionstore.Receipt{Overflow: true}, nil
			}
			return f.Store.Started(ctx, req)
		}),
		"started-any-clock": telling(func(f *faulty, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
			if f.clock.Now().Sub(req.At) > 5*time.Second {
				return sessionstore.Receipt{}, autoscaler.ErrClock
			}
			return f.Store.Started(ctx, req)
		}),
		"end-before-start": ignoresEarlyEnds,
		"ended-stays": telling(func(f *faulty, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
			req.Began = time.Time{}
			return f.Store.Started(ctx, req)
		}),
		"any-order":    ignoresEarlyEnds,
		"event-only":   ruled(sessionstore.Rules{MaxSession: time.Hour}),
		"disconnected": with(func(f *faulty) { f.touch = func(sessionstore.TouchRequest) error { return nil } }),
		"touch-no-start": with(func(f *faulty) {
			f.touch = func(req sessionstore.TouchRequest) error {
				_, err := f.Store.Started(ctx, sessionstore.StartedRequest{Ref: req.Ref, Session: req.Session, At: req.At})
				return err
			}
		}),
		"demand-counts": with(func(f *faulty) {
			f.forget = func(autoscaler.ForgetRequest) error { return nil }
			f.end = func(req sessionstore.EndRequest) error {
				if req.Session == "b" {
					return nil
				}
				return f.Store.End(ctx, req)
			}
		}),
		"report-registers": with(func(f *faulty) {
			f.report = func(rep sessionstore.Report) (sessionstore.Order, error) {
				if _, err := f.Store.Register(ctx, autoscaler.RegisterRequest{Ref: rep.Ref, Processes: 1, Adopted: true, At: rep.At}); err != nil {
					return sessionstore.Order{}, err
				}
				return f.Store.Report(ctx, rep)
			}
		}),
		"report-removes-nothing": with(func(f *faulty) {
			f.report = func(rep sessionstore.Report) (sessionstore.Order, error) {
				for id := range f.live {
					if !slices.Contains(rep.Sessions, id) {
						if err := f.Store.End(ctx, sessionstore.EndRequest{Ref: rep.Ref, Session: id, At: rep.At}); err != nil {
							return sessionstore.Order{}, err
						}
					}
				}
				return f.Store.Report(ctx, rep)
			}
		}),
		"first-report-removes-nothing": with(func(f *faulty) {
			f.report = func(rep sessionstore.Report) (sessionstore.Order, error) {
				if f.record(rep.Ref).LastReport.IsZero() {
					f.endAll(rep.Ref)
				}
				return f.Store.Report(ctx, rep)
			}
		}),
		"report-keeps": reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Sessions, rep.Count = nil, 0 }),
		"report-newest": reporting(func(f *faulty, rep *sessionstore.Report) {
			f.calls++
			rep.Seq = int64(f.calls)
		}),
		"report-processes": reporting(func(f *faulty, rep *sessionstore.Report) {
			f.calls++
			rep.Process, rep.Seq = "main", int64(f.calls)
		}),
		"report-tells-drain": answering(func(o *sessionstore.Order) { o.Drain = "" }),
		"report-reopens":     answering(func(o *sessionstore.Order) { o.State = autoscaler.TaskCordoned }),
		"report-protection":  reporting(func(_ *faulty, rep *sessionstore.Report) { rep.ProtectedUntil = time.Time{} }),
		"report-leaves":      reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Left = false }),
		"controller-heard":   answering(func(o *sessionstore.Order) { o.ControllerAt = time.Time{} }),
		"session-ids": with(func(f *faulty) {
			f.begin = func(req sessionstore.BeginRequest) (sessionstore.Grant, error) {
				req.Session = ("x" + req.Session)[:1]
				return f.Store.Begin(ctx, req)
			}
		}),
	}
}
