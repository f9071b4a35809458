package dynamostore_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

// once lets one request of an operation go wrong, the next one.
func once(operation string, f dynamo.Fault) func(string) dynamo.Fault {
	done := false
	return func(op string) dynamo.Fault {
		if done || op != operation {
			return dynamo.FaultNone
		}
		done = true
		return f
	}
}

// patient is a client that does not ask again by itself.
func patient(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := dynamostore.New(dynamostore.Config{})
	for _, field := range []string{"Client", "Table"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

// A reply that is lost after the effect, and a request that is lost before it: the SDK's
// client asks again, and the session is there once.
func TestLostReplies(t *testing.T) {
	for _, fault := range []dynamo.Fault{dynamo.FaultReply, dynamo.FaultRequest, dynamo.FaultThrottle, dynamo.FaultInternal, dynamo.FaultConflict} {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.open("t", 4)
				r.server.SetFaults(once("UpdateItem", fault))
				r.must(r.begin("t", "a"), "Begin")
				r.server.SetFaults(once("UpdateItem", fault))
				r.must(r.begin("t", "b"), "Begin")
				r.server.SetFaults(once("UpdateItem", fault))
				r.must(r.end("t", "a"), "End")
				activity, err := r.store.Activity(t.Context(), gateway(), r.Now())
				r.must(err, "Activity")
				if a := r.see("t"); a.Occupancy != autoscaler.Sessions(1) || activity.Demand.Arrivals != 2 || activity.Demand.Departures != 1 {
					t.Errorf("%s sessions, demand %+v; want 1 of 2 that came", a.Occupancy, activity.Demand)
				}
			})
		})
	}
}

// Where the client does not ask again, the store reads what became of its write.
func TestLostReplyIsReadBack(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	r.store = r.another(patient)
	for _, c := range []struct {
		fault dynamo.Fault
		done  bool
	}{{dynamo.FaultReply, true}, {dynamo.FaultRequest, false}, {dynamo.FaultThrottle, false}} {
		id := sessionstore.SessionID(c.fault)
		r.server.SetFaults(once("UpdateItem", c.fault))
		if err := r.begin("t", id); (err == nil) != c.done {
			t.Errorf("%s: %v", c.fault, err)
		}
		_, err := r.store.Find(t.Context(), gateway(), id)
		if errors.Is(err, autoscaler.ErrNotFound) == c.done {
			t.Errorf("%s: %v", c.fault, err)
		}
	}
}

// The effect of a request that was given up comes when somebody else has written: it finds
// another version, and does nothing.
func TestLateRequestFindsAnotherVersion(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	r.store = r.another(patient)
	r.server.SetFaults(once("UpdateItem", dynamo.FaultLate))
	if err := r.begin("t", "late"); err == nil {
		t.Fatal("the reply was lost, and the write is said to have succeeded")
	}
	// Its broker gives up, as it must, by Abandon.
	r.must(r.store.Abandon(t.Context(), sessionstore.EndRequest{Ref: ref("t"), Session: "late", At: r.Now()}), "Abandon")
	r.server.Release()
	if a := r.see("t"); !a.Occupancy.Idle() {
		t.Errorf("%s sessions live after a begin that was withdrawn", a.Occupancy)
	}
}

// Another process retires the task between the last look of this one and its write. What
// this one remembers grants nothing.
func TestMemoryGrantsNothing(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	other := r.another()
	a := r.see("t")
	_, err := other.Cordon(t.Context(), autoscaler.CordonRequest{Ref: ref("t"), Version: a.Version, Drain: "d", At: r.Now(), Until: r.Now().Add(time.Hour)})
	r.must(err, "Cordon")
	r.seq++
	_, err = other.Report(t.Context(), sessionstore.Report{
		Ref: ref("t"), Process: "main", Boot: 1, Seq: r.seq, At: r.Now(), Closed: true, Acknowledges: "d",
	})
	r.must(err, "Report")
	r.must(other.Retire(t.Context(), autoscaler.DrainRef{Ref: ref("t"), Drain: "d", Version: r.see("t").Version, At: r.Now()}), "Retire")
	if err := r.begin("t", "a"); !errors.Is(err, autoscaler.ErrGone) {
		t.Errorf("Begin by a process that saw the task open: %v", err)
	}
}

