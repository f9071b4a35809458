package storetest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func stateClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("never-saved", "A checkpoint and a control that were never saved are zero, the service filled in.", func(s *scene) {
			c, err := s.Store.LoadCheckpoint(s.ctx(), service())
			s.want(err, nil, "LoadCheckpoint")
			if c.Service != service() || c.Revision != 0 || c.HasWant {
				s.Errorf("the checkpoint is %+v", c)
			}
			control, err := s.Store.Control(s.ctx(), service())
			s.want(err, nil, "Control")
			if control.Revision != 0 || len(control.Pins) > 0 {
				s.Errorf("the control is %+v", control)
			}
		}),
		promise("saved-whole", "A checkpoint that was saved is loaded whole.", func(s *scene) {
			saved := fullCheckpoint(s)
			revision, err := s.Store.SaveCheckpoint(s.ctx(), saved)
			s.must(err, "SaveCheckpoint")
			got, err := s.Store.LoadCheckpoint(s.ctx(), service())
			s.must(err, "LoadCheckpoint")
			saved.Revision = revision
			if differ := compare(got, saved); differ != "" {
				s.Errorf("%s", differ)
			}
		}),
		promise("save-names-revision", "A save on a revision that is not the stored one is ErrConflict and stores nothing.", func(s *scene) {
			c := autoscaler.Checkpoint{Service: service(), WantOpen: 1, HasWant: true}
			revision, err := s.Store.SaveCheckpoint(s.ctx(), c)
			s.must(err, "SaveCheckpoint")
			for _, stale := range []int64{0, revision - 1, revision + 1} {
				c.Revision, c.WantOpen = stale, 9
				_, err := s.Store.SaveCheckpoint(s.ctx(), c)
				s.want(err, autoscaler.ErrConflict, fmt.Sprintf("SaveCheckpoint on revision %d, stored: %d", stale, revision))
			}
			got, err := s.Store.LoadCheckpoint(s.ctx(), service())
			s.must(err, "LoadCheckpoint")
			if got.WantOpen != 1 || got.Revision != revision {
				s.Errorf("the stored checkpoint is %+v", got)
			}
		}),
		promise("one-save", "Of several saves at once on one revision exactly one is made.", func(s *scene) {
			won := race(8, func(i int) bool {
				_, err := s.Store.SaveCheckpoint(s.ctx(), autoscaler.Checkpoint{Service: service(), WantOpen: i})
				return err == nil
			})
			if won != 1 {
				s.Errorf("%d of 8 saves were made", won)
			}
		}),
		promise("no-shared-memory", "What a caller does to a checkpoint after saving or loading it changes nothing stored.", func(s *scene) {
			saved := fullCheckpoint(s)
			_, err := s.Store.SaveCheckpoint(s.ctx(), saved)
			s.must(err, "SaveCheckpoint")
			first, err := s.Store.LoadCheckpoint(s.ctx(), service())
			s.must(err, "LoadCheckpoint")
			unspoiled := first.Clone()
			for _, c := range []autoscaler.Checkpoint{saved, first} {
				c.Memory[0], c.Intents[0].Task, c.Permit.Desired, c.Release.Tasks[0] = 'x', "x", 99, "x"
			}
			got, err := s.Store.LoadCheckpoint(s.ctx(), service())
			s.must(err, "LoadCheckpoint")
			if differ := compare(got, unspoiled); differ != "" {
				s.Errorf("%s", differ)
			}
		}),
		promise("control", "A control replaces only the revision that was read, and is read back whole.", func(s *scene) {
			until := s.Now().Add(time.Hour)
			set := autoscaler.Control{
				PauseIn: autoscaler.Override{By: "ann", Why: "tests", Until: until},
				Pins:    []autoscaler.Pin{{Task: "t", Override: autoscaler.Override{By: "ann", Until: until}}},
			}
			s.want(s.Store.SetControl(s.ctx(), service(), set), nil, "SetControl")
			s.want(s.Store.SetControl(s.ctx(), service(), set), autoscaler.ErrConflict, "SetControl on the revision before")
			set.Pins[0].Task = "spoiled"
			got, err := s.Store.Control(s.ctx(), service())
			s.must(err, "Control")
			if got.PauseIn.By != "ann" || !got.PauseIn.Until.Equal(until) || len(got.Pins) != 1 || got.Pins[0].Task != "t" {
				s.Errorf("the control is %+v", got)
			}
			s.want(s.Store.SetControl(s.ctx(), service(), autoscaler.Control{Revision: got.Revision}), nil, "SetControl on the revision read")
			if got, _ = s.Store.Control(s.ctx(), service()); len(got.Pins) > 0 || got.PauseIn.By != "" {
				s.Errorf("the control after it was cleared is %+v", got)
			}
		}),
		promise("services-apart", "Services do not share checkpoints, controls or records.", func(s *scene) {
			other := autoscaler.ServiceID{Cluster: "c", Name: "other"}
			_, err := s.Store.SaveCheckpoint(s.ctx(), autoscaler.Checkpoint{Service: service(), WantOpen: 3, HasWant: true})
			s.must(err, "SaveCheckpoint")
			s.open("t")
			c, err := s.Store.LoadCheckpoint(s.ctx(), other)
			s.must(err, "LoadCheckpoint")
			activity, err := s.Store.Activity(s.ctx(), other, s.Now())
			s.must(err, "Activity")
			if c.HasWant || c.Service != other || len(activity.Tasks) > 0 {
				s.Errorf("the other service has %+v and %d records", c, len(activity.Tasks))
			}
		}),
	}
}

