package memstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func gateway() autoscaler.ServiceID { return autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"} }

func ref(task string) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: gateway(), Task: autoscaler.TaskID(task)}
}

func ExampleNew() {
	ctx := context.Background()
	store := memstore.New(memstore.Config{Now: start})

	a, err := store.Register(ctx, autoscaler.RegisterRequest{Ref: ref("t1"), Level: autoscaler.LevelA, Slots: 4, At: start()})
	fmt.Println(a.State, err)
	a, err = store.Open(ctx, autoscaler.OpenRequest{
		Ref: ref("t1"), Version: a.Version, ProtectedUntil: start().Add(24 * time.Hour), At: start(),
	})
	fmt.Println(a.State, err)
	_, err = store.Begin(ctx, sessionstore.BeginRequest{Ref: ref("t1"), Session: "ann", At: start()})
	fmt.Println(err)
	activity, err := store.Activity(ctx, gateway(), start())
	fmt.Println(activity.Tasks[0].Occupancy, activity.Demand.Arrivals, err)
	// Output:
	// new <nil>
	// open <nil>
	// <nil>
	// 1 1 <nil>
}

// asking opens a task on which nothing reports.
func asking(t testing.TB, store *memstore.Store, task string, slots int) {
	t.Helper()
	a, err := store.Register(t.Context(), autoscaler.RegisterRequest{Ref: ref(task), Level: autoscaler.LevelA, Slots: slots, At: start()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = store.Open(t.Context(), autoscaler.OpenRequest{
		Ref: ref(task), Version: a.Version, ProtectedUntil: start().Add(24 * time.Hour), At: start(),
	}); err != nil {
		t.Fatal(err)
	}
}

// fill begins perTask sessions on each of the tasks.
func fill(t testing.TB, store *memstore.Store, ids []sessionstore.SessionID, perTask int) {
	t.Helper()
	for i, id := range ids {
		task := fmt.Sprintf("t%05d", i/perTask)
		if i%perTask == 0 {
			asking(t, store, task, perTask)
		}
		if _, err := store.Begin(t.Context(), sessionstore.BeginRequest{Ref: ref(task), Session: id, At: start()}); err != nil {
			t.Fatal(err)
		}
	}
}

func sessionIDs(n int) []sessionstore.SessionID {
	ids := make([]sessionstore.SessionID, n)
	for i := range ids {
		ids[i] = sessionstore.SessionID(fmt.Sprintf("%036d", i))
	}
	return ids
}

// TestMemory measures what a live session takes in the store besides its id,
// whose bytes belong to the caller here.
func TestMemory(t *testing.T) {
	const sessions, perTask, bound = 60_000, 200, 48
	ids := sessionIDs(sessions)
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	store := memstore.New(memstore.Config{Now: start})
	before := inUse()
	fill(t, store, ids, perTask)
	after := inUse()
	per := float64(after-before) / sessions
	t.Logf("%.1f bytes per live session besides its id, %d sessions a task", per, perTask)
	if per > bound {
		t.Errorf("%.1f bytes per live session, want %d at most", per, bound)
	}
	runtime.KeepAlive(ids)
	runtime.KeepAlive(store)
}

// Looking at a service that did not change must not visit its sessions: it is
// counted by allocations and asserted by the record's own test; here the two are
// printed side by side.
func BenchmarkActivity(b *testing.B) {
	for _, perTask := range []int{10, 200} {
		b.Run(fmt.Sprintf("sessions=%d", perTask), func(b *testing.B) {
			store := memstore.New(memstore.Config{Now: start})
			fill(b, store, sessionIDs(1000*perTask), perTask)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := store.Activity(b.Context(), gateway(), start()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBeginEnd(b *testing.B) {
	store := memstore.New(memstore.Config{Now: start})
	asking(b, store, "t", 16)
	ids := sessionIDs(1 << 16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := ids[i%len(ids)] + sessionstore.SessionID(rune('a'+i/len(ids)%26))
		if _, err := store.Begin(b.Context(), sessionstore.BeginRequest{Ref: ref("t"), Session: id, At: start()}); err != nil && !errors.Is(err, autoscaler.ErrGone) {
			b.Fatal(err)
		}
		if err := store.End(b.Context(), sessionstore.EndRequest{Ref: ref("t"), Session: id, At: start()}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestEveryCallHeedsItsContext(t *testing.T) {
	store := memstore.New(memstore.Config{Now: start})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"Activity":       func() error { _, err := store.Activity(ctx, gateway(), start()); return err },
		"Prove":          func() error { _, err := store.Prove(ctx, []autoscaler.TaskRef{ref("t")}, start()); return err },
		"Prove of none":  func() error { _, err := store.Prove(ctx, nil, start()); return err },
		"Cordon":         func() error { _, err := store.Cordon(ctx, autoscaler.CordonRequest{}); return err },
		"Register":       func() error { _, err := store.Register(ctx, autoscaler.RegisterRequest{}); return err },
		"Forget":         func() error { return store.Forget(ctx, autoscaler.ForgetRequest{}) },
		"Begin":          func() error { _, err := store.Begin(ctx, sessionstore.BeginRequest{}); return err },
		"Reserve":        func() error { _, err := store.Reserve(ctx, sessionstore.ReserveRequest{}); return err },
		"Started":        func() error { _, err := store.Started(ctx, sessionstore.StartedRequest{}); return err },
		"Touch":          func() error { return store.Touch(ctx, sessionstore.TouchRequest{}) },
		"End":            func() error { return store.End(ctx, sessionstore.EndRequest{}) },
		"Report":         func() error { _, err := store.Report(ctx, sessionstore.Report{}); return err },
		"ReportDemand":   func() error { return store.ReportDemand(ctx, sessionstore.DemandReport{}) },
		"LoadCheckpoint": func() error { _, err := store.LoadCheckpoint(ctx, gateway()); return err },
		"SaveCheckpoint": func() error { _, err := store.SaveCheckpoint(ctx, autoscaler.Checkpoint{}); return err },
		"Control":        func() error { _, err := store.Control(ctx, gateway()); return err },
		"SetControl":     func() error { return store.SetControl(ctx, gateway(), autoscaler.Control{}) },
		"Barrier":        func() error { return store.Barrier(ctx, sessionstore.BarrierRequest{}) },
		"GiveNotice":     func() error { return store.GiveNotice(ctx, autoscaler.DrainRef{}, start()) },
		"EndSessions":    func() error { _, err := store.EndSessions(ctx, autoscaler.DrainRef{}); return err },
		"Find":           func() error { _, err := store.Find(ctx, gateway(), "a"); return err },
		"Append":         func() error { return store.Append(ctx, autoscaler.Entry{}) },
		"Read":           func() error { _, err := store.Read(ctx, gateway(), "", start(), 1); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is past its time is removed by later writes, so that a store that runs
// for months does not grow.
func TestWhatIsPastItsTimeIsForgotten(t *testing.T) {
	for _, remember := range []time.Duration{0, time.Hour} {
		t.Run(remember.String(), func(t *testing.T) { forgotten(t, remember, cmp.Or(remember, sessionstore.GravestoneLife)) })
	}
}

// forgotten configures how long the store remembers, and checks how long it does.
func forgotten(t *testing.T, config, remember time.Duration) {
	clock := storetest.NewClock(start())
	store := memstore.New(memstore.Config{Now: clock.Now, Remember: config})
	began := clock.Now()
	for i := range 100 {
		task := fmt.Sprint("t", i)
		if err := store.End(t.Context(), sessionstore.EndRequest{Ref: ref("early"), Session: sessionstore.SessionID(task), At: clock.Now()}); err != nil {
			t.Fatal(err)
		}
		a, err := store.Register(t.Context(), autoscaler.RegisterRequest{Ref: ref(task), At: clock.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Forget(t.Context(), autoscaler.ForgetRequest{Ref: ref(task), Version: a.Version, At: clock.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	started := func(task, id string) sessionstore.Receipt {
		receipt, err := store.Started(t.Context(), sessionstore.StartedRequest{
			Ref: ref(task), Session: sessionstore.SessionID(id), At: clock.Now(), Began: began,
		})
		if err != nil {
			t.Fatal(err)
		}
		return receipt
	}
	clock.Advance(remember)
	if !started("t0", "a").Dropped || !started("early", "t99").Dropped {
		t.Fatal("forgotten too early")
	}
	clock.Advance(time.Minute)
	for i := range 100 {
		started(fmt.Sprint("other", i), "x")
	}
	for _, receipt := range []sessionstore.Receipt{started("t0", "a"), started("t99", "a"), started("early", "t99")} {
		if receipt.Dropped {
			t.Errorf("still remembered: %+v", receipt)
		}
	}
}

// What is shown is a copy: whoever looks may go on with it as it likes.
func TestRecordIsACopy(t *testing.T) {
	store := memstore.New(memstore.Config{Now: start})
	if _, ok := store.Record(ref("t")); ok {
		t.Fatal("a record that nobody made")
	}
	asking(t, store, "t", 2)
	r, ok := store.Record(ref("t"))
	if !ok || r.State() != autoscaler.TaskOpen {
		t.Fatalf("found %v", ok)
	}
	terms := sessionstore.Terms{Owner: memstore.DefaultOwner, Now: start(), Rules: sessionstore.Rules{}.WithDefaults()}
	if _, err := r.Begin(sessionstore.BeginRequest{Session: "a", At: start()}, terms, nil); err != nil {
		t.Fatal(err)
	}
	a, err := store.Prove(t.Context(), []autoscaler.TaskRef{ref("t")}, start())
	if err != nil || !a[0].Occupancy.Idle() {
		t.Errorf("the store's record holds %v, %v", a[0].Occupancy, err)
	}
}

func TestJournalIsBounded(t *testing.T) {
	store := memstore.New(memstore.Config{Now: start})
	const n = memstore.JournalLimit * 5 / 4
	for i := range n {
		if err := store.Append(t.Context(), autoscaler.Entry{At: start().Add(time.Duration(i)), Service: gateway()}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := store.Read(t.Context(), gateway(), "", start(), 0)
	if err != nil || len(entries) < memstore.JournalLimit || len(entries) > memstore.JournalLimit*9/8 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if last := entries[len(entries)-1].At; !last.Equal(start().Add(n - 1)) {
		t.Errorf("the newest entry is of %v", last)
	}
}

func TestSilentSourcesAreForgotten(t *testing.T) {
	clock := storetest.NewClock(start())
	store := memstore.New(memstore.Config{Now: clock.Now})
	tell := func(source string, seq int64) int64 {
		if err := store.ReportDemand(t.Context(), sessionstore.DemandReport{Service: gateway(), Source: source, Seq: seq, Refusals: 1, At: clock.Now()}); err != nil {
			t.Fatal(err)
		}
		a, err := store.Activity(t.Context(), gateway(), clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return a.Demand.Refusals
	}
	tell("a", 5)
	clock.Advance(sessionstore.GravestoneLife + time.Second)
	tell("b", 1)
	if n := tell("a", 1); n != 3 {
		t.Errorf("%d refusals, want 3: a source that was silent for 15 days counts anew", n)
	}
}