// A task was full when this process saw it last, and has room now. It is asked, and not
// remembered.
func TestMemoryRefusesNothing(t *testing.T) {
	r := newRig(t)
	r.open("t", 1)
	r.must(r.begin("t", "a"), "Begin")
	r.must(r.another().End(t.Context(), sessionstore.EndRequest{Ref: ref("t"), Session: "a", At: r.Now()}), "End")
	r.must(r.begin("t", "b"), "Begin on a task that was full")
}

// Of many brokers that take the last slots at once, as many succeed as there are slots,
// whatever order their reads and writes have.
func TestRaceForSlots(t *testing.T) {
	r := newRig(t)
	r.open("t", 5)
	granted, full := 0, 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 8 {
		store := r.another()
		all.Go(func() {
			for j := range 3 {
				_, err := store.Begin(t.Context(), sessionstore.BeginRequest{Ref: ref("t"), Session: session(100*i + j), At: r.Now()})
				mu.Lock()
				switch {
				case err == nil:
					granted++
				case errors.Is(err, autoscaler.ErrTaskFull):
					full++
				case !errors.Is(err, autoscaler.ErrConflict):
					t.Errorf("Begin: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if a := r.see("t"); granted != 5 || full == 0 || a.Occupancy != autoscaler.Sessions(5) {
		t.Errorf("%d granted, %d told that the task is full, the record holds %s; want 5", granted, full, a.Occupancy)
	}
}

// Two controllers save the very words at once, and one of them has to lose.
func TestSameCheckpointTwice(t *testing.T) {
	r := newRig(t)
	c := autoscaler.Checkpoint{Version: autoscaler.CheckpointVersion, Service: gateway(), WantOpen: 3, HasWant: true}
	_, err := r.store.SaveCheckpoint(t.Context(), c)
	r.must(err, "SaveCheckpoint")
	if _, err := r.another().SaveCheckpoint(t.Context(), c); !errors.Is(err, autoscaler.ErrConflict) {
		t.Errorf("the second controller: %v", err)
	}
}

// A save whose reply was lost is known by its mark.
func TestSaveWithALostReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, store := range []*dynamostore.Store{r.store, r.another(patient)} {
			c, err := store.LoadCheckpoint(t.Context(), gateway())
			r.must(err, "LoadCheckpoint")
			r.server.SetFaults(once("UpdateItem", dynamo.FaultReply))
			revision, err := store.SaveCheckpoint(t.Context(), c)
			if err != nil || revision != c.Revision+1 {
				t.Errorf("saved %d over %d, %v", revision, c.Revision, err)
			}
		}
	})
}

// An end and a start that find no record pass each other: whichever is second sees the
// other one, and the session has ended.
func TestEndAndStartWithoutARecord(t *testing.T) {
	for _, first := range []string{"PutItem", "UpdateItem"} {
		r := newRig(t)
		other, passed := r.another(), false
		r.server.Before(func(operation string) {
			if operation != first || passed {
				return
			}
			passed = true
			if first == "PutItem" { // the end is about to be written beside no record
				_, err := other.Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: "a", At: r.Now()})
				r.must(err, "Started")
				return
			}
			r.must(other.End(t.Context(), sessionstore.EndRequest{Ref: ref("t"), Session: "a", At: r.Now()}), "End")
		})
		if first == "PutItem" {
			r.must(r.end("t", "a"), "End")
		} else {
			receipt, err := r.store.Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: "a", At: r.Now()})
			r.must(err, "Started")
			if !receipt.Dropped {
				t.Errorf("a session that had ended meanwhile was taken: %+v", receipt)
			}
		}
		f, err := r.store.Find(t.Context(), gateway(), "a")
		if !passed || err != nil || f.State != sessionstore.SessionEnded {
			t.Errorf("passed before %s: %t; found %+v, %v", first, passed, f, err)
		}
	}
}

