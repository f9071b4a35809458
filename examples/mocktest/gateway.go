// Package mocktest shows how to test a service's own wiring with the mocks of
// package autoscalermock: what the controller of this service does at high load
// and at low load, with a task in use and with one that is not. The tests are
// the example; this file is what they test.
package mocktest

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

// Gateway is the service that this program scales.
func Gateway() autoscaler.ServiceID { return autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"} }

// Backends are what the controller works on: a store and AWS in production,
// mocks in the tests.
type Backends struct {
	Sessions    autoscaler.SessionStore
	Records     autoscaler.Records
	State       autoscaler.StateStore
	Scaler      autoscaler.Scaler
	Utilization autoscaler.UtilizationSource
	Drains      autoscaler.DrainWorkflow
	Now         func() time.Time
}

// NewController wires the gateway: a task more above 75 % CPU, and tasks that
// nobody has used for ten minutes drained, between one task and twenty.
func NewController(b Backends) (*autoscaler.Controller, error) {
	return autoscaler.New(autoscaler.Config{
		Service:     Gateway(),
		Limits:      autoscaler.Limits{Min: 1, Max: 20},
		Policy:      policy.Threshold{CPU: 75},
		Timing:      autoscaler.Timing{IdleFor: 10 * time.Minute},
		Sessions:    b.Sessions,
		Records:     b.Records,
		State:       b.State,
		Scaler:      b.Scaler,
		Utilization: b.Utilization,
		Drains:      b.Drains,
		Now:         b.Now,
	})
}
