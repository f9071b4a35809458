package sessionstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

func encode(t testing.TB, r *Record) []byte {
	t.Helper()
	doc, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("a record cannot be written: %v", err)
	}
	return doc
}

func decode(t testing.TB, doc []byte) *Record {
	t.Helper()
	r := new(Record)
	if err := json.Unmarshal(doc, r); err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, doc)
	}
	return r
}

// mixture draws calls on a record of any kind: what one call leaves behind is what
// the next one, or the codec, may stumble over.
type mixture struct {
	random *rand.Rand
	now    time.Time
	rules  Rules
	many   int // names of processes
	seq    int64
	drains int
	spill  map[SessionID]bool
}

func newMixture(seed uint64) *mixture {
	r := rand.New(rand.NewPCG(seed, 7))
	rules := Rules{
		LagBound: []time.Duration{0, 20 * time.Second}[r.IntN(2)], MaxSession: []time.Duration{0, 10 * time.Minute}[r.IntN(2)],
		Level: []autoscaler.Level{"", autoscaler.LevelB}[r.IntN(2)], SessionLimit: 3 + r.IntN(4),
	}.WithDefaults()
	return &mixture{random: r, now: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC), rules: rules, many: []int{1, 2, 20}[r.IntN(3)], spill: make(map[SessionID]bool)}
}

func (m *mixture) terms() Terms              { return Terms{Owner: "o\xfe", Now: m.now, Rules: m.rules} }
func (m *mixture) spilled(id SessionID) bool { return m.spill[id] }
func (m *mixture) session() SessionID        { return SessionID(fmt.Sprint("s\xff<", m.random.IntN(9))) }
func (m *mixture) level() autoscaler.Level {
	return []autoscaler.Level{"A", "B", "C", "", "Z"}[m.random.IntN(5)]
}
func (m *mixture) at() time.Time   { return m.now.Add(time.Duration(m.random.IntN(14)-7) * time.Second) }
func (m *mixture) process() string { return fmt.Sprint("p", m.random.IntN(m.many)) }
func (m *mixture) drain() autoscaler.DrainID {
	return autoscaler.DrainID(fmt.Sprint("d", max(0, m.drains-m.random.IntN(2))))
}
func (m *mixture) ahead(most int) time.Time {
	return m.now.Add(time.Duration(m.random.IntN(most)) * time.Minute)
}
func (m *mixture) often() bool { return m.random.IntN(4) > 0 }
func (m *mixture) register() autoscaler.RegisterRequest {
	return autoscaler.RegisterRequest{
		Ref: taskRef("t"), Level: m.level(), Slots: m.random.IntN(5), Processes: m.random.IntN(3), Adopted: m.random.IntN(3) == 0,
		Revision: "r", At: m.now,
	}
}

// call is one call with its arguments drawn, to be made on several records.
type call func(*Record) (any, error)

