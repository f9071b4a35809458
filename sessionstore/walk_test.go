package sessionstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// walk drives a record and its model with the same random calls.
type walk struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	now    time.Time
	record *Record
	model  *model
	rules  Rules
	slots  int
	silent bool // nothing reports
	seq    map[string]int64
	drains int
	began  map[SessionID]time.Time
	next   int
	spill  map[SessionID]bool
	trace  []string
}

// newWalk begins one of the five kinds of walk: at each level, with processes that
// report and, where the level allows it, without.
func newWalk(t *testing.T, seed uint64) *walk {
	kinds := []struct {
		level     autoscaler.Level
		processes int
	}{{autoscaler.LevelA, 2}, {autoscaler.LevelB, 2}, {autoscaler.LevelA, 0}, {autoscaler.LevelA, 0}, {autoscaler.LevelC, 0}}
	kind := kinds[seed%uint64(len(kinds))]
	w := &walk{
		t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		rules: Rules{LagBound: time.Minute}.WithDefaults(), slots: 3, silent: kind.processes == 0 && seed%5 != 3, seq: make(map[string]int64),
		began: make(map[SessionID]time.Time), spill: make(map[SessionID]bool),
	}
	w.record = NewRecord(autoscaler.RegisterRequest{
		Ref: taskRef("t"), Level: kind.level, Slots: w.slots, Processes: kind.processes,
	}, w.terms())
	w.model = &model{
		rules: w.rules, state: autoscaler.TaskNew, level: kind.level, processes: kind.processes, admitted: make(map[SessionID]admission),
		ended: make(map[SessionID]EndCause), reports: make(map[string]*modelReport),
	}
	return w
}

func taskRef(task string) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: autoscaler.ServiceID{Cluster: "c", Name: "s"}, Task: autoscaler.TaskID(task)}
}

func (w *walk) terms() Terms { return Terms{Owner: "o", Now: w.now, Rules: w.rules} }

func (w *walk) spilled(id SessionID) bool { return w.spill[id] }

// session picks one of the newest ids. Ids that ended so long ago that only the
// store beside the record knows are left out, unless a late start may name them.
func (w *walk) session(late bool) SessionID {
	for {
		if w.random.IntN(4) == 0 {
			w.next++
		}
		id := SessionID(fmt.Sprint("s", max(0, w.next-w.random.IntN(6))))
		if _, seen := w.began[id]; !seen {
			w.began[id] = w.now
		}
		if !late && w.spill[id] {
			w.next++
			continue
		}
		return id
	}
}

