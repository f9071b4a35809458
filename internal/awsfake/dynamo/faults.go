package dynamo

import "math/rand/v2"

// Fault is what goes wrong with one request.
type Fault string

// The faults.
const (
	FaultNone     Fault = ""
	FaultThrottle Fault = "throttle"     // refused for the rate; nothing happens
	FaultInternal Fault = "internal"     // refused by an error of the server's own; nothing happens
	FaultConflict Fault = "conflict"     // refused for a transaction under way on the item
	FaultRequest  Fault = "lost request" // the connection breaks before anything happens
	FaultReply    Fault = "lost reply"   // the connection breaks after everything has happened
	FaultLate     Fault = "late"         // the connection breaks, and the effect comes some requests later
	FaultStale    Fault = "stale"        // a read that may be old is; a batch is answered in part
)

// SetFaults has f say what goes wrong with each request; nil for nothing. It is called
// under the server's lock and must not call the server.
func (s *Server) SetFaults(f func(operation string) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Before has f called before each request is looked at, outside the server's lock: it may
// make requests of its own, as another writer that is faster.
func (s *Server) Before(f func(operation string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Rates returns faults that happen by chance, each at its rate.
func Rates(seed uint64, rates map[Fault]float64) func(string) Fault {
	random := rand.New(rand.NewPCG(seed, 0xfa17))
	order := []Fault{FaultThrottle, FaultInternal, FaultConflict, FaultRequest, FaultReply, FaultLate, FaultStale}
	return func(string) Fault {
		at := random.Float64()
		for _, f := range order {
			if at -= rates[f]; at < 0 {
				return f
			}
		}
		return FaultNone
	}
}

// Release lets every effect that is late happen now.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, effect := range s.late {
		effect()
	}
	s.late = nil
}

// refusal is the error of a fault that refuses.
func (f Fault) refusal() *failure {
	switch f {
	case FaultThrottle:
		return &failure{status: 400, code: "ThrottlingException", message: "Throughput exceeds the current capacity of your table or index"}
	case FaultInternal:
		return &failure{status: 500, code: "InternalServerError", message: "Internal server error"}
	case FaultConflict:
		return &failure{status: 400, code: "TransactionConflictException", message: "Transaction is ongoing for the item"}
	case FaultNone, FaultRequest, FaultReply, FaultLate, FaultStale:
	}
	return nil
}
