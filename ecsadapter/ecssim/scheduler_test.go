package ecssim

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

func TestTaskLife(t *testing.T) {
	cfg := fixed(1)
	cfg.Warm = false
	c := New(Config{Service: cfg})
	var got []string
	c.Subscribe(func(change TaskChange) {
		got = append(got, change.At.Sub(time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)).String()+" "+change.LastStatus+" "+change.DesiredStatus)
	})
	c.RunFor(2 * time.Minute)
	setDesired(t, c, 0)
	c.RunFor(2 * time.Minute)
	want := []string{
		"0s PROVISIONING RUNNING", "15s PENDING RUNNING", "45s ACTIVATING RUNNING", "1m0s RUNNING RUNNING",
		// Five seconds to choose, thirty to drain, two to exit, three to go.
		"2m5s DEACTIVATING STOPPED", "2m35s STOPPING STOPPED", "2m37s DEPROVISIONING STOPPED", "2m40s STOPPED STOPPED",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := state(t, c); len(s.Tasks) != 1 || !s.Tasks[0].Stopped() || s.Tasks[0].StopCode != stoppedByScheduler {
		t.Errorf("a stopped task is visible: %+v", s.Tasks)
	}
	id := state(t, c).Tasks[0].ID
	c.RunFor(time.Hour)
	if s := state(t, c); len(s.Tasks) != 0 {
		t.Errorf("after an hour: %+v", s.Tasks)
	}
	if got := one(t, c, id); !got.Missing || got.Stopped() {
		t.Errorf("asked for by id after an hour: %+v", got)
	}
}

func TestScaleInTakesOnlyTheUnprotected(t *testing.T) {
	for seed := range uint64(50) {
		cfg := fixed(9)
		c := New(Config{Seed: seed, Service: cfg})
		all := ids(t, c)
		spared := []autoscaler.TaskID{all[seed%9], all[(seed+4)%9]}
		protect(t, c, time.Hour, spared...)
		setDesired(t, c, 2)
		c.RunFor(4 * time.Second)
		if n := len(ids(t, c)); n != 9 {
			t.Fatalf("seed %d: %d tasks before the scheduler looked", seed, n)
		}
		c.RunFor(time.Minute)
		left, want := ids(t, c), slices.Sorted(slices.Values(spared))
		if !slices.Equal(left, want) {
			t.Fatalf("seed %d: left %v, want the protected %v", seed, left, want)
		}
	}
}

func TestScaleInWaitsForProtection(t *testing.T) {
	c := newFixed(3)
	all := ids(t, c)
	protect(t, c, 10*time.Minute, all...)
	setDesired(t, c, 1)
	c.RunFor(9 * time.Minute)
	if s := state(t, c); s.Running != 3 || s.Desired != 1 {
		t.Fatalf("running %d, desired %d; protected tasks were stopped", s.Running, s.Desired)
	}
	events := c.Events()
	if n := len(events); n != 1 || !strings.Contains(events[0].Message, "unable to scale in due to (reason 2 tasks under protection)") {
		t.Errorf("events: %+v", events)
	}
	c.RunFor(2 * time.Minute)
	if n := len(ids(t, c)); n != 1 {
		t.Errorf("%d tasks wanted after the protection ran out, want 1", n)
	}
}

// stoppingIn returns the tasks that ECS means to stop, each by its zone and by its
// place among the zone's tasks.
func stoppingIn(t *testing.T, c *Cluster) (zones []string, places []int) {
	t.Helper()
	seen := make(map[string]int)
	for _, task := range state(t, c).Tasks {
		if !task.Wanted() && !task.Stopped() {
			zones, places = append(zones, task.Zone), append(places, seen[task.Zone])
		}
		seen[task.Zone]++
	}
	return zones, places
}