// step makes one random call on both, and compares the answers.
func (w *walk) step() {
	at, fresh := w.now, w.random.IntN(8) > 0
	version := w.record.Version()
	if !fresh {
		version--
	}
	var got, want error
	var call string
	switch w.random.IntN(16) {
	case 0, 1:
		w.now = w.now.Add([]time.Duration{time.Second, 20 * time.Second, 100 * time.Second, 6 * time.Minute, 16 * time.Minute}[w.random.IntN(5)])
		call = "advance"
	case 2, 3:
		id, reopen := w.session(false), w.random.IntN(3) == 0
		_, got = w.record.Begin(BeginRequest{Ref: taskRef("t"), Session: id, At: at, Reopen: reopen}, w.terms(), w.spilled)
		want = w.model.begin(id, at, reopen, w.slots, time.Time{})
		call = fmt.Sprint("begin ", id, reopen)
	case 4:
		id, until := w.session(false), at.Add(time.Minute)
		_, got = w.record.Reserve(ReserveRequest{Ref: taskRef("t"), Session: id, At: at, Until: until}, w.terms(), w.spilled)
		want = w.model.begin(id, at, false, w.slots, until)
		call = fmt.Sprint("reserve ", id)
	case 5:
		id := w.session(true)
		_, got = w.record.Started(StartedRequest{Ref: taskRef("t"), Session: id, At: at, Began: w.began[id]}, w.terms(), w.spilled)
		w.model.started(id, at)
		call = fmt.Sprint("started ", id)
	case 6:
		id, until := w.session(false), time.Time{}
		if w.random.IntN(2) == 0 {
			until = at.Add(10 * time.Minute)
		}
		got = w.record.Touch(TouchRequest{Ref: taskRef("t"), Session: id, At: at, DisconnectedUntil: until}, w.terms())
		w.model.touch(id, at, until)
		call = fmt.Sprint("touch ", id, until)
	case 7:
		call, got = w.end(at)
	case 8, 9:
		call, got = w.report()
	case 10:
		w.drains++
		drain := autoscaler.DrainID(fmt.Sprint("d", w.drains))
		idle := w.random.IntN(2) == 0
		got, want = w.cordon(drain, version, idle, fresh)
		call = fmt.Sprint("cordon ", drain, idle, fresh)
	case 11:
		drain := w.drain()
		got = w.record.Retire(autoscaler.DrainRef{Ref: taskRef("t"), Drain: drain, Version: version, At: at}, w.terms())
		want = w.model.retire(drain, fresh, at)
		call = fmt.Sprint("retire ", drain, fresh)
	case 12:
		call, got, want = w.openOrReopen(version, fresh)
	case 13:
		call, got, want = w.barrier(w.random.IntN(2) == 0)
	case 14:
		drain, ending := w.drain(), at.Add(time.Duration(w.random.IntN(4))*20*time.Second)
		got = w.record.GiveNotice(autoscaler.DrainRef{Ref: taskRef("t"), Drain: drain, Version: version, At: at}, ending, w.terms())
		want = w.model.notice(drain, fresh, ending, at)
		call = fmt.Sprint("notice ", drain, ending.Sub(at))
	case 15:
		call, got, want = w.force(version, fresh)
	}
	w.trace = append(w.trace, fmt.Sprintf("%s %s: %v", w.now.Format("15:04:05"), call, got))
	if !errors.Is(got, want) || want == nil && got != nil {
		w.fail("the record says %v, the rules say %v", got, want)
	}
	w.compare()
}

func (w *walk) end(at time.Time) (string, error) {
	id := w.session(false)
	out, err := w.record.End(EndRequest{Ref: taskRef("t"), Session: id, At: at}, w.terms())
	for _, e := range out {
		w.spill[e.Session] = true
	}
	if !w.model.over(id) {
		w.model.ended[id] = CauseEnd
	}
	delete(w.model.admitted, id)
	return fmt.Sprint("end ", id), err
}

// drain names a drain: of late, and seldom the one before.
func (w *walk) drain() autoscaler.DrainID {
	return autoscaler.DrainID(fmt.Sprint("d", max(0, w.drains-w.random.IntN(4)/3)))
}

// barrier applies a barrier and, at times, retires when it has settled, unless
// something stands against that: left to chance alone nearly no walk comes so far.
func (w *walk) barrier(settle bool) (call string, got, want error) {
	drain, at := w.drain(), w.now
	got = w.record.Barrier(BarrierRequest{Ref: taskRef("t"), Drain: drain, At: at}, w.terms())
	if m := w.model; m.state == autoscaler.TaskCordoned && m.drain.ID == drain && m.barrier.IsZero() {
		m.barrier = at
	}
	if settle && got == nil {
		w.now = w.now.Add(time.Duration(w.random.IntN(4)) * time.Minute)
		got = w.record.Retire(autoscaler.DrainRef{Ref: taskRef("t"), Drain: drain, Version: w.record.Version(), At: w.now}, w.terms())
		want = w.model.retire(drain, true, w.now)
	}
	return fmt.Sprint("barrier ", drain, settle), got, want
}