// draw returns a call, whose version is the record's own or, seldom, one behind.
func (m *mixture) draw() (string, call) {
	behind, t, at, id := int64(0), m.terms(), m.at(), m.session()
	if m.random.IntN(12) == 0 {
		behind = 1
	}
	ref := func(r *Record, d autoscaler.DrainID) autoscaler.DrainRef {
		return autoscaler.DrainRef{Ref: r.ref, Drain: d, Version: r.version - behind, At: at}
	}
	current := m.often()
	drained := func(d autoscaler.DrainID) func(*Record) autoscaler.DrainRef {
		return func(r *Record) autoscaler.DrainRef {
			if current {
				return ref(r, r.drain.ID)
			}
			return ref(r, d)
		}
	}
	under, until := drained(m.drain()), m.ahead(90)
	switch m.random.IntN(17) {
	case 0:
		m.now = m.now.Add([]time.Duration{time.Nanosecond, 30 * time.Second, 2 * time.Minute, 6 * time.Minute, 20 * time.Minute}[m.random.IntN(5)])
		return "advance", func(*Record) (any, error) { return nil, nil }
	case 1:
		req := BeginRequest{Session: id, At: at, Reopen: m.often()}
		return "begin", func(r *Record) (any, error) { return r.Begin(req, t, m.spilled) }
	case 2:
		req := ReserveRequest{Session: id, At: at, Until: m.ahead(9)}
		return "reserve", func(r *Record) (any, error) { return r.Reserve(req, t, m.spilled) }
	case 3:
		req := StartedRequest{Session: id, At: at}
		return "started", func(r *Record) (any, error) { return r.Started(req, t, m.spilled) }
	case 4:
		req := TouchRequest{Session: id, At: at, DisconnectedUntil: m.ahead(9)}
		return "touch", func(r *Record) (any, error) { return nil, r.Touch(req, t) }
	case 5:
		req := EndRequest{Session: id, At: at}
		return "end", func(r *Record) (any, error) { return r.End(req, t) }
	case 6, 7, 8:
		return "report", m.report(at, t)
	case 9:
		req := autoscaler.OpenRequest{ProtectedUntil: until, Exposed: m.random.IntN(3) == 0, At: at}
		return "open", func(r *Record) (any, error) {
			req := req
			req.Version = r.version - behind
			return nil, r.Open(req, t)
		}
	case 10:
		m.drains++
		req := autoscaler.CordonRequest{Drain: m.drain(), By: []string{"", "ann"}[m.random.IntN(2)], OnlyIfIdle: m.random.IntN(2) == 0, At: at}
		return "cordon", func(r *Record) (any, error) {
			req := req
			req.Version = r.version - behind
			return nil, r.Cordon(req, t)
		}
	case 11:
		if m.often() {
			return "renew", func(r *Record) (any, error) { return nil, r.Renew(under(r), until, t) }
		}
		return "reopen", func(r *Record) (any, error) { return nil, r.Reopen(under(r), t) }
	case 12:
		if m.random.IntN(2) == 0 {
			return "barrier", func(r *Record) (any, error) { return nil, r.Barrier(BarrierRequest{Drain: under(r).Drain, At: at}, t) }
		}
		return "retire", func(r *Record) (any, error) { return nil, r.Retire(under(r), t) }
	case 13:
		ending := m.ahead(4)
		return "notice", func(r *Record) (any, error) { return nil, r.GiveNotice(under(r), ending, t) }
	case 14:
		return "force", func(r *Record) (any, error) {
			n, spill, err := r.EndSessions(under(r), t)
			return []any{n, spill}, err
		}
	case 15:
		req := m.register()
		return "register", func(r *Record) (any, error) { return nil, r.Register(req, t) }
	}
	if m.random.IntN(30) > 0 {
		return "activity", func(r *Record) (any, error) { return r.Activity(until, t), nil }
	}
	return "forget", func(r *Record) (any, error) {
		return r.Forget(autoscaler.ForgetRequest{Version: r.version - behind, Drain: r.drain.ID, At: at}, t)
	}
}

func (m *mixture) report(at time.Time, t Terms) call {
	m.seq++
	rep := Report{
		Process: m.process(), Boot: 1 + int64(m.random.IntN(2)), Seq: m.seq, At: at, Level: m.level(), Slots: 1 + m.random.IntN(4),
		Closed: m.often(), Processes: m.random.IntN(3), Left: m.random.IntN(9) == 0, Count: max(0, m.random.IntN(6)-4),
	}
	for range m.random.IntN(3) {
		rep.Sessions = append(rep.Sessions, m.session())
	}
	return func(r *Record) (any, error) {
		rep := rep
		rep.Acknowledges = r.drain.ID
		return r.Report(rep, t, m.spilled)
	}
}

// ask makes the call and says all that can be seen of it and of the record after it.
func (m *mixture) ask(t testing.TB, r *Record, c call) string {
	answer, err := c(r)
	switch spill := answer.(type) {
	case []Ended:
		for _, e := range spill {
			m.spill[e.Session] = true
		}
	case []any:
		for _, e := range spill[1].([]Ended) { //nolint:errcheck // draw puts them there
			m.spill[e.Session] = true
		}
	}
	said := fmt.Sprintf("%+v, %v\n", answer, err)
	for _, ahead := range []time.Duration{0, 3 * time.Minute, 10 * time.Minute} {
		said += fmt.Sprintf("%+v\n", r.Activity(m.now.Add(ahead), m.terms()))
	}
	for i := range 9 {
		f, ok := r.Find(SessionID(fmt.Sprint("s\xff<", i)), m.terms())
		said += fmt.Sprintln(f, ok)
	}
	arrivals, departures := r.Demand()
	return said + fmt.Sprintln(r.Version(), r.State(), r.LastState(), arrivals, departures) + string(encode(t, r))
}

