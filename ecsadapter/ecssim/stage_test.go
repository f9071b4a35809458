package ecssim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

func TestSeamSeesEveryPoint(t *testing.T) {
	c := newFixed(2)
	var got []string
	c.SetSeam(func(_ context.Context, call Call) error {
		got = append(got, fmt.Sprintf("%s %s %s", call.Actor, call.Op, call.Point))
		return nil
	})
	ctx := WithActor(context.Background(), "one")
	if err := c.SetDesired(ctx, autoscaler.SetDesired{Service: sim, Desired: 3, Permit: permit(c, autoscaler.CallSetDesired, 3)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.List(ctx, sim); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"one scaler.set_desired before", "one scaler.set_desired sent", "one scaler.set_desired after",
		"one tasks.list before", "one tasks.list after",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSeamFailsCalls(t *testing.T) {
	lost := errors.New("lost")
	for point, effect := range map[Point]bool{Before: false, Sent: false, After: true} {
		c := newFixed(2)
		seen := 0
		c.SetSeam(Seams(nil, func(_ context.Context, call Call) error {
			seen++
			if call.Point == point {
				return lost
			}
			return nil
		}))
		err := c.SetDesired(context.Background(), autoscaler.SetDesired{Service: sim, Desired: 3, Permit: permit(c, autoscaler.CallSetDesired, 3)})
		if !errors.Is(err, lost) || (len(c.Writes()) == 1) != effect || seen != int(point)+1 {
			t.Errorf("%s: error %v, writes %v, %d points", point, err, c.Writes(), seen)
		}
	}
}

// TestWiresPassEverySeam calls every method of every wired contract and expects
// the seam to see it, the store to do it, and a lost reply to hide its answer.
func TestWiresPassEverySeam(t *testing.T) {
	ctx := context.Background()
	for _, fail := range []bool{false, true} {
		c := newFixed(0)
		lost := errors.New("lost")
		var seen []Op
		c.SetSeam(func(_ context.Context, call Call) error {
			if call.Point == After {
				seen = append(seen, call.Op)
				if fail {
					return lost
				}
			}
			return nil
		})
		raw := memstore.New(memstore.Config{Now: c.Now})
		ref := autoscaler.TaskRef{Service: sim, Task: "t"}
		drain := autoscaler.DrainRef{Ref: ref, Drain: "d", At: c.Now()}
		sessions, records, state := WireSessions(c, raw), WireRecords(c, raw), WireState(c, raw)
		writer, demand := WireWriter(c, raw), WireDemand(c, raw)
		end := sessionstore.EndRequest{Ref: ref, Session: "s", At: c.Now()}
		errs := []error{
			second(records.Register(ctx, autoscaler.RegisterRequest{Ref: ref, Level: autoscaler.LevelA, Slots: 1, Processes: 1, At: c.Now()})),
			second(records.Open(ctx, autoscaler.OpenRequest{Ref: ref, At: c.Now()})),
			records.Renew(ctx, drain, c.Now()),
			records.Forget(ctx, autoscaler.ForgetRequest{Ref: ref, At: c.Now()}),
			second(sessions.Activity(ctx, sim, c.Now())),
			second(sessions.Prove(ctx, []autoscaler.TaskRef{ref}, c.Now())),
			second(sessions.Cordon(ctx, autoscaler.CordonRequest{Ref: ref, Drain: "d", At: c.Now()})),
			sessions.Reopen(ctx, drain), sessions.Retire(ctx, drain),
			second(state.LoadCheckpoint(ctx, sim)),
			second(state.SaveCheckpoint(ctx, autoscaler.Checkpoint{Service: sim})),
			second(state.Control(ctx, sim)), state.SetControl(ctx, sim, autoscaler.Control{}),
			second(writer.Begin(ctx, sessionstore.BeginRequest{Ref: ref, Session: "s", At: c.Now()})),
			second(writer.Started(ctx, sessionstore.StartedRequest{Ref: ref, Session: "s", At: c.Now()})),
			writer.Touch(ctx, sessionstore.TouchRequest{Ref: ref, Session: "s", At: c.Now()}),
			writer.End(ctx, end),
			second(writer.Report(ctx, sessionstore.Report{Ref: ref, Process: "p", Seq: 1, At: c.Now()})),
			second(writer.Reserve(ctx, sessionstore.ReserveRequest{Ref: ref, Session: "r", At: c.Now()})),
			writer.Abandon(ctx, end),
			demand.ReportDemand(ctx, sessionstore.DemandReport{Service: sim, Source: "b", Seq: 1, At: c.Now()}),
		}
		want := []Op{
			OpRegister, OpOpen, OpRenew, OpForget, OpActivity, OpProve, OpCordon, OpReopen, OpRetire,
			OpLoadCheckpoint, OpSaveCheckpoint, OpControl, OpSetControl,
			OpBegin, OpStarted, OpTouch, OpEnd, OpReport, OpReserve, OpAbandon, OpReportDemand,
		}
		if !slices.Equal(seen, want) {
			t.Errorf("fail %v: seen %v, want %v", fail, seen, want)
		}
		for i, err := range errs {
			if fail && !errors.Is(err, lost) {
				t.Errorf("%s: the lost reply gave %v", want[i], err)
			}
			if !fail && errors.Is(err, lost) {
				t.Errorf("%s: %v", want[i], err)
			}
		}
		if c, err := raw.LoadCheckpoint(ctx, sim); err != nil || c.Revision == 0 {
			t.Errorf("fail %v: the save was not passed on: %+v, %v", fail, c, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// interleaving runs three actors that each write the desired count twice, and
// returns the order of the writes.
func interleaving(seed uint64) []int {
	c := newFixed(0)
	stage := NewStage(c, seed)
	c.SetSeam(stage.Seam())
	for i := range 3 {
		stage.Go(fmt.Sprint("actor-", i), func(ctx context.Context) {
			for j := range 2 {
				n := 10*i + j
				_ = c.SetDesired(ctx, autoscaler.SetDesired{Service: sim, Desired: n, Permit: permit(c, autoscaler.CallSetDesired, n)})
			}
		})
	}
	stage.Run(c.Now().Add(10 * time.Second))
	var out []int
	for _, w := range c.Writes() {
		out = append(out, w.Desired)
	}
	return out
}

func TestStageOrdersBySeed(t *testing.T) {
	orders := make(map[string]bool)
	for seed := range uint64(20) {
		first := interleaving(seed)
		if len(first) != 6 || !slices.Equal(first, interleaving(seed)) {
			t.Fatalf("seed %d: %v, then %v", seed, first, interleaving(seed))
		}
		orders[fmt.Sprint(first)] = true
	}
	if len(orders) < 5 {
		t.Errorf("20 seeds gave %d orders", len(orders))
	}
}

// TestStageHoldsBetweenSigningAndSending lets a write arrive a minute late: its
// permit was good when it was judged, and that is all anybody can do.
func TestStageHoldsBetweenSigningAndSending(t *testing.T) {
	c := newFixed(2)
	stage := NewStage(c, 1)
	stage.Pick = func(int) int { return 0 }
	stage.Hold = func(call Call) time.Duration {
		if call.Op == OpSetDesired && call.Point == Sent {
			return time.Minute
		}
		return 0
	}
	c.SetSeam(stage.Seam())
	var got error
	stage.Go("late", func(ctx context.Context) {
		got = c.SetDesired(ctx, autoscaler.SetDesired{Service: sim, Desired: 1, Permit: permit(c, autoscaler.CallSetDesired, 1)})
	})
	start := c.Now()
	stage.Run(start.Add(59 * time.Second))
	if len(c.Writes()) != 0 {
		t.Fatal("it arrived early")
	}
	stage.Run(start.Add(2 * time.Minute))
	if w := c.Writes(); got != nil || len(w) != 1 || !w[0].At.Equal(start.Add(time.Minute)) {
		t.Errorf("error %v, writes %+v", got, w)
	}
	if !c.Now().Equal(start.Add(2 * time.Minute)) {
		t.Errorf("the clock stands at %v", c.Now())
	}
}

func TestStageSleepAndClose(t *testing.T) {
	c := newFixed(1)
	stage := NewStage(c, 1)
	stage.Pick = func(int) int { return 0 }
	c.SetSeam(stage.Seam())
	var woke []time.Time
	ended := false
	stage.Go("sleeper", func(ctx context.Context) {
		defer func() { ended = true }()
		for stage.Sleep(ctx, time.Minute) == nil {
			woke = append(woke, c.Now())
		}
	})
	start := c.Now()
	stage.Run(start.Add(150 * time.Second))
	if len(woke) != 2 || !woke[1].Equal(start.Add(2*time.Minute)) {
		t.Errorf("woke at %v", woke)
	}
	stage.Close()
	if !ended {
		t.Error("the actor did not end")
	}
	if err := stage.Sleep(context.Background(), time.Hour); err != nil {
		t.Error(err)
	}
}

// TestStageWakesOnTime has a pick that prefers the clock: it may make a caller
// late that is ready, and never passes the instant at which another one wakes.
func TestStageWakesOnTime(t *testing.T) {
	c := newFixed(1)
	stage := NewStage(c, 1)
	start, picks := c.Now(), 0
	stage.Pick = func(n int) int {
		if picks++; picks == 1 || c.Now().Sub(start) >= 7*time.Second {
			return 0 // the sleeper, until it sleeps, and once it is awake
		}
		return n - 1
	}
	c.SetSeam(stage.Seam())
	var woke time.Time
	stage.Go("sleeper", func(ctx context.Context) {
		if stage.Sleep(ctx, 7*time.Second) == nil {
			woke = c.Now()
		}
	})
	stage.Go("busy", func(ctx context.Context) {
		for range 5 {
			_, _ = c.List(ctx, sim)
		}
	})
	stage.Run(start.Add(5 * time.Minute))
	if want := start.Add(7 * time.Second); woke.Before(want) || woke.After(want) {
		t.Errorf("woke at %v, want %v", woke, want)
	}
}
