package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func writerClauses() []clause.Clause[Harness] {
	var all []clause.Clause[Harness]
	all = append(all, beginClauses()...)
	all = append(all, requestClauses()...)
	all = append(all, startedClauses()...)
	return append(all, reportClauses()...)
}

func beginClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("begin-counts", "A Begin that was granted is counted until the session ends.", func(s *scene) {
			s.open("t")
			s.want(s.begin("t", "a"), nil, "Begin")
			s.wantSessions("t", 1)
			s.end("t", "a")
			s.wantSessions("t", 0)
		}),
		promise("begin-expires", "A grant is void a skew before its session's lease ends, counted from the sending.", func(s *scene) {
			s.open("t")
			sent := s.Now().Add(-4 * time.Second)
			grant, err := s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: sent})
			s.must(err, "Begin")
			if want := sent.Add(5*time.Minute - 5*time.Second); !grant.Expires.Equal(want) {
				s.Errorf("the grant expires %v, want %v", grant.Expires, want)
			}
		}),
		promise("begin-once", "Beginning the same session again succeeds and counts it once, also while the task is cordoned or full.", func(s *scene) {
			s.open("t")
			for _, id := range []sessionstore.SessionID{"a", "b", "c", "d"} {
				s.must(s.begin("t", id), "Begin")
			}
			s.want(s.begin("t", "a"), nil, "Begin again on the full task")
			s.cordon("t", "drain")
			s.want(s.begin("t", "a"), nil, "Begin again on the cordoned task")
			s.wantSessions("t", 4)
		}),
		promise("begin-full", "A Begin without a free slot is ErrTaskFull, disconnected and reserved sessions included.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.disconnect("a", time.Hour)
			s.must(s.reserve("b", time.Hour), "Reserve")
			s.must(s.begin("t", "c"), "Begin")
			s.must(s.begin("t", "d"), "Begin")
			s.want(s.begin("t", "e"), autoscaler.ErrTaskFull, "Begin of a fifth session on four slots")
			s.want(s.reserve("f", time.Hour), autoscaler.ErrTaskFull, "Reserve of a fifth slot")
		}),
		promise("last-slot", "Of several sessions at once exactly one gets the last slot.", func(s *scene) {
			s.open("t")
			for _, id := range []sessionstore.SessionID{"a", "b", "c"} {
				s.must(s.begin("t", id), "Begin")
			}
			won := race(8, func(i int) bool { return s.begin("t", sessionstore.SessionID(fmt.Sprint("x", i))) == nil })
			if won != 1 {
				s.Errorf("%d of 8 sessions got the last slot", won)
			}
		}),
		promise("begin-record-limit", "A Begin past the record's limit of 200 sessions is ErrTaskFull.", func(s *scene) {
			r := s.next("t", "main")
			r.Slots = 1000
			s.send(r)
			_, err := s.protect("t", aDay)
			s.must(err, "Open")
			for i := range 200 {
				s.must(s.begin("t", sessionstore.SessionID(fmt.Sprint(i))), "Begin")
			}
			s.want(s.begin("t", "one more"), autoscaler.ErrTaskFull, "Begin of session 201")
		}),
		promise("begin-ended", "A session that has ended never begins again.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.end("t", "a")
			s.want(s.begin("t", "a"), autoscaler.ErrGone, "Begin after the end")
			s.want(s.reserve("a", time.Minute), autoscaler.ErrGone, "Reserve after the end")
			s.end("t", "b")
			s.want(s.begin("t", "b"), autoscaler.ErrGone, "Begin after an end that came first")
			s.wantSessions("t", 0)
		}),
		promise("ended-is-told", "A Begin or Reserve tells a session that has ended from a task that is gone: ErrEnded for the one, also on a retired task, and ErrGone alone for the other.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.end("t", "a")
			s.want(s.begin("t", "a"), sessionstore.ErrEnded, "Begin after the end")
			s.want(s.reserve("a", time.Minute), sessionstore.ErrEnded, "Reserve after the end")
			s.cordon("t", "d")
			s.closed("t", "main", "d")
			s.must(s.retire("t", "d"), "Retire")
			s.want(s.begin("t", "a"), sessionstore.ErrEnded, "Begin after the end on the retired task")
			if err := s.begin("t", "b"); !errors.Is(err, autoscaler.ErrGone) || errors.Is(err, sessionstore.ErrEnded) {
				s.Errorf("Begin of another session on the retired task: %v, want %q alone", err, autoscaler.ErrGone)
			}
		}),
		promise("begin-lapsed", "A Begin on a cordon that has lapsed opens the task in the same write.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			s.Advance(15 * time.Minute)
			grant, err := s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: s.Now()})
			s.want(err, nil, "Begin on a lapsed cordon")
			if !grant.Reopened || grant.Version != s.see("t").Version {
				s.Errorf("the grant is %+v, the record at version %d", grant, s.see("t").Version)
			}
			s.wantState("t", autoscaler.TaskOpen)
		}),
		promise("begin-reopens", "A Begin that asks for it opens a task that the policy drains, and never one that an operator drains.", func(s *scene) {
			ask := func(task string) error {
				_, err := s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref(task), Session: "a", At: s.Now(), Reopen: true})
				return err
			}
			s.open("policy")
			s.cordon("policy", "d")
			s.want(ask("policy"), nil, "Begin with Reopen")
			s.wantState("policy", autoscaler.TaskOpen)
			s.open("operator")
			_, err := s.Store.Cordon(s.ctx(), autoscaler.CordonRequest{
				Ref: ref("operator"), Version: s.see("operator").Version, Drain: "d", By: "ann", At: s.Now(), Until: s.Now().Add(time.Hour),
			})
			s.must(err, "Cordon")
			s.want(ask("operator"), autoscaler.ErrCordoned, "Begin with Reopen against an operator's drain")
			s.report("never")
			s.cordon("never", "d")
			s.want(ask("never"), autoscaler.ErrCordoned, "Begin with Reopen on a task that never opened")
		}),
		promise("begin-needs-protection", "No Begin opens a task with less than 30 minutes of protection left.", func(s *scene) {
			s.report("t")
			_, err := s.protect("t", time.Hour)
			s.must(err, "Open")
			s.cordon("t", "d")
			s.Advance(31 * time.Minute)
			_, err = s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: s.Now(), Reopen: true})
			s.want(err, autoscaler.ErrCordoned, "Begin with 29 minutes of protection left")
			s.wantState("t", autoscaler.TaskCordoned)
		}),
		promise("begin-clock", "A caller whose clock is off by more than the skew bound neither begins nor reserves.", func(s *scene) {
			s.open("t")
			for _, off := range []time.Duration{-6 * time.Second, 6 * time.Second} {
				at := s.Now().Add(off)
				_, err := s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: at})
				s.want(err, autoscaler.ErrClock, "Begin")
				_, err = s.Store.Reserve(s.ctx(), sessionstore.ReserveRequest{Ref: ref("t"), Session: "a", At: at, Until: at.Add(time.Minute)})
				s.want(err, autoscaler.ErrClock, "Reserve")
			}
		}),
		promise("begin-no-record", "A Begin makes no record: without one it is ErrNotFound.", func(s *scene) {
			s.want(s.begin("t", "a"), autoscaler.ErrNotFound, "Begin")
			s.want(s.reserve("a", time.Minute), autoscaler.ErrNotFound, "Reserve")
		}),
		promise("reserve", "A reservation holds a slot until its end, and its Begin takes the slot over, also while cordoned.", checkReserve),
		promise("abandon", "An abandoned Begin or Reserve frees its slot, and a copy of the request that arrives late does not take it again.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.must(s.reserve("b", time.Hour), "Reserve")
			for _, id := range []sessionstore.SessionID{"a", "b"} {
				s.want(s.Store.Abandon(s.ctx(), sessionstore.EndRequest{Ref: ref("t"), Session: id, At: s.Now()}), nil, "Abandon")
				s.want(s.begin("t", id), autoscaler.ErrGone, "the Begin that arrives late")
			}
			s.wantSessions("t", 0)
		}),
	}
}

