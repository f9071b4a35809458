package autoscaler

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// cluster makes a service state and its records from one letter per task: n new,
// o open, c cordoned, r retired, x running without a record; a capital letter
// stands for a task of the old revision, and s for one that is stopping.
func cluster(letters string) (ServiceState, []TaskActivity) {
	s := ServiceState{
		Service: ServiceID{"c", "s"}, Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS",
		Deployments: []Deployment{{ID: "new", Primary: true, Rollout: "COMPLETED"}},
	}
	states := map[string]TaskState{"n": TaskNew, "o": TaskOpen, "c": TaskCordoned, "r": TaskRetired}
	var activity []TaskActivity
	for i, letter := range strings.Split(letters, "") {
		task := TaskStatus{ID: TaskID(string(rune('a' + i))), Deployment: "new", LastStatus: "RUNNING", DesiredStatus: "RUNNING"}
		if lower := strings.ToLower(letter); lower != letter {
			task.Deployment, letter = "old", lower
		}
		if letter == "s" {
			task.DesiredStatus, letter = "STOPPED", "o"
		} else {
			s.Running++
		}
		s.Tasks = append(s.Tasks, task)
		if state, ok := states[letter]; ok {
			activity = append(activity, TaskActivity{
				Ref: TaskRef{s.Service, task.ID}, State: state, Level: LevelA, Slots: 10, Occupancy: Sessions(0),
			})
		}
	}
	s.Desired = s.Running
	return s, activity
}

