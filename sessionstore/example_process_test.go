package sessionstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// A task's process from its first report to its end. A [sessionstore.Reporter]
// makes the same calls by its own clock.
func ExampleProcess() {
	ctx, now := context.Background(), start()
	store := memstore.New(memstore.Config{Now: func() time.Time { return now }})
	p := sessionstore.NewProcess(sessionstore.ProcessConfig{
		Ref: gateway(), Name: "main", Boot: now, Level: autoscaler.LevelA, Slots: 4,
	})
	var protectedUntil time.Time // as it was read back last
	report := func() sessionstore.Order {
		now = now.Add(time.Second)
		order, err := store.Report(ctx, p.Report(now, nil, protectedUntil))
		if err != nil {
			fmt.Println(err)
		}
		p.Observe(order)
		fmt.Println("the record is", order.State, "and the process admits:", p.Admits())
		return order
	}

	order := report()
	open := autoscaler.OpenRequest{Ref: gateway(), Version: order.Version, At: now}
	if _, err := store.Open(ctx, open); err != nil {
		fmt.Println(err)
	}
	// It protects itself by UpdateTaskProtection, and GetTaskProtection says until when.
	protectedUntil = now.Add(12 * time.Hour)
	open.ProtectedUntil = protectedUntil
	if _, err := store.Open(ctx, open); err != nil {
		fmt.Println(err)
	}
	order = report()

	// A controller drains the task, and retires it once the process has acknowledged.
	if _, err := store.Cordon(ctx, autoscaler.CordonRequest{Ref: gateway(), Version: order.Version, Drain: "d-1", At: now}); err != nil {
		fmt.Println(err)
	}
	report()
	order = report()
	if err := store.Retire(ctx, autoscaler.DrainRef{Ref: gateway(), Drain: "d-1", Version: order.Version, At: now}); err != nil {
		fmt.Println(err)
	}
	report()
	fmt.Println("it clears its protection and ends:", p.Retired())
	// Output:
	// the record is new and the process admits: false
	// sessionstore.Open: rdp/gateway/t1: the task lacks the protection that opening needs (protect the task, read the protection back, and open with what was read; 30m0s must be left)
	// the record is open and the process admits: true
	// the record is cordoned and the process admits: false
	// the record is cordoned and the process admits: false
	// the record is retired and the process admits: false
	// it clears its protection and ends: true
}
