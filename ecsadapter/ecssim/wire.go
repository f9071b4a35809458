package ecssim

import (
	"context"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// wire puts a cluster's seam around the contracts of a store, so that one seam
// sees every call of a run in one order.
type wire struct {
	c        *Cluster
	sessions autoscaler.SessionStore
	records  autoscaler.Records
	state    autoscaler.StateStore
	writer   sessionstore.Writer
	demand   sessionstore.DemandWriter
	forced   autoscaler.ForcedEnds
	barriers sessionstore.Barriers
	journal  autoscaler.Journal
	past     *answers
}

// answers are what a store has answered in the last while: what a read that lags
// behind is answered with.
type answers struct{ all []answer }

type answer struct {
	service  autoscaler.ServiceID
	at       time.Time
	activity autoscaler.Activity
}

// answersKept bounds them: a stale read is seconds old.
const answersKept = 16

func (p *answers) keep(a answer) {
	if len(p.all) == answersKept {
		p.all = append(p.all[:0], p.all[1:]...)
	}
	p.all = append(p.all, a)
}

// stale returns the newest answer that is at least as old as the instant given.
func (p *answers) stale(service autoscaler.ServiceID, at time.Time) (autoscaler.Activity, bool) {
	for i := len(p.all) - 1; i >= 0; i-- {
		if a := p.all[i]; a.service == service && !a.at.After(at) {
			a.activity.Tasks = slices.Clone(a.activity.Tasks)
			return a.activity, true
		}
	}
	return autoscaler.Activity{}, false
}

// WireSessions returns the store with the cluster's seam around every call.
func WireSessions(c *Cluster, store autoscaler.SessionStore) autoscaler.SessionStore {
	return wiredSessions{wire{c: c, sessions: store, past: &answers{}}}
}

// WireRecords returns the records with the cluster's seam around every call.
func WireRecords(c *Cluster, records autoscaler.Records) autoscaler.Records {
	return wiredRecords{wire{c: c, records: records}}
}

// WireState returns the state store with the cluster's seam around every call.
func WireState(c *Cluster, state autoscaler.StateStore) autoscaler.StateStore {
	return wiredState{wire{c: c, state: state}}
}

// WireWriter returns the writer with the cluster's seam around every call.
func WireWriter(c *Cluster, writer sessionstore.Writer) sessionstore.Writer {
	return wiredWriter{wire{c: c, writer: writer}}
}

// WireDemand returns the demand writer with the cluster's seam around every call.
func WireDemand(c *Cluster, demand sessionstore.DemandWriter) sessionstore.DemandWriter {
	return wiredDemand{wire{c: c, demand: demand}}
}

// WireForced returns the forced ends with the cluster's seam around every call.
func WireForced(c *Cluster, forced autoscaler.ForcedEnds) autoscaler.ForcedEnds {
	return wiredForced{wire{c: c, forced: forced}}
}

// WireBarriers returns the barriers with the cluster's seam around every call.
func WireBarriers(c *Cluster, barriers sessionstore.Barriers) sessionstore.Barriers {
	return wiredBarriers{wire{c: c, barriers: barriers}}
}

// WireJournal returns the journal with the cluster's seam around every call.
func WireJournal(c *Cluster, journal autoscaler.Journal) autoscaler.Journal {
	return wiredJournal{wire{c: c, journal: journal}}
}

// quiet reports that nobody watches: the calls that users make by the million
// then skip the seam and what it would have them allocate.
func (w wire) quiet() bool { return w.c.currentSeam() == nil && w.c.faults.Load() == nil }

// about passes a call about one task.
func about[R any](
	ctx context.Context, w wire, op Op, ref autoscaler.TaskRef, args any, f func() (R, error),
) (R, error) {
	return through(ctx, w, Call{Op: op, Service: ref.Service, Task: ref.Task, Args: args}, f)
}

// through passes a call with an answer. An answer whose reply was lost is not
// handed on.
func through[R any](ctx context.Context, w wire, call Call, f func() (R, error)) (R, error) {
	// A store may answer together with an error, as Cordon does with the record
	// as it stands; that answer is handed on. One that was lost on the way is not.
	var out R
	own := false
	err := w.c.pass(ctx, call, nil, func(mishap) (err error) {
		out, err = f()
		own = err != nil
		return err
	})
	if err != nil && !own {
		var none R
		return none, err
	}
	return out, err
}

type wiredSessions struct{ wire }

func (w wiredSessions) Activity(
	ctx context.Context, service autoscaler.ServiceID, at time.Time,
) (autoscaler.Activity, error) {
	if w.quiet() {
		return w.sessions.Activity(ctx, service, at)
	}
	var out autoscaler.Activity
	err := w.c.pass(ctx, Call{Op: OpActivity, Service: service}, nil, func(m mishap) error {
		now := w.c.Now()
		if m.kind == FaultStale {
			if old, ok := w.past.stale(service, now.Add(-m.delay)); ok {
				out = old
				// What lags behind is the data, not the clock of whoever answers.
				fresh, err := w.sessions.Activity(ctx, service, at)
				out.Now = fresh.Now
				return err
			}
		}
		activity, err := w.sessions.Activity(ctx, service, at)
		if err != nil {
			return err
		}
		w.past.keep(answer{service, now, activity})
		out = activity
		out.Tasks = slices.Clone(activity.Tasks[:m.part(len(activity.Tasks))])
		return nil
	})
	return out, err
}

func (w wiredSessions) Prove(
	ctx context.Context, tasks []autoscaler.TaskRef, at time.Time,
) ([]autoscaler.TaskActivity, error) {
	call := Call{Op: OpProve, Args: tasks}
	if len(tasks) > 0 {
		call.Service = tasks[0].Service
	}
	var out []autoscaler.TaskActivity
	err := w.c.pass(ctx, call, nil, func(m mishap) (err error) {
		out, err = w.sessions.Prove(ctx, tasks, at)
		out = out[:m.part(len(out))]
		return err
	})
	return out, err
}

func (w wiredSessions) Cordon(ctx context.Context, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
	return about(ctx, w.wire, OpCordon, req.Ref, req, func() (autoscaler.TaskActivity, error) {
		return w.sessions.Cordon(ctx, req)
	})
}

func (w wiredSessions) Reopen(ctx context.Context, drain autoscaler.DrainRef) error {
	return w.plain(ctx, OpReopen, drain.Ref, drain, func() error { return w.sessions.Reopen(ctx, drain) })
}

func (w wiredSessions) Retire(ctx context.Context, drain autoscaler.DrainRef) error {
	return w.plain(ctx, OpRetire, drain.Ref, drain, func() error { return w.sessions.Retire(ctx, drain) })
}

// plain passes a call about one task that answers with nothing.
func (w wire) plain(ctx context.Context, op Op, ref autoscaler.TaskRef, args any, f func() error) error {
	return w.c.pass(ctx, Call{Op: op, Service: ref.Service, Task: ref.Task, Args: args}, nil, func(mishap) error { return f() })
}

type wiredRecords struct{ wire }

func (w wiredRecords) Register(
	ctx context.Context, req autoscaler.RegisterRequest,
) (autoscaler.TaskActivity, error) {
	return about(ctx, w.wire, OpRegister, req.Ref, req, func() (autoscaler.TaskActivity, error) {
		return w.records.Register(ctx, req)
	})
}

func (w wiredRecords) Open(ctx context.Context, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
	return about(ctx, w.wire, OpOpen, req.Ref, req, func() (autoscaler.TaskActivity, error) {
		return w.records.Open(ctx, req)
	})
}

func (w wiredRecords) Renew(ctx context.Context, drain autoscaler.DrainRef, until time.Time) error {
	return w.plain(ctx, OpRenew, drain.Ref, drain, func() error { return w.records.Renew(ctx, drain, until) })
}

func (w wiredRecords) Forget(ctx context.Context, req autoscaler.ForgetRequest) error {
	return w.plain(ctx, OpForget, req.Ref, req, func() error { return w.records.Forget(ctx, req) })
}

type wiredState struct{ wire }

func (w wiredState) LoadCheckpoint(
	ctx context.Context, service autoscaler.ServiceID,
) (autoscaler.Checkpoint, error) {
	return through(ctx, w.wire, Call{Op: OpLoadCheckpoint, Service: service}, func() (autoscaler.Checkpoint, error) {
		return w.state.LoadCheckpoint(ctx, service)
	})
}

func (w wiredState) SaveCheckpoint(ctx context.Context, c autoscaler.Checkpoint) (int64, error) {
	return through(ctx, w.wire, Call{Op: OpSaveCheckpoint, Service: c.Service, Args: c}, func() (int64, error) {
		return w.state.SaveCheckpoint(ctx, c)
	})
}

func (w wiredState) Control(ctx context.Context, service autoscaler.ServiceID) (autoscaler.Control, error) {
	return through(ctx, w.wire, Call{Op: OpControl, Service: service}, func() (autoscaler.Control, error) {
		return w.state.Control(ctx, service)
	})
}

func (w wiredState) SetControl(
	ctx context.Context, service autoscaler.ServiceID, control autoscaler.Control,
) error {
	return w.c.pass(ctx, Call{Op: OpSetControl, Service: service, Args: control}, nil, func(mishap) error {
		return w.state.SetControl(ctx, service, control)
	})
}

type wiredWriter struct{ wire }

func (w wiredWriter) Begin(ctx context.Context, req sessionstore.BeginRequest) (sessionstore.Grant, error) {
	if w.quiet() {
		return w.writer.Begin(ctx, req)
	}
	return about(ctx, w.wire, OpBegin, req.Ref, req, func() (sessionstore.Grant, error) {
		return w.writer.Begin(ctx, req)
	})
}

func (w wiredWriter) Started(
	ctx context.Context, req sessionstore.StartedRequest,
) (sessionstore.Receipt, error) {
	return about(ctx, w.wire, OpStarted, req.Ref, req, func() (sessionstore.Receipt, error) {
		return w.writer.Started(ctx, req)
	})
}

func (w wiredWriter) Touch(ctx context.Context, req sessionstore.TouchRequest) error {
	return w.plain(ctx, OpTouch, req.Ref, req, func() error { return w.writer.Touch(ctx, req) })
}

func (w wiredWriter) End(ctx context.Context, req sessionstore.EndRequest) error {
	if w.quiet() {
		return w.writer.End(ctx, req)
	}
	return w.plain(ctx, OpEnd, req.Ref, req, func() error { return w.writer.End(ctx, req) })
}

func (w wiredWriter) Report(ctx context.Context, report sessionstore.Report) (sessionstore.Order, error) {
	if w.quiet() {
		return w.writer.Report(ctx, report)
	}
	return about(ctx, w.wire, OpReport, report.Ref, report, func() (sessionstore.Order, error) {
		return w.writer.Report(ctx, report)
	})
}

func (w wiredWriter) Reserve(ctx context.Context, req sessionstore.ReserveRequest) (sessionstore.Grant, error) {
	return about(ctx, w.wire, OpReserve, req.Ref, req, func() (sessionstore.Grant, error) {
		return w.writer.Reserve(ctx, req)
	})
}

func (w wiredWriter) Abandon(ctx context.Context, req sessionstore.EndRequest) error {
	return w.plain(ctx, OpAbandon, req.Ref, req, func() error { return w.writer.Abandon(ctx, req) })
}

type wiredDemand struct{ wire }

func (w wiredDemand) ReportDemand(ctx context.Context, d sessionstore.DemandReport) error {
	return w.c.pass(ctx, Call{Op: OpReportDemand, Service: d.Service, Args: d}, nil, func(mishap) error {
		return w.demand.ReportDemand(ctx, d)
	})
}

type wiredForced struct{ wire }

func (w wiredForced) GiveNotice(ctx context.Context, drain autoscaler.DrainRef, ending time.Time) error {
	return w.plain(ctx, OpGiveNotice, drain.Ref, drain, func() error { return w.forced.GiveNotice(ctx, drain, ending) })
}

func (w wiredForced) EndSessions(ctx context.Context, drain autoscaler.DrainRef) (int, error) {
	return about(ctx, w.wire, OpEndSessions, drain.Ref, drain, func() (int, error) { return w.forced.EndSessions(ctx, drain) })
}

type wiredBarriers struct{ wire }

func (w wiredBarriers) Barrier(ctx context.Context, req sessionstore.BarrierRequest) error {
	return w.plain(ctx, OpBarrier, req.Ref, req, func() error { return w.barriers.Barrier(ctx, req) })
}

type wiredJournal struct{ wire }

func (w wiredJournal) Append(ctx context.Context, entries ...autoscaler.Entry) error {
	call := Call{Op: OpAppend, Args: entries}
	if len(entries) > 0 {
		call.Service = entries[0].Service
	}
	return w.c.pass(ctx, call, nil, func(mishap) error { return w.journal.Append(ctx, entries...) })
}

func (w wiredJournal) Read(
	ctx context.Context, service autoscaler.ServiceID, task autoscaler.TaskID, since time.Time, limit int,
) ([]autoscaler.Entry, error) {
	return through(ctx, w.wire, Call{Op: OpRead, Service: service, Task: task}, func() ([]autoscaler.Entry, error) {
		return w.journal.Read(ctx, service, task, since, limit)
	})
}