// A record of two hundred sessions takes no more that ask. One more that is told of makes
// the task unknown, until a report repairs it.
func TestFullRecord(t *testing.T) {
	r := newRig(t)
	r.open("t", 400)
	var ids []sessionstore.SessionID
	for i := range 200 {
		ids = append(ids, session(i))
		r.must(r.begin("t", ids[i]), "Begin")
	}
	if err := r.begin("t", "one more"); !errors.Is(err, autoscaler.ErrTaskFull) {
		t.Errorf("the 201st asks: %v", err)
	}
	receipt, err := r.store.Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: "told", At: r.Now()})
	r.must(err, "Started")
	if _, known := r.see("t").Occupancy.Sessions(); !receipt.Overflow || known {
		t.Errorf("the 201st is told of: %+v, the task is known: %t", receipt, known)
	}
	r.Advance(time.Second)
	r.report("t", 400, append(ids, "told")...)
	if a := r.see("t"); a.Occupancy != autoscaler.Sessions(201) {
		t.Errorf("after a report: %s sessions, want 201", a.Occupancy)
	}
}

// What cannot be read counts as busy, is written by nobody, and holds nothing else up.
func TestHostileItem(t *testing.T) {
	for name, spoil := range map[string]func(dynamo.Item){
		"newer form":        func(it dynamo.Item) { it["f"] = dynamo.Number("2") },
		"wrong type":        func(it dynamo.Item) { it["v"] = dynamo.String("1") },
		"missing version":   func(it dynamo.Item) { delete(it, "v") },
		"unknown attribute": func(it dynamo.Item) { it["new"] = dynamo.String("x") },
		"400 KB":            func(it dynamo.Item) { it["se"] = dynamo.Binary(make([]byte, 399_000)) },
		"not UTF-8":         func(it dynamo.Item) { it["se"] = dynamo.Binary([]byte{2, 0xff, 0xff}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.open("t", 4)
			r.open("well", 4)
			for _, it := range r.server.Items(tableName) {
				if strings.HasSuffix(*it["sk"].S, "#t") {
					spoil(it)
					r.must(r.server.Plant(tableName, it), "Plant")
				}
			}
			before := r.server.Items(tableName)
			r.store = r.another()
			activity, err := r.store.Activity(t.Context(), gateway(), r.Now())
			r.must(err, "Activity")
			if len(activity.Tasks) != 2 || activity.Tasks[0].Ref != ref("t") || activity.Tasks[0].Occupancy.Idle() || activity.Tasks[0].State == autoscaler.TaskOpen {
				t.Errorf("a pass sees %+v", activity.Tasks)
			}
			for call, f := range map[string]func() error{
				"Begin": func() error { return r.begin("t", "a") },
				"End":   func() error { return r.end("t", "a") },
				"Prove": func() error {
					_, err := r.store.Prove(t.Context(), []autoscaler.TaskRef{ref("t")}, r.Now())
					return err
				},
				"Retire": func() error {
					return r.store.Retire(t.Context(), autoscaler.DrainRef{Ref: ref("t"), Drain: "d", Version: 2, At: r.Now()})
				},
			} {
				var known *autoscaler.Error
				if err := f(); !errors.As(err, &known) || known.Hint == "" {
					t.Errorf("%s: %v", call, err)
				}
			}
			if after := r.server.Items(tableName); len(after) != len(before) || !reflect.DeepEqual(sizes(after), sizes(before)) {
				t.Error("something was written")
			}
			r.must(r.begin("well", "a"), "Begin on the other task")
		})
	}
}

func sizes(items []dynamo.Item) map[string]int {
	m := map[string]int{}
	for _, it := range items {
		m[*it["sk"].S] = it.Size()
	}
	return m
}

// Another owner's record is seen as such, and left alone.
func TestForeignOwner(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	theirs := r.another().As("other")
	_, err := theirs.Begin(t.Context(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: r.Now()})
	if !errors.Is(err, autoscaler.ErrForeign) {
		t.Errorf("Begin by another owner: %v", err)
	}
	activity, err := theirs.Activity(t.Context(), gateway(), r.Now())
	if err != nil || !activity.Tasks[0].Foreign {
		t.Errorf("%+v, %v", activity, err)
	}
}

