package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

var service = autoscaler.ServiceID{Cluster: "sim", Name: "service"}

// lagBound is what the hosts of these worlds promise about level C's events.
const lagBound = 2 * time.Minute

// column is one column of the table: what the application does, and how AWS reads
// its own rule about protected tasks.
type column struct {
	level  string // A, B, C, or "C-A": rolling from C to A
	strict bool   // protection is refused at equality
}

func columns() []column {
	var all []column
	for _, level := range []string{"A", "B", "C", "C-A"} {
		all = append(all, column{level, false}, column{level, true})
	}
	return all
}

func (c column) String() string {
	reading := ">"
	if c.strict {
		reading = ">="
	}
	return c.level + " " + reading
}

// world is a service on a simulated cluster with its store, its users and whatever
// befalls them. Everything in it is drawn from the seed.
type world struct {
	*testing.T
	seed    uint64
	col     column
	r       *rand.Rand
	c       *ecssim.Cluster
	raw     *memstore.Store
	stage   *ecssim.Stage
	checks  *ecssim.Invariants
	faults  *ecssim.Faults
	users   *ecssim.Application
	sick    map[autoscaler.TaskID]bool
	retired map[autoscaler.TaskID]time.Time // when the record was retired
	byForce map[autoscaler.TaskID]bool      // its sessions were ended, as the host wished
	rate    float64                         // of faults per call
	rereg   bool                            // ECS registers a target again that was taken out by hand
	forced  bool                            // the host ends sessions by force
	limits  autoscaler.Limits
	calm    bool

	dead    map[string]bool // controllers that have been stopped in the middle of a pass
	crashes map[crash]int
	tally
}

// crash is a point at which a controller was stopped: before the call that it was
// about to make, while it was on its way, or after its effect and before it was heard.
type crash struct {
	op    ecssim.Op
	point ecssim.Point
}

func newWorld(t *testing.T, seed uint64, col column) *world {
	r := rand.New(rand.NewPCG(seed, 0xe2e))
	w := &world{
		T: t, seed: seed, col: col, r: r,
		sick: map[autoscaler.TaskID]bool{}, retired: map[autoscaler.TaskID]time.Time{}, byForce: map[autoscaler.TaskID]bool{},
		dead: map[string]bool{}, crashes: map[crash]int{},
		limits: autoscaler.Limits{Min: 0, Max: 6},
	}
	w.rate = []float64{0, 0.002, 0.01, 0.03}[r.IntN(4)]
	w.rereg = r.IntN(3) == 0
	w.forced = r.IntN(4) == 0
	desired, lag := 1+r.IntN(5), time.Duration(0)
	// One in twenty of each column lasts for six hours, and begins with a surplus.
	if w.long = seed/uint64(len(columns()))%20 == 0; w.long {
		desired = 5
	}
	if r.IntN(2) == 0 {
		lag = time.Duration(r.IntN(12)) * time.Second
	}
	w.c = ecssim.New(ecssim.Config{Seed: seed, DescribeLag: lag, Service: w.serviceConfig(desired)})
	w.raw = memstore.New(memstore.Config{Now: w.c.Now, Rules: sessionstore.Rules{
		// Where nothing reports, a session whose process restarted is told of by nobody.
		LagBound: lagBound, MaxSession: 65 * time.Minute,
	}})
	if r.IntN(4) > 0 {
		w.adopt(desired)
	}
	w.stage = ecssim.NewStage(w.c, seed)
	hold := holdUps(r)
	w.stage.Hold = func(call ecssim.Call) time.Duration {
		if w.calm {
			return 0
		}
		return hold(call)
	}
	w.stage.Pick = func(n int) int {
		// The clock, which stands last, runs less often than the actors: its steps are
		// long, and a call that takes minutes each time proves little.
		if r.IntN(10) > 0 {
			return r.IntN(max(1, n-1))
		}
		return n - 1
	}
	w.checks = ecssim.NewInvariants(w.c, service, w.raw)
	w.checks.Clock = w.clock
	w.faults = ecssim.NewFaults(seed, ecssim.EveryFault(w.rate)...)
	w.c.SetFaults(w.faults)
	w.c.SetSeam(ecssim.Seams(w.checks.Seam(), w.watch, w.stage.Seam(), w.stop))
	w.people()
	return w
}

