package autoscaler_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// BenchmarkPass is one pass that changes nothing: observe from memstore, decide, guard.
// It grows with the tasks and not with their sessions.
func BenchmarkPass(b *testing.B) {
	for _, size := range []struct{ tasks, sessions int }{{500, 200}, {5000, 20}, {5000, 200}} {
		b.Run(fmt.Sprintf("%d_tasks_%d_sessions", size.tasks, size.tasks*size.sessions), func(b *testing.B) {
			observer := crowded(b, size.tasks, size.sessions)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := observer.Evaluate(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// crowded is a service of so many open tasks, each with so many sessions.
func crowded(b *testing.B, tasks, sessions int) *autoscaler.Observer {
	b.Helper()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	store := memstore.New(memstore.Config{Now: now})
	state := autoscaler.ServiceState{
		Service: service, At: at, Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS",
		Desired: tasks, Running: tasks, Deployments: []autoscaler.Deployment{{ID: "d", Primary: true, Rollout: "COMPLETED"}},
	}
	for i := range tasks {
		ref := autoscaler.TaskRef{Service: service, Task: autoscaler.TaskID(fmt.Sprintf("t-%05d", i))}
		a, err := store.Register(b.Context(), autoscaler.RegisterRequest{
			Ref: ref, Level: autoscaler.LevelA, Slots: sessions, Revision: "d", At: at,
		})
		if err == nil {
			_, err = store.Open(b.Context(), autoscaler.OpenRequest{Ref: ref, Version: a.Version, ProtectedUntil: at.Add(24 * time.Hour), At: at})
		}
		for j := 0; j < sessions && err == nil; j++ {
			_, err = store.Begin(b.Context(), sessionstore.BeginRequest{Ref: ref, Session: sessionstore.SessionID(fmt.Sprintf("s-%d-%d", i, j)), At: at})
		}
		if err != nil {
			b.Fatal(err)
		}
		state.Tasks = append(state.Tasks, autoscaler.TaskStatus{
			ID: ref.Task, Deployment: "d", LastStatus: "RUNNING", DesiredStatus: "RUNNING", Health: "HEALTHY", CreatedAt: at, StartedAt: at,
		})
	}
	observer, err := autoscaler.NewObserver(autoscaler.ObserverConfig{
		Service: service, Limits: autoscaler.Limits{Max: 2 * tasks}, Policy: policy.Headroom{},
		Sessions: store, State: store, Scaler: standing{state}, Now: now,
	})
	if err != nil {
		b.Fatal(err)
	}
	return observer
}

// standing is a cluster in which nothing happens.
type standing struct{ state autoscaler.ServiceState }

func (s standing) Describe(context.Context, autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	return s.state, nil
}
