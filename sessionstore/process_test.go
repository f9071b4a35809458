package sessionstore_test

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func gateway() autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"}, Task: "t1"}
}

func newProcess() *sessionstore.Process {
	return sessionstore.NewProcess(sessionstore.ProcessConfig{Ref: gateway(), Name: "main", Boot: start()})
}

func TestProcessAdmission(t *testing.T) {
	boot := start().UnixMilli()
	order := func(version int64, state autoscaler.TaskState, drain autoscaler.DrainID) sessionstore.Order {
		return sessionstore.Order{Version: version, State: state, Drain: drain, Boot: boot}
	}
	open, cordoned := autoscaler.TaskOpen, autoscaler.TaskCordoned
	laterBoot := order(3, open, "")
	laterBoot.Boot = boot + 5
	for _, c := range []struct {
		name   string
		orders []sessionstore.Order
		admits bool
		drain  autoscaler.DrainID
	}{
		{"starts closed", nil, false, ""},
		{"new", []sessionstore.Order{order(1, autoscaler.TaskNew, "")}, false, ""},
		{"open", []sessionstore.Order{order(2, open, "")}, true, ""},
		{"cordoned", []sessionstore.Order{order(2, open, ""), order(3, cordoned, "d")}, false, "d"},
		{"an older answer opens nothing", []sessionstore.Order{order(4, cordoned, "d"), order(3, open, "")}, false, "d"},
		{"a later answer opens", []sessionstore.Order{order(4, cordoned, "d"), order(5, open, "")}, true, ""},
		{"retired is final", []sessionstore.Order{order(4, autoscaler.TaskRetired, "d"), order(5, open, "")}, false, "d"},
		{"gone is final", []sessionstore.Order{order(4, autoscaler.TaskGone, ""), order(5, open, "")}, false, ""},
		{"an unknown state is closed", []sessionstore.Order{order(2, open, ""), order(3, "paused", "")}, false, ""},
		{"an answer to a later boot is no answer", []sessionstore.Order{laterBoot}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProcess()
			p.Report(start(), nil, time.Time{})
			for _, o := range c.orders {
				p.Observe(o)
			}
			if p.Admits() != c.admits {
				t.Errorf("admits %v, want %v", p.Admits(), c.admits)
			}
			if drain, draining := p.Draining(); drain != c.drain || draining != (c.drain != "") {
				t.Errorf("drain %q, want %q", drain, c.drain)
			}
			rep := p.Report(start(), []sessionstore.SessionID{"a"}, time.Time{})
			if rep.Closed == c.admits || rep.Acknowledges != c.drain || rep.Count != 1 {
				t.Errorf("the report is %+v", rep)
			}
		})
	}
}

func TestProcessReportsInOrder(t *testing.T) {
	p := newProcess()
	if due := p.Due(start()); !due.Equal(start()) {
		t.Errorf("the first report is due %v", due)
	}
	for seq := range int64(3) {
		if rep := p.Report(start(), nil, time.Time{}); rep.Seq != seq+1 || rep.Boot != start().UnixMilli() || rep.Process != "main" {
			t.Errorf("report %d is %+v", seq+1, rep)
		}
	}
	if due := p.Due(start()); !due.Equal(start().Add(30 * time.Second)) {
		t.Errorf("the next report is due %v", due)
	}
	p.Observe(sessionstore.Order{Version: 1, State: autoscaler.TaskCordoned, Drain: "d"})
	if due := p.Due(start()); !due.Equal(start()) || p.Version() != 1 {
		t.Errorf("the acknowledgement is due %v", due)
	}
	if rep := p.Report(start(), nil, time.Time{}); !rep.Closed || rep.Acknowledges != "d" {
		t.Errorf("the acknowledgement is %+v", rep)
	}
	p.Observe(sessionstore.Order{Version: 2, State: autoscaler.TaskCordoned, Drain: "d"})
	if due := p.Due(start()); !due.After(start()) {
		t.Error("the same drain is acknowledged at once again")
	}
}

func TestProcessRaisesItsBoot(t *testing.T) {
	p := newProcess()
	p.Report(start(), nil, time.Time{})
	known := start().UnixMilli() + 1000
	p.Observe(sessionstore.Order{Version: 1, State: autoscaler.TaskOpen, Boot: known})
	if due := p.Due(start()); !due.Equal(start()) {
		t.Errorf("the report of the raised boot is due %v", due)
	}
	if rep := p.Report(start(), nil, time.Time{}); rep.Boot != known+1 || rep.Seq != 1 || !rep.Closed {
		t.Errorf("the report is %+v", rep)
	}
	p.Observe(sessionstore.Order{Version: 1, State: autoscaler.TaskOpen, Boot: known + 1})
	if !p.Admits() {
		t.Error("closed after an answer to the raised boot")
	}
}

func TestProcessLeaves(t *testing.T) {
	p := newProcess()
	p.Report(start(), nil, time.Time{})
	p.Observe(sessionstore.Order{Version: 1, State: autoscaler.TaskOpen, Boot: start().UnixMilli()})
	if rep := p.Leave(start()); !rep.Left || !rep.Closed || rep.Seq != 2 || rep.Count != 0 {
		t.Errorf("the last report is %+v", rep)
	}
	p.Observe(sessionstore.Order{Version: 2, State: autoscaler.TaskOpen, Boot: start().UnixMilli()})
	if p.Admits() || p.Retired() {
		t.Error("a process that left admits sessions, or takes its task for retired")
	}
}

func TestReportKeepsItsSessions(t *testing.T) {
	rep := newProcess().Report(start(), []sessionstore.SessionID{"a", "b"}, start().Add(time.Hour))
	if !slices.Equal(rep.Sessions, []sessionstore.SessionID{"a", "b"}) || !rep.ProtectedUntil.Equal(start().Add(time.Hour)) {
		t.Errorf("the report is %+v", rep)
	}
}
