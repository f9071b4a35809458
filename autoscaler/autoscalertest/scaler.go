package autoscalertest

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// ScalerHarness is a scaler over a cluster that has one service, and the means
// to see what was sent and to set the clock that permits are judged by. The
// service is active, deployed by ECS, steady, and has at least two running tasks.
type ScalerHarness struct {
	Scaler  autoscaler.Scaler
	Service autoscaler.ServiceID
	// Now is the scaler's time at first. It carries a monotonic reading, as
	// time.Now gives one, so that the clauses can tell the two clocks apart.
	Now time.Time
	// Simulated says that the scaler's time is a number and not a clock: Now has
	// no monotonic reading, and the clause on it does not apply and says so.
	Simulated bool
	// SetClock moves the time forward, both clocks alike, by which the scaler
	// judges a permit at the last instant it controls.
	SetClock func(now time.Time)
	// Sent returns the calls of UpdateService that were sent so far, in order.
	Sent func() []Sent
	// Settle lets what was sent take its whole effect.
	Settle func()
}

// Sent is one call of UpdateService as it was sent.
type Sent struct {
	Service autoscaler.ServiceID
	Desired int
	// More are the names of parameters that it carried beside cluster, service
	// and desired count.
	More []string
}

// TestScaler holds an implementation to the contract of [autoscaler.Scaler].
// The harness is made anew for every clause.
func TestScaler(t *testing.T, newHarness func(t *testing.T) ScalerHarness) {
	t.Helper()
	clause.Run(t, scalerClauses(), func(ct clause.T) scaling {
		return scaling{newHarness(clause.Testing(ct))}
	})
}

// scaling is a harness with what the clauses share.
type scaling struct{ ScalerHarness }

func scalerClauses() []clause.Clause[scaling] {
	promise := clause.New[scaling]
	return []clause.Clause[scaling]{
		promise("describe", "Describe tells the service as ECS shows it: counts, deployments, and every task once, ordered by id.", checkDescribe),
		promise("describe-shared", "Many goroutines may describe at once, and each answer belongs to its caller.", checkDescribeShared),
		promise("unknown-service", "A service that ECS does not know is ErrNotFound.", checkUnknownService),
		promise("one-call", "SetDesired sends one UpdateService with cluster, service and desired count and nothing else.", checkOneCall),
		promise("effect", "The count that was sent is the one that Describe then shows.", checkEffect),
		promise("repeat", "Writing the same count twice is writing it once.", checkRepeat),
		promise("last-instant", "A permit is good up to its last instant.", checkLastInstant),
		promise("expired", "A permit that ran out is ErrClock, and nothing is sent.", checkExpired),
		promise("wall-clock", "A permit has run out when the wall clock says so, though the monotonic one stood still.", checkWallClock),
		promise("monotonic-clock", "A permit has run out when the monotonic clock says so, though the wall clock was set back.", checkMonotonicClock),
		promise("other-call", "A permit for another call is ErrClock, and nothing is sent.", checkOtherCall),
		promise("other-count", "A permit for another count is ErrClock, and nothing is sent.", checkOtherCount),
		promise("cancelled", "Under an ended context a call returns its error.", checkCancelledScaler),
	}
}

// permit allows the desired count given for the usual time from now.
func (h scaling) permit(desired int) autoscaler.Permit {
	return autoscaler.Permit{
		Call: autoscaler.CallSetDesired, Desired: desired, Reason: autoscaler.CodeScaledOut,
		NotAfter: h.Now.Add(autoscaler.PermitLife),
	}
}

// request asks for a desired count under a permit.
func (h scaling) request(desired int, permit autoscaler.Permit) autoscaler.SetDesired {
	return autoscaler.SetDesired{Service: h.Service, Desired: desired, Permit: permit}
}

// describe reads the service; an error ends the clause.
func (h scaling) describe(t clause.T) autoscaler.ServiceState {
	t.Helper()
	state, err := h.Scaler.Describe(t.Context(), h.Service)
	if err != nil {
		t.Fatalf("Describe: %v", err)
	}
	return state
}
