package autoscaler

import "time"

// ReleaseVersion is the version that this module writes into releases.
const ReleaseVersion = 1

// ReleaseID names one release of one service.
type ReleaseID string

// ReleaseRequest asks for the release of tasks whose drains are finished, or,
// where the balancer goes first, of tasks that are cordoned and idle.
type ReleaseRequest struct {
	Service ServiceID
	Tasks   []TaskRef
}

// Phase is the part of a release that is under way: one state of a state
// machine, however many calls it takes. An unknown text is a newer writer's and
// is left alone.
type Phase string

// The phases, in order.
const (
	PhaseBalancer Phase = "balancer" // waiting for targets to drain; only where the balancer goes first
	PhaseRelease  Phase = "release"  // gate, protection, retire, unprotect, lower desired
	PhaseWatch    Phase = "watch"    // waiting for the retired tasks to stop
	PhaseDone     Phase = "done"     // over; see Outcome
)

// Outcome says how a release ended.
type Outcome string

// The outcomes.
const (
	OutcomeReleased  Outcome = "released"  // every retired task has stopped
	OutcomeAborted   Outcome = "aborted"   // nothing was retired; the drains go on
	OutcomeCancelled Outcome = "cancelled" // by Cancel; stands in the journal only, since the checkpoint then holds no release
	OutcomeStuck     Outcome = "stuck"     // a retired task has not stopped within its bound
)

// Release is one batch on its way out: data that any process can take up, since
// what it does next is computed from the records and not from this.
type Release struct {
	Version int       `json:"version"`
	ID      ReleaseID `json:"id"`
	Service ServiceID `json:"service"`
	Tasks   []TaskID  `json:"tasks"`
	Phase   Phase     `json:"phase"`
	Started time.Time `json:"started"`
	// NextAt is when the next look is due; zero for at once.
	NextAt  time.Time `json:"next_at,omitzero"`
	Steered []Steered `json:"steered,omitempty"`
	Ending  []Ending  `json:"ending,omitempty"`
	Outcome Outcome   `json:"outcome,omitempty"`
	Reasons []Reason  `json:"reasons,omitempty"` // of the last step
	// Entries is how many entries it has had for the journal, those that were left
	// out for EntriesPerRelease included.
	Entries int `json:"entries,omitempty"`
	// Marked are the barriers that were sent for its tasks at level C.
	Marked []Marked `json:"marked,omitempty"`
}

// Marked is a task whose drain's barrier was sent through its event queue, and
// when last.
type Marked struct {
	Task  TaskID    `json:"task"`
	Drain DrainID   `json:"drain"`
	At    time.Time `json:"at"`
}

// Steered is a task that was deregistered by hand, how often, and when last.
type Steered struct {
	Task     TaskID    `json:"task"`
	At       time.Time `json:"at"`
	Attempts int       `json:"attempts"`
}

// Ending is a retired task that ECS was seen to be stopping, or not to know,
// and since when: the two clocks that a task's own description does not carry.
type Ending struct {
	Task    TaskID    `json:"task"`
	Since   time.Time `json:"since"`
	Missing bool      `json:"missing,omitempty"`
}