func TestVictimIsRandomInItsZone(t *testing.T) {
	hits := make(map[int]bool)
	for seed := range uint64(30) {
		c := New(Config{Seed: seed, Service: fixed(4)}) // zones 2, 1, 1
		setDesired(t, c, 3)
		c.RunFor(6 * time.Second)
		zones, places := stoppingIn(t, c)
		if !slices.Equal(zones, []string{"zone-a"}) {
			t.Fatalf("seed %d: stopping in %v, want one in the fullest zone", seed, zones)
		}
		hits[places[0]] = true
	}
	if len(hits) != 2 {
		t.Errorf("30 seeds chose %v of two; the choice is not random", hits)
	}
}

func TestVictimComesFromTheFullestZone(t *testing.T) {
	c := newFixed(9)
	keep := map[string]int{"zone-a": 1, "zone-b": 3, "zone-c": 2}
	var kept []autoscaler.TaskID
	for _, task := range state(t, c).Tasks {
		if keep[task.Zone] > 0 {
			keep[task.Zone]--
			kept = append(kept, task.ID)
		}
	}
	protect(t, c, time.Hour, kept...)
	setDesired(t, c, 6)
	c.RunFor(2 * time.Hour)
	setDesired(t, c, 5)
	c.RunFor(6 * time.Second)
	if zones, _ := stoppingIn(t, c); !slices.Equal(zones, []string{"zone-b"}) {
		t.Errorf("of 1, 3 and 2 tasks it stops one in %v", zones)
	}
}

func TestAnEarlierLookDoesNotChooseEarlier(t *testing.T) {
	c := newFixed(3)
	// A look is under way, two seconds off, when desired is lowered.
	if err := c.SetHealth(autoscaler.TaskRef{Service: sim, Task: ids(t, c)[0]}, true); err != nil {
		t.Fatal(err)
	}
	c.RunFor(3 * time.Second)
	setDesired(t, c, 2)
	c.RunFor(4 * time.Second)
	if n := len(ids(t, c)); n != 3 {
		t.Errorf("%d tasks wanted 4 s after the write, the choice takes 5", n)
	}
	c.RunFor(2 * time.Second)
	if n := len(ids(t, c)); n != 2 {
		t.Errorf("%d tasks wanted 6 s after the write", n)
	}
}

func TestStopTaskReplacesAndDoesNotDrainFirst(t *testing.T) {
	c := newFixed(2)
	id := ids(t, c)[0]
	protect(t, c, time.Hour, id)
	stopTask(t, c, id)
	if got := one(t, c, id); got.LastStatus != "STOPPING" || got.Target != "draining" || got.StopCode != stoppedByUser {
		t.Errorf("right after StopTask of a protected task: %+v", got)
	}
	c.RunFor(6 * time.Second)
	if s := state(t, c); s.Desired != 2 || s.Running != 1 || s.Pending != 1 {
		t.Errorf("the scheduler replaces what StopTask stopped: running %d, pending %d", s.Running, s.Pending)
	}
	if got := one(t, c, id); got.LastStatus != "STOPPED" {
		t.Errorf("%s; StopTask waits for no deregistration delay", got.LastStatus)
	}
	stopTask(t, c, id) // stopped already: no error
}

func TestLoweringAfterStopTaskFindsAnotherVictim(t *testing.T) {
	// The article's order: the replacement is under way when desired is lowered,
	// so ECS is one over and picks by itself.
	c := newFixed(3)
	stopTask(t, c, ids(t, c)[0])
	c.RunFor(10 * time.Second)
	setDesired(t, c, 2)
	c.RunFor(3 * time.Minute)
	stops := 0
	for _, task := range state(t, c).Tasks {
		if task.StopCode == stoppedByScheduler {
			stops++
		}
	}
	if stops != 1 {
		t.Errorf("%d tasks stopped by the scheduler, want 1 that nobody chose", stops)
	}
}