// A machine whose clock is off is told so by the table's answers, and may not begin; one
// whose clock is right may.
func TestClockOfTheTable(t *testing.T) {
	for _, off := range []time.Duration{0, 2 * time.Second, time.Minute, -time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			server := dynamo.New(dynamo.Config{Now: func() time.Time { return time.Now().Add(-off) }})
			if err := dynamostore.EnsureTable(t.Context(), server.Client(), tableName); err != nil {
				t.Fatal(err)
			}
			store, err := dynamostore.New(dynamostore.Config{Client: server.Client(), Table: tableName})
			if err != nil {
				t.Fatal(err)
			}
			_, err = store.Register(t.Context(), autoscaler.RegisterRequest{Ref: ref("t"), Slots: 4, Processes: 0, Level: autoscaler.LevelA, At: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			_, err = store.Begin(t.Context(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: time.Now()})
			if wrong := off.Abs() > autoscaler.SkewBound; errors.Is(err, autoscaler.ErrClock) != wrong {
				t.Errorf("off by %v: %v", off, err)
			}
		})
	}
}

// Five thousand tasks are read page by page.
func TestFiveThousandTasks(t *testing.T) {
	r := newRig(t)
	r.open("t", 16)
	for i := range 16 {
		r.must(r.begin("t", session(i)), "Begin")
	}
	var model dynamo.Item
	for _, it := range r.server.Items(tableName) {
		if strings.HasSuffix(*it["sk"].S, "#t") {
			model = it
		}
	}
	const tasks = 5000
	for i := range tasks - 1 {
		it := model.Clone()
		it["sk"] = dynamo.String(fmt.Sprintf("a#t#%06d", i))
		r.must(r.server.Plant(tableName, it), "Plant")
	}
	before := r.server.Calls()["Query"]
	a, err := r.store.Activity(t.Context(), gateway(), r.Now())
	r.must(err, "Activity")
	pages := r.server.Calls()["Query"] - before
	if len(a.Tasks) != tasks || pages < 3 {
		t.Errorf("%d tasks in %d pages", len(a.Tasks), pages)
	}
	held := 0
	for _, task := range a.Tasks {
		n, _ := task.Occupancy.Sessions()
		held += n
	}
	if held != 16*tasks {
		t.Errorf("%d sessions, want %d", held, 16*tasks)
	}
	var some []autoscaler.TaskRef
	for _, task := range a.Tasks[:350] {
		some = append(some, task.Ref)
	}
	r.server.SetFaults(once("BatchGetItem", dynamo.FaultStale)) // answered in part
	proved, err := r.store.Prove(t.Context(), some, r.Now())
	r.must(err, "Prove")
	if len(proved) != 350 || proved[349].Ref != some[349] {
		t.Errorf("%d of 350 proved", len(proved))
	}
}

// A read that fails is an error and never a short answer.
func TestReadsFailWhole(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	r.store = r.another(patient)
	for operation, call := range map[string]func() error{
		"Query": func() error { _, err := r.store.Activity(t.Context(), gateway(), r.Now()); return err },
		"BatchGetItem": func() error {
			_, err := r.store.Prove(t.Context(), []autoscaler.TaskRef{ref("t")}, r.Now())
			return err
		},
		"GetItem": func() error {
			return r.another(patient).Touch(t.Context(), sessionstore.TouchRequest{Ref: ref("t"), Session: "a", At: r.Now()})
		},
	} {
		r.server.SetFaults(once(operation, dynamo.FaultInternal))
		var known *autoscaler.Error
		if err := call(); !errors.As(err, &known) || !strings.Contains(err.Error(), tableName) {
			t.Errorf("%s: %v", operation, err)
		}
	}
}

