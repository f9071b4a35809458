package workflow_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

func TestReleaseOfTwoOfFive(t *testing.T) {
	r := newRig(t, exact(5), nil)
	ids := r.ready(2)
	before := r.c.Calls()
	release := r.release(ids)
	if release.Phase != autoscaler.PhaseRelease || !slices.Equal(release.Tasks, ids) || release.ID == "" {
		t.Fatalf("release begins as %+v", release)
	}
	got := r.passes(10 * time.Minute)
	r.outcome(got, autoscaler.OutcomeReleased)
	if want := "retire lower forget"; r.kinds() != want {
		t.Errorf("effects %q, want %q: the tasks clear their own protection", r.kinds(), want)
	}
	if n := len(r.records()); n != 3 {
		t.Errorf("%d records are left, want 3", n)
	}
	// The budget of a batch: one write, and reads that do not grow with the looks.
	after := r.c.Calls()
	for name, most := range map[string]int{"UpdateService": 1, "StopTask": 0, "DescribeServices": 3, "UpdateTaskProtection": 2} {
		if n := after[name] - before[name]; n > most {
			t.Errorf("%d calls of %s, at most %d wanted", n, name, most)
		}
	}
	entries, err := r.store.Read(context.Background(), service, ids[0], time.Time{}, 0)
	if err != nil || len(entries) != 2 || entries[0].Outcome != "retired" || entries[1].Outcome != "released" {
		t.Errorf("the journal says %+v (%v)", entries, err)
	}
}

func TestProtectionThatIsNotClearedIsRemoved(t *testing.T) {
	r := newRig(t, exact(14), nil)
	ids := r.ready(12)
	r.unheard = ids
	before := r.c.Calls()["UpdateTaskProtection"]
	r.release(ids)
	r.outcome(r.passes(15*time.Minute), autoscaler.OutcomeReleased)
	if n := r.c.Calls()["UpdateTaskProtection"] - before; n != 2 {
		t.Errorf("%d calls for 12 tasks, want 2", n)
	}
	if n := r.c.Calls()["UpdateService"]; n != 1 {
		t.Errorf("desired was written %d times, want once", n)
	}
}

func TestVetoKeepsATask(t *testing.T) {
	r := newRig(t, exact(4), nil)
	ids := r.ready(2)
	var asked []workflow.Evidence
	r.cfg.Veto = func(_ context.Context, e workflow.Evidence) error {
		asked = append(asked, e)
		if e.Task.ID == ids[0] {
			return errors.New("it holds a licence")
		}
		return nil
	}
	r.restart()
	r.release(ids)
	first := r.advance()
	if !says(first, autoscaler.CodeVetoed) || !says(first, autoscaler.CodeRetired) {
		t.Fatalf("reasons %v", first.Reasons)
	}
	if asked[0].Activity.Ref.Task != ids[0] || asked[0].Release != first.ID || asked[0].Task.ProtectedUntil.IsZero() {
		t.Errorf("the veto was shown %+v", asked[0])
	}
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
	if state := r.records()[ids[0]].State; state != autoscaler.TaskCordoned {
		t.Errorf("the vetoed task is %s", state)
	}
	if n := r.checkpoint().Aborts; n != 0 {
		t.Errorf("%d aborts are counted for a release that released", n)
	}
}

func TestVetoOfAllAborts(t *testing.T) {
	r := newRig(t, exact(3), func(c *workflow.Config) {
		c.Veto = func(context.Context, workflow.Evidence) error { return errors.New("not today") }
	})
	ids := r.ready(1)
	for want := 1; want <= 2; want++ {
		r.release(ids)
		got := r.advance()
		r.outcome(got, autoscaler.OutcomeAborted)
		if got.Reasons[0].Detail != "not today" {
			t.Errorf("reasons %v do not carry the veto's text", got.Reasons)
		}
		if n := r.checkpoint().Aborts; n != want {
			t.Errorf("%d aborts are counted, want %d", n, want)
		}
	}
}

