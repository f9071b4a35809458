package autoscaler

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var guardAt = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// guardCase is a service of ten open tasks at level A, all idle for an hour but
// the last two, which hold five sessions each; the policy wants seven.
func guardCase() (Snapshot, Checkpoint, Decision, guardRules) {
	s := Snapshot{
		Version: SnapshotVersion, Service: ServiceID{"c", "s"}, At: guardAt,
		Limits: Limits{Min: 1, Max: 20}, Deployment: DeploymentSteady, ServiceDesired: 10, Running: 10,
	}
	for i := range 10 {
		task := Task{
			ID: TaskID(fmt.Sprintf("t%02d", i)), State: TaskOpen, Level: LevelA, Slots: 10, Occupancy: Sessions(0),
			Age: 2 * time.Hour, OpenFor: 2 * time.Hour, IdleFor: time.Hour, Reports: true, ReportAge: time.Second,
		}
		if i >= 8 {
			task.Occupancy, task.IdleFor = Sessions(5), 0
		}
		s.Tasks = append(s.Tasks, task)
	}
	s.Totals.Count(s.Tasks)
	c := Checkpoint{Desired: DesiredCount{Value: 10, Known: true, At: guardAt.Add(-time.Hour)}}
	rules := guardRules{
		floor: 1, victims: longestIdleFirst, emptying: true, timing: Timing{}.withDefaults(),
	}
	return s, c, Decision{Open: 7, Reasons: []Reason{{Code: "test"}}}, rules
}

func cordonedIDs(g guarded) []TaskID {
	var ids []TaskID
	for _, c := range g.cordon {
		ids = append(ids, c.task)
	}
	return ids
}

// expectCordons fails unless just these are cordoned and the code is among the reasons;
// an empty one asks for none.
func expectCordons(t *testing.T, g guarded, want []TaskID, code Code) {
	t.Helper()
	if got := cordonedIDs(g); !slices.Equal(got, want) {
		t.Errorf("cordoned %v, want %v; reasons %v", got, want, g.reasons)
	}
	if code != "" && !hasCode(g.reasons, code) {
		t.Errorf("no reason %q in %v", code, g.reasons)
	}
}

func hasCode(reasons []Reason, code Code) bool {
	return slices.ContainsFunc(reasons, func(r Reason) bool { return r.Code == code })
}

func TestGuardLetsAPlainScaleInThrough(t *testing.T) {
	s, c, d, rules := guardCase()
	g := guard(&s, &c, d, rules)
	if got, want := cordonedIDs(g), []TaskID{"t00", "t01"}; !slices.Equal(got, want) {
		t.Errorf("cordoned %v, want %v (20 %% of ten open tasks)", got, want)
	}
	if g.want != 7 {
		t.Errorf("want = %d, want 7", g.want)
	}
}

