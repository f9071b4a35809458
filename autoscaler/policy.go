package autoscaler

// Policy decides how many open tasks a service should have.
//
// Guarantee: Decide is a pure, total function of the snapshot. It has no clock,
// no I/O, no logger and no error; the same snapshot gives the same decision and
// memory today and in a replay; what it cannot decide is an abstention with a
// reason. It changes nothing it is given.
//
// Concurrency: a policy value is shared by every controller it was given to, so
// Decide runs from many goroutines at once and keeps its state in the returned
// memory alone.
//
// Idempotency: deciding twice on one snapshot is deciding once, whatever order
// the tasks were collected in.
//
// Cancellation: none; a decision takes microseconds and is never abandoned.
//
// Errors: none; an unusable snapshot (unknown occupancies, no metrics, no
// tasks) is an ordinary input, and a panic is a broken policy.
//
// Suite: autoscalertest.TestPolicy holds a policy to all of this.
type Policy interface {
	// Name is the policy's name in reasons and reports: short, lower case,
	// constant for a value, and non-empty.
	Name() string
	Decide(Snapshot) Decision
}

// Decision is what a policy wants. The guard has the last word on it.
type Decision struct {
	// Open is the number of open tasks wanted, those on their way included.
	Open int `json:"open"`
	// Abstain says that the policy cannot tell. Alone it holds; see Snapshot.Abstain.
	Abstain bool `json:"abstain,omitempty"`
	// Remove names tasks to drain if they are still idle. When Open is below
	// what there is and Remove and Empty are nil, the controller picks idle tasks.
	Remove []TaskID `json:"remove,omitempty"`
	// Empty names tasks to drain even while sessions live: they run out on
	// their own, and nothing is cut. Where Config.Emptying does not allow that they
	// are drained if they are idle now. Neither waits for Timing.IdleFor or
	// Timing.Cooldown: a policy that names them so has weighed when.
	Empty []TaskID `json:"empty,omitempty"`
	// Reopen names cordoned tasks to prefer when capacity is wanted back.
	Reopen []TaskID `json:"reopen,omitempty"`
	// Keep names cordoned tasks that are not to be released yet, however empty:
	// they can be reopened at once, and one that is released cannot.
	Keep []TaskID `json:"keep,omitempty"`
	// Room is how many free slots of open tasks the policy wants at the least. A
	// controller that hears of fewer makes a pass before its turn; see
	// Controller.Taken. 0 asks for none.
	Room int `json:"room,omitempty"`
	// Reasons is never empty.
	Reasons []Reason `json:"reasons"`
	// Memory is handed back in the next snapshot. To keep what there was,
	// return Snapshot.Memory, as Want, Hold and Abstain do.
	Memory Memory `json:"memory,omitempty"`
}

// MemoryLimit bounds a policy's memory, in bytes, a whole composition together.
const MemoryLimit = 16 << 10

// VictimOrder ranks candidates for a drain on one snapshot: the comparison that
// it returns is negative when a is to go before b, and zero when it does not
// care. Candidates are sorted stably from the order of their ids, so an order
// that never cares is deterministic too. It is pure, as a policy is.
type VictimOrder func(Snapshot) func(a, b Task) int