func (w *walk) force(version int64, fresh bool) (call string, got, want error) {
	drain := w.drain()
	ended, out, got := w.record.EndSessions(autoscaler.DrainRef{Ref: taskRef("t"), Drain: drain, Version: version, At: w.now}, w.terms())
	for _, e := range out {
		w.spill[e.Session] = true
	}
	n, want := w.model.force(drain, fresh, w.now)
	if n != ended {
		w.fail("the record ended %d sessions by force, the rules %d", ended, n)
	}
	return fmt.Sprint("force ", drain, ended), got, want
}

func (w *walk) report() (string, error) {
	if w.silent {
		return w.end(w.now) // the only word that empties such a task
	}
	name := fmt.Sprint("p", w.random.IntN(2))
	if w.random.IntN(6) > 0 || w.seq[name] == 0 {
		w.seq[name]++
	}
	rep := Report{Ref: taskRef("t"), Process: name, Boot: 1, Seq: w.seq[name], At: w.now}
	if w.random.IntN(10) == 0 {
		rep.At = w.now.Add(-8 * time.Second)
	}
	for len(rep.Sessions) < w.random.IntN(3) {
		id := w.session(true)
		if len(rep.Sessions) == 0 || rep.Sessions[0] != id {
			rep.Sessions = append(rep.Sessions, id)
		}
	}
	rep.Count = len(rep.Sessions)
	if w.random.IntN(8) == 0 {
		rep.Count++
	}
	if w.random.IntN(3) > 0 {
		rep.Closed, rep.Acknowledges = true, w.model.drain.ID
	}
	rep.Left = w.random.IntN(12) == 0
	_, err := w.record.Report(rep, w.terms(), w.spilled)
	w.model.report(name, rep, w.now)
	return fmt.Sprintf("report %s %d %v +%d left %v", name, rep.Seq, rep.Sessions, rep.Count-len(rep.Sessions), rep.Left), err
}

func (w *walk) cordon(drain autoscaler.DrainID, version int64, idle, fresh bool) (got, want error) {
	by := ""
	if w.random.IntN(3) == 0 {
		by = "ann"
	}
	until := w.now.Add(15 * time.Minute)
	got = w.record.Cordon(autoscaler.CordonRequest{
		Ref: taskRef("t"), Version: version, Drain: drain, By: by, OnlyIfIdle: idle, At: w.now, Until: until,
	}, w.terms())
	m := w.model
	switch {
	case m.state == autoscaler.TaskCordoned:
		want = autoscaler.ErrCordoned
	case m.state == autoscaler.TaskRetired:
		want = autoscaler.ErrRetired
	case !fresh:
		want = autoscaler.ErrConflict
	case idle && !m.occupancy(w.now).Idle():
		want = autoscaler.ErrBusy
	default:
		m.fromNew, m.state = m.state == autoscaler.TaskNew, autoscaler.TaskCordoned
		m.drain, m.barrier = autoscaler.Drain{ID: drain, By: by, Since: w.now, Until: until}, time.Time{}
	}
	return got, want
}

// openOrReopen opens, which also records a new protection, or reopens.
func (w *walk) openOrReopen(version int64, fresh bool) (call string, got, want error) {
	m := w.model
	if w.random.IntN(2) == 0 && m.drain.ID != "" {
		got = w.record.Reopen(autoscaler.DrainRef{Ref: taskRef("t"), Drain: m.drain.ID, Version: version, At: w.now}, w.terms())
		switch {
		case m.state == autoscaler.TaskRetired:
			want = autoscaler.ErrRetired
		case !fresh:
			want = autoscaler.ErrConflict
		case m.fromNew:
			m.open()
			m.state = autoscaler.TaskNew
		case !m.mayOpen(w.now):
			want = autoscaler.ErrBusy
		default:
			m.open()
		}
		return "reopen", got, want
	}
	until := w.now.Add(time.Duration(20+w.random.IntN(60)) * time.Minute)
	got = w.record.Open(autoscaler.OpenRequest{Ref: taskRef("t"), Version: version, ProtectedUntil: until, At: w.now}, w.terms())
	switch enough := until.Sub(w.now) >= m.rules.Margin || m.level == autoscaler.LevelC; {
	case !fresh:
		want = autoscaler.ErrConflict
	case m.state == autoscaler.TaskRetired:
		want = autoscaler.ErrRetired
	case m.state == autoscaler.TaskNew && !enough:
		want = autoscaler.ErrBusy
	default:
		m.protected = until
		if m.state == autoscaler.TaskNew {
			m.open()
		}
	}
	return fmt.Sprint("open ", until.Sub(w.now)), got, want
}

