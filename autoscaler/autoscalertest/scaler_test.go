package autoscalertest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// cluster is a small scaler that keeps its promises unless a fault is set.
type cluster struct {
	mu      sync.Mutex
	service autoscaler.ServiceID
	now     time.Time
	desired int
	tasks   []autoscaler.TaskStatus
	sent    []Sent
	fault   string // the clause to break
}

func (c *cluster) Describe(ctx context.Context, service autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil && c.fault != "cancelled":
		return autoscaler.ServiceState{}, ctx.Err()
	case service != c.service && c.fault == "unknown-service":
		return autoscaler.ServiceState{Service: service}, nil
	case service != c.service:
		return autoscaler.ServiceState{}, autoscaler.ErrNotFound
	}
	state := autoscaler.ServiceState{
		Service: c.service, At: c.now, Status: "ACTIVE", Scheduling: "REPLICA", Controller: "ECS",
		Desired: c.desired, Running: len(c.tasks), Tasks: slices.Clone(c.tasks),
		Deployments: []autoscaler.Deployment{{ID: "ecs-svc/1", Primary: true, Rollout: "COMPLETED", Desired: c.desired}},
	}
	switch c.fault {
	case "describe":
		slices.Reverse(state.Tasks)
	case "describe-shared":
		state.Tasks = c.tasks
	}
	return state, nil
}

func (c *cluster) SetDesired(ctx context.Context, req autoscaler.SetDesired) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil && c.fault != "cancelled":
		return ctx.Err()
	case !c.allowed(req):
		return autoscaler.ErrClock
	case req.Service != c.service:
		return autoscaler.ErrNotFound
	}
	sent := Sent{Service: req.Service, Desired: req.Desired}
	switch {
	case c.fault == "one-call":
		sent.More = []string{"forceNewDeployment"}
	case c.fault == "repeat" && len(c.sent) > 0:
		c.desired++
		return nil
	}
	c.sent = append(c.sent, sent)
	if c.fault != "effect" {
		c.desired = req.Desired
	}
	return nil
}

// allowed judges the permit, by the fault's own idea of the rules.
func (c *cluster) allowed(req autoscaler.SetDesired) bool {
	permit, now := req.Permit, c.now
	onTime := !permit.Expired(now)
	switch c.fault {
	case "last-instant":
		onTime = now.Before(permit.NotAfter)
	case "expired":
		onTime = true
	case "wall-clock":
		onTime = !now.After(permit.NotAfter)
	case "monotonic-clock":
		onTime = !now.Round(0).After(permit.NotAfter.Round(0))
	}
	return onTime &&
		(permit.Covers(autoscaler.CallSetDesired) || c.fault == "other-call") &&
		(permit.Desired == req.Desired || c.fault == "other-count")
}

func newCluster(fault string) ScalerHarness {
	c := &cluster{
		service: autoscaler.ServiceID{Cluster: "test", Name: "service"}, fault: fault, desired: 2,
		now: time.Now(), // both clocks
	}
	for _, id := range []autoscaler.TaskID{"t-1", "t-2"} {
		c.tasks = append(c.tasks, autoscaler.TaskStatus{ID: id, LastStatus: "RUNNING", DesiredStatus: "RUNNING"})
	}
	return ScalerHarness{
		Scaler: c, Service: c.service, Now: c.now,
		SetClock: func(now time.Time) { c.now = now },
		Sent:     func() []Sent { return slices.Clone(c.sent) },
		Settle:   func() {},
	}
}

func TestScalerAcceptsAnHonestScaler(t *testing.T) {
	TestScaler(t, func(*testing.T) ScalerHarness { return newCluster("") })
}

func TestScalerCatchesEachBrokenPromise(t *testing.T) {
	clause.Catches(t, scalerClauses(), func(name string) scaling { return scaling{newCluster(name)} })
}
