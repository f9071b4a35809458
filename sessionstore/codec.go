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

// recordJSON is the JSON form of a record: everything in it, so that a record read
// back goes on exactly as the one that was written. Instants are RFC 3339 in UTC, to
// the nanosecond; what is empty is left out. Fields are added under a higher version,
// and never renamed or given a second meaning.
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
type recordJSON struct {
	Version       int     `json:"version"`
	Ref           refJSON `json:"ref"`
	Owner         text    `json:"owner,omitempty"`
	RecordVersion int64   `json:"record_version"` // grows with every write
	State         text    `json:"state"`          // an unknown one is kept, and busy
	LastState     text    `json:"last_state,omitempty"`

	Level     text `json:"level,omitempty"`
	Revision  text `json:"revision,omitempty"`
	Slots     int  `json:"slots"`
	Processes int  `json:"processes"` // how many are to report
	Adopted   bool `json:"adopted,omitempty"`
	Described bool `json:"described,omitempty"` // the task itself has said what it is

	Drain    drainJSON `json:"drain,omitzero"`
	Barrier  time.Time `json:"barrier,omitzero"`
	FromNew  bool      `json:"from_new,omitempty"` // cordoned before it ever opened
	Reopened text      `json:"reopened,omitempty"` // the last drain that was ended by opening

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

	Sessions []sessionJSON `json:"sessions,omitempty"` // ordered by id
	Known    []processJSON `json:"known,omitempty"`
	Ended    []endedJSON   `json:"ended,omitempty"` // oldest first
	// Watermark is the newest end that is kept beside the record.
	Watermark time.Time `json:"watermark,omitzero"`
}

type refJSON struct {
	Cluster text `json:"cluster"`
	Service text `json:"service"`
	Task    text `json:"task"`
}

type drainJSON struct {
	ID     text      `json:"id"`
	By     text      `json:"by,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Ending time.Time `json:"ending,omitzero"`
	Forced time.Time `json:"forced,omitzero"`
}

type sessionJSON struct {
	ID   text   `json:"id"`
	Kind string `json:"kind"` // live, reserved, disconnected
	// At is when a live session was admitted, or last told of, and when any other
	// ends by itself; to the millisecond.
	At       time.Time `json:"at"`
	Admitted bool      `json:"admitted,omitempty"`  // a call let it in; otherwise only reports tell of it
	ListedBy []text    `json:"listed_by,omitempty"` // the processes whose newest reports list it
}

type processJSON struct {
	Name     text      `json:"name"`
	Boot     int64     `json:"boot"`
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at,omitzero"`
	Count    int       `json:"count,omitempty"`
	Unlisted int       `json:"unlisted,omitempty"` // of those, the ones that no session here stands for

	Acknowledged text `json:"acknowledged,omitempty"`
	Closed       bool `json:"closed,omitempty"`
	ClockOff     bool `json:"clock_off,omitempty"`
	Left         bool `json:"left,omitempty"`
	CountedAgain bool `json:"counted_again,omitempty"` // since the record overflowed
}

type endedJSON struct {
	ID    text      `json:"id"`
	At    time.Time `json:"at"`
	Cause text      `json:"cause,omitempty"`
}

// text is a string of any bytes. An application's ids need not be UTF-8, and what is
// not is written as {"base64": "…"}: plain JSON would change it without a word.
type text string

// MarshalJSON writes a JSON string wherever it says the same.
func (s text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return json.Marshal(string(s))
	}
	return json.Marshal(rawText{[]byte(s)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *text) UnmarshalJSON(doc []byte) error {
	if !bytes.HasPrefix(doc, []byte("{")) {
		return json.Unmarshal(doc, (*string)(s))
	}
	var raw rawText
	err := strictly(doc, &raw)
	*s = text(raw.Base64)
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
func (r *Record) MarshalJSON() ([]byte, error) {
	out := recordJSON{
		Version: RecordVersion, Owner: text(r.owner), RecordVersion: r.version,
		Ref:   refJSON{text(r.ref.Service.Cluster), text(r.ref.Service.Name), text(r.ref.Task)},
		State: text(r.state), LastState: text(r.lastState),
		Level: text(r.level), Revision: text(r.revision), Slots: r.slots, Processes: r.processes,
		Adopted: r.adopted, Described: r.described,
		Drain: drainJSON{
			ID: text(r.drain.ID), By: text(r.drain.By),
			Since: r.drain.Since, Until: r.drain.Until, Ending: r.drain.Ending, Forced: r.drain.Forced,
		},
		Barrier: r.barrier.time(), FromNew: r.fromNew, Reopened: text(r.reopened),
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
		out.Ended = append(out.Ended, endedJSON{text(e.id), e.at.time(), text(e.cause)})
	}
	return json.Marshal(out)
}

func (r *Record) sessionOut(e *entry) sessionJSON {
	s := sessionJSON{ID: text(e.id), Kind: string(e.state()), At: e.instant().time(), Admitted: e.admitted()}
	for p := range r.known {
		if e.bits&listedBy(p) != 0 {
			s.ListedBy = append(s.ListedBy, text(r.known[p].name))
		}
	}
	return s
}

func (p *knownProcess) out() processJSON {
	return processJSON{
		Name: text(p.name), Boot: p.boot, Seq: p.seq, At: p.at.time(), Count: p.count, Unlisted: p.unlisted,
		Acknowledged: text(p.acknowledged), Closed: p.closed, ClockOff: p.clockOff, Left: p.left, CountedAgain: p.countedAgain,
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
	if form.Version > RecordVersion {
		return &autoscaler.Error{
			Op: "sessionstore.Record.UnmarshalJSON", Err: fmt.Errorf("the record is of version %d; this program reads up to %d", form.Version, RecordVersion),
			Hint: "leave the task to the newer program that wrote it, or run that one here too",
		}
	}
	var in recordJSON
	if err := strictly(doc, &in); err != nil {
		return unreadable(in.Ref.String(), err)
	}
	out, err := in.record()
	if err != nil {
		return unreadable(in.Ref.String(), err)
	}
	*r = *out
	return nil
}

// String names the task, as far as it was read.
func (r refJSON) String() string { return r.ref().String() }

func (r refJSON) ref() autoscaler.TaskRef {
	return autoscaler.TaskRef{
		Service: autoscaler.ServiceID{Cluster: string(r.Cluster), Name: string(r.Service)}, Task: autoscaler.TaskID(r.Task),
	}
}

// unreadable wraps what is wrong with a stored record.
func unreadable(ref string, err error) error {
	return &autoscaler.Error{
		Op: "sessionstore.Record.UnmarshalJSON", Ref: ref, Err: err,
		Hint: "no record is like that: something else wrote it, or it was damaged; leave the task alone until what a store wrote is put back",
	}
}