func TestUnhealthyIsReplaced(t *testing.T) {
	for _, keep := range []bool{false, true} {
		cfg := fixed(2)
		cfg.KeepUnhealthyProtected = keep
		c := New(Config{Service: cfg})
		id := ids(t, c)[0]
		protect(t, c, time.Hour, id)
		if err := c.SetHealth(autoscaler.TaskRef{Service: sim, Task: id}, false); err != nil {
			t.Fatal(err)
		}
		c.RunFor(30 * time.Second)
		if got := one(t, c, id); got.Health != "UNHEALTHY" || !got.Wanted() {
			t.Fatalf("before its replacement serves: %+v", got)
		}
		c.RunFor(5 * time.Minute)
		if got := one(t, c, id); got.Wanted() != keep {
			t.Errorf("keep %v: still wanted %v", keep, got.Wanted())
		}
		if s := state(t, c); s.Running != 2 {
			t.Errorf("keep %v: %d running", keep, s.Running)
		}
	}
}

func TestStartFailuresAreRetried(t *testing.T) {
	cfg := fixed(2)
	cfg.Warm = false
	refused, failed := 0, 0
	cfg.FailPlacement = func(time.Time) bool { refused++; return refused <= 3 }
	cfg.FailStart = func(time.Time, autoscaler.TaskID) bool { failed++; return failed <= 1 }
	c := New(Config{Service: cfg})
	c.RunFor(time.Second)
	if s := state(t, c); len(s.Tasks) != 0 {
		t.Fatalf("%d tasks; placement failed", len(s.Tasks))
	}
	c.RunFor(10 * time.Minute)
	s := state(t, c)
	if s.Running != 2 {
		t.Fatalf("%d running after the failures ended", s.Running)
	}
	codes := make(map[string]int)
	for _, task := range s.Tasks {
		codes[task.StopCode]++
	}
	if codes[stoppedAtStart] != 1 {
		t.Errorf("stop codes: %v", codes)
	}
	if !slices.ContainsFunc(c.Events(), func(e ServiceEvent) bool { return strings.Contains(e.Message, "unable to place a task") }) {
		t.Error("no event tells of the placement failure")
	}
}

func TestDeployment(t *testing.T) {
	c := newFixed(4)
	old := ids(t, c)
	protect(t, c, time.Hour, old[0])
	id, err := c.Deploy(sim, "two")
	if err != nil {
		t.Fatal(err)
	}
	lowest := 4
	c.Every(c.Now(), time.Second, func() { lowest = min(lowest, state(t, c).Running) })
	c.RunFor(10 * time.Minute)
	s := state(t, c)
	if len(s.Deployments) != 2 || s.Deployments[0].ID != id || !s.Deployments[0].Primary || s.Deployments[0].Rollout != "IN_PROGRESS" {
		t.Fatalf("with a protected old task: %+v", s.Deployments)
	}
	if d := s.Deployments; d[0].Running != 4 || d[1].Running != 1 || s.Running != 5 {
		t.Errorf("running %d new and %d old, want 4 and the protected one", d[0].Running, d[1].Running)
	}
	if lowest < 4 {
		t.Errorf("only %d running during the deployment", lowest)
	}
	if got := one(t, c, old[0]); !got.Wanted() || got.Deployment == id {
		t.Errorf("the protected old task: %+v", got)
	}
	c.RunFor(time.Hour)
	if s := state(t, c); len(s.Deployments) != 1 || s.Deployments[0].Rollout != "COMPLETED" || s.Running != 4 {
		t.Errorf("after the protection ran out: %+v, %d running", s.Deployments, s.Running)
	}
}

func TestForeignWriter(t *testing.T) {
	c := newFixed(2)
	if err := c.ForeignDesired(sim, 5); err != nil {
		t.Fatal(err)
	}
	setDesired(t, c, 3)
	writes := c.Writes()
	if len(writes) != 2 || !writes[0].Foreign || writes[0].Desired != 5 || writes[1].Foreign || writes[1].From != 5 {
		t.Errorf("writes: %+v", writes)
	}
	if n := c.Calls()["UpdateService"]; n != 1 {
		t.Errorf("%d UpdateService counted, want our own", n)
	}
	err := c.ForeignDesired(autoscaler.ServiceID{Cluster: "x", Name: "y"}, 1)
	wantIs(t, err, autoscaler.ErrNotFound)
	var fault *Fault
	if err := c.ForeignDesired(sim, -1); !errors.As(err, &fault) || fault.Code != "InvalidParameterException" {
		t.Errorf("negative desired: %v", err)
	}
}

