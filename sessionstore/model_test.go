package sessionstore

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// model is the record's rules said a second time, as sets, with nothing packed,
// cached or dropped: what is live is worked out from everything ever said.
type model struct {
	rules   Rules
	state   autoscaler.TaskState
	fromNew bool
	drain   autoscaler.Drain
	lastEnd autoscaler.DrainID

	level     autoscaler.Level
	processes int
	barrier   time.Time
	forced    bool

	protected time.Time
	admitted  map[SessionID]admission
	ended     map[SessionID]EndCause
	reports   map[string]*modelReport
}

type admission struct {
	kind  kind
	at    time.Time // admitted, or the end of a reservation or disconnection
	until time.Time
}

type modelReport struct {
	seq      int64
	at       time.Time
	listed   map[SessionID]bool // not ended when the report came
	raw      int
	unlisted int
	ack      autoscaler.DrainID
	off      bool
	left     bool
	closed   bool
}

func (m *model) over(id SessionID) bool { return m.ended[id] != "" }

// came notes that a session has come in where there was none.
func (m *model) came() {
	if m.level == autoscaler.LevelC {
		m.barrier = time.Time{}
	}
}

func (m *model) listed(id SessionID) bool {
	for _, r := range m.reports {
		if r.listed[id] {
			return true
		}
	}
	return false
}

// holds reports that an admission counts by itself at an instant.
func (m *model) holds(id SessionID, at time.Time) bool {
	a, there := m.admitted[id]
	if !there || m.over(id) {
		return false
	}
	return at.Before(a.until)
}

func (m *model) alive(id SessionID, at time.Time) bool {
	return !m.over(id) && (m.listed(id) || m.holds(id, at))
}

func (m *model) live(at time.Time) int {
	n := 0
	for id := range m.seen() {
		if m.alive(id, at) {
			n++
		}
	}
	return n
}

func (m *model) counted() int {
	n := 0
	for _, r := range m.reports {
		if r.left {
			continue
		}
		n += r.unlisted
		for id := range r.listed {
			if !m.over(id) {
				n++
			}
		}
	}
	return n
}

func (m *model) occupied(at time.Time) int { return max(m.live(at), m.counted()) }

func (m *model) known(at time.Time) bool {
	if m.forced {
		return true
	}
	reporting, expected := 0, m.processes
	for _, r := range m.reports {
		if r.left {
			expected--
			continue
		}
		reporting++
		if r.off || at.Sub(r.at) >= m.rules.SilentAfter {
			return false
		}
	}
	return reporting == expected
}

func (m *model) occupancy(at time.Time) autoscaler.Occupancy {
	if !m.known(at) {
		return autoscaler.Occupancy{}
	}
	return autoscaler.Sessions(m.occupied(at))
}

func (m *model) mayOpen(at time.Time) bool {
	return m.protected.Sub(at) >= m.rules.Margin || m.level == autoscaler.LevelC
}

func (m *model) open() {
	m.lastEnd, m.drain, m.state, m.fromNew = m.drain.ID, autoscaler.Drain{}, autoscaler.TaskOpen, false
	m.barrier, m.forced = time.Time{}, false
}

func (m *model) lease(at time.Time) time.Time {
	if m.processes == 0 {
		return never.time()
	}
	return at.Add(m.rules.Lease + m.rules.Skew)
}

// begin answers a Begin or, with until set, a Reserve.
func (m *model) begin(id SessionID, at time.Time, reopen bool, slots int, until time.Time) error {
	reserve := !until.IsZero()
	switch {
	case m.state == autoscaler.TaskRetired && m.over(id):
		return ErrEnded
	case m.state == autoscaler.TaskRetired:
		return autoscaler.ErrGone
	case m.alive(id, at) && (reserve || m.state != autoscaler.TaskNew):
		a, there := m.admitted[id]
		switch {
		case reserve && there && a.kind == kindReserved && a.until.Before(until):
			m.admitted[id] = admission{kind: kindReserved, until: until}
		case !reserve && (!there || a.kind != kindLive || a.at.Before(at)):
			if there && a.kind == kindReserved {
				m.came()
			}
			m.admitted[id] = admission{at: at, until: m.lease(at)}
		}
		return nil
	case m.over(id):
		return ErrEnded
	}
	reopens := false
	switch {
	case m.state == autoscaler.TaskOpen:
	case reserve, m.state == autoscaler.TaskNew, m.fromNew:
		return autoscaler.ErrCordoned
	case reopen && m.drain.By == "" || m.drain.Lapsed(at):
		if !m.mayOpen(at) {
			return autoscaler.ErrCordoned
		}
		reopens = true
	default:
		return autoscaler.ErrCordoned
	}
	if m.occupied(at) >= slots {
		return autoscaler.ErrTaskFull
	}
	if reopens {
		m.open()
	}
	m.came()
	m.admitted[id] = admission{at: at, until: m.lease(at)}
	if reserve {
		m.admitted[id] = admission{kind: kindReserved, until: until}
	}
	return nil
}

func (m *model) started(id SessionID, at time.Time) {
	a, there := m.admitted[id]
	switch {
	case m.over(id):
	case there && a.kind != kindReserved && at.Before(a.until):
	default:
		m.came()
		m.admitted[id] = admission{at: at, until: m.lease(at)}
	}
}

func (m *model) touch(id SessionID, at, until time.Time) {
	a, there := m.admitted[id]
	switch {
	case !m.alive(id, at) || there && a.kind == kindReserved:
	case until.IsZero():
		m.admitted[id] = admission{at: at, until: m.lease(at)}
	default:
		m.admitted[id] = admission{kind: kindDisconnected, until: until}
	}
}

