package dynamostore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// The attributes of a record that conditions and other items speak of; the others
// stand in encode alone.
const (
	attrVersion    = "v"
	attrRegistered = "rg"
	attrUncounted  = "u" // a gravestone whose counts are not in the service's yet
)

// flagLetters are the booleans of a record, each by the letter that stands in attribute
// fl where it is set.
func flagLetters(d *sessionstore.Document) map[byte]*bool {
	return map[byte]*bool{
		'a': &d.Adopted, 'd': &d.Described, 'n': &d.FromNew, 'e': &d.EverOpened, 'o': &d.Overflow, 'c': &d.Crowded,
	}
}

// encode writes a record as an item.
func encode(r *sessionstore.Record) item {
	d := r.Document()
	it := taskKey(r.Ref())
	w := writer{it}
	w.number("f", int64(d.Version))
	w.number(attrVersion, d.RecordVersion)
	w.text("o", string(d.Owner))
	w.text("st", string(d.State))
	w.text("ls", string(d.LastState))
	w.text("lv", string(d.Level))
	w.text("rv", string(d.Revision))
	w.number("n", int64(d.Slots))
	w.number("np", int64(d.Processes))
	w.text("fl", letters(&d))
	w.text("di", string(d.Drain.ID))
	w.text("db", string(d.Drain.By))
	w.text("re", string(d.Reopened))
	for name, at := range instants(&d) {
		w.instant(name, *at)
	}
	w.number("ar", d.Arrivals)
	w.number("dp", d.Departures)
	w.bytes("se", packSessions(d.Sessions, d.Known))
	w.bytes("kn", packProcesses(d.Known))
	w.bytes("en", packEnds(d.Ended))
	return it
}

// instants are the record's instants by the attribute that holds them.
func instants(d *sessionstore.Document) map[string]*time.Time {
	return map[string]*time.Time{
		"ds": &d.Drain.Since, "du": &d.Drain.Until, "de": &d.Drain.Ending, "df": &d.Drain.Forced, "ba": &d.Barrier,
		"pu": &d.ProtectedUntil, "ex": &d.ExposedAt, attrRegistered: &d.Registered, "op": &d.Opened, "em": &d.Emptied,
		"rt": &d.Retired, "fg": &d.Forgotten, "wm": &d.Watermark,
	}
}

func letters(d *sessionstore.Document) string {
	var set []byte
	for letter, on := range flagLetters(d) {
		if *on {
			set = append(set, letter)
		}
	}
	slices.Sort(set)
	return string(set)
}

// Decode reads the record in an item of the table, for a tool that comes by the item in
// another way: a stream, an export, a backup. It refuses an item that it does not
// understand whole.
func Decode(service autoscaler.ServiceID, attributes map[string]types.AttributeValue) (*sessionstore.Record, error) {
	it, ref := item(attributes), autoscaler.TaskRef{Service: service}
	task, err := taskOf(it.sortKey(), prefixTask)
	if err != nil {
		return nil, unreadable(ref, err)
	}
	ref.Task = task
	r := read(it)
	form := r.int("f")
	if r.err == nil {
		// Before anything else: a newer one may mean anything by what it holds.
		if err := sessionstore.CheckRecordVersion(form); err != nil {
			return nil, err
		}
	}
	d := r.document(ref, form)
	if err := r.done(); err != nil {
		return nil, unreadable(ref, err)
	}
	return d.Record()
}

// document reads every attribute of a record.
func (r *reader) document(ref autoscaler.TaskRef, form int) *sessionstore.Document {
	for _, name := range []string{keyService, keyItem, attrTTL, attrUncounted} {
		r.take(name)
	}
	d := &sessionstore.Document{
		Version: form, RecordVersion: r.number(attrVersion),
		Ref: sessionstore.DocumentRef{
			Cluster: sessionstore.Text(ref.Service.Cluster), Service: sessionstore.Text(ref.Service.Name), Task: sessionstore.Text(ref.Task),
		},
		Owner: sessionstore.Text(r.text("o")), State: sessionstore.Text(r.text("st")), LastState: sessionstore.Text(r.text("ls")),
		Level: sessionstore.Text(r.text("lv")), Revision: sessionstore.Text(r.text("rv")),
		Slots: r.int("n"), Processes: r.int("np"), Reopened: sessionstore.Text(r.text("re")),
		Arrivals: r.number("ar"), Departures: r.number("dp"),
		Drain: sessionstore.DocumentDrain{ID: sessionstore.Text(r.text("di")), By: sessionstore.Text(r.text("db"))},
	}
	for name, at := range instants(d) {
		*at = r.instant(name)
	}
	known := flagLetters(d)
	for _, letter := range []byte(r.text("fl")) {
		on, ok := known[letter]
		if !ok {
			r.fail("fl", fmt.Errorf("has the unknown flag %q", letter))
			break
		}
		*on = true
	}
	d.Known = unpackProcesses(r)
	d.Sessions = unpackSessions(r, d.Known)
	d.Ended = unpackEnds(r, "en")
	return d
}

// fail notes what is wrong with an attribute.
func (r *reader) fail(name string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("attribute %s %w", name, err)
	}
}

