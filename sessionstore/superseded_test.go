package sessionstore_test

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Two processes that share a name take the record from each other, and each would
// acknowledge for both. The earlier one learns it and is closed for good.
func TestEarlierOfTwoProcessesUnderOneNameIsClosed(t *testing.T) {
	boot := start()
	order := func(version int64, boot time.Time) sessionstore.Order {
		return sessionstore.Order{Version: version, State: autoscaler.TaskOpen, Boot: boot.UnixMilli()}
	}
	p := newProcess()
	p.Report(boot, nil, time.Time{})
	p.Observe(order(1, boot))
	if !p.Admits() || p.Superseded() {
		t.Fatalf("admits %v, superseded %v after an answer of its own", p.Admits(), p.Superseded())
	}
	later := boot.Add(6 * time.Minute)
	p.Observe(order(2, later))
	if p.Admits() || !p.Superseded() {
		t.Errorf("admits %v, superseded %v after an answer to a later boot", p.Admits(), p.Superseded())
	}
	if rep := p.Report(later, []sessionstore.SessionID{"a"}, time.Time{}); rep.Boot != boot.UnixMilli() || !rep.Closed {
		t.Errorf("it reports boot %d, closed %v; want its own boot, closed: it must not take the name back", rep.Boot, rep.Closed)
	}
	p.Observe(order(3, boot))
	if p.Admits() || !p.Superseded() {
		t.Error("an answer of its own opens it again")
	}
}

// The record follows the later of the two, and the earlier one's word changes
// nothing any more.
func TestProcessesUnderOneNameDoNotTakeTurns(t *testing.T) {
	now := start()
	terms := func() sessionstore.Terms {
		return sessionstore.Terms{Owner: "o", Now: now, Rules: sessionstore.Rules{}.WithDefaults()}
	}
	r := sessionstore.NewRecord(autoscaler.RegisterRequest{Ref: gateway(), Level: autoscaler.LevelA, Slots: 4, Processes: 1, At: now}, terms())
	process := func() *sessionstore.Process {
		return sessionstore.NewProcess(sessionstore.ProcessConfig{Ref: gateway(), Name: "main", Boot: now, Level: autoscaler.LevelA, Slots: 4, Processes: 1})
	}
	boots := make(map[int64]bool)
	report := func(p *sessionstore.Process, ids ...sessionstore.SessionID) {
		t.Helper()
		rep := p.Report(now, ids, now.Add(24*time.Hour))
		boots[rep.Boot] = true
		order, err := r.Report(rep, terms(), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Observe(order)
	}
	early := process()
	report(early)
	now = now.Add(6 * time.Minute)
	late := process()
	for range 5 {
		report(late, "b")
		report(early, "a")
	}
	if len(boots) != 2 || !early.Superseded() || late.Superseded() {
		t.Errorf("%d boots, the earlier superseded %v, the later %v; want two boots, and the earlier to give way", len(boots), early.Superseded(), late.Superseded())
	}
}
