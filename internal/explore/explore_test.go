package explore

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

var limit = flag.Int("limit", 400_000, "")
var rest = flag.Bool("rest", false, "")
var only = flag.String("only", "", "only the scenes whose name holds this text")

func tryScenes() []Scene {
	u, r, st := User{}, User{Reopens: true}, User{Stray: true}
	_ = st
	return []Scene{
		{Name: "emptied", Level: "A", Running: 2, Want: 1, Controllers: 1, Passes: 2, Users: []User{u, r}, Begins: 0, Reports: 3, Reopens: 1},
		{Name: "two controllers", Level: "A", Running: 2, Want: 1, From: FromAcknowledged, Controllers: 2, Passes: 2, Users: []User{r}, Reports: 1, Reopens: 1},
		{Name: "after retire", Level: "A", Running: 2, Want: 1, From: FromUnprotected, Controllers: 2, Passes: 2, ScaleOut: true, Faults: 1, Reopens: 1},
		{Name: "late and foreign", Level: "A", Running: 2, Want: 1, From: FromUnprotected, Spare: 1, Controllers: 1, Passes: 2, ScaleOut: true, Foreign: 1, Lates: 1},
		{Name: "lapse", Level: "A", Running: 2, Want: 1, From: FromAcknowledged, Controllers: 1, Passes: 1, Users: []User{u}, Reports: 2, Reopens: 1, Jumps: 1, Ahead: []time.Duration{16 * time.Minute}},
		{Name: "expiry", Level: "A", Running: 2, Want: 1, Controllers: 1, Passes: 2, Users: []User{u}, Reports: 3, Jumps: 1, Ahead: []time.Duration{6 * time.Minute}},
		{Name: "told after retire", Level: "B", Running: 2, Want: 1, From: FromUnprotected, Controllers: 1, Passes: 3, Users: []User{st}, Jumps: 2, Ahead: []time.Duration{40 * time.Second, 3 * time.Minute}},
		{Name: "new task", Level: "A", Running: 1, Want: 2, Spare: 1, Controllers: 1, Passes: 1, ScaleOut: true, Users: []User{u}, Reports: 3},
		{Name: "B emptied", Level: "B", Running: 2, Want: 1, Controllers: 1, Passes: 2, Users: []User{u, u}, Reports: 3, Reopens: 1},
		{Name: "B two controllers", Level: "B", Running: 2, Want: 1, From: FromAcknowledged, Controllers: 2, Passes: 2, Users: []User{u}, Reports: 1, Reopens: 1},
		{Name: "all", Level: "A", Running: 2, Want: 1, From: FromAcknowledged, Controllers: 2, Passes: 2, ScaleOut: true, Users: []User{u, r}, Reports: 1, Reopens: 1},
	}
}

func TestTry(t *testing.T) {
	for _, s := range tryScenes() {
		if !strings.Contains(s.Name, *only) {
			continue
		}
		s.Level = autoscaler.Level(s.Level)
		start := time.Now()
		r := Explore(s, Limits{States: *limit, Rest: *rest})
		fmt.Println(r, time.Since(start))
	}
}
