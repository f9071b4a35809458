package sessionstore

import (
	"cmp"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// ReportInterval is the usual time between two reports of a process.
const ReportInterval = 30 * time.Second

// ProcessConfig describes one process of a task that holds sessions. Ref, Name
// and Slots are required; so is Boot, which a [Reporter] fills in.
type ProcessConfig struct {
	Ref autoscaler.TaskRef
	// Name is the process's own within the task, the same after a restart. Two
	// processes that live at the same time never share one.
	Name string
	Boot time.Time // when the process started

	// What the task says of itself in each report; see [Report].
	Level     autoscaler.Level // empty counts as C
	Slots     int              // sessions the whole task has room for; at least 1
	Processes int
	Revision  string

	Interval time.Duration // between reports; default [ReportInterval]
}

// Process is what one process knows of its own admission: the state machine
// behind a [Reporter], without a clock and without I/O. It starts closed. It
// opens when a report of this boot has been answered with an open record, closes
// when an answer shows a drain, and from then on stays closed until an answer of
// a higher version shows the record open. It is not safe for concurrent use.
type Process struct {
	config    ProcessConfig
	boot, seq int64

	version    int64 // newest answer acted on
	admits     bool
	final      bool // the record is retired or gone
	left       bool // the last report was built
	taken      bool // a report of this boot has been answered as the newest
	superseded bool // by a later boot under the same name
	drain      autoscaler.DrainID
	reported   time.Time // when the newest report was built
	urgent     bool      // an answer is to be acknowledged
}

// NewProcess returns a process that has just started, closed. It checks nothing:
// the store refuses the first report of a process without Ref, Name, Boot or
// Slots, and says what to set.
func NewProcess(config ProcessConfig) *Process {
	config.Interval = cmp.Or(config.Interval, ReportInterval)
	return &Process{config: config, boot: config.Boot.UnixMilli()}
}

// Report builds the next report: what the process holds at the instant given.
// No session may begin between the caller's collecting of the sessions and this
// call. protectedUntil is the end of the task's protection as it was read back
// last, zero for nothing new. The report keeps the slice.
func (p *Process) Report(at time.Time, sessions []SessionID, protectedUntil time.Time) Report {
	p.seq++
	p.reported, p.urgent = at, false
	return Report{
		Ref: p.config.Ref, Process: p.config.Name, Boot: p.boot, Seq: p.seq, At: at,
		Sessions: sessions, Count: len(sessions), Closed: !p.admits, Acknowledges: p.drain,
		Level: p.config.Level, Slots: p.config.Slots, Processes: p.config.Processes,
		Revision: p.config.Revision, ProtectedUntil: protectedUntil,
	}
}

// Leave builds the last report of a process that holds nothing and is about to
// end. It admits nobody from here on.
func (p *Process) Leave(at time.Time) Report {
	p.admits, p.left = false, true
	r := p.Report(at, nil, time.Time{})
	r.Left = true
	return r
}

// Observe acts on the answer to a report of this process. An answer that is older
// than one it has acted on changes nothing: it may have been on its way since
// before the task was cordoned.
func (p *Process) Observe(order Order) {
	if order.Version < p.version || p.final || p.left {
		return
	}
	switch {
	case order.Boot > p.boot && p.taken:
		// Reports of this boot were taken, and then those of a later one: another
		// process goes by this name. Two of them would each acknowledge for both, so
		// the earlier one is closed for good.
		p.admits, p.superseded = false, true
		return
	case order.Boot > p.boot:
		// The record knows a later boot of this process: its clock was set back.
		// No report of this boot is taken until it counts from above.
		p.boot, p.seq, p.urgent = order.Boot+1, 0, true
		return
	case order.Boot == p.boot:
		p.taken = true
	}
	if p.superseded {
		return
	}
	p.version = order.Version
	switch order.State {
	case autoscaler.TaskOpen:
		p.admits, p.drain = true, ""
	case autoscaler.TaskCordoned:
		if p.drain != order.Drain {
			p.drain, p.urgent = order.Drain, true
		}
		p.admits = false
	case autoscaler.TaskRetired, autoscaler.TaskGone:
		p.admits, p.final, p.drain = false, true, order.Drain
	case autoscaler.TaskNew, autoscaler.TaskStopping:
		p.admits, p.drain = false, ""
	default:
		// A newer store's state: whatever it means, closed is safe.
		p.admits = false
	}
}

// Admits reports whether the process may take a new session. At level A the
// session needs the answer to its Begin besides.
func (p *Process) Admits() bool { return p.admits }

// Draining reports the drain that the process has read and not seen ended.
func (p *Process) Draining() (autoscaler.DrainID, bool) { return p.drain, p.drain != "" }

// Superseded reports that a later process goes by this one's name within the task.
// This one admits nobody any more; its sessions must end, or be listed by the
// other. Two processes that live at the same time need two names.
func (p *Process) Superseded() bool { return p.superseded }

// Retired reports that an answer showed the task closed for good: it clears its
// protection and ends.
func (p *Process) Retired() bool { return p.final }

// Version is the version of the newest answer acted on.
func (p *Process) Version() int64 { return p.version }

// Due returns when the next report is due: at once where there is a drain to
// acknowledge, or nothing was reported yet; otherwise an interval after the last.
func (p *Process) Due(at time.Time) time.Time {
	if p.urgent || p.reported.IsZero() {
		return at
	}
	return p.reported.Add(p.config.Interval)
}
