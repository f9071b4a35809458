package autoscalertest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

func checkDescribe(t clause.T, h scaling) {
	s := h.describe(t)
	running := 0
	for i := range s.Tasks {
		if s.Tasks[i].Wanted() && s.Tasks[i].LastStatus == "RUNNING" {
			running++
		}
	}
	primary := slices.ContainsFunc(s.Deployments, func(d autoscaler.Deployment) bool { return d.Primary })
	switch {
	case s.Service != h.Service:
		t.Errorf("the service is %v, asked for was %v", s.Service, h.Service)
	case s.Status != "ACTIVE" || s.Scheduling != "REPLICA" || s.Controller != "ECS":
		t.Errorf("status %q, scheduling %q, controller %q", s.Status, s.Scheduling, s.Controller)
	case s.At.IsZero():
		t.Errorf("the state does not say when it was read")
	case s.Running < 2 || s.Running != s.Desired || s.Running != running:
		t.Errorf("desired %d, running %d, and %d running tasks are listed", s.Desired, s.Running, running)
	case len(s.Deployments) != 1 || !primary:
		t.Errorf("a steady service has deployments %+v", s.Deployments)
	}
	byID := func(a, b autoscaler.TaskStatus) int { return cmp.Compare(a.ID, b.ID) }
	once := slices.CompactFunc(slices.Clone(s.Tasks), func(a, b autoscaler.TaskStatus) bool { return a.ID == b.ID })
	if !slices.IsSortedFunc(s.Tasks, byID) || len(once) != len(s.Tasks) {
		t.Errorf("tasks are not each listed once in order: %+v", s.Tasks)
	}
}

func checkDescribeShared(t clause.T, h scaling) {
	want := len(h.describe(t).Tasks)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				s, err := h.Scaler.Describe(t.Context(), h.Service)
				if err != nil || len(s.Tasks) != want || slices.ContainsFunc(s.Tasks, func(t autoscaler.TaskStatus) bool { return t.ID == "" }) {
					t.Errorf("%d tasks with error %v, want %d: %+v", len(s.Tasks), err, want, s.Tasks)
					return
				}
				clear(s.Tasks) // the caller's to do with as it likes
			}
		})
	}
	all.Wait()
}

func checkUnknownService(t clause.T, h scaling) {
	nobody := autoscaler.ServiceID{Cluster: h.Service.Cluster, Name: "no-such-service"}
	if _, err := h.Scaler.Describe(t.Context(), nobody); !errors.Is(err, autoscaler.ErrNotFound) {
		t.Errorf("Describe: %v", err)
	}
	req := h.request(3, h.permit(3))
	req.Service = nobody
	if err := h.Scaler.SetDesired(t.Context(), req); !errors.Is(err, autoscaler.ErrNotFound) {
		t.Errorf("SetDesired: %v", err)
	}
}

// send sets the desired count to one more than there is, and returns it.
func send(t clause.T, h scaling) int {
	t.Helper()
	n := h.describe(t).Desired + 1
	if err := h.Scaler.SetDesired(t.Context(), h.request(n, h.permit(n))); err != nil {
		t.Fatalf("SetDesired: %v", err)
	}
	return n
}

func checkOneCall(t clause.T, h scaling) {
	n := send(t, h)
	sent := h.Sent()
	if len(sent) != 1 {
		t.Fatalf("%d calls were sent: %+v", len(sent), sent)
	}
	if s := sent[0]; s.Service != h.Service || s.Desired != n || len(s.More) > 0 {
		t.Errorf("sent was %+v, asked for were %d tasks of %v", s, n, h.Service)
	}
}

func checkEffect(t clause.T, h scaling) {
	n := send(t, h)
	h.Settle()
	if got := h.describe(t).Desired; got != n {
		t.Errorf("desired is %d after %d was sent", got, n)
	}
}

func checkRepeat(t clause.T, h scaling) {
	n := send(t, h)
	if err := h.Scaler.SetDesired(t.Context(), h.request(n, h.permit(n))); err != nil {
		t.Fatalf("SetDesired again: %v", err)
	}
	h.Settle()
	if got := h.describe(t).Desired; got != n {
		t.Errorf("desired is %d after %d was sent twice", got, n)
	}
}

func checkLastInstant(t clause.T, h scaling) {
	permit := h.permit(3)
	h.SetClock(permit.NotAfter)
	if err := h.Scaler.SetDesired(t.Context(), h.request(3, permit)); err != nil || len(h.Sent()) != 1 {
		t.Errorf("at the last instant: error %v, %d calls sent", err, len(h.Sent()))
	}
}

// refused fails the clause unless the permit is refused and nothing is sent.
func refused(t clause.T, h scaling, permit autoscaler.Permit, what string) {
	t.Helper()
	err := h.Scaler.SetDesired(t.Context(), h.request(3, permit))
	if !errors.Is(err, autoscaler.ErrClock) {
		t.Errorf("%s: the error is %v", what, err)
	}
	if sent := h.Sent(); len(sent) > 0 {
		t.Errorf("%s: sent was %+v", what, sent)
	}
}

func checkExpired(t clause.T, h scaling) {
	permit := h.permit(3)
	h.SetClock(permit.NotAfter.Add(time.Millisecond))
	refused(t, h, permit, "a millisecond late")
	refused(t, h, autoscaler.Permit{Call: autoscaler.CallSetDesired, Desired: 3}, "a permit without an end")
}

// In the next two the permit's end, and not the scaler's clock, is made to
// disagree with itself: to the scaler that is the same.

func checkWallClock(t clause.T, h scaling) {
	permit := h.permit(3)
	h.SetClock(permit.NotAfter.Add(time.Minute))
	if !h.Simulated {
		permit.NotAfter = skewed(t, permit.NotAfter, time.Hour)
	}
	refused(t, h, permit, "a minute late by the wall clock alone")
}

func checkMonotonicClock(t clause.T, h scaling) {
	if h.Simulated {
		t.Logf("NOT CHECKED: simulated time has no monotonic clock that could disagree with it")
		return
	}
	permit := h.permit(3)
	permit.NotAfter = skewed(t, permit.NotAfter, -time.Hour)
	refused(t, h, permit, "late by the monotonic clock alone")
}

func checkOtherCall(t clause.T, h scaling) {
	permit := h.permit(3)
	permit.Call = autoscaler.CallStopTask
	refused(t, h, permit, "a permit to stop tasks")
	permit.Call = ""
	refused(t, h, permit, "a permit for nothing")
}

func checkOtherCount(t clause.T, h scaling) {
	refused(t, h, h.permit(4), "3 tasks under a permit for 4")
}

func checkCancelledScaler(t clause.T, h scaling) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Scaler.Describe(ctx, h.Service); !errors.Is(err, context.Canceled) {
		t.Errorf("Describe: %v", err)
	}
	if err := h.Scaler.SetDesired(ctx, h.request(3, h.permit(3))); !errors.Is(err, context.Canceled) {
		t.Errorf("SetDesired: %v", err)
	}
}
