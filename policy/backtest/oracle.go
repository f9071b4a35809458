package backtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Oracle returns a policy that knows when users will come and how many will live at any
// time, and knows nothing of which session ends when: what is left of its cost over the
// bounds no forecast can save. Its room is the growth that will really come within the
// horizon, the time that a task takes to start; it empties and reopens as Headroom does.
//
// It is a yardstick for backtests and sees the future of one load only.
func Oracle(load Load, slots int, horizon time.Duration) autoscaler.Policy {
	o := oracle{slots: max(slots, 1), horizon: horizon}
	if len(load.Sessions) == 0 {
		return o
	}
	o.start = load.Sessions[0].Start
	load.levels(func(at time.Time, live int) {
		i := int(at.Sub(o.start) / oracleStep)
		for len(o.live) <= i {
			last := 0
			if n := len(o.live); n > 0 {
				last = o.live[n-1].after
			}
			o.live = append(o.live, lived{last, last})
		}
		o.live[i].most, o.live[i].after = max(o.live[i].most, live), live
	})
	return o
}

// oracleStep is how finely the future is known.
const oracleStep = 5 * time.Second

type oracle struct {
	slots   int
	horizon time.Duration
	start   time.Time
	live    []lived
}

// lived are the sessions of one step: the most at once, and at its end.
type lived struct{ most, after int }

// Name returns "oracle".
func (oracle) Name() string { return "oracle" }

// growth is by how much the live sessions will grow at most within the horizon.
func (o oracle) growth(at time.Time) int {
	i := int(at.Sub(o.start) / oracleStep)
	if i < 0 || i >= len(o.live) {
		return 0
	}
	most := 0
	for _, l := range o.live[i:min(len(o.live), i+1+int(o.horizon/oracleStep))] {
		most = max(most, l.most)
	}
	now := 0
	if i > 0 {
		now = o.live[i-1].after
	}
	return max(1, most-now)
}

// Decide keeps room for the growth that will come.
func (o oracle) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	room := o.growth(s.At) + s.Demand.Waiting
	spare := 0
	var drained []autoscaler.TaskID
	for i := range s.Tasks {
		if t := &s.Tasks[i]; t.State == autoscaler.TaskCordoned && t.DrainBy == "" {
			spare += t.Slots - held(t)
			drained = append(drained, t.ID)
		}
	}
	d := s.Hold("foreseen")
	d.Reasons[0].Detail = fmt.Sprintf("room for %d", room)
	missing := room - s.Totals.Free - s.Totals.Starting*o.slots
	switch {
	case missing > spare:
		d.Open += len(drained) + int(math.Ceil(float64(missing-spare)/float64(o.slots)))
	case missing > 0:
		d.Open += min(len(drained), missing)
	default:
		d.Empty = o.empty(s, s.Totals.Free-room)
		d.Open -= len(d.Empty)
	}
	if missing > 0 || s.Totals.Starting > 0 || s.Totals.Free+spare-o.slots < room {
		slices.Sort(drained) // in whatever order the tasks were collected
		d.Keep = drained
	}
	d.Room = room
	return d
}

// empty names the emptiest tasks as long as the others have room for what they hold.
func (o oracle) empty(s autoscaler.Snapshot, extra int) []autoscaler.TaskID {
	var open []autoscaler.Task
	for _, t := range s.Tasks {
		if t.State == autoscaler.TaskOpen {
			open = append(open, t)
		}
	}
	slices.SortFunc(open, func(a, b autoscaler.Task) int { return cmp.Or(held(&a)-held(&b), cmp.Compare(a.ID, b.ID)) })
	var ids []autoscaler.TaskID
	for _, t := range open {
		if extra < t.Slots {
			break
		}
		extra -= t.Slots - held(&t)
		ids = append(ids, t.ID)
	}
	return ids
}

// held is the number of sessions on a task, all its slots where nobody can tell.
func held(t *autoscaler.Task) int {
	if n, known := t.Occupancy.Sessions(); known {
		return n
	}
	return t.Slots
}
