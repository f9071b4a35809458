package autoscaler

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// SnapshotVersion is the version that this module writes into snapshots.
const SnapshotVersion = 1

// Snapshot is everything a policy may know about a service at one instant. It
// is read-only: a policy that changes it, or keeps a part of it, is broken and
// fails the conformance suite. It round-trips through JSON.
type Snapshot struct {
	Version int       `json:"version"`
	Service ServiceID `json:"service"`
	At      time.Time `json:"at"` // in UTC, without a monotonic reading

	Limits  Limits  `json:"limits"`
	Control Control `json:"control"`

	ServiceDesired int             `json:"service_desired"` // ECS's desired count
	Running        int             `json:"running"`         // ECS's running count
	Pending        int             `json:"pending"`         // ECS's pending count
	Deployment     DeploymentState `json:"deployment"`

	Totals      Totals      `json:"totals"`
	Tasks       []Task      `json:"tasks"` // ordered by ID
	Demand      Demand      `json:"demand"`
	Utilization Utilization `json:"utilization,omitempty"`

	// Reaction is how long it may take until the policy is asked again once fewer
	// slots are free than the Room it asks for: seconds where the controller hears of
	// sessions as they begin, the interval of passes elsewhere. 0 is not known.
	Reaction time.Duration `json:"-"`

	// Memory is what the policy returned last time; nil on the first pass.
	Memory Memory `json:"memory,omitempty"`
}

// apart returns a snapshot that shares nothing with s which a policy could write to:
// what the guard judges a decision by is not in the policy's hands.
func (s Snapshot) apart() Snapshot {
	s.Tasks, s.Control.Pins = slices.Clone(s.Tasks), slices.Clone(s.Control.Pins)
	s.Utilization, s.Memory = maps.Clone(s.Utilization), slices.Clone(s.Memory)
	return s
}

// snapshotJSON gives Snapshot its JSON form: durations as seconds.
type snapshotJSON struct {
	plainSnapshot
	Reaction seconds `json:"reaction_s,omitempty"`
}

type plainSnapshot Snapshot

// MarshalJSON writes the snapshot with its reaction time in seconds.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	return json.Marshal(snapshotJSON{plainSnapshot(s), seconds(s.Reaction)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Snapshot) UnmarshalJSON(text []byte) error {
	var in snapshotJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*s = Snapshot(in.plainSnapshot)
	s.Reaction = time.Duration(in.Reaction)
	return nil
}

// Want returns a decision for n open tasks, with code as its reason.
func (s Snapshot) Want(n int, code Code) Decision {
	return Decision{Open: n, Memory: s.Memory, Reasons: []Reason{{Code: code, Severity: Info}}}
}

// Hold returns a decision for as many open tasks as there are now, counting
// those on their way, with code as its reason.
func (s Snapshot) Hold(code Code) Decision { return s.Want(s.Totals.Capacity(), code) }

// Abstain returns a decision that cannot tell: a combinator may ask the next
// policy, scale-in is blocked, and alone it holds. The reason is a notice.
func (s Snapshot) Abstain(code Code) Decision {
	d := s.Hold(code)
	d.Abstain, d.Reasons[0].Severity = true, Notice
	return d
}

// Limits bound how far a service is scaled. The zero value is refused by New.
type Limits struct {
	Min int `json:"min"` // fewest open and starting tasks; 0 allowed, 1 is usual
	Max int `json:"max"` // most open and starting tasks; at least Min and at least 1
	// MaxTotal bounds ECS's desired count, cordoned tasks included. 0 means 2 × Max.
	MaxTotal int `json:"max_total,omitempty"`
}

// Total returns MaxTotal with its default filled in.
func (l Limits) Total() int {
	if l.MaxTotal == 0 {
		return 2 * l.Max
	}
	return l.MaxTotal
}

// Clamp returns n within Min and Max.
func (l Limits) Clamp(n int) int { return min(max(n, l.Min), l.Max) }

// DeploymentState says whether ECS is replacing tasks. An unknown text is
// treated as a deployment under way, so scale-in holds.
type DeploymentState string

// The deployment states.
const (
	DeploymentSteady  DeploymentState = "steady"      // one deployment, completed
	DeploymentRolling DeploymentState = "in_progress" // old and new tasks together
	DeploymentFailed  DeploymentState = "failed"      // given up or rolling back
)

// Totals are counts over [Snapshot.Tasks], computed once so that a policy that
// needs no single task need not visit them.
type Totals struct {
	Open     int `json:"open"`
	Starting int `json:"starting"` // wanted running, not open yet
	Cordoned int `json:"cordoned"`
	Retired  int `json:"retired"`
	Unknown  int `json:"unknown"` // open or cordoned, occupancy unknown
	Idle     int `json:"idle"`    // open, known, zero sessions
	Sessions int `json:"sessions"`
	Slots    int `json:"slots"` // slots of open tasks
	Free     int `json:"free"`  // free slots of open tasks whose occupancy is known
}

// Capacity returns the open and starting tasks: what Limits bound.
func (t Totals) Capacity() int { return t.Open + t.Starting }

// Count replaces the totals by those of the tasks given, in one visit.
func (t *Totals) Count(tasks []Task) {
	*t = Totals{}
	for i := range tasks {
		task := &tasks[i]
		n, known := task.Occupancy.Sessions()
		t.Sessions += n
		switch task.State {
		case TaskNew:
			t.Starting++
		case TaskOpen:
			t.Open++
			t.Slots += task.Slots
			t.Free += task.Free()
			if task.Occupancy.Idle() {
				t.Idle++
			}
		case TaskCordoned:
			t.Cordoned++
		case TaskRetired:
			t.Retired++
		case TaskStopping, TaskGone:
		}
		if !known && (task.State == TaskOpen || task.State == TaskCordoned) {
			t.Unknown++
		}
	}
}

// Demand counts what users asked of the service since its first record began.
// The counts only grow, Waiting excepted; a policy takes differences by keeping
// the last ones in its memory.
type Demand struct {
	Arrivals   int64 `json:"arrivals"`   // sessions admitted or told
	Departures int64 `json:"departures"` // sessions ended
	Refusals   int64 `json:"refusals"`   // users turned away for want of a slot
	Waiting    int   `json:"waiting"`    // users waiting for a slot now; 0 where no broker tells
}

// Memory is a policy's state between two passes: one JSON value of at most
// 16 KiB for a whole composition. It is opaque to everything but its policy.
type Memory = json.RawMessage
