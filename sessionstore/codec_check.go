package sessionstore

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// record returns the record that the document says, or the first thing in it that
// no record can be.
func (in *Document) record() (*Record, error) {
	r := &Record{
		ref: in.Ref.ref(), owner: string(in.Owner), version: in.RecordVersion,
		state: autoscaler.TaskState(in.State), lastState: autoscaler.TaskState(in.LastState),
		level: autoscaler.Level(in.Level), revision: string(in.Revision), slots: in.Slots, processes: in.Processes,
		adopted: in.Adopted, described: in.Described, fromNew: in.FromNew, reopened: autoscaler.DrainID(in.Reopened),
		everOpened: in.EverOpened, overflow: in.Overflow, crowded: in.Crowded,
		arrivals: in.Arrivals, departures: in.Departures,
		drain: autoscaler.Drain{
			ID: autoscaler.DrainID(in.Drain.ID), By: string(in.Drain.By), Since: in.Drain.Since.UTC(),
			Until: in.Drain.Until.UTC(), Ending: in.Drain.Ending.UTC(), Forced: in.Drain.Forced.UTC(),
		},
	}
	for _, step := range []func(*Record) error{in.numbers, in.instants, in.stands, in.processes, in.sessions, in.ends} {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// faulty says what was read, where, and what was wanted.
func faulty(where string, read any, want string) error {
	return fmt.Errorf("%s is %v; want %s", where, read, want)
}

func (in *Document) numbers(*Record) error {
	switch {
	case in.Version < 1:
		return faulty("version", in.Version, fmt.Sprintf("1 to %d", RecordVersion))
	case in.RecordVersion < 1:
		return faulty("record_version", in.RecordVersion, "1 or more")
	case in.Slots < 0:
		return faulty("slots", in.Slots, "0 or more")
	case in.Processes < 0:
		return faulty("processes", in.Processes, "0 or more")
	case in.Arrivals < 0:
		return faulty("arrivals", in.Arrivals, "0 or more")
	case in.Departures < 0:
		return faulty("departures", in.Departures, "0 or more")
	}
	if err := CheckTask("Record.UnmarshalJSON", in.Ref.ref()); err != nil {
		return faulty("ref", fmt.Sprintf("%q", in.Ref.String()), "cluster, service and task")
	}
	return nil
}

// instants reads what is kept as instants. The drain is kept as times, of the same
// span.
func (in *Document) instants(r *Record) error {
	var spare [4]instant
	for _, f := range []struct {
		where string
		at    time.Time
		to    *instant
	}{
		{"barrier", in.Barrier, &r.barrier}, {"protected_until", in.ProtectedUntil, &r.protectedUntil},
		{"exposed_at", in.ExposedAt, &r.exposed}, {"registered", in.Registered, &r.registered},
		{"opened", in.Opened, &r.opened}, {"emptied", in.Emptied, &r.emptied}, {"retired", in.Retired, &r.retired},
		{"forgotten", in.Forgotten, &r.forgotten}, {"watermark", in.Watermark, &r.watermark},
		{"drain.since", in.Drain.Since, &spare[0]}, {"drain.until", in.Drain.Until, &spare[1]},
		{"drain.ending", in.Drain.Ending, &spare[2]}, {"drain.forced", in.Drain.Forced, &spare[3]},
	} {
		at, err := read(f.where, f.at)
		if err != nil {
			return err
		}
		*f.to = at
	}
	return nil
}

// read returns the instant of a time that is one exactly.
func read(where string, at time.Time) (instant, error) {
	i := instantOf(at)
	if !i.time().Equal(at) {
		return 0, faulty(where, at.Format(time.RFC3339Nano), "an instant from 1678 to 2262, or none")
	}
	return i, nil
}

// stands holds what the record says of its state to itself. A state that is not
// known may mean anything.
func (in *Document) stands(r *Record) error {
	drained := in.Drain.ID != ""
	switch r.state {
	case "":
		return faulty("state", `""`, "the record's state")
	case autoscaler.TaskNew, autoscaler.TaskOpen:
		if in.Drain != (DocumentDrain{}) || !in.Barrier.IsZero() {
			return faulty("drain", fmt.Sprintf("%q", string(in.Drain.ID)), "none in state "+string(r.state))
		}
	case autoscaler.TaskCordoned:
		if !drained {
			return faulty("drain", "missing", "the one that cordoned the task")
		}
	case autoscaler.TaskRetired:
		if !drained || r.retired == 0 {
			return faulty("drain or retired", "missing", "the drain that retired the task, and when")
		}
	case autoscaler.TaskGone:
		if r.forgotten == 0 || r.lastState == "" || len(in.Sessions)+len(in.Known)+len(in.Ended) > 0 {
			return faulty("state", "gone", "last_state and forgotten with it, and no sessions, known and ended")
		}
	case autoscaler.TaskStopping:
	}
	return in.standsBeside(r)
}

func (in *Document) standsBeside(r *Record) error {
	switch {
	case !r.understood():
		return nil
	case in.FromNew && r.state != autoscaler.TaskCordoned:
		return faulty("from_new", true, "false in state "+string(r.state))
	case r.state == autoscaler.TaskOpen && (!in.EverOpened || r.opened == 0):
		return faulty("opened or ever_opened", "missing", "both in state open")
	case r.state != autoscaler.TaskGone && in.LastState != "":
		return faulty("last_state", fmt.Sprintf("%q", string(in.LastState)), "none in state "+string(r.state))
	case !in.Drain.Forced.IsZero() && in.Drain.Ending.IsZero():
		return faulty("drain.forced", in.Drain.Forced, "drain.ending with it: the notice that went before")
	}
	return nil
}

func (in *Document) processes(r *Record) error {
	if len(in.Known) > ProcessLimit {
		return faulty("known", fmt.Sprintf("%d processes", len(in.Known)), fmt.Sprintf("%d at most", ProcessLimit))
	}
	seen := make(map[Text]bool)
	for i := range in.Known {
		p := &in.Known[i]
		where := fmt.Sprintf("known[%d] (%q)", i, string(p.Name))
		at, err := read(where+".at", p.At)
		switch {
		case err != nil:
			return err
		case p.Name == "" || seen[p.Name]:
			return faulty(where, "named so twice, or not at all", "a name of its own")
		case p.Boot < 1 || p.Seq < 1:
			return faulty(where, fmt.Sprintf("boot %d, seq %d", p.Boot, p.Seq), "1 or more")
		case p.Unlisted < 0 || p.Count < p.Unlisted || p.Count > countLimit:
			return faulty(where, fmt.Sprintf("count %d, unlisted %d", p.Count, p.Unlisted), fmt.Sprintf("0 to %d, and not more unlisted than counted", countLimit))
		case p.Left && p.Count > 0:
			return faulty(where, fmt.Sprintf("left with %d sessions", p.Count), "a process that left to hold none")
		}
		seen[p.Name] = true
		r.known = append(r.known, knownProcess{
			name: string(p.Name), boot: p.Boot, seq: p.Seq, at: at, count: p.Count, unlisted: p.Unlisted,
			acknowledged: autoscaler.DrainID(p.Acknowledged), closed: p.Closed, clockOff: p.ClockOff,
			left: p.Left, countedAgain: p.CountedAgain,
		})
	}
	return nil
}

func (in *Document) sessions(r *Record) error {
	var listings [ProcessLimit]int
	for i := range in.Sessions {
		s := &in.Sessions[i]
		where := fmt.Sprintf("sessions[%d] (%q)", i, string(s.ID))
		if err := checkSession("Record.UnmarshalJSON", r.ref, SessionID(s.ID)); err != nil {
			return faulty(where, fmt.Sprintf("%d bytes long", len(s.ID)), "an id of 1 to 200 bytes")
		}
		if i > 0 && in.Sessions[i-1].ID >= s.ID {
			return faulty(where, fmt.Sprintf("behind %q", string(in.Sessions[i-1].ID)), "sessions ordered by id, each once")
		}
		e, err := s.entry(where, r, &listings)
		if err != nil {
			return err
		}
		r.entries = append(r.entries, e)
	}
	for p := range r.known {
		if most := r.known[p].count - r.known[p].unlisted; listings[p] > most {
			return faulty(fmt.Sprintf("known[%d] (%q)", p, r.known[p].name), fmt.Sprintf("listing %d sessions", listings[p]), fmt.Sprintf("%d at most, by its count", most))
		}
	}
	return nil
}

// entry packs one session.
func (s *DocumentSession) entry(where string, r *Record, listings *[ProcessLimit]int) (entry, error) {
	k, ok := kindOf(SessionState(s.Kind))
	if !ok {
		return entry{}, faulty(where+".kind", fmt.Sprintf("%q", s.Kind), "live, reserved or disconnected")
	}
	at, err := read(where+".at", s.At)
	if err != nil {
		return entry{}, err
	}
	e := newEntry(SessionID(s.ID), k, at)
	if e.instant() != at {
		return entry{}, faulty(where+".at", s.At.Format(time.RFC3339Nano), "a whole millisecond from 1970 to 2109")
	}
	if !s.Admitted {
		e.bits &^= admittedMask
	}
	for _, name := range s.ListedBy {
		p := 0
		for p < len(r.known) && r.known[p].name != string(name) {
			p++
		}
		if p == len(r.known) || e.bits&listedBy(p) != 0 {
			return entry{}, faulty(where+".listed_by", fmt.Sprintf("%q", string(name)), "processes that are known, each once")
		}
		e.bits |= listedBy(p)
		listings[p]++
	}
	if !e.admitted() && !e.listed() {
		return entry{}, faulty(where, "neither admitted nor listed", "somebody who tells of it")
	}
	return e, nil
}

// kindOf returns the kind of a session that has not ended.
func kindOf(s SessionState) (kind, bool) {
	switch s {
	case SessionLive:
		return kindLive, true
	case SessionReserved:
		return kindReserved, true
	case SessionDisconnected:
		return kindDisconnected, true
	case SessionEnded:
	}
	return 0, false
}

func (in *Document) ends(r *Record) error {
	seen := make(map[SessionID]bool)
	for i, s := range in.Ended {
		where, id := fmt.Sprintf("ended[%d] (%q)", i, string(s.ID)), SessionID(s.ID)
		at, err := read(where+".at", s.At)
		if err == nil && at == 0 {
			err = faulty(where+".at", "missing", "when it ended")
		}
		if err != nil {
			return err
		}
		if checkSession("Record.UnmarshalJSON", r.ref, id) != nil {
			return faulty(where, fmt.Sprintf("%d bytes long", len(id)), "an id of 1 to 200 bytes")
		}
		// A session that has ended and lives would be let in again.
		if _, lives := find(r.entries, id); lives || seen[id] {
			return faulty(where, "there twice, or among the sessions too", "each session once, ended or not")
		}
		seen[id] = true
		r.ended = append(r.ended, ended{id, at, EndCause(s.Cause)})
	}
	return nil
}
