package explore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// program is what an actor does: ordinary code that calls contracts. It must be a
// function of what its calls are answered with.
type program struct {
	name string
	run  func(h *hand)
}

// local is how far an actor has come in its program: nothing but what it has heard so
// far. A program has no other state, so the code between two calls needs to be run
// once for each local, however many worlds it occurs in.
//
// To keep the actors as goroutines that wait at each call would be the usual way.
// Their stacks cannot be copied, so each state would have to be reached anew from the
// beginning.
type local struct {
	program *program
	parent  *local
	number  int32 // tells two locals of one exploration apart, the earlier first
	heard   answer
	known   bool          // what comes next has been found out
	next    *request      // nil: the program is over
	then    func(m *move) // what becomes of the world when it is over, nil for nothing
	after   map[heard]*local
}

// answer is what an actor hears of one call, and when it hears it. Whatever it
// computes before its next call it computes at that instant.
type answer struct {
	value any
	err   error
	at    int32
}

// heard identifies an answer among those that a call can have.
type heard struct {
	of any
	at int32
}

// request is a call that an actor is about to make.
type request struct {
	name string
	// writes says that the call changes something, so that it matters whether its
	// reply is lost; lags, that it may be answered with what was; permit is that of a
	// dangerous call.
	writes bool
	lags   bool
	// lands says that it may arrive long after its sender has given it up.
	lands bool
	// again carries a write out twice, as a client does that got no reply to the first, and
	// returns the second answer. Nil where nobody asks twice.
	again  func(m *move) outcome
	permit *autoscaler.Permit
	count  int // what a desired count is set to
	do     func(m *move) outcome
}

// outcome is what a call has come to: the answer, and what tells it from others.
type outcome struct {
	value any
	err   error
	of    any
}

// hand is an actor's hand on the world: the contracts, as a program calls them. It
// answers from what the actor has heard before, and ends the program at the first
// call that has not been answered yet.
type hand struct {
	heard  []answer
	next   int
	now    int32
	plant  Plant
	store  store              // what its program calls of the store
	table  *overTable         // the same, if the store is a table
	saved  *autoscaler.Permit // by the last call, if that saved one
	first  *autoscaler.Activity
	then   func(m *move)
	forges bool     // the bug is to take what is retired for cordoned
	stuck  *request // the call that a program ends at, if it was made where nothing can be thrown
	// direct, if set, carries each call out at once.
	direct func(request) answer
}

// store is what a controller's program calls of a store.
type store interface {
	autoscaler.SessionStore
	autoscaler.Records
	autoscaler.StateStore
}

// newHand returns a hand on a world with this table, or with the model's store.
func newHand(s *Scene, t *table, now int32) *hand {
	h := &hand{plant: s.Plant, now: now}
	h.store = h
	if t != nil {
		h.table = t.by(h)
		h.store = h.table
	}
	return h
}

// direct returns a hand whose calls are carried out at once, with nobody in between.
func (m *move) direct() *hand {
	h := newHand(m.scene, m.table, m.w.now)
	h.direct = func(r request) answer {
		o := r.do(m)
		return answer{o.value, o.err, m.w.now}
	}
	return h
}

var (
	_ autoscaler.SessionStore = (*hand)(nil)
	_ autoscaler.Records      = (*hand)(nil)
	_ autoscaler.StateStore   = (*hand)(nil)
	_ autoscaler.Scaler       = (*hand)(nil)
	_ workflow.Tasks          = (*hand)(nil)
)

// errUnasked ends a program at a call that no scene has a use for.
var errUnasked = errors.New("explore: a call that the model does not have")

// pending is thrown to end a program at its next call.
type pending struct{ request }

// call makes one call.
func call[T any](h *hand, r request) (T, error) {
	saved := h.saved
	h.saved = nil
	if r.permit != nil && (saved == nil || text(*saved) != text(*r.permit)) {
		panic("I5: " + r.name + " without a permit that was saved right before it")
	}
	var a answer
	switch {
	case h.direct != nil:
		a = h.direct(r)
	case h.next < len(h.heard):
		a = h.heard[h.next]
		h.next++
	default:
		panic(pending{r})
	}
	h.now = a.at
	v, _ := a.value.(T) // the zero value comes with an error
	return v, a.err
}

