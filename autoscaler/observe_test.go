package autoscaler

import (
	"context"
	"math"
	"testing"
	"time"
)

func TestTaskIsReadyOnlyWhenEmptyAndAcknowledged(t *testing.T) {
	finished := TaskActivity{State: TaskCordoned, Slots: 10, Occupancy: Sessions(0), Acknowledged: true}
	for name, tt := range map[string]struct {
		change func(*TaskActivity)
		ready  bool
	}{
		"finished":             {func(*TaskActivity) {}, true},
		"holds a session":      {func(a *TaskActivity) { a.Occupancy = Sessions(1) }, false},
		"unknown":              {func(a *TaskActivity) { a.Occupancy = Occupancy{} }, false},
		"not acknowledged":     {func(a *TaskActivity) { a.Acknowledged = false }, false},
		"open":                 {func(a *TaskActivity) { a.State = TaskOpen }, false},
		"retired already":      {func(a *TaskActivity) { a.State = TaskRetired }, false},
		"another owner's task": {func(a *TaskActivity) { a.Foreign = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := finished
			tt.change(&a)
			var task Task
			task.fill(&a, guardAt)
			if task.Ready != tt.ready {
				t.Errorf("ready = %v, want %v", task.Ready, tt.ready)
			}
		})
	}
}

// What another owner's record says is that owner's business: here it is a task
// about which nothing is known and that nobody may choose.
func TestForeignTaskIsUnknownAndPinned(t *testing.T) {
	var task Task
	task.fill(&TaskActivity{State: TaskOpen, Slots: 10, Occupancy: Sessions(0), Foreign: true}, guardAt)
	if _, known := task.Occupancy.Sessions(); known || !task.Pinned || task.Free() != 0 {
		t.Errorf("occupancy %v, pinned %v, free %d; want unknown, pinned, none", task.Occupancy, task.Pinned, task.Free())
	}
}

func TestSnapshotLeavesOutWhatStopsOrHasStopped(t *testing.T) {
	o := testObserver(Decision{})
	v := viewOf(o, guardAt, "ooos", Checkpoint{})
	v.state.Tasks[0].LastStatus, v.state.Tasks[0].DesiredStatus = "STOPPED", "STOPPED"
	v.state.Tasks[1].Missing = true
	tasks := o.tasks(v)
	if len(tasks) != 2 || tasks[0].ID != "c" || tasks[1].ID != "d" {
		t.Fatalf("tasks %v; want the running one and the stopping one", tasks)
	}
	var totals Totals
	if totals.Count(tasks); tasks[1].State != TaskStopping || totals.Capacity() != 1 || totals.Free != 10 {
		t.Errorf("state %s, capacity %d, free %d; a task that ECS is stopping is no capacity, whatever its record says",
			tasks[1].State, totals.Capacity(), totals.Free)
	}
}

type readings Utilization

func (r readings) Utilization(context.Context, ServiceID, time.Time) (Utilization, error) {
	return Utilization(r), nil
}

func TestMetricsThatAreOldOrNoNumbersAreAbsent(t *testing.T) {
	o := testObserver(Decision{})
	bound := o.cfg.Timing.MetricAge
	o.cfg.Utilization = readings{
		"fresh":    {Value: 40, At: guardAt},
		"in time":  {Value: 50, At: guardAt.Add(-bound)},
		"too old":  {Value: 60, At: guardAt.Add(-bound - time.Nanosecond)},
		"nan":      {Value: math.NaN(), At: guardAt},
		"infinite": {Value: math.Inf(1), At: guardAt},
	}
	v := view{at: guardAt}
	got := o.utilization(context.Background(), &v)
	if _, ok := got.Value("in time"); len(got) != 2 || !ok {
		t.Errorf("%v; want the fresh one and the one just in time", got)
	}
	stale := 0
	for _, r := range v.reasons {
		if r.Code == CodeStaleMetric {
			stale++
		}
	}
	if stale != 3 {
		t.Errorf("reasons %v; want one for each metric left out", v.reasons)
	}
}

func TestRecordOfAnotherOwnerIsNotBuried(t *testing.T) {
	o := testObserver(Decision{})
	v := viewOf(o, guardAt, "oo", Checkpoint{})
	for i := range v.state.Tasks {
		v.state.Tasks[i].LastStatus, v.state.Tasks[i].DesiredStatus = "STOPPED", "STOPPED"
	}
	v.activity[1].Foreign = true
	var next Checkpoint
	if dead := trackRecords(v, &next); len(dead) != 1 || dead[0].record.Ref.Task != "a" {
		t.Errorf("dead %v; want our own alone", dead)
	}
}

// At level A a lowering that arrives late hurts nobody, so a raise need not wait
// for it; anything else waits until the permit is cleared or has run out.
func TestOnlyARaiseAtLevelATakesAPermitOver(t *testing.T) {
	raise := Permit{Call: CallSetDesired, Desired: 5, Raise: true}
	lower := Permit{Call: CallSetDesired, Desired: 2}
	for _, tt := range []struct {
		name   string
		permit Permit
		level  Level
		want   bool
	}{
		{"a raise at level A", raise, LevelA, true},
		{"a raise at level B", raise, LevelB, false},
		{"a raise at level C", raise, LevelC, false},
		{"a lowering at level A", lower, LevelA, false},
		{"a stop at level A", Permit{Call: CallStopTask}, LevelA, false},
	} {
		reads := Reads{Activity: []TaskActivity{{State: TaskOpen, Level: tt.level}}}
		if got := (Permits{}).mayTakeOver(reads, tt.permit); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
