package workflowtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

func checkListWhole(t clause.T, h tasking) {
	listing, err := h.Tasks.List(t.Context(), h.Service)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	var wanted []autoscaler.TaskID
	for _, s := range listing {
		if s.Wanted() {
			wanted = append(wanted, s.ID)
		}
	}
	slices.Sort(wanted)
	if !slices.Equal(wanted, h.Running) {
		t.Errorf("listed are %v, ECS runs %v", wanted, h.Running)
	}
}

func checkListProtection(t clause.T, h tasking) {
	h.protect(t, time.Hour, h.Running[0])
	all := h.listed(t)
	if !all[h.Running[0]].ProtectedUntil.After(h.Now()) {
		t.Errorf("a protected task is listed as %+v", all[h.Running[0]])
	}
	if s := all[h.Running[1]]; !s.ProtectedUntil.IsZero() {
		t.Errorf("a task without protection is listed as %+v", s)
	}
}

func checkListUnknown(t clause.T, h tasking) {
	listing, err := h.Tasks.List(t.Context(), autoscaler.ServiceID{Cluster: h.Service.Cluster, Name: "no-such-service"})
	if err == nil {
		t.Errorf("the tasks of a service that is not there: %v and no error", listing)
	}
}

func checkProtectLifetime(t clause.T, h tasking) {
	h.protect(t, 90*time.Minute, h.Running[0])
	until := h.listed(t)[h.Running[0]].ProtectedUntil
	if off := until.Sub(h.Now().Add(90 * time.Minute)); off > time.Minute || off < -time.Minute {
		t.Errorf("protected until %s, %s off", until, off)
	}
}

func checkProtectLater(t clause.T, h tasking) {
	h.protect(t, time.Hour, h.Running[0])
	h.protect(t, 3*time.Hour, h.Running[0])
	until := h.listed(t)[h.Running[0]].ProtectedUntil
	if until.Before(h.Now().Add(3*time.Hour - time.Minute)) {
		t.Errorf("protected for three hours, until %s", until)
	}
}

func checkProtectMany(t clause.T, h tasking) {
	h.protect(t, time.Hour, h.Running[:12]...)
	all := h.listed(t)
	for _, id := range h.Running[:12] {
		if !all[id].ProtectedUntil.After(h.Now()) {
			t.Errorf("one of twelve is not protected: %+v", all[id])
		}
	}
}

func checkItemFailure(t clause.T, h tasking) {
	failures, err := h.Tasks.Protect(t.Context(), h.Service, []autoscaler.TaskID{"no-such-task", h.Running[0]}, time.Hour)
	if err != nil {
		t.Fatalf("Protect: %v", err)
	}
	if len(failures) != 1 || failures[0].Task != "no-such-task" || failures[0].Reason == "" {
		t.Errorf("failures are %+v", failures)
	}
	if !h.listed(t)[h.Running[0]].ProtectedUntil.After(h.Now()) {
		t.Errorf("the other task of the call is not protected")
	}
}

func checkUnprotect(t clause.T, h tasking) {
	h.protect(t, time.Hour, h.Running[:12]...)
	tasks := h.Running[:11]
	failures, err := h.Tasks.Unprotect(t.Context(), h.dangerous(h.permit(autoscaler.CallUnprotect, tasks...), tasks...))
	if err != nil || len(failures) > 0 {
		t.Fatalf("Unprotect: %v, %v", failures, err)
	}
	all := h.listed(t)
	for _, id := range tasks {
		if all[id].ProtectedUntil.After(h.Now()) {
			t.Errorf("still protected: %+v", all[id])
		}
	}
	if other := all[h.Running[11]]; !other.ProtectedUntil.After(h.Now()) {
		t.Errorf("a task that was not named lost its protection: %+v", other)
	}
}

func checkUnprotectAgain(t clause.T, h tasking) {
	id := h.Running[0]
	failures, err := h.Tasks.Unprotect(t.Context(), h.dangerous(h.permit(autoscaler.CallUnprotect, id), id))
	if err != nil || len(failures) > 0 {
		t.Errorf("Unprotect: %v, %v", failures, err)
	}
}

// refusedUnprotect fails the clause unless nothing is sent and the error is
// ErrClock.
func refusedUnprotect(t clause.T, h tasking, permit autoscaler.Permit, what string) {
	t.Helper()
	_, err := h.Tasks.Unprotect(t.Context(), h.dangerous(permit, h.Running[0]))
	if !errors.Is(err, autoscaler.ErrClock) || h.Sent() != 0 || !h.listed(t)[h.Running[0]].ProtectedUntil.After(h.Now()) {
		t.Errorf("%s: error %v, %d calls sent, task %+v", what, err, h.Sent(), h.listed(t)[h.Running[0]])
	}
}

func checkUnprotectExpired(t clause.T, h tasking) {
	h.protect(t, time.Hour, h.Running[0])
	permit := h.permit(autoscaler.CallUnprotect, h.Running[0])
	h.SetClock(permit.NotAfter.Add(time.Millisecond))
	refusedUnprotect(t, h, permit, "a millisecond late")
}

func checkUnprotectUncovered(t clause.T, h tasking) {
	h.protect(t, time.Hour, h.Running[0])
	refusedUnprotect(t, h, h.permit(autoscaler.CallUnprotect, h.Running[1]), "a permit for another task")
	refusedUnprotect(t, h, h.permit(autoscaler.CallStopTask, h.Running[0]), "a permit for StopTask")
}

func checkStop(t clause.T, h tasking) {
	h.stop(t, h.Running[0], h.Running[1])
	h.Settle()
	for i, id := range h.Running[:3] {
		if s := h.watch(t, id); s.Stopped() != (i < 2) {
			t.Errorf("the first two of three were stopped, and number %d is %+v", i+1, s)
		}
	}
}