// A record that is written and read between any two calls answers each of them, and
// stands afterwards, as one that never was.
func TestARecordReadBackGoesOnAsItWas(t *testing.T) {
	reached := make(map[string]int)
	for seed := range uint64(24) {
		m := newMixture(seed)
		kept := NewRecord(m.register(), m.terms())
		stored := kept.Clone()
		var trace []string
		for range 150 {
			name, c := m.draw()
			doc := encode(t, stored)
			stored = decode(t, doc)
			if again := encode(t, stored); !bytes.Equal(doc, again) {
				t.Fatalf("seed %d: written again it differs:\n%s\n%s", seed, doc, again)
			}
			want, got := m.ask(t, kept, c), m.ask(t, stored, c)
			if trace = append(trace, name); want != got {
				t.Fatalf("seed %d, after %v:\nkept   %s\nstored %s", seed, trace, want, got)
			}
			reached[string(kept.state)]++
			if kept.forced() {
				reached["forced"]++
			}
			if kept.barrier != 0 {
				reached["barrier"]++
			}
			if len(kept.known) == ProcessLimit {
				reached["all processes"]++
			}
		}
	}
	for _, what := range []string{"new", "open", "cordoned", "retired", "gone", "forced", "barrier", "all processes"} {
		if reached[what] < 15 {
			t.Errorf("%d steps with a record that is %s: too few to say anything", reached[what], what)
		}
	}
}

// whole is a record with something in each of its parts.
func whole(t *testing.T) *Record {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4, Processes: 1, Revision: "ecs-svc/1"})
	b.report("main")
	b.must(b.open(24 * time.Hour))
	b.must(b.begin("ann"))
	b.must(b.begin("bob"))
	b.must(b.r.Touch(TouchRequest{Session: "bob", At: b.now, DisconnectedUntil: b.now.Add(time.Hour)}, b.terms()))
	_, err := b.r.Reserve(ReserveRequest{Session: "eve", At: b.now, Until: b.now.Add(time.Minute)}, b.terms(), b.spilled)
	b.must(err)
	b.end("zoe")
	b.cordon("d-1")
	b.must(b.r.GiveNotice(b.drainRef("d-1"), b.now.Add(time.Hour), b.terms()))
	b.report("main", "ann")
	return b.r
}

// The form is a promise to whoever stores it: this is what it looks like.
func TestRecordFormIsReadable(t *testing.T) {
	var doc bytes.Buffer
	if err := json.Indent(&doc, encode(t, whole(t)), "", "  "); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`"version": 1,`, `"task": "t"`, `"record_version": 11,`, `"state": "cordoned",`, `"id": "d-1",`,
		`"ending": "2026-03-01T13:00:00Z"`, `"kind": "disconnected",`, `"admitted": true,`, `"main"`, `"acknowledged": "d-1",`, `"cause": "end"`,
	} {
		if !strings.Contains(doc.String(), line) {
			t.Errorf("the form lacks %s:\n%s", line, &doc)
		}
	}
}

