package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

var (
	runs   = flag.Int("runs", 3000, "how many seeded runs TestTwoControllers makes")
	replay = flag.Uint64("seed", 0, "make the one run of this seed, and print its calls; 0 for all runs")
)

var service = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

// whim is a policy that wants anything: a number, tasks to remove, to empty and
// to reopen, drawn anew at each instant, ids that do not exist among them. What
// it may not do is end a session; the guard and the protocol see to that.
type whim struct{ seed uint64 }

func (whim) Name() string { return "whim" }

func (w whim) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	r := rand.New(rand.NewPCG(w.seed, uint64(s.At.UnixNano())))
	d := s.Want(r.IntN(7), "whim")
	for i := range s.Tasks {
		id := s.Tasks[i].ID
		switch r.IntN(12) {
		case 0:
			d.Remove = append(d.Remove, id)
		case 1:
			d.Empty = append(d.Empty, id)
		case 2:
			d.Reopen = append(d.Reopen, id)
		case 3:
			d.Remove = append(d.Remove, "no-"+id)
		}
	}
	d.Abstain = r.IntN(10) == 0
	return d
}

// tally is what happened in a run, so that a test that passed because nothing
// happened is seen.
type tally struct {
	passes, overlapped, cordons, reopens, retired, released, stopped, lowered, raised, held, sessions int
}

func (t *tally) add(o tally) {
	t.passes += o.passes
	t.overlapped += o.overlapped
	t.cordons += o.cordons
	t.reopens += o.reopens
	t.retired += o.retired
	t.released += o.released
	t.stopped += o.stopped
	t.lowered += o.lowered
	t.raised += o.raised
	t.held += o.held
	t.sessions += o.sessions
}

func (t *tally) count(p autoscaler.Pass) {
	t.passes++
	for _, a := range p.Actions {
		switch {
		case a.Outcome != "":
		case a.Code == autoscaler.CodeCordoned:
			t.cordons++
		case a.Code == autoscaler.CodeReopened:
			t.reopens++
		case a.Code == autoscaler.CodeScaledOut:
			t.raised++
		}
	}
	reasons := p.Reasons
	for _, r := range p.Releases {
		reasons = append(reasons, r.Reasons...)
	}
	for _, r := range reasons {
		switch r.Code {
		case autoscaler.CodeOverlapped:
			t.overlapped++
		case autoscaler.CodeRetired:
			t.retired++
		case autoscaler.CodeReleased:
			t.released++
		case autoscaler.CodeStopped:
			t.stopped++
		case autoscaler.CodeScaledIn:
			t.lowered++
		case autoscaler.CodePermitHeld, autoscaler.CodePermitExpired:
			t.held++
		}
	}
}

// TestTwoControllers lets two controllers with the wildest of policies loose on
// one service, interleaved call by call and held up at random for up to a day
// between any two calls, also between signing and sending, while users come and
// go, somebody else writes the desired count, tasks crash and deployments roll.
// The invariants I1 to I5 hold after every call, and no session is cut.
//
// A failing seed is printed with the calls that led there; -seed replays it.
func TestTwoControllers(t *testing.T) {
	if *replay != 0 {
		total, violations := run(t, *replay)
		t.Logf("%+v", total)
		for _, v := range violations {
			t.Error(v)
		}
		return
	}
	var (
		mu     sync.Mutex
		total  tally
		group  sync.WaitGroup
		seeds  = make(chan uint64)
		failed = 0
	)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := range seeds {
				one, violations := run(t, seed)
				mu.Lock()
				total.add(one)
				if len(violations) > 0 {
					if failed++; failed <= 3 {
						t.Errorf("seed %d (replay with -seed %d): %d violations, the first:\n%s", seed, seed, len(violations), violations[0])
					}
				}
				mu.Unlock()
			}
		})
	}
	for seed := range uint64(*runs) {
		seeds <- seed + 1
	}
	close(seeds)
	group.Wait()
	t.Logf("%d runs: %+v", *runs, total)
	if failed > 0 {
		t.Errorf("%d of %d runs broke an invariant", failed, *runs)
	}
	for what, n := range map[string]int{
		"overlapped": total.overlapped, "cordons": total.cordons, "reopens": total.reopens, "retired": total.retired,
		"released": total.released, "stopped": total.stopped, "lowered": total.lowered, "raised": total.raised,
		"held": total.held, "sessions": total.sessions,
	} {
		if n == 0 {
			t.Errorf("in all runs: no %s; the runs prove nothing about it", what)
		}
	}
}