func checkStopAgain(t clause.T, h tasking) {
	h.stop(t, h.Running[0])
	h.Settle()
	if err := h.Tasks.Stop(t.Context(), h.dangerous(h.permit(autoscaler.CallStopTask, h.Running[0]), h.Running[0])); err != nil {
		t.Errorf("Stop again: %v", err)
	}
}

// refusedStop fails the clause unless nothing is sent and the error is ErrClock.
func refusedStop(t clause.T, h tasking, permit autoscaler.Permit, what string) {
	t.Helper()
	err := h.Tasks.Stop(t.Context(), h.dangerous(permit, h.Running[0]))
	if !errors.Is(err, autoscaler.ErrClock) || h.Sent() != 0 || !h.watch(t, h.Running[0]).Wanted() {
		t.Errorf("%s: error %v, %d calls sent, task %+v", what, err, h.Sent(), h.watch(t, h.Running[0]))
	}
}

func checkStopExpired(t clause.T, h tasking) {
	permit := h.permit(autoscaler.CallStopTask, h.Running[0])
	h.SetClock(permit.NotAfter.Add(time.Millisecond))
	refusedStop(t, h, permit, "a millisecond late")
}

func checkStopUncovered(t clause.T, h tasking) {
	refusedStop(t, h, h.permit(autoscaler.CallStopTask, h.Running[1]), "a permit for another task")
	refusedStop(t, h, h.permit(autoscaler.CallUnprotect, h.Running[0]), "a permit to unprotect")
}

func checkPermitsLastInstant(t clause.T, h tasking) {
	permit := h.permit(autoscaler.CallStopTask, h.Running[0])
	h.SetClock(permit.NotAfter)
	if err := h.Tasks.Stop(t.Context(), h.dangerous(permit, h.Running[0])); err != nil || h.Sent() != 1 {
		t.Errorf("Stop at the last instant: error %v, %d calls sent", err, h.Sent())
	}
}

// closed reports that a balancer opens nothing new to a target.
func closed(target string) bool {
	return slices.Contains([]string{"", "draining", "unhealthy.draining", "unused"}, target)
}

func checkSteer(t clause.T, h tasking) {
	ref := autoscaler.TaskRef{Service: h.Service, Task: h.Running[0]}
	for _, in := range []bool{false, false, true} {
		if err := h.Tasks.Steer(t.Context(), ref, in); err != nil {
			t.Fatalf("Steer(%v): %v", in, err)
		}
		if target := h.watch(t, ref.Task).Target; closed(target) == in {
			t.Errorf("after Steer(%v) the target is %q", in, target)
		}
	}
	if target := h.watch(t, h.Running[1]).Target; closed(target) {
		t.Errorf("another task's target is %q", target)
	}
}

func checkWatchOrder(t clause.T, h tasking) {
	asked := []autoscaler.TaskID{h.Running[2], "no-such-task", h.Running[0]}
	seen, err := h.Tasks.Watch(t.Context(), h.Service, asked)
	if err != nil || len(seen) != len(asked) {
		t.Fatalf("Watch: %d of %d tasks, %v", len(seen), len(asked), err)
	}
	for i, s := range seen {
		if missing := asked[i] == "no-such-task"; s.ID != asked[i] || s.Missing != missing || s.Stopped() {
			t.Errorf("asked for %s as number %d, shown is %+v", asked[i], i+1, s)
		}
	}
}

func checkWatchStopped(t clause.T, h tasking) {
	h.stop(t, h.Running[0])
	h.Settle()
	if s := h.watch(t, h.Running[0]); !s.Stopped() || s.Missing || s.StopCode != "UserInitiated" {
		t.Errorf("a task that was stopped by a call is shown as %+v", s)
	}
}

func checkTasksShared(t clause.T, h tasking) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 5 {
				if failures, err := h.Tasks.Protect(t.Context(), h.Service, h.Running[i:i+1], time.Hour); err != nil || len(failures) > 0 {
					t.Errorf("Protect: %v, %v", failures, err)
				}
				listing, err := h.Tasks.List(t.Context(), h.Service)
				if err != nil || len(listing) != len(h.Running) || slices.ContainsFunc(listing, func(s autoscaler.TaskStatus) bool { return s.ID == "" }) {
					t.Errorf("%d tasks with error %v, want %d: %+v", len(listing), err, len(h.Running), listing)
					return
				}
				clear(listing) // the caller's to do with as it likes
			}
		})
	}
	all.Wait()
}

func checkTasksCancelled(t clause.T, h tasking) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, list := h.Tasks.List(ctx, h.Service)
	_, protect := h.Tasks.Protect(ctx, h.Service, h.Running[:1], time.Hour)
	_, watch := h.Tasks.Watch(ctx, h.Service, h.Running[:1])
	_, unprotect := h.Tasks.Unprotect(ctx, h.dangerous(h.permit(autoscaler.CallUnprotect, h.Running[0]), h.Running[0]))
	stop := h.Tasks.Stop(ctx, h.dangerous(h.permit(autoscaler.CallStopTask, h.Running[0]), h.Running[0]))
	steer := h.Tasks.Steer(ctx, autoscaler.TaskRef{Service: h.Service, Task: h.Running[0]}, false)
	for name, err := range map[string]error{
		"List": list, "Protect": protect, "Watch": watch, "Unprotect": unprotect, "Stop": stop, "Steer": steer,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h.Sent() != 0 || !h.watch(t, h.Running[0]).Wanted() {
		t.Errorf("%d calls were sent", h.Sent())
	}
}
