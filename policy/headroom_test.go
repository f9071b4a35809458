package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleHeadroom() {
	s := autoscalertest.Snapshot(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		autoscalertest.Open("t-1", 10, 9),
		autoscalertest.Open("t-2", 10, 8),
		autoscalertest.Open("t-3", 10, 2),
		autoscalertest.Open("t-4", 10, 1),
	)
	d := policy.Headroom{}.Decide(s)
	fmt.Println(d.Open, d.Empty, d.Reasons[0].Code)
	// Output:
	// 3 [t-4] room_spare
}

// minutes lets Headroom watch a service whose users come and go at a rate per minute,
// and returns the last snapshot, with its memory.
func minutes(s autoscaler.Snapshot, n int, perMinute float64, seed uint64) autoscaler.Snapshot {
	r := rand.New(rand.NewPCG(seed, 3))
	for range n * 4 {
		s.At = s.At.Add(15 * time.Second)
		came := int64(0)
		for x := r.ExpFloat64(); x < perMinute/4; x += r.ExpFloat64() {
			came++
		}
		s.Demand.Arrivals += came
		s.Demand.Departures += came
		s.Memory = policy.Headroom{}.Decide(s).Memory
	}
	s.At = s.At.Add(15 * time.Second)
	return s
}

// room is what it wants to have free until a task has started, as it says itself.
func room(t *testing.T, s autoscaler.Snapshot) (slots float64) {
	t.Helper()
	d := policy.Headroom{}.Decide(s)
	if _, err := fmt.Sscanf(d.Reasons[0].Detail, "room for %f", &slots); err != nil {
		t.Fatalf("%v in %q", err, d.Reasons[0].Detail)
	}
	return slots
}

// More users want more room, though not in proportion; a quiet service wants little.
func TestHeadroomFollowsTheRate(t *testing.T) {
	seed := rand.Uint64()
	busy, quiet := minutes(fleet(40, 9), 180, 20, seed), minutes(fleet(40, 9), 180, 2, seed)
	if many, few := room(t, busy), room(t, quiet); many <= few || many > 6*few {
		t.Errorf("seed %d: room for %v at twenty arrivals a minute, for %v at two", seed, many, few)
	}
}

// In the first minute, without a memory, a service that is full gets room.
func TestHeadroomServesFromTheFirstMinute(t *testing.T) {
	d := policy.Headroom{}.Decide(fleet(5, 10))
	if d.Open <= 5 || d.Open > 8 || d.Reasons[0].Code != policy.CodeRoomShort {
		t.Errorf("%+v", d)
	}
	if d := (policy.Headroom{PerTask: 4}).Decide(autoscaler.Snapshot{At: start, Demand: autoscaler.Demand{Waiting: 9}}); d.Open < 3 {
		t.Errorf("nothing there and nine users wait: %+v", d)
	}
}

// A rate that is four times what it was is answered within two passes.
func TestHeadroomSeesAStep(t *testing.T) {
	seed := rand.Uint64()
	s := minutes(fleet(60, 9), 120, 40, seed)
	before := policy.Headroom{}.Decide(s)
	s.Memory = before.Memory
	s.At, s.Demand.Arrivals = s.At.Add(10*time.Second), s.Demand.Arrivals+27
	after := policy.Headroom{}.Decide(s)
	if after.Open < before.Open+5 {
		t.Errorf("seed %d: %d open wanted before, %d after 27 arrivals in ten seconds", seed, before.Open, after.Open)
	}
	// The same number over ten minutes is no change.
	s = minutes(fleet(60, 9), 120, 40, seed)
	s.At, s.Demand.Arrivals = s.At.Add(40*time.Second), s.Demand.Arrivals+27
	s.Demand.Departures += 27
	if same := (policy.Headroom{}).Decide(s); same.Open > before.Open+2 {
		t.Errorf("seed %d: %d open wanted where nothing changed, %d before", seed, same.Open, before.Open)
	}
}

// Users who wait have arrived: letting them in is no burst.
func TestHeadroomCountsWhoWaits(t *testing.T) {
	seed := rand.Uint64()
	s := minutes(fleet(60, 9), 120, 40, seed)
	s.Demand.Waiting = 60
	first := policy.Headroom{}.Decide(s)
	s.Memory, s.At = first.Memory, s.At.Add(2*time.Second)
	s.Demand.Waiting, s.Demand.Arrivals = 0, s.Demand.Arrivals+60
	if d := (policy.Headroom{}).Decide(s); d.Open > first.Open {
		t.Errorf("seed %d: %d open wanted when sixty wait, %d once they are in", seed, first.Open, d.Open)
	}
}

