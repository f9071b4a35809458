package sessionstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// Why a task is still here, while it is, and why it went, weeks after it is gone.
func ExampleExplain() {
	ctx, now := context.Background(), start()
	store := memstore.New(memstore.Config{Now: func() time.Time { return now }})
	sources := sessionstore.Sources{Sessions: store, Journal: store, Finder: store}
	ask := func(q sessionstore.Question) {
		q.Service, q.At = gateway().Service, now
		e, err := sessionstore.Explain(ctx, sources, q)
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(e)
	}
	a, _ := store.Register(ctx, autoscaler.RegisterRequest{Ref: gateway(), Level: autoscaler.LevelA, Slots: 2, At: now})
	_, _ = store.Open(ctx, autoscaler.OpenRequest{Ref: gateway(), Version: a.Version, ProtectedUntil: now.Add(24 * time.Hour), At: now})
	grant, _ := store.Begin(ctx, sessionstore.BeginRequest{Ref: gateway(), Session: "ann", At: now})
	ask(sessionstore.Question{Task: gateway().Task})

	// The pass that finds the task gone writes its entry beside the gravestone.
	now = now.Add(time.Hour)
	_ = store.Forget(ctx, autoscaler.ForgetRequest{Ref: gateway(), Version: grant.Version, At: now})
	_ = store.Append(ctx, autoscaler.Entry{
		Version: autoscaler.EntryVersion, At: now, Service: gateway().Service, Task: gateway().Task,
		By: "pass", Step: "forgotten", Outcome: "stopped: SpotInterruption; 1 sessions lost",
	})
	now = now.Add(14 * 24 * time.Hour)
	ask(sessionstore.Question{Task: gateway().Task})
	ask(sessionstore.Question{Session: "ann", Limit: 1})
	// Output:
	// Task t1 is still here: it is open and holds 1 session.
	// Task t1 is gone: AWS reclaimed its Spot capacity, and lost 1 session (its record was closed at 2026-03-01T13:00:00Z).
	//   2026-03-01T13:00:00Z pass: forgotten: stopped: SpotInterruption; 1 sessions lost
	// Session ann, on task t1, was lost at 2026-03-01T13:00:00Z with its task, which is gone: AWS reclaimed its Spot capacity, and lost 1 session (its record was closed at 2026-03-01T13:00:00Z).
	//   2026-03-01T13:00:00Z pass: forgotten: stopped: SpotInterruption; 1 sessions lost
}

// asked are sources that answer what they are told to, and the question to them.
type asked struct {
	record  *autoscaler.TaskActivity
	entries []autoscaler.Entry
	found   *sessionstore.Found
	reasons []autoscaler.Reason
	why     error
	fails   map[string]error
}

func (a *asked) Activity(context.Context, autoscaler.ServiceID, time.Time) (autoscaler.Activity, error) {
	activity := autoscaler.Activity{Tasks: []autoscaler.TaskActivity{{Ref: autoscaler.TaskRef{Task: "t0"}}}}
	if a.record != nil {
		activity.Tasks = append(activity.Tasks, *a.record)
	}
	return activity, a.fails["Activity"]
}

func (a *asked) Read(context.Context, autoscaler.ServiceID, autoscaler.TaskID, time.Time, int) ([]autoscaler.Entry, error) {
	return a.entries, a.fails["Read"]
}

func (a *asked) Find(context.Context, autoscaler.ServiceID, sessionstore.SessionID) (sessionstore.Found, error) {
	if a.found == nil {
		return sessionstore.Found{}, errors.Join(autoscaler.ErrNotFound, a.fails["Find"])
	}
	return *a.found, a.fails["Find"]
}

func (a *asked) Why(context.Context, autoscaler.TaskID) ([]autoscaler.Reason, error) {
	return a.reasons, a.why
}

