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
	seq    map[string]int64
	drains int
	began  map[SessionID]time.Time
	next   int
	spill  map[SessionID]bool
	trace  []string
}

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{
		t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		rules: Rules{}.WithDefaults(), slots: 3, seq: make(map[string]int64),
		began: make(map[SessionID]time.Time), spill: make(map[SessionID]bool),
	}
	w.record = NewRecord(autoscaler.RegisterRequest{
		Ref: taskRef("t"), Level: autoscaler.LevelA, Slots: w.slots, Processes: modelProcesses,
	}, w.terms())
	w.model = &model{
		rules: w.rules, state: autoscaler.TaskNew, admitted: make(map[SessionID]admission),
		ended: make(map[SessionID]bool), reports: make(map[string]*modelReport),
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
	switch w.random.IntN(13) {
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
		drain := autoscaler.DrainID(fmt.Sprint("d", w.drains-w.random.IntN(2)))
		got = w.record.Retire(autoscaler.DrainRef{Ref: taskRef("t"), Drain: drain, Version: version, At: at}, w.terms())
		want = w.model.retire(drain, fresh, at)
		call = fmt.Sprint("retire ", drain, fresh)
	case 12:
		call, got, want = w.openOrReopen(version, fresh)
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
	w.model.ended[id] = true
	delete(w.model.admitted, id)
	return fmt.Sprint("end ", id), err
}

func (w *walk) report() (string, error) {
	name := fmt.Sprint("p", w.random.IntN(modelProcesses))
	if w.random.IntN(6) > 0 || w.seq[name] == 0 {
		w.seq[name]++
	}
	rep := Report{Ref: taskRef("t"), Process: name, Boot: 1, Seq: w.seq[name], At: w.now}
	if w.random.IntN(10) == 0 {
		rep.At = w.now.Add(-8 * time.Second)
	}
	for len(rep.Sessions) < w.random.IntN(3) {
		id := w.session(false)
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
		m.drain = autoscaler.Drain{ID: drain, By: by, Until: until}
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
	switch enough := until.Sub(w.now) >= m.rules.Margin; {
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
	for seed := range uint64(60) {
		w := newWalk(t, seed)
		for range 300 {
			w.step()
			states[w.model.state]++
		}
	}
	for _, state := range []autoscaler.TaskState{autoscaler.TaskNew, autoscaler.TaskOpen, autoscaler.TaskCordoned, autoscaler.TaskRetired} {
		if states[state] < 100 {
			t.Errorf("the walks spent %d steps in state %s: too few to say anything", states[state], state)
		}
	}
}