// fullCheckpoint is a checkpoint with something in each of its parts.
func fullCheckpoint(s *scene) autoscaler.Checkpoint {
	at := s.Now()
	return autoscaler.Checkpoint{
		Version: autoscaler.CheckpointVersion, Service: service(), SavedAt: at, WantOpen: 3, HasWant: true,
		Limits: autoscaler.Limits{Min: 1, Max: 9}, Floor: 2, Memory: autoscaler.Memory(`{"a":1}`),
		Intents: []autoscaler.Intent{{Task: "t", Expires: at}},
		LastOut: at, Desired: autoscaler.DesiredCount{Value: 4, At: at, Known: true},
		Missing: []autoscaler.Missing{{Task: "m", Since: at}}, Aborts: 2,
		Permit:  &autoscaler.Permit{Call: autoscaler.CallUnprotect, Tasks: []autoscaler.TaskID{"t"}, NotAfter: at},
		Release: &autoscaler.Release{ID: "r", Service: service(), Tasks: []autoscaler.TaskID{"t"}, Phase: autoscaler.PhaseWatch},
	}
}

func demandClauses() []clause.Clause[Harness] {
	report := func(s *scene, source string, seq int64, waiting, refusals int) {
		s.Helper()
		s.must(s.Store.ReportDemand(s.ctx(), sessionstore.DemandReport{
			Service: service(), Source: source, Seq: seq, At: s.Now(), Waiting: waiting, Refusals: refusals,
		}), "ReportDemand")
	}
	want := func(s *scene, waiting int, refusals int64) {
		s.Helper()
		activity, err := s.Store.Activity(s.ctx(), service(), s.Now())
		s.must(err, "Activity")
		if d := activity.Demand; d.Waiting != waiting || d.Refusals != refusals {
			s.Errorf("%d waiting and %d refusals, want %d and %d", d.Waiting, d.Refusals, waiting, refusals)
		}
	}
	return []clause.Clause[Harness]{
		promise("refusals-add-up", "Refusals of all sources add up.", func(s *scene) {
			report(s, "a", 1, 0, 2)
			report(s, "b", 1, 0, 3)
			report(s, "a", 2, 0, 4)
			want(s, 0, 9)
		}),
		promise("demand-named", "A report of demand without a service, a source or a number from 1 on counts nothing and is refused with the name of what is missing.", func(s *scene) {
			whole := sessionstore.DemandReport{Service: service(), Source: "a", Seq: 1, At: s.Now(), Waiting: 5, Refusals: 2}
			for field, spoil := range map[string]func(*sessionstore.DemandReport){
				"Service.Name": func(d *sessionstore.DemandReport) { d.Service.Name = "" },
				"Source":       func(d *sessionstore.DemandReport) { d.Source = "" },
				"Seq":          func(d *sessionstore.DemandReport) { d.Seq = 0 },
			} {
				d := whole
				spoil(&d)
				s.wantNamed(s.Store.ReportDemand(s.ctx(), d), field, "ReportDemand")
			}
			want(s, 0, 0)
		}),
		promise("report-once", "A report whose number is not above the last one of its source changes nothing.", func(s *scene) {
			report(s, "a", 2, 5, 2)
			report(s, "a", 2, 7, 2)
			report(s, "a", 1, 9, 2)
			want(s, 5, 2)
		}),
		promise("waiting-replaced", "The users waiting at a source replace those it told of before, and the sources add up.", func(s *scene) {
			report(s, "a", 1, 5, 0)
			report(s, "b", 1, 3, 0)
			report(s, "a", 2, 1, 0)
			want(s, 4, 0)
		}),
		promise("waiting-expires", "The users waiting at a source count for five minutes.", func(s *scene) {
			report(s, "a", 1, 5, 1)
			s.Advance(5*time.Minute - time.Second)
			want(s, 5, 1)
			s.Advance(time.Second)
			want(s, 0, 1)
		}),
	}
}