func TestRetiredTaskThatIsToldOfASession(t *testing.T) {
	r := newRig(t, exact(3), nil)
	id := r.ready(1)[0]
	r.release([]autoscaler.TaskID{id})
	r.advance()
	r.c.RunFor(40 * time.Second) // it has cleared its protection by now
	r.told(id, "late")
	got := r.advance()
	if !says(got, autoscaler.CodeBusyRetired) {
		t.Fatalf("reasons %v", got.Reasons)
	}
	status, err := r.c.Watch(context.Background(), service, []autoscaler.TaskID{id})
	if err != nil || !status[0].ProtectedUntil.After(r.c.Now()) {
		t.Fatalf("not protected again: %+v, %v", status, err)
	}
	for range 20 {
		if r.c.RunFor(15 * time.Second); r.advance().Phase == autoscaler.PhaseDone {
			t.Fatal("the release ended while the session lives")
		}
	}
	status, _ = r.c.Watch(context.Background(), service, []autoscaler.TaskID{id})
	if !status[0].Wanted() {
		t.Fatalf("the task with a session was stopped: %+v", status[0])
	}
	if err := r.store.End(context.Background(), sessionEnd(id, "late", r.c.Now())); err != nil {
		t.Fatal(err)
	}
	r.outcome(r.passes(15*time.Minute), autoscaler.OutcomeReleased)
}

func TestWrongVictimIsToldAndHoldsScaleIn(t *testing.T) {
	r := newRig(t, exact(4), nil)
	ids := r.ready(2)
	open := r.in(autoscaler.TaskOpen)[0]
	r.release(ids[:1])
	r.advance()
	r.c.RunFor(45 * time.Second)
	// Somebody else takes the protection of an open task and gives one to the
	// retired task, right behind the last listing.
	r.fault = func(_ context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpSetDesired && call.Point == ecssim.Sent {
			mustProtect(t, r.c, ids[0], true)
			mustProtect(t, r.c, open, false)
		}
		return nil
	}
	r.advance()
	r.c.RunFor(20 * time.Second)
	r.fault = nil
	r.release(ids)
	got := r.advance()
	if !says(got, autoscaler.CodeWrongVictim) {
		t.Fatalf("reasons %v", got.Reasons)
	}
	if state := r.records()[ids[1]].State; state != autoscaler.TaskCordoned {
		t.Errorf("a task was retired after a wrong victim: %s", state)
	}
}

func mustProtect(t *testing.T, c *ecssim.Cluster, id autoscaler.TaskID, on bool) {
	t.Helper()
	if failures, err := c.UpdateTaskProtection(service, []autoscaler.TaskID{id}, on, time.Hour); err != nil || len(failures) > 0 {
		t.Fatalf("protection of %s: %v %v", id, failures, err)
	}
}

func TestStragglerIsStoppedWhenDemandCameBack(t *testing.T) {
	r := newRig(t, exact(3), nil)
	ids := r.ready(1)
	r.release(ids)
	r.advance()
	r.want(3) // one more is wanted: the count does not fall
	got := r.passes(10 * time.Minute)
	r.outcome(got, autoscaler.OutcomeReleased)
	if r.c.Calls()["StopTask"] != 1 {
		t.Errorf("%d StopTask, want 1: %s", r.c.Calls()["StopTask"], r.kinds())
	}
	for _, w := range r.c.Writes() {
		t.Errorf("desired was written: %+v", w)
	}
	r.c.RunFor(3 * time.Minute)
	if open := r.in(autoscaler.TaskOpen); len(open) != 3 {
		t.Errorf("%d open tasks, want 3 with the replacement", len(open))
	}
}

func TestProtectionIsRestoredBeforeRetire(t *testing.T) {
	r := newRig(t, exact(3), nil)
	ids := r.ready(1)
	open := r.in(autoscaler.TaskOpen)[0]
	mustProtect(t, r.c, open, false)
	r.release(ids)
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
	if !strings.HasPrefix(r.kinds(), "protect retire") {
		t.Errorf("effects %s", r.kinds())
	}
}