// Each rule is taken alone: what the base case would do, changed in one respect.
func TestGuardRules(t *testing.T) {
	until := Override{By: "ann", Why: "test", Until: guardAt.Add(time.Hour)}
	expired := Override{By: "ann", Why: "test", Until: guardAt}
	tests := []struct {
		name   string
		change func(*Snapshot, *Checkpoint, *Decision, *guardRules)
		code   Code // a reason that must be there; empty for none
		cordon []TaskID
		want   int
	}{
		{"unknown is busy", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			for i := range s.Tasks[:8] {
				s.Tasks[i].Occupancy = Occupancy{}
			}
		}, CodeUnknownOccupancy, nil, 7},
		{"unknown is busy when named", func(s *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			s.Tasks[0].Occupancy = Occupancy{}
			d.Remove = []TaskID{"t00"}
		}, CodeUnknownOccupancy, nil, 7},
		{"unknown is busy when emptied", func(s *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			s.Tasks[0].Occupancy = Occupancy{}
			d.Empty = []TaskID{"t00"}
		}, CodeUnknownOccupancy, nil, 7},
		{"busy is not removed", func(_ *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			d.Remove = []TaskID{"t09"}
		}, CodeBusy, nil, 7},
		{"busy may be emptied", func(_ *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			d.Empty = []TaskID{"t09"}
		}, "", []TaskID{"t09"}, 7},
		{"busy is not emptied where routing knows nothing of cordons", func(_ *Snapshot, _ *Checkpoint, d *Decision, r *guardRules) {
			d.Empty = []TaskID{"t09"}
			r.emptying = false
		}, CodeBusy, nil, 7},
		{"a pinned task stays", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Tasks[0].Pinned = true
		}, CodePinned, []TaskID{"t01", "t02"}, 7},
		{"a task that was idle too briefly stays", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Tasks[0].IdleFor = 5*time.Minute - time.Second
			s.Tasks[1].IdleFor = 5 * time.Minute
		}, CodeNotIdleLong, []TaskID{"t02", "t03"}, 7},
		{"a silent task must have been open for a while", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			for i := range s.Tasks {
				s.Tasks[i].Reports, s.Tasks[i].OpenFor = false, 5*time.Minute-time.Second
			}
		}, CodeYoung, nil, 7},
		{"an id that is no open task is named", func(s *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			s.Tasks[0].State = TaskCordoned
			d.Remove = []TaskID{"t00", "t99", "t01", "t01"}
		}, CodeNotATask, []TaskID{"t01"}, 7},
		{"the minimum bounds what is wanted", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Limits.Min = 9
		}, CodeMinimum, []TaskID{"t00"}, 9},
		{"open tasks are not closed below the minimum while others start", func(s *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			s.Limits.Min = 10
			for i := range 3 {
				s.Tasks = append(s.Tasks, Task{ID: TaskID(fmt.Sprintf("u%d", i)), State: TaskNew})
			}
			s.Totals.Count(s.Tasks)
			d.Open = 10
		}, CodeMinimum, nil, 10},
		{"the maximum bounds what is wanted", func(s *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			d.Open, s.Limits.Max = 30, 12
		}, CodeMaximum, nil, 12},
		{"the floor keeps free slots", func(_ *Snapshot, _ *Checkpoint, _ *Decision, r *guardRules) {
			r.floor = 81
		}, CodeFloor, nil, 7},
		{"the floor may be reached", func(_ *Snapshot, _ *Checkpoint, _ *Decision, r *guardRules) {
			r.floor = 80
		}, CodeFloor, []TaskID{"t00"}, 7},
		{"the cap bounds one pass", func(_ *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			d.Open = 2
		}, CodeCordonCap, []TaskID{"t00", "t01"}, 2},
		{"the cooldown runs from the last scale-in", func(_ *Snapshot, c *Checkpoint, _ *Decision, _ *guardRules) {
			c.LastIn = guardAt.Add(-5*time.Minute + time.Second)
		}, CodeCooldown, nil, 7},
		{"the cooldown ends", func(_ *Snapshot, c *Checkpoint, _ *Decision, _ *guardRules) {
			c.LastIn = guardAt.Add(-5 * time.Minute)
		}, "", []TaskID{"t00", "t01"}, 7},
		{"an intent counts as a cordon", func(_ *Snapshot, c *Checkpoint, d *Decision, _ *guardRules) {
			c.Intents = []Intent{{Task: "t00", Expires: guardAt.Add(time.Second)}}
			d.Open = 8
		}, "", []TaskID{"t01"}, 8},
		{"an intent uses the surplus up, and says so", func(_ *Snapshot, c *Checkpoint, d *Decision, _ *guardRules) {
			c.Intents = []Intent{{Task: "t00", Expires: guardAt.Add(time.Second)}}
			d.Open = 9
		}, CodeIntended, nil, 9},
		{"an intent counts against the floor", func(_ *Snapshot, c *Checkpoint, _ *Decision, r *guardRules) {
			c.Intents = []Intent{{Task: "t00", Expires: guardAt.Add(time.Second)}}
			r.floor = 80
		}, CodeFloor, nil, 7},
		{"an expired intent is ignored", func(_ *Snapshot, c *Checkpoint, _ *Decision, r *guardRules) {
			c.Intents = []Intent{{Task: "t00", Expires: guardAt}}
			r.floor = 80
		}, CodeFloor, []TaskID{"t00"}, 7},
		{"an operator pauses scale-in", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Control.PauseIn = until
		}, CodePaused, nil, 7},
		{"a pause expires", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Control.PauseIn = expired
		}, "", []TaskID{"t00", "t01"}, 7},
		{"an operator pauses scale-out", func(s *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			s.Control.PauseOut, d.Open = until, 15
		}, CodePaused, nil, 10},
		{"a deployment holds scale-in", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Deployment = DeploymentRolling
		}, CodeDeployment, nil, 7},
		{"an unknown deployment state holds scale-in", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Deployment = "sideways"
		}, CodeDeployment, nil, 7},
		{"the brake holds scale-in", func(_ *Snapshot, c *Checkpoint, _ *Decision, _ *guardRules) {
			c.Brake = Brake{Since: guardAt.Add(-time.Minute)}
		}, CodeBrake, nil, 7},
		{"a foreign desired count holds scale-in", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.ServiceDesired = 11
		}, CodeForeignDesired, nil, 7},
		{"our own write may lag", func(_ *Snapshot, c *Checkpoint, _ *Decision, _ *guardRules) {
			c.Desired = DesiredCount{Value: 12, Previous: 10, At: guardAt.Add(-time.Minute + time.Second), Known: true}
		}, "", []TaskID{"t00", "t01"}, 7},
		{"a lag has an end", func(_ *Snapshot, c *Checkpoint, _ *Decision, _ *guardRules) {
			c.Desired = DesiredCount{Value: 12, Previous: 10, At: guardAt.Add(-time.Minute), Known: true}
		}, CodeForeignDesired, nil, 7},
		{"tasks without records hold scale-in", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Tasks[9].Unrecorded = true
		}, CodeAdopting, nil, 7},
		{"a task at level C without a bound on its events is no victim", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Tasks[0].Level, s.Tasks[0].Undrainable = LevelC, true
		}, CodeLevel, []TaskID{"t01", "t02"}, 7},
		{"one at level B is", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Tasks[0].Level = LevelB
		}, "", []TaskID{"t00", "t01"}, 7},
		{"an abstention holds", func(_ *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) {
			d.Abstain = true
		}, "", nil, 10},
		{"what the policy empties waits for no cooldown", func(_ *Snapshot, c *Checkpoint, d *Decision, _ *guardRules) {
			c.LastIn = guardAt.Add(-time.Second)
			d.Remove, d.Empty = []TaskID{"t00"}, []TaskID{"t09"}
		}, CodeCooldown, []TaskID{"t09"}, 7},
		{"what the policy empties need not have been idle for long", func(s *Snapshot, _ *Checkpoint, d *Decision, r *guardRules) {
			s.Tasks[0].IdleFor, r.emptying = 0, false
			d.Empty = []TaskID{"t00"}
		}, "", []TaskID{"t00"}, 7},
		{"an operator's wish waits for the cooldown", func(_ *Snapshot, c *Checkpoint, d *Decision, r *guardRules) {
			c.LastIn, r.by = guardAt.Add(-time.Second), "ann"
			d.Empty = []TaskID{"t09"}
		}, CodeCooldown, nil, 7},
		{"an operator need not wait for idleness", func(s *Snapshot, _ *Checkpoint, d *Decision, r *guardRules) {
			s.Tasks[0].IdleFor = 0
			d.Remove, r.by = []TaskID{"t00"}, "ann"
		}, "", []TaskID{"t00"}, 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c, d, rules := guardCase()
			tt.change(&s, &c, &d, &rules)
			s.Totals.Count(s.Tasks)
			g := guard(&s, &c, d, rules)
			expectCordons(t, g, tt.cordon, tt.code)
			if g.want != tt.want {
				t.Errorf("want = %d, want %d", g.want, tt.want)
			}
		})
	}
}