func (a *asked) explain(t *testing.T, q sessionstore.Question) sessionstore.Explanation {
	t.Helper()
	q.Service, q.At = gateway().Service, start()
	sources := sessionstore.Sources{Sessions: a, Journal: a, Finder: a}
	if a.why != nil || a.reasons != nil {
		sources.Why = a.Why
	}
	e, err := sessionstore.Explain(t.Context(), sources, q)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ago(d time.Duration) time.Time { return start().Add(-d) }

// record is one of task t1 as a store shows it.
func record(change func(*autoscaler.TaskActivity)) *autoscaler.TaskActivity {
	a := &autoscaler.TaskActivity{
		Ref: gateway(), Version: 7, State: autoscaler.TaskOpen, Level: autoscaler.LevelA, Slots: 4, Processes: 1,
		Occupancy: autoscaler.Sessions(0), LastReport: ago(10 * time.Second), IdleSince: ago(time.Hour),
	}
	change(a)
	return a
}

// drained is record, cordoned by drain d-1.
func drained(change func(*autoscaler.TaskActivity)) *autoscaler.TaskActivity {
	return record(func(a *autoscaler.TaskActivity) {
		a.State = autoscaler.TaskCordoned
		a.Drain = autoscaler.Drain{ID: "d-1", Since: ago(10 * time.Minute), Until: start().Add(time.Minute)}
		change(a)
	})
}

func entry(by, step, outcome string) autoscaler.Entry {
	return autoscaler.Entry{Version: 1, At: ago(time.Hour), Service: gateway().Service, Task: "t1", By: by, Step: step, Outcome: outcome}
}

func TestExplainATaskThatIsHere(t *testing.T) {
	unknown := autoscaler.Occupancy{}
	for name, c := range map[string]struct {
		asked asked
		says  string
	}{
		"new": {asked{record: record(func(a *autoscaler.TaskActivity) { a.State = autoscaler.TaskNew })},
			"Task t1 is still here: it has not opened yet."},
		"new, exposed": {asked{record: record(func(a *autoscaler.TaskActivity) { a.State, a.ExposedAt = autoscaler.TaskNew, start() })},
			"Task t1 is still here: it has not opened yet, since ECS refuses to protect it, and opens without protection in a moment."},
		"new, told of a session": {asked{record: record(func(a *autoscaler.TaskActivity) {
			a.State, a.Occupancy = autoscaler.TaskNew, autoscaler.Sessions(1)
		})}, "Task t1 is still here: it has not opened yet, and holds 1 session that it was told of."},
		"new, unheard of": {asked{record: record(func(a *autoscaler.TaskActivity) {
			a.State, a.Occupancy, a.LastReport = autoscaler.TaskNew, unknown, time.Time{}
		})}, "Task t1 is still here: it has not opened yet, and nobody can tell what it holds: none of the processes that should report, 1, has done so yet."},
		"busy": {asked{record: record(func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Sessions(3) })},
			"Task t1 is still here: it is open and holds 3 sessions."},
		"reserved": {asked{record: record(func(a *autoscaler.TaskActivity) { a.Occupancy, a.Reserved = autoscaler.Sessions(3), 2 })},
			"Task t1 is still here: it is open and holds 3 sessions, 2 of them reserved."},
		"idle": {asked{record: record(func(*autoscaler.TaskActivity) {})},
			"Task t1 is still here: it is open, has held nothing since 2026-03-01T11:00:00Z, and nothing has closed it."},
		"idle, held": {asked{record: record(func(*autoscaler.TaskActivity) {}), reasons: []autoscaler.Reason{{Code: autoscaler.CodeMinimum, By: "explain", Task: "t1"}}},
			"Task t1 is still here: it is open, has held nothing since 2026-03-01T11:00:00Z, and nothing has closed it: explain: minimum t1."},
		"idle, stopped": {asked{record: record(func(*autoscaler.TaskActivity) {}), why: autoscaler.ErrNotFound},
			"Task t1 is still here: it is open, has held nothing since 2026-03-01T11:00:00Z, and nothing has closed it; ECS does not run it any more, and a pass will close its record and say why."},
		"silent": {asked{record: record(func(a *autoscaler.TaskActivity) { a.Occupancy, a.LastReport = unknown, ago(2*time.Minute) })},
			"Task t1 is still here: it is open, and counts as busy, since nobody can tell what it holds: no process has reported since 2026-03-01T11:58:00Z."},
		"one of two silent": {asked{record: record(func(a *autoscaler.TaskActivity) { a.Occupancy, a.Processes = unknown, 2 })},
			"Task t1 is still here: it is open, and counts as busy, since nobody can tell what it holds: not each of the 2 processes that should report has done so in time and by a good clock, the newest at 2026-03-01T11:59:50Z."},
		"adopted": {asked{record: record(func(a *autoscaler.TaskActivity) { a.Occupancy, a.Processes, a.Adopted = unknown, 0, true })},
			"Task t1 is still here: it is open, and counts as busy, since nobody can tell what it holds: its record was made when it was running already, nothing reports for it, and nobody has said that all its sessions were told of."},
		"overflowing": {asked{record: record(func(a *autoscaler.TaskActivity) { a.Occupancy, a.Processes = unknown, 0 })},
			"Task t1 is still here: it is open, and counts as busy, since nobody can tell what it holds: it was told of more sessions than its record holds."},
		"foreign": {asked{record: record(func(a *autoscaler.TaskActivity) { a.Foreign = true })},
			"Task t1 belongs to another owner, and nothing here touches it."},
		"of a newer version": {asked{record: record(func(a *autoscaler.TaskActivity) { a.State = "paused" })},
			`Task t1 is in state "paused", which this version does not know, and is left alone.`},
		"no record": {asked{reasons: []autoscaler.Reason{{Code: autoscaler.CodeAdopting}}},
			"Task t1 runs without a record, which the next pass makes; until then it counts as busy."},
	} {
		t.Run(name, func(t *testing.T) {
			if e := c.asked.explain(t, sessionstore.Question{Task: "t1"}); e.Verdict != c.says {
				t.Errorf("it says\n%s\nwant\n%s", e.Verdict, c.says)
			}
		})
	}
}

