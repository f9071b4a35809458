package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleOrders() {
	order := policy.Orders(policy.OldRevisionFirst, policy.FewestSessions)
	old := autoscalertest.Open("t-1", 10, 7)
	old.Old = true
	s := autoscalertest.Snapshot(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		old, autoscalertest.Open("t-2", 10, 5), autoscalertest.Open("t-3", 10, 2))
	victims := slices.Clone(s.Tasks)
	slices.SortStableFunc(victims, order(s))
	for _, task := range victims {
		fmt.Println(task.ID)
	}
	// Output:
	// t-1
	// t-3
	// t-2
}

func TestVictimOrders(t *testing.T) {
	task := func(id autoscaler.TaskID, change func(*autoscaler.Task)) autoscaler.Task {
		t := autoscalertest.Open(id, 10, 5)
		change(&t)
		return t
	}
	for _, tc := range []struct {
		name  string
		order autoscaler.VictimOrder
		// Each task goes before the next, whatever order they came in.
		tasks []autoscaler.Task
	}{
		{"never opened", policy.NeverOpenedFirst, []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.NeverOpened = true }), task("a", func(*autoscaler.Task) {})}},
		{"idle", policy.IdleFirst, []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.Occupancy = autoscaler.Sessions(0) }),
			task("a", func(t *autoscaler.Task) { t.Occupancy = autoscaler.Occupancy{} })}},
		{"old revision", policy.OldRevisionFirst, []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.Old = true }), task("a", func(*autoscaler.Task) {})}},
		{"fewest sessions", policy.FewestSessions, []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.Occupancy = autoscaler.Sessions(0) }),
			task("y", func(t *autoscaler.Task) { t.Occupancy = autoscaler.Sessions(9) }),
			task("a", func(t *autoscaler.Task) { t.Occupancy = autoscaler.Occupancy{} })}},
		{"longest idle", policy.LongestIdle, []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.IdleFor = time.Hour }),
			task("y", func(t *autoscaler.Task) { t.IdleFor = time.Nanosecond }), task("a", func(*autoscaler.Task) {})}},
		{"oldest", policy.Oldest, []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.Age = 9 * time.Hour }), task("a", func(*autoscaler.Task) {})}},
		{"newest", policy.Newest, []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.Age = time.Second }), task("a", func(*autoscaler.Task) {})}},
		{"composed", policy.Orders(nil, policy.IdleFirst, policy.Newest), []autoscaler.Task{
			task("z", func(t *autoscaler.Task) { t.Occupancy, t.Age = autoscaler.Sessions(0), time.Minute }),
			task("y", func(t *autoscaler.Task) { t.Occupancy = autoscaler.Sessions(0) }),
			task("x", func(t *autoscaler.Task) { t.Age = time.Second }),
			task("a", func(*autoscaler.Task) {})}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := autoscalertest.Snapshot(start, tc.tasks...)
			compare := tc.order(s)
			for i, a := range tc.tasks {
				for j, b := range tc.tasks {
					if got := compare(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
						t.Errorf("%s against %s is %d", a.ID, b.ID, got)
					}
				}
			}
		})
	}
}

func TestFullestZoneFirst(t *testing.T) {
	zoned := func(id autoscaler.TaskID, zone string, state autoscaler.TaskState) autoscaler.Task {
		t := autoscalertest.Open(id, 10, 0)
		t.Zone, t.State = zone, state
		return t
	}
	s := autoscalertest.Snapshot(start,
		zoned("1", "a", autoscaler.TaskOpen),
		zoned("2", "b", autoscaler.TaskOpen), zoned("3", "b", autoscaler.TaskNew),
		// What is leaving counts for nothing.
		zoned("4", "a", autoscaler.TaskRetired), zoned("5", "a", autoscaler.TaskStopping), zoned("6", "a", autoscaler.TaskCordoned))
	compare := policy.FullestZoneFirst(s)
	if compare(s.Tasks[1], s.Tasks[0]) >= 0 || compare(s.Tasks[0], s.Tasks[1]) <= 0 {
		t.Error("zone b has two tasks that stay and a has one, and yet a goes first")
	}
	if compare(s.Tasks[1], s.Tasks[2]) != 0 {
		t.Error("the order cares between tasks of one zone")
	}
}

// An order that is no strict weak ordering makes the sort's result depend on
// where the tasks came from.
func TestVictimOrdersAreOrders(t *testing.T) {
	orders := []autoscaler.VictimOrder{
		policy.NeverOpenedFirst, policy.IdleFirst, policy.OldRevisionFirst, policy.FewestSessions, policy.LongestIdle,
		policy.Oldest, policy.Newest, policy.FullestZoneFirst, policy.Orders(),
		policy.Orders(policy.FullestZoneFirst, policy.FewestSessions, policy.Newest),
	}
	sign := func(n int) int { return min(max(n, -1), 1) }
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		tasks := s.Tasks[:min(len(s.Tasks), 12)]
		for k, order := range orders {
			compare := order(s)
			for _, a := range tasks {
				for _, b := range tasks {
					if sign(compare(a, b)) != -sign(compare(b, a)) {
						t.Errorf("order %d: %s against %s is not the reverse of its reverse", k, a.ID, b.ID)
					}
					for _, c := range tasks {
						if compare(a, b) < 0 && compare(b, c) <= 0 && compare(a, c) >= 0 {
							t.Errorf("order %d: %s before %s before %s is no order", k, a.ID, b.ID, c.ID)
						}
					}
				}
			}
		}
	})
}
