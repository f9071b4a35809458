package sessionstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// A store keeps records and applies their methods, each under its own lock or
// as one conditional write.
func ExampleNewRecord() {
	terms := sessionstore.Terms{Owner: "idlescale", Now: start(), Rules: sessionstore.Rules{}.WithDefaults()}
	ref := gateway()
	r := sessionstore.NewRecord(autoscaler.RegisterRequest{Ref: ref, Level: autoscaler.LevelA, Slots: 2, At: start()}, terms)

	_, err := r.Begin(sessionstore.BeginRequest{Ref: ref, Session: "ann", At: start()}, terms, nil)
	fmt.Println(r.State(), errors.Is(err, autoscaler.ErrCordoned))

	err = r.Open(autoscaler.OpenRequest{Ref: ref, Version: r.Version(), ProtectedUntil: start().Add(24 * time.Hour), At: start()}, terms)
	fmt.Println(r.State(), err)

	_, err = r.Begin(sessionstore.BeginRequest{Ref: ref, Session: "ann", At: start()}, terms, nil)
	fmt.Println(r.Activity(start(), terms).Occupancy, err)
	// Output:
	// new true
	// open <nil>
	// 1 <nil>
}

// A process admits sessions once its own report was answered with an open
// record, and acknowledges the drain that it reads.
func ExampleNewProcess() {
	p := sessionstore.NewProcess(sessionstore.ProcessConfig{Ref: gateway(), Name: "main", Boot: start()})
	fmt.Println("admits", p.Admits())

	rep := p.Report(start(), nil, time.Time{})
	p.Observe(sessionstore.Order{Version: 2, State: autoscaler.TaskOpen, Boot: rep.Boot})
	fmt.Println("admits", p.Admits())

	p.Observe(sessionstore.Order{Version: 3, State: autoscaler.TaskCordoned, Drain: "d-1", Boot: rep.Boot})
	rep = p.Report(start(), nil, time.Time{})
	fmt.Println("admits", p.Admits(), "acknowledges", rep.Acknowledges)
	// Output:
	// admits false
	// admits true
	// admits false acknowledges d-1
}

// A process reports from a goroutine of its own and asks the reporter before it
// serves a session.
func ExampleNewReporter() {
	store := memstore.New(memstore.Config{})
	ctx, stop := context.WithCancel(context.Background())
	r, err := sessionstore.NewReporter(sessionstore.ReporterConfig{
		ProcessConfig: sessionstore.ProcessConfig{Ref: gateway(), Name: "main", Level: autoscaler.LevelB, Slots: 4},
		Writer:        store,
		OnOrder: func(o sessionstore.Order) {
			fmt.Println("the record is", o.State)
			stop()
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Run(ctx), r.Enter("ann"))
	// Output:
	// the record is new
	// context canceled false
}

// An application that asks before it serves, and that has each session counted
// until it is over.
func ExampleTrack() {
	ctx := context.Background()
	store := memstore.New(memstore.Config{Now: start})
	a, _ := store.Register(ctx, autoscaler.RegisterRequest{Ref: gateway(), Level: autoscaler.LevelA, Slots: 1, At: start()})
	_, _ = store.Open(ctx, autoscaler.OpenRequest{Ref: gateway(), Version: a.Version, ProtectedUntil: start().Add(time.Hour), At: start()})

	show := func(when string) {
		activity, _ := store.Activity(ctx, gateway().Service, start())
		fmt.Println(when, activity.Tasks[0].Occupancy)
	}
	err := sessionstore.Track(ctx, store, sessionstore.Tracking{Ref: gateway(), Session: "ann", Now: start},
		func(context.Context) error {
			show("serving")
			return nil
		})
	show("over")
	fmt.Println(err)
	// Output:
	// serving 1
	// over 0
	// <nil>
}

func ExamplePlace() {
	ref := func(task autoscaler.TaskID) autoscaler.TaskRef {
		return autoscaler.TaskRef{Service: gateway().Service, Task: task}
	}
	tasks := []autoscaler.TaskActivity{
		{Ref: ref("a"), State: autoscaler.TaskOpen, Slots: 4, Occupancy: autoscaler.Sessions(1)},
		{Ref: ref("b"), State: autoscaler.TaskOpen, Slots: 4, Occupancy: autoscaler.Sessions(3)},
	}
	packed, _ := sessionstore.Place(tasks, sessionstore.Pack)
	spread, _ := sessionstore.Place(tasks, sessionstore.Least)
	fmt.Println(packed.Ref.Task, spread.Ref.Task)
	// Output: b a
}
