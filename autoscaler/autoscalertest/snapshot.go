package autoscalertest

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Snapshot returns the snapshot of a steady service with the tasks given at an
// instant: ordered, with totals, the counts of ECS and limits of 0 to 1000. It
// may be changed before use; [Recount] brings the counts after a change of tasks.
func Snapshot(at time.Time, tasks ...autoscaler.Task) autoscaler.Snapshot {
	s := autoscaler.Snapshot{
		Version:    autoscaler.SnapshotVersion,
		Service:    autoscaler.ServiceID{Cluster: "test", Name: "service"},
		At:         at,
		Limits:     autoscaler.Limits{Min: 0, Max: 1000},
		Deployment: autoscaler.DeploymentSteady,
		Tasks:      slices.Clone(tasks),
	}
	Recount(&s)
	return s
}

// Open returns an open, recorded, protected task of level A that reports, holds
// the sessions given and is an hour old; one without sessions has been idle for
// that hour. A negative number of sessions is unknown.
func Open(id autoscaler.TaskID, slots, sessions int) autoscaler.Task {
	t := autoscaler.Task{
		ID: id, Zone: "a", Revision: "1", State: autoscaler.TaskOpen, Level: autoscaler.LevelA,
		Slots: slots, Occupancy: autoscaler.Sessions(sessions),
		Age: time.Hour, OpenFor: time.Hour, ReportAge: 10 * time.Second, Reports: true, Protected: true,
	}
	if t.Occupancy.Idle() {
		t.IdleFor = time.Hour
	}
	return t
}

// Recount orders the tasks of s and computes its totals and the counts of ECS
// from them.
func Recount(s *autoscaler.Snapshot) {
	slices.SortFunc(s.Tasks, func(a, b autoscaler.Task) int { return strings.Compare(string(a.ID), string(b.ID)) })
	s.Totals.Count(s.Tasks)
	t := s.Totals
	s.Running = t.Open + t.Cordoned + t.Retired
	s.Pending = t.Starting
	s.ServiceDesired = s.Running + s.Pending
}
