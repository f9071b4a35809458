package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// faulty is a sound store with single methods replaced: the broken
// implementations that the suites must find. The calls of a method that is not
// replaced reach the sound store.
type faulty struct {
	*memstore.Store
	clock *Clock
	calls int
	again func(sessionstore.Rules) *faulty // the same fault under other rules

	mu   sync.Mutex
	live map[sessionstore.SessionID]bool // begun or told

	register func(autoscaler.RegisterRequest) (autoscaler.TaskActivity, error)
	open     func(autoscaler.OpenRequest) (autoscaler.TaskActivity, error)
	renew    func(autoscaler.DrainRef, time.Time) error
	forget   func(autoscaler.ForgetRequest) error
	activity func(autoscaler.ServiceID, time.Time) (autoscaler.Activity, error)
	prove    func([]autoscaler.TaskRef, time.Time) ([]autoscaler.TaskActivity, error)
	cordon   func(autoscaler.CordonRequest) (autoscaler.TaskActivity, error)
	reopen   func(autoscaler.DrainRef) error
	retire   func(autoscaler.DrainRef) error

	begin   func(sessionstore.BeginRequest) (sessionstore.Grant, error)
	reserve func(sessionstore.ReserveRequest) (sessionstore.Grant, error)
	started func(sessionstore.StartedRequest) (sessionstore.Receipt, error)
	touch   func(sessionstore.TouchRequest) error
	end     func(sessionstore.EndRequest) error
	abandon func(sessionstore.EndRequest) error
	report  func(sessionstore.Report) (sessionstore.Order, error)
	demand  func(sessionstore.DemandReport) error

	barrier func(sessionstore.BarrierRequest) error
	notice  func(autoscaler.DrainRef, time.Time) error
	force   func(autoscaler.DrainRef) (int, error)
	find    func(autoscaler.ServiceID, sessionstore.SessionID) (sessionstore.Found, error)
	as      func(owner string) Store

	load       func(autoscaler.ServiceID) (autoscaler.Checkpoint, error)
	save       func(autoscaler.Checkpoint) (int64, error)
	setControl func(autoscaler.ServiceID, autoscaler.Control) error
	appendTo   func(...autoscaler.Entry) error
	read       func(autoscaler.TaskID, time.Time, int) ([]autoscaler.Entry, error)
}

func newFaulty(rules sessionstore.Rules) *faulty {
	clock := NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	return &faulty{
		Store: memstore.New(memstore.Config{Now: clock.Now, Rules: rules}), clock: clock,
		live: make(map[sessionstore.SessionID]bool), again: newFaulty,
	}
}

func (f *faulty) harness() Harness {
	as := func(owner string) Store { return f.Store.As(owner) }
	if f.as != nil {
		as = f.as
	}
	return Harness{
		Store: f, As: as, Now: f.clock.Now, Advance: f.clock.Advance,
		WithRules: func(rules sessionstore.Rules) Harness { return f.again(rules).harness() },
	}
}

// record reads the record as the sound store has it; its zero value for none.
func (f *faulty) record(ref autoscaler.TaskRef) autoscaler.TaskActivity {
	a, err := f.Store.Prove(context.Background(), []autoscaler.TaskRef{ref}, f.clock.Now())
	if err != nil {
		return autoscaler.TaskActivity{}
	}
	return a[0]
}

func (f *faulty) note(id sessionstore.SessionID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[id] = true
}

// forgive turns one error into success.
func forgive(err, sentinel error) error {
	if errors.Is(err, sentinel) {
		return nil
	}
	return err
}

func (f *faulty) Register(ctx context.Context, req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
	if f.register != nil {
		return f.register(req)
	}
	return f.Store.Register(ctx, req)
}

func (f *faulty) Open(ctx context.Context, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
	if f.open != nil {
		return f.open(req)
	}
	return f.Store.Open(ctx, req)
}

func (f *faulty) Renew(ctx context.Context, d autoscaler.DrainRef, until time.Time) error {
	if f.renew != nil {
		return f.renew(d, until)
	}
	return f.Store.Renew(ctx, d, until)
}

func (f *faulty) Forget(ctx context.Context, req autoscaler.ForgetRequest) error {
	if f.forget != nil {
		return f.forget(req)
	}
	return f.Store.Forget(ctx, req)
}

func (f *faulty) Activity(ctx context.Context, id autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
	if f.activity != nil {
		return f.activity(id, at)
	}
	return f.Store.Activity(ctx, id, at)
}

func (f *faulty) Prove(ctx context.Context, tasks []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	if f.prove != nil {
		return f.prove(tasks, at)
	}
	return f.Store.Prove(ctx, tasks, at)
}

