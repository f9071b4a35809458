package ecssim

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

var errBroken = errors.New("broken")

func TestReclaim(t *testing.T) {
	for why, lasts := range map[Reclaim]time.Duration{ReclaimSpot: 2 * time.Minute, ReclaimRetirement: 0, ReclaimHost: 0} {
		r := newRig(t, Config{Seed: 1, Service: fixed(2)}, ApplicationConfig{Slots: 1})
		r.c.RunFor(time.Minute)
		r.application.Visit(t.Context(), time.Hour)
		var busy autoscaler.TaskID
		for _, id := range ids(t, r.c) {
			if r.application.Live(id) > 0 {
				busy = id
			}
		}
		if err := r.c.Reclaim(autoscaler.TaskRef{Service: sim, Task: busy}, why); err != nil {
			t.Fatal(err)
		}
		if lasts > 0 {
			r.c.RunFor(lasts - time.Second)
			if n := len(r.application.Cuts()); n > 0 {
				t.Errorf("%s: the session was cut before the notice had passed", why)
			}
		}
		r.c.RunFor(time.Minute)
		cuts := r.application.Cuts()
		if len(cuts) != 1 || cuts[0].StopCode != string(why) || !cuts[0].Outside() || !cuts[0].Protected {
			t.Errorf("%s: cuts %+v", why, cuts)
		}
		r.c.RunFor(3 * time.Minute)
		if n := len(ids(t, r.c)); n != 2 {
			t.Errorf("%s: %d tasks run, want the lost one replaced", why, n)
		}
	}
	c := newFixed(1)
	if err := c.Reclaim(autoscaler.TaskRef{Service: sim, Task: "none"}, ReclaimSpot); !errors.Is(err, autoscaler.ErrNotFound) {
		t.Errorf("a task that is not there: %v", err)
	}
}

// Rebalancing starts one more first, and keeps it where all others are protected.
func TestRebalanceKeepsItsSurplusWhereAllAreProtected(t *testing.T) {
	for _, protected := range []bool{false, true} {
		cfg := fixed(4)
		cfg.Zones, cfg.Rebalance = 2, true
		c := New(Config{Seed: 7, Service: cfg})
		protect(t, c, 4*time.Hour, ids(t, c)...)
		// Both tasks of one zone give way, and ECS chooses among the unprotected only.
		var gone []autoscaler.TaskID
		for _, task := range state(t, c).Tasks {
			if task.Zone == state(t, c).Tasks[0].Zone {
				gone = append(gone, task.ID)
			}
		}
		if _, err := c.UpdateTaskProtection(sim, gone, false, 0); err != nil {
			t.Fatal(err)
		}
		setDesired(t, c, 2)
		c.RunFor(30 * time.Second)
		if !protected {
			if _, err := c.UpdateTaskProtection(sim, ids(t, c), false, 0); err != nil {
				t.Fatal(err)
			}
		}
		c.RunFor(5 * time.Minute)
		want := map[bool]int{false: 2, true: 3}[protected]
		if n := len(ids(t, c)); n != want {
			t.Errorf("protected %v: %d tasks run, want %d", protected, n, want)
		}
		said := slices.ContainsFunc(c.Events(), func(e ServiceEvent) bool { return strings.Contains(e.Message, "unable to AZ Rebalance") })
		if said != protected {
			t.Errorf("protected %v: an event says so: %v", protected, said)
		}
	}
}

func TestForeignStopIsTold(t *testing.T) {
	r := newRig(t, Config{Seed: 1, Service: fixed(1)}, ApplicationConfig{})
	r.c.RunFor(time.Minute)
	r.application.Visit(t.Context(), time.Hour)
	if err := r.c.ForeignStop(autoscaler.TaskRef{Service: sim, Task: ids(t, r.c)[0]}); err != nil {
		t.Fatal(err)
	}
	r.c.RunFor(time.Minute)
	if cuts := r.application.Cuts(); len(cuts) != 1 || !cuts[0].ByOthers || !cuts[0].Outside() {
		t.Errorf("cuts %+v, want one by somebody else", cuts)
	}
}

func TestWeatherBefalls(t *testing.T) {
	run := func(seed uint64) (map[string]int, int) {
		r := newRig(t, Config{Seed: 1, Service: fixed(4)}, ApplicationConfig{Slots: 2})
		counts := Weather{
			Seed: seed, To: r.c.Now().Add(48 * time.Hour), Deployments: 1, Writes: 4, Applied: 3, Crashes: 4, Restarts: 4,
			Sick: 4, Reclaims: 6, Stops: 4, Bared: 4,
		}.Play(r.c, r.application)
		r.application.Play(users(r.c.Now(), 300, 10*time.Minute, 30*time.Minute))
		r.c.RunFor(48 * time.Hour)
		return counts, len(r.application.Cuts())
	}
	first, cuts := run(1)
	for _, kind := range []string{
		"deployments", "foreign writes of the desired count", "crashes", "container restarts", "sick tasks",
		"tasks reclaimed by AWS", "tasks stopped by a person", "protections taken away",
	} {
		if first[kind] == 0 {
			t.Errorf("no %s in two days: %v", kind, first)
		}
	}
	if again, same := run(1); cuts == 0 || same != cuts || again["crashes"] != first["crashes"] {
		t.Errorf("%d cuts, and %d with the same seed", cuts, same)
	}
	if other, _ := run(2); other["crashes"] == first["crashes"] && other["sick tasks"] == first["sick tasks"] && other["tasks stopped by a person"] == first["tasks stopped by a person"] {
		t.Errorf("another seed gives the same weather: %v", other)
	}
	if n := (Weather{}).Play(newFixed(1), &Application{cfg: ApplicationConfig{Service: sim}}); len(n) != 0 {
		t.Errorf("no weather: %v", n)
	}
}
