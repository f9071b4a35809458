package sessionstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// RecordVersion is the version that this module writes into records.
const RecordVersion = 1

// Document is everything in a record, field by field, for a store that keeps records in a
// form of its own: a record made of a document goes on exactly as the one that it was
// taken from. Its JSON form is the record's. Instants are RFC 3339 in UTC, to the
// nanosecond; what is empty is left out. Fields are added under a higher version, and
// never renamed or given a second meaning.
//
//	{
//	  "version": 1,
//	  "ref": {"cluster": "rdp", "service": "gateway", "task": "t1"},
//	  "owner": "idlescale",
//	  "record_version": 17,
//	  "state": "cordoned",
//	  "level": "A", "slots": 4, "processes": 1, "described": true,
//	  "drain": {"id": "d-1", "since": "2026-03-01T12:00:00Z", "until": "2026-03-01T12:15:00Z"},
//	  "sessions": [{"id": "ann", "kind": "live", "at": "2026-03-01T11:59:00Z", "admitted": true, "listed_by": ["main"]}],
//	  "known": [{"name": "main", "boot": 1772366000000, "seq": 3, "at": "2026-03-01T12:00:00Z", "count": 1}],
//	  "ended": [{"id": "bob", "at": "2026-03-01T11:58:00Z", "cause": "end"}]
//	}
type Document struct {
	Version       int         `json:"version"`
	Ref           DocumentRef `json:"ref"`
	Owner         Text        `json:"owner,omitempty"`
	RecordVersion int64       `json:"record_version"` // grows with every write
	State         Text        `json:"state"`          // an unknown one is kept, and busy
	LastState     Text        `json:"last_state,omitempty"`

	Level     Text `json:"level,omitempty"`
	Revision  Text `json:"revision,omitempty"`
	Slots     int  `json:"slots"`
	Processes int  `json:"processes"` // how many are to report
	Adopted   bool `json:"adopted,omitempty"`
	Described bool `json:"described,omitempty"` // the task itself has said what it is

	Drain    DocumentDrain `json:"drain,omitzero"`
	Barrier  time.Time     `json:"barrier,omitzero"`
	FromNew  bool          `json:"from_new,omitempty"` // cordoned before it ever opened
	Reopened Text          `json:"reopened,omitempty"` // the last drain that was ended by opening

	ProtectedUntil time.Time `json:"protected_until,omitzero"`
	ExposedAt      time.Time `json:"exposed_at,omitzero"`
	Registered     time.Time `json:"registered,omitzero"`
	Opened         time.Time `json:"opened,omitzero"`
	EverOpened     bool      `json:"ever_opened,omitempty"`
	Emptied        time.Time `json:"emptied,omitzero"` // when it last became empty, unless time alone ended the last session
	Retired        time.Time `json:"retired,omitzero"`
	Forgotten      time.Time `json:"forgotten,omitzero"`

	Overflow   bool  `json:"overflow,omitempty"` // it was told of more sessions than it holds
	Crowded    bool  `json:"crowded,omitempty"`  // more processes report than it holds
	Arrivals   int64 `json:"arrivals,omitempty"`
	Departures int64 `json:"departures,omitempty"`

	Sessions []DocumentSession `json:"sessions,omitempty"` // ordered by id
	Known    []DocumentProcess `json:"known,omitempty"`
	Ended    []DocumentEnded   `json:"ended,omitempty"` // oldest first
	// Watermark is the newest end that is kept beside the record.
	Watermark time.Time `json:"watermark,omitzero"`
}

// DocumentRef names the task.
type DocumentRef struct {
	Cluster Text `json:"cluster"`
	Service Text `json:"service"`
	Task    Text `json:"task"`
}

// DocumentDrain is the drain under way, or the one that retired the task.
type DocumentDrain struct {
	ID     Text      `json:"id"`
	By     Text      `json:"by,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Ending time.Time `json:"ending,omitzero"`
	Forced time.Time `json:"forced,omitzero"`
}

// DocumentSession is a session that has not ended.
type DocumentSession struct {
	ID   Text   `json:"id"`
	Kind string `json:"kind"` // live, reserved, disconnected
	// At is when a live session was admitted, or last told of, and when any other
	// ends by itself; to the millisecond.
	At       time.Time `json:"at"`
	Admitted bool      `json:"admitted,omitempty"`  // a call let it in; otherwise only reports tell of it
	ListedBy []Text    `json:"listed_by,omitempty"` // the processes whose newest reports list it
}

// DocumentProcess is the newest report of one process.
type DocumentProcess struct {
	Name     Text      `json:"name"`
	Boot     int64     `json:"boot"`
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at,omitzero"`
	Count    int       `json:"count,omitempty"`
	Unlisted int       `json:"unlisted,omitempty"` // of those, the ones that no session here stands for

	Acknowledged Text `json:"acknowledged,omitempty"`
	Closed       bool `json:"closed,omitempty"`
	ClockOff     bool `json:"clock_off,omitempty"`
	Left         bool `json:"left,omitempty"`
	CountedAgain bool `json:"counted_again,omitempty"` // since the record overflowed
}

// DocumentEnded is a session that the record itself remembers as ended.
type DocumentEnded struct {
	ID    Text      `json:"id"`
	At    time.Time `json:"at"`
	Cause Text      `json:"cause,omitempty"`
}

// Text is a string of any bytes. An application's ids need not be UTF-8, and what is
// not is written as {"base64": "…"}: plain JSON would change it without a word.
type Text string

