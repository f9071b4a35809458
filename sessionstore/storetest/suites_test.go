package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// fault breaks a store in one way.
type fault func(*faulty)

// ruled is a store that is sound but for its numbers.
func ruled(rules sessionstore.Rules) func() *faulty {
	return func() *faulty { return newFaulty(rules) }
}

func with(breaks fault) func() *faulty {
	return func() *faulty {
		f := newFaulty(sessionstore.Rules{})
		breaks(f)
		return f
	}
}

// reporting replaces what is reported.
func reporting(change func(*faulty, *sessionstore.Report)) func() *faulty {
	return with(func(f *faulty) {
		f.report = func(rep sessionstore.Report) (sessionstore.Order, error) {
			change(f, &rep)
			return f.Store.Report(context.Background(), rep)
		}
	})
}

// beginning replaces the answer to a Begin.
func beginning(change func(sessionstore.Grant, error) (sessionstore.Grant, error)) func() *faulty {
	return with(func(f *faulty) {
		f.begin = func(req sessionstore.BeginRequest) (sessionstore.Grant, error) {
			return change(f.Store.Begin(context.Background(), req))
		}
	})
}

func beginForgives(sentinel error) func() *faulty {
	return beginning(func(g sessionstore.Grant, err error) (sessionstore.Grant, error) { return g, forgive(err, sentinel) })
}

// startedWhere drops what is told of tasks in one state.
func startedWhere(state autoscaler.TaskState) func() *faulty {
	return with(func(f *faulty) {
		f.started = func(req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
			if a := f.record(req.Ref); a.State == state {
				return sessionstore.Receipt{Version: a.Version, State: a.State}, nil
			}
			return f.Store.Started(context.Background(), req)
		}
	})
}