// step returns what an actor at this local does next, nil if its program is over, and
// what went wrong in it.
func (l *local) step(e *explorer) (next *request, broken string) {
	if l.known {
		return l.next, ""
	}
	h := newHand(e.scene, e.table, 0)
	for at := l; at != nil; at = at.parent {
		h.heard = append(h.heard, at.heard)
	}
	slices.Reverse(h.heard)
	// The first of them is no answer: it says when the program began.
	h.now, h.next = h.heard[0].at, 1
	func() {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case pending:
				l.next = &p.request
			case string:
				broken = p
			default:
				panic(p)
			}
		}()
		l.program.run(h)
		l.then = h.then
	}()
	l.known = broken == ""
	return l.next, broken
}

// hears returns the local that follows on an answer.
func (e *explorer) hears(l *local, o outcome, now int32) *local {
	key := heard{o.of, now}
	if next := l.after[key]; next != nil {
		return next
	}
	e.locals++
	next := &local{program: l.program, parent: l, number: e.locals, heard: answer{o.value, o.err, now}}
	if l.after == nil {
		l.after = map[heard]*local{}
	}
	l.after[key] = next
	return next
}

func (h *hand) clock() time.Time { return at(h.now) }

// seen identifies what is read of the records, and when it is judged.
type seen struct {
	records [maxTasks]*record
	now     int32
}

// Activity implements autoscaler.SessionStore.
func (h *hand) Activity(_ context.Context, _ autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error) {
	return h.reads(func() (autoscaler.Activity, error) {
		return call[autoscaler.Activity](h, request{name: "Activity", do: func(m *move) outcome {
			return outcome{m.activity(at), nil, seen{m.w.records, m.w.now}}
		}})
	})
}

// reads is a read of the service; with the bug put in, only the first one.
func (h *hand) reads(read func() (autoscaler.Activity, error)) (autoscaler.Activity, error) {
	if h.plant == StopWithoutLastRead && h.first != nil {
		a := *h.first
		a.Tasks = slices.Clone(a.Tasks)
		return a, nil
	}
	a, err := read()
	a.Tasks = slices.Clone(a.Tasks)
	if h.first == nil {
		h.first = &a
	}
	return a, err
}

// Prove implements autoscaler.SessionStore.
func (h *hand) Prove(_ context.Context, refs []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	return h.proves(refs, func() ([]autoscaler.TaskActivity, error) {
		return h.prove(refs, at)
	})
}

// proves is a proof; with the bug put in, what was read first.
func (h *hand) proves(refs []autoscaler.TaskRef, prove func() ([]autoscaler.TaskActivity, error)) ([]autoscaler.TaskActivity, error) {
	if h.plant != StopWithoutLastRead || h.first == nil {
		return prove()
	}
	var proof []autoscaler.TaskActivity
	for _, ref := range refs {
		for _, a := range h.first.Tasks {
			if a.Ref == ref {
				a.State = autoscaler.TaskRetired
				proof = append(proof, a)
			}
		}
	}
	return proof, nil
}

func (h *hand) prove(refs []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	return call[[]autoscaler.TaskActivity](h, request{name: "Prove", do: func(m *move) outcome {
		proof, err := m.prove(refs, at)
		return outcome{proof, err, seen{m.w.records, m.w.now}}
	}})
}

// write makes a call that changes one record; its error is all there is to hear.
func (h *hand) write(name string, do func(m *move) error) error {
	_, err := call[struct{}](h, request{name: name, writes: true, do: func(m *move) outcome { return said(do(m)) }})
	return err
}

// said is the outcome of a call that is answered with an error or with nothing.
func said(err error) outcome {
	if err == nil {
		return outcome{}
	}
	return outcome{nil, err, err.Error()}
}

// Cordon implements autoscaler.SessionStore.
func (h *hand) Cordon(_ context.Context, req autoscaler.CordonRequest) (autoscaler.TaskActivity, error) {
	return h.record("Cordon", req.Ref, func(m *move) error { return m.cordon(req) })
}

// Reopen implements autoscaler.SessionStore.
func (h *hand) Reopen(_ context.Context, d autoscaler.DrainRef) error {
	return h.write("Reopen "+string(d.Ref.Task), func(m *move) error { return m.reopen(d) })
}

