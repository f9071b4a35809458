package autoscaler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// TaskState is where a task stands. An unknown text (a newer writer's) is kept
// as it is and treated as busy: such a task is neither capacity nor a victim.
type TaskState string

// The states of a task. A record moves new ⇄ cordoned → retired, or
// new → open ⇄ cordoned → retired; nothing leads out of retired but gone.
const (
	TaskNew      TaskState = "new"      // registered or starting; admits nothing yet
	TaskOpen     TaskState = "open"     // admits sessions
	TaskCordoned TaskState = "cordoned" // being drained: admits nothing, may still hold sessions
	TaskRetired  TaskState = "retired"  // empty and closed for ever; ECS may stop it
	TaskStopping TaskState = "stopping" // ECS is stopping it, whoever asked
	TaskGone     TaskState = "gone"     // stopped; the record is a gravestone
)

// Level is how much an application does for its sessions' safety; see the
// package documentation. The zero value, and any unknown text, is level C.
type Level string

// The levels. An application declares its own when a task registers.
const (
	LevelA Level = "A" // awaits the answer to Begin before it serves a session
	LevelB Level = "B" // tells sessions, sees drains, closes admission, acknowledges
	LevelC Level = "C" // only sends start and end events
)

// Lower returns the weaker of two levels: a rule for a whole service takes the
// lowest level present.
func (l Level) Lower(other Level) Level {
	if l.rank() < other.rank() {
		return l
	}
	return other
}

func (l Level) rank() int {
	switch l {
	case LevelA:
		return 2
	case LevelB:
		return 1
	case LevelC:
		return 0
	}
	return 0
}

// DrainID names one drain of one task. It is chosen by the controller that
// cordons and is unique among all drains of the service.
type DrainID string

// Task is one task as a policy sees it: what ECS lists, joined with what its
// record says, all judged at [Snapshot.At].
type Task struct {
	ID        TaskID    `json:"id"`
	Zone      string    `json:"zone,omitempty"`
	Revision  string    `json:"revision,omitempty"` // the deployment that started it
	State     TaskState `json:"state"`
	Level     Level     `json:"level,omitempty"`
	Slots     int       `json:"slots"`     // sessions it has room for; 0 when its record does not say
	Occupancy Occupancy `json:"occupancy"` // stale or silent is unknown already here

	// Ages at Snapshot.At, computed once by Observe and never negative.
	Age       time.Duration `json:"-"` // since ECS created the task
	IdleFor   time.Duration `json:"-"` // since the last session ended or the task opened; 0 unless idle
	ReportAge time.Duration `json:"-"` // since the newest report; 0 where nothing reports
	OpenFor   time.Duration `json:"-"` // since it last became open; 0 when it never did

	Reports     bool    `json:"reports,omitempty"`    // whether its processes report at all
	Adopted     bool    `json:"adopted,omitempty"`    // the record was not made by the task itself
	Unrecorded  bool    `json:"unrecorded,omitempty"` // it has been running for a while and has no record
	Old         bool    `json:"old,omitempty"`        // of a revision that is being replaced
	Unhealthy   bool    `json:"unhealthy,omitempty"`
	NeverOpened bool    `json:"never_opened,omitempty"` // it has never been open, so it has never held a session
	Protected   bool    `json:"protected,omitempty"`
	Exposed     bool    `json:"exposed,omitempty"` // opened without protection because ECS refused it
	Pinned      bool    `json:"pinned,omitempty"`  // excluded from scale-in by an operator or a foreign protection
	Drain       DrainID `json:"drain,omitempty"`
	DrainBy     string  `json:"drain_by,omitempty"`    // the operator who asked; empty for the policy
	Ready       bool    `json:"ready,omitempty"`       // cordoned, empty and acknowledged: may be released
	Undrainable bool    `json:"undrainable,omitempty"` // level C, and nobody has bounded how late its events are: never retired
}

// Free returns the slots that a new session could take now: 0 unless the task
// is open and its occupancy known.
func (t Task) Free() int {
	n, known := t.Occupancy.Sessions()
	if t.State != TaskOpen || !known {
		return 0
	}
	return max(0, t.Slots-n)
}

// taskJSON gives Task its JSON form: durations as seconds, as everywhere here.
type taskJSON struct {
	plainTask
	Age       seconds `json:"age_s"`
	IdleFor   seconds `json:"idle_for_s"`
	ReportAge seconds `json:"report_age_s"`
	OpenFor   seconds `json:"open_for_s"`
}

type plainTask Task

// MarshalJSON writes the task with its ages in seconds.
func (t Task) MarshalJSON() ([]byte, error) {
	return json.Marshal(taskJSON{
		plainTask(t), seconds(t.Age), seconds(t.IdleFor), seconds(t.ReportAge), seconds(t.OpenFor),
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Task) UnmarshalJSON(text []byte) error {
	var in taskJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*t = Task(in.plainTask)
	t.Age, t.IdleFor = time.Duration(in.Age), time.Duration(in.IdleFor)
	t.ReportAge, t.OpenFor = time.Duration(in.ReportAge), time.Duration(in.OpenFor)
	return nil
}

// seconds is a duration that is a number of seconds in JSON, exact to the
// nanosecond: a float64 loses the last digits after a hundred days.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	whole, rest := time.Duration(s)/time.Second, time.Duration(s)%time.Second
	if rest == 0 {
		return fmt.Appendf(nil, "%d", whole), nil
	}
	return bytes.TrimRight(fmt.Appendf(nil, "%d.%09d", whole, rest), "0"), nil
}

func (s *seconds) UnmarshalJSON(text []byte) error {
	d, err := time.ParseDuration(string(text) + "s")
	if err != nil || d < 0 {
		return fmt.Errorf("autoscaler: %s: want a number of seconds, 0 or more", text)
	}
	*s = seconds(d)
	return nil
}