// ignoresEarlyEnds ignores an end of what has not started.
func ignoresEarlyEnds() *faulty {
	f := newFaulty(sessionstore.Rules{})
	f.end = func(req sessionstore.EndRequest) error {
		if !f.live[req.Session] {
			return nil
		}
		return f.Store.End(context.Background(), req)
	}
	return f
}

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
		"no-record": opening(func(f *faulty, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
			a, err := f.Store.Open(ctx, req)
			return a, forgive(err, autoscaler.ErrNotFound)
		}),
	}
}

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
	proving := func(change func([]autoscaler.TaskActivity, error) ([]autoscaler.TaskActivity, error)) func() *faulty {
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
		"prove-exact": proving(func(a []autoscaler.TaskActivity, err error) ([]autoscaler.TaskActivity, error) {
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
		"idle-since": proving(func(a []autoscaler.TaskActivity, err error) ([]autoscaler.TaskActivity, error) {
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
		"retire-settles":     ruled(sessionstore.Rules{Settle: time.Second}),
		"retire-not-level-c": reporting(func(_ *faulty, rep *sessionstore.Report) { rep.Level = autoscaler.LevelA }),
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

func brokenState() map[string]func() *faulty {
	ctx := context.Background()
	anyRevision := with(func(f *faulty) {
		f.save = func(c autoscaler.Checkpoint) (int64, error) {
			for {
				now, err := f.Store.LoadCheckpoint(ctx, c.Service)
				if err != nil {
					return 0, err
				}
				c.Revision = now.Revision
				if revision, err := f.Store.SaveCheckpoint(ctx, c); err == nil {
					return revision, nil
				}
			}
		}
	})
	return map[string]func() *faulty{
		"never-saved": with(func(f *faulty) {
			f.load = func(id autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
				c, err := f.Store.LoadCheckpoint(ctx, id)
				c.Service = autoscaler.ServiceID{}
				return c, err
			}
		}),
		"saved-whole": with(func(f *faulty) {
			f.save = func(c autoscaler.Checkpoint) (int64, error) {
				c.Intents = nil
				return f.Store.SaveCheckpoint(ctx, c)
			}
		}),
		"save-names-revision": anyRevision,
		"one-save":            anyRevision,
		"no-shared-memory": with(func(f *faulty) {
			var shared autoscaler.Checkpoint
			f.save = func(c autoscaler.Checkpoint) (int64, error) { shared = c; return 1, nil }
			f.load = func(autoscaler.ServiceID) (autoscaler.Checkpoint, error) { return shared, nil }
		}),
		"control": with(func(f *faulty) {
			f.setControl = func(id autoscaler.ServiceID, c autoscaler.Control) error {
				c.Pins = nil
				return f.Store.SetControl(ctx, id, c)
			}
		}),
		"services-apart": with(func(f *faulty) {
			f.load = func(autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
				return f.Store.LoadCheckpoint(ctx, service())
			}
		}),
	}
}

func brokenDemand() map[string]func() *faulty {
	ctx := context.Background()
	telling := func(change func(*faulty, *sessionstore.DemandReport)) func() *faulty {
		return with(func(f *faulty) {
			f.demand = func(d sessionstore.DemandReport) error {
				f.calls++
				change(f, &d)
				return f.Store.ReportDemand(ctx, d)
			}
		})
	}
	return map[string]func() *faulty{
		"refusals-add-up":  telling(func(_ *faulty, d *sessionstore.DemandReport) { d.Source = "one" }),
		"report-once":      telling(func(f *faulty, d *sessionstore.DemandReport) { d.Seq = int64(f.calls) }),
		"waiting-replaced": telling(func(f *faulty, d *sessionstore.DemandReport) { d.Source += fmt.Sprint(f.calls) }),
		"waiting-expires": with(func(f *faulty) {
			start := f.clock.Now()
			f.activity = func(id autoscaler.ServiceID, _ time.Time) (autoscaler.Activity, error) {
				return f.Store.Activity(ctx, id, start)
			}
		}),
	}
}

func brokenJournal() map[string]func() *faulty {
	ctx := context.Background()
	reading := func(change func(*faulty, autoscaler.TaskID, time.Time, int) ([]autoscaler.Entry, error)) func() *faulty {
		return with(func(f *faulty) {
			f.read = func(task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
				return change(f, task, since, limit)
			}
		})
	}
	return map[string]func() *faulty{
		"entry-whole": with(func(f *faulty) {
			f.appendTo = func(entries ...autoscaler.Entry) error {
				for i := range entries {
					entries[i].Drain = ""
				}
				return f.Store.Append(ctx, entries...)
			}
		}),
		"entry-order": reading(func(f *faulty, task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
			entries, err := f.Store.Read(ctx, service(), task, since, limit)
			slices.Reverse(entries)
			return entries, err
		}),
		"entry-newest": reading(func(f *faulty, task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
			entries, err := f.Store.Read(ctx, service(), task, since, 0)
			return entries[:min(limit, len(entries))], err
		}),
		"entry-task": reading(func(f *faulty, _ autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
			return f.Store.Read(ctx, service(), "", since, limit)
		}),
		"entry-none-lost": with(func(f *faulty) {
			f.appendTo = func(entries ...autoscaler.Entry) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.calls++; f.calls == 2 {
					return nil
				}
				return f.Store.Append(ctx, entries...)
			}
		}),
	}
}

// TestSuitesFindBrokenStores holds every suite to finding, for each of its
// clauses, a store that breaks it, by that clause, and to finding nothing in a
// sound one.
func TestSuitesFindBrokenStores(t *testing.T) {
	for _, suite := range []struct {
		name    string
		clauses []clause.Clause[Harness]
		broken  map[string]func() *faulty
	}{
		{"records", recordsClauses(), brokenRecords()},
		{"store", storeClauses(), brokenStore()},
		{"writer", writerClauses(), brokenWriter()},
		{"state", stateClauses(), brokenState()},
		{"demand", demandClauses(), brokenDemand()},
		{"journal", journalClauses(), brokenJournal()},
	} {
		t.Run(suite.name, func(t *testing.T) {
			sound := func(clause.T) Harness { return newFaulty(sessionstore.Rules{}).harness() }
			for name, messages := range clause.Failing(suite.clauses, sound) {
				t.Errorf("a sound store fails %s: %v", name, messages)
			}
			for _, c := range suite.clauses {
				if c.Name == "foreign" {
					continue // TestSuiteFindsAStoreWithoutOwners
				}
				broken, ok := suite.broken[c.Name]
				if !ok {
					t.Errorf("clause %s has no broken store that shows it to work", c.Name)
					continue
				}
				delete(suite.broken, c.Name)
				failing := clause.Failing([]clause.Clause[Harness]{c}, func(clause.T) Harness { return broken().harness() })
				if len(failing) == 0 {
					t.Errorf("clause %s does not find the store that breaks it", c.Name)
				}
			}
			for name := range suite.broken {
				t.Errorf("a broken store for %s, which is no clause", name)
			}
		})
	}
}

func TestSuiteFindsAStoreWithoutOwners(t *testing.T) {
	failing := clause.Failing(recordsClauses(), func(clause.T) Harness {
		h := newFaulty(sessionstore.Rules{}).harness()
		h.As = func(string) Store { return h.Store }
		return h
	})
	if names := clause.Names(failing); !slices.Equal(names, []string{"foreign"}) {
		t.Errorf("found %v, want foreign alone", names)
	}
}

func TestClausesAreNamedOnce(t *testing.T) {
	seen := make(map[string]bool)
	texts := make(map[string]bool)
	for _, c := range slices.Concat(recordsClauses(), storeClauses(), writerClauses(), stateClauses(), demandClauses(), journalClauses()) {
		if seen[c.Name] || texts[c.Text] || c.Text == "" {
			t.Errorf("clause %s is there twice, or says nothing", c.Name)
		}
		seen[c.Name], texts[c.Text] = true, true
	}
	t.Logf("%d clauses", len(seen))
}