func TestGuardReopensBeforeAnythingStarts(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Snapshot, *Checkpoint, *Decision)
		want   []TaskID
	}{
		{"the fullest first", func(*Snapshot, *Checkpoint, *Decision) {}, []TaskID{"t09"}},
		{"the policy's choice first", func(_ *Snapshot, _ *Checkpoint, d *Decision) { d.Reopen = []TaskID{"t07"} }, []TaskID{"t07"}},
		{"as many as are wanted", func(_ *Snapshot, _ *Checkpoint, d *Decision) { d.Open = 9 }, []TaskID{"t09", "t07"}},
		{"none when none is wanted", func(_ *Snapshot, _ *Checkpoint, d *Decision) { d.Open = 7 }, nil},
		{"not an operator's drain", func(s *Snapshot, _ *Checkpoint, _ *Decision) {
			s.Tasks[9].DrainBy = "ann"
		}, []TaskID{"t07"}},
		{"not past the maximum", func(s *Snapshot, _ *Checkpoint, d *Decision) { s.Limits.Max, d.Open = 7, 9 }, nil},
		{"not while scale-out is paused", func(s *Snapshot, _ *Checkpoint, _ *Decision) {
			s.Control.PauseOut = Override{Until: guardAt.Add(time.Minute)}
		}, nil},
		{"all after three aborted releases", func(_ *Snapshot, c *Checkpoint, d *Decision) {
			c.Aborts, d.Open = 3, 7
		}, []TaskID{"t09", "t07", "t08"}},
		{"not after two", func(_ *Snapshot, c *Checkpoint, d *Decision) { c.Aborts, d.Open = 2, 7 }, nil},
		{"one where the floor is in need", func(s *Snapshot, _ *Checkpoint, d *Decision) {
			d.Open = 7
			for i := range s.Tasks[:7] {
				s.Tasks[i].Occupancy = Sessions(10)
			}
		}, []TaskID{"t09"}},
		{"none for the floor while tasks start", func(s *Snapshot, _ *Checkpoint, d *Decision) {
			d.Open = 8
			for i := range s.Tasks[:7] {
				s.Tasks[i].Occupancy = Sessions(10)
			}
			s.Tasks = append(s.Tasks, Task{ID: "u0", State: TaskNew})
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c, d, rules := guardCase()
			d.Open = 8
			for i, n := range []int{0, 0, 5} { // t07, t08 and t09 are cordoned
				s.Tasks[7+i].State, s.Tasks[7+i].Occupancy = TaskCordoned, Sessions(n)
			}
			tt.change(&s, &c, &d)
			s.Totals.Count(s.Tasks)
			if got := guard(&s, &c, d, rules).reopen; !slices.Equal(got, tt.want) {
				t.Errorf("reopened %v, want %v", got, tt.want)
			}
		})
	}
}

