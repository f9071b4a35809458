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

// broker places users. The contracts are all that it needs of a store.
type broker struct {
	sessions autoscaler.SessionStore
	writer   sessionstore.Writer
	demand   sessionstore.DemandWriter
	reports  int64
}

// place finds a task for a user, or says that one is waiting.
func (b *broker) place(ctx context.Context, id sessionstore.SessionID, now time.Time) (autoscaler.TaskRef, error) {
	service := gateway().Service
	for {
		activity, err := b.sessions.Activity(ctx, service, now)
		if err != nil {
			return autoscaler.TaskRef{}, err
		}
		choice, ok := sessionstore.Place(activity.Tasks, sessionstore.Pack)
		if !ok {
			b.reports++
			fmt.Println(id, "waits")
			return autoscaler.TaskRef{}, b.demand.ReportDemand(ctx, sessionstore.DemandReport{
				Service: service, Source: "broker-1", Seq: b.reports, At: now, Waiting: 1,
			})
		}
		_, err = b.writer.Begin(ctx, sessionstore.BeginRequest{Ref: choice.Ref, Session: id, At: now, Reopen: choice.Reopen})
		switch {
		case err == nil:
			fmt.Println(id, "begins on", choice.Ref.Task)
			return choice.Ref, nil
		case errors.Is(err, sessionstore.ErrEnded):
			return autoscaler.TaskRef{}, err // no task takes that id
		case errors.Is(err, autoscaler.ErrTaskFull), errors.Is(err, autoscaler.ErrCordoned), errors.Is(err, autoscaler.ErrGone):
			fmt.Println(id, "is refused by", choice.Ref.Task) // look again
		default:
			return autoscaler.TaskRef{}, err
		}
	}
}

// rival takes the last slot of a task between a broker's look and its Begin.
type rival struct {
	*memstore.Store
	done bool
}

func (r *rival) Begin(ctx context.Context, req sessionstore.BeginRequest) (sessionstore.Grant, error) {
	if !r.done {
		r.done = true
		other := req
		other.Session = "rival"
		if _, err := r.Store.Begin(ctx, other); err != nil {
			return sessionstore.Grant{}, err
		}
	}
	return r.Store.Begin(ctx, req)
}

// A broker looks, chooses and asks, and looks again where it is refused.
func ExampleWriter() {
	ctx := context.Background()
	store := &rival{Store: memstore.New(memstore.Config{Now: start})}
	for _, task := range []autoscaler.TaskID{"t1", "t2"} {
		ref := autoscaler.TaskRef{Service: gateway().Service, Task: task}
		a, _ := store.Register(ctx, autoscaler.RegisterRequest{Ref: ref, Level: autoscaler.LevelA, Slots: 1, At: start()})
		_, _ = store.Open(ctx, autoscaler.OpenRequest{Ref: ref, Version: a.Version, ProtectedUntil: start().Add(time.Hour), At: start()})
	}

	b := &broker{sessions: store, writer: store, demand: store}
	ref, err := b.place(ctx, "ann", start())
	if err != nil {
		fmt.Println(err)
	}
	if _, err := b.place(ctx, "bob", start()); err != nil {
		fmt.Println(err)
	}
	fmt.Println("ann ends:", store.End(ctx, sessionstore.EndRequest{Ref: ref, Session: "ann", At: start()}))
	_, err = b.place(ctx, "ann", start())
	fmt.Println(err)
	if _, err := b.place(ctx, "bob", start()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ann is refused by t1
	// ann begins on t2
	// bob waits
	// ann ends: <nil>
	// sessionstore.Begin: rdp/gateway/t2: the session has ended (a new session needs a new id)
	// bob begins on t2
}
