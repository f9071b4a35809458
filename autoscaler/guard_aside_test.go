package autoscaler

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// asideCase is the base case in a deployment: the first five tasks are of the old
// revision and have just become idle; the policy wants five.
func asideCase() (Snapshot, Checkpoint, Decision, guardRules) {
	s, c, d, rules := guardCase()
	s.Deployment, d.Open = DeploymentRolling, 5
	for i := range s.Tasks[:5] {
		s.Tasks[i].Old, s.Tasks[i].IdleFor = true, 0
	}
	return s, c, d, rules
}

// occupied puts so many sessions on each of the tasks.
func occupied(tasks []Task, n int) {
	for i := range tasks {
		tasks[i].Occupancy = Sessions(n)
	}
}

func TestGuardClosesWhatECSReplacesAnyway(t *testing.T) {
	type change func(*Snapshot, *Checkpoint, *Decision, *guardRules)
	for _, row := range []struct {
		name   string
		change change
		code   Code // a reason that must be there; empty for none
		cordon []TaskID
	}{
		{"in a deployment, just idle, a fifth of the open ones in a pass", func(*Snapshot, *Checkpoint, *Decision, *guardRules) {},
			CodeCordonCap, []TaskID{"t00", "t01"}},
		{"just idle, also where routing knows nothing of cordons", func(_ *Snapshot, _ *Checkpoint, _ *Decision, r *guardRules) { r.emptying = false },
			CodeCordonCap, []TaskID{"t00", "t01"}},
		{"not in an operator's pause", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			s.Control.PauseIn = Override{By: "ann", Until: guardAt.Add(time.Hour)}
		}, CodePaused, nil},
		{"not under the brake", func(_ *Snapshot, c *Checkpoint, _ *Decision, _ *guardRules) { c.Brake.Since = guardAt }, CodeBrake, nil},
		{"not by a clock that is off", func(_ *Snapshot, _ *Checkpoint, _ *Decision, r *guardRules) { r.clockOff = true }, CodeClock, nil},
		{"not what is busy where routing knows nothing of cordons", func(s *Snapshot, _ *Checkpoint, _ *Decision, r *guardRules) {
			occupied(s.Tasks[:5], 1)
			r.emptying = false
		}, CodeBusy, nil},
		{"what is sick, busy or not: it is sent nobody", func(s *Snapshot, _ *Checkpoint, _ *Decision, r *guardRules) {
			occupied(s.Tasks[:5], 1)
			s.Tasks[4].Unhealthy, r.emptying = true, false
		}, CodeUnhealthy, []TaskID{"t04"}},
		{"not what is needed", func(_ *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) { d.Open = 9 }, CodeMinimum, []TaskID{"t00"}},
		{"what a policy holds stands for both revisions", func(_ *Snapshot, _ *Checkpoint, d *Decision, _ *guardRules) { d.Open = 10 },
			CodeOldRevision, []TaskID{"t00", "t01"}},
		{"not below the floor", func(_ *Snapshot, _ *Checkpoint, _ *Decision, r *guardRules) { r.floor = 75 }, CodeFloor, []TaskID{"t00"}},
		{"not where its users would have to go to the next old one", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) {
			occupied(s.Tasks[:5], 1)
			occupied(s.Tasks[5:], 10)
		}, CodeFloor, nil},
		{"not what is pinned", func(s *Snapshot, _ *Checkpoint, _ *Decision, _ *guardRules) { s.Tasks[0].Pinned = true },
			CodePinned, []TaskID{"t01", "t02"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, c, d, rules := asideCase()
			row.change(&s, &c, &d, &rules)
			s.Totals.Count(s.Tasks)
			g := guard(&s, &c, d, rules)
			expectCordons(t, g, row.cordon, row.code)
			for _, c := range g.cordon {
				if !c.aside {
					t.Errorf("%s is closed as if it were scale-in", c.task)
				}
			}
		})
	}
}

// All open tasks are old and wanted, and the one of the new revision is being drained:
// the two would wait for each other.
func TestGuardTradesANewTaskForAnOldOne(t *testing.T) {
	for _, by := range []string{"", "ann"} {
		t.Run(fmt.Sprintf("drained by %q", by), func(t *testing.T) {
			s, c, d, rules := asideCase()
			for i := range s.Tasks[:9] {
				s.Tasks[i].Old = true
			}
			s.Tasks[9].State, s.Tasks[9].DrainBy, d.Open = TaskCordoned, by, 9
			s.Totals.Count(s.Tasks)
			var want []TaskID
			if by == "" {
				want = []TaskID{"t09"}
			}
			if g := guard(&s, &c, d, rules); !slices.Equal(g.reopen, want) || len(g.cordon) > 0 {
				t.Errorf("reopened %v, cordoned %v; want %v and nothing: an operator's drain is no other's to trade", g.reopen, cordonedIDs(g), want)
			}
		})
	}
}

func TestGuardReleasesWhatECSReplacesAnyway(t *testing.T) {
	s, c, d, rules := asideCase()
	for i := range s.Tasks[:2] {
		s.Tasks[i].State, s.Tasks[i].Ready = TaskCordoned, true
	}
	s.Tasks[0].Pinned = true
	s.Totals.Count(s.Tasks)
	if got := guard(&s, &c, d, rules).release; !slices.Equal(got, []TaskID{"t01"}) {
		t.Errorf("released %v, want the one that is not pinned", got)
	}
}