func TestGuardReleasesWhatIsReady(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Snapshot, *Checkpoint, *Decision)
		want   []TaskID
	}{
		{"ready", func(*Snapshot, *Checkpoint, *Decision) {}, []TaskID{"t07", "t08"}},
		{"not what is pinned", func(s *Snapshot, _ *Checkpoint, _ *Decision) { s.Tasks[7].Pinned = true }, []TaskID{"t08"}},
		{"not what is reopened", func(_ *Snapshot, _ *Checkpoint, d *Decision) { d.Open = 9 }, []TaskID{"t08"}},
		{"not while scale-in is held", func(s *Snapshot, _ *Checkpoint, _ *Decision) { s.Deployment = DeploymentRolling }, nil},
		{"not what the policy keeps", func(_ *Snapshot, _ *Checkpoint, d *Decision) { d.Keep = []TaskID{"t08"} }, []TaskID{"t07"}},
		{"an operator's drain is not the policy's to keep", func(s *Snapshot, _ *Checkpoint, d *Decision) {
			s.Tasks[8].DrainBy, d.Keep = "ann", []TaskID{"t08"}
		}, []TaskID{"t07", "t08"}},
		{"also while the policy abstains", func(_ *Snapshot, _ *Checkpoint, d *Decision) { d.Abstain = true }, []TaskID{"t07", "t08"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c, d, rules := guardCase()
			d.Open = 8
			for _, i := range []int{7, 8} {
				s.Tasks[i].State, s.Tasks[i].Occupancy, s.Tasks[i].Ready = TaskCordoned, Sessions(0), true
			}
			tt.change(&s, &c, &d)
			s.Totals.Count(s.Tasks)
			if got := guard(&s, &c, d, rules).release; !slices.Equal(got, tt.want) {
				t.Errorf("released %v, want %v", got, tt.want)
			}
		})
	}
}

// Cordoned tasks are not capacity: a service that drains five of ten and wants
// ten more than are open gets its scale-out.
func TestGuardCordonedTasksNeverBlockScaleOut(t *testing.T) {
	s, c, d, rules := guardCase()
	for i := range 5 {
		s.Tasks[i].State, s.Tasks[i].DrainBy = TaskCordoned, "ann"
	}
	s.Totals.Count(s.Tasks)
	d.Open = 15
	if g := guard(&s, &c, d, rules); g.want != 15 || s.Totals.Capacity() != 5 {
		t.Errorf("want = %d with a capacity of %d, want 15 with 5", g.want, s.Totals.Capacity())
	}
}