// The counts of a task outlast its gravestone, and are there once: also where the fold was
// cut short after any of its calls.
func TestCountsOutlastTheGravestone(t *testing.T) {
	for cut := range 7 {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			r := newRig(t)
			for i, task := range []string{"a", "b"} {
				r.open(task, 4)
				r.must(r.begin(task, session(i)), "Begin")
				r.must(r.end(task, session(i)), "End")
			}
			r.store = r.another(patient)
			forget := func(task string, survive int) error {
				request := autoscaler.ForgetRequest{Ref: ref(task), At: r.Now(), Version: r.see(task).Version}
				calls := 0
				r.server.SetFaults(func(string) dynamo.Fault {
					if calls++; calls > survive {
						return dynamo.FaultRequest
					}
					return dynamo.FaultNone
				})
				defer r.server.SetFaults(nil)
				return r.store.Forget(t.Context(), request)
			}
			want := func(when string) {
				t.Helper()
				activity, err := r.store.Activity(t.Context(), gateway(), r.Now())
				r.must(err, "Activity")
				if d := activity.Demand; d.Arrivals != 2 || d.Departures != 2 {
					t.Errorf("%s: %+v, want 2 of each", when, d)
				}
			}
			if err := forget("a", cut); err == nil {
				t.Fatal("cut short, and nobody says so")
			}
			want("after a fold that was cut short")
			r.must(forget("b", 1000), "Forget")
			want("after the next fold")
			if cut >= 3 { // before that the task was not forgotten
				r.Advance(sessionstore.GravestoneLife + time.Hour)
				r.server.Expire(tableName)
				want("after the gravestones have gone")
			}
		})
	}
}

// Reads that may be old never decide: neither what has ended, nor what a record says.
func TestOldReadsDecideNothing(t *testing.T) {
	r := newRig(t)
	r.open("t", 1)
	r.server.SetFaults(func(string) dynamo.Fault { return dynamo.FaultStale })
	for i := range 30 {
		r.Advance(time.Second)
		if _, err := r.another().Begin(t.Context(), sessionstore.BeginRequest{Ref: ref("t"), Session: session(i), At: r.Now()}); err != nil {
			t.Fatalf("begin %d on a task that is empty: %v", i, err)
		}
		r.must(r.another().End(t.Context(), sessionstore.EndRequest{Ref: ref("t"), Session: session(i), At: r.Now()}), "End")
		if i < sessionstore.EndedLimit {
			continue
		}
		// The record gave up its older half at the end of session 16, just now at first, so
		// that a read that may be old does not see it yet.
		for j := range sessionstore.EndedLimit / 2 {
			receipt, err := r.another().Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: session(j), At: r.Now(), Began: clock()})
			if err != nil || !receipt.Dropped {
				t.Fatalf("a late start of session %d after %d: %+v, %v", j, i, receipt, err)
			}
		}
	}
}

// A teller whose clock is an hour ahead and whose message takes as long seems to tell of a
// session that has just begun.
func TestLateStartByAClockAhead(t *testing.T) {
	r := newRig(t)
	r.shed("t")
	r.Advance(30 * time.Minute)
	receipt, err := r.store.Started(t.Context(), sessionstore.StartedRequest{
		Ref: ref("t"), Session: session(0), At: r.Now().Add(time.Minute), Began: r.Now(),
	})
	if err != nil || !receipt.Dropped {
		t.Errorf("%+v, %v", receipt, err)
	}
}

// What a report carries off beside the record is known there to every process.
func TestReportSheds(t *testing.T) {
	r := newRig(t)
	r.shed("t")
	for i := range 12 {
		receipt, err := r.another().Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: session(i), At: r.Now(), Began: clock()})
		if err != nil || !receipt.Dropped {
			t.Errorf("a late start of session %d: %+v, %v", i, receipt, err)
		}
	}
	beside := 0
	for _, it := range r.server.Items(tableName) {
		if strings.HasPrefix(*it["sk"].S, "e#") {
			beside++
		}
	}
	if beside != 1 {
		t.Errorf("%d items beside the record, want the one that the report wrote", beside)
	}
}

// Somebody whose clock is days ahead says nothing of when a session began.
func TestLateStartByAWrongClock(t *testing.T) {
	r := newRig(t)
	for i := range 40 {
		r.Advance(time.Second)
		r.must(r.end("t", session(i)), "End")
	}
	r.open("t", 4)
	ahead := r.Now().Add(48 * time.Hour)
	for i, req := range []sessionstore.StartedRequest{{At: ahead}, {At: r.Now(), Began: ahead}} {
		req.Ref, req.Session = ref("t"), session(i)
		receipt, err := r.store.Started(t.Context(), req)
		if err != nil || !receipt.Dropped {
			t.Errorf("%+v: %+v, %v", req, receipt, err)
		}
	}
}