func TestTarget(t *testing.T) {
	tests := []struct {
		name     string
		tasks    string
		wantOpen int
		maxTotal int
		want     int
	}{
		{"steady", "ooo", 3, 100, 3},
		{"grows by what is missing", "ooo", 5, 100, 5},
		{"never below what is not retired", "ooooo", 2, 100, 5},
		{"the retired are not counted", "ooorr", 3, 100, 3},
		{"retired capacity is replaced when wanted", "ooorr", 5, 100, 5},
		{"cordoned tasks are counted and are no capacity", "occ", 3, 100, 5},
		{"starting tasks are capacity", "oonn", 4, 100, 4},
		{"a task without a record is counted, and is starting", "oox", 3, 100, 3},
		{"old tasks are capacity and are not counted", "OOo", 1, 100, 1},
		{"old ones keep a place in the count", "OOo", 3, 100, 2},
		{"and what is missing has one beside them", "OO", 4, 100, 4},
		{"an old one that is being drained wants none", "OCo", 2, 100, 1},
		{"within what is wanted", "OOOo", 2, 100, 2},
		{"and within the most that may be", "OOOo", 3, 2, 2},
		{"both revisions are no more than one of them", "OOOooo", 6, 100, 3},
		{"old starting tasks are no capacity", "NNo", 3, 100, 3},
		{"a stopping task is neither", "oos", 3, 100, 3},
		{"MaxTotal bounds what is started", "occ", 5, 4, 4},
		{"MaxTotal never shrinks", "ooooo", 7, 3, 5},
		{"nothing runs", "r", 0, 100, 0},
		{"nothing runs and one is wanted", "r", 1, 100, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			state, activity := cluster(tt.tasks)
			got, err := Target(state, activity, tt.wantOpen, tt.maxTotal)
			if err != nil || got != tt.want {
				t.Errorf("Target = %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestTargetIsTheSameAfterItWasWritten(t *testing.T) {
	for _, tasks := range []string{"ooo", "occ", "ooorr", "OOo", "nn", "xxo"} {
		state, activity := cluster(tasks)
		first, err := Target(state, activity, 6, 100)
		if err != nil {
			t.Fatal(err)
		}
		state.Desired = first
		if again, _ := Target(state, activity, 6, 100); again != first {
			t.Errorf("%s: %d, then %d: a repeat must not add up", tasks, first, again)
		}
	}
}

func TestTargetRefusesAServiceWithoutAPrimary(t *testing.T) {
	state, activity := cluster("ooo")
	state.Deployments = nil
	if n, err := Target(state, activity, 3, 10); err == nil {
		t.Errorf("Target = %d for a service without a primary deployment, want an error", n)
	}
}

func gateCase() Reads {
	state, activity := cluster("ooorr")
	return Reads{
		Began: guardAt, State: state, Activity: activity,
		Checkpoint: Checkpoint{
			HasWant: true, WantOpen: 3, Limits: Limits{Min: 1, Max: 10}, Floor: 1,
			Desired: DesiredCount{Value: 5, Known: true},
		},
	}
}

func TestGate(t *testing.T) {
	if held := gateCase().Gate(); len(held) > 0 {
		t.Fatalf("a healthy service is held: %v", held)
	}
	tests := []struct {
		name   string
		change func(*Reads)
		code   Code
	}{
		{"inactive", func(r *Reads) { r.State.Status = "DRAINING" }, CodeServiceState},
		{"daemon", func(r *Reads) { r.State.Scheduling = "DAEMON" }, CodeServiceState},
		{"another deployment controller", func(r *Reads) { r.State.Controller = "CODE_DEPLOY" }, CodeServiceState},
		{"two deployments", func(r *Reads) {
			r.State.Deployments = append(r.State.Deployments, Deployment{ID: "old", Rollout: "COMPLETED"})
		}, CodeDeployment},
		{"a deployment under way", func(r *Reads) { r.State.Deployments[0].Rollout = "IN_PROGRESS" }, CodeDeployment},
		{"running below desired", func(r *Reads) {
			r.State.Desired, r.Checkpoint.Desired.Value = 6, 6
		}, CodeNotSteady},
		{"pending", func(r *Reads) { r.State.Running, r.State.Pending = 4, 1 }, CodeNotSteady},
		{"a foreign desired count", func(r *Reads) { r.State.Desired = 4 }, CodeForeignDesired},
		{"an exposed task", func(r *Reads) { r.Activity[0].ExposedAt = guardAt }, CodeExposed},
		{"below the minimum", func(r *Reads) { r.Checkpoint.Limits.Min = 4 }, CodeMinimum},
		{"below the floor", func(r *Reads) { r.Checkpoint.Floor = 31 }, CodeFloor},
		{"unknown tasks have no free slots", func(r *Reads) {
			for i := range r.Activity {
				r.Activity[i].Occupancy = Occupancy{}
			}
		}, CodeFloor},
		{"a record that is not listed", func(r *Reads) {
			r.Activity = append(r.Activity, TaskActivity{Ref: TaskRef{Task: "z"}, State: TaskOpen})
		}, CodeDisagree},
		{"a count that does not match the list", func(r *Reads) { r.State.Running = 6 }, CodeDisagree},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := gateCase()
			tt.change(&r)
			if held := r.Gate(); !hasCode(held, tt.code) {
				t.Errorf("no reason %q in %v", tt.code, held)
			}
		})
	}
}

func TestGateLetsTheLongOwedGo(t *testing.T) {
	r := gateCase()
	r.State.Desired, r.Checkpoint.Desired.Value = 8, 8
	r.Checkpoint.OwedSince = guardAt.Add(-owedAfter)
	if held := r.Gate(); !hasCode(held, CodeNotSteady) {
		t.Errorf("held %v at 15 min, want %q", held, CodeNotSteady)
	}
	r.Checkpoint.OwedSince = r.Checkpoint.OwedSince.Add(-time.Second)
	if held := r.Gate(); len(held) > 0 {
		t.Errorf("held %v after 15 min, want nothing", held)
	}
}

func TestGateTakesTheRetiredForSettled(t *testing.T) {
	r := gateCase()
	r.Activity[4].ExposedAt = guardAt
	r.Activity = append(r.Activity, TaskActivity{Ref: TaskRef{Task: "z"}, State: TaskRetired})
	if held := r.Gate(); len(held) > 0 {
		t.Errorf("held %v for what is retired", held)
	}
}

func TestReadsDesired(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Reads)
		value  int  // the permit's value; 0 for none
		code   Code // the reason to hold
	}{
		{"lowers past the retired", func(*Reads) {}, 3, ""},
		{"raises when capacity is missing", func(r *Reads) { r.Checkpoint.WantOpen = 6 }, 6, ""},
		{"raises through a shut gate", func(r *Reads) {
			r.Checkpoint.WantOpen, r.State.Deployments[0].Rollout = 6, "IN_PROGRESS"
		}, 6, ""},
		{"does not lower in a deployment", func(r *Reads) { r.State.Deployments[0].Rollout = "IN_PROGRESS" }, 0, CodeDeployment},
		{"does not lower through a shut gate", func(r *Reads) { r.Activity[0].ExposedAt = guardAt }, 0, CodeExposed},
		{"does not write what is there", func(r *Reads) { r.Checkpoint.WantOpen = 5 }, 0, CodeNotReady},
		{"does not write before a pass decided", func(r *Reads) { r.Checkpoint.HasWant = false }, 0, CodeNotReady},
		{"does not lower for nothing", func(r *Reads) {
			r.Activity[3].State, r.Activity[4].State = TaskCordoned, TaskCordoned
			r.State.Desired, r.Checkpoint.Desired.Value = 7, 7
		}, 0, CodeNotReady},
		{"lowers what is owed for long", func(r *Reads) {
			r.Activity[3].State, r.Activity[4].State = TaskCordoned, TaskCordoned
			r.State.Desired, r.Checkpoint.Desired.Value = 7, 7
			r.Checkpoint.OwedSince = guardAt.Add(-owedAfter - time.Second)
		}, 5, ""},
		{"says that the most is reached", func(r *Reads) {
			r.Checkpoint.WantOpen, r.Checkpoint.Limits.MaxTotal = 20, 5
		}, 0, CodeMaxTotal},
		{"refuses a service it cannot count", func(r *Reads) { r.State.Deployments = nil }, 0, CodeServiceState},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := gateCase()
			tt.change(&r)
			permit, held := r.Desired()
			if permit.Desired != tt.value || (len(held) > 0) != (tt.code != "") {
				t.Errorf("permit %+v, held %v; want %d", permit, held, tt.value)
			}
			if tt.code != "" && !hasCode(held, tt.code) {
				t.Errorf("no reason %q in %v", tt.code, held)
			}
		})
	}
}