func TestExplainATaskThatIsDrained(t *testing.T) {
	const here = "Task t1 is still here: a pass drains it since 2026-03-01T11:50:00Z (drain d-1), and it waits for "
	for name, c := range map[string]struct {
		record *autoscaler.TaskActivity
		says   string
	}{
		"sessions": {drained(func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Sessions(2) }), here + "2 sessions to end."},
		"an operator's": {drained(func(a *autoscaler.TaskActivity) { a.Drain.By, a.Occupancy = "ann", autoscaler.Sessions(1) }),
			strings.Replace(here, "a pass", "ann", 1) + "1 session to end."},
		"a deadline": {drained(func(a *autoscaler.TaskActivity) {
			a.Drain.Ending, a.Occupancy = start().Add(time.Hour), autoscaler.Sessions(1)
		}), here + "1 session to end; the deadline for its sessions is announced for 2026-03-01T13:00:00Z."},
		"forced": {drained(func(a *autoscaler.TaskActivity) {
			a.Drain.Ending, a.Drain.Forced, a.Acknowledged = ago(1), ago(0), true
		}),
			here + "its release: it is empty, and nothing can enter it any more; the sessions it held were ended by force at 2026-03-01T12:00:00Z."},
		"unknown": {drained(func(a *autoscaler.TaskActivity) { a.Occupancy, a.LastReport = autoscaler.Occupancy{}, ago(time.Hour) }),
			here + "word of what it holds: no process has reported since 2026-03-01T11:00:00Z."},
		"acknowledgement": {drained(func(*autoscaler.TaskActivity) {}), here + "an acknowledgement by each of its processes."},
		"settling":        {drained(func(a *autoscaler.TaskActivity) { a.Processes = 0 }), here + "its cordon to settle, since nothing reports that could acknowledge it."},
		"unbounded": {drained(func(a *autoscaler.TaskActivity) { a.Level = "" }),
			here + "the host to say how late its events may be (Rules.LagBound): at level C nothing is retired before."},
		"barrier": {drained(func(a *autoscaler.TaskActivity) { a.Level, a.Bounded = autoscaler.LevelC, true }),
			here + "its barrier to come out of the queue of its events."},
		"barrier settling": {drained(func(a *autoscaler.TaskActivity) {
			a.Level, a.Bounded, a.Barrier = autoscaler.LevelC, true, ago(time.Minute)
		}),
			here + "what is late to settle after its barrier, which came at 2026-03-01T11:59:00Z."},
		"lapsed": {drained(func(a *autoscaler.TaskActivity) { a.Drain.Until = start() }),
			here + "an acknowledgement by each of its processes; the drain's lease has run out, and the next session or report opens the task again."},
	} {
		t.Run(name, func(t *testing.T) {
			from := asked{record: c.record}
			if e := from.explain(t, sessionstore.Question{Task: "t1"}); e.Verdict != c.says {
				t.Errorf("it says\n%s\nwant\n%s", e.Verdict, c.says)
			}
		})
	}
}

