package policy_test

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

// seasoned is a snapshot of a large service that is as it should be, with the memory of
// some passes: what is decided on most of the time.
func seasoned(tasks int) autoscaler.Snapshot {
	s := fleet(tasks, 10)
	s.Tasks = append(s.Tasks[:0:0], s.Tasks...)
	// Some free slots on the last tasks: room for a quiet hour, and not for a task less.
	for i := range 7 {
		s.Tasks[len(s.Tasks)-1-i].Occupancy = autoscaler.Sessions(8)
	}
	s.Totals.Count(s.Tasks)
	for range 400 {
		s.At = s.At.Add(15 * time.Second)
		s.Demand.Arrivals++
		s.Demand.Departures++
		s.Memory = policy.Headroom{}.Decide(s).Memory
	}
	s.At = s.At.Add(15 * time.Second)
	return s
}

// BenchmarkEvaluate is one decision of Headroom on a ready snapshot of 5,000 tasks.
// Its floor is BenchmarkScanFloor, in the same process.
func BenchmarkEvaluate(b *testing.B) {
	s := seasoned(5000)
	if d := (policy.Headroom{}).Decide(s); d.Reasons[0].Code != policy.CodeRoomKept {
		b.Fatalf("not a decision that holds: %v", d.Reasons)
	}
	b.ReportAllocs()
	for b.Loop() {
		policy.Headroom{}.Decide(s)
	}
}

// BenchmarkScanFloor is a plain scan of as many numbers as there are tasks.
func BenchmarkScanFloor(b *testing.B) {
	numbers := make([]int32, 5000)
	for i := range numbers {
		numbers[i] = int32(i)
	}
	sum := int32(0)
	for b.Loop() {
		for _, n := range numbers {
			sum += n
		}
	}
	if sum == 1 {
		b.Log(sum)
	}
}

// A decision that holds takes at most four allocations, however many tasks there are.
func TestHeadroomAllocatesLittle(t *testing.T) {
	for _, tasks := range []int{50, 5000} {
		s := seasoned(tasks)
		// The race detector empties pools at random, which costs one or two.
		if n := fewest(func() { policy.Headroom{}.Decide(s) }); n > 6 {
			t.Errorf("%v allocations with %d tasks", n, tasks)
		}
	}
}