// run makes one run: a quarter or half an hour of a small, nervous service.
func run(t *testing.T, seed uint64) (tally, []ecssim.Violation) {
	r := rand.New(rand.NewPCG(seed, 0xe2e))
	slots, desired := 1+r.IntN(4), 1+r.IntN(4)
	cluster := ecssim.New(ecssim.Config{Seed: seed, Service: ecssim.ServiceConfig{
		Desired: desired, Warm: r.IntN(2) == 0,
		StartTime:           ecssim.Span{Min: 2 * time.Second, Max: 20 * time.Second},
		DeregistrationDelay: 30 * time.Second, RefuseAtEquality: r.IntN(2) == 0,
	}})
	raw := memstore.New(memstore.Config{Now: cluster.Now})
	if r.IntN(4) > 0 {
		adopt(t, raw, desired)
	}
	stage := ecssim.NewStage(cluster, seed)
	stage.Hold = holdUps(r)
	invariants := ecssim.NewInvariants(cluster, service, raw)
	cluster.SetSeam(ecssim.Seams(invariants.Seam(), stage.Seam()))
	users, err := ecssim.NewApplication(cluster, ecssim.ApplicationConfig{
		Slots: slots, Sessions: raw, Records: ecssim.WireRecords(cluster, raw), Writer: ecssim.WireWriter(cluster, raw), Demand: raw,
	})
	if err != nil {
		t.Error(err)
		return tally{}, nil
	}
	length := time.Duration(12+r.IntN(24)) * time.Minute
	sessions := ecssim.Load{
		Seed: seed, Start: cluster.Now(), Length: length, PerHour: 30 + 60*r.Float64(), Swing: -1, Mean: 4 * time.Minute,
	}.Sessions()
	users.Play(sessions)
	weather(cluster, r, length)

	var out tally
	end := cluster.Now().Add(length)
	for i, name := range []string{"first", "second"} {
		ctl := controller(t, cluster, raw, whim{seed + uint64(i)*uint64(r.IntN(2))}, r.IntN(4) == 0)
		pause := time.Duration(10+r.IntN(20)) * time.Second
		stage.Go(name, func(ctx context.Context) {
			for stage.Sleep(ctx, pause) == nil {
				// Errors are the stage's end; whatever a pass did stands in it.
				p, _ := ctl.Reconcile(ctx)
				out.count(p)
			}
		})
	}
	stage.Run(end)
	stage.Close()
	cluster.RunFor(30 * time.Minute) // what is under way at the end may still cut
	out.sessions = len(sessions)
	return out, invariants.Violations()
}

// adopt makes the first desired count one that a controller knows, so that the
// run need not begin with the ten minutes until it is.
func adopt(t *testing.T, raw *memstore.Store, desired int) {
	ctx := context.Background()
	c, err := raw.LoadCheckpoint(ctx, service)
	if err == nil {
		c.Desired = autoscaler.DesiredCount{Value: desired, Previous: desired, Known: true}
		_, err = raw.SaveCheckpoint(ctx, c)
	}
	if err != nil {
		t.Error(err)
	}
}

// controller builds one controller with its own release, on wired contracts.
func controller(t *testing.T, c *ecssim.Cluster, raw *memstore.Store, p autoscaler.Policy, balancerFirst bool) *autoscaler.Controller {
	sessions, records, state := ecssim.WireSessions(c, raw), ecssim.WireRecords(c, raw), ecssim.WireState(c, raw)
	drains, err := workflow.New(workflow.Config{
		Tasks: c, Scaler: c, Sessions: sessions, Records: records, State: state, Journal: raw, Now: c.Now,
		LoadBalancerFirst: balancerFirst,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := autoscaler.New(autoscaler.Config{
		Service: service, Limits: autoscaler.Limits{Min: 0, Max: 6}, Policy: p, Floor: -1, Emptying: true,
		Sessions: sessions, Records: records, State: state, Scaler: c, Drains: drains, Now: c.Now,
		Timing: autoscaler.Timing{IdleFor: 5 * time.Second, Cooldown: -1, MinAge: -1},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctl
}

// holdUps draws how long a call is held up at a point: mostly not at all, now and
// then for seconds, for longer than a permit lives, or for hours.
func holdUps(r *rand.Rand) func(ecssim.Call) time.Duration {
	return func(ecssim.Call) time.Duration {
		switch n := r.IntN(2000); {
		case n < 1900:
			return 0
		case n < 1970:
			return time.Duration(r.Int64N(int64(10 * time.Second)))
		case n < 1994:
			return time.Duration(r.Int64N(int64(2 * time.Minute)))
		case n < 1999:
			return time.Duration(r.Int64N(int64(20 * time.Minute)))
		}
		return time.Duration(r.Int64N(int64(24 * time.Hour)))
	}
}

// weather lays what others do to the service over the run: foreign writes of the
// desired count, crashes, deployments. Whatever fails here fails for ECS's own
// reasons, and is as good as not tried.
func weather(c *ecssim.Cluster, r *rand.Rand, length time.Duration) {
	at := func(f func()) { c.At(c.Now().Add(time.Duration(r.Int64N(int64(length)))), f) }
	for range r.IntN(3) {
		n := r.IntN(6)
		at(func() { _ = c.ForeignDesired(service, n) })
	}
	for range r.IntN(2) {
		at(func() { crashOne(c) })
	}
	if r.IntN(4) == 0 {
		at(func() { _, _ = c.Deploy(service, fmt.Sprint("revision-", r.IntN(100))) })
	}
}

// crashOne ends the first running task, as its own program might.
func crashOne(c *ecssim.Cluster) {
	state, err := c.Describe(context.Background(), service)
	if err != nil {
		return
	}
	for _, task := range state.Tasks {
		if task.LastStatus == "RUNNING" {
			_ = c.Crash(autoscaler.TaskRef{Service: service, Task: task.ID})
			return
		}
	}
}
