package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
)

// The suite holds the policy to everything that the controller, a dry run and a
// replay rely on.
func TestOfficeKeepsTheContract(t *testing.T) {
	autoscalertest.TestPolicy(t, Office{Day: 6, Night: 1})
}

func TestOffice(t *testing.T) {
	open := autoscalertest.Open
	plusOne := time.FixedZone("one hour east", 3600)
	for _, tc := range []struct {
		name    string
		at      string
		zone    *time.Location
		tasks   []autoscaler.Task
		want    int
		code    autoscaler.Code
		abstain bool
	}{
		{"morning", "2026-03-06T07:00:00Z", nil, nil, 6, CodeOfficeHours, false},
		{"evening", "2026-03-06T19:00:00Z", nil, nil, 1, CodeAfterHours, false},
		{"evening further east", "2026-03-06T18:00:00Z", plusOne, nil, 1, CodeAfterHours, false},
		{"weekend", "2026-03-07T12:00:00Z", nil, nil, 1, CodeAfterHours, false},
		{"sessions at night", "2026-03-06T23:00:00Z", nil, []autoscaler.Task{open("t-1", 10, 9), open("t-2", 10, 4)}, 3, CodeAfterHours, false},
		{"unknown is full", "2026-03-06T23:00:00Z", nil, []autoscaler.Task{open("t-1", 10, 9), open("t-2", 10, -1)}, 3, CodeAfterHours, false},
		{"nothing known", "2026-03-06T12:00:00Z", nil, []autoscaler.Task{open("t-1", 10, -1)}, 1, CodeAllUnknown, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tc.at)
			if err != nil {
				t.Fatal(err)
			}
			d := Office{Day: 6, Night: 1, Zone: tc.zone}.Decide(autoscalertest.Snapshot(at, tc.tasks...))
			if d.Open != tc.want || d.Abstain != tc.abstain || d.Reasons[0].Code != tc.code {
				t.Errorf("wants %d (abstains: %v) because %v, want %d because %s", d.Open, d.Abstain, d.Reasons, tc.want, tc.code)
			}
		})
	}
}

func Example() {
	if err := day(os.Stdout, Office{Day: 6, Night: 1}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 00:00  2 sessions on 1 tasks: 2 wanted, after_hours (at least 1, the sessions need 2)
	// 03:00  1 sessions on 2 tasks: 2 wanted, after_hours (at least 1, the sessions need 2)
	// 06:00  9 sessions on 2 tasks: 2 wanted, after_hours (at least 1, the sessions need 2)
	// 09:00 18 sessions on 2 tasks: 6 wanted, office_hours (at least 6, the sessions need 3)
	// 12:00 52 sessions on 6 tasks: 7 wanted, office_hours (at least 6, the sessions need 7)
	// 15:00 66 sessions on 7 tasks: 8 wanted, office_hours (at least 6, the sessions need 8)
	// 18:00 38 sessions on 8 tasks: 6 wanted, office_hours (at least 6, the sessions need 5)
	// 21:00  4 sessions on 6 tasks: 2 wanted, after_hours (at least 1, the sessions need 2)
}
