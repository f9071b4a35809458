package storetest

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func storeClauses() []clause.Clause[Harness] {
	var all []clause.Clause[Harness]
	all = append(all, readClauses()...)
	all = append(all, cordonClauses()...)
	all = append(all, retireClauses()...)
	return append(all, levelClauses()...)
}

func readClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("activity-whole", "Activity returns every record of the service that is no gravestone, ordered by task id.", func(s *scene) {
			for _, task := range []string{"c", "a", "d", "b"} {
				s.open(task)
			}
			s.forget("d")
			activity, err := s.Store.Activity(s.ctx(), service(), s.Now())
			s.must(err, "Activity")
			var got string
			for _, a := range activity.Tasks {
				got += string(a.Ref.Task)
			}
			if got != "abc" {
				s.Errorf("tasks %q, want abc", got)
			}
		}),
		promise("activity-time", "Activity tells the store's own time, whatever the caller's clock says.", func(s *scene) {
			for _, off := range []time.Duration{0, time.Hour, -time.Hour} {
				activity, err := s.Store.Activity(s.ctx(), service(), s.Now().Add(off))
				s.must(err, "Activity")
				if activity.ClockOff(s.Now(), s.Now()) || activity.Now.IsZero() {
					s.Errorf("asked by a clock that is off by %v it tells %v, want %v", off, activity.Now, s.Now())
				}
			}
		}),
		promise("prove-exact", "Prove returns exactly the tasks asked for, in their order, and fails whole where one has no record.", func(s *scene) {
			s.open("a")
			s.open("b")
			got, err := s.Store.Prove(s.ctx(), []autoscaler.TaskRef{ref("b"), ref("a")}, s.Now())
			s.must(err, "Prove")
			if len(got) != 2 || got[0].Ref != ref("b") || got[1].Ref != ref("a") {
				s.Errorf("Prove returned %+v", got)
			}
			got, err = s.Store.Prove(s.ctx(), []autoscaler.TaskRef{ref("a"), ref("none")}, s.Now())
			s.want(err, autoscaler.ErrNotFound, "Prove of a task without a record")
			if len(got) > 0 {
				s.Errorf("and returned %d records beside the error", len(got))
			}
		}),
		promise("silent-unknown", "A task whose process has been silent for 90 seconds is of unknown occupancy.", func(s *scene) {
			s.open("t")
			s.Advance(89 * time.Second)
			s.wantSessions("t", 0)
			s.Advance(time.Second)
			s.wantSessions("t", -1)
			s.report("t")
			s.wantSessions("t", 0)
		}),
		promise("missing-process-unknown", "A task is of unknown occupancy while fewer or more processes have reported than are registered.", func(s *scene) {
			two := func(process string) {
				r := s.next("t", process)
				r.Processes = 2
				s.send(r)
			}
			two("one")
			s.wantSessions("t", -1)
			two("two")
			s.wantSessions("t", 0)
			two("three")
			s.wantSessions("t", -1)
		}),
		promise("skewed-unknown", "A process whose clock is off by more than the skew bound makes its task's occupancy unknown until a good report.", func(s *scene) {
			s.open("t")
			r := s.next("t", "main")
			r.At = s.Now().Add(6 * time.Second)
			s.send(r)
			s.wantSessions("t", -1)
			s.report("t")
			s.wantSessions("t", 0)
		}),
		promise("higher-count-wins", "The occupancy is the sessions by id or the processes' own count, whichever is more.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			r := s.next("t", "main")
			r.Count = 3
			s.send(r)
			s.wantSessions("t", 3)
			s.report("t")
			s.wantSessions("t", 1)
		}),
		promise("reads-change-nothing", "Reading a lapsed cordon leaves it cordoned, at the version it had.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			before := s.see("t")
			s.Advance(time.Hour)
			_, err := s.Store.Activity(s.ctx(), service(), s.Now())
			s.must(err, "Activity")
			if a := s.see("t"); a.State != autoscaler.TaskCordoned || a.Version != before.Version {
				s.Errorf("after reading: %s at version %d, before: %d", a.State, a.Version, before.Version)
			}
		}),
		promise("idle-since", "A task tells since when it has been empty, and any session starts that anew.", func(s *scene) {
			s.open("t")
			s.Advance(time.Minute)
			s.must(s.begin("t", "a"), "Begin")
			s.Advance(time.Minute)
			s.end("t", "a")
			at := s.Now()
			s.Advance(time.Minute)
			s.report("t")
			if a := s.see("t"); !a.IdleSince.Equal(at) {
				s.Errorf("idle since %v, want %v", a.IdleSince, at)
			}
		}),
	}
}

func cordonClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("cordon-closes", "A cordoned task admits nobody new, keeps its sessions, and names its drain.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			a, err := s.tryCordon("t", "d", false)
			s.want(err, nil, "Cordon of a busy task")
			if a.State != autoscaler.TaskCordoned || a.Drain.ID != "d" || !a.Drain.Until.Equal(s.Now().Add(15*time.Minute)) {
				s.Errorf("Cordon returned %+v", a)
			}
			s.want(s.begin("t", "b"), autoscaler.ErrCordoned, "Begin on a cordoned task")
			s.wantSessions("t", 1)
		}),
		promise("cordon-only-if-idle", "With OnlyIfIdle a task that holds a session, or may, is left open, and the record comes with ErrBusy.", func(s *scene) {
			s.open("busy")
			s.must(s.begin("busy", "a"), "Begin")
			s.open("unknown")
			s.Advance(2 * time.Minute)
			s.report("busy", "a")
			for _, task := range []string{"busy", "unknown"} {
				a, err := s.tryCordon(task, "d", true)
				s.want(err, autoscaler.ErrBusy, "Cordon of a task that is "+task)
				if a.State != autoscaler.TaskOpen {
					s.Errorf("the record beside the error: %+v", a)
				}
				s.wantState(task, autoscaler.TaskOpen)
			}
			s.report("unknown")
			_, err := s.tryCordon("unknown", "d", true)
			s.want(err, nil, "Cordon of an idle task")
		}),
		promise("cordon-names-version", "A cordon on a version that was overtaken is ErrConflict.", func(s *scene) {
			s.open("t")
			version := s.see("t").Version
			s.must(s.begin("t", "a"), "Begin")
			_, err := s.Store.Cordon(s.ctx(), autoscaler.CordonRequest{Ref: ref("t"), Version: version, Drain: "d", At: s.Now()})
			s.want(err, autoscaler.ErrConflict, "Cordon on the version before the Begin")
			s.wantState("t", autoscaler.TaskOpen)
		}),
		promise("cordon-again", "Repeating a cordon succeeds; a second drain is ErrCordoned and changes nothing.", func(s *scene) {
			s.open("t")
			req := autoscaler.CordonRequest{Ref: ref("t"), Version: s.see("t").Version, Drain: "d", At: s.Now()}
			_, err := s.Store.Cordon(s.ctx(), req)
			s.must(err, "Cordon")
			_, err = s.Store.Cordon(s.ctx(), req)
			s.want(err, nil, "the same Cordon again")
			a, err := s.tryCordon("t", "other", false)
			s.want(err, autoscaler.ErrCordoned, "Cordon by another drain")
			if a.Drain.ID != "d" || s.see("t").Drain.ID != "d" {
				s.Errorf("the drain is %q, want d", a.Drain.ID)
			}
		}),
		promise("one-cordon", "Of several cordons at once on one version exactly one is made.", func(s *scene) {
			s.open("t")
			version := s.see("t").Version
			won := race(8, func(i int) bool {
				_, err := s.Store.Cordon(s.ctx(), autoscaler.CordonRequest{
					Ref: ref("t"), Version: version, Drain: autoscaler.DrainID(fmt.Sprint("d", i)), At: s.Now(),
				})
				return err == nil
			})
			if won != 1 {
				s.Errorf("%d of 8 cordons were made", won)
			}
		}),
		promise("reopen", "Reopening makes a task open again, or new where it had never opened, and repeating it succeeds.", func(s *scene) {
			s.open("opened")
			s.report("never")
			for task, state := range map[string]autoscaler.TaskState{"opened": autoscaler.TaskOpen, "never": autoscaler.TaskNew} {
				s.cordon(task, "d")
				d := s.drainRef(task, "d")
				s.want(s.Store.Reopen(s.ctx(), d), nil, "Reopen")
				s.wantState(task, state)
				s.want(s.Store.Reopen(s.ctx(), d), nil, "the same Reopen again")
				s.wantState(task, state)
			}
		}),
		promise("reopen-names-drain", "Reopening needs the drain's id and the record's version.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			stale := s.drainRef("t", "d")
			s.report("t")
			s.want(s.Store.Reopen(s.ctx(), stale), autoscaler.ErrConflict, "Reopen on a stale version")
			s.want(s.reopen("other"), autoscaler.ErrConflict, "Reopen of another drain")
			s.wantState("t", autoscaler.TaskCordoned)
		}),
		promise("reopen-needs-protection", "A task whose protection ran low in the drain is not reopened.", func(s *scene) {
			s.report("t")
			_, err := s.protect("t", time.Hour)
			s.must(err, "Open")
			s.cordon("t", "d")
			s.Advance(31 * time.Minute)
			s.want(s.reopen("d"), autoscaler.ErrBusy, "Reopen with 29 minutes of protection left")
			s.wantState("t", autoscaler.TaskCordoned)
			_, err = s.protect("t", aDay)
			s.must(err, "Open, to record the new protection")
			s.want(s.reopen("d"), nil, "Reopen with a day left")
		}),
		promise("controller-clock", "A controller whose clock is off by more than the skew bound neither cordons, reopens nor retires.", func(s *scene) {
			s.open("t")
			off := s.Now().Add(10 * time.Second)
			_, err := s.Store.Cordon(s.ctx(), autoscaler.CordonRequest{Ref: ref("t"), Version: s.see("t").Version, Drain: "d", At: off})
			s.want(err, autoscaler.ErrClock, "Cordon")
			s.cordon("t", "d")
			s.closed("t", "main", "d")
			d := s.drainRef("t", "d")
			d.At = off
			s.want(s.Store.Reopen(s.ctx(), d), autoscaler.ErrClock, "Reopen")
			s.want(s.Store.Retire(s.ctx(), d), autoscaler.ErrClock, "Retire")
			s.wantState("t", autoscaler.TaskCordoned)
		}),
	}
}