func journalClauses() []clause.Clause[Harness] {
	entry := func(s *scene, after time.Duration, task, step string) autoscaler.Entry {
		return autoscaler.Entry{
			At: s.Now().Add(after), Service: service(), Task: autoscaler.TaskID(task), Release: "r", Drain: "d",
			By: "controller", Step: step, Outcome: "done",
		}
	}
	read := func(s *scene, task string, since time.Duration, limit int) string {
		s.Helper()
		entries, err := s.Store.Read(s.ctx(), service(), autoscaler.TaskID(task), s.Now().Add(since), limit)
		s.must(err, "Read")
		var steps bytes.Buffer
		for _, e := range entries {
			steps.WriteString(e.Step)
		}
		return steps.String()
	}
	want := func(s *scene, got, want string) {
		s.Helper()
		if got != want {
			s.Errorf("the entries %q, want %q", got, want)
		}
	}
	return []clause.Clause[Harness]{
		promise("entry-whole", "An entry is read back whole.", func(s *scene) {
			e := entry(s, 0, "t", "a")
			s.must(s.Store.Append(s.ctx(), e), "Append")
			got, err := s.Store.Read(s.ctx(), service(), "", s.Now(), 10)
			s.must(err, "Read")
			if len(got) != 1 || compare(got[0], e) != "" {
				s.Errorf("read %+v, appended %+v", got, e)
			}
		}),
		promise("entry-order", "Entries come in the order of their instants, whatever order they were appended in.", func(s *scene) {
			s.must(s.Store.Append(s.ctx(), entry(s, 2, "t", "c"), entry(s, 0, "t", "a")), "Append")
			s.must(s.Store.Append(s.ctx(), entry(s, 1, "t", "b"), entry(s, 3, "t", "d")), "Append")
			want(s, read(s, "", 0, 10), "abcd")
		}),
		promise("entry-newest", "Read returns the newest entries at or after its instant, at most as many as asked for.", func(s *scene) {
			for i, step := range []string{"a", "b", "c", "d", "e"} {
				s.must(s.Store.Append(s.ctx(), entry(s, time.Duration(i)*time.Second, "t", step)), "Append")
			}
			want(s, read(s, "", time.Second, 10), "bcde")
			want(s, read(s, "", time.Second, 2), "de")
		}),
		promise("entry-task", "A task narrows the entries to its own.", func(s *scene) {
			s.must(s.Store.Append(s.ctx(), entry(s, 0, "t", "a"), entry(s, 1, "u", "b"), entry(s, 2, "t", "c")), "Append")
			want(s, read(s, "t", 0, 10), "ac")
		}),
		promise("entry-life", "An entry is read back for 90 days, and no longer.", func(s *scene) {
			s.must(s.Store.Append(s.ctx(), entry(s, 0, "t", "a")), "Append")
			s.Advance(autoscaler.JournalLife - time.Second)
			s.must(s.Store.Append(s.ctx(), entry(s, 0, "t", "b")), "Append")
			want(s, read(s, "", -2*autoscaler.JournalLife, 10), "ab")
			s.Advance(2 * time.Second)
			want(s, read(s, "", -2*autoscaler.JournalLife, 10), "b")
		}),
		promise("entry-none-lost", "Of entries appended at once none is lost.", func(s *scene) {
			race(8, func(int) bool { return s.Store.Append(s.ctx(), entry(s, 0, "t", "x")) == nil })
			want(s, read(s, "", 0, 100), "xxxxxxxx")
		}),
	}
}