// A simulation of years does not grow with its length: the newest of a log are kept.
func TestLogsAreBounded(t *testing.T) {
	c := newFixed(1)
	const writes = 5*LogLimit + 7
	for n := range writes {
		if err := c.ForeignDesired(sim, n%2); err != nil {
			t.Fatal(err)
		}
	}
	log := c.Writes()
	if n := len(log); n < LogLimit || n > 2*LogLimit || log[n-1].Desired != (writes-1)%2 {
		t.Errorf("%d writes remembered of %d, the newest %+v", n, writes, log[n-1])
	}
	for i := range log[1:] {
		if log[i+1].From != log[i].Desired {
			t.Fatalf("write %d does not follow the one before: %+v, %+v", i+1, log[i], log[i+1])
		}
	}
}

func TestPermitIsJudgedAtSending(t *testing.T) {
	c := newFixed(2)
	ctx := context.Background()
	good := permit(c, autoscaler.CallSetDesired, 1)
	c.SetSeam(func(_ context.Context, call Call) error {
		if call.Op == OpSetDesired && call.Point == Before {
			c.RunFor(21 * time.Second) // the caller froze
		}
		return nil
	})
	err := c.SetDesired(ctx, autoscaler.SetDesired{Service: sim, Desired: 1, Permit: good})
	wantIs(t, err, autoscaler.ErrClock)
	if c.Calls()[PermitsRefused] != 1 || len(c.Writes()) != 0 {
		t.Errorf("calls %v, writes %v", c.Calls(), c.Writes())
	}
	c.SetSeam(nil)
	id := ids(t, c)[0]
	for name, call := range map[string]func() error{
		"another value": func() error {
			return c.SetDesired(ctx, autoscaler.SetDesired{Service: sim, Desired: 1, Permit: permit(c, autoscaler.CallSetDesired, 2)})
		},
		"another call": func() error {
			return c.Stop(ctx, workflow.Dangerous{Service: sim, Tasks: ids(t, c), Permit: permit(c, autoscaler.CallUnprotect, 0, id)})
		},
		"another task": func() error {
			_, err := c.Unprotect(ctx, workflow.Dangerous{Service: sim, Tasks: ids(t, c), Permit: permit(c, autoscaler.CallUnprotect, 0, id)})
			return err
		},
	} {
		if err := call(); !errors.Is(err, autoscaler.ErrClock) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := c.Calls(); n["StopTask"] != 0 || n["UpdateTaskProtection"] != 0 || n["UpdateService"] != 0 {
		t.Errorf("something was sent: %v", n)
	}
}

func TestPagesAreCounted(t *testing.T) {
	c := New(Config{Service: fixed(250)})
	state(t, c)
	want := map[string]int{"DescribeServices": 1, "ListTasks": 4, "DescribeTasks": 3, "GetTaskProtection": 3}
	if diff := cmp.Diff(want, c.Calls()); diff != "" {
		t.Error(diff)
	}
	protect(t, c, time.Hour, ids(t, c)[:25]...)
	if n := c.Calls()["UpdateTaskProtection"]; n != 3 {
		t.Errorf("%d calls protected 25 tasks, want 3", n)
	}
}

func TestDescribeLags(t *testing.T) {
	c := New(Config{Service: fixed(2), DescribeLag: 10 * time.Second})
	c.RunFor(time.Minute)
	protect(t, c, time.Hour, ids(t, c)...)
	setDesired(t, c, 5)
	for _, task := range state(t, c).Tasks {
		if task.ProtectedUntil.IsZero() {
			t.Error("protection is read as it is")
		}
	}
	c.RunFor(9 * time.Second)
	if s := state(t, c); s.Desired != 2 || len(s.Tasks) != 2 {
		t.Errorf("9 s after the write: desired %d, %d tasks", s.Desired, len(s.Tasks))
	}
	c.RunFor(time.Second)
	if s := state(t, c); s.Desired != 5 || len(s.Tasks) != 5 {
		t.Errorf("10 s after the write: desired %d, %d tasks", s.Desired, len(s.Tasks))
	}
}

func TestCrashIsReplaced(t *testing.T) {
	c := newFixed(1)
	id := ids(t, c)[0]
	if err := c.Crash(autoscaler.TaskRef{Service: sim, Task: id}); err != nil {
		t.Fatal(err)
	}
	c.RunFor(2 * time.Minute)
	if got := one(t, c, id); got.StopCode != stoppedByExit || state(t, c).Running != 1 {
		t.Errorf("%+v, %d running", got, state(t, c).Running)
	}
	wantIs(t, c.Crash(autoscaler.TaskRef{Service: sim, Task: "none"}), autoscaler.ErrNotFound)
}

func TestServicesAreApart(t *testing.T) {
	c := newFixed(2)
	other := fixed(3)
	other.ID = autoscaler.ServiceID{Cluster: "sim", Name: "other"}
	if id := c.AddService(other); id != other.ID {
		t.Fatal(id)
	}
	setDesired(t, c, 0)
	c.RunFor(time.Minute)
	s, err := c.Describe(context.Background(), other.ID)
	if err != nil || s.Running != 3 {
		t.Errorf("the other service runs %d: %v", s.Running, err)
	}
	for id, code := range map[autoscaler.ServiceID]string{
		{Cluster: "sim", Name: "none"}: "ServiceNotFoundException", {}: "ClusterNotFoundException",
	} {
		var fault *Fault
		_, err := c.Describe(context.Background(), id)
		if !errors.Is(err, autoscaler.ErrNotFound) || !errors.As(err, &fault) || fault.Code != code {
			t.Errorf("%s: %v, want %s", id, err, code)
		}
	}
}

// TestUnknownServicesAreRefused asks every call about a service that is not there.
func TestUnknownServicesAreRefused(t *testing.T) {
	c := newFixed(1)
	ctx, none := context.Background(), autoscaler.ServiceID{Cluster: "sim", Name: "none"}
	ref := autoscaler.TaskRef{Service: none, Task: "t"}
	stop := workflow.Dangerous{Service: none, Tasks: []autoscaler.TaskID{"t"}, Permit: permit(c, autoscaler.CallStopTask, 0, "t")}
	unprotect := stop
	unprotect.Permit.Call = autoscaler.CallUnprotect
	_, _, agent := c.AgentProtect(ctx, ref, true, time.Hour)
	for name, err := range map[string]error{
		"deploy": second(c.Deploy(none, "two")), "crash": c.Crash(ref), "health": c.SetHealth(ref, true),
		"list": second(c.List(ctx, none)), "watch": second(c.Watch(ctx, none, nil)), "steer": c.Steer(ctx, ref, true),
		"protect":     second(c.Protect(ctx, none, stop.Tasks, time.Hour)),
		"unprotect":   second(c.Unprotect(ctx, unprotect)),
		"stop":        c.Stop(ctx, stop),
		"metrics":     second(c.Utilization(ctx, none, c.Now())),
		"agent":       agent,
		"agent reads": second(c.AgentProtection(ctx, ref)),
		"set desired": c.SetDesired(ctx, autoscaler.SetDesired{Service: none, Desired: 1, Permit: permit(c, autoscaler.CallSetDesired, 1)}),
	} {
		if !errors.Is(err, autoscaler.ErrNotFound) || !strings.Contains(err.Error(), "Service not found.") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := c.Route(none, RouteRandom); ok {
		t.Error("a balancer routed to a service that is not there")
	}
	c.SetSessions(ref, 1, 1) // nobody is there to hold it
}

func TestCancelledCallsAreNotMade(t *testing.T) {
	c := newFixed(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Describe(ctx, sim); !errors.Is(err, context.Canceled) {
		t.Errorf("describe: %v", err)
	}
	if len(c.Calls()) != 0 {
		t.Errorf("calls: %v", c.Calls())
	}
}