func TestExplainARetiredTask(t *testing.T) {
	retired := func(change func(*autoscaler.TaskActivity)) *autoscaler.TaskActivity {
		return drained(func(a *autoscaler.TaskActivity) {
			a.State, a.RetiredAt = autoscaler.TaskRetired, ago(time.Minute)
			change(a)
		})
	}
	let := entry("release", "retire", "retired")
	let.Release, let.Drain = "r-1", "d-1"
	const closed = "Task t1 is retired: drain d-1 closed it for good at 2026-03-01T11:59:00Z, and it waits for ECS to stop it"
	for name, c := range map[string]struct {
		asked asked
		says  string
	}{
		"alone":        {asked{record: retired(func(*autoscaler.TaskActivity) {})}, closed + "."},
		"in a release": {asked{record: retired(func(*autoscaler.TaskActivity) {}), entries: []autoscaler.Entry{let}}, closed + " (release r-1)."},
		"told of sessions": {asked{record: retired(func(a *autoscaler.TaskActivity) { a.Occupancy = autoscaler.Sessions(2) })},
			closed + "; it was told of 2 sessions since, and stays protected until they have ended."},
		"silent": {asked{record: retired(func(a *autoscaler.TaskActivity) { a.Occupancy, a.LastReport = autoscaler.Occupancy{}, ago(time.Hour) })},
			closed + "; it is left alone while nobody can tell what it holds: no process has reported since 2026-03-01T11:00:00Z."},
		"stopped": {asked{record: retired(func(*autoscaler.TaskActivity) {}), why: autoscaler.ErrNotFound},
			closed + "; ECS does not run it any more, and its release will close its record."},
	} {
		t.Run(name, func(t *testing.T) {
			if e := c.asked.explain(t, sessionstore.Question{Task: "t1"}); e.Verdict != c.says {
				t.Errorf("it says\n%s\nwant\n%s", e.Verdict, c.says)
			}
		})
	}
}