func unreadable(ref autoscaler.TaskRef, err error) error {
	return &autoscaler.Error{
		Op: "dynamostore.decode", Ref: strings.TrimSuffix(ref.String(), "/"), Err: err,
		Hint: "no record is like that: something else wrote it, or it was damaged; its task counts as busy until what a store wrote is put back",
	}
}

// packSessions writes each session's id, its instant in Unix milliseconds, and its kind,
// whether it was admitted, and which processes list it.
func packSessions(sessions []sessionstore.DocumentSession, known []sessionstore.DocumentProcess) []byte {
	var p packer
	for _, s := range sessions {
		bits := uint64(slices.Index(kinds(), s.Kind)) | flags(s.Admitted)<<2
		for i := range known {
			if slices.Contains(s.ListedBy, known[i].Name) {
				bits |= 1 << (3 + i)
			}
		}
		p.text(string(s.ID))
		p.uint(uint64(s.At.UnixMilli()))
		p.uint(bits)
	}
	return p
}

func unpackSessions(r *reader, known []sessionstore.DocumentProcess) (sessions []sessionstore.DocumentSession) {
	u := unpacker{left: r.bytes("se")}
	for u.more() {
		s := sessionstore.DocumentSession{ID: sessionstore.Text(u.text()), At: time.UnixMilli(int64(u.uint())).UTC()}
		bits := u.uint()
		kind := int(bits & 3)
		if kind >= len(kinds()) || bits>>(3+len(known)) != 0 {
			u.fail(fmt.Errorf("has bits %#x; %d kinds and %d processes are known", bits, len(kinds()), len(known)))
			break
		}
		s.Kind, s.Admitted = kinds()[kind], bits&4 != 0
		for i := range known {
			if bits>>(3+i)&1 == 1 {
				s.ListedBy = append(s.ListedBy, known[i].Name)
			}
		}
		sessions = append(sessions, s)
	}
	r.fail("se", u.err)
	return sessions
}

// packProcesses writes what each process said last.
func packProcesses(known []sessionstore.DocumentProcess) []byte {
	var p packer
	for _, k := range known {
		p.text(string(k.Name))
		p.int(k.Boot)
		p.int(k.Seq)
		p.int(int64(k.Count))
		p.int(int64(k.Unlisted))
		p.text(string(k.Acknowledged))
		p.uint(flags(k.Closed, k.ClockOff, k.Left, k.CountedAgain, !k.At.IsZero()))
		if !k.At.IsZero() {
			p.int(k.At.UnixNano())
		}
	}
	return p
}

func unpackProcesses(r *reader) (known []sessionstore.DocumentProcess) {
	u := unpacker{left: r.bytes("kn")}
	for u.more() {
		k := sessionstore.DocumentProcess{Name: sessionstore.Text(u.text()), Boot: u.int(), Seq: u.int()}
		k.Count, k.Unlisted = u.small(), u.small()
		k.Acknowledged = sessionstore.Text(u.text())
		dated := false
		u.spread(u.uint(), &k.Closed, &k.ClockOff, &k.Left, &k.CountedAgain, &dated)
		if dated {
			k.At = time.Unix(0, u.int()).UTC()
		}
		known = append(known, k)
	}
	r.fail("kn", u.err)
	return known
}

// small is a number of 32 bits.
func (u *unpacker) small() int {
	n := u.int()
	if n != int64(int32(n)) {
		u.fail(fmt.Errorf("has the number %d; want 32 bits", n))
		return 0
	}
	return int(n)
}

// packEnds writes ended sessions: id, cause, and the instant in nanoseconds since the
// one before.
func packEnds(ends []sessionstore.DocumentEnded) []byte {
	var p packer
	last := int64(0)
	for _, e := range ends {
		p.text(string(e.ID))
		cause := slices.Index(causes(), string(e.Cause))
		if cause < 0 {
			cause = len(causes())
		}
		p.uint(uint64(cause))
		if cause == len(causes()) { // a newer writer's, kept as it is
			p.text(string(e.Cause))
		}
		p.int(e.At.UnixNano() - last)
		last = e.At.UnixNano()
	}
	return p
}

func unpackEnds(r *reader, name string) (ends []sessionstore.DocumentEnded) {
	u := unpacker{left: r.bytes(name)}
	last := int64(0)
	for u.more() {
		e := sessionstore.DocumentEnded{ID: sessionstore.Text(u.text())}
		switch cause := u.uint(); {
		case cause < uint64(len(causes())):
			e.Cause = sessionstore.Text(causes()[cause])
		case cause == uint64(len(causes())):
			e.Cause = sessionstore.Text(u.text())
		default:
			u.fail(fmt.Errorf("has the cause %d; %d are known", cause, len(causes())))
		}
		last += u.int()
		e.At = time.Unix(0, last).UTC()
		ends = append(ends, e)
	}
	r.fail(name, u.err)
	return ends
}

// expired reports that an item's time to live has passed: DynamoDB removes it within
// days, and until then it counts as removed.
func (it item) expired(now time.Time) bool {
	ttl, ok := it[attrTTL].(*types.AttributeValueMemberN)
	if !ok {
		return false
	}
	seconds, err := strconv.ParseInt(ttl.Value, 10, 64)
	return err == nil && seconds <= now.Unix()
}
