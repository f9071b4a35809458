package dynamostore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

// ExampleUnits prints the price list.
func ExampleUnits() {
	for _, u := range dynamostore.Units() {
		fmt.Printf("%-46s %.0f write, %.1f read\n", u.Call, u.Write, u.Read)
	}
	// Output:
	// Begin                                          1 write, 2.0 read
	// Reserve                                        1 write, 2.0 read
	// Started                                        1 write, 2.0 read
	// End                                            1 write, 1.0 read
	// Touch                                          1 write, 1.0 read
	// Report                                         2 write, 1.5 read
	// Cordon, Reopen, Retire, Renew, Open, Barrier   1 write, 1.0 read
	// Register                                       1 write, 1.0 read
	// Forget                                         4 write, 3.0 read
	// Prove                                          0 write, 1.0 read
	// Activity                                       0 write, 0.5 read
	// SaveCheckpoint                                 4 write, 0.0 read
	// LoadCheckpoint                                 0 write, 1.0 read
	// Append                                         1 write, 0.0 read
}

func price(t *testing.T, call string) dynamo.Units {
	t.Helper()
	for _, u := range dynamostore.Units() {
		if strings.Contains(u.Call, call) {
			return dynamo.Units{Read: u.Read, Write: u.Write}
		}
	}
	t.Fatalf("%s has no price", call)
	return dynamo.Units{}
}

// TestUnits makes each call from a process that has seen nothing and from one that has,
// and holds it to the price list: the first to the whole price, the second to the writes.
func TestUnits(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.open("t", 16)
	d := func() autoscaler.DrainRef {
		return autoscaler.DrainRef{Ref: ref("t"), Drain: "d", Version: r.see("t").Version, At: r.Now()}
	}
	n := 0
	calls := []struct {
		name string
		call func(s *dynamostore.Store, before autoscaler.DrainRef) error
	}{
		{"Begin", func(s *dynamostore.Store, _ autoscaler.DrainRef) error {
			n++
			_, err := s.Begin(ctx, sessionstore.BeginRequest{Ref: ref("t"), Session: session(n), At: r.Now()})
			return err
		}},
		{"Reserve", func(s *dynamostore.Store, _ autoscaler.DrainRef) error {
			n++
			_, err := s.Reserve(ctx, sessionstore.ReserveRequest{Ref: ref("t"), Session: session(n), At: r.Now(), Until: r.Now().Add(time.Minute)})
			return err
		}},
		{"Started", func(s *dynamostore.Store, _ autoscaler.DrainRef) error {
			n++
			_, err := s.Started(ctx, sessionstore.StartedRequest{Ref: ref("t"), Session: session(n), At: r.Now()})
			return err
		}},
		{"Touch", func(s *dynamostore.Store, _ autoscaler.DrainRef) error {
			return s.Touch(ctx, sessionstore.TouchRequest{Ref: ref("t"), Session: session(1), At: r.Now(), DisconnectedUntil: r.Now().Add(time.Hour)})
		}},
		{"End", func(s *dynamostore.Store, _ autoscaler.DrainRef) error {
			n--
			return s.End(ctx, sessionstore.EndRequest{Ref: ref("t"), Session: session(n + 1), At: r.Now()})
		}},
		{"Report", func(s *dynamostore.Store, _ autoscaler.DrainRef) error {
			r.seq++
			_, err := s.Report(ctx, sessionstore.Report{Ref: ref("t"), Process: "main", Boot: 1, Seq: r.seq, At: r.Now(), Sessions: []sessionstore.SessionID{session(1)}, Count: 1})
			return err
		}},
		{"Cordon", func(s *dynamostore.Store, before autoscaler.DrainRef) error {
			_, err := s.Cordon(ctx, autoscaler.CordonRequest{Ref: ref("t"), Version: before.Version, Drain: "d", At: r.Now(), Until: r.Now().Add(time.Minute)})
			return err
		}},
		{"Renew", func(s *dynamostore.Store, before autoscaler.DrainRef) error {
			return s.Renew(ctx, before, r.Now().Add(time.Hour))
		}},
		{"Reopen", func(s *dynamostore.Store, before autoscaler.DrainRef) error { return s.Reopen(ctx, before) }},
		{"Append", func(s *dynamostore.Store, _ autoscaler.DrainRef) error {
			return s.Append(ctx, autoscaler.Entry{Service: gateway(), At: r.Now(), By: "pass", Step: "cordoned"})
		}},
	}
	for _, c := range calls {
		for _, known := range []bool{true, false} {
			s, before := r.store, d()
			if !known {
				s = r.another()
			}
			r.Advance(time.Second)
			before.At = r.Now()
			r.spent()
			r.must(c.call(s, before), c.name)
			got, want := r.spent(), price(t, c.name)
			// The lasting process has seen the task, unless another one wrote meanwhile.
			if known {
				want.Read, want.Write = want.Read+1, want.Write+1
			}
			if got.Read > want.Read || got.Write > want.Write {
				t.Errorf("%s, by a process that has seen the task: %t: %+v, at most %+v", c.name, known, got, want)
			}
		}
	}
}