func TestUnconfirmedProtectionAborts(t *testing.T) {
	r := newRig(t, exact(3), nil)
	ids := r.ready(1)
	mustProtect(t, r.c, r.in(autoscaler.TaskOpen)[0], false)
	r.fault = func(_ context.Context, call ecssim.Call) error {
		if call.Op == ecssim.OpProtect && call.Point == ecssim.Before {
			return errors.New("throttled")
		}
		return nil
	}
	r.release(ids)
	got := r.advance()
	r.outcome(got, autoscaler.OutcomeAborted)
	if !says(got, autoscaler.CodeUnconfirmed) || r.checkpoint().Aborts != 1 || len(r.in(autoscaler.TaskRetired)) != 0 {
		t.Errorf("reasons %v, %d aborts, retired %v", got.Reasons, r.checkpoint().Aborts, r.in(autoscaler.TaskRetired))
	}
}

func TestLostProtectionIsRestoredBeforeTheWrite(t *testing.T) {
	r := newRig(t, exact(4), nil)
	ids := r.ready(1)
	r.release(ids)
	r.advance()
	r.c.RunFor(45 * time.Second)
	mustProtect(t, r.c, r.in(autoscaler.TaskOpen)[0], false)
	held := r.advance()
	if !says(held, autoscaler.CodeUnconfirmed) || len(r.c.Writes()) != 0 {
		t.Fatalf("reasons %v, writes %v", held.Reasons, r.c.Writes())
	}
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
}

func TestHeldGateChangesNothing(t *testing.T) {
	for name, hold := range map[string]struct {
		shut, open func(*rig)
		code       autoscaler.Code
	}{
		"pause": {
			func(r *rig) { r.control(autoscaler.Override{By: "ann", Why: "demo", Until: r.c.Now().Add(time.Hour)}) },
			func(r *rig) { r.control(autoscaler.Override{}) }, autoscaler.CodePaused,
		},
		"brake": {
			func(r *rig) { r.save(func(c *autoscaler.Checkpoint) { c.Brake.Since = r.c.Now() }) },
			func(r *rig) { r.save(func(c *autoscaler.Checkpoint) { c.Brake = autoscaler.Brake{} }) }, autoscaler.CodeBrake,
		},
		"minimum": {
			func(r *rig) { r.save(func(c *autoscaler.Checkpoint) { c.Limits.Min = 9 }) },
			func(r *rig) { r.save(func(c *autoscaler.Checkpoint) { c.Limits.Min = 1 }) }, autoscaler.CodeMinimum,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, exact(3), nil)
			ids := r.ready(1)
			hold.shut(r)
			r.release(ids)
			before := r.checkpoint().Revision
			for range 3 {
				if got := r.advance(); got.Phase == autoscaler.PhaseDone || !says(got, hold.code) {
					t.Fatalf("%s %v", got.Phase, got.Reasons)
				}
				r.c.RunFor(15 * time.Second)
			}
			if r.kinds() != "" || r.checkpoint().Revision > before+1 {
				t.Errorf("effects %q, %d saves while held", r.kinds(), r.checkpoint().Revision-before)
			}
			hold.open(r)
			r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
		})
	}
}

func (r *rig) control(pause autoscaler.Override) {
	r.t.Helper()
	c, err := r.store.Control(context.Background(), service)
	if err != nil {
		r.t.Fatal(err)
	}
	c.PauseIn = pause
	if err := r.store.SetControl(context.Background(), service, c); err != nil {
		r.t.Fatal(err)
	}
}

func TestGateHeldForAnHourIsAnAlert(t *testing.T) {
	r := newRig(t, exact(3), nil)
	ids := r.ready(1)
	r.save(func(c *autoscaler.Checkpoint) { c.Floor = 1000 })
	r.release(ids)
	severity := func() autoscaler.Severity {
		got := r.advance()
		i := slices.IndexFunc(got.Reasons, func(reason autoscaler.Reason) bool { return reason.Code == autoscaler.CodeFloor })
		if i < 0 {
			t.Fatalf("reasons %v", got.Reasons)
		}
		return got.Reasons[i].Severity
	}
	if s := severity(); s == autoscaler.Alert {
		t.Error("an alert at once")
	}
	for range 62 {
		r.c.RunFor(time.Minute)
	}
	if s := severity(); s != autoscaler.Alert {
		t.Errorf("%s after an hour, want alert", s)
	}
}