// A call that is overtaken again and again keeps all that it makes a record give up, and
// nothing twice.
func TestGivenUpAnew(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	end := func(s *dynamostore.Store, i int) {
		r.Advance(time.Second)
		r.must(s.End(t.Context(), sessionstore.EndRequest{Ref: ref("t"), Session: session(i), At: r.Now()}), "End")
	}
	for i := range 16 {
		end(r.store, i)
	}
	other, overtaken, puts := r.another(), false, 0
	r.server.Before(func(operation string) {
		switch {
		case operation == "PutItem":
			puts++
		case operation == "UpdateItem" && !overtaken:
			overtaken = true
			for i := 17; i < 25; i++ {
				end(other, i)
			}
		}
	})
	end(r.store, 16)
	if puts != 3 { // 0–7 by each of the two, and 8–15 by the one that is made anew
		t.Errorf("%d items were put beside the record, want 3", puts)
	}
	for i := range 16 {
		receipt, err := r.another().Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: session(i), At: r.Now(), Began: clock()})
		if err != nil || !receipt.Dropped {
			t.Errorf("a late start of session %d: %+v, %v", i, receipt, err)
		}
	}
}

// A task hears of the controller within a minute, by whatever process it reports.
func TestControllerIsHeardOf(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	_, err := r.another().SaveCheckpoint(t.Context(), autoscaler.Checkpoint{Version: autoscaler.CheckpointVersion, Service: gateway()})
	r.must(err, "SaveCheckpoint")
	saved := r.Now()
	r.Advance(61 * time.Second)
	if order := r.report("t", 4); !order.ControllerAt.Equal(saved) {
		t.Errorf("heard of at %v, want %v", order.ControllerAt, saved)
	}
}

// A gravestone lasts for fifteen days, whether DynamoDB has removed it by then or not.
func TestGravestoneEnds(t *testing.T) {
	for _, removed := range []bool{true, false} {
		r := newRig(t)
		r.open("t", 4)
		r.must(r.store.Forget(t.Context(), autoscaler.ForgetRequest{Ref: ref("t"), Version: r.see("t").Version, At: r.Now()}), "Forget")
		r.Advance(sessionstore.GravestoneLife - time.Minute)
		if _, err := r.store.Register(t.Context(), autoscaler.RegisterRequest{Ref: ref("t"), At: r.Now()}); !errors.Is(err, autoscaler.ErrGone) {
			t.Errorf("within fifteen days: %v", err)
		}
		r.Advance(2 * time.Minute)
		if removed {
			r.server.Expire(tableName)
			if len(r.server.Items(tableName)) > 1 { // the service's counts are left
				t.Errorf("%d items are left", len(r.server.Items(tableName)))
			}
		}
		if _, err := r.another().Prove(t.Context(), []autoscaler.TaskRef{ref("t")}, r.Now()); !errors.Is(err, autoscaler.ErrNotFound) {
			t.Errorf("afterwards, removed: %t: %v", removed, err)
		}
		for _, store := range []*dynamostore.Store{r.store, r.another()} {
			a, err := store.Register(t.Context(), autoscaler.RegisterRequest{Ref: ref("t"), At: r.Now()})
			if err != nil || a.State != autoscaler.TaskNew || a.Version != 1 {
				t.Errorf("registered anew, removed: %t: %+v, %v", removed, a, err)
			}
		}
	}
}

