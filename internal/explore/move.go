package explore

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// move is one step in the making: the world as it becomes, and what the step breaks.
type move struct {
	in     *interner
	scene  *Scene
	table  *table // nil where the store is the model's
	w      world
	broken []string
}

// breaks notes an invariant that the step breaks.
func (m *move) breaks(format string, args ...any) {
	m.broken = append(m.broken, fmt.Sprintf(format, args...))
}

// terms are what the store brings to a write.
func (m *move) terms() sessionstore.Terms { return terms(m.w.now) }

func terms(now int32) sessionstore.Terms {
	return sessionstore.Terms{Owner: "explorer", Now: at(now), Rules: sessionstore.Rules{}.WithDefaults()}
}

// nothing has been spilled: a world has fewer sessions than a record remembers.
func nothing(sessionstore.SessionID) bool { return false }

// change applies the store's own rules to a record, in one conditional write.
func (m *move) change(slot int, rule func(r *sessionstore.Record, t sessionstore.Terms) error) error {
	if slot < 0 || m.w.records[slot] == nil {
		return autoscaler.ErrNotFound
	}
	before := m.w.records[slot]
	r := before.Clone()
	if err := rule(r, m.terms()); err != nil {
		return err
	}
	m.put(slot, r)
	return nil
}

// put stores a record, and judges what has become of it.
func (m *move) put(slot int, r *sessionstore.Record) { m.putRecord(slot, m.in.record(r)) }

func (m *move) putRecord(slot int, r *record) {
	was := autoscaler.TaskNew
	if before := m.w.records[slot]; before != nil {
		was = before.State()
	}
	if m.w.left.stale > 0 {
		m.w.before[slot] = m.w.records[slot]
		if m.w.records[slot] == nil {
			m.w.before[slot] = &nowhere
		}
	}
	m.w.records[slot] = r
	m.judge(slot, was, r.Record)
}

// judge holds a record that was written to I1 and I2.
func (m *move) judge(slot int, was autoscaler.TaskState, r *sessionstore.Record) {
	now, task := r.State(), m.w.tasks[slot]
	a := r.Activity(m.w.clock(), m.terms())
	asked, _ := m.w.serves(slot)
	if was == autoscaler.TaskRetired && now != autoscaler.TaskRetired && now != autoscaler.TaskGone {
		m.breaks("I2: %s was retired and is %s", taskID(slot), now)
	}
	if was != autoscaler.TaskRetired && now == autoscaler.TaskRetired && asked > 0 {
		m.breaks("I2: %s is retired while a session lives on it", taskID(slot))
	}
	if was != autoscaler.TaskGone && now == autoscaler.TaskGone && task.phase == running {
		m.breaks("the record of %s is forgotten while it runs", taskID(slot))
	}
	if was != autoscaler.TaskOpen && now == autoscaler.TaskOpen && task.phase == running &&
		task.protected < m.w.now+int32(m.terms().Rules.Margin/time.Second) && !a.Exposed() {
		m.breaks("I1: %s opens, and ECS does not protect it", taskID(slot))
	}
	m.judgeCounted(slot, r)
	n, known := a.Occupancy.Sessions()
	switch busy := known && n > 0 && now == autoscaler.TaskRetired; {
	case !busy:
		m.w.told[slot] = 0
	case m.w.told[slot] == 0:
		m.w.told[slot] = max(1, m.w.now)
	}
}

// judgeCounted holds a record to the store's own promise: a session that was granted is
// counted until it ends, or until its lease is over and no report has listed it.
func (m *move) judgeCounted(slot int, r *sessionstore.Record) {
	for i, u := range m.w.users {
		if int(u.task) != slot || u.stage != granted && u.stage != live || m.w.now >= u.void {
			continue
		}
		if f, there := r.Find(session(i), m.terms()); !there || f.State == sessionstore.SessionEnded {
			m.breaks("%s was granted %s, and its record does not count it", session(i), taskID(slot))
		}
	}
}

func (m *move) activity(at time.Time) autoscaler.Activity {
	a := autoscaler.Activity{Now: m.w.clock()}
	for _, r := range m.w.records {
		if r != nil && r.State() != autoscaler.TaskGone {
			a.Tasks = append(a.Tasks, r.Activity(at, m.terms()))
		}
	}
	return a
}

func (m *move) prove(refs []autoscaler.TaskRef, at time.Time) ([]autoscaler.TaskActivity, error) {
	var proof []autoscaler.TaskActivity
	for _, ref := range refs {
		r := m.w.records[slot(ref.Task)]
		if r == nil || r.State() == autoscaler.TaskGone {
			return nil, autoscaler.ErrGone
		}
		proof = append(proof, r.Activity(at, m.terms()))
	}
	return proof, nil
}

// register makes a record for a task that has none.
func (m *move) register(req autoscaler.RegisterRequest) error {
	i := slot(req.Ref.Task)
	if m.w.records[i] == nil {
		m.put(i, sessionstore.NewRecord(req, m.terms()))
		return nil
	}
	return m.change(i, func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Register(req, t) })
}

