package dynamostore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func start() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

func gateway() autoscaler.ServiceID { return autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"} }

func taskRef(task string) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: gateway(), Task: autoscaler.TaskID(task)}
}

func someUUID(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint64()>>16)
}

// walk is a record after some random calls, with ids of every kind.
func walk(r *rand.Rand, calls int) *sessionstore.Record {
	now := start()
	terms := func() sessionstore.Terms {
		return sessionstore.Terms{Owner: "idlescale", Now: now, Rules: sessionstore.Rules{}.WithDefaults()}
	}
	rec := sessionstore.NewRecord(autoscaler.RegisterRequest{Ref: taskRef("t"), Slots: 16, Processes: 2, Level: autoscaler.LevelA, At: now}, terms())
	ids := []sessionstore.SessionID{"a", "\xff\x00", "plain-id-of-36-bytes-but-no-uuid-0001"}
	for range 20 {
		ids = append(ids, sessionstore.SessionID(someUUID(r)))
	}
	seq := int64(0)
	var spare autoscaler.DrainRef
	for range calls {
		now = now.Add(time.Duration(r.Int64N(int64(2 * time.Minute))))
		id := ids[r.IntN(len(ids))]
		spare = autoscaler.DrainRef{Ref: rec.Ref(), Drain: "d", Version: rec.Version(), At: now}
		switch r.IntN(12) {
		case 0:
			_, _ = rec.Begin(sessionstore.BeginRequest{Ref: rec.Ref(), Session: id, At: now}, terms(), nil)
		case 1, 2:
			_, _ = rec.Started(sessionstore.StartedRequest{Ref: rec.Ref(), Session: id, At: now}, terms(), nil)
		case 3:
			_, _ = rec.End(sessionstore.EndRequest{Ref: rec.Ref(), Session: id, At: now}, terms())
		case 4:
			_, _ = rec.Reserve(sessionstore.ReserveRequest{Ref: rec.Ref(), Session: id, At: now, Until: now.Add(time.Hour)}, terms(), nil)
		case 5:
			_ = rec.Touch(sessionstore.TouchRequest{Ref: rec.Ref(), Session: id, At: now, DisconnectedUntil: now.Add(time.Hour)}, terms())
		case 6, 7:
			seq++
			_, _ = rec.Report(sessionstore.Report{
				Ref: rec.Ref(), Process: []string{"main", "\xfe"}[r.IntN(2)], Boot: 5, Seq: seq, At: now, Slots: 16, Processes: 2, Level: autoscaler.LevelA,
				Sessions: ids[:r.IntN(5)], Count: 4, ProtectedUntil: now.Add(24 * time.Hour), Acknowledges: "d",
			}, terms(), nil)
		case 8:
			_ = rec.Open(autoscaler.OpenRequest{Ref: rec.Ref(), Version: rec.Version(), ProtectedUntil: now.Add(time.Hour), At: now}, terms())
		case 9:
			_ = rec.Cordon(autoscaler.CordonRequest{Ref: rec.Ref(), Version: rec.Version(), Drain: "d", By: "ann", At: now, Until: now.Add(time.Hour)}, terms())
		case 10:
			_ = rec.Reopen(spare, terms())
		case 11:
			_ = rec.GiveNotice(spare, now.Add(time.Minute), terms())
		}
	}
	if r.IntN(8) == 0 {
		_, _ = rec.Forget(autoscaler.ForgetRequest{Ref: rec.Ref(), Version: rec.Version(), Drain: rec.Activity(now, terms()).Drain.ID, At: now}, terms())
	}
	return rec
}

func document(t testing.TB, r *sessionstore.Record) string {
	t.Helper()
	doc, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// TestItemIsTheRecord writes and reads back records that many calls have made: nothing is
// lost, and nothing is written twice differently.
func TestItemIsTheRecord(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	seen := map[string]bool{}
	for range 3000 {
		rec := walk(r, r.IntN(60))
		it := encode(rec)
		back, err := Decode(gateway(), it)
		if err != nil {
			t.Fatalf("seed %d: %v: %s", seed, err, document(t, rec))
		}
		if got, want := document(t, back), document(t, rec); got != want {
			t.Fatalf("seed %d: read back\n%s\nwritten\n%s", seed, got, want)
		}
		if again := encode(back); !reflect.DeepEqual(again, it) {
			t.Fatalf("seed %d: written again\n%v\nfirst\n%v", seed, again, it)
		}
		for name := range it {
			seen[name] = true
		}
	}
	for name := range instants(&sessionstore.Document{}) {
		if name != "df" && name != "ex" && name != "ba" && name != "rt" && !seen[name] { // these need more than a walk
			t.Errorf("seed %d: no record had attribute %s", seed, name)
		}
	}
	for _, name := range []string{"se", "kn", "en", "di", "db", "re", "fl", "ar", "dp", "ls"} {
		if !seen[name] {
			t.Errorf("seed %d: no record had attribute %s", seed, name)
		}
	}
}

// size is an item's size by DynamoDB's rules: names and values, a number by its digits.
func size(it item) (n int) {
	for name, v := range it {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += (len(strings.TrimRight(strings.TrimLeft(v.Value, "-"), "0"))+1)/2 + 1
		}
	}
	return n
}

