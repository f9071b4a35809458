package ecssim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// status is a task's lastStatus, in the order of its life.
type status int8

const (
	provisioning status = iota
	pending
	activating
	running
	deactivating
	stopping
	deprovisioning
	stopped
)

var statusText = [...]string{
	"PROVISIONING", "PENDING", "ACTIVATING", "RUNNING",
	"DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED",
}

func (s status) String() string { return statusText[s] }

// AWS's stop codes, as far as they are simulated.
const (
	stoppedByScheduler = "ServiceSchedulerInitiated"
	stoppedByUser      = "UserInitiated"
	stoppedByExit      = "EssentialContainerExited"
	stoppedAtStart     = "TaskFailedToStart"
)

// stoppedVisible is how long ECS shows a stopped task; after it the task is MISSING.
const stoppedVisible = time.Hour

// task is one simulated task.
type task struct {
	s          *service
	id         autoscaler.TaskID
	deployment *deployment
	zone       int
	status     status
	wanted     bool // desiredStatus RUNNING
	unhealthy  bool
	stopCode   string
	version    int64

	created, started, ended int64 // ended is the instant of STOPPED
	protectedUntil          int64
	target                  target
	// The truth behind metrics and routing, and no part of any decision of ECS's.
	sessions int  // live ones, told by the application that runs on it
	bared    bool // somebody else took its protection away, or stopped it
	spared   bool // it was protected when it was told to stop
	ill      bool // it was unhealthy when it was told to stop
}

// protected reports scale-in protection at the present instant.
func (t *task) protected() bool { return t.protectedUntil > t.s.c.now }

// ready reports that the task counts as running for a deployment: its target,
// where it has one, has passed its first health check.
func (t *task) ready() bool {
	return t.wanted && t.status == running && !t.unhealthy && (t.s.cfg.NoBalancer || t.target.state == targetHealthy)
}

// launch creates a task for a deployment, in the zone with the fewest.
func (s *service) launch(d *deployment) *task {
	t := &task{
		s: s, id: s.newID(), deployment: d, zone: s.emptiestZone(), wanted: true,
		created: s.c.now, started: never, ended: never, protectedUntil: never,
	}
	// Kept in the order of ids, so that no listing has to sort, and nothing that
	// loops over tasks depends on a map.
	s.byID[t.id] = t
	at, _ := slices.BinarySearchFunc(s.tasks, t.id, func(o *task, id autoscaler.TaskID) int {
		return strings.Compare(string(o.id), string(id))
	})
	s.tasks = slices.Insert(s.tasks, at, t)
	t.announce()
	return t
}

// newID returns an id in ECS's form, 32 hexadecimal digits that say nothing of
// the task's age.
func (s *service) newID() autoscaler.TaskID {
	return autoscaler.TaskID(fmt.Sprintf("%016x%016x", s.ids.Uint64(), s.ids.Uint64()))
}

// begin plans the task's way to RUNNING. The parts of the start are fixed shares
// of its whole: only the sum is in the model.
func (t *task) begin() {
	total := t.s.cfg.StartTime.draw(t.s.times)
	t.moveAfter(total/4, pending)
	t.moveAfter(total*3/4, activating)
	t.s.c.after(total, func() {
		if t.wanted {
			t.run()
		}
	})
}

// moveAfter plans a step of the start, which a stop cancels.
func (t *task) moveAfter(d int64, to status) {
	t.s.c.after(d, func() {
		if t.wanted {
			t.move(to)
		}
	})
}

// run makes the task RUNNING, or fails its start.
func (t *task) run() {
	if fail := t.s.cfg.FailStart; fail != nil && fail(t.s.c.instant(t.s.c.now), t.id) {
		t.s.log("failed to start task %s.", t.id)
		t.stop(stoppedAtStart)
		return
	}
	// Health counts from the balancer; a service without one is ready at once.
	t.started = t.s.c.now
	t.move(running)
	t.register()
	t.s.kick()
}

