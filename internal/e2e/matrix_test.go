package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/internal/fakestore"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
	"github.com/seed-979cce96/idlescale/workflow"
)

var matrixSeeds = flag.Uint64("matrix", 1, "how many seeds each level of the matrix of stores is run with")

// stores are the stores of the matrix, by name.
func stores() map[string]func(*testing.T, *ecssim.Cluster, sessionstore.Rules) storetest.Store {
	return map[string]func(*testing.T, *ecssim.Cluster, sessionstore.Rules) storetest.Store{
		"memstore": func(_ *testing.T, c *ecssim.Cluster, rules sessionstore.Rules) storetest.Store {
			return memstore.New(memstore.Config{Now: c.Now, Rules: rules})
		},
		"dynamostore": func(t *testing.T, c *ecssim.Cluster, rules sessionstore.Rules) storetest.Store {
			return fakestore.Open(t, c.Now, rules)
		},
	}
}

// TestMatrix runs the same service under the same load on every store, at every level and
// with some seeds: what every pass saw, decided and did is the same, word by word.
func TestMatrix(t *testing.T) {
	for _, level := range []autoscaler.Level{autoscaler.LevelA, autoscaler.LevelB, autoscaler.LevelC} {
		for seed := range *matrixSeeds {
			t.Run(fmt.Sprintf("%s/%d", level, seed), func(t *testing.T) {
				t.Parallel()
				told := map[string][]string{}
				for name, open := range stores() {
					told[name] = day(t, open, level, seed)
				}
				want, got := told["memstore"], told["dynamostore"]
				for i := range want {
					if i >= len(got) || got[i] != want[i] {
						t.Fatalf("pass %d:\non memstore    %s\non dynamostore %s", i, want[i], strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""))
					}
				}
				if released := strings.Count(strings.Join(want, "\n"), "Step:retire"); released == 0 {
					t.Errorf("nothing was released in %d lines, the last %q", len(want), want[len(want)-1])
				}
			})
		}
	}
}

// day runs a service for some hours of a busy day, and returns what each pass said.
func day(
	t *testing.T, open func(*testing.T, *ecssim.Cluster, sessionstore.Rules) storetest.Store, level autoscaler.Level, seed uint64,
) (told []string) {
	t.Helper()
	c := ecssim.New(ecssim.Config{Seed: seed, Service: ecssim.ServiceConfig{
		ID: service, Desired: 2, Warm: true, DeregistrationDelay: 30 * time.Second, ReregisterAfter: -1,
	}})
	store := open(t, c, sessionstore.Rules{LagBound: time.Minute})
	users, err := ecssim.NewApplication(c, ecssim.ApplicationConfig{
		Slots: 4, Level: level, Entrance: ecssim.EnterPacked, Sessions: ecssim.WireSessions(c, store), Records: ecssim.WireRecords(c, store),
		Writer: ecssim.WireWriter(c, store), Demand: ecssim.WireDemand(c, store), Barriers: ecssim.WireBarriers(c, store),
	})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := workflow.New(workflow.Config{
		Tasks: c, Scaler: c, Sessions: store, Records: store, State: store, Journal: store, Events: users.Events(), Now: c.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := autoscaler.New(autoscaler.Config{
		Service: service, Limits: autoscaler.Limits{Min: 1, Max: 12}, Policy: policy.Headroom{}, Emptying: true,
		Sessions: store, Records: store, State: store, Scaler: c, Utilization: c, Drains: runner, Protection: c, Journal: store,
		Now: c.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	users.Play(ecssim.Load{Seed: seed, Start: c.Now(), Length: 2 * time.Hour, Cycle: 80 * time.Minute, PerHour: 60, Mean: 8 * time.Minute}.Sessions())
	for range int(3 * time.Hour / (15 * time.Second)) {
		pass, err := ctl.Reconcile(context.Background())
		told = append(told, fmt.Sprintf("%s %+v %v %v %v", pass.At.Format(time.TimeOnly), pass.Totals, pass.Actions, pass.Reasons, err))
		c.RunFor(15 * time.Second)
	}
	for _, cut := range users.Cuts() {
		if !cut.Outside() {
			t.Errorf("session cut: %+v", cut)
		}
	}
	journal, err := store.Read(t.Context(), service, "", time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range journal {
		told = append(told, fmt.Sprintf("%+v", e))
	}
	return told
}