func TestRecordRefusesWhatNoRecordCanBe(t *testing.T) {
	sound := string(encode(t, whole(t)))
	edit := func(old, replacement string) string {
		t.Helper()
		if !strings.Contains(sound, old) {
			t.Fatalf("the record holds no %s:\n%s", old, sound)
		}
		return strings.Replace(sound, old, replacement, 1)
	}
	// What stands below needs a record in another state than the one above.
	open := reporting(t)
	open.must(open.begin("ann"))
	opened := string(encode(t, open.r))
	retired := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 4})
	retired.must(retired.r.Retire(retired.drainRef("d"), retired.terms()))
	final := string(encode(t, retired.r))
	_, err := open.r.Forget(autoscaler.ForgetRequest{Version: open.r.Version()}, open.terms())
	open.must(err)
	gone := string(encode(t, open.r))
	for name, c := range map[string]struct{ doc, says string }{
		"newer":                 {edit(`"version":1`, `"version":2,"hue":"blue"`), "the record is of version 2; this program reads up to 1"},
		"no version":            {edit(`"version":1,`, ``), "version is 0"},
		"null":                  {`null`, "version is 0"},
		"not an object":         {`[]`, "cannot unmarshal"},
		"unknown field":         {edit(`"slots"`, `"hue":"blue","slots"`), `unknown field "hue"`},
		"half a name":           {edit(`"cluster":"c"`, `"cluster":""`), "want cluster, service and task"},
		"never written":         {edit(`"record_version":11`, `"record_version":0`), "record_version is 0"},
		"no state":              {edit(`"state":"cordoned"`, `"state":""`), "state is"},
		"negative slots":        {edit(`"slots":4`, `"slots":-4`), "slots is -4; want 0 or more"},
		"negative processes":    {edit(`"processes":1`, `"processes":-1`), "processes is -1"},
		"negative arrivals":     {edit(`"arrivals":2`, `"arrivals":-2`), "arrivals is -2"},
		"negative departures":   {edit(`"arrivals":2`, `"arrivals":2,"departures":-2`), "departures is -2"},
		"an instant far off":    {edit(`"registered":"2026`, `"registered":"1026`), "registered is 1026-03-01T12:00:00Z; want an instant from 1678 to 2262"},
		"a drain far off":       {edit(`"ending":"2026`, `"ending":"9026`), "drain.ending is 9026"},
		"no instant at all":     {edit(`"registered":"2026-03-01T12:00:00Z"`, `"registered":"yesterday"`), "yesterday"},
		"cordoned by nothing":   {edit(`"id":"d-1"`, `"id":""`), "drain is missing; want the one that cordoned the task"},
		"forced unannounced":    {edit(`"ending":"2026-03-01T13:00:00Z"`, `"forced":"2026-03-01T13:00:00Z"`), "the notice that went before"},
		"last state":            {edit(`"state":"cordoned"`, `"state":"cordoned","last_state":"open"`), `last_state is "open"`},
		"open under a drain":    {edit(`"state":"cordoned"`, `"state":"open"`), `drain is "d-1"; want none in state open`},
		"open never opened":     {strings.Replace(opened, `"ever_opened":true,`, ``, 1), "both in state open"},
		"open from new":         {strings.Replace(opened, `"state":"open",`, `"state":"open","from_new":true,`, 1), "from_new is true"},
		"retired at no time":    {strings.Replace(final, `"retired":"2026`, `"opened":"2026`, 1), "drain or retired is missing"},
		"a gravestone unmarked": {strings.Replace(gone, `"last_state":"open",`, ``, 1), "state is gone"},
		"process twice":         {edit(`"known":[`, `"known":[{"name":"main","boot":1,"seq":1},`), `known[1] ("main") is named so twice`},
		"process without boot":  {edit(`"boot":1`, `"boot":0`), `boot 0`},
		"more unlisted":         {edit(`"count":1`, `"count":1,"unlisted":2`), "not more unlisted than counted"},
		"counted too high":      {edit(`"count":1,`, `"count":9000000000000000000,`), "0 to 67108864"},
		"left with sessions":    {edit(`"count":1`, `"count":1,"left":true`), "left with 1 sessions"},
		"listing more":          {edit(`"count":1,`, ``), "listing 1 sessions; want 0 at most"},
		"process at no time":    {edit(`"seq":2,"at":"2026`, `"seq":2,"at":"9026`), `known[0] ("main").at is 9026`},
		"too many processes":    {edit(`"known":[`, `"known":[`+strings.Repeat(`{"name":"x","boot":1,"seq":1},`, ProcessLimit)), "known is 17 processes; want 16 at most"},
		"unsorted":              {edit(`"id":"ann"`, `"id":"zack"`), `behind "zack"; want sessions ordered by id, each once`},
		"twice":                 {edit(`"id":"ann"`, `"id":"bob"`), "each once"},
		"no id":                 {edit(`"id":"ann"`, `"id":""`), `sessions[0] ("") is 0 bytes long`},
		"unknown kind":          {edit(`"kind":"reserved"`, `"kind":"paused"`), `kind is "paused"; want live, reserved or disconnected`},
		"ended kind":            {edit(`"kind":"reserved"`, `"kind":"ended"`), `kind is "ended"`},
		"half a millisecond":    {edit(`"at":"2026-03-01T12:01:00Z"`, `"at":"2026-03-01T12:01:00.0005Z"`), "a whole millisecond from 1970 to 2109"},
		"before 1970":           {edit(`"at":"2026-03-01T12:01:00Z"`, `"at":"1926-03-01T12:01:00Z"`), "from 1970"},
		"session far off":       {edit(`"at":"2026-03-01T12:01:00Z"`, `"at":"9926-03-01T12:01:00Z"`), "1678"},
		"nobody's":              {edit(`"at":"2026-03-01T12:01:00Z","admitted":true`, `"at":"2026-03-01T12:01:00Z"`), "neither admitted nor listed"},
		"unknown process":       {edit(`"listed_by":["main"]`, `"listed_by":["other"]`), `listed_by is "other"`},
		"process listed twice":  {edit(`"listed_by":["main"]`, `"listed_by":["main","main"]`), "each once"},
		"ended and live":        {edit(`"id":"zoe"`, `"id":"ann"`), "among the sessions too"},
		"ended at no time":      {edit(`"id":"zoe","at":"2026-03-01T12:00:00Z"`, `"id":"zoe","at":"0001-01-01T00:00:00Z"`), "want when it ended"},
		"ended far off":         {edit(`"id":"zoe","at":"2026`, `"id":"zoe","at":"9026`), "1678"},
		"ended without id":      {edit(`"id":"zoe"`, `"id":""`), "0 bytes long"},
		"base64 and more":       {edit(`"owner":"o"`, `"owner":{"base64":"bw==","x":1}`), "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open.r.Clone()
			err := json.Unmarshal([]byte(c.doc), r)
			var wrapped *autoscaler.Error
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want %q\nof %s", err, c.says, c.doc)
			}
			if !errors.As(err, &wrapped) || wrapped.Hint == "" {
				t.Errorf("%v says nothing of what to do", err)
			}
			if !bytes.Equal(encode(t, r), encode(t, open.r)) {
				t.Error("it was refused and the record is another one")
			}
		})
	}
}

