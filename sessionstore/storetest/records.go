package storetest

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func recordsClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("begins-closed", "A registered record is new, and nobody may begin a session on it.", func(s *scene) {
			s.register(autoscaler.RegisterRequest{Ref: ref("t"), Level: autoscaler.LevelA, Slots: 4, Processes: 1})
			s.wantState("t", autoscaler.TaskNew)
			s.want(s.begin("t", "a"), autoscaler.ErrCordoned, "Begin on a new record")
		}),
		promise("record-named", "A task that is not named whole, by cluster, service and task, gets no record and is refused with the name of what is missing.", func(s *scene) {
			for field, nobody := range unnamed() {
				_, err := s.Store.Register(s.ctx(), autoscaler.RegisterRequest{Ref: nobody, Level: autoscaler.LevelA, Slots: 4, At: s.Now()})
				s.wantNamed(err, field, "Register")
				_, err = s.Store.Open(s.ctx(), autoscaler.OpenRequest{Ref: nobody, Version: 1, At: s.Now()})
				s.wantNamed(err, field, "Open")
				err = s.Store.Forget(s.ctx(), autoscaler.ForgetRequest{Ref: nobody, Version: 1, At: s.Now()})
				s.wantNamed(err, field, "Forget")
			}
		}),
		promise("register-twice", "Registering a task again returns the record that is there.", func(s *scene) {
			s.open("t")
			a, err := s.Store.Register(s.ctx(), autoscaler.RegisterRequest{Ref: ref("t"), Slots: 99, Adopted: true, At: s.Now()})
			s.want(err, nil, "Register")
			if b := s.see("t"); a.State != autoscaler.TaskOpen || a.Slots != 4 || a.Version != b.Version {
				s.Errorf("Register returned %+v, the record is %+v", a, b)
			}
		}),
		promise("adopted-completed", "The task's own first report completes a record that somebody else made.", func(s *scene) {
			s.register(autoscaler.RegisterRequest{Ref: ref("t"), Processes: 1, Adopted: true})
			s.report("t")
			if a := s.see("t"); a.Level != autoscaler.LevelA || a.Slots != 4 || !a.Adopted {
				s.Errorf("the record says level %q, %d slots, adopted %v", a.Level, a.Slots, a.Adopted)
			}
		}),
		promise("adopted-unknown", "An adopted record's occupancy is unknown until every process has reported.", func(s *scene) {
			s.register(autoscaler.RegisterRequest{Ref: ref("t"), Processes: 1, Adopted: true})
			s.register(autoscaler.RegisterRequest{Ref: ref("silent"), Adopted: true})
			s.wantSessions("t", -1)
			s.wantSessions("silent", -1)
			s.report("t")
			s.wantSessions("t", 0)
		}),
		promise("register-confirms", "The word that nothing reports for it makes an adopted task known, with every session that was told of it, however long ago.", func(s *scene) {
			s.started("t", "a")
			s.Advance(time.Hour)
			s.report("other") // some write of the service: what has lapsed may be dropped by it
			s.cordon("t", "d")
			s.must(s.reopen("d"), "Reopen")
			s.wantSessions("t", -1)
			s.register(autoscaler.RegisterRequest{Ref: ref("t"), Level: autoscaler.LevelC, Slots: 4})
			if a := s.see("t"); a.Adopted || a.Processes != 0 || a.Slots != 4 {
				s.Errorf("the record is %+v", a)
			}
			s.wantSessions("t", 1)
		}),
		promise("register-bare", "A registration that says no level neither confirms an adopted task nor takes the place of its own word.", func(s *scene) {
			s.register(autoscaler.RegisterRequest{Ref: ref("t"), Processes: 1, Adopted: true})
			s.register(autoscaler.RegisterRequest{Ref: ref("t")})
			s.wantSessions("t", -1)
			s.report("t")
			if a := s.see("t"); a.Level != autoscaler.LevelA || a.Slots != 4 || !a.Adopted {
				s.Errorf("the record says level %q, %d slots, adopted %v", a.Level, a.Slots, a.Adopted)
			}
		}),
		promiseUnder(sessionstore.Rules{Level: autoscaler.LevelB}, "level-bounded", "What a task declares of itself counts as the level that bounds it at most.", func(s *scene) {
			s.report("reported")
			s.register(autoscaler.RegisterRequest{Ref: ref("registered"), Level: autoscaler.LevelA, Slots: 4, Processes: 1})
			s.register(autoscaler.RegisterRequest{Ref: ref("low"), Level: autoscaler.LevelC, Slots: 4})
			for task, level := range map[string]autoscaler.Level{"reported": autoscaler.LevelB, "registered": autoscaler.LevelB, "low": autoscaler.LevelC} {
				if a := s.see(task); a.Level != level {
					s.Errorf("the task that is %s counts as level %q, want %q", task, a.Level, level)
				}
			}
			s.want(s.retire("registered", "d"), autoscaler.ErrBusy, "Retire from new of a task that would be at level A")
		}),
		promise("open-needs-protection", "A record opens only with 30 minutes of protection read back.", func(s *scene) {
			s.report("t")
			_, err := s.protect("t", 29*time.Minute)
			s.want(err, autoscaler.ErrBusy, "Open with 29 minutes left")
			s.wantState("t", autoscaler.TaskNew)
			a, err := s.protect("t", 30*time.Minute)
			s.want(err, nil, "Open with 30 minutes left")
			if a.State != autoscaler.TaskOpen || !a.ProtectedUntil.Equal(s.Now().Add(30*time.Minute)) || a.NeverOpened {
				s.Errorf("Open returned %+v", a)
			}
		}),
		promise("exposed-waits", "A task that ECS refuses to protect is marked exposed while closed and opens 30 seconds later.", func(s *scene) {
			s.report("t")
			exposed := func() error {
				_, err := s.Store.Open(s.ctx(), autoscaler.OpenRequest{Ref: ref("t"), Version: s.see("t").Version, Exposed: true, At: s.Now()})
				return err
			}
			s.want(exposed(), nil, "the Open that sets the mark")
			if a := s.see("t"); !a.Exposed() || a.State != autoscaler.TaskNew {
				s.Errorf("after the mark: %+v", a)
			}
			s.Advance(29 * time.Second)
			s.want(exposed(), autoscaler.ErrBusy, "Open 29 seconds after the mark")
			s.Advance(time.Second)
			s.want(exposed(), nil, "Open 30 seconds after the mark")
			s.wantState("t", autoscaler.TaskOpen)
		}),
		promise("open-refreshes", "Opening an open record records the protection, marks a task found without any as exposed, and takes the mark off a protected one.", checkOpenRefreshes),
		promise("level-c-opens", "At level C a record opens without protection.", func(s *scene) {
			s.register(autoscaler.RegisterRequest{Ref: ref("t"), Slots: 4})
			_, err := s.Store.Open(s.ctx(), autoscaler.OpenRequest{Ref: ref("t"), Version: s.see("t").Version, At: s.Now()})
			s.want(err, nil, "Open at level C")
			s.wantState("t", autoscaler.TaskOpen)
		}),
		promise("open-names-version", "Opening on a version that was overtaken is ErrConflict and changes nothing.", func(s *scene) {
			s.report("t")
			stale := s.see("t").Version
			s.report("t")
			_, err := s.Store.Open(s.ctx(), autoscaler.OpenRequest{Ref: ref("t"), Version: stale, ProtectedUntil: s.Now().Add(aDay), At: s.Now()})
			s.want(err, autoscaler.ErrConflict, "Open on the version before the last report")
			s.wantState("t", autoscaler.TaskNew)
		}),
		promise("open-clock", "A writer whose clock is off by more than the skew bound opens nothing.", func(s *scene) {
			s.report("t")
			_, err := s.Store.Open(s.ctx(), autoscaler.OpenRequest{
				Ref: ref("t"), Version: s.see("t").Version, ProtectedUntil: s.Now().Add(aDay), At: s.Now().Add(-time.Minute),
			})
			s.want(err, autoscaler.ErrClock, "Open by a clock a minute slow")
		}),
		promise("retired-never-opens", "Nothing opens a retired record.", func(s *scene) {
			s.retired("t")
			_, err := s.protect("t", aDay)
			s.want(err, autoscaler.ErrRetired, "Open of a retired record")
			s.wantState("t", autoscaler.TaskRetired)
		}),
		promise("open-is-no-reopen", "Opening a cordoned record leaves it cordoned.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			_, err := s.protect("t", 2*aDay)
			s.want(err, nil, "Open of a cordoned record")
			s.wantState("t", autoscaler.TaskCordoned)
		}),
		promise("renew", "Renewing extends a cordon's lease, for its own drain at its version alone, and never shortens it.", checkRenew),
		promise("forget-gravestone", "A forgotten task leaves a gravestone that no late call revives, for 15 days.", checkGravestone),
		promise("forget-names", "Forgetting names the record's version and drain.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			version := s.see("t").Version
			for _, req := range []autoscaler.ForgetRequest{
				{Ref: ref("t"), Version: version - 1, Drain: "d", At: s.Now()},
				{Ref: ref("t"), Version: version, At: s.Now()},
			} {
				s.want(s.Store.Forget(s.ctx(), req), autoscaler.ErrConflict, "Forget with the wrong version or drain")
			}
			s.wantState("t", autoscaler.TaskCordoned)
		}),
		promise("forget-twice", "Forgetting twice is done once.", func(s *scene) {
			s.open("t")
			req := autoscaler.ForgetRequest{Ref: ref("t"), Version: s.see("t").Version, At: s.Now()}
			s.want(s.Store.Forget(s.ctx(), req), nil, "Forget")
			s.want(s.Store.Forget(s.ctx(), req), nil, "Forget again")
		}),
		promise("foreign", "Another owner's record is seen as foreign with unknown occupancy, and every write to it is ErrForeign.", checkForeign),
		promise("no-record", "A write that makes no record is ErrNotFound where there is none.", func(s *scene) {
			d := autoscaler.DrainRef{Ref: ref("t"), Drain: "d", Version: 1, At: s.Now()}
			_, err := s.Store.Open(s.ctx(), autoscaler.OpenRequest{Ref: ref("t"), Version: 1, At: s.Now()})
			s.want(err, autoscaler.ErrNotFound, "Open")
			s.want(s.Store.Renew(s.ctx(), d, s.Now()), autoscaler.ErrNotFound, "Renew")
			s.want(s.Store.Forget(s.ctx(), autoscaler.ForgetRequest{Ref: ref("t"), Version: 1, At: s.Now()}), autoscaler.ErrNotFound, "Forget")
		}),
	}
}