func retireClauses() []clause.Clause[Harness] {
	busy := func(name, text string, prepare func(s *scene)) clause.Clause[Harness] {
		return promise(name, text, func(s *scene) {
			prepare(s)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire")
			if a := s.see("t"); a.State == autoscaler.TaskRetired {
				s.Errorf("the record is retired")
			}
		})
	}
	return []clause.Clause[Harness]{
		promise("retire", "A cordoned, empty and acknowledged task is retired by its drain.", func(s *scene) {
			s.ready("t")
			if a := s.see("t"); !a.Acknowledged {
				s.Errorf("the record does not show the acknowledgement: %+v", a)
			}
			s.want(s.retire("t", "d"), nil, "Retire")
			if a := s.see("t"); a.State != autoscaler.TaskRetired || a.Drain.ID != "d" || !a.RetiredAt.Equal(s.Now()) {
				s.Errorf("the record is %+v", a)
			}
		}),
		busy("retire-needs-acknowledgement", "A task is not retired before its process has acknowledged this very drain.", func(s *scene) {
			s.open("t")
			s.cordon("t", "old")
			s.closed("t", "main", "old")
			s.must(s.reopen("old"), "Reopen")
			s.cordon("t", "d")
			s.report("t")
			s.closed("t", "main", "old")
		}),
		busy("retire-needs-closed", "An acknowledgement from a process that still admits sessions is none.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			r := s.next("t", "main")
			r.Acknowledges = "d"
			s.send(r)
		}),
		busy("retire-needs-every-process", "Every process of the task has to acknowledge.", func(s *scene) {
			for _, process := range []string{"one", "two"} {
				r := s.next("t", process)
				r.Processes = 2
				s.send(r)
			}
			_, err := s.protect("t", aDay)
			s.must(err, "Open")
			s.cordon("t", "d")
			s.closed("t", "one", "d")
		}),
		busy("retire-refuses-live", "A task that holds a session is not retired, though its process acknowledged before it was told of.", func(s *scene) {
			s.ready("t")
			s.started("t", "a")
		}),
		busy("retire-refuses-reserved", "A task with a reserved slot is not retired.", func(s *scene) {
			s.open("t")
			s.must(s.reserve("a", 10*time.Minute), "Reserve")
			s.cordon("t", "d")
			s.closed("t", "main", "d")
		}),
		busy("retire-refuses-disconnected", "A task with a disconnected session is not retired before that session's limit.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.disconnect("a", 10*time.Minute)
			s.cordon("t", "d")
			s.Advance(9 * time.Minute)
			s.closed("t", "main", "d")
		}),
		busy("retire-refuses-counted", "A task whose process counts a session that the record does not know is not retired.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			r := s.next("t", "main")
			r.Count, r.Closed, r.Acknowledges = 1, true, "d"
			s.send(r)
		}),
		busy("retire-refuses-unknown", "A task that fell silent after its acknowledgement is not retired.", func(s *scene) {
			s.ready("t")
			s.Advance(2 * time.Minute)
		}),
		promise("retire-names", "Retire needs the drain's id and the version that was read; an open task is not retired.", func(s *scene) {
			s.open("t")
			s.want(s.retire("t", "d"), autoscaler.ErrConflict, "Retire of an open task")
			s.cordon("t", "d")
			s.closed("t", "main", "d")
			stale := s.drainRef("t", "d")
			s.closed("t", "main", "d")
			s.want(s.Store.Retire(s.ctx(), stale), autoscaler.ErrConflict, "Retire on a stale version")
			s.want(s.retire("t", "other"), autoscaler.ErrConflict, "Retire by another drain")
			s.wantState("t", autoscaler.TaskCordoned)
		}),
		promise("retired-is-final", "Nothing leads out of retired.", checkFinal),
		promise("retire-new", "A task that never opened is retired straight from new at level A, unless it was adopted or told of a session.", checkRetireNew),
		promise("retire-settles", "Where nothing reports, a task at level A is retired 90 seconds after its cordon and not before.", func(s *scene) {
			s.asking("t")
			s.cordon("t", "d")
			s.Advance(89 * time.Second)
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire after 89 seconds")
			s.Advance(time.Second)
			s.want(s.retire("t", "d"), nil, "Retire after 90 seconds")
		}),
		promise("begin-or-retire", "Of a Begin with Reopen and a Retire at once exactly one succeeds.", checkBeginOrRetire),
	}
}