func (w *world) serviceConfig(desired int) ecssim.ServiceConfig {
	r := w.r
	cfg := ecssim.ServiceConfig{
		Desired: desired, Warm: r.IntN(2) == 0, Zones: 1 + r.IntN(3),
		StartTime:           ecssim.Span{Min: 2 * time.Second, Max: 20 * time.Second},
		DeregistrationDelay: 30 * time.Second, RefuseAtEquality: w.col.strict,
		KeepUnhealthyProtected: r.IntN(2) == 0, ScaleBothRevisions: r.IntN(2) == 0, Rebalance: r.IntN(2) == 0,
		MaxPercent: []int{150, 200}[r.IntN(2)], NoBalancer: r.IntN(6) == 0,
	}
	if !w.rereg {
		cfg.ReregisterAfter = -1
	}
	bad := r.IntN(4) == 0
	cfg.FailPlacement = func(time.Time) bool { return bad && !w.calm && w.r.IntN(3) == 0 }
	cfg.FailStart = func(time.Time, autoscaler.TaskID) bool { return bad && !w.calm && w.r.IntN(6) == 0 }
	return cfg
}

// skewBound is how far an honest clock is off at most.
const skewBound = 4 * time.Second

// people starts the application and its users.
func (w *world) people() {
	cfg := ecssim.ApplicationConfig{
		Slots: 1 + w.r.IntN(4), Processes: 1 + w.r.IntN(2), Stage: w.stage,
		Sessions: ecssim.WireSessions(w.c, w.raw), Records: ecssim.WireRecords(w.c, w.raw),
		Writer: ecssim.WireWriter(w.c, w.raw), Demand: ecssim.WireDemand(w.c, w.raw), Barriers: ecssim.WireBarriers(w.c, w.raw),
		Entrance: ecssim.Entrance(w.r.IntN(3)), Skew: w.skew, Queue: ecssim.QueueConfig{Twice: 0.05},
		Protection: []time.Duration{24 * time.Hour, 3 * time.Hour}[w.r.IntN(2)],
		LevelOf:    w.levelOf,
	}
	var err error
	if w.users, err = ecssim.NewApplication(w.c, cfg); err != nil {
		w.Fatal(err)
	}
}

// levelOf is the level of a deployment's tasks. Rolling from C to A, every later
// revision is at A.
func (w *world) levelOf(deployment string) autoscaler.Level {
	switch w.col.level {
	case "C-A":
		if deployment == firstDeployment {
			return autoscaler.LevelC
		}
		return autoscaler.LevelA
	default:
		return autoscaler.Level(w.col.level)
	}
}

// firstDeployment is what a service begins with.
const firstDeployment = "ecs-svc/0000000001"

// skew is how far an actor's clock is off: seconds, and for one in thirty far more
// than any bound. It is drawn from the name, so that an actor keeps it.
func (w *world) skew(actor string) time.Duration { return w.skewAt(actor, w.calm) }

func (w *world) skewAt(actor string, calm bool) time.Duration {
	h := w.seed * 0x9e3779b97f4a7c15
	for _, b := range []byte(actor) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	// Controllers keep theirs when it is calm: what they sent may still be on its way.
	if h%30 == 0 && (!calm || strings.HasPrefix(actor, "controller")) && actor != "ingest" {
		return time.Duration(h>>8%7200)*time.Second - time.Hour
	}
	return time.Duration(h>>8%uint64(2*skewBound)) - skewBound
}

func (w *world) clock(actor string) time.Time { return w.c.Now().Add(w.skew(actor)) }

// adopt makes the first desired count one that a controller knows, so that the
// run need not begin with the ten minutes until it is.
func (w *world) adopt(desired int) {
	ctx := context.Background()
	c, err := w.raw.LoadCheckpoint(ctx, service)
	if err == nil {
		c.Desired = autoscaler.DesiredCount{Value: desired, Previous: desired, Known: true}
		_, err = w.raw.SaveCheckpoint(ctx, c)
	}
	if err != nil {
		w.Error(err)
	}
}

// watch notes what the run is judged by in the end.
func (w *world) watch(_ context.Context, call ecssim.Call) error {
	switch done := call.Point == ecssim.After && call.Err == nil; {
	case !done:
	case call.Op == ecssim.OpRetire:
		w.retired[call.Task] = call.At
	case call.Op == ecssim.OpEndSessions:
		w.byForce[call.Task] = true
	case call.Op == ecssim.OpSetDesired:
		w.limited(call)
	}
	return nil
}

