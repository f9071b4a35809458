package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

var calmRuns = flag.Int("calm-runs", 800, "how many seeded runs TestCalmAfterChaos makes")

const (
	chaosLength = 25 * time.Minute
	// A gate that is held, a foreign count to adopt, a record whose task nobody
	// knows: what chaos leaves behind is gone after minutes. Three hours leave no
	// doubt that what remains would remain for ever.
	calmPasses, calmPause = 400, 30 * time.Second
)

// TestCalmAfterChaos asks whether a service comes to rest. For 25 minutes two
// controllers with the wildest of policies work on it while calls are lost and
// held up, reads lag, visitors come in the middle of everything, somebody else
// writes the desired count, tasks crash and fall sick. Then all of that ends, and
// one controller that wants two tasks has three hours and twenty minutes. What
// it must leave is two open tasks, and nothing else of any kind.
//
// A failing seed is printed; -seed replays it.
func TestCalmAfterChaos(t *testing.T) {
	if *replay != 0 {
		for _, fault := range newStorm(t, *replay).run() {
			t.Errorf("seed %d: %s", *replay, fault)
		}
		return
	}
	var (
		mu     sync.Mutex
		group  sync.WaitGroup
		seeds  = make(chan uint64)
		failed int
		total  tally
	)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := range seeds {
				s := newStorm(t, seed)
				faults := s.run()
				mu.Lock()
				total.add(s.tally)
				if len(faults) > 0 {
					if failed++; failed <= 3 {
						t.Errorf("seed %d (replay with -seed %d): %s", seed, seed, strings.Join(faults, "\n"))
					}
				}
				mu.Unlock()
			}
		})
	}
	for seed := range uint64(*calmRuns) {
		seeds <- seed + 1
	}
	close(seeds)
	group.Wait()
	t.Logf("%d runs: %+v", *calmRuns, total)
	if failed > 0 {
		t.Errorf("%d of %d runs did not come to rest as they should", failed, *calmRuns)
	}
	if total.retired == 0 || total.lowered == 0 || total.raised == 0 || total.reopens == 0 || total.sessions == 0 {
		t.Errorf("%+v: the runs prove nothing about what did not happen", total)
	}
}

// storm is one run: a service, its users and controllers, and what befalls them
// until it is calm.
type storm struct {
	*testing.T
	seed   uint64
	r      *rand.Rand
	c      *ecssim.Cluster
	raw    *memstore.Store
	stage  *ecssim.Stage
	checks *ecssim.Invariants
	users  *ecssim.Application
	sick   []autoscaler.TaskID
	others int // foreign writes of the desired count
	calm   bool
	tally
}

func newStorm(t *testing.T, seed uint64) *storm {
	r := rand.New(rand.NewPCG(seed, 0xca1))
	desired, lag := 1+r.IntN(5), time.Duration(0)
	if r.IntN(2) == 0 {
		lag = time.Duration(r.IntN(12)) * time.Second
	}
	s := &storm{T: t, seed: seed, r: r}
	s.c = ecssim.New(ecssim.Config{Seed: seed, DescribeLag: lag, Service: ecssim.ServiceConfig{
		Desired: desired, Warm: r.IntN(2) == 0, StartTime: ecssim.Span{Min: 2 * time.Second, Max: 20 * time.Second},
		DeregistrationDelay: 30 * time.Second, RefuseAtEquality: r.IntN(2) == 0, KeepUnhealthyProtected: r.IntN(2) == 0,
	}})
	s.raw = memstore.New(memstore.Config{Now: s.c.Now})
	if r.IntN(4) > 0 {
		adopt(t, s.raw, desired)
	}
	s.stage = ecssim.NewStage(s.c, seed)
	hold := holdUps(r)
	s.stage.Hold = func(call ecssim.Call) time.Duration {
		if s.calm {
			return 0
		}
		return hold(call)
	}
	s.checks = ecssim.NewInvariants(s.c, service, s.raw)
	s.c.SetSeam(ecssim.Seams(s.checks.Seam(), s.stage.Seam(), s.lose))
	var err error
	s.users, err = ecssim.NewApplication(s.c, ecssim.ApplicationConfig{
		Slots: 1 + r.IntN(4), Sessions: s.raw, Demand: s.raw,
		Records: ecssim.WireRecords(s.c, s.raw), Writer: ecssim.WireWriter(s.c, s.raw),
	})
	if err != nil {
		t.Error(err)
	}
	return s
}

// lose loses one call in sixty, before, on, or after its way.
func (s *storm) lose(context.Context, ecssim.Call) error {
	if s.calm || s.r.IntN(60) > 0 {
		return nil
	}
	return errors.New("connection reset")
}