func checkReserve(s *scene) {
	s.open("t")
	s.must(s.reserve("a", time.Minute), "Reserve")
	s.must(s.reserve("b", 10*time.Minute), "Reserve")
	s.want(s.reserve("b", 10*time.Minute), nil, "the same Reserve again")
	s.wantSessions("t", 2)
	s.Advance(time.Minute)
	s.report("t")
	s.wantSessions("t", 1)
	s.cordon("t", "d")
	s.want(s.begin("t", "b"), nil, "Begin of the reserved session on the cordoned task")
	s.wantSessions("t", 1)
	s.want(s.reserve("c", time.Minute), autoscaler.ErrCordoned, "Reserve on a cordoned task")
}

func startedClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("started-registers", "A session told of a task without a record makes one, closed and of unknown occupancy, and is counted in it.", func(s *scene) {
			receipt := s.started("t", "a")
			if !receipt.Registered || receipt.State != autoscaler.TaskNew {
				s.Errorf("the receipt is %+v", receipt)
			}
			if a := s.see("t"); !a.Adopted || a.Occupancy != (autoscaler.Occupancy{}) {
				s.Errorf("the record is %+v", a)
			}
			s.report("t")
			s.wantSessions("t", 1)
		}),
		promise("started-cordoned", "A session told of a cordoned task is counted, and the task stays cordoned.", func(s *scene) {
			s.open("t")
			s.cordon("t", "d")
			if receipt := s.started("t", "a"); receipt.State != autoscaler.TaskCordoned || receipt.Dropped {
				s.Errorf("the receipt is %+v", receipt)
			}
			s.wantSessions("t", 1)
			s.wantState("t", autoscaler.TaskCordoned)
		}),
		promise("started-retired", "A session told of a retired task is counted, and the receipt says that the task is retired.", func(s *scene) {
			s.retired("t")
			if receipt := s.started("t", "a"); receipt.State != autoscaler.TaskRetired || receipt.Dropped {
				s.Errorf("the receipt is %+v", receipt)
			}
			s.wantSessions("t", 1)
		}),
		promise("started-overflow", "A session told of a full record makes the occupancy unknown until every process has counted again.", func(s *scene) {
			s.open("t")
			for i := range 200 {
				s.started("t", sessionstore.SessionID(fmt.Sprint(i)))
			}
			s.wantSessions("t", 200)
			if receipt := s.started("t", "one more"); !receipt.Overflow {
				s.Errorf("the receipt is %+v", receipt)
			}
			s.wantSessions("t", -1)
			r := s.next("t", "main")
			r.Count = 201
			s.send(r)
			s.wantSessions("t", 201)
		}),
		promise("told-limit", "A record of a task for which nothing reports takes more sessions than the limit of one that does, and counts each: no report could make good one that found no room.", func(s *scene) {
			s.eventsOnly("t")
			for i := range 250 {
				if receipt := s.started("t", sessionstore.SessionID(fmt.Sprint(i))); receipt.Overflow {
					s.Fatalf("session %d found no room: %+v", i, receipt)
				}
			}
			s.wantSessions("t", 250)
		}),
		promise("started-any-clock", "A session is told by whatever clock, and counted.", func(s *scene) {
			s.open("t")
			_, err := s.Store.Started(s.ctx(), sessionstore.StartedRequest{Ref: ref("t"), Session: "a", At: s.Now().Add(-time.Hour)})
			s.want(err, nil, "Started by a clock an hour slow")
			s.want(s.Store.End(s.ctx(), sessionstore.EndRequest{Ref: ref("t"), Session: "b", At: s.Now().Add(time.Hour)}), nil, "End by a clock an hour fast")
			s.wantSessions("t", 1)
		}),
		promise("end-before-start", "An end that comes before its start is remembered, with a record or without.", func(s *scene) {
			s.end("t", "first of all")
			if receipt := s.started("t", "first of all"); !receipt.Dropped {
				s.Errorf("Started after its end, without a record: %+v", receipt)
			}
			s.end("t", "a")
			if receipt := s.started("t", "a"); !receipt.Dropped {
				s.Errorf("Started after its end: %+v", receipt)
			}
			s.report("t")
			s.wantSessions("t", 0)
		}),
		promise("ended-stays", "A session that has ended stays ended, however many ended after it and however late its start comes again.", func(s *scene) {
			s.open("t")
			began := s.Now()
			s.started("t", "a")
			s.end("t", "a")
			for i := range 40 {
				s.started("t", sessionstore.SessionID(fmt.Sprint(i)))
				s.end("t", sessionstore.SessionID(fmt.Sprint(i)))
			}
			for _, wait := range []time.Duration{0, time.Hour, 10 * aDay} {
				s.Advance(wait)
				late := sessionstore.StartedRequest{Ref: ref("t"), Session: "a", At: s.Now(), Began: began}
				receipt, err := s.Store.Started(s.ctx(), late)
				if err != nil || !receipt.Dropped {
					s.Errorf("Started %v after the end: %+v, %v", wait, receipt, err)
				}
				s.report("t")
				s.wantSessions("t", 0)
			}
		}),
		promise("any-order", "Any order and any number of copies of the same starts, ends and reports leave the same sessions.", checkAnyOrder),
		promise("event-only", "Where nothing reports, time alone ends no session.", func(s *scene) {
			s.asking("t")
			s.must(s.begin("t", "a"), "Begin")
			s.Advance(36 * time.Hour)
			s.wantSessions("t", 1)
			s.cordon("t", "d")
			s.want(s.retire("t", "d"), autoscaler.ErrBusy, "Retire after 36 hours")
			s.end("t", "a")
			s.wantSessions("t", 0)
		}),
		promise("disconnected", "A disconnected session holds its slot until its own limit, and connected again beyond that.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.must(s.begin("t", "b"), "Begin")
			s.disconnect("a", 20*time.Minute)
			s.disconnect("b", 20*time.Minute)
			s.Advance(19 * time.Minute)
			s.report("t")
			s.wantSessions("t", 2)
			s.must(s.Store.Touch(s.ctx(), sessionstore.TouchRequest{Ref: ref("t"), Session: "b", At: s.Now()}), "Touch")
			s.Advance(time.Minute)
			s.report("t")
			s.wantSessions("t", 1)
		}),
		promise("touch-no-start", "A touch of a session that is not there starts nothing and is no error.", func(s *scene) {
			touch := sessionstore.TouchRequest{Ref: ref("t"), Session: "a", At: s.Now(), DisconnectedUntil: s.Now().Add(time.Hour)}
			s.want(s.Store.Touch(s.ctx(), touch), nil, "Touch without a record")
			s.open("t")
			s.want(s.Store.Touch(s.ctx(), touch), nil, "Touch")
			s.wantSessions("t", 0)
		}),
		promise("demand-counts", "Sessions that came and went are counted, once each, and stay counted when their record is forgotten.", func(s *scene) {
			s.open("t")
			s.must(s.begin("t", "a"), "Begin")
			s.must(s.begin("t", "a"), "Begin again")
			s.started("t", "b")
			s.end("t", "a")
			s.end("t", "a")
			s.end("t", "b")
			s.end("t", "unknown")
			counts := func(when string) {
				activity, err := s.Store.Activity(s.ctx(), service(), s.Now())
				s.must(err, "Activity")
				if d := activity.Demand; d.Arrivals != 2 || d.Departures != 2 {
					s.Errorf("%s: %d arrivals and %d departures, want 2 and 2", when, d.Arrivals, d.Departures)
				}
			}
			counts("in the record")
			s.forget("t")
			counts("after the record was forgotten")
		}),
	}
}
