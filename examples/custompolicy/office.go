package main

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// The codes of Office.
const (
	CodeOfficeHours autoscaler.Code = "office_hours" // Day tasks, or what the sessions need
	CodeAfterHours  autoscaler.Code = "after_hours"  // Night tasks, or what the sessions need
	CodeAllUnknown  autoscaler.Code = "all_unknown"  // nobody can tell what any open task holds
)

// Office keeps Day tasks open from 7 to 19 o'clock on working days and Night
// tasks otherwise, and always enough for the sessions there are plus one task to
// spare. Which task goes is the controller's business: Office names none.
type Office struct {
	Day, Night int
	Zone       *time.Location // whose clock counts; nil is UTC
}

// Name returns "office".
func (Office) Name() string { return "office" }

// Decide reads the snapshot's clock and counts, and nothing else: the same code
// runs live and over a recording of last year.
func (o Office) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	t := s.Totals
	if t.Open > 0 && t.Unknown >= t.Open {
		return s.Abstain(CodeAllUnknown)
	}
	least, code := o.Night, CodeAfterHours
	if o.hours(s.At) {
		least, code = o.Day, CodeOfficeHours
	}
	needed := 0
	if t.Open > 0 && t.Slots > 0 {
		slots := max(1, t.Slots/t.Open)
		needed = (t.Slots-t.Free+slots-1)/slots + 1
	}
	d := s.Want(max(least, needed, 0), code)
	d.Reasons[0].Detail = fmt.Sprintf("at least %d, the sessions need %d", least, needed)
	return d
}

// hours reports that the office is open.
func (o Office) hours(at time.Time) bool {
	if o.Zone != nil {
		at = at.In(o.Zone)
	}
	day, hour := at.Weekday(), at.Hour()
	return day != time.Saturday && day != time.Sunday && hour >= 7 && hour < 19
}
