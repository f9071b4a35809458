package explore

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// taker is given each step that a world has: what it does, in words, and the move.
type taker func(label string, do func(m *move))

// steps finds every step of a world.
func (e *explorer) steps(w *world, take taker) {
	e.actorSteps(w, take)
	ecsSteps(w, take)
	for i := range w.tasks {
		if w.tasks[i].phase == running {
			e.processSteps(w, i, take)
		}
	}
	for i := range w.users {
		e.userSteps(w, i, take)
	}
	e.outsideSteps(w, take)
}

// actorNames are the controllers and the writer that scales out, in their places.
func actorNames() [maxActors]string { return [maxActors]string{"A", "B", "writer"} }

// actorSteps are the calls that the controllers and the writer are about to make. Any
// of them may be held up for ever before each: the others go on all the same.
func (e *explorer) actorSteps(w *world, take taker) {
	idle := false
	for i, name := range actorNames() {
		l := w.actors[i]
		switch {
		case l == nil && i < e.scene.Controllers && w.left.passes > 0 && !idle:
			idle = true
			e.beginStep(w, i, name+" begins a pass", e.pass, func(left *budget) { left.passes-- }, take)
		case l == nil && i == maxActors-1 && w.left.scaleOuts > 0:
			e.beginStep(w, i, name+" begins", e.scaleOut, func(left *budget) { left.scaleOuts-- }, take)
		case l != nil:
			e.callSteps(w, i, name, l.next, take)
		}
	}
}

// beginStep is the first call of a run of a program.
func (e *explorer) beginStep(w *world, i int, label string, p *program, spend func(*budget), take taker) {
	l := e.start(p, w.now)
	take(label+": "+l.next.name, func(m *move) {
		spend(&m.w.left)
		m.w.actors[i] = l
		e.hear(m, i, l.next.do(m))
	})
}

// errLost is what a caller hears whose call was carried out and whose reply was lost.
var errLost = errors.New("the reply was lost")

// callSteps are the ways in which one call can go.
func (e *explorer) callSteps(w *world, i int, name string, r *request, take taker) {
	take(name+": "+r.name, func(m *move) { e.hear(m, i, r.do(m)) })
	if r.writes && w.left.faults > 0 {
		take(name+": "+r.name+", reply lost", func(m *move) {
			m.w.left.faults--
			r.do(m)
			e.hear(m, i, said(errLost))
		})
	}
	if r.permit != nil && r.permit.Call == autoscaler.CallSetDesired && w.left.lates > 0 && !w.late.sent && !r.permit.Expired(w.clock()) {
		take(name+": "+r.name+", on its way", func(m *move) {
			m.w.left.lates--
			m.w.late = late{true, r.count, began(*r.permit)}
			e.hear(m, i, said(errLost))
		})
	}
}

// hear gives an actor its answer. An actor whose program is over begins anew.
func (e *explorer) hear(m *move, i int, o outcome) {
	l := e.hears(m.w.actors[i], o, m.w.now)
	next, broken := l.step(e.scene.Plant)
	if broken != "" {
		m.broken = append(m.broken, broken)
	}
	if next == nil {
		l = nil
	}
	m.w.actors[i] = l
}

// ecsSteps are what ECS does by itself: it stops any unprotected task while there are
// more than desired, and starts one while there are fewer.
func ecsSteps(w *world, take taker) {
	n := w.count(running)
	for i, t := range w.tasks {
		if n > int(w.desired) && t.phase == running && t.protected <= w.now {
			take("ECS stops "+string(taskID(i)), func(m *move) { m.end(i) })
		}
	}
	for i, t := range w.tasks {
		if n < int(w.desired) && t.phase == absent && w.left.starts > 0 {
			take("ECS starts "+string(taskID(i)), func(m *move) {
				m.w.left.starts--
				m.w.tasks[i] = task{phase: running, created: m.w.now}
				m.boot(i, m.w.clock())
			})
			break
		}
	}
	if w.late.sent {
		take(fmt.Sprintf("the late UpdateService(%d) arrives", w.late.value), func(m *move) {
			m.arrive(m.w.late.value, m.w.late.began)
			m.w.late = late{}
		})
	}
}

// processSteps are those of a task's own process.
func (e *explorer) processSteps(w *world, slot int, take taker) {
	p, name := w.processes[slot], string(taskID(slot))
	switch rep := w.reports[slot]; {
	case rep == nil && w.left.reports > 0 && e.worthReporting(w, slot):
		take(name+" builds a report", func(m *move) {
			m.w.left.reports--
			m.build(slot)
		})
	case rep == nil:
	case rep.answered:
		take(name+" hears the answer", func(m *move) { m.hear(slot) })
	default:
		take(name+"'s report arrives", func(m *move) { m.deliver(slot) })
	}
	if w.tasks[slot].protected <= w.now && p.order.State == autoscaler.TaskNew {
		take(name+" protects itself", func(m *move) { m.protectItself(slot) })
	}
	if r := w.records[slot]; p.order.State == autoscaler.TaskNew && r != nil && r.State() == autoscaler.TaskNew && r.Version() == p.order.Version {
		take(name+" opens", func(m *move) { m.opens(slot) })
	}
	if asked, strays := w.serves(slot); p.machine.Retired() && w.tasks[slot].protected > w.now && asked+strays == 0 {
		take(name+" clears its protection", func(m *move) { m.unprotect(slot) })
	}
}