func (m *move) cordon(req autoscaler.CordonRequest) error {
	return m.change(slot(req.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error { return r.Cordon(req, t) })
}

func (m *move) reopen(d autoscaler.DrainRef) error {
	return m.change(slot(d.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error {
		if m.scene.Plant == ReopenOfRetired && r.State() == autoscaler.TaskRetired {
			return reopenRetired(r, d, t)
		}
		return r.Reopen(d, t)
	})
}

func (m *move) retire(d autoscaler.DrainRef) error {
	return m.change(slot(d.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error {
		return r.Retire(d, t)
	})
}

func (m *move) forget(req autoscaler.ForgetRequest) error {
	return m.change(slot(req.Ref.Task), func(r *sessionstore.Record, t sessionstore.Terms) error {
		_, err := r.Forget(req, t)
		return err
	})
}

func (m *move) save(c autoscaler.Checkpoint) (int64, error) {
	stored := m.w.checkpoint.Checkpoint
	if c.Revision != stored.Revision {
		return 0, autoscaler.ErrConflict
	}
	c = c.Clone()
	c.Revision++
	m.putCheckpoint(m.in.checkpoint(c))
	return c.Revision, nil
}

// putCheckpoint stores a checkpoint, and holds it to I5.
func (m *move) putCheckpoint(c *checkpoint) {
	if before := m.w.checkpoint; before != nil && c.Permit != nil && before.Permit != nil &&
		!before.Permit.Expired(m.w.clock()) && text(c.Permit) != text(before.Permit) &&
		(!c.Permit.Raise || m.scene.Level != autoscaler.LevelA) {
		m.breaks("I5: a permit for %s replaces a live one for %s", c.Permit.Call, before.Permit.Call)
	}
	m.w.checkpoint = c
}

func (m *move) describe() autoscaler.ServiceState {
	n := m.w.count(running)
	return autoscaler.ServiceState{
		Service: service, At: m.w.clock(), Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS",
		Desired: int(m.w.desired), Running: n, StopTimeout: 30 * time.Second, Tasks: m.list(),
		Deployments: []autoscaler.Deployment{{ID: deployment, Primary: true, Rollout: "COMPLETED", Desired: int(m.w.desired), Running: n}},
	}
}

// list is every task that ECS knows, also those that have stopped: they are shown for
// an hour.
func (m *move) list() []autoscaler.TaskStatus {
	var all []autoscaler.TaskStatus
	for i := range m.w.tasks {
		if m.w.tasks[i].phase != absent {
			all = append(all, m.status(i))
		}
	}
	return all
}

func (m *move) status(slot int) autoscaler.TaskStatus {
	t := m.w.tasks[slot]
	s := autoscaler.TaskStatus{
		ID: taskID(slot), Deployment: deployment, LastStatus: "RUNNING", DesiredStatus: "RUNNING", Health: "HEALTHY",
		CreatedAt: at(t.created), StartedAt: at(t.created),
	}
	if t.protected > m.w.now {
		s.ProtectedUntil = at(t.protected)
	}
	if t.phase == stopped {
		s.LastStatus, s.DesiredStatus, s.Health, s.StopCode = "STOPPED", "STOPPED", "UNKNOWN", "ServiceSchedulerInitiated"
		if t.byCall {
			s.StopCode = "UserInitiated"
		}
	}
	return s
}

func (m *move) watch(tasks []autoscaler.TaskID) []autoscaler.TaskStatus {
	var all []autoscaler.TaskStatus
	for _, id := range tasks {
		i := slot(id)
		if i < 0 || m.w.tasks[i].phase == absent {
			all = append(all, autoscaler.TaskStatus{ID: id, Missing: true})
			continue
		}
		all = append(all, m.status(i))
	}
	return all
}

func (m *move) protect(tasks []autoscaler.TaskID, lifetime time.Duration) error {
	for _, id := range tasks {
		if t := &m.w.tasks[slot(id)]; t.phase == running {
			t.protected = m.w.now + int32(lifetime/time.Second)
		}
	}
	return nil
}

// unprotect removes a protection, and holds whoever does to I3.
func (m *move) unprotect(slot int) {
	if r := m.w.records[slot]; r == nil || r.State() != autoscaler.TaskRetired && r.State() != autoscaler.TaskGone {
		m.breaks("I3: the protection of %s is removed, and it is not retired", taskID(slot))
	}
	m.w.tasks[slot].protected = 0
}

// stop is StopTask, which stops protected tasks too. began is when the reads behind
// it began.
func (m *move) stop(slot int, began int32) {
	if m.w.tasks[slot].phase != running {
		return
	}
	if r := m.w.records[slot]; r == nil || r.State() != autoscaler.TaskRetired {
		m.breaks("I3: StopTask for %s, and it is not retired", taskID(slot))
	}
	if told := m.w.told[slot]; told > 0 && told < began {
		m.breaks("I3: StopTask for %s, and its record had been told of a session before the reads began", taskID(slot))
	}
	m.w.tasks[slot].byCall = true
	m.end(slot)
}

// end is the end of a task, by whatever cause. Its sessions end with it.
func (m *move) end(slot int) {
	if asked, _ := m.w.serves(slot); asked > 0 {
		m.breaks("cut: %s stops with a live session", taskID(slot))
	}
	m.w.tasks[slot].phase, m.w.tasks[slot].protected = stopped, 0
	m.w.processes[slot], m.w.reports[slot], m.w.posts[slot] = nil, nil, nil
	for i, u := range m.w.users {
		if (u.stage == live || u.stage == granted) && int(u.task) == slot {
			m.w.users[i] = user{stage: gone}
		}
	}
}

// setDesired is UpdateService as it is sent.
func (m *move) setDesired(value int, permit autoscaler.Permit) error {
	if permit.Expired(m.w.clock()) {
		return autoscaler.ErrClock
	}
	m.arrive(value, began(permit))
	return nil
}

// arrive is UpdateService as it takes effect: a blind write. It is held to I4: what
// was there when its reads began, still runs and is not retired was counted.
func (m *move) arrive(value int, began int32) {
	kept := 0
	for i, t := range m.w.tasks {
		if r := m.w.records[i]; t.phase == running && t.created < began && (r == nil || r.State() != autoscaler.TaskRetired) {
			kept++
		}
	}
	if value < kept {
		m.breaks("I4: desired becomes %d, below the %d tasks that are to stay", value, kept)
	}
	m.w.desired = int8(max(0, value))
}
