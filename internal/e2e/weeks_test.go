package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// TestTwoWeeksOfWeather runs a service for two simulated weeks in which one call in a
// hundred goes wrong, somebody deploys every week, somebody else writes the desired
// count every day, and ECS balances zones. In the end nothing is left over, nobody was
// cut, and it has cost little more than the same two weeks without any of that.
func TestTwoWeeksOfWeather(t *testing.T) {
	for _, level := range []autoscaler.Level{autoscaler.LevelA, autoscaler.LevelB} {
		t.Run(string(level), func(t *testing.T) {
			t.Parallel()
			fair, foul := newWeeks(t, level), newWeeks(t, level)
			foul.weather()
			for _, w := range []*weeks{fair, foul} {
				w.run()
				w.rests()
			}
			clear, stormy := fair.users.Score(), foul.users.Score()
			t.Logf("without: %s\nwith:    %s\nfaults %d, foreign writes %d, deployments 2, releases stuck %d",
				clear, stormy, foul.faults.Total(), foul.foreign, foul.stuck)
			if r := stormy.Ratio() / clear.Ratio(); r > 1.10 {
				t.Errorf("the ratio to the bound is %.3f in fair weather and %.3f in foul: %.1f %% more, want at most 10 %%",
					clear.Ratio(), stormy.Ratio(), 100*(r-1))
			}
			if foul.faults.Total() == 0 || foul.foreign == 0 || foul.retired == 0 {
				t.Error("there was no weather, or nothing happened in it; the run proves nothing")
			}
		})
	}
}

// weeks is a service for two weeks.
type weeks struct {
	*testing.T
	c       *ecssim.Cluster
	raw     *memstore.Store
	users   *ecssim.Application
	checks  *ecssim.Invariants
	ctl     *autoscaler.Controller
	faults  *ecssim.Faults
	foreign int
	tally
}

const (
	weeksLength = 14 * 24 * time.Hour
	weeksSeed   = 5
	weeksSlots  = 10
	// applied is the count that somebody's infrastructure file says, whatever is needed.
	applied = 6
)

func newWeeks(t *testing.T, level autoscaler.Level) *weeks {
	w := &weeks{T: t, faults: ecssim.NewFaults(weeksSeed)}
	w.c = ecssim.New(ecssim.Config{Seed: weeksSeed, Service: ecssim.ServiceConfig{
		Desired: 2, Warm: true, DeregistrationDelay: 30 * time.Second, Rebalance: true,
	}})
	w.raw = memstore.New(memstore.Config{Now: w.c.Now})
	w.checks = ecssim.NewInvariants(w.c, service, w.raw)
	w.c.SetSeam(w.checks.Seam())
	var err error
	if w.users, err = ecssim.NewApplication(w.c, ecssim.ApplicationConfig{
		Slots: weeksSlots, Level: level, Sessions: w.raw, Demand: w.raw,
		Records: ecssim.WireRecords(w.c, w.raw), Writer: ecssim.WireWriter(w.c, w.raw), WarmUp: 24 * time.Hour,
	}); err != nil {
		t.Fatal(err)
	}
	sessions := ecssim.WireSessions(w.c, w.raw)
	records, state := ecssim.WireRecords(w.c, w.raw), ecssim.WireState(w.c, w.raw)
	drains, err := workflow.New(workflow.Config{
		Tasks: w.c, Scaler: w.c, Sessions: sessions, Records: records, State: state, Journal: w.raw, Now: w.c.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.ctl, err = autoscaler.New(autoscaler.Config{
		Service: service, Limits: autoscaler.Limits{Min: 1, Max: 60}, Emptying: true,
		Policy:   weeksPolicy(level),
		Sessions: sessions, Records: records, State: state, Scaler: w.c, Utilization: w.c, Drains: drains,
		Protection: w.c, Journal: w.raw, Now: w.c.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// weeksPolicy has one level decided by what a user takes who names nothing, the other by
// a composition that drains idle tasks only.
func weeksPolicy(level autoscaler.Level) autoscaler.Policy {
	if level == autoscaler.LevelA {
		return policy.Headroom{}
	}
	return policy.Safest{policy.Threshold{}, policy.Buffer{Slots: weeksSlots, Percent: 15, PerTask: weeksSlots}}
}

// weather lays what others do over the two weeks, the last day excepted: what it does
// then has a day to be put right.
func (w *weeks) weather() {
	w.faults = ecssim.NewFaults(weeksSeed, ecssim.EveryFault(0.0025)...) // a call is open to four kinds and more
	w.c.SetFaults(w.faults)
	r := rand.New(rand.NewPCG(weeksSeed, 0x3ee6))
	start := w.c.Now()
	for day := range 13 {
		at := start.Add(time.Duration(day)*24*time.Hour + time.Duration(r.Int64N(int64(24*time.Hour))))
		w.c.At(at, func() {
			w.foreign++
			if err := w.c.ForeignDesired(service, applied); err != nil {
				w.Error(err)
			}
		})
	}
	for week := range 2 {
		revision := fmt.Sprint("week-", week)
		w.c.At(start.Add(time.Duration(week)*7*24*time.Hour+34*time.Hour), func() {
			if _, err := w.c.Deploy(service, revision); err != nil {
				w.Error(err)
			}
		})
	}
}

func (w *weeks) run() {
	// The last users are gone by the end: what is left then has no reason to be.
	load := ecssim.Load{Seed: weeksSeed, Start: w.c.Now(), Length: weeksLength - 12*time.Hour, PerHour: 60}.Sessions()
	for i := range load {
		load[i].Duration = min(load[i].Duration, 8*time.Hour)
	}
	w.users.Play(load)
	w.c.Every(w.c.Now(), 15*time.Second, func() {
		// A pass that failed is made again in its turn.
		p, _ := w.ctl.Reconcile(context.Background())
		w.count(p)
	})
	w.c.RunFor(weeksLength)
}

// rests holds the end of the two weeks to what it has to be.
func (w *weeks) rests() {
	for i, v := range w.checks.Violations() {
		if i < 3 {
			w.Error(v)
		}
	}
	for _, cut := range w.users.Cuts() {
		w.Errorf("session cut: %+v", cut)
	}
	truth, err := w.c.Truth(service)
	if err != nil {
		w.Fatal(err)
	}
	records, err := w.raw.Activity(context.Background(), service, w.c.Now())
	if err != nil {
		w.Fatal(err)
	}
	protected := map[autoscaler.TaskID]bool{}
	for _, task := range truth.Tasks {
		protected[task.ID] = task.Wanted() && task.ProtectedUntil.After(w.c.Now())
	}
	for _, a := range records.Tasks {
		switch {
		case a.State == autoscaler.TaskRetired:
			w.Errorf("%s is retired and not closed; protected %v", a.Ref.Task, protected[a.Ref.Task])
		case a.State == autoscaler.TaskCordoned && a.Occupancy.Idle() && w.c.Now().Sub(a.IdleSince) > 30*time.Minute:
			w.Errorf("%s has been drained for %s since its last session", a.Ref.Task, w.c.Now().Sub(a.IdleSince))
		}
	}
	if truth.Desired < 1 || truth.Desired > 120 {
		w.Errorf("desired %d, limits 1 to 120", truth.Desired)
	}
	if w.stuck > 0 && w.faults.Total() == 0 {
		w.Errorf("%d releases ended stuck without a fault", w.stuck)
	}
}