// compare holds what the record shows to the model, now and later, so that what
// is remembered between looks is held to it too.
func (w *walk) compare() {
	for _, ahead := range []time.Duration{0, 30 * time.Second, 89 * time.Second, 7 * time.Minute, 0} {
		at := w.now.Add(ahead)
		a := w.record.Activity(at, w.terms())
		if a.State != w.model.state || a.Occupancy != w.model.occupancy(at) || a.Acknowledged != w.model.acknowledged(at) || a.Drain.ID != w.model.drain.ID {
			w.fail("%v ahead the record shows %s %v acknowledged %v drain %q, the rules %s %v acknowledged %v drain %q", ahead,
				a.State, a.Occupancy, a.Acknowledged, a.Drain.ID,
				w.model.state, w.model.occupancy(at), w.model.acknowledged(at), w.model.drain.ID)
		}
		if c := w.record.judge(instantOf(at), w.rules); c.live != w.model.live(at) {
			for _, e := range w.record.entries {
				w.t.Logf("entry %s kind %d admitted %v listed %d ends %v", e.id, e.kind(), e.admitted(), e.listings(), w.record.ends(e, w.rules).time())
			}
			w.fail("%v ahead the record holds %d sessions, the rules %d: %+v", ahead, c.live, w.model.live(at), w.model.admitted)
		}
	}
	w.compareSessions()
}

// compareSessions holds what is found of each recent session to the model.
func (w *walk) compareSessions() {
	for i := range 8 {
		id := SessionID(fmt.Sprint("s", max(0, w.next-i)))
		f, found := w.record.Find(id, w.terms())
		alive, cause := w.model.alive(id, w.now), w.model.ended[id]
		switch {
		case alive && (!found || f.State == SessionEnded), alive && f.Listed != w.model.listed(id),
			!alive && found && f.State != SessionEnded,
			cause != "" && !w.spill[id] && (!found || f.Cause != cause),
			cause == "" && found && f.State == SessionEnded && f.Cause != CauseTime:
			w.fail("session %s is found %v as %+v; the rules say alive %v, ended by %q", id, found, f, alive, cause)
		}
	}
}

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	tail := w.trace[max(0, len(w.trace)-25):]
	for _, line := range tail {
		w.t.Log(line)
	}
	w.t.Fatalf("seed %d, step %d: %s", w.seed, len(w.trace), fmt.Sprintf(format, args...))
}

func TestRecordFollowsItsRules(t *testing.T) {
	states := make(map[autoscaler.TaskState]int)
	forced, settled := 0, 0
	for seed := range uint64(100) {
		w := newWalk(t, seed)
		for range 300 {
			w.step()
			states[w.model.state]++
			if w.model.forced {
				forced++
			}
			if w.model.level == autoscaler.LevelC && w.model.state == autoscaler.TaskRetired {
				settled++
			}
		}
	}
	if forced < 100 || settled < 100 {
		t.Errorf("the walks spent %d steps after a forced end and %d retired at level C: too few to say anything", forced, settled)
	}
	for _, state := range []autoscaler.TaskState{autoscaler.TaskNew, autoscaler.TaskOpen, autoscaler.TaskCordoned, autoscaler.TaskRetired} {
		if states[state] < 100 {
			t.Errorf("the walks spent %d steps in state %s: too few to say anything", states[state], state)
		}
	}
}
