package explore

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// restMinutes is how long the end of a world is awaited: longer than a cordon's lease,
// a protection's margin and every bound of a release together.
const restMinutes = 90

// rest lets a world come to its end, and says what is wrong there: every actor has died
// where it stood, nobody comes any more, sessions end and are told of, and each minute
// every process reports, ECS does what it can and one controller makes a pass. Then no
// retired task may be left running: it would cost money for ever, and nobody would know.
//
// On a table the end is that of the model's store with the same records: with nobody in
// between, a call of the table's store is the rule of a record.
func (e *explorer) rest(w world) (stuck string) {
	if retired(&w) < 0 {
		return ""
	}
	// Worlds that differ only in how they came about have one end.
	w.actors, w.brokers, w.posts, w.operator = [maxActors]*local{}, [maxUsers]*local{}, [maxTasks]*local{}, nil
	w.left, w.before, w.flight = budget{starts: w.left.starts}, [maxTasks]*record{}, nil
	e.untable(&w)
	w.told = [maxTasks]int32{}
	if stuck, known := e.rested[w]; known {
		return stuck
	}
	m := &move{scene: e.scene, w: w}
	for range restMinutes {
		e.restMinute(m)
		if len(m.broken) > 0 || retired(&m.w) < 0 {
			break
		}
	}
	if i := retired(&m.w); len(m.broken) > 0 {
		stuck = "on the way to its end: " + m.broken[0]
	} else if i >= 0 {
		stuck = fmt.Sprintf("%s is retired and not closed after %d min: %+v, desired %d, record %s, checkpoint %s",
			taskID(i), restMinutes, m.w.tasks[i], m.w.desired, text(m.w.records[i].Record), text(m.w.checkpoint.Checkpoint))
	}
	e.rested[w] = stuck
	return stuck
}

// untable puts a world's records into the model's store.
func (e *explorer) untable(w *world) {
	if e.table == nil {
		return
	}
	for i, r := range w.records {
		if r == nil {
			continue
		}
		if e.plain[r] == nil {
			e.plain[r] = e.in.record(r.Record)
		}
		w.records[i] = e.plain[r]
	}
	w.checkpoint = e.in.checkpoint(w.checkpoint.Checkpoint)
	w.counts, w.beside = nil, [maxTasks]*ends{}
}

// retired returns a task whose record is retired and not forgotten, -1 if there is none:
// then each of those that were has stopped.
func retired(w *world) int {
	return slices.IndexFunc(w.records[:], func(r *record) bool {
		return r != nil && r.State() == autoscaler.TaskRetired
	})
}

// restMinute is one minute of the end.
func (e *explorer) restMinute(m *move) {
	m.w.now += int32(time.Minute / time.Second)
	for i := range m.w.users {
		u := m.w.users[i]
		if u.stage == live && u.unheard {
			m.does(tell(m.w.now, i, int(u.task)))
		}
		switch u.stage {
		case live, granted, untold:
			m.w.users[i].stage = untold
			m.does(tellEnd(m.w.now, i, int(u.task)))
		case away, gone:
			m.w.users[i] = user{stage: gone}
		}
	}
	for i := range m.w.tasks {
		if m.w.tasks[i].phase == running {
			m.report(i)
		}
	}
	e.whole(m, e.reconcile)
	for again := true; again; {
		again = false
		ecsSteps(&m.w, func(_ string, do func(m *move)) {
			if !again {
				again = true
				do(m)
			}
		})
	}
}

// report has a process do what it does every half minute.
func (m *move) report(slot int) {
	for range 3 {
		if rep := m.w.reports[slot]; rep == nil {
			m.build(slot)
		}
		if !m.w.reports[slot].answered {
			m.does(deliver(m.w.reports[slot], slot))
		}
		if m.w.reports[slot] == nil {
			return
		}
		m.hear(slot)
		switch p := m.w.processes[slot]; {
		case p.order.State == autoscaler.TaskNew:
			m.protectItself(slot)
			m.does(m.w.opens(m.scene.Plant, slot))
		case p.machine.Retired() && m.w.tasks[slot].protected > m.w.now:
			m.unprotect(slot)
		}
	}
}

// whole makes a whole run of a program, with nobody in between.
func (e *explorer) whole(m *move, p *program) {
	h := m.direct()
	defer func() {
		if broken, ok := recover().(string); ok {
			m.broken = append(m.broken, broken)
		}
	}()
	p.run(h)
}