func TestReopenedTaskDropsOut(t *testing.T) {
	r := newRig(t, exact(4), nil)
	ids := r.ready(2)
	r.release(ids)
	r.reopen(ids[0])
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
	if state := r.records()[ids[0]].State; state != autoscaler.TaskOpen {
		t.Errorf("the reopened task is %s", state)
	}

	id := r.ready(1)[0]
	r.release([]autoscaler.TaskID{id})
	r.reopen(id)
	got := r.advance()
	r.outcome(got, autoscaler.OutcomeAborted)
	if !says(got, autoscaler.CodeReopened) || r.checkpoint().Aborts != 0 {
		t.Errorf("reasons %v, %d aborts: demand came back, nothing failed", got.Reasons, r.checkpoint().Aborts)
	}
}

func (r *rig) reopen(id autoscaler.TaskID) {
	r.t.Helper()
	a := r.records()[id]
	err := r.store.Reopen(context.Background(), autoscaler.DrainRef{Ref: a.Ref, Drain: a.Drain.ID, Version: a.Version, At: r.c.Now()})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestUnfinishedDrainEndsTheRelease(t *testing.T) {
	r := newRig(t, exact(3), nil)
	id := r.in(autoscaler.TaskOpen)[0]
	r.told(id, "s1")
	now := r.c.Now()
	_, err := r.store.Cordon(context.Background(), autoscaler.CordonRequest{
		Ref: ref(id), Version: r.records()[id].Version, Drain: "d", At: now, Until: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.release([]autoscaler.TaskID{id})
	got := r.advance()
	r.outcome(got, autoscaler.OutcomeAborted)
	if !says(got, autoscaler.CodeNotReady) || r.checkpoint().Aborts != 0 {
		t.Errorf("reasons %v, %d aborts", got.Reasons, r.checkpoint().Aborts)
	}
}

func TestJoinedTasksAreDueAtOnce(t *testing.T) {
	r := newRig(t, exact(6), nil)
	ids := r.ready(3)
	first := r.release(ids[:1])
	r.advance()
	joined := r.release(ids[1:])
	if joined.ID != first.ID || !slices.Equal(joined.Tasks, ids) || !joined.NextAt.IsZero() {
		t.Fatalf("joined as %+v", joined)
	}
	if again := r.release(ids); again.ID != first.ID {
		t.Errorf("joining with the same tasks begins %s", again.ID)
	}
	r.advance()
	if n := len(r.in(autoscaler.TaskRetired)); n != 3 {
		t.Errorf("%d retired, want 3", n)
	}
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
	if n := len(r.c.Writes()); n > 2 {
		t.Errorf("desired was written %d times", n)
	}
}

func TestRetiredTasksAreFoundFromTheRecordsAlone(t *testing.T) {
	r := newRig(t, exact(3), nil)
	ids := r.ready(1)
	a := r.records()[ids[0]]
	if err := r.store.Retire(context.Background(), autoscaler.DrainRef{Ref: a.Ref, Drain: a.Drain.ID, Version: a.Version, At: r.c.Now()}); err != nil {
		t.Fatal(err)
	}
	got := r.passes(10 * time.Minute)
	r.outcome(got, autoscaler.OutcomeReleased)
	if !slices.Equal(got.Tasks, ids) {
		t.Errorf("released %v, want %v", got.Tasks, ids)
	}
	if rest, err := r.runner.Advance(context.Background(), service); rest != nil || err != nil {
		t.Errorf("nothing is left to do, and Advance returns %v, %v", rest, err)
	}
}

func TestStuckTaskEndsTheReleaseAndStaysWatched(t *testing.T) {
	cfg := exact(3)
	cfg.Deprovisioning = ecssim.Span{Min: 20 * time.Minute, Max: 20 * time.Minute}
	r := newRig(t, cfg, nil)
	ids := r.ready(1)
	first := r.release(ids)
	got := r.passes(15 * time.Minute)
	r.outcome(got, autoscaler.OutcomeStuck)
	if !says(got, autoscaler.CodeStuck) || got.ID != first.ID {
		t.Errorf("%s ends with %v", got.ID, got.Reasons)
	}
	if state := r.records()[ids[0]].State; state != autoscaler.TaskRetired {
		t.Fatalf("the record is %s", state)
	}
	for r.c.Now().Before(r.c.Now().Add(time.Hour)) {
		if got = r.passes(time.Hour); got.Outcome == autoscaler.OutcomeReleased {
			break
		}
	}
	if got.ID == first.ID || len(r.in(autoscaler.TaskRetired)) != 0 {
		t.Errorf("%+v; retired %v", got, r.in(autoscaler.TaskRetired))
	}
}

func TestCancel(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, exact(3), nil)
	ids := r.ready(1)
	release := r.release(ids)
	if err := r.runner.Cancel(ctx, service, "r-0-0"); !errors.Is(err, autoscaler.ErrNotFound) {
		t.Errorf("cancelling another release: %v", err)
	}
	if err := r.runner.Cancel(ctx, service, release.ID); err != nil {
		t.Fatal(err)
	}
	if r.checkpoint().Release != nil || r.records()[ids[0]].State != autoscaler.TaskCordoned {
		t.Errorf("after Cancel: %+v, record %s", r.checkpoint().Release, r.records()[ids[0]].State)
	}
	if err := r.runner.Cancel(ctx, service, release.ID); !errors.Is(err, autoscaler.ErrNotFound) {
		t.Errorf("cancelling twice: %v", err)
	}
	release = r.release(ids)
	r.advance()
	if err := r.runner.Cancel(ctx, service, release.ID); !errors.Is(err, autoscaler.ErrRetired) {
		t.Errorf("cancelling after retire: %v", err)
	}
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
}

func TestFailingJournalStopsNothing(t *testing.T) {
	r := newRig(t, exact(3), func(c *workflow.Config) { c.Journal = brokenJournal{} })
	r.release(r.ready(1))
	if got := r.advance(); !says(got, autoscaler.CodeCallFailed) || !says(got, autoscaler.CodeRetired) {
		t.Errorf("reasons %v", got.Reasons)
	}
	r.outcome(r.passes(10*time.Minute), autoscaler.OutcomeReleased)
}

type brokenJournal struct{ autoscaler.Journal }

func (brokenJournal) Append(context.Context, ...autoscaler.Entry) error {
	return errors.New("disk full")
}

func TestReleaseOfANewerWriterIsLeftAlone(t *testing.T) {
	r := newRig(t, exact(3), nil)
	ids := r.ready(2)
	r.release(ids[:1])
	for _, change := range []func(*autoscaler.Release){
		func(release *autoscaler.Release) { release.Phase = "settling" },
		func(release *autoscaler.Release) { release.Phase, release.Version = autoscaler.PhaseRelease, 99 },
	} {
		r.save(func(c *autoscaler.Checkpoint) { change(c.Release) })
		if joined := r.release(ids); len(joined.Tasks) != 1 {
			t.Errorf("joined %+v", joined)
		}
		r.advance()
		if r.kinds() != "" {
			t.Errorf("effects %q", r.kinds())
		}
	}
}

func TestReleaseRefusesARequestThatNamesNothingOfTheService(t *testing.T) {
	r := newRig(t, exact(1), nil)
	for name, tasks := range map[string][]autoscaler.TaskRef{
		"no task":         nil,
		"without an id":   {ref("")},
		"another service": {{Service: autoscaler.ServiceID{Cluster: "sim", Name: "other"}, Task: "t"}},
	} {
		_, err := r.runner.Release(context.Background(), autoscaler.ReleaseRequest{Service: service, Tasks: tasks})
		var known *autoscaler.Error
		if !errors.As(err, &known) || known.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewTellsEverythingThatIsWrong(t *testing.T) {
	_, err := workflow.New(workflow.Config{Timing: workflow.Timing{Look: -1, Lifetime: time.Minute}})
	for _, part := range []string{"Tasks", "Scaler", "Sessions", "Records", "State", "-1ns", "Lifetime"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not tell of %s", err, part)
		}
	}
}

func sessionEnd(id autoscaler.TaskID, session string, at time.Time) sessionstore.EndRequest {
	return sessionstore.EndRequest{Ref: ref(id), Session: sessionstore.SessionID(session), At: at}
}