// TestSessionCostsTwo runs a task of sixteen slots through thousands of sessions. A session
// costs a write as it begins and one as it ends, after ten thousand sessions as after ten;
// nothing is read. A report is no session's: it costs one write, and one more where it
// carries off what has ended. Without reports every eighth end pays that.
func TestSessionCostsTwo(t *testing.T) {
	for _, reports := range []bool{true, false} {
		c := &costs{rig: newRig(t), reports: reports}
		c.open("t", 16)
		c.measure(40) // the first fill the record
		first, firstReport := c.measure(400)
		want, wantReport, more := 2.0, 1.5, 20 // four sessions end between two reports, and eight share a unit
		if !reports {
			want, wantReport, more = 2.125, 0, 2
		}
		for range more {
			c.measure(480)
		}
		last, lastReport := c.measure(400)
		if first != want || last != want || firstReport != wantReport || lastReport != wantReport {
			t.Errorf("reports %t: a session costs %.3f write units at first and %.3f after %d, a report %.3f and %.3f; want %.3f and %.3f",
				reports, first, last, c.began, firstReport, lastReport, want, wantReport)
		}
		t.Logf("reports %t: a session costs %.3f write units at first and %.3f after %d; a report %.3f", reports, first, last, c.began, lastReport)
	}
}

// costs is a task whose slots are all taken, again and again.
type costs struct {
	*rig
	reports bool
	live    []sessionstore.SessionID
	began   int
}

// turn ends the oldest session of a full task, and begins another one.
func (c *costs) turn() {
	c.Advance(7 * time.Second)
	if len(c.live) == 16 {
		c.must(c.end("t", c.live[0]), "End")
		c.live = c.live[1:]
	}
	c.began++
	c.must(c.begin("t", session(c.began)), "Begin")
	c.live = append(c.live, session(c.began))
}

// measure returns what a session costs in write units, and what a report does.
func (c *costs) measure(sessions int) (session, report float64) {
	c.spent()
	sent, read := 0, 0.0
	for i := range sessions {
		c.turn()
		if i%4 != 3 {
			continue
		}
		spent := c.spent()
		session, read = session+spent.Write, read+spent.Read
		if c.reports {
			c.report("t", 16, c.live...)
			sent++
			spent := c.spent()
			report, read = report+spent.Write, read+spent.Read
		}
	}
	if read > float64(max(1, sent)) { // half a unit a minute, to hear of the controller
		c.t.Errorf("%d sessions and %d reports read %.1f units", sessions, sent, read)
	}
	return session / float64(sessions), report / float64(max(1, sent))
}

// TestReadsGrowWithBytes holds a pass to half a unit for four kilobytes of all the
// records, and a proof to one for each of its tasks.
func TestReadsGrowWithBytes(t *testing.T) {
	r := newRig(t)
	var tasks []autoscaler.TaskRef
	for i := range 240 {
		task := fmt.Sprintf("task-%04d", i)
		r.open(task, 16)
		r.must(r.begin(task, session(i)), "Begin")
		tasks = append(tasks, ref(task))
	}
	bytes := 0
	for _, it := range r.server.Items(tableName) {
		bytes += it.Size()
	}
	r.spent()
	a, err := r.store.Activity(t.Context(), gateway(), r.Now())
	r.must(err, "Activity")
	if u := r.spent(); len(a.Tasks) != len(tasks) || u.Read > float64(bytes/4096+2)/2 || u.Write > 0 {
		t.Errorf("a pass over %d tasks of %d bytes cost %+v", len(a.Tasks), bytes, u)
	}
	proved, err := r.store.Prove(t.Context(), tasks[:7], r.Now())
	r.must(err, "Prove")
	if u := r.spent(); len(proved) != 7 || u.Read != 7 || u.Write > 0 {
		t.Errorf("a proof of 7 cost %+v", u)
	}
}
