package explore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// How many of each there is room for in a world.
const (
	maxTasks  = 3
	maxUsers  = 3
	maxActors = 3
)

// world is everything there is at one moment: what AWS, the store and the application
// hold, what is on its way, and how far each actor has come. It is comparable, and two
// moments are one state exactly if their worlds are equal: whatever is larger than a
// number is interned, so that equal things are one pointer.
type world struct {
	now     int32 // seconds since the beginning
	desired int8
	left    budget
	tasks   [maxTasks]task
	records [maxTasks]*record
	counts  *record         // a table's counts of what did not last; only its item
	beside  [maxTasks]*ends // what stands beside the records on a table
	// before is what each record was a write ago, as long as reads may be that old;
	// &nowhere where there was none, nil where that is no matter.
	before     [maxTasks]*record
	processes  [maxTasks]*process
	reports    [maxTasks]*report
	users      [maxUsers]user
	checkpoint *checkpoint
	actors     [maxActors]*local // nil between two runs of its program
	// On a table, what is under way for each user at its broker, what each process is
	// about at the store, and what an operator is.
	brokers  [maxUsers]*local
	posts    [maxTasks]*local
	operator *local
	late     late
	flight   *request // a write to a record that its sender has given up, and that will arrive
	// told is when each retired record was told of a session, 0 where it was not. It
	// steers nothing; the invariants need it.
	told [maxTasks]int32
}

// budget is what may yet befall the world; it makes the number of states finite.
type budget struct {
	passes, scaleOuts, reports, reopens, foreign, faults, lates, jumps, starts, stale int8
}

// phase is where ECS has a task.
type phase int8

const (
	absent phase = iota
	running
	stopped
)

// task is a task as ECS has it. A stop is one step: what happens between SIGTERM and
// the end is the application's.
type task struct {
	phase     phase
	protected int32 // until
	created   int32
	byCall    bool // it was stopped by StopTask
}

// record is a record of the store with its whole text, by which it is interned, and, on
// a table, the item that it stands in.
type record struct {
	*sessionstore.Record
	text string
	item attributes
}

// process is the one process of a task: what it knows of its admission, and of its
// protection as it was read back. What it serves stands with the users.
type process struct {
	machine   sessionstore.Process
	order     sessionstore.Order
	protected int32
}

// report is a report on its way to the store, or the answer to one on its way back.
type report struct {
	built    sessionstore.Report
	answered bool
	order    sessionstore.Order
}

// stage is how far a user has come.
type stage int8

const (
	away    stage = iota
	granted       // the store has granted the session; no process serves it yet
	live          // a process serves it
	untold        // it has ended, or was refused by the process, and nobody was told
	gone
)

// user is one session of one user, in its course.
type user struct {
	stage   stage
	task    int8
	stray   bool  // the process serves it without asking anybody
	unheard bool  // it is live, and the store has not been told
	void    int32 // when the grant is void unless it is served
}

// checkpoint is a checkpoint with its whole text, by which it is interned.
type checkpoint struct {
	autoscaler.Checkpoint
	text string
	item attributes
}

// late is a desired count that was sent in time and has not arrived yet.
type late struct {
	sent  bool
	value int
	began int32 // when the reads behind it began
}

// service is the one service there is.
var service = autoscaler.ServiceID{Cluster: "explored", Name: "service"}

// deployment is its only deployment.
const deployment = "primary"

// epoch is the beginning of a world.
func epoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func at(seconds int32) time.Time { return epoch().Add(time.Duration(seconds) * time.Second) }

// until is the end of a protection; zero for none.
func until(seconds int32) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return at(seconds)
}

func seconds(t time.Time) int32 { return int32(t.Sub(epoch()) / time.Second) }

// began is when the reads behind a permit began.
func began(p autoscaler.Permit) int32 { return seconds(p.NotAfter.Add(-autoscaler.PermitLife)) }

func (w *world) clock() time.Time { return at(w.now) }

// taskID names the task in a slot.
func taskID(slot int) autoscaler.TaskID { return [maxTasks]autoscaler.TaskID{"t0", "t1", "t2"}[slot] }

func ref(slot int) autoscaler.TaskRef {
	return autoscaler.TaskRef{Service: service, Task: taskID(slot)}
}

// slot is the reverse of taskID, -1 for a task that there is not.
func slot(id autoscaler.TaskID) int {
	for i := range maxTasks {
		if taskID(i) == id {
			return i
		}
	}
	return -1
}

func session(user int) sessionstore.SessionID {
	return [maxUsers]sessionstore.SessionID{"u0", "u1", "u2"}[user]
}

// serves counts the sessions that truly live on the task; strays are counted apart.
func (w *world) serves(slot int) (asked, strays int) {
	for _, u := range w.users {
		switch {
		case u.stage != live || int(u.task) != slot:
		case u.stray:
			strays++
		default:
			asked++
		}
	}
	return asked, strays
}

func (w *world) count(p phase) int {
	n := 0
	for _, t := range w.tasks {
		if t.phase == p {
			n++
		}
	}
	return n
}

// nowhere stands for no record in world.before.
var nowhere record

// interner makes equal values one pointer. A nil one keeps nothing: for worlds that are
// not compared.
type interner struct {
	records     map[string]*record
	checkpoints map[string]*checkpoint
	processes   map[process]*process
	reports     map[string]*report
	beside      map[string]*ends
}

func newInterner() *interner {
	return &interner{
		map[string]*record{}, map[string]*checkpoint{}, map[process]*process{}, map[string]*report{}, map[string]*ends{},
	}
}

// interned returns the value that is kept under the key, the one given if none is.
func interned[K comparable, V any](kept map[K]*V, key K, value V) *V {
	if v := kept[key]; v != nil {
		return v
	}
	kept[key] = &value
	return &value
}

func (in *interner) record(r *sessionstore.Record) *record {
	if in == nil {
		return &record{Record: r}
	}
	text := text(r)
	return interned(in.records, text, record{Record: r, text: text})
}

func (in *interner) checkpoint(c autoscaler.Checkpoint) *checkpoint {
	if in == nil {
		return &checkpoint{Checkpoint: c}
	}
	text := text(c)
	return interned(in.checkpoints, text, checkpoint{Checkpoint: c, text: text})
}

func (in *interner) process(p process) *process {
	if in == nil {
		return &p
	}
	return interned(in.processes, p, p)
}

func (in *interner) report(r report) *report {
	if in == nil {
		return &r
	}
	return interned(in.reports, fmt.Sprintf("%+v", r), r)
}

// text is a value's whole content. What cannot be written is a mistake in this package.
func text(v any) string {
	doc, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(doc)
}
