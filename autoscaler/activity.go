package autoscaler

import "time"

// TaskActivity is a task's record as a store shows it at one instant: who may
// enter, who is inside, and at which version that was so. It carries no
// session ids; those are the application's business.
type TaskActivity struct {
	Ref     TaskRef   `json:"ref"`
	Version int64     `json:"version"` // grows with every write to the record
	State   TaskState `json:"state"`   // new, open, cordoned, retired; never starting or stopping
	Level   Level     `json:"level,omitempty"`
	Foreign bool      `json:"foreign,omitempty"` // it belongs to another owner: never touched
	Adopted bool      `json:"adopted,omitempty"` // made by other than the task's own first report
	Slots   int       `json:"slots"`

	// Occupancy is known only where every process that should report has
	// reported in time.
	Occupancy Occupancy `json:"occupancy"`
	// Reserved is how many of those are reservations: slots held for sessions that
	// have not begun. 0 where the occupancy is unknown.
	Reserved int `json:"reserved,omitempty"`
	// Processes is the number of processes that report; 0 where none does.
	Processes int `json:"processes"`
	// Acknowledged says that nothing can enter the task any more without a write to
	// its record: every process has reported, after it read this drain, that it
	// admits nobody and holds no session; or, at level C, the barrier came through
	// and has settled.
	Acknowledged bool `json:"acknowledged,omitempty"`
	// Barrier is when the barrier of the drain under way came out of the queue that
	// carries the task's events: all that was sent before it has been applied. Zero
	// while it has not. It counts at level C only.
	Barrier time.Time `json:"barrier,omitzero"`
	// Bounded says that the host has promised how late the task's events may be. At
	// level C a task is never retired without.
	Bounded     bool `json:"bounded,omitempty"`
	NeverOpened bool `json:"never_opened,omitempty"`

	// ProtectedUntil is the end of the scale-in protection as it was last read
	// back and recorded; zero when none was.
	ProtectedUntil time.Time `json:"protected_until,omitzero"`
	// ExposedAt is when the task was marked as opening without protection.
	ExposedAt time.Time `json:"exposed_at,omitzero"`

	Registered time.Time `json:"registered,omitzero"`
	Opened     time.Time `json:"opened,omitzero"`      // when it last became open
	IdleSince  time.Time `json:"idle_since,omitzero"`  // when it last became empty
	LastReport time.Time `json:"last_report,omitzero"` // newest of any process

	Drain     Drain     `json:"drain,omitzero"`      // the drain under way, or the one that retired it
	RetiredAt time.Time `json:"retired_at,omitzero"` // when Retire was applied
}

// Exposed reports that the task is marked as open, or about to open, without
// protection.
func (a TaskActivity) Exposed() bool { return !a.ExposedAt.IsZero() }

// Drain is a drain as the record carries it.
type Drain struct {
	ID    DrainID   `json:"id,omitempty"`
	By    string    `json:"by,omitempty"` // the operator who asked; empty for the policy
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"` // the cordon's lease; see Records.Renew
	// Ending is when the sessions that are left will be ended by force, Forced when
	// they were; see ForcedEnds. Zero, as a rule: then sessions run out by themselves.
	Ending time.Time `json:"ending,omitzero"`
	Forced time.Time `json:"forced,omitzero"`
}

// Lapsed reports that the drain's lease has run out. A lapsed cordon is still
// closed: somebody has to reopen the task by a write.
func (d Drain) Lapsed(at time.Time) bool { return d.ID != "" && !at.Before(d.Until) }

// Activity is what a store knows of a service at one instant.
type Activity struct {
	Tasks  []TaskActivity // every record that is not a gravestone, ordered by task id
	Demand Demand
	// Now is the store's own time, as close as it can tell; zero where it cannot. A
	// controller whose clock is further from it than the skew bound scales nothing in.
	Now time.Time
}

// SkewBound is how far a clock may be from the store's own.
const SkewBound = 5 * time.Second

// ClockOff reports that the caller's clock, which showed asked before the read and
// answered after it, is further from the store's than SkewBound. Where the store does
// not tell its time nobody knows, and it does not.
func (a Activity) ClockOff(asked, answered time.Time) bool {
	if a.Now.IsZero() {
		return false
	}
	return a.Now.Before(asked.Add(-SkewBound)) || a.Now.After(answered.Add(SkewBound))
}

// ServiceState is what ECS says of a service: the counts, the deployments and
// every task that it lists. It may be a few seconds old; At is the start of the
// reads behind it.
type ServiceState struct {
	Service    ServiceID
	At         time.Time
	Status     string // ACTIVE, DRAINING, INACTIVE
	Scheduling string // REPLICA, DAEMON
	Controller string // ECS, CODE_DEPLOY, EXTERNAL

	Desired, Running, Pending int

	Deployments []Deployment
	Tasks       []TaskStatus // ordered by id; tasks of this service only, stopped ones of the last hour included

	// DeregistrationDelay is the longest of its target groups' delays, 0 when it
	// has none; StopTimeout the time that a task has after the stop signal.
	DeregistrationDelay, StopTimeout time.Duration
}

// Deployment is one deployment of a service, as DescribeServices shows it.
type Deployment struct {
	ID                        string
	Primary                   bool
	Rollout                   string // COMPLETED, IN_PROGRESS, FAILED
	Desired, Running, Pending int
}

// TaskStatus is one task as ECS and its balancer show it, in AWS's own words.
type TaskStatus struct {
	ID            TaskID
	Deployment    string // the deployment that started it: the task's startedBy
	Zone          string
	LastStatus    string // PROVISIONING … RUNNING … STOPPED
	DesiredStatus string // RUNNING or STOPPED
	Health        string // HEALTHY, UNHEALTHY or UNKNOWN
	StopCode      string // why it stopped: ServiceSchedulerInitiated, UserInitiated, …
	Missing       bool   // asked for by id and not known to ECS any more

	// ProtectedUntil is the end of its scale-in protection as just read; zero
	// when it has none or it was not read.
	ProtectedUntil time.Time
	// Target is the state of its balancer target, the most open one of its
	// groups: healthy, initial, unhealthy, draining, unused. Empty when the
	// service has no balancer or it was not read.
	Target string

	CreatedAt, StartedAt time.Time
}

// Wanted reports that ECS means the task to run, whatever it does at present.
func (t TaskStatus) Wanted() bool { return t.DesiredStatus == "RUNNING" && !t.Missing }

// Stopped reports that ECS says the task has stopped. A task that is missing
// has not been said to have stopped.
func (t TaskStatus) Stopped() bool { return t.LastStatus == "STOPPED" && !t.Missing }

// deployment condenses the deployments into the one question a policy asks.
func (s ServiceState) deployment() DeploymentState {
	steady := len(s.Deployments) == 1
	for _, d := range s.Deployments {
		if d.Rollout == "FAILED" {
			return DeploymentFailed
		}
		steady = steady && d.Rollout == "COMPLETED"
	}
	if steady {
		return DeploymentSteady
	}
	return DeploymentRolling
}

// primary returns the id of the deployment that new tasks are started for.
func (s ServiceState) primary() string {
	for _, d := range s.Deployments {
		if d.Primary {
			return d.ID
		}
	}
	return ""
}