// Retire implements autoscaler.SessionStore.
func (h *hand) Retire(_ context.Context, d autoscaler.DrainRef) error {
	if err := h.retires(d); err != nil {
		return err
	}
	if h.plant == NoVersionInRetire {
		return h.retireBlindly(d)
	}
	return h.write("Retire "+string(d.Ref.Task), func(m *move) error { return m.retire(d) })
}

// retires is what a bug does before a task is retired.
func (h *hand) retires(d autoscaler.DrainRef) error {
	if h.plant != UnprotectBeforeRetire {
		return nil
	}
	return h.write("unprotect "+string(d.Ref.Task), func(m *move) error {
		m.w.tasks[slot(d.Ref.Task)].protected = 0
		return nil
	})
}

// retireBlindly reads the record, and writes what it makes of it whatever stands there
// by then.
func (h *hand) retireBlindly(d autoscaler.DrainRef) error {
	i := slot(d.Ref.Task)
	before, err := call[*record](h, request{name: "read " + string(d.Ref.Task), do: func(m *move) outcome {
		return outcome{m.w.records[i], nil, m.w.records[i]}
	}})
	if err != nil {
		return err
	}
	d.Version = before.Version()
	r := before.Clone()
	if err := r.Retire(d, terms(h.now)); err != nil {
		return err
	}
	return h.write("write "+string(d.Ref.Task)+" retired", func(m *move) error {
		m.put(i, r.Clone())
		return nil
	})
}

// Register implements autoscaler.Records.
func (h *hand) Register(_ context.Context, req autoscaler.RegisterRequest) (autoscaler.TaskActivity, error) {
	return h.record("Register", req.Ref, func(m *move) error { return m.register(req) })
}

// Open implements autoscaler.Records.
func (h *hand) Open(_ context.Context, req autoscaler.OpenRequest) (autoscaler.TaskActivity, error) {
	return h.record("Open", req.Ref, func(m *move) error {
		return m.change(slot(req.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Open(req, t) })
	})
}

// toldRecord identifies the answer of a call on a record: what stands there, and the error.
type toldRecord struct {
	record *record
	err    any
}

// record makes a call that changes one record and is answered with it.
func (h *hand) record(name string, ref autoscaler.TaskRef, do func(m *move) error) (autoscaler.TaskActivity, error) {
	return call[autoscaler.TaskActivity](h, request{name: name + " " + string(ref.Task), writes: true, do: func(m *move) outcome {
		err := do(m)
		o, r := said(err), m.w.records[slot(ref.Task)]
		if r != nil {
			o.value = r.Activity(m.w.clock(), m.terms())
		}
		o.of = toldRecord{r, o.of}
		return o
	}})
}

// Renew implements autoscaler.Records.
func (h *hand) Renew(_ context.Context, d autoscaler.DrainRef, until time.Time) error {
	return h.write("Renew "+string(d.Ref.Task), func(m *move) error {
		return m.change(slot(d.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Renew(d, until, t) })
	})
}

// Forget implements autoscaler.Records.
func (h *hand) Forget(_ context.Context, req autoscaler.ForgetRequest) error {
	return h.write("Forget "+string(req.Ref.Task), func(m *move) error { return m.forget(req) })
}

// LoadCheckpoint implements autoscaler.StateStore.
func (h *hand) LoadCheckpoint(context.Context, autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
	c, err := call[autoscaler.Checkpoint](h, request{name: "LoadCheckpoint", do: func(m *move) outcome {
		return outcome{m.w.checkpoint.Checkpoint, nil, m.w.checkpoint}
	}})
	return c.Clone(), err
}

// SaveCheckpoint implements autoscaler.StateStore.
func (h *hand) SaveCheckpoint(_ context.Context, c autoscaler.Checkpoint) (int64, error) {
	revision, err := call[int64](h, request{name: "SaveCheckpoint", writes: true, do: func(m *move) outcome {
		revision, err := m.save(c)
		o := said(err)
		o.value = revision
		return o
	}})
	if err == nil {
		h.saved = c.Permit
	}
	return revision, err
}

