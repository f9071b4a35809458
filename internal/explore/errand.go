package explore

import (
	"context"
	"fmt"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// errand is what a broker, a process or an operator does at the store: some calls, and
// what becomes of the world then. Where the store is the model's its call is one step;
// on a table it is a program as a controller's is, and others come between its calls.
type errand struct {
	label string
	says  any // what it says beyond its label and the time at which it begins; comparable
	run   func(ctx context.Context, s teller) (then func(m *move))
}

// teller is what errands call of a store.
type teller interface {
	Begin(context.Context, sessionstore.BeginRequest) (sessionstore.Grant, error)
	Started(context.Context, sessionstore.StartedRequest) (sessionstore.Receipt, error)
	End(context.Context, sessionstore.EndRequest) error
	Report(context.Context, sessionstore.Report) (sessionstore.Order, error)
	Open(context.Context, autoscaler.OpenRequest) (autoscaler.TaskActivity, error)
	Reopen(context.Context, autoscaler.DrainRef) error
}

// does carries an errand out with nobody in between.
func (m *move) does(x errand) {
	if m.table == nil {
		x.run(context.Background(), rules{m})(m)
		return
	}
	x.run(context.Background(), m.direct().table)(m)
}

// errandKey tells the program of one errand from those of others. One that begins later
// says another time.
type errandKey struct {
	label string
	says  any
	at    int32
}

// errandStep is the beginning of an errand. Who runs it stands at a place of the world.
func (e *explorer) errandStep(w *world, at place, x errand, spend func(*move), take taker) {
	if e.table == nil {
		take(x.label, func(m *move) {
			spend(m)
			m.does(x)
		})
		return
	}
	key := errandKey{x.label, x.says, w.now}
	p := e.errands[key]
	if p == nil {
		p = &program{x.label, func(h *hand) { h.then = x.run(context.Background(), h.table) }}
		e.errands[key] = p
	}
	e.beginStep(w, at, x.label, p, spend, take)
}

// free is an errand's price where it has none.
func free(*move) {}

// rules is the model's store: each call is the rule of a record, at once.
type rules struct{ m *move }

// Begin implements teller.
func (s rules) Begin(_ context.Context, req sessionstore.BeginRequest) (grant sessionstore.Grant, err error) {
	err = s.m.change(slot(req.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) (err error) {
		grant, err = r.Begin(req, t, nothing)
		return err
	})
	return grant, err
}

// Started implements teller.
func (s rules) Started(_ context.Context, req sessionstore.StartedRequest) (receipt sessionstore.Receipt, err error) {
	err = s.m.change(slot(req.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) (err error) {
		receipt, err = r.Started(req, t, nothing)
		return err
	})
	return receipt, err
}

// End implements teller.
func (s rules) End(_ context.Context, req sessionstore.EndRequest) error {
	return s.m.change(slot(req.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error {
		_, err := r.End(req, t)
		return err
	})
}

// Report implements teller.
func (s rules) Report(_ context.Context, rep sessionstore.Report) (order sessionstore.Order, err error) {
	i := slot(rep.Ref.Task)
	if s.m.w.records[i] == nil {
		s.m.put(i, sessionstore.RecordOfReport(rep, s.m.terms()))
	}
	err = s.m.change(i, func(r *sessionstore.Record, t sessionstore.Terms) (err error) {
		if s.m.scene.Plant == ReportRemoves {
			removeUnlisted(r, rep, t)
		}
		order, err = r.Report(rep, t, nothing)
		return err
	})
	return order, err
}

// Open implements teller.
func (s rules) Open(_ context.Context, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
	return autoscaler.TaskActivity{}, s.m.change(slot(req.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error {
		return r.Open(req, t)
	})
}

// Reopen implements teller.
func (s rules) Reopen(_ context.Context, d autoscaler.DrainRef) error { return s.m.reopen(d) }

// begin asks for a session. Who is refused stays away.
func begin(now int32, i, on int, reopen bool) errand {
	return errand{fmt.Sprintf("%s begins on %s", session(i), taskID(on)), nil, func(ctx context.Context, s teller) func(m *move) {
		grant, err := s.Begin(ctx, sessionstore.BeginRequest{Ref: ref(on), Session: session(i), At: at(now), Reopen: reopen})
		return func(m *move) {
			switch {
			case err != nil:
			case m.w.tasks[on].phase != running:
				m.w.users[i] = user{stage: gone}
			default:
				m.w.users[i] = user{stage: granted, task: int8(on), void: seconds(grant.Expires)}
			}
		}
	}}
}

// tell tells the store of a session that lives already.
func tell(now int32, i, on int) errand {
	return errand{fmt.Sprintf("%s is told of", session(i)), on, func(ctx context.Context, s teller) func(m *move) {
		_, _ = s.Started(ctx, sessionstore.StartedRequest{Ref: ref(on), Session: session(i), At: at(now)})
		return func(m *move) { m.w.users[i].unheard = false }
	}}
}

// tellEnd tells the store that a session has ended, served or not.
func tellEnd(now int32, i, on int) errand {
	return errand{fmt.Sprintf("%s's end is told", session(i)), on, func(ctx context.Context, s teller) func(m *move) {
		_ = s.End(ctx, sessionstore.EndRequest{Ref: ref(on), Session: session(i), At: at(now)})
		return func(m *move) { m.w.users[i] = user{stage: gone} }
	}}
}

// deliver applies the report that is on its way, and sends the answer back.
func deliver(rep *report, on int) errand {
	return errand{string(taskID(on)) + "'s report arrives", rep, func(ctx context.Context, s teller) func(m *move) {
		order, err := s.Report(ctx, rep.built)
		return func(m *move) {
			m.w.reports[on] = nil
			if err == nil {
				m.w.reports[on] = m.in.report(report{built: rep.built, answered: true, order: order})
			}
		}
	}}
}

// opens has the process open its record with the protection that it read back.
// Overtaken, it reads the version with its next report.
func (w *world) opens(plant Plant, on int) errand {
	p := w.processes[on]
	req := autoscaler.OpenRequest{Ref: ref(on), Version: p.order.Version, ProtectedUntil: until(p.protected), At: w.clock()}
	if plant == OpenBeforeProtected {
		req.ProtectedUntil = w.clock().Add(protection)
	}
	return errand{string(taskID(on)) + " opens", req, func(ctx context.Context, s teller) func(m *move) {
		_, _ = s.Open(ctx, req)
		return func(*move) {}
	}}
}

// somebodyReopens is an operator, who has looked at the record before.
func somebodyReopens(d autoscaler.DrainRef) errand {
	return errand{"somebody reopens " + string(d.Ref.Task), d, func(ctx context.Context, s teller) func(m *move) {
		_ = s.Reopen(ctx, d)
		return func(*move) {}
	}}
}
