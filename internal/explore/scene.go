package explore

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Scene is a world to explore: who is in it, and how much of everything may happen.
// A scene's states are all of those that any order of its steps leads to.
type Scene struct {
	Name  string
	Level autoscaler.Level
	Plant Plant
	// OnTable has the store be dynamostore on the fake of DynamoDB, so that a call of the
	// table is a step; where it is false the store is the rules alone, and its call is one.
	OnTable bool

	Running int  // tasks that run and are open at the beginning, all protected
	From    From // where the last of them stands by then
	Want    int  // tasks that are wanted open
	Spare   int  // tasks that ECS may start besides

	Controllers int // 1 or 2; they share Passes
	Passes      int
	Daemon      bool // a controller makes all passes in one run, with a store that has seen the first
	ScaleOut    bool // a writer wants one task more, at any time

	Users []User

	Reports int // of all processes together
	Reopens int // by an operator, of any cordoned or retired record
	Foreign int // writes of the desired count by somebody else
	Faults  int // writes whose reply is lost; on a table also whose request is, and that are made twice
	Lates   int // desired counts, on a table records too, that are sent in time and arrive whenever they like
	Stale   int // reads of the whole service from a table that show one task as it was a write ago
	// Jumps is how often the clock may go on, by one of Ahead.
	Jumps int
	Ahead []time.Duration
}

// From says how far the last task's drain has come when a scene begins. A scene that
// begins late has room for more of what can happen from there.
type From int

// Where a scene can begin.
const (
	FromOpen         From = iota // no drain
	FromAcknowledged             // it is cordoned, and its process has acknowledged that
	FromRetired                  // it is retired, and its process has read that
	FromUnprotected              // and has cleared its protection
)

// User says what a user does beside beginning a session and ending it.
type User struct {
	Reopens bool // asks for a cordoned task to be opened
	Stray   bool // is served by the process without anybody being asked
}

// What the clock does not tell a scene by itself.
const (
	protection  = 24 * time.Hour
	cordonLease = 15 * time.Minute
	slots       = 4
)

// drainID names the drain that begins with the cordon of a record at this version: no
// two drains of a task are named alike.
func drainID(version int64) autoscaler.DrainID {
	return autoscaler.DrainID(fmt.Sprintf("drain-%d", version))
}

// boot is when the processes of the first tasks started.
func boot(slot int) time.Time { return epoch().Add(-time.Hour).Add(time.Duration(slot) * time.Second) }

// begin makes the world that the scene begins with: so many open tasks, protected, each
// with a process that has reported.
func (e *explorer) begin() world {
	s := e.scene
	m := move{in: e.in, scene: s, table: e.table}
	m.w.left = budget{
		passes: int8(s.Passes), reports: int8(s.Reports), reopens: int8(s.Reopens), foreign: int8(s.Foreign),
		faults: int8(s.Faults), lates: int8(s.Lates), jumps: int8(s.Jumps), starts: int8(s.Spare), stale: int8(s.Stale),
	}
	if s.ScaleOut {
		m.w.left.scaleOuts = 1
	}
	m.w.desired = int8(s.Running)
	for i := range s.Running {
		m.w.tasks[i] = task{phase: running, created: -3600, protected: int32(protection / time.Second)}
		m.boot(i, boot(i))
		m.exchange(i)
		m.does(m.w.opens(s.Plant, i))
		m.exchange(i)
	}
	m.advance(s.Running-1, s.From)
	for i := range m.w.users {
		if i >= len(s.Users) {
			m.w.users[i].stage = gone
			continue
		}
		m.w.users[i].stray = s.Users[i].Stray
	}
	m.begun(autoscaler.Checkpoint{
		Version: autoscaler.CheckpointVersion, Service: service, WantOpen: s.Want, HasWant: true,
		Limits:  limits(),
		Desired: autoscaler.DesiredCount{Value: s.Running, Previous: s.Running, Known: true},
	})
	if len(m.broken) > 0 {
		panic("explore: the scene " + s.Name + " begins broken: " + m.broken[0])
	}
	return m.w
}

// begun stores the first checkpoint.
func (m *move) begun(c autoscaler.Checkpoint) {
	if m.table == nil {
		m.w.checkpoint = m.in.checkpoint(c)
		return
	}
	_, err := m.direct().store.SaveCheckpoint(context.Background(), c)
	m.must(err)
}

// advance brings a task's drain to where the scene begins.
func (m *move) advance(slot int, from From) {
	version := m.w.records[slot].Version()
	drain := drainID(version)
	ctx, s := context.Background(), m.direct().store
	if from >= FromAcknowledged {
		_, err := s.Cordon(ctx, autoscaler.CordonRequest{
			Ref: ref(slot), Version: version, Drain: drain, OnlyIfIdle: true, At: m.w.clock(), Until: m.w.clock().Add(cordonLease),
		})
		m.must(err)
		m.exchange(slot)
		m.exchange(slot)
	}
	if from >= FromRetired {
		m.must(s.Retire(ctx, autoscaler.DrainRef{Ref: ref(slot), Drain: drain, Version: m.w.records[slot].Version(), At: m.w.clock()}))
		m.exchange(slot)
	}
	if from >= FromUnprotected {
		m.unprotect(slot)
	}
}

// must is for what a scene does before it begins.
func (m *move) must(err error) {
	if err != nil {
		m.breaks("the beginning: %v", err)
	}
}

// exchange is a report with its answer, with nobody in between.
func (m *move) exchange(slot int) {
	m.build(slot)
	m.does(deliver(m.w.reports[slot], slot))
	m.hear(slot)
}

// boot starts the process of a task, closed.
func (m *move) boot(slot int, start time.Time) {
	m.w.processes[slot] = m.in.process(process{
		protected: m.w.tasks[slot].protected,
		machine: *sessionstore.NewProcess(sessionstore.ProcessConfig{
			Ref: ref(slot), Name: "process", Boot: start, Level: m.scene.Level, Slots: slots, Processes: 1, Revision: deployment,
		}),
	})
}

// with changes a process.
func (m *move) with(slot int, change func(p *process)) {
	p := *m.w.processes[slot]
	change(&p)
	m.w.processes[slot] = m.in.process(p)
}

// build collects what the process holds, into a report that is not sent yet.
func (m *move) build(slot int) {
	var sessions []sessionstore.SessionID
	for i, u := range m.w.users {
		if u.stage == live && int(u.task) == slot {
			sessions = append(sessions, session(i))
		}
	}
	m.with(slot, func(p *process) {
		m.w.reports[slot] = m.in.report(report{built: p.machine.Report(m.w.clock(), sessions, until(p.protected))})
	})
}

// hear has the process act on the answer.
func (m *move) hear(slot int) {
	order := m.w.reports[slot].order
	m.w.reports[slot] = nil
	m.with(slot, func(p *process) {
		p.machine.Observe(order)
		if order.Version >= p.order.Version {
			p.order = order
		}
	})
}