// It gives back only from open tasks, and only what the others can stand in for.
func TestHeadroomGivesBackFromWhatIsThere(t *testing.T) {
	s := minutes(fleet(12, 5), 60, 4, 1)
	d := policy.Headroom{}.Decide(s)
	if len(d.Empty) == 0 || d.Open != 12-len(d.Empty) {
		t.Fatalf("%+v", d)
	}
	// As many tasks more, all on their way, make no difference to what goes.
	for i := range 12 {
		s.Tasks = append(s.Tasks, autoscaler.Task{ID: autoscaler.TaskID(fmt.Sprintf("u-%02d", i)), State: autoscaler.TaskNew})
	}
	autoscalertest.Recount(&s)
	if more := (policy.Headroom{}).Decide(s); !slices.Equal(more.Empty, d.Empty) || more.Open != 24-len(d.Empty) {
		t.Errorf("with tasks on their way %d %v, without %v", more.Open, more.Empty, d.Empty)
	}
	// Unknown is full.
	for i := range s.Tasks {
		s.Tasks[i].Occupancy = autoscaler.Occupancy{}
	}
	autoscalertest.Recount(&s)
	if d := (policy.Headroom{}).Decide(s); d.Empty != nil || d.Remove != nil {
		t.Errorf("tasks of unknown occupancy are emptied: %+v", d)
	}
}

// drained is a service of open tasks and one drained task that has been idle.
func drained(open, sessions int, idle time.Duration) autoscaler.Snapshot {
	s := fleet(open, sessions)
	t := autoscalertest.Open("d", 10, 0)
	t.State, t.Ready, t.IdleFor = autoscaler.TaskCordoned, true, idle
	s.Tasks = append(s.Tasks, t)
	autoscalertest.Recount(&s)
	return s
}

// A drained task is kept while it is part of the room, while others start, and for a
// moment; it is reopened before anything is started.
func TestHeadroomKeepsAndReopens(t *testing.T) {
	for name, tt := range map[string]struct {
		s    autoscaler.Snapshot
		kept bool
		open int
	}{
		"not needed":        {drained(8, 6, time.Minute), false, 0},
		"emptied just now":  {drained(8, 6, time.Second), true, 0},
		"part of the room":  {drained(8, 9, time.Minute), true, 0},
		"needed at once":    {drained(8, 10, time.Minute), true, 9},
		"others are coming": {starting(drained(8, 6, time.Minute)), true, 0},
	} {
		s := minutes(tt.s, 30, 2, 1)
		s.Tasks = tt.s.Tasks
		autoscalertest.Recount(&s)
		d := policy.Headroom{}.Decide(s)
		if kept := slices.Contains(d.Keep, "d"); kept != tt.kept {
			t.Errorf("%s: kept is %v: %+v", name, kept, d)
		}
		if tt.open > 0 && d.Open != tt.open {
			t.Errorf("%s: %d open wanted, %d expected: %+v", name, d.Open, tt.open, d)
		}
	}
}

func starting(s autoscaler.Snapshot) autoscaler.Snapshot {
	s.Tasks = append(s.Tasks, autoscaler.Task{ID: "z", State: autoscaler.TaskNew})
	autoscalertest.Recount(&s)
	return s
}

// Its memory is as long after a month as after a minute, and what it is worth comes
// through a restart.
func TestHeadroomRemembers(t *testing.T) {
	s := minutes(fleet(10, 8), 1, 5, 1)
	early := len(s.Memory)
	s = minutes(s, 60*24, 5, 2)
	if len(s.Memory) != early || early > 3<<10 {
		t.Errorf("%d bytes after a minute, %d after a day", early, len(s.Memory))
	}
	with := policy.Headroom{}.Decide(s)
	var copied autoscaler.Memory
	if err := json.Unmarshal(mustJSON(t, s.Memory), &copied); err != nil {
		t.Fatal(err)
	}
	s.Memory = copied
	if again := (policy.Headroom{}).Decide(s); again.Room != with.Room || string(again.Memory) != string(with.Memory) {
		t.Error("another process decides otherwise on the same memory")
	}
	for _, bad := range []string{`"x"`, `{}`, `null`, `"` + string(s.Memory[1:len(s.Memory)-5]) + `AAAA"`} {
		s.Memory = autoscaler.Memory(bad)
		if d := (policy.Headroom{}).Decide(s); len(d.Reasons) != 1 || len(d.Memory) != early {
			t.Errorf("memory %.20q: %+v", bad, d)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A service that is busy at one time of day is met with more room before it is.
func TestHeadroomLearnsTheSeason(t *testing.T) {
	s := fleet(40, 9)
	s.At = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for day := range 5 {
		for hour := range 24 {
			rate := 2.0
			if hour >= 9 && hour < 12 {
				rate = 40
			}
			at := s.At
			s = minutes(s, 60, rate, uint64(day*24+hour))
			s.At = at.Add(time.Hour)
		}
	}
	s = minutes(s, 8*60+58, 2, 99) // until just before nine
	if early, late := room(t, withoutSeason(s)), room(t, s); late <= early {
		t.Errorf("two minutes before the rush it wants room for %v, and %v when it knows nothing of the day", late, early)
	}
}

// withoutSeason is the snapshot with a memory of the last hour only.
func withoutSeason(s autoscaler.Snapshot) autoscaler.Snapshot {
	fresh := s
	fresh.Memory, fresh.At = nil, s.At.Add(-time.Hour)
	return minutes(fresh, 60, 2, 99)
}
