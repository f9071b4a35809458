package workflow_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/workflow"
)

// TestRunnersInterleaved has two processes advance one service call by call in a
// seeded order, each held up now and then for minutes, also between the judging of
// a permit and the sending, while a third cordons, reopens and asks for releases.
// The rig's invariants judge every call.
func TestRunnersInterleaved(t *testing.T) {
	for _, first := range []bool{false, true} {
		for n := range uint64(20) {
			t.Run(fmt.Sprintf("balancer first %v/seed %d", first, n), func(t *testing.T) {
				r := newRig(t, exact(8), func(c *workflow.Config) { c.LoadBalancerFirst = first })
				r.interleave(n)
				r.adopt()
				for end := r.c.Now().Add(40 * time.Minute); r.c.Now().Before(end); r.c.RunFor(15 * time.Second) {
					r.advance()
				}
				if left := r.in(autoscaler.TaskRetired); len(left) > 0 || r.checkpoint().Release != nil {
					t.Errorf("seed %d: left over: %v, %+v", n, left, r.checkpoint().Release)
				}
			})
		}
	}
}

// adopt has the rig take over the desired count that ECS has, as a controller
// does once it was stable: a process that was held up in the call, or lost its
// last race, may have left the checkpoint with another one.
func (r *rig) adopt() {
	state, err := r.c.Describe(context.Background(), service)
	if err != nil {
		r.t.Fatal(err)
	}
	r.save(func(c *autoscaler.Checkpoint) {
		c.Desired = autoscaler.DesiredCount{Value: state.Desired, Previous: state.Desired, At: r.c.Now(), Known: true}
	})
}

func (r *rig) interleave(seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 1))
	stage := ecssim.NewStage(r.c, seed)
	stage.Hold = func(ecssim.Call) time.Duration {
		if draw.IntN(30) > 0 {
			return 0
		}
		return time.Duration(draw.ExpFloat64() * float64(time.Minute))
	}
	r.fault = stage.Seam()
	var users []ecssim.Session
	for at := r.c.Now(); at.Before(r.c.Now().Add(30 * time.Minute)); at = at.Add(time.Duration(draw.ExpFloat64() * float64(10*time.Second))) {
		users = append(users, ecssim.Session{Start: at, Duration: time.Duration(draw.ExpFloat64() * float64(2*time.Minute))})
	}
	r.users.Play(users)
	end := r.c.Now().Add(30 * time.Minute)
	for i := range 2 {
		stage.Go(fmt.Sprint("runner-", i), func(ctx context.Context) {
			runner, err := workflow.New(r.cfg)
			if err != nil {
				r.t.Error(err)
				return
			}
			for r.c.Now().Before(end) {
				if _, err := runner.Advance(ctx, service); err != nil && ctx.Err() == nil {
					r.t.Errorf("seed %d: %v", seed, err)
				}
				if stage.Sleep(ctx, 15*time.Second) != nil {
					return
				}
			}
		})
	}
	r.stir(draw, end)
	stage.Run(end.Add(10 * time.Minute))
	stage.Close()
	r.fault = nil
}

// stir cordons and reopens tasks and asks for releases every half minute, as
// passes would, while users come and go, and never leaves fewer than three open.
func (r *rig) stir(draw *rand.Rand, end time.Time) {
	stop := r.c.Every(r.c.Now(), 30*time.Second, func() {
		if r.c.Now().After(end) {
			return
		}
		open := r.in(autoscaler.TaskOpen)
		if len(open) > 3 && draw.IntN(3) == 0 {
			r.cordon(1)
		}
		cordoned := r.in(autoscaler.TaskCordoned)
		if len(cordoned) > 0 && draw.IntN(6) == 0 {
			r.reopen(cordoned[0])
			r.want(len(r.in(autoscaler.TaskOpen)))
			return
		}
		if len(cordoned) > 0 {
			r.release(cordoned)
		}
	})
	r.t.Cleanup(stop)
}
