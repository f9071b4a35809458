package explore

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

var (
	whole   = flag.Bool("whole", false, "explore the large scenes too")
	onTable = flag.Bool("table", false, "explore all small scenes on a table too")
)

// scenes are the scenes in which everything must hold. The small ones are run by every
// go test.
func scenes() (small, large []Scene) {
	plain, last, stray := User{}, User{Reopens: true}, User{Stray: true}
	a := Scene{Level: autoscaler.LevelA, Running: 2, Want: 1, Controllers: 1, Passes: 2}
	b := a
	b.Level = autoscaler.LevelB
	add := func(to *[]Scene, s Scene, name string, change func(s *Scene)) {
		s.Name = string(s.Level) + ": " + name
		change(&s)
		*to = append(*to, s)
	}
	for _, level := range []Scene{a, b} {
		add(&small, level, "a task is emptied", func(s *Scene) { s.Users, s.Reports = []User{last}, 3 })
		to := &small
		if level.Level == autoscaler.LevelB {
			to = &large
		}
		add(to, level, "two controllers retire it", func(s *Scene) {
			s.From, s.Controllers, s.Users, s.Reports = FromAcknowledged, 2, []User{last}, 1
		})
		add(&small, level, "the cordon lapses", func(s *Scene) {
			s.From, s.Passes, s.Users, s.Reports, s.Reopens = FromAcknowledged, 1, []User{plain}, 2, 1
			s.Jumps, s.Ahead = 1, []time.Duration{16 * time.Minute}
		})
		add(&small, level, "a lease runs out", func(s *Scene) {
			s.Users, s.Reports, s.Jumps, s.Ahead = []User{plain}, 2, 1, []time.Duration{6 * time.Minute}
		})
		add(&small, level, "a task is new", func(s *Scene) {
			s.Running, s.Want, s.Spare, s.Passes, s.ScaleOut, s.Users, s.Reports = 1, 2, 1, 1, true, []User{plain}, 3
		})
		add(&large, level, "a task is emptied, all actors", func(s *Scene) {
			s.Users, s.Reports, s.Reopens = []User{plain, last}, 3, 1
		})
		// With the scale-out writer besides, two controllers do not fit into 24 GB of
		// memory: that is the scene after retire, below.
		add(&large, level, "two controllers retire it, and it is reopened", func(s *Scene) {
			s.From, s.Controllers, s.Users, s.Reopens = FromAcknowledged, 2, []User{plain, last}, 1
		})
	}
	add(&small, a, "a count arrives late", func(s *Scene) {
		s.From, s.Spare, s.ScaleOut, s.Lates, s.Foreign = FromUnprotected, 1, true, 1, 1
	})
	add(&small, a, "a reply is lost", func(s *Scene) { s.From, s.Passes, s.Faults, s.ScaleOut = FromAcknowledged, 2, 1, true })
	add(&small, b, "a session is told of too late", func(s *Scene) {
		s.From, s.Passes, s.Users = FromUnprotected, 3, []User{stray}
		s.Jumps, s.Ahead = 1, []time.Duration{3 * time.Minute}
	})
	add(&large, b, "a session is told of too late, longer", func(s *Scene) {
		s.From, s.Passes, s.Users = FromUnprotected, 3, []User{stray}
		s.Jumps, s.Ahead = 2, []time.Duration{40 * time.Second, 3 * time.Minute}
	})
	add(&large, a, "after retire, two controllers", func(s *Scene) {
		s.From, s.Controllers, s.ScaleOut, s.Faults, s.Reopens = FromUnprotected, 2, true, 1, 1
	})
	return small, large
}

// mostStates bounds a scene; one that needs more fails for it.
const mostStates = 12_000_000

func TestScenes(t *testing.T) {
	all, large := scenes()
	if *whole {
		all = append(all, large...)
	}
	hold(t, all)
}

