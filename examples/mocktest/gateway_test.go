package mocktest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalermock"
	"github.com/seed-979cce96/idlescale/examples/mocktest"
	"github.com/seed-979cce96/idlescale/policy"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// mocks are the backends of one pass. A call that a test did not ask for fails
// it, so "nothing is stopped" needs no line of its own.
type mocks struct {
	sessions *autoscalermock.MockSessionStore
	scaler   *autoscalermock.MockScaler
	ctl      *autoscaler.Controller
}

// gateway has two open tasks with ten slots each, that hold the sessions given,
// at a CPU use in percent.
func gateway(t *testing.T, cpu float64, first, second int) mocks {
	t.Helper()
	c := gomock.NewController(t)
	m := mocks{sessions: autoscalermock.NewMockSessionStore(c), scaler: autoscalermock.NewMockScaler(c)}

	m.sessions.EXPECT().Activity(gomock.Any(), mocktest.Gateway(), now).AnyTimes().Return(autoscaler.Activity{
		Tasks: []autoscaler.TaskActivity{record("t-1", first), record("t-2", second)},
	}, nil)
	m.scaler.EXPECT().Describe(gomock.Any(), mocktest.Gateway()).AnyTimes().Return(twoTasks(), nil)
	utilization := autoscalermock.NewMockUtilizationSource(c)
	utilization.EXPECT().Utilization(gomock.Any(), mocktest.Gateway(), now).AnyTimes().Return(autoscaler.Utilization{
		autoscaler.MetricCPU:    {Value: cpu, At: now.Add(-time.Minute)},
		autoscaler.MetricMemory: {Value: 40, At: now.Add(-time.Minute)},
	}, nil)

	var err error
	m.ctl, err = mocktest.NewController(mocktest.Backends{
		Sessions: m.sessions, Scaler: m.scaler, State: checkpoints(c), Utilization: utilization,
		Records: autoscalermock.NewMockRecords(c), Drains: autoscalermock.NewMockDrainWorkflow(c),
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// record is an open task of an application that asks before it admits.
func record(id autoscaler.TaskID, sessions int) autoscaler.TaskActivity {
	return autoscaler.TaskActivity{
		Ref: autoscaler.TaskRef{Service: mocktest.Gateway(), Task: id}, Version: 7, State: autoscaler.TaskOpen,
		Level: autoscaler.LevelA, Slots: 10, Occupancy: autoscaler.Sessions(sessions), Processes: 1,
		ProtectedUntil: now.Add(20 * time.Hour), Opened: now.Add(-time.Hour), IdleSince: now.Add(-time.Hour), LastReport: now,
	}
}

// twoTasks is the service as ECS shows it: steady, both tasks running.
func twoTasks() autoscaler.ServiceState {
	s := autoscaler.ServiceState{
		Service: mocktest.Gateway(), At: now, Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS", Desired: 2, Running: 2,
		Deployments: []autoscaler.Deployment{{ID: "ecs-svc/1", Primary: true, Rollout: "COMPLETED", Desired: 2, Running: 2}},
	}
	for _, id := range []autoscaler.TaskID{"t-1", "t-2"} {
		s.Tasks = append(s.Tasks, autoscaler.TaskStatus{
			ID: id, Deployment: "ecs-svc/1", LastStatus: "RUNNING", DesiredStatus: "RUNNING",
			CreatedAt: now.Add(-time.Hour), StartedAt: now.Add(-time.Hour),
		})
	}
	return s
}

// checkpoints is the one mock with a memory: a dangerous call is computed from
// the checkpoint that the pass has saved.
func checkpoints(c *gomock.Controller) *autoscalermock.MockStateStore {
	kept := autoscaler.Checkpoint{
		Service: mocktest.Gateway(), Revision: 1, SavedAt: now.Add(-time.Minute),
		Desired: autoscaler.DesiredCount{Value: 2, Previous: 2, Known: true},
	}
	state := autoscalermock.NewMockStateStore(c)
	state.EXPECT().Control(gomock.Any(), gomock.Any()).AnyTimes()
	state.EXPECT().LoadCheckpoint(gomock.Any(), gomock.Any()).AnyTimes().DoAndReturn(
		func(context.Context, autoscaler.ServiceID) (autoscaler.Checkpoint, error) { return kept.Clone(), nil })
	state.EXPECT().SaveCheckpoint(gomock.Any(), gomock.Any()).AnyTimes().DoAndReturn(
		func(_ context.Context, saved autoscaler.Checkpoint) (int64, error) {
			kept = saved.Clone()
			kept.Revision++
			return kept.Revision, nil
		})
	return state
}

// reconcile makes one pass and looks for a reason in it.
func (m mocks) reconcile(t *testing.T, because autoscaler.Code) autoscaler.Pass {
	t.Helper()
	pass, err := m.ctl.Reconcile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(pass.Reasons, func(r autoscaler.Reason) bool { return r.Code == because }) {
		t.Errorf("the pass gives no reason %s: %v", because, pass.Reasons)
	}
	return pass
}

func TestHighLoad(t *testing.T) {
	m := gateway(t, 92, 8, 0)
	m.scaler.EXPECT().SetDesired(gomock.Any(), gomock.Cond(func(req autoscaler.SetDesired) bool {
		return req.Service == mocktest.Gateway() && req.Desired == 3
	})).Return(nil)
	m.reconcile(t, policy.CodeLoadHigh) // and the unused task stays
}

func TestLowLoad(t *testing.T) {
	m := gateway(t, 15, 2, 3)
	if pass := m.reconcile(t, policy.CodeInUse); len(pass.Actions) > 0 {
		t.Errorf("at low load, with both tasks in use, the pass acts: %v", pass.Actions)
	}
}

// The second task looks idle, and a session begins on it before it is closed.
// The store, which counts sessions, has the last word.
func TestTaskInUse(t *testing.T) {
	m := gateway(t, 15, 2, 0)
	m.sessions.EXPECT().Cordon(gomock.Any(), gomock.Any()).Return(record("t-2", 1), autoscaler.ErrBusy)
	pass := m.reconcile(t, autoscaler.CodeLostRace)
	if len(pass.Actions) != 1 || pass.Actions[0].Outcome == "" {
		t.Errorf("the pass acts: %v; want one cordon that was refused", pass.Actions)
	}
}

func TestTaskUnused(t *testing.T) {
	m := gateway(t, 15, 2, 0)
	m.sessions.EXPECT().Cordon(gomock.Any(), gomock.Cond(func(req autoscaler.CordonRequest) bool {
		return req.Ref.Task == "t-2" && req.OnlyIfIdle && req.Version == 7
	})).Return(record("t-2", 0), nil)
	m.reconcile(t, policy.CodeUnused) // and desired stays until the task is retired
}
