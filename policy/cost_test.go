package policy_test

import (
	"testing"

	"github.com/seed-979cce96/idlescale/policy"
)

// A decision that names no task reads the totals only: without the tasks it is
// the same, and it allocates as much for five thousand of them as for three
// hundred.
func TestHoldingVisitsNoTask(t *testing.T) {
	for name, p := range everyPolicy() {
		t.Run(name, func(t *testing.T) {
			few, many := fleet(300, 9), fleet(5000, 9)
			if d := p.Decide(few); d.Remove != nil || d.Empty != nil {
				few, many = fleet(300, 10), fleet(5000, 10)
			}
			few.Utilization, many.Utilization = load(start, 60, 60), load(start, 60, 60)
			bare := many
			bare.Tasks = nil
			if seen, blind := p.Decide(many).Open, p.Decide(bare).Open; seen != blind {
				t.Errorf("wants %d, and %d when it cannot see the tasks", seen, blind)
			}
			a, b := fewest(func() { p.Decide(few) }), fewest(func() { p.Decide(many) })
			// The race detector empties pools at random, which costs one or two, and more
			// where many members write their memories. A visit of the tasks would cost
			// thousands.
			if b > a+3+a/10 {
				t.Errorf("%v allocations with 300 tasks, %v with 5000", a, b)
			}
		})
	}
}

// fewest is the fewest allocations of some rounds: what else happens in the process adds
// to them, and nothing takes away.
func fewest(f func()) float64 {
	least := testing.AllocsPerRun(5, f)
	for range 5 {
		least = min(least, testing.AllocsPerRun(5, f))
	}
	return least
}

func BenchmarkDecide(b *testing.B) {
	s := fleet(5000, 9)
	s.Utilization = load(start, 60, 60)
	p := policy.Safest{policy.Threshold{}, policy.Buffer{Slots: 10}}
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(s)
	}
}
