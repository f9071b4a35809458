package dynamostore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
)

func gateway() autoscaler.ServiceID { return autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"} }

func ref(task string) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: gateway(), Task: autoscaler.TaskID(task)}
}

const tableName = "sessions"

// rig is a store on the fake, with its clock.
type rig struct {
	*storetest.Clock
	t      *testing.T
	server *dynamo.Server
	store  *dynamostore.Store
	seq    int64
}

func newRig(t *testing.T) *rig {
	t.Helper()
	now := storetest.NewClock(clock())
	r := &rig{Clock: now, t: t, server: dynamo.New(dynamo.Config{Now: now.Now})}
	if err := dynamostore.EnsureTable(t.Context(), r.server.Client(), tableName); err != nil {
		t.Fatal(err)
	}
	r.store = r.another()
	r.server.Units()
	return r
}

// another is the store in another process: it has seen nothing yet.
func (r *rig) another(options ...func(*dynamodb.Options)) *dynamostore.Store {
	r.t.Helper()
	store, err := dynamostore.New(dynamostore.Config{Client: r.server.Client(options...), Table: tableName, Now: r.Now})
	if err != nil {
		r.t.Fatal(err)
	}
	return store
}

func (r *rig) must(err error, what string) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%s: %v", what, err)
	}
}

// report is the next report of a task's process.
func (r *rig) report(task string, slots int, sessions ...sessionstore.SessionID) sessionstore.Order {
	r.t.Helper()
	r.seq++
	order, err := r.store.Report(r.t.Context(), sessionstore.Report{
		Ref: ref(task), Process: "main", Boot: 1, Seq: r.seq, At: r.Now(), Level: autoscaler.LevelA, Slots: slots, Processes: 1,
		Sessions: sessions, Count: len(sessions), ProtectedUntil: r.Now().Add(24 * time.Hour),
	})
	r.must(err, "Report")
	return order
}

// open makes a task that admits sessions.
func (r *rig) open(task string, slots int) {
	r.t.Helper()
	order := r.report(task, slots)
	_, err := r.store.Open(r.t.Context(), autoscaler.OpenRequest{
		Ref: ref(task), Version: order.Version, ProtectedUntil: r.Now().Add(24 * time.Hour), At: r.Now(),
	})
	r.must(err, "Open")
}

func (r *rig) begin(task string, id sessionstore.SessionID) error {
	_, err := r.store.Begin(r.t.Context(), sessionstore.BeginRequest{Ref: ref(task), Session: id, At: r.Now()})
	return err
}

func (r *rig) end(task string, id sessionstore.SessionID) error {
	return r.store.End(r.t.Context(), sessionstore.EndRequest{Ref: ref(task), Session: id, At: r.Now()})
}

// shed makes an open task of which twelve sessions have come and gone, 0 to 11, of which a
// report carried eight off beside the record.
func (r *rig) shed(task string) {
	r.t.Helper()
	r.open(task, 4)
	for i := range 12 {
		r.Advance(time.Second)
		r.must(r.begin(task, session(i)), "Begin")
		r.must(r.end(task, session(i)), "End")
	}
	r.report(task, 4)
}

// see is the task as a proof shows it.
func (r *rig) see(task string) autoscaler.TaskActivity {
	r.t.Helper()
	a, err := r.another().Prove(r.t.Context(), []autoscaler.TaskRef{ref(task)}, r.Now())
	r.must(err, "Prove")
	return a[0]
}

// spent is what was paid since the last look.
func (r *rig) spent() dynamo.Units {
	total, _ := r.server.Units()
	return total
}

// session is the n-th session's id, a UUID.
func session(n int) sessionstore.SessionID {
	return sessionstore.SessionID(fmt.Sprintf("%08x-0000-4000-8000-%012x", n*2654435761&0xffffffff, n))
}
