package autoscaler

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// guards protects nothing, and notes for which tasks it was asked to.
type guards struct {
	listing []TaskStatus
	asked   [][]TaskID
}

func (g *guards) Protect(_ context.Context, _ ServiceID, tasks []TaskID, _ time.Duration) ([]ItemFailure, error) {
	g.asked = append(g.asked, slices.Clone(tasks))
	return nil, nil
}

func (g *guards) List(context.Context, ServiceID) ([]TaskStatus, error) { return g.listing, nil }

// opening notes what records are told of protection.
type opening struct {
	Records
	told []OpenRequest
}

func (o *opening) Open(_ context.Context, req OpenRequest) (TaskActivity, error) {
	o.told = append(o.told, req)
	return TaskActivity{State: TaskOpen}, nil
}

func TestWhichTasksAPassProtects(t *testing.T) {
	left := func(d time.Duration) func(*TaskActivity, *TaskStatus) {
		return func(a *TaskActivity, _ *TaskStatus) { a.ProtectedUntil = guardAt.Add(d) }
	}
	// Of an hour less than is renewed with a session on the task.
	short := left(renewTheirs - time.Hour)
	silent := func(d time.Duration) func(*TaskActivity, *TaskStatus) {
		return func(a *TaskActivity, s *TaskStatus) { a.Processes = 0; left(d)(a, s) }
	}
	started := func(ago time.Duration) func(*TaskActivity, *TaskStatus) {
		return func(a *TaskActivity, s *TaskStatus) { a.State, s.StartedAt = TaskNew, guardAt.Add(-ago) }
	}
	for _, row := range []struct {
		name   string
		change []func(*TaskActivity, *TaskStatus)
		want   bool
	}{
		{"busy, and enough is left", []func(*TaskActivity, *TaskStatus){left(renewTheirs), sessions(1)}, false},
		{"busy, and it runs out", []func(*TaskActivity, *TaskStatus){short, sessions(1)}, true},
		{"unknown, and it runs out", []func(*TaskActivity, *TaskStatus){short, unknown}, true},
		{"idle, and it runs out: the task's own business", []func(*TaskActivity, *TaskStatus){short}, false},
		{"idle, and nothing is left", []func(*TaskActivity, *TaskStatus){left(0)}, true},
		{"new: it has its time to see to itself", []func(*TaskActivity, *TaskStatus){started(protectAfter)}, false},
		{"new, and it has not", []func(*TaskActivity, *TaskStatus){started(protectAfter + 1)}, true},
		{"new, and nothing reports there", []func(*TaskActivity, *TaskStatus){started(0), silent(0)}, true},
		{"nothing reports there, and half is left", []func(*TaskActivity, *TaskStatus){silent(renewOurs)}, false},
		{"nothing reports there, and less is", []func(*TaskActivity, *TaskStatus){silent(renewOurs - 1)}, true},
		{"another owner's", []func(*TaskActivity, *TaskStatus){silent(0), func(a *TaskActivity, _ *TaskStatus) { a.Foreign = true }}, false},
		{"retired: it is to lose it", []func(*TaskActivity, *TaskStatus){silent(0), func(a *TaskActivity, _ *TaskStatus) { a.State = TaskRetired }}, false},
		{"not running yet", []func(*TaskActivity, *TaskStatus){silent(0), func(_ *TaskActivity, s *TaskStatus) { s.LastStatus = "PENDING" }}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := acting("o")
			for _, change := range row.change {
				change(&r.v.activity[0], &r.v.state.Tasks[0])
			}
			if got := len(r.needy()) > 0; got != row.want {
				t.Errorf("protected: %v, want %v", got, row.want)
			}
		})
	}
}

func sessions(n int) func(*TaskActivity, *TaskStatus) {
	return func(a *TaskActivity, _ *TaskStatus) { a.Occupancy = Sessions(n) }
}

func unknown(a *TaskActivity, _ *TaskStatus) { a.Occupancy = Occupancy{} }

func TestECSIsAskedForTenProtectionsAtATime(t *testing.T) {
	r, g := acting(strings.Repeat("o", 11)), &guards{}
	r.c.guards = g
	r.protect(t.Context())
	if len(g.asked) != 2 || len(g.asked[0]) != 10 || len(g.asked[1]) != 1 {
		t.Errorf("asked for %v; want ten, and one", g.asked)
	}
}

func TestOpenTaskThatIsFoundBareIsTold(t *testing.T) {
	for _, row := range []struct {
		name   string
		marked time.Time
		told   bool
	}{{"for the first time", time.Time{}, true}, {"and was marked", guardAt.Add(-time.Hour), false}} {
		t.Run(row.name, func(t *testing.T) {
			r, records := acting("o"), &opening{}
			r.look, r.c.guards, r.c.records = true, &guards{listing: r.v.state.Tasks}, records
			a := &r.v.activity[0]
			a.ExposedAt = row.marked
			if !row.told { // what stands in the record is what is read
				a.ProtectedUntil = r.v.state.Tasks[0].ProtectedUntil
			}
			r.protect(t.Context())
			if told := hasCode(r.d.pass.Reasons, CodeUnprotected); told != row.told || len(records.told) > 0 != row.told {
				t.Errorf("said %v, its record told %v; want %v", told, records.told, row.told)
			}
		})
	}
}