func TestRecordTakesOneDocument(t *testing.T) {
	doc := encode(t, whole(t))
	if err := new(Record).UnmarshalJSON(append(doc, doc...)); err == nil {
		t.Error("two records were read as one")
	}
}

// A newer version may know states that this one does not. It keeps them, takes the
// task for busy, and closes nothing.
func TestUnknownStateIsKeptAndBusy(t *testing.T) {
	b := reporting(t)
	doc := strings.Replace(string(encode(t, b.r)), `"state":"open"`, `"state":"paused"`, 1)
	b.r = decode(t, []byte(doc))
	if again := string(encode(t, b.r)); again != doc {
		t.Errorf("written again:\n%s\nread:\n%s", again, doc)
	}
	if a := b.see(); a.State != "paused" || a.Occupancy != (autoscaler.Occupancy{}) {
		t.Errorf("state %q, occupancy %v; want it kept, and unknown", a.State, a.Occupancy)
	}
	b.want(b.begin("a"), autoscaler.ErrCordoned)
	b.want(b.r.Cordon(autoscaler.CordonRequest{Version: b.r.Version(), Drain: "d", At: b.now}, b.terms()), autoscaler.ErrBusy)
	b.want(b.r.Retire(b.drainRef("d"), b.terms()), autoscaler.ErrConflict)
	b.want(b.r.Reopen(b.drainRef("d"), b.terms()), autoscaler.ErrConflict)
	if order := b.report("main"); order.State != "paused" {
		t.Errorf("a report is answered with %q", order.State)
	}
	if receipt := b.started("a"); receipt.Dropped {
		t.Error("a session that was told is dropped")
	}
}

func TestInstantsComeBackToTheNanosecond(t *testing.T) {
	b := newBench(t, autoscaler.RegisterRequest{Level: autoscaler.LevelA, Slots: 1, Processes: 1})
	for _, until := range []time.Time{
		b.now.Add(31*time.Minute + 1), time.Date(2262, 4, 11, 23, 47, 16, 5, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 6, 1, 0, 0, 0, 999_999_999, time.FixedZone("X", 3600)),
	} {
		b.must(b.r.Open(autoscaler.OpenRequest{Version: b.r.Version(), ProtectedUntil: until, At: b.now}, b.terms()))
		before := b.r.protectedUntil
		b.r = decode(t, encode(t, b.r))
		if b.r.protectedUntil != before {
			t.Errorf("%v came back as %v", until, b.r.protectedUntil.time())
		}
	}
}

func FuzzRecordCodec(f *testing.F) {
	for seed := range uint64(12) {
		m := newMixture(seed)
		r := NewRecord(m.register(), m.terms())
		for range 40 {
			_, c := m.draw()
			m.ask(f, r, c)
		}
		f.Add(encode(f, r), seed)
	}
	f.Fuzz(func(t *testing.T, doc []byte, seed uint64) {
		r := new(Record)
		if err := json.Unmarshal(doc, r); err != nil {
			return
		}
		once := encode(t, r)
		stored := decode(t, once)
		if twice := encode(t, stored); !bytes.Equal(once, twice) {
			t.Fatalf("written again it differs:\n%s\n%s", once, twice)
		}
		m := newMixture(seed)
		for range 12 {
			name, c := m.draw()
			if want, got := m.ask(t, r, c), m.ask(t, stored, c); want != got {
				t.Fatalf("after %s:\nkept   %s\nstored %s", name, want, got)
			}
			stored = decode(t, encode(t, stored))
		}
	})
}