// limited holds a count that was written to the limits: no more is started than they
// allow, whatever is there already.
func (w *world) limited(call ecssim.Call) {
	req, ok := call.Args.(autoscaler.SetDesired)
	truth, err := w.c.Truth(service)
	if !ok || err != nil || req.Desired <= w.limits.Total() {
		return
	}
	there := 0
	for i := range truth.Tasks {
		if truth.Tasks[i].Wanted() {
			there++
		}
	}
	// What is counted is never clamped; a count above the limit may not start anything
	// beyond what was there when it was computed, and that can only have shrunk by tasks
	// that ended meanwhile.
	if req.Desired > there && req.Permit.Raise && req.Desired > w.most {
		w.broken = append(w.broken, fmt.Sprintf("desired %d is written, the most is %d and %d tasks are there", req.Desired, w.limits.Total(), there))
	}
	w.most = max(w.most, there)
}

// errStopped is what a controller hears that has been stopped: nothing more.
var errStopped = errors.New("the process was stopped")

// stopChance is how seldom a controller is stopped at a call, one in so many, so that
// what it does seldom and what it does all the time are cut off about as often.
var stopChance = map[ecssim.Op]int{
	ecssim.OpGiveNotice: 3, ecssim.OpEndSessions: 3, ecssim.OpStop: 4,
	ecssim.OpUnprotect: 10, ecssim.OpProve: 10, ecssim.OpRegister: 10,
	ecssim.OpLoadCheckpoint: 1000, ecssim.OpSaveCheckpoint: 1000, ecssim.OpControl: 1000, ecssim.OpDescribe: 1000,
	ecssim.OpActivity: 1000, ecssim.OpList: 1000, ecssim.OpAppend: 1000,
}

// stop stops a controller in the middle of a call, at any point of it.
func (w *world) stop(_ context.Context, call ecssim.Call) error {
	if len(call.Actor) < 10 || call.Actor[:10] != "controller" {
		return nil
	}
	if w.dead[call.Actor] {
		return errStopped
	}
	chance, seldom := stopChance[call.Op]
	if !seldom {
		chance = 40
	}
	if w.calm || w.r.IntN(chance) > 0 {
		return nil
	}
	w.dead[call.Actor] = true
	w.crashes[crash{call.Op, call.Point}]++
	return errStopped
}

// control builds a controller with its own release, on wired contracts.
func (w *world) control(name string, p autoscaler.Policy) *autoscaler.Controller {
	sessions, records, state := ecssim.WireSessions(w.c, w.raw), ecssim.WireRecords(w.c, w.raw), ecssim.WireState(w.c, w.raw)
	journal := ecssim.WireJournal(w.c, w.raw)
	now := func() time.Time { return w.clock(name) }
	drains, err := workflow.New(workflow.Config{
		Tasks: w.c, Scaler: w.c, Sessions: sessions, Records: records, State: state, Journal: journal, Now: now,
		Events: w.users.Events(), LoadBalancerFirst: w.seed%5 == 0,
	})
	if err != nil {
		w.Fatal(err)
	}
	cfg := autoscaler.Config{
		Service: service, Limits: w.limits, Policy: p, Floor: -1, Emptying: w.seed%4 > 0,
		Sessions: sessions, Records: records, State: state, Scaler: w.c, Drains: drains, Now: now,
		Protection: w.c, Journal: journal,
		Timing: autoscaler.Timing{IdleFor: 5 * time.Second, Cooldown: -1, MinAge: -1},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if w.forced {
		cfg.Forced = ecssim.WireForced(w.c, w.raw)
		cfg.Timing.Deadline, cfg.Timing.Notice = 5*time.Minute, 3*time.Minute
	}
	ctl, err := autoscaler.New(cfg)
	if err != nil {
		w.Fatal(err)
	}
	return ctl
}

// holdUps draws how long a call is held up at a point: mostly not at all, now and
// then for seconds, for longer than a permit lives, or for hours.
func holdUps(r *rand.Rand) func(ecssim.Call) time.Duration {
	return func(ecssim.Call) time.Duration {
		switch n := r.IntN(4000); {
		case n < 3900:
			return 0
		case n < 3970:
			return time.Duration(r.Int64N(int64(10 * time.Second)))
		case n < 3994:
			return time.Duration(r.Int64N(int64(2 * time.Minute)))
		case n < 3999:
			return time.Duration(r.Int64N(int64(20 * time.Minute)))
		}
		return time.Duration(r.Int64N(int64(24 * time.Hour)))
	}
}
