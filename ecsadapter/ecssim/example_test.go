package ecssim_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// A cluster starts what its desired count owes, on its own clock.
func ExampleNew() {
	web := autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"}
	cluster := ecssim.New(ecssim.Config{Seed: 1, Service: ecssim.ServiceConfig{ID: web, Desired: 3}})
	for range 3 {
		state, err := cluster.Describe(context.Background(), web)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s desired %d, running %d, pending %d\n",
			cluster.Now().Format(time.TimeOnly), state.Desired, state.Running, state.Pending)
		cluster.RunFor(time.Minute)
	}
	// Output:
	// 00:00:00 desired 3, running 0, pending 3
	// 00:01:00 desired 3, running 0, pending 3
	// 00:02:00 desired 3, running 3, pending 0
}

// Users come to an application, and the score says how they were served.
func ExampleNewApplication() {
	cluster := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 2, Warm: true}})
	store := memstore.New(memstore.Config{Now: cluster.Now})
	application, err := ecssim.NewApplication(cluster, ecssim.ApplicationConfig{
		Slots: 1, Sessions: store, Records: store, Writer: store, Demand: store,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	first := cluster.Now().Add(time.Minute)
	application.Play([]ecssim.Session{
		{Start: first, Duration: 5 * time.Minute},
		{Start: first, Duration: 5 * time.Minute},
		{Start: first.Add(time.Minute), Duration: 5 * time.Minute},
	})
	cluster.RunFor(20 * time.Minute)
	score := application.Score()
	fmt.Println(score.Arrivals, "users,", score.NoSlot, "waited,", score.WaitMax, "at most")
	// Output:
	// 3 users, 1 waited, 4m0s at most
}

// Two callers take turns call by call, in an order that the seed decides.
func ExampleNewStage() {
	cluster := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 1, Warm: true}})
	stage := ecssim.NewStage(cluster, 2)
	cluster.SetSeam(stage.Seam())
	id := autoscaler.ServiceID{Cluster: "sim", Name: "service"}
	for _, name := range []string{"first", "second"} {
		stage.Go(name, func(ctx context.Context) {
			if _, err := cluster.Describe(ctx, id); err == nil {
				fmt.Println(name, "has read")
			}
		})
	}
	stage.Run(cluster.Now().Add(time.Minute))
	// Output:
	// second has read
	// first has read
}

// The invariants watch a run from the cluster's seam.
func ExampleNewInvariants() {
	cluster := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 1, Warm: true}})
	store := memstore.New(memstore.Config{Now: cluster.Now})
	invariants := ecssim.NewInvariants(cluster, autoscaler.ServiceID{}, store)
	cluster.SetSeam(invariants.Seam())
	// Nobody saved a permit for this write.
	id := autoscaler.ServiceID{Cluster: "sim", Name: "service"}
	permit := autoscaler.Permit{
		Call: autoscaler.CallSetDesired, Desired: 2, NotAfter: cluster.Now().Add(autoscaler.PermitLife),
	}
	if err := cluster.SetDesired(context.Background(), autoscaler.SetDesired{Service: id, Desired: 2, Permit: permit}); err != nil {
		fmt.Println(err)
	}
	for _, v := range invariants.Violations() {
		fmt.Println(v.Invariant, v.What)
	}
	// Output:
	// I5 scaler.set_desired is sent under a permit that no checkpoint held
}

// A reply that is lost hides an effect that was had.
func ExampleNewFaults() {
	cluster := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 1, Warm: true}})
	faults := ecssim.NewFaults(1, ecssim.FaultRule{Kind: ecssim.FaultReply, Rate: 1, Ops: []ecssim.Op{ecssim.OpSetDesired}})
	cluster.SetFaults(faults)
	id := autoscaler.ServiceID{Cluster: "sim", Name: "service"}
	permit := autoscaler.Permit{Call: autoscaler.CallSetDesired, Desired: 2, NotAfter: cluster.Now().Add(autoscaler.PermitLife)}
	err := cluster.SetDesired(context.Background(), autoscaler.SetDesired{Service: id, Desired: 2, Permit: permit})
	state, _ := cluster.Truth(id)
	fmt.Println(err)
	fmt.Println("desired", state.Desired)
	// Output:
	// scaler.set_desired: connection reset by peer
	// desired 2
}