func checkOpenRefreshes(s *scene) {
	s.open("t")
	a, err := s.protect("t", 2*aDay)
	s.want(err, nil, "Open of an open record")
	if !a.ProtectedUntil.Equal(s.Now().Add(2 * aDay)) {
		s.Errorf("protected until %v, want %v", a.ProtectedUntil, s.Now().Add(2*aDay))
	}
	a, err = s.Store.Open(s.ctx(), autoscaler.OpenRequest{Ref: ref("t"), Version: a.Version, At: s.Now()})
	s.want(err, nil, "Open found without protection")
	if !a.Exposed() || a.State != autoscaler.TaskOpen {
		s.Errorf("found without protection: %+v", a)
	}
	a, err = s.protect("t", aDay)
	s.want(err, nil, "Open found protected again")
	if a.Exposed() {
		s.Errorf("protected and still exposed since %v", a.ExposedAt)
	}
}

func checkRenew(s *scene) {
	s.open("t")
	s.cordon("t", "d")
	until := s.Now().Add(time.Hour)
	stale := s.drainRef("t", "d")
	s.report("t")
	s.want(s.Store.Renew(s.ctx(), stale, until), autoscaler.ErrConflict, "Renew on a stale version")
	s.want(s.Store.Renew(s.ctx(), s.drainRef("t", "other"), until), autoscaler.ErrConflict, "Renew of another drain")
	s.want(s.Store.Renew(s.ctx(), s.drainRef("t", "d"), until), nil, "Renew")
	s.want(s.Store.Renew(s.ctx(), s.drainRef("t", "d"), s.Now()), nil, "Renew to an earlier end")
	if a := s.see("t"); !a.Drain.Until.Equal(until) || a.State != autoscaler.TaskCordoned {
		s.Errorf("the lease ends %v, want %v", a.Drain.Until, until)
	}
}