// worthReporting reports that a report could say, or hear, something new. A process
// reports all the time; what changes nothing is left out. Of the tasks that stand open
// only the last reports: the others' sessions are known from their brokers.
func (e *explorer) worthReporting(w *world, slot int) bool {
	r, p := w.records[slot], w.processes[slot]
	switch {
	case r == nil:
		return true
	case r.State() == autoscaler.TaskOpen && p.machine.Admits() && slot != e.scene.Running-1:
		return false
	}
	return p.order.Version != r.Version() || !p.machine.Due(w.clock()).After(w.clock())
}

// protectItself sets the task's protection, and reads it back.
func (m *move) protectItself(slot int) {
	m.w.tasks[slot].protected = m.w.now + int32(protection/time.Second)
	m.with(slot, func(p *process) { p.protected = m.w.tasks[slot].protected })
}

// userSteps are those of one user, with the broker that asks for it.
func (e *explorer) userSteps(w *world, i int, take taker) {
	u, name := w.users[i], string(session(i))
	on := int(u.task)
	switch u.stage {
	case away:
		for slot := range w.tasks {
			if w.tasks[slot].phase == running {
				e.arriveSteps(w, i, slot, take)
			}
		}
	case granted:
		if p := w.processes[on]; w.now < u.void && p.machine.Admits() {
			take(fmt.Sprintf("%s serves %s", taskID(on), name), func(m *move) { m.w.users[i].stage = live })
		}
		take(name+" is not served", func(m *move) { m.w.users[i].stage = untold })
	case live:
		if u.unheard {
			take(name+" is told of", func(m *move) { m.tell(i) })
		}
		take(name+" ends", func(m *move) { m.w.users[i].stage = untold })
	case untold:
		take(name+"'s end is told", func(m *move) { m.tellEnd(i) })
	case gone:
	}
}

// arriveSteps are the ways in which a user can come to a task.
func (e *explorer) arriveSteps(w *world, i, slot int, take taker) {
	name, r := string(session(i)), w.records[slot]
	switch p := w.processes[slot]; {
	case w.users[i].stray, e.scene.Level != autoscaler.LevelA:
		if w.users[i].stray || p.machine.Admits() {
			take(fmt.Sprintf("%s serves %s unasked", taskID(slot), name), func(m *move) {
				m.w.users[i] = user{stage: live, task: int8(slot), stray: w.users[i].stray, unheard: true}
			})
		}
	case r != nil:
		take(fmt.Sprintf("%s begins on %s", name, taskID(slot)), func(m *move) { m.begin(i, slot, e.scene.Users[i].Reopens) })
	}
}

// begin asks for a session. Who is refused stays away.
func (m *move) begin(i, slot int, reopen bool) {
	var grant sessionstore.Grant
	err := m.change(slot, func(r *sessionstore.Record, t sessionstore.Terms) (err error) {
		grant, err = r.Begin(sessionstore.BeginRequest{Ref: ref(slot), Session: session(i), At: m.w.clock(), Reopen: reopen}, t, nothing)
		return err
	})
	if err == nil {
		m.w.users[i] = user{stage: granted, task: int8(slot), void: seconds(grant.Expires)}
	}
}

// tell tells the store of a session that lives already.
func (m *move) tell(i int) {
	on := int(m.w.users[i].task)
	m.w.users[i].unheard = false
	_ = m.change(on, func(r *sessionstore.Record, t sessionstore.Terms) error {
		_, err := r.Started(sessionstore.StartedRequest{Ref: ref(on), Session: session(i), At: m.w.clock()}, t, nothing)
		return err
	})
}

// tellEnd tells the store that a session has ended, served or not.
func (m *move) tellEnd(i int) {
	on := int(m.w.users[i].task)
	m.w.users[i] = user{stage: gone}
	_ = m.change(on, func(r *sessionstore.Record, t sessionstore.Terms) error {
		_, err := r.End(sessionstore.EndRequest{Ref: ref(on), Session: session(i), At: m.w.clock()}, t)
		return err
	})
}

// outsideSteps are what people, other programs and time do.
func (e *explorer) outsideSteps(w *world, take taker) {
	for i, r := range w.records {
		if w.left.reopens == 0 || r == nil {
			continue
		}
		take("somebody reopens "+string(taskID(i)), func(m *move) {
			m.w.left.reopens--
			drain := r.Activity(m.w.clock(), m.terms()).Drain.ID
			_ = m.reopen(autoscaler.DrainRef{Ref: ref(i), Drain: drain, Version: r.Version(), At: m.w.clock()})
		})
	}
	for value := int8(0); w.left.foreign > 0 && value <= maxTasks; value++ {
		if value != w.desired {
			take(fmt.Sprintf("a foreign UpdateService(%d)", value), func(m *move) {
				m.w.left.foreign--
				m.w.desired = value
			})
		}
	}
	for _, d := range e.scene.Ahead {
		if w.left.jumps > 0 {
			take("the clock goes on by "+d.String(), func(m *move) {
				m.w.left.jumps--
				m.w.now += int32(d / time.Second)
			})
		}
	}
}
