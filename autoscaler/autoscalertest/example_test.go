package autoscalertest_test

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
)

func ExampleSnapshot() {
	s := autoscalertest.Snapshot(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		autoscalertest.Open("t-2", 10, 4),
		autoscalertest.Open("t-1", 10, 0),
		autoscalertest.Open("t-3", 10, -1), // nobody can tell what it holds
	)
	t := s.Totals
	fmt.Println(s.Tasks[0].ID, "of", t.Open, "open tasks is idle:", t.Idle, "unknown:", t.Unknown, "free slots:", t.Free)
	// Output: t-1 of 3 open tasks is idle: 1 unknown: 1 free slots: 16
}