// stop ends the task: ECS means it to stop from now on. Only the scheduler drains
// the balancer first; StopTask and a crash do not.
func (t *task) stop(code string) {
	if !t.wanted {
		return
	}
	// desiredStatus changes at once and lastStatus follows: between the two a
	// task still runs, and a listing of the running no longer shows it.
	t.spared, t.ill = t.protected(), t.unhealthy
	t.wanted, t.stopCode, t.protectedUntil = false, code, never
	t.s.kick()
	switch {
	case code == stoppedByExit:
		t.deregister()
		t.exit()
	// A task that never ran has no target and no process to signal.
	case t.status < running:
		t.exit()
	case code == stoppedByScheduler && t.target.registered():
		t.deregister()
		t.move(deactivating)
		t.s.c.after(max(0, t.target.drainedAt-t.s.c.now), t.signal)
	default:
		t.deregister()
		t.signal()
	}
}

// signal is SIGTERM: the application has StopTimeout to exit.
func (t *task) signal() {
	t.move(stopping)
	t.s.c.after(min(t.s.cfg.ExitTime.draw(t.s.times), int64(t.s.cfg.StopTimeout)), t.exit)
}

// exit is the end of the task's processes, and of every session on it.
func (t *task) exit() {
	t.move(deprovisioning)
	t.s.c.after(t.s.cfg.Deprovisioning.draw(t.s.times), func() {
		t.ended = t.s.c.now
		t.move(stopped)
		t.s.kick()
		t.s.c.after(int64(stoppedVisible), func() { t.s.drop(t) })
	})
}

// move changes the lastStatus and tells who listens.
func (t *task) move(to status) {
	// The counts are kept up here and nowhere else, so that a metric costs
	// nothing however many tasks there are.
	if t.status == running && to != running {
		t.s.live -= t.sessions
		t.s.running--
	}
	if to == running {
		t.s.running++
		t.s.live += t.sessions
	}
	t.status = to
	t.announce()
}

// announce tells the subscribers of the task's present status. They run after the
// change, outside the lock, so that they may call back.
func (t *task) announce() {
	t.version++
	t.s.dirty = true
	if len(t.s.c.watchers)+len(t.s.c.listeners) == 0 {
		return
	}
	change := t.change()
	for _, f := range t.s.c.watchers {
		t.s.c.agenda.push(t.s.c.now, false, func() { f(change) })
	}
	for _, f := range t.s.c.listeners {
		t.s.c.deliver(change, f)
	}
}

func (t *task) change() TaskChange {
	return TaskChange{
		At: t.s.c.instant(t.s.c.now), Ref: autoscaler.TaskRef{Service: t.s.cfg.ID, Task: t.id},
		LastStatus: t.status.String(), DesiredStatus: t.desiredStatus(), StopCode: t.stopCode,
		Deployment: t.deployment.id, CreatedAt: t.s.c.instant(t.created), Sessions: t.sessions, Version: t.version,
		Unhealthy: t.unhealthy || t.ill, Spared: t.spared, ByOthers: t.bared,
	}
}

func (t *task) desiredStatus() string {
	if t.wanted {
		return "RUNNING"
	}
	return "STOPPED"
}

// drop forgets a task that ECS no longer shows.
func (s *service) drop(t *task) {
	delete(s.byID, t.id)
	if i := slices.Index(s.tasks, t); i >= 0 {
		s.tasks = slices.Delete(s.tasks, i, i+1)
	}
	s.dirty = true
}

// show returns the task as DescribeTasks does, with its protection; the target is
// left out.
func (t *task) show() autoscaler.TaskStatus {
	c := t.s.c
	out := autoscaler.TaskStatus{
		ID: t.id, Deployment: t.deployment.id, Zone: zoneName(t.zone),
		LastStatus: t.status.String(), DesiredStatus: t.desiredStatus(),
		Health: "HEALTHY", StopCode: t.stopCode,
		CreatedAt: c.instant(t.created), StartedAt: c.instant(t.started),
	}
	switch {
	case t.unhealthy:
		out.Health = "UNHEALTHY"
	case t.status < running:
		out.Health = "UNKNOWN"
	}
	if t.protected() {
		out.ProtectedUntil = c.instant(t.protectedUntil)
	}
	return out
}

// zoneName names a zone. The names are cut from one string, since every listing
// of every task asks for one.
func zoneName(i int) string {
	const names = "zone-azone-bzone-czone-dzone-ezone-f"
	const width = len("zone-a")
	if i*width >= len(names) {
		return fmt.Sprintf("zone-%d", i)
	}
	return names[i*width : (i+1)*width]
}