func checkGravestone(s *scene) {
	s.open("t")
	s.must(s.begin("t", "a"), "Begin")
	s.forget("t")
	for _, wait := range []time.Duration{0, 14 * aDay} {
		s.Advance(wait)
		if receipt := s.started("t", "late"); !receipt.Dropped || receipt.State != autoscaler.TaskGone {
			s.Errorf("Started on a gravestone: %+v", receipt)
		}
		s.want(s.begin("t", "b"), autoscaler.ErrGone, "Begin on a gravestone")
		if order := s.report("t", "a"); order.State != autoscaler.TaskGone {
			s.Errorf("Report on a gravestone is answered with %s", order.State)
		}
		_, err := s.Store.Register(s.ctx(), autoscaler.RegisterRequest{Ref: ref("t"), At: s.Now()})
		s.want(err, autoscaler.ErrGone, "Register on a gravestone")
		_, err = s.Store.Prove(s.ctx(), []autoscaler.TaskRef{ref("t")}, s.Now())
		s.want(err, autoscaler.ErrGone, "Prove of a gravestone")
		activity, err := s.Store.Activity(s.ctx(), service(), s.Now())
		s.must(err, "Activity")
		if len(activity.Tasks) > 0 {
			s.Errorf("Activity shows %+v", activity.Tasks)
		}
	}
}