// tableScenes are the small scenes once more, through the shipped store on a table, call of
// the table by call of the table, and some that only a table has.
func tableScenes() (small, large []Scene) {
	scenes, _ := scenes()
	for _, s := range scenes {
		s.OnTable = true
		if s.Name == "A: a task is emptied" || s.Name == "A: a reply is lost" {
			small = append(small, s)
		} else {
			large = append(large, s)
		}
	}
	for _, level := range []autoscaler.Level{autoscaler.LevelA, autoscaler.LevelB} {
		for name, change := range map[string]func(s *Scene){
			"a pass reads what was":        func(s *Scene) { s.Stale, s.Reports = 2, 2 },
			"a record is not there yet":    func(s *Scene) { s.Stale, s.Running, s.Want, s.Spare, s.ScaleOut, s.Passes = 1, 1, 2, 1, true, 1 },
			"anybody's call goes wrong":    func(s *Scene) { s.Faults, s.Passes, s.From = 1, 1, FromAcknowledged },
			"a write arrives late":         func(s *Scene) { s.Lates, s.Reports, s.From = 1, 1, FromAcknowledged },
			"a daemon has seen the record": func(s *Scene) { s.Daemon = true },
			"after the cordon has lapsed": func(s *Scene) {
				s.From, s.Passes, s.Reports, s.Jumps, s.Ahead = FromAcknowledged, 1, 1, 1, []time.Duration{16 * time.Minute}
			},
		} {
			s := Scene{
				Name: string(level) + ": " + name, Level: level, OnTable: true, Running: 2, Want: 1, Controllers: 1, Passes: 2,
				Users: []User{{Reopens: true}}, Reports: 3,
			}
			change(&s)
			large = append(large, s)
		}
	}
	return small, large
}

// TestTableScenes explores what a table can have.
func TestTableScenes(t *testing.T) {
	all, large := tableScenes()
	if *onTable {
		all = append(all, large...)
	}
	hold(t, all)
}

// hold explores each scene, in which everything must hold.
func hold(t *testing.T, scenes []Scene) {
	t.Helper()
	for _, s := range scenes {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := Explore(s, Limits{States: mostStates, Rest: true})
			switch {
			case len(r.Broken) > 0:
				t.Errorf("violated: %s", r.Broken[0])
			case !r.Whole:
				t.Errorf("has more than %d states; nothing is said of the rest", mostStates)
			}
			t.Log(r)
		})
	}
}

// TestPlanted puts each bug in, in the rules and in the store on a table. It must be
// found, and the way to it is printed.
func TestPlanted(t *testing.T) {
	base := Scene{Level: autoscaler.LevelA, Running: 2, Want: 1, Controllers: 1, Passes: 2}
	for plant, c := range map[Plant]struct {
		breaks string
		change func(s *Scene)
	}{
		NoVersionInRetire: {"u0 was granted", func(s *Scene) {
			s.From, s.Users, s.Reports = FromAcknowledged, []User{{Reopens: true}}, 1
		}},
		ReopenOfRetired:       {"I2", func(s *Scene) { s.From, s.Reopens = FromRetired, 1 }},
		UnprotectBeforeRetire: {"I1", func(s *Scene) { s.From, s.Users = FromAcknowledged, []User{{Reopens: true}} }},
		OpenBeforeProtected:   {"I1", func(s *Scene) { s.Spare, s.Running, s.ScaleOut, s.Reports = 1, 1, true, 2 }},
		Subtraction:           {"I4", func(s *Scene) { s.From, s.Foreign = FromUnprotected, 1 }},
		ReportRemoves:         {"u0 was granted", func(s *Scene) { s.Users, s.Reports = []User{{}}, 3 }},
		StopWithoutLastRead: {"I3", func(s *Scene) {
			s.Level, s.From, s.Passes, s.Users = autoscaler.LevelB, FromUnprotected, 2, []User{{Stray: true}}
			s.Jumps, s.Ahead = 2, []time.Duration{3 * time.Minute}
		}},
	} {
		for _, there := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, on a table %t", plant, there), func(t *testing.T) {
				t.Parallel()
				s := base
				s.Name, s.Plant, s.OnTable = string(plant), plant, there
				c.change(&s)
				r := Explore(s, Limits{States: mostStates})
				t.Log(r)
				if len(r.Broken) == 0 || !strings.HasPrefix(r.Broken[0], c.breaks) {
					t.Errorf("the bug is not found by what it breaks: %s", c.breaks)
				}
			})
		}
	}
}