// run makes the run and returns what is wrong with it.
func (s *storm) run() []string {
	s.play()
	s.weather()
	for i, name := range []string{"first", "second"} {
		ctl := controller(s.T, s.c, s.raw, whim{s.seed + uint64(i)}, false)
		s.stage.Go(name, func(ctx context.Context) {
			for s.stage.Sleep(ctx, 20*time.Second) == nil && !s.calm {
				// What a pass could not do, the next one does.
				p, _ := ctl.Reconcile(ctx)
				s.count(p)
			}
		})
	}
	for i := range 3 {
		s.stage.Go(fmt.Sprint("visitor ", i), func(ctx context.Context) {
			for s.stage.Sleep(ctx, time.Duration(20+s.r.IntN(60))*time.Second) == nil && !s.calm {
				s.users.Visit(ctx, time.Duration(s.r.IntN(300))*time.Second)
			}
		})
	}
	s.stage.Run(s.c.Now().Add(chaosLength))
	s.calm = true
	s.stage.Run(s.c.Now().Add(10 * time.Minute)) // who is under way comes to an end
	s.stage.Close()

	ctl := controller(s.T, s.c, s.raw, policy.Fixed{Open: 2}, false)
	var last autoscaler.Pass
	for range calmPasses {
		s.c.RunFor(calmPause)
		last, _ = ctl.Reconcile(context.Background())
		s.count(last)
	}
	return append(s.broken(), s.unrest(last)...)
}

// play lets users come, none of whom stays for more than an hour: the service is
// to be empty well before the run is over.
func (s *storm) play() {
	load := ecssim.Load{
		Seed: s.seed, Start: s.c.Now(), Length: chaosLength, PerHour: 30 + 60*s.r.Float64(), Swing: -1, Mean: 4 * time.Minute,
	}
	sessions := load.Sessions()
	for i := range sessions {
		sessions[i].Duration = min(sessions[i].Duration, time.Hour)
	}
	s.sessions = len(sessions)
	s.users.Play(sessions)
}

// weather lays foreign writes of the desired count, crashes and sickness over the
// chaos.
func (s *storm) weather() {
	at := func(f func()) { s.c.At(s.c.Now().Add(time.Duration(s.r.Int64N(int64(chaosLength)))), f) }
	s.others = s.r.IntN(3)
	for range s.others {
		n := s.r.IntN(6)
		at(func() { _ = s.c.ForeignDesired(service, n) })
	}
	for range s.r.IntN(2) {
		at(func() { crashOne(s.c) })
	}
	for range s.r.IntN(3) {
		at(func() {
			state, err := s.c.Describe(context.Background(), service)
			if err != nil || len(state.Tasks) == 0 {
				return
			}
			id := state.Tasks[s.r.IntN(len(state.Tasks))].ID
			if s.c.SetHealth(autoscaler.TaskRef{Service: service, Task: id}, false) == nil {
				s.sick = append(s.sick, id)
			}
		})
	}
}

// broken are the invariants that did not hold, and the sessions that were cut by
// anything but their task's own crash, or ECS's replacing of a sick task. Where
// somebody else lowers the count, ECS may besides choose a task whose protection
// it had refused; the invariants tell that one from any other.
func (s *storm) broken() []string {
	var faults []string
	for _, v := range s.checks.Violations() {
		faults = append(faults, v.String())
	}
	for _, cut := range s.users.Cuts() {
		if cut.StopCode != "EssentialContainerExited" && s.others == 0 && !slices.Contains(s.sick, cut.Task) {
			faults = append(faults, fmt.Sprintf("session cut: %+v", cut))
		}
	}
	return faults
}

// unrest is what the calm has not put right.
func (s *storm) unrest(last autoscaler.Pass) []string {
	ctx := context.Background()
	state, err := s.c.Describe(ctx, service)
	cp, failed := s.raw.LoadCheckpoint(ctx, service)
	activity, unread := s.raw.Activity(ctx, service, s.c.Now())
	if err := errors.Join(err, failed, unread); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	open := 0
	for _, a := range activity.Tasks {
		if a.State == autoscaler.TaskOpen {
			open++
			continue
		}
		faults = append(faults, fmt.Sprintf("%s is %s with %s sessions, truly %d", a.Ref.Task, a.State, a.Occupancy, s.users.Live(a.Ref.Task)))
	}
	if open != 2 {
		faults = append(faults, fmt.Sprintf("%d tasks are open, want 2", open))
	}
	if state.Desired > 2 || state.Running != 2 || state.Pending != 0 {
		faults = append(faults, fmt.Sprintf("desired %d, running %d, pending %d", state.Desired, state.Running, state.Pending))
	}
	if cp.Release != nil {
		faults = append(faults, fmt.Sprintf("a release is under way: %+v", *cp.Release))
	}
	if cp.Brake.On() {
		faults = append(faults, "the brake is on: "+cp.Brake.Detail)
	}
	if len(faults) > 0 {
		faults = append(faults, fmt.Sprintf("the last pass: %v, %v, %s", last.Actions, last.Reasons, last.Error))
	}
	return faults
}