func checkForeign(s *scene) {
	s.open("t")
	version := s.see("t").Version
	other := s.As("other")
	a, err := other.Prove(s.ctx(), []autoscaler.TaskRef{ref("t")}, s.Now())
	s.must(err, "Prove")
	if len(a) != 1 || !a[0].Foreign || a[0].Occupancy != (autoscaler.Occupancy{}) {
		s.Errorf("another owner sees %+v", a)
	}
	d := autoscaler.DrainRef{Ref: ref("t"), Drain: "d", Version: version, At: s.Now()}
	rep := s.next("t", "main")
	for name, write := range map[string]func() error{
		"Register": func() error {
			_, err := other.Register(s.ctx(), autoscaler.RegisterRequest{Ref: ref("t"), At: s.Now()})
			return err
		},
		"Open": func() error {
			_, err := other.Open(s.ctx(), autoscaler.OpenRequest{Ref: ref("t"), Version: version, At: s.Now()})
			return err
		},
		"Renew": func() error { return other.Renew(s.ctx(), d, s.Now()) },
		"Forget": func() error {
			return other.Forget(s.ctx(), autoscaler.ForgetRequest{Ref: ref("t"), Version: version, At: s.Now()})
		},
		"Cordon": func() error {
			_, err := other.Cordon(s.ctx(), autoscaler.CordonRequest{Ref: ref("t"), Version: version, Drain: "d", At: s.Now()})
			return err
		},
		"Reopen": func() error { return other.Reopen(s.ctx(), d) },
		"Retire": func() error { return other.Retire(s.ctx(), d) },
		"Barrier": func() error {
			return other.Barrier(s.ctx(), sessionstore.BarrierRequest{Ref: ref("t"), Drain: "d", At: s.Now()})
		},
		"GiveNotice": func() error { return other.GiveNotice(s.ctx(), d, s.Now().Add(time.Hour)) },
		"EndSessions": func() error {
			_, err := other.EndSessions(s.ctx(), d)
			return err
		},
		"Begin": func() error {
			_, err := other.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: s.Now()})
			return err
		},
		"Reserve": func() error {
			_, err := other.Reserve(s.ctx(), sessionstore.ReserveRequest{Ref: ref("t"), Session: "a", At: s.Now(), Until: s.Now().Add(time.Minute)})
			return err
		},
		"Started": func() error {
			_, err := other.Started(s.ctx(), sessionstore.StartedRequest{Ref: ref("t"), Session: "a", At: s.Now()})
			return err
		},
		"Touch": func() error {
			return other.Touch(s.ctx(), sessionstore.TouchRequest{Ref: ref("t"), Session: "a", At: s.Now()})
		},
		"End": func() error {
			return other.End(s.ctx(), sessionstore.EndRequest{Ref: ref("t"), Session: "a", At: s.Now()})
		},
		"Abandon": func() error {
			return other.Abandon(s.ctx(), sessionstore.EndRequest{Ref: ref("t"), Session: "a", At: s.Now()})
		},
		"Report": func() error {
			_, err := other.Report(s.ctx(), rep)
			return err
		},
	} {
		s.want(write(), autoscaler.ErrForeign, name+" by another owner")
	}
	if a := s.see("t"); a.Version != version {
		s.Errorf("the record moved from version %d to %d", version, a.Version)
	}
}
