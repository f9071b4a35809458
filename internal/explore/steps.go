package explore

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
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
		at := func(w *world) **local { return &w.actors[i] }
		switch l := w.actors[i]; {
		case l == nil && i < e.scene.Controllers && w.left.passes > 0 && !idle:
			idle = true
			e.beginStep(w, at, name+" begins a pass", e.pass, e.spendPass, take)
		case l == nil && i == maxActors-1 && w.left.scaleOuts > 0:
			e.beginStep(w, at, name+" begins", e.scaleOut, func(m *move) { m.w.left.scaleOuts-- }, take)
		case l != nil:
			e.callSteps(w, at, name, take)
		}
	}
}

// spendPass is the price of a run of the controller's program.
func (e *explorer) spendPass(m *move) {
	if m.w.left.passes--; e.scene.Daemon {
		m.w.left.passes = 0
	}
}

// place is where in a world it stands how far a program has come.
type place func(w *world) **local

// beginStep is the first call of a run of a program.
func (e *explorer) beginStep(w *world, at place, label string, p *program, spend func(*move), take taker) {
	l := e.start(p, w.now)
	e.ways(w, at, l.next, label, func(m *move) {
		spend(m)
		*at(&m.w) = l
	}, take)
}

// What a caller hears that got no reply. A program cannot tell them apart, but its hand
// can: whose mark a checkpoint has hangs on it, so that they must differ in their texts.
var (
	errLost        = errors.New("the reply was lost")
	errLostRefusal = errors.New("the reply was lost, a refusal")
	errLostRequest = errors.New("the request was lost")
)

// callSteps are those of the next call of a program that has begun.
func (e *explorer) callSteps(w *world, at place, name string, take taker) {
	e.ways(w, at, (*at(w)).next, name, free, take)
}

// ways are the ways in which one call can go.
func (e *explorer) ways(w *world, at place, r *request, name string, first func(*move), take taker) {
	take(name+": "+r.name, func(m *move) {
		first(m)
		e.hear(m, at, r.do(m))
	})
	if r.lags && w.left.stale > 0 {
		e.staleWays(w, at, r, name, first, take)
	}
	if r.writes && w.left.faults > 0 {
		faulty := func(what string, do func(m *move) outcome) {
			take(name+": "+r.name+", "+what, func(m *move) {
				first(m)
				m.w.left.faults--
				e.hear(m, at, do(m))
			})
		}
		faulty("reply lost", func(m *move) outcome {
			if r.do(m).err != nil {
				return said(errLostRefusal)
			}
			return said(errLost)
		})
		if r.again != nil {
			faulty("request lost", func(*move) outcome { return said(errLostRequest) })
			faulty("asked twice", r.again)
		}
	}
	if r.lands && w.left.lates > 0 && w.flight == nil {
		take(name+": "+r.name+", on its way", func(m *move) {
			first(m)
			m.w.left.lates--
			m.w.flight = r
			e.hear(m, at, said(errLostRequest))
		})
	}
	if r.permit != nil && r.permit.Call == autoscaler.CallSetDesired && w.left.lates > 0 && !w.late.sent && !r.permit.Expired(w.clock()) {
		take(name+": "+r.name+", on its way", func(m *move) {
			first(m)
			m.w.left.lates--
			m.w.late = late{true, r.count, began(*r.permit)}
			e.hear(m, at, said(errLost))
		})
	}
}

// staleWays are those of a read that shows one task as it was a write ago.
func (e *explorer) staleWays(w *world, at place, r *request, name string, first func(*move), take taker) {
	for i, before := range w.before {
		if before == nil {
			continue
		}
		take(name+": "+r.name+", "+string(taskID(i))+" as it was", func(m *move) {
			first(m)
			if m.w.left.stale--; m.w.left.stale == 0 {
				m.w.before = [maxTasks]*record{} // nothing is told old any more
			}
			was := *m
			was.w.records[i] = before
			if before == &nowhere {
				was.w.records[i] = nil
			}
			e.hear(m, at, r.do(&was))
		})
	}
}

// hear gives a program its answer. Whose program is over begins anew.
func (e *explorer) hear(m *move, at place, o outcome) {
	l := e.hears(*at(&m.w), o, m.w.now)
	next, broken := l.step(e)
	if broken != "" {
		m.broken = append(m.broken, broken)
	}
	if next != nil {
		*at(&m.w) = l
		return
	}
	*at(&m.w) = nil
	if l.then != nil {
		l.then(m)
	}
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
	post := func(w *world) **local { return &w.posts[slot] }
	switch rep := w.reports[slot]; {
	case w.posts[slot] != nil:
		e.callSteps(w, post, name, take)
	case rep == nil && w.left.reports > 0 && e.worthReporting(w, slot):
		take(name+" builds a report", func(m *move) {
			m.w.left.reports--
			m.build(slot)
		})
	case rep == nil:
	case rep.answered:
		take(name+" hears the answer", func(m *move) { m.hear(slot) })
	default:
		e.errandStep(w, post, deliver(rep, slot), free, take)
	}
	if w.tasks[slot].protected <= w.now && p.order.State == autoscaler.TaskNew {
		take(name+" protects itself", func(m *move) { m.protectItself(slot) })
	}
	if r := w.records[slot]; w.posts[slot] == nil && p.order.State == autoscaler.TaskNew && r != nil &&
		r.State() == autoscaler.TaskNew && r.Version() == p.order.Version {
		e.errandStep(w, post, w.opens(e.scene.Plant, slot), free, take)
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
	broker := func(w *world) **local { return &w.brokers[i] }
	if w.brokers[i] != nil {
		e.callSteps(w, broker, name, take)
		if u.stage == live {
			take(name+" ends", func(m *move) { m.w.users[i].stage = untold })
		}
		return
	}
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
			e.errandStep(w, broker, tell(w.now, i, on), free, take)
		}
		take(name+" ends", func(m *move) { m.w.users[i].stage = untold })
	case untold:
		e.errandStep(w, broker, tellEnd(w.now, i, on), free, take)
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
		e.errandStep(w, func(w *world) **local { return &w.brokers[i] }, begin(w.now, i, slot, e.scene.Users[i].Reopens), free, take)
	}
}

// outsideSteps are what people, other programs, the network and time do.
func (e *explorer) outsideSteps(w *world, take taker) {
	if r := w.flight; r != nil {
		take("the late "+r.name+" arrives", func(m *move) {
			r.do(m)
			m.w.flight = nil
		})
	}
	operator := func(w *world) **local { return &w.operator }
	if w.operator != nil {
		e.callSteps(w, operator, "somebody", take)
	}
	for i, r := range w.records {
		if w.left.reopens == 0 || r == nil || w.operator != nil {
			continue
		}
		drain := r.Activity(w.clock(), terms(w.now)).Drain.ID
		x := somebodyReopens(autoscaler.DrainRef{Ref: ref(i), Drain: drain, Version: r.Version(), At: w.clock()})
		e.errandStep(w, operator, x, func(m *move) { m.w.left.reopens-- }, take)
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