func (f *faulty) Cordon(ctx context.Context, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
	if f.cordon != nil {
		return f.cordon(req)
	}
	return f.Store.Cordon(ctx, req)
}

func (f *faulty) Reopen(ctx context.Context, d autoscaler.DrainRef) error {
	if f.reopen != nil {
		return f.reopen(d)
	}
	return f.Store.Reopen(ctx, d)
}

func (f *faulty) Retire(ctx context.Context, d autoscaler.DrainRef) error {
	if f.retire != nil {
		return f.retire(d)
	}
	return f.Store.Retire(ctx, d)
}

func (f *faulty) Begin(ctx context.Context, req sessionstore.BeginRequest) (sessionstore.Grant, error) {
	if f.begin != nil {
		return f.begin(req)
	}
	f.note(req.Session)
	return f.Store.Begin(ctx, req)
}

func (f *faulty) Reserve(ctx context.Context, req sessionstore.ReserveRequest) (sessionstore.Grant, error) {
	if f.reserve != nil {
		return f.reserve(req)
	}
	return f.Store.Reserve(ctx, req)
}

func (f *faulty) Started(ctx context.Context, req sessionstore.StartedRequest) (sessionstore.Receipt, error) {
	if f.started != nil {
		return f.started(req)
	}
	f.note(req.Session)
	return f.Store.Started(ctx, req)
}

func (f *faulty) Touch(ctx context.Context, req sessionstore.TouchRequest) error {
	if f.touch != nil {
		return f.touch(req)
	}
	return f.Store.Touch(ctx, req)
}

func (f *faulty) End(ctx context.Context, req sessionstore.EndRequest) error {
	if f.end != nil {
		return f.end(req)
	}
	return f.Store.End(ctx, req)
}

func (f *faulty) Abandon(ctx context.Context, req sessionstore.EndRequest) error {
	if f.abandon != nil {
		return f.abandon(req)
	}
	return f.Store.Abandon(ctx, req)
}

func (f *faulty) Report(ctx context.Context, rep sessionstore.Report) (sessionstore.Order, error) {
	if f.report != nil {
		return f.report(rep)
	}
	return f.Store.Report(ctx, rep)
}

func (f *faulty) ReportDemand(ctx context.Context, d sessionstore.DemandReport) error {
	if f.demand != nil {
		return f.demand(d)
	}
	return f.Store.ReportDemand(ctx, d)
}

func (f *faulty) Barrier(ctx context.Context, req sessionstore.BarrierRequest) error {
	if f.barrier != nil {
		return f.barrier(req)
	}
	return f.Store.Barrier(ctx, req)
}

func (f *faulty) GiveNotice(ctx context.Context, d autoscaler.DrainRef, ending time.Time) error {
	if f.notice != nil {
		return f.notice(d, ending)
	}
	return f.Store.GiveNotice(ctx, d, ending)
}

func (f *faulty) EndSessions(ctx context.Context, d autoscaler.DrainRef) (int, error) {
	if f.force != nil {
		return f.force(d)
	}
	return f.Store.EndSessions(ctx, d)
}

func (f *faulty) Find(ctx context.Context, id autoscaler.ServiceID, session sessionstore.SessionID) (sessionstore.Found, error) {
	if f.find != nil {
		return f.find(id, session)
	}
	return f.Store.Find(ctx, id, session)
}

func (f *faulty) LoadCheckpoint(ctx context.Context, id autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
	if f.load != nil {
		return f.load(id)
	}
	return f.Store.LoadCheckpoint(ctx, id)
}

func (f *faulty) SaveCheckpoint(ctx context.Context, c autoscaler.Checkpoint) (int64, error) {
	if f.save != nil {
		return f.save(c)
	}
	return f.Store.SaveCheckpoint(ctx, c)
}

func (f *faulty) SetControl(ctx context.Context, id autoscaler.ServiceID, c autoscaler.Control) error {
	if f.setControl != nil {
		return f.setControl(id, c)
	}
	return f.Store.SetControl(ctx, id, c)
}

func (f *faulty) Append(ctx context.Context, entries ...autoscaler.Entry) error {
	if f.appendTo != nil {
		return f.appendTo(entries...)
	}
	return f.Store.Append(ctx, entries...)
}

func (f *faulty) Read(
	ctx context.Context, id autoscaler.ServiceID, task autoscaler.TaskID, since time.Time, limit int,
) ([]autoscaler.Entry, error) {
	if f.read != nil {
		return f.read(task, since, limit)
	}
	return f.Store.Read(ctx, id, task, since, limit)
}