func (m *model) report(name string, rep Report, at time.Time) {
	old := m.reports[name]
	if old != nil && rep.Seq <= old.seq {
		return
	}
	if m.processes == 0 {
		m.processes = max(1, rep.Processes)
		for id, a := range m.admitted {
			if a.kind == kindLive {
				m.admitted[id] = admission{at: at, until: m.lease(at)}
			}
		}
	}
	r := &modelReport{
		seq: rep.Seq, at: rep.At, raw: rep.Count, unlisted: rep.Count, listed: make(map[SessionID]bool),
		off: rep.At.Sub(at).Abs() > m.rules.Skew, left: rep.Left && rep.Count == 0, closed: rep.Closed,
	}
	if m.forced {
		r.unlisted = len(rep.Sessions)
	}
	if rep.Closed {
		r.ack = rep.Acknowledges
	}
	delete(m.reports, name)
	for _, id := range rep.Sessions {
		if m.over(id) {
			if m.forced {
				r.unlisted--
			}
			continue
		}
		if a, there := m.admitted[id]; there && a.kind == kindReserved {
			delete(m.admitted, id)
			if at.Before(a.until) || m.listed(id) {
				m.admitted[id] = admission{at: at, until: m.lease(at)}
			}
		}
		r.listed[id] = true
		r.unlisted--
	}
	m.reports[name] = r
	if m.state == autoscaler.TaskCordoned && m.drain.Lapsed(at) {
		switch {
		case m.fromNew:
			m.open()
			m.state = autoscaler.TaskNew
		case m.mayOpen(at):
			m.open()
		}
	}
}

func (m *model) acknowledged(at time.Time) bool {
	if m.state != autoscaler.TaskCordoned || !m.occupancy(at).Idle() {
		return false
	}
	switch {
	case m.level == autoscaler.LevelC:
		return !m.barrier.IsZero() && at.Sub(m.barrier) >= 2*m.rules.LagBound
	case m.forced:
		return true
	case m.processes == 0:
		return m.level == autoscaler.LevelA && at.Sub(m.drain.Since) >= m.rules.Settle
	}
	for _, r := range m.reports {
		if !r.left && (r.ack != m.drain.ID || r.raw > 0) {
			return false
		}
	}
	return true
}

func (m *model) retire(drain autoscaler.DrainID, fresh bool, at time.Time) error {
	switch {
	case m.state == autoscaler.TaskRetired && m.drain.ID == drain:
		return nil
	case m.state == autoscaler.TaskRetired:
		return autoscaler.ErrRetired
	case !fresh:
		return autoscaler.ErrConflict
	case m.state == autoscaler.TaskNew && m.occupied(at) == 0 && m.neverEntered(at):
		m.drain = autoscaler.Drain{ID: drain}
	case m.state == autoscaler.TaskNew:
		return autoscaler.ErrBusy
	case m.state == autoscaler.TaskOpen || m.drain.ID != drain:
		return autoscaler.ErrConflict
	case !m.acknowledged(at):
		return autoscaler.ErrBusy
	}
	m.state = autoscaler.TaskRetired
	return nil
}

// neverEntered reports that nothing can enter a new task before its record opens.
func (m *model) neverEntered(at time.Time) bool {
	if m.level != autoscaler.LevelB {
		return m.level == autoscaler.LevelA
	}
	for _, r := range m.reports {
		if !r.left && !r.closed {
			return false
		}
	}
	return m.known(at) && m.processes > 0
}

// mayDrain answers a write that names the drain under way.
func (m *model) mayDrain(drain autoscaler.DrainID, fresh bool) error {
	switch {
	case m.state == autoscaler.TaskRetired:
		return autoscaler.ErrRetired
	case !fresh, m.state != autoscaler.TaskCordoned, m.drain.ID != drain:
		return autoscaler.ErrConflict
	}
	return nil
}

func (m *model) notice(drain autoscaler.DrainID, fresh bool, ending, at time.Time) error {
	ours := m.state == autoscaler.TaskCordoned && m.drain.ID == drain
	if ours && !m.drain.Ending.IsZero() && !ending.After(m.drain.Ending) {
		return nil
	}
	switch err := m.mayDrain(drain, fresh); {
	case err != nil:
		return err
	case m.forced:
		return autoscaler.ErrConflict
	case !ending.After(at):
		return errArgument
	}
	m.drain.Ending = ending
	return nil
}

// force ends every session there is, and says how many.
func (m *model) force(drain autoscaler.DrainID, fresh bool, at time.Time) (int, error) {
	if m.state == autoscaler.TaskCordoned && m.drain.ID == drain && m.forced {
		return 0, nil
	}
	if err := m.mayDrain(drain, fresh); err != nil {
		return 0, err
	}
	if m.drain.Ending.IsZero() || at.Before(m.drain.Ending) {
		return 0, autoscaler.ErrBusy
	}
	n := 0
	for id := range m.seen() {
		if a, there := m.admitted[id]; m.alive(id, at) && (!there || a.kind != kindReserved) {
			m.ended[id] = CauseForced
			n++
		}
		delete(m.admitted, id)
	}
	for _, r := range m.reports {
		r.listed, r.unlisted, r.raw = nil, 0, 0
	}
	m.forced = true
	return n, nil
}

// seen are the sessions that anybody has told of and that have not ended.
func (m *model) seen() map[SessionID]bool {
	ids := make(map[SessionID]bool)
	for id := range m.admitted {
		ids[id] = true
	}
	for _, r := range m.reports {
		for id := range r.listed {
			ids[id] = true
		}
	}
	return ids
}