// MarshalJSON writes a JSON string wherever it says the same.
func (s Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return json.Marshal(string(s))
	}
	return json.Marshal(rawText{[]byte(s)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Text) UnmarshalJSON(doc []byte) error {
	if !bytes.HasPrefix(doc, []byte("{")) {
		return json.Unmarshal(doc, (*string)(s))
	}
	var raw rawText
	err := strictly(doc, &raw)
	*s = Text(raw.Base64)
	return err
}

type rawText struct {
	Base64 []byte `json:"base64"`
}

// strictly decodes a document that must hold nothing but what v has fields for: what
// is not understood would be lost with the next write.
func strictly(doc []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// MarshalJSON writes everything in the record, in the form of [RecordVersion]: for a
// store that keeps records as documents, for people, and for tests.
func (r *Record) MarshalJSON() ([]byte, error) { return json.Marshal(r.Document()) }

// Document returns everything in the record, in the form of [RecordVersion].
func (r *Record) Document() Document {
	out := Document{
		Version: RecordVersion, Owner: Text(r.owner), RecordVersion: r.version,
		Ref:   DocumentRef{Text(r.ref.Service.Cluster), Text(r.ref.Service.Name), Text(r.ref.Task)},
		State: Text(r.state), LastState: Text(r.lastState),
		Level: Text(r.level), Revision: Text(r.revision), Slots: r.slots, Processes: r.processes,
		Adopted: r.adopted, Described: r.described,
		Drain: DocumentDrain{
			ID: Text(r.drain.ID), By: Text(r.drain.By),
			Since: r.drain.Since, Until: r.drain.Until, Ending: r.drain.Ending, Forced: r.drain.Forced,
		},
		Barrier: r.barrier.time(), FromNew: r.fromNew, Reopened: Text(r.reopened),
		ProtectedUntil: r.protectedUntil.time(), ExposedAt: r.exposed.time(), Registered: r.registered.time(),
		Opened: r.opened.time(), EverOpened: r.everOpened, Emptied: r.emptied.time(),
		Retired: r.retired.time(), Forgotten: r.forgotten.time(),
		Overflow: r.overflow, Crowded: r.crowded, Arrivals: r.arrivals, Departures: r.departures,
		Watermark: r.watermark.time(),
	}
	for i := range r.entries {
		out.Sessions = append(out.Sessions, r.sessionOut(&r.entries[i]))
	}
	for i := range r.known {
		out.Known = append(out.Known, r.known[i].out())
	}
	for _, e := range r.ended {
		out.Ended = append(out.Ended, DocumentEnded{Text(e.id), e.at.time(), Text(e.cause)})
	}
	return out
}

func (r *Record) sessionOut(e *entry) DocumentSession {
	s := DocumentSession{ID: Text(e.id), Kind: string(e.state()), At: e.instant().time(), Admitted: e.admitted()}
	for p := range r.known {
		if e.bits&listedBy(p) != 0 {
			s.ListedBy = append(s.ListedBy, Text(r.known[p].name))
		}
	}
	return s
}

func (p *knownProcess) out() DocumentProcess {
	return DocumentProcess{
		Name: Text(p.name), Boot: p.boot, Seq: p.seq, At: p.at.time(), Count: p.count, Unlisted: p.unlisted,
		Acknowledged: Text(p.acknowledged), Closed: p.closed, ClockOff: p.clockOff, Left: p.left, CountedAgain: p.countedAgain,
	}
}

// UnmarshalJSON reads what MarshalJSON wrote, and replaces the record by it. It
// refuses a newer version, a field that it does not know, and whatever no record can
// be: a store that took half of one for the whole could stop a task with a session.
// Where it refuses, the record stays as it is. A state, a level or a cause that this
// version does not know is kept.
func (r *Record) UnmarshalJSON(doc []byte) error {
	var form struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(doc, &form); err != nil {
		return unreadable("", err)
	}
	if err := CheckRecordVersion(form.Version); err != nil {
		return err
	}
	var in Document
	if err := strictly(doc, &in); err != nil {
		return unreadable(in.Ref.String(), err)
	}
	out, err := in.Record()
	if err != nil {
		return err
	}
	*r = *out
	return nil
}

// CheckRecordVersion refuses a version of the record's form that this program does not
// know. A store asks before it reads anything else of one.
func CheckRecordVersion(version int) error {
	if version <= RecordVersion {
		return nil
	}
	return &autoscaler.Error{
		Op: "sessionstore.Record", Err: fmt.Errorf("the record is of version %d; this program reads up to %d", version, RecordVersion),
		Hint: "leave the task to the newer program that wrote it, or run that one here too",
	}
}

// Record returns the record that the document says. It refuses what
// [Record.UnmarshalJSON] refuses.
func (in *Document) Record() (*Record, error) {
	if err := CheckRecordVersion(in.Version); err != nil {
		return nil, err
	}
	out, err := in.record()
	if err != nil {
		return nil, unreadable(in.Ref.String(), err)
	}
	return out, nil
}

// String names the task, as far as it was read.
func (r DocumentRef) String() string { return r.ref().String() }

func (r DocumentRef) ref() autoscaler.TaskRef {
	return autoscaler.TaskRef{
		Service: autoscaler.ServiceID{Cluster: string(r.Cluster), Name: string(r.Service)}, Task: autoscaler.TaskID(r.Task),
	}
}

// unreadable wraps what is wrong with a stored record.
func unreadable(ref string, err error) error {
	return &autoscaler.Error{
		Op: "sessionstore.Record", Ref: ref, Err: err,
		Hint: "no record is like that: something else wrote it, or it was damaged; leave the task alone until what a store wrote is put back",
	}
}