func checkFinal(s *scene) {
	s.retired("t")
	d := s.drainRef("t", "d")
	s.want(s.Store.Retire(s.ctx(), d), nil, "the same Retire again")
	s.want(s.retire("t", "other"), autoscaler.ErrRetired, "Retire by another drain")
	s.want(s.Store.Reopen(s.ctx(), d), autoscaler.ErrRetired, "Reopen")
	s.want(s.Store.Renew(s.ctx(), d, s.Now().Add(time.Hour)), autoscaler.ErrRetired, "Renew")
	_, err := s.tryCordon("t", "e", false)
	s.want(err, autoscaler.ErrRetired, "Cordon")
	s.Advance(time.Hour)
	_, err = s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: s.Now(), Reopen: true})
	s.want(err, autoscaler.ErrGone, "Begin")
	s.want(s.reserve("a", time.Minute), autoscaler.ErrGone, "Reserve")
	if order := s.report("t"); order.State != autoscaler.TaskRetired {
		s.Errorf("a report is answered with %s", order.State)
	}
	s.wantState("t", autoscaler.TaskRetired)
}

func checkRetireNew(s *scene) {
	fresh := func(task string, level autoscaler.Level, adopted bool) {
		s.register(autoscaler.RegisterRequest{Ref: ref(task), Level: level, Slots: 4, Processes: 1, Adopted: adopted})
	}
	fresh("a", autoscaler.LevelA, false)
	s.want(s.retire("a", "d"), nil, "Retire of a new task at level A")
	if a := s.see("a"); a.State != autoscaler.TaskRetired || a.Drain.ID != "d" {
		s.Errorf("the record is %+v", a)
	}
	fresh("b", autoscaler.LevelB, false)
	s.want(s.retire("b", "d"), autoscaler.ErrBusy, "Retire of a new task at level B")
	fresh("adopted", autoscaler.LevelA, true)
	s.want(s.retire("adopted", "d"), autoscaler.ErrBusy, "Retire of a new task that was adopted")
	fresh("told", autoscaler.LevelA, false)
	s.started("told", "x")
	s.want(s.retire("told", "d"), autoscaler.ErrBusy, "Retire of a new task that was told of a session")
}

func checkBeginOrRetire(s *scene) {
	for i := range 20 {
		task := fmt.Sprint("t", i)
		s.ready(task)
		d := s.drainRef(task, "d")
		won := race(2, func(i int) bool {
			if i == 0 {
				return s.Store.Retire(s.ctx(), d) == nil
			}
			_, err := s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref(task), Session: "a", At: s.Now(), Reopen: true})
			return err == nil
		})
		if won != 1 {
			s.Fatalf("%d of a Begin and a Retire succeeded", won)
		}
	}
}