// A task's record was forgotten, removed and made anew by others. A process that remembers
// its gravestone neither says that there is none nor writes over it, though the new record
// has come to the gravestone's version.
func TestAnotherLife(t *testing.T) {
	for call, f := range map[string]func(r *rig, old *dynamostore.Store) error{
		"Register": func(r *rig, old *dynamostore.Store) error {
			_, err := old.Register(t.Context(), autoscaler.RegisterRequest{Ref: ref("t"), Slots: 9, At: r.Now()})
			return err
		},
		"Begin": func(r *rig, old *dynamostore.Store) error {
			_, err := old.Begin(t.Context(), sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: r.Now()})
			return err
		},
	} {
		r := newRig(t)
		r.open("t", 4)
		grave := r.see("t").Version + 1
		r.must(r.store.Forget(t.Context(), autoscaler.ForgetRequest{Ref: ref("t"), Version: grave - 1, At: r.Now()}), "Forget")
		old := r.store
		r.Advance(sessionstore.GravestoneLife + time.Minute)
		r.server.Expire(tableName)
		r.store = r.another()
		r.open("t", 4)
		r.must(r.begin("t", "a"), "Begin")
		if v := r.see("t").Version; v != grave {
			t.Fatalf("the new record is at version %d, and the gravestone was at %d", v, grave)
		}
		if err := f(r, old); err != nil {
			t.Errorf("%s: %v", call, err)
		}
		if a := r.see("t"); a.Slots != 4 || a.Occupancy != autoscaler.Sessions(1) {
			t.Errorf("%s wrote over the record: %+v", call, a)
		}
	}
}

// Two processes make a record at once: one makes it, and the other one finds it.
func TestRecordIsMadeOnce(t *testing.T) {
	r := newRig(t)
	other, passed := r.another(), false
	var made sessionstore.Receipt
	r.server.Before(func(operation string) {
		if operation != "UpdateItem" || passed {
			return
		}
		passed = true
		var err error
		made, err = other.Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: "a", At: r.Now()})
		r.must(err, "Started")
	})
	if order := r.report("t", 4); order.Version != made.Version+1 {
		t.Errorf("the report left version %d on a record that was at %d", order.Version, made.Version)
	}
	if f, err := r.store.Find(t.Context(), gateway(), "a"); !passed || err != nil || f.State != sessionstore.SessionLive {
		t.Errorf("passed: %t; the session is found as %+v, %v", passed, f, err)
	}
}

// Where it cannot be read whether a session has ended, its start is refused, and comes
// again.
func TestUnreadableEnds(t *testing.T) {
	r := newRig(t)
	r.open("t", 4)
	for i := range 20 {
		r.Advance(time.Second)
		r.must(r.end("t", session(i)), "End")
	}
	r.store = r.another(patient)
	r.server.SetFaults(once("Query", dynamo.FaultInternal))
	_, err := r.store.Started(t.Context(), sessionstore.StartedRequest{Ref: ref("t"), Session: session(0), At: r.Now(), Began: clock()})
	if a := r.see("t"); err == nil || !a.Occupancy.Idle() {
		t.Errorf("%v; %s sessions live", err, a.Occupancy)
	}
}

// A context that has ended is the answer, before anything is called.
func TestCanceled(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := r.server.Calls()
	_, err := r.store.Begin(ctx, sessionstore.BeginRequest{Ref: ref("t"), Session: "a", At: r.Now()})
	if !errors.Is(err, context.Canceled) || !reflect.DeepEqual(r.server.Calls(), calls) {
		t.Errorf("%v", err)
	}
}

// A broker that has long been silent is folded when a new one appears: its refusals stay,
// and it may count anew.
func TestSilentBrokers(t *testing.T) {
	r := newRig(t)
	tell := func(source string, seq int64, refusals int) int64 {
		t.Helper()
		r.must(r.store.ReportDemand(t.Context(), sessionstore.DemandReport{
			Service: gateway(), Source: source, Seq: seq, Refusals: refusals, Waiting: 1, At: r.Now(),
		}), "ReportDemand")
		a, err := r.store.Activity(t.Context(), gateway(), r.Now())
		r.must(err, "Activity")
		return a.Demand.Refusals
	}
	tell("a", 5, 2)
	tell("b", 7, 4)
	r.Advance(sessionstore.GravestoneLife + time.Second)
	if n := tell("c", 1, 1); n != 7 {
		t.Errorf("%d refusals after a broker was silent for fifteen days, want 7", n)
	}
	if n := len(r.server.Items(tableName)); n != 2 { // the new broker, and the service's counts
		t.Errorf("%d items are left, want 2", n)
	}
	if n := tell("a", 1, 1); n != 8 {
		t.Errorf("%d refusals after it counts anew, want 8", n)
	}
}