// TestSixteenSessionsFit holds the largest record of sixteen slots to the kilobyte that one
// write unit pays for: every slot taken, as many ends remembered as a record remembers.
func TestSixteenSessionsFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	now := start()
	terms := func() sessionstore.Terms {
		return sessionstore.Terms{Owner: "idlescale", Now: now, Rules: sessionstore.Rules{}.WithDefaults()}
	}
	ref := autoscaler.TaskRef{Service: gateway(), Task: "0123456789abcdef0123456789abcdef"}
	rec := sessionstore.NewRecord(autoscaler.RegisterRequest{
		Ref: ref, Slots: 16, Processes: 1, Level: autoscaler.LevelA, Revision: "ecs-svc/0123456789012345678", At: now,
	}, terms())
	largest := 0
	var live []sessionstore.SessionID
	for i := range 500 {
		now = now.Add(time.Duration(13*int64(time.Second) + 123456789))
		if i == 1 {
			if err := rec.Open(autoscaler.OpenRequest{Ref: ref, Version: rec.Version(), ProtectedUntil: now.Add(24 * time.Hour), At: now}, terms()); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 {
			_, err := rec.Report(sessionstore.Report{
				Ref: ref, Process: "main", Boot: now.UnixMilli() - int64(i), Seq: int64(i + 1), At: now, Slots: 16, Processes: 1, Level: autoscaler.LevelA,
				Sessions: live, Count: len(live), ProtectedUntil: now.Add(24 * time.Hour),
			}, terms(), nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(live) == 16 {
			if _, err := rec.End(sessionstore.EndRequest{Ref: ref, Session: live[0], At: now}, terms()); err != nil {
				t.Fatal(err)
			}
			live = live[1:]
		}
		id := sessionstore.SessionID(someUUID(r))
		if _, err := rec.Begin(sessionstore.BeginRequest{Ref: ref, Session: id, At: now}, terms(), nil); err == nil {
			live = append(live, id)
		}
		largest = max(largest, size(encode(rec)))
	}
	if len(live) != 16 || largest > 1024 {
		t.Errorf("%d sessions live, the largest record had %d bytes; want 16 within 1024", len(live), largest)
	}
	t.Logf("the largest record had %d bytes", largest)
}

// TestHostileItems spoils a good item in every way that somebody else's program, a person
// or a newer version could. Each is refused with the attribute's name, and changed nothing.
func TestHostileItems(t *testing.T) {
	good := encode(walk(rand.New(rand.NewPCG(7, 7)), 40))
	n := func(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
	b := func(p ...byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: p} }
	for name, c := range map[string]struct {
		attribute string
		value     types.AttributeValue // nil to leave it out
		says      string
	}{
		"version of type S":        {"v", text("7"), "attribute v is of type S; want N"},
		"version missing":          {"v", nil, "record_version"},
		"version of a fraction":    {"v", n("1.5"), "attribute v"},
		"version beyond 64 bits":   {"v", n("99999999999999999999"), "attribute v"},
		"newer form":               {"f", n("2"), "version 2; this program reads up to 1"},
		"form missing":             {"f", nil, "version"},
		"slots of type M":          {"n", &types.AttributeValueMemberM{}, "attribute n is of type M"},
		"slots beyond 32 bits":     {"n", n("4294967296"), "attribute n"},
		"slots negative":           {"n", n("-1"), "slots"},
		"state missing":            {"st", nil, "state"},
		"state of type BOOL":       {"st", &types.AttributeValueMemberBOOL{Value: true}, "attribute st is of type BOOL"},
		"owner of type NULL":       {"o", &types.AttributeValueMemberNULL{Value: true}, "attribute o is of type NULL"},
		"unknown flag":             {"fl", text("dz"), "attribute fl has the unknown flag"},
		"unknown attribute":        {"zz", text("x"), "attribute zz is not known"},
		"sessions of type S":       {"se", text("a"), "attribute se is of type S; want B"},
		"sessions truncated":       {"se", b(4, 'a'), "attribute se ends in the middle"},
		"sessions of unknown kind": {"se", b(2, 'a', 1, 7), "attribute se has bits"},
		"sessions listed by none":  {"se", b(2, 'a', 1, 0x84, 0x02), "attribute se has bits"},
		"session nobody told of":   {"se", b(2, 'a', 1, 0), "neither admitted nor listed"},
		"string of unknown form":   {"se", b(3, 'a', 1, 4), "attribute se has a string of unknown form"},
		"string without end":       {"se", b(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), "attribute se ends in the middle"},
		"processes truncated":      {"kn", b(8, 'm'), "attribute kn ends in the middle"},
		"process flags unknown":    {"kn", b(2, 'm', 2, 2, 0, 0, 0, 64), "attribute kn has flags"},
		"process count too large":  {"kn", b(2, 'm', 2, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0), "attribute kn has the number"},
		"ends truncated":           {"en", b(2, 'a', 1), "attribute en ends in the middle"},
		"end of unknown cause":     {"en", b(2, 'a', 99, 2), "attribute en has the cause 99"},
		"400 KB of nothing":        {"en", b(bytes.Repeat([]byte{0}, 390_000)...), "ended[0]"},
		"instant of type S":        {"rg", text("now"), "attribute rg is of type S"},
	} {
		it := item{}
		for k, v := range good {
			it[k] = v
		}
		if it[c.attribute] = c.value; c.value == nil {
			delete(it, c.attribute)
		}
		r, err := Decode(gateway(), it)
		var known *autoscaler.Error
		if r != nil || err == nil || !errors.As(err, &known) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, %v; want an Error that says %q", name, r, err, c.says)
		}
	}
}

// A newer form is refused as such, whatever else there is in it that nobody here knows.
func TestNewerFormIsSaidFirst(t *testing.T) {
	it := encode(walk(rand.New(rand.NewPCG(7, 7)), 40))
	it["f"], it["new"], it["v"] = decimal(2), text("x"), text("seven")
	if _, err := Decode(gateway(), it); err == nil || !strings.Contains(err.Error(), "version 2; this program reads up to 1") {
		t.Errorf("%v", err)
	}
}

// What is not UTF-8 is no string to DynamoDB, and what is no UUID in its usual form would
// come back as another id.
func TestOddIDs(t *testing.T) {
	now := start()
	terms := sessionstore.Terms{Owner: "idlescale", Now: now, Rules: sessionstore.Rules{}.WithDefaults()}
	rec := sessionstore.NewRecord(autoscaler.RegisterRequest{Ref: taskRef("t"), Revision: "\xff", Slots: 16, Level: autoscaler.LevelC, At: now}, terms)
	for _, id := range []sessionstore.SessionID{
		"01234567-89ab-cdef-0123-456789abcdef", "01234567-89AB-cdef-0123-456789abcdef", "0123456789abc-cdef-0123-456789abcdef",
		"01234567-89ab-cdef-0123-456789abcdeg", "01234567+89ab+cdef+0123+456789abcdef",
	} {
		if _, err := rec.Started(sessionstore.StartedRequest{Ref: rec.Ref(), Session: id, At: now}, terms, nil); err != nil {
			t.Fatal(err)
		}
	}
	it := encode(rec)
	if _, binary := it["rv"].(*types.AttributeValueMemberB); !binary {
		t.Errorf("a revision that is not UTF-8 is written as %T", it["rv"])
	}
	back, err := Decode(gateway(), it)
	if err != nil || document(t, back) != document(t, rec) {
		t.Errorf("read back %v, %v", back, err)
	}
}

// FuzzDecode reads items of any content. What is read is written back to be read the same.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(5) {
		it := encode(walk(rand.New(rand.NewPCG(seed, 3)), 50))
		r := read(it)
		f.Add(r.text("st"), r.text("fl"), r.text("di"), r.number("v"), r.number("n"), r.number("em"), r.bytes("se"), r.bytes("kn"), r.bytes("en"))
	}
	f.Fuzz(func(t *testing.T, state, flags, drain string, version, slots, emptied int64, sessions, processes, ends []byte) {
		it := key(gateway(), prefixTask+"t")
		w := writer{it}
		w.text("st", state)
		w.text("fl", flags)
		w.text("di", drain)
		for name, n := range map[string]int64{"f": 1, "v": version, "n": slots, "em": emptied, "rg": 1, "op": 1} {
			w.number(name, n)
		}
		w.bytes("se", sessions)
		w.bytes("kn", processes)
		w.bytes("en", ends)
		rec, err := Decode(gateway(), it)
		if err != nil {
			return
		}
		back, err := Decode(gateway(), encode(rec))
		if err != nil {
			t.Fatalf("%v: %s", err, document(t, rec))
		}
		if got, want := document(t, back), document(t, rec); got != want {
			t.Fatalf("read back\n%s\nwritten\n%s", got, want)
		}
	})
}

// TestKeys holds names of any bytes to keys that sort, and that are read back as they were.
func TestKeys(t *testing.T) {
	for _, task := range []string{"0123abcd", "a#b", "a/b", "a~b", "~", "%41", "ü", "\xff", " ", "a b"} {
		sk := taskKey(taskRef(task)).sortKey()
		back, err := taskOf(sk, prefixTask)
		if err != nil || string(back) != task {
			t.Errorf("%q is %q and comes back as %q, %v", task, sk, back, err)
		}
		if sk <= prefixTask || sk >= prefixTask+behind || strings.Contains(strings.TrimPrefix(sk, prefixTask), "#") {
			t.Errorf("%q has the key %q, outside the range that is queried", task, sk)
		}
	}
	if partition(autoscaler.ServiceID{Cluster: "a/b", Name: "c"}) == partition(autoscaler.ServiceID{Cluster: "a", Name: "b/c"}) {
		t.Error("two services share a partition")
	}
	for _, sk := range []string{"", "a#c", prefixTask, prefixTask + "%zz"} {
		if _, err := taskOf(sk, prefixTask); err == nil {
			t.Errorf("%q names a task", sk)
		}
	}
}