func TestReadsLevel(t *testing.T) {
	for letters, want := range map[string]Level{"": LevelC, "AA": LevelA, "AB": LevelB, "AC": LevelC, "A?": LevelC} {
		var activity []TaskActivity
		for _, l := range letters {
			activity = append(activity, TaskActivity{State: TaskOpen, Level: Level(string(l))})
		}
		activity = append(activity, TaskActivity{State: TaskRetired, Level: LevelC})
		reads := Reads{Activity: activity}
		if got := reads.Level().known(); got != want {
			t.Errorf("Level(%q) = %q, want %q", letters, got, want)
		}
	}
}

func TestPermitExpires(t *testing.T) {
	now := time.Now() // carries both clocks
	p := Permit{NotAfter: now.Add(PermitLife)}
	wallJumped := now.Round(0).Add(PermitLife + time.Nanosecond) // wall clock only
	monotonicRan := now.Add(PermitLife + time.Nanosecond)
	for name, tt := range map[string]struct {
		at   time.Time
		want bool
	}{
		"in time":           {now.Add(PermitLife), false},
		"wall clock passed": {wallJumped, true},
		"monotonic passed":  {monotonicRan, true},
		"wall in time":      {now.Round(0).Add(PermitLife), false},
	} {
		if got := p.Expired(tt.at); got != tt.want {
			t.Errorf("%s: Expired = %v, want %v", name, got, tt.want)
		}
	}
}

func TestPermitCovers(t *testing.T) {
	p := Permit{Call: CallUnprotect, Tasks: []TaskID{"a", "b"}}
	if !p.Covers(CallUnprotect, "a") || !p.Covers(CallUnprotect, "b", "a") {
		t.Error("a permit covers its own tasks")
	}
	if p.Covers(CallStopTask, "a") || p.Covers(CallUnprotect, "a", "c") {
		t.Error("a permit covers another call, or a task it does not name")
	}
	if !slices.Equal(p.Tasks, []TaskID{"a", "b"}) {
		t.Error("asking changed the permit")
	}
}