// Control implements autoscaler.StateStore. Nobody overrides anything here, so that
// reading it is no call that others could come between.
func (h *hand) Control(context.Context, autoscaler.ServiceID) (autoscaler.Control, error) {
	return autoscaler.Control{}, nil
}

// SetControl implements autoscaler.StateStore.
func (h *hand) SetControl(context.Context, autoscaler.ServiceID, autoscaler.Control) error {
	return errUnasked
}

// shown identifies what is read of the cluster.
type shown struct {
	tasks   [maxTasks]task
	desired int8
}

// Describe implements autoscaler.Scaler.
func (h *hand) Describe(context.Context, autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	s, err := call[autoscaler.ServiceState](h, request{name: "Describe", do: func(m *move) outcome {
		return outcome{m.describe(), nil, shown{m.w.tasks, m.w.desired}}
	}})
	s.Tasks = slices.Clone(s.Tasks)
	return s, err
}

// SetDesired implements autoscaler.Scaler.
func (h *hand) SetDesired(_ context.Context, req autoscaler.SetDesired) error {
	value := req.Desired
	if h.plant == Subtraction && !req.Permit.Raise {
		return h.subtract(req)
	}
	_, err := call[struct{}](h, request{
		name: "SetDesired", writes: true, permit: &req.Permit, count: value,
		do: func(m *move) outcome { return said(m.setDesired(value, req.Permit)) },
	})
	return err
}

// subtract writes one less than what stands there, whatever was computed.
func (h *hand) subtract(req autoscaler.SetDesired) error {
	return h.write("SetDesired(desired - 1)", func(m *move) error {
		return m.setDesired(int(m.w.desired)-1, req.Permit)
	})
}

// List implements autoscaler.Protector.
func (h *hand) List(context.Context, autoscaler.ServiceID) ([]autoscaler.TaskStatus, error) {
	list, err := call[[]autoscaler.TaskStatus](h, request{name: "List", do: func(m *move) outcome {
		return outcome{m.list(), nil, shown{m.w.tasks, 0}}
	}})
	return slices.Clone(list), err
}

// Protect implements autoscaler.Protector.
func (h *hand) Protect(_ context.Context, _ autoscaler.ServiceID, tasks []autoscaler.TaskID, lifetime time.Duration) ([]autoscaler.ItemFailure, error) {
	tasks = slices.Clone(tasks)
	return nil, h.write("Protect", func(m *move) error { return m.protect(tasks, lifetime) })
}

// dangerous makes a call on tasks under a permit.
func (h *hand) dangerous(name string, req workflow.Dangerous, do func(m *move, slot int)) error {
	tasks := slices.Clone(req.Tasks)
	for _, id := range tasks {
		name += " " + string(id)
	}
	_, err := call[struct{}](h, request{name: name, writes: true, permit: &req.Permit, do: func(m *move) outcome {
		if req.Permit.Expired(m.w.clock()) {
			return said(autoscaler.ErrClock)
		}
		for _, id := range tasks {
			do(m, slot(id))
		}
		return outcome{}
	}})
	return err
}

// Unprotect implements workflow.Tasks.
func (h *hand) Unprotect(_ context.Context, req workflow.Dangerous) ([]autoscaler.ItemFailure, error) {
	return nil, h.dangerous("Unprotect", req, func(m *move, slot int) { m.unprotect(slot) })
}

// Stop implements workflow.Tasks.
func (h *hand) Stop(_ context.Context, req workflow.Dangerous) error {
	return h.dangerous("StopTask", req, func(m *move, slot int) { m.stop(slot, began(req.Permit)) })
}

// Steer implements workflow.Tasks.
func (h *hand) Steer(context.Context, autoscaler.TaskRef, bool) error { return errUnasked }

// Watch implements workflow.Tasks.
func (h *hand) Watch(_ context.Context, _ autoscaler.ServiceID, tasks []autoscaler.TaskID) ([]autoscaler.TaskStatus, error) {
	tasks = slices.Clone(tasks)
	list, err := call[[]autoscaler.TaskStatus](h, request{name: "Watch", do: func(m *move) outcome {
		return outcome{m.watch(tasks), nil, shown{m.w.tasks, 0}}
	}})
	return slices.Clone(list), err
}