func TestExplainATaskThatIsGone(t *testing.T) {
	of := func(e autoscaler.Entry, drain autoscaler.DrainID, release autoscaler.ReleaseID) autoscaler.Entry {
		e.Drain, e.Release = drain, release
		return e
	}
	released := of(entry("release", "close", "released"), "d-1", "r-1")
	const (
		closed = " (its record was closed at 2026-03-01T11:00:00Z)."
		let    = "release r-1 let it go, and it had stopped by 2026-03-01T11:00:00Z, after drain d-1, for which "
	)
	for name, c := range map[string]struct {
		entries []autoscaler.Entry
		says    string
	}{
		"released": {[]autoscaler.Entry{entry("pass", "cordoned", ""), released}, "Task t1 is gone: " + let + "a pass had asked."},
		"released for an operator": {[]autoscaler.Entry{of(entry("ann", "cordoned", "an operator's drain"), "d-1", ""), released},
			"Task t1 is gone: " + let + "ann had asked."},
		"released after another's drain": {[]autoscaler.Entry{of(entry("bob", "cordoned", "an operator's drain"), "d-0", ""), released},
			"Task t1 is gone: " + let + "a pass had asked."},
		"released by force": {[]autoscaler.Entry{of(entry("pass", "forced", "2 sessions ended"), "d-1", ""), released},
			"Task t1 is gone: " + let + "a pass had asked, its last sessions ended by force."},
		"released, stopped by name": {[]autoscaler.Entry{of(entry("release", "watch", "stop sent"), "d-1", "r-1"), released},
			"Task t1 is gone: " + let + "a pass had asked; ECS had not chosen it, so it was stopped by its name."},
		"released, nothing more known": {[]autoscaler.Entry{of(entry("release", "close", "released"), "", "r-1")},
			"Task t1 is gone: release r-1 let it go, and it had stopped by 2026-03-01T11:00:00Z."},
		"spot":           {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: SpotInterruption; 2 sessions lost")}, "Task t1 is gone: AWS reclaimed its Spot capacity, and lost 2 sessions" + closed},
		"retired by AWS": {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: TerminationNotice")}, "Task t1 is gone: AWS ended it, or its host, on its own" + closed},
		"host":           {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: InfrastructureHealth")}, "Task t1 is gone: AWS found its host unhealthy" + closed},
		"crashed":        {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: EssentialContainerExited; 1 sessions lost")}, "Task t1 is gone: it crashed or ended by itself: an essential container exited, and lost 1 session" + closed},
		"crashed at boot": {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: EssentialContainerExited (never opened)")},
			"Task t1 is gone: it crashed or ended by itself: an essential container exited, before it had ever opened" + closed},
		"never started": {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: TaskFailedToStart (never opened)")}, "Task t1 is gone: it failed to start, before it had ever opened" + closed},
		"by hand":       {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: UserInitiated")}, "Task t1 is gone: somebody stopped it" + closed},
		"unhealthy":     {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: ServiceSchedulerInitiated (unhealthy)")}, "Task t1 is gone: ECS replaced it as unhealthy" + closed},
		"deployed":      {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: ServiceSchedulerInitiated (old revision)")}, "Task t1 is gone: ECS replaced it in a deployment" + closed},
		"exposed": {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: ServiceSchedulerInitiated (exposed: ECS had refused to protect it)")},
			"Task t1 is gone: ECS chose it to scale in or deploy, and had refused before to protect it" + closed},
		"wrong victim": {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: ServiceSchedulerInitiated (wrong victim, its record was open); 3 sessions lost")},
			"Task t1 is gone: ECS chose it to scale in though it was not retired, a wrong victim: its protection did not hold, or somebody took it away, and lost 3 sessions" + closed},
		"chosen new":  {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: ServiceSchedulerInitiated (never opened)")}, "Task t1 is gone: ECS chose it, before it had ever opened" + closed},
		"missing":     {[]autoscaler.Entry{entry("pass", "forgotten", "missing")}, "Task t1 is gone: ECS no longer knows it" + closed},
		"a new code":  {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: MeteorStrike")}, "Task t1 is gone: it was stopped, by MeteorStrike" + closed},
		"no code":     {[]autoscaler.Entry{entry("pass", "forgotten", "stopped: ")}, "Task t1 is gone: ECS says that it has stopped, and not why" + closed},
		"not closed":  {[]autoscaler.Entry{entry("pass", "forgotten", "missing; failed: throttled")}, "Task t1 has no record any more, and the journal does not say why; its last entry is: 2026-03-01T11:00:00Z pass: forgotten: missing; failed: throttled."},
		"half a tale": {[]autoscaler.Entry{of(entry("release", "retire", "retired"), "d-1", "r-1")}, "Task t1 has no record any more, and the journal does not say why; its last entry is: 2026-03-01T11:00:00Z release: retire (drain d-1) (release r-1): retired."},
		"no trace":    {nil, "Task t1 is not known: it has no record, and the journal has told nothing of it for 90 days."},
	} {
		t.Run(name, func(t *testing.T) {
			from := asked{entries: c.entries}
			if e := from.explain(t, sessionstore.Question{Task: "t1"}); e.Verdict != c.says || e.Record != nil {
				t.Errorf("it says\n%s\nwant\n%s", e.Verdict, c.says)
			}
		})
	}
	e, err := sessionstore.Explain(t.Context(), sessionstore.Sources{Sessions: &asked{}}, sessionstore.Question{Service: gateway().Service, Task: "t1", At: start()})
	if want := "Task t1 is not known: it has no record, and no journal was asked."; err != nil || e.Verdict != want {
		t.Errorf("without a journal: %q, %v, want %q", e.Verdict, err, want)
	}
}

func TestExplainASession(t *testing.T) {
	found := func(state sessionstore.SessionState, cause sessionstore.EndCause) *sessionstore.Found {
		return &sessionstore.Found{Ref: gateway(), Session: "ann", State: state, Since: ago(time.Hour), Cause: cause}
	}
	notice := entry("bob", "notified", "ends at 2026-03-01T11:00:00Z")
	for name, c := range map[string]struct {
		asked asked
		says  string
	}{
		"unknown": {asked{}, "Session ann is not known: nobody told of it here, or it ended too long ago."},
		"live":    {asked{found: found(sessionstore.SessionLive, "")}, "Session ann lives on task t1, since 2026-03-01T11:00:00Z."},
		"live, not listed": {asked{found: found(sessionstore.SessionLive, ""), record: record(func(*autoscaler.TaskActivity) {})},
			"Session ann lives on task t1, since 2026-03-01T11:00:00Z, though no process lists it in its newest report."},
		"live, drained": {asked{found: found(sessionstore.SessionLive, ""), record: drained(func(a *autoscaler.TaskActivity) { a.Processes = 0 })},
			"Session ann lives on task t1, since 2026-03-01T11:00:00Z; its task is drained, and waits for it."},
		"live, told to end": {asked{found: found(sessionstore.SessionLive, ""), record: drained(func(a *autoscaler.TaskActivity) {
			a.Processes, a.Drain.Ending = 0, start().Add(time.Hour)
		})}, "Session ann lives on task t1, since 2026-03-01T11:00:00Z; its task is drained, and it is to end at 2026-03-01T13:00:00Z."},
		"reserved":     {asked{found: found(sessionstore.SessionReserved, "")}, "Session ann has not begun: its slot on task t1 is held until 2026-03-01T11:00:00Z."},
		"disconnected": {asked{found: found(sessionstore.SessionDisconnected, "")}, "Session ann is disconnected and holds its slot on task t1 until 2026-03-01T11:00:00Z."},
		"ended":        {asked{found: found(sessionstore.SessionEnded, sessionstore.CauseEnd)}, "Session ann, on task t1, ended at 2026-03-01T11:00:00Z: somebody told its end."},
		"by time": {asked{found: found(sessionstore.SessionEnded, sessionstore.CauseTime)},
			"Session ann, on task t1, ended at 2026-03-01T11:00:00Z by time alone: its lease, its reservation or its limit ran out, and nobody told its end."},
		"forced": {asked{found: found(sessionstore.SessionEnded, sessionstore.CauseForced)},
			"Session ann, on task t1, was ended by force at 2026-03-01T11:00:00Z: the deadline of its task's drain had passed."},
		"forced for somebody": {asked{found: found(sessionstore.SessionEnded, sessionstore.CauseForced), entries: []autoscaler.Entry{notice}},
			"Session ann, on task t1, was ended by force at 2026-03-01T11:00:00Z: the deadline of its task's drain had passed, which bob had set at 2026-03-01T11:00:00Z."},
		"lost": {asked{found: found(sessionstore.SessionEnded, sessionstore.CauseTask), entries: []autoscaler.Entry{entry("pass", "forgotten", "stopped: UserInitiated; 1 sessions lost")}},
			"Session ann, on task t1, was lost at 2026-03-01T11:00:00Z with its task, which is gone: somebody stopped it, and lost 1 session (its record was closed at 2026-03-01T11:00:00Z)."},
		"a new cause": {asked{found: found(sessionstore.SessionEnded, "moved")},
			`Session ann, on task t1, ended at 2026-03-01T11:00:00Z by "moved", which this version does not know.`},
		"a new state": {asked{found: found("paused", "")}, `Session ann is in state "paused" on task t1, which this version does not know.`},
	} {
		t.Run(name, func(t *testing.T) {
			e := c.asked.explain(t, sessionstore.Question{Session: "ann"})
			if e.Verdict != c.says {
				t.Errorf("it says\n%s\nwant\n%s", e.Verdict, c.says)
			}
			if known := c.asked.found != nil; known != (e.Session != nil) || known && e.Task != "t1" {
				t.Errorf("it shows session %+v of task %q", e.Session, e.Task)
			}
		})
	}
}

func TestExplanationShowsWhatItIsConcludedFrom(t *testing.T) {
	from := asked{record: record(func(*autoscaler.TaskActivity) {}), why: errors.New("throttled"), found: &sessionstore.Found{Ref: gateway(), Session: "ann", State: sessionstore.SessionLive, Since: start()}}
	for i := range 60 {
		from.entries = append(from.entries, entry("pass", "reopened", fmt.Sprint(i)))
	}
	e := from.explain(t, sessionstore.Question{Session: "ann"})
	if len(e.History) != 50 || e.History[49].Outcome != "59" || e.Record == nil || e.Version != sessionstore.ExplanationVersion {
		t.Errorf("%d entries, record %v, version %d", len(e.History), e.Record, e.Version)
	}
	if len(e.Reasons) != 1 || e.Reasons[0].Code != autoscaler.CodeCallFailed || e.Reasons[0].Detail != "throttled" {
		t.Errorf("what a pass would say could not be asked, and the reasons are %v", e.Reasons)
	}
	text := from.explain(t, sessionstore.Question{Task: "t1", Limit: 2}).String()
	for _, line := range []string{"Task t1 is still here", "\n  now explain: call_failed t1 (throttled)", "\n  2026-03-01T11:00:00Z pass: reopened: 58", "\n  2026-03-01T11:00:00Z pass: reopened: 59"} {
		if !strings.Contains(text, line) {
			t.Errorf("the text lacks %q:\n%s", line, text)
		}
	}
	if strings.Count(text, "\n") != 3 {
		t.Errorf("more than two entries:\n%s", text)
	}
	doc, err := json.Marshal(e)
	var back sessionstore.Explanation
	if err == nil {
		err = json.Unmarshal(doc, &back)
	}
	if err != nil || !reflect.DeepEqual(e, back) {
		t.Errorf("it came back as %+v, %v, was %+v", back, err, e)
	}
}

func TestExplainRefusesAndFails(t *testing.T) {
	whole := sessionstore.Question{Service: gateway().Service, Task: "t1", At: start()}
	from := &asked{}
	sources := sessionstore.Sources{Sessions: from, Journal: from, Finder: from}
	for name, c := range map[string]struct {
		change func(*sessionstore.Sources, *sessionstore.Question)
		says   string
	}{
		"nothing asked": {func(_ *sessionstore.Sources, q *sessionstore.Question) { q.Task = "" }, "one of the two"},
		"both asked":    {func(_ *sessionstore.Sources, q *sessionstore.Question) { q.Session = "ann" }, "one of the two"},
		"no service":    {func(_ *sessionstore.Sources, q *sessionstore.Question) { q.Service.Name = "" }, "Question.Service.Name"},
		"no time":       {func(_ *sessionstore.Sources, q *sessionstore.Question) { q.At = time.Time{} }, "Question.At"},
		"no records":    {func(s *sessionstore.Sources, _ *sessionstore.Question) { s.Sessions = nil }, "Sources.Sessions"},
		"no finder": {func(s *sessionstore.Sources, q *sessionstore.Question) {
			s.Finder, q.Task, q.Session = nil, "", "ann"
		}, "Sources.Finder"},
	} {
		s, q := sources, whole
		c.change(&s, &q)
		if _, err := sessionstore.Explain(t.Context(), s, q); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	broken := errors.New("no network")
	for what, q := range map[string]sessionstore.Question{
		"Activity": whole, "Read": whole, "Find": {Service: gateway().Service, Session: "ann", At: start()},
	} {
		from := &asked{found: &sessionstore.Found{Ref: gateway()}, fails: map[string]error{what: broken}}
		_, err := sessionstore.Explain(t.Context(), sessionstore.Sources{Sessions: from, Journal: from, Finder: from}, q)
		if !errors.Is(err, broken) {
			t.Errorf("%s fails, and Explain answers %v", what, err)
		}
	}
}
