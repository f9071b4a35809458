package incidents

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// What was unknown was taken for idle, for dead, or for surplus.

// terraform-aws-github-runner, issues 3802 and 4391: a host with two runners, or one
// that was slow to register, looked like an orphan while it ran a job.
//
// Here a task has two processes, one of which never reports. What it holds nobody
// knows, so the task is not idle, for as long as that lasts.
func TestIncident23SlowToRegister(t *testing.T) { onEachStore(t, incident23SlowToRegister) }

func incident23SlowToRegister(t on) {
	s := newScene(t, setting{tasks: 2, people: func(c *ecssim.ApplicationConfig) { c.Processes = 2 }})
	busy, half := s.visit(3*time.Hour), s.idle()
	mute := "task/" + string(half) + "/1"
	s.fail(ecssim.OpReport, ecssim.Before, func(call ecssim.Call) error {
		if call.Actor == mute {
			return errLost
		}
		return nil
	})
	s.pass(3 * time.Minute)
	s.want(1, half)
	s.pass(time.Hour)
	s.stays(busy, half)
	s.tells(autoscaler.CodeUnknownOccupancy)
}

// PyTorch's runners, issue 65978: a variable of the wrong scope made busy runners
// removable.
//
// Here a policy writes into what it was given: it makes every task of its snapshot
// idle, for long, and free. The guard has its own.
func TestIncident24SharedVariableMadeBusyRemovable(t *testing.T) {
	onEachStore(t, incident24SharedVariableMadeBusyRemovable)
}

func incident24SharedVariableMadeBusyRemovable(t on) {
	s := newScene(t, setting{tasks: 3})
	busy := []autoscaler.TaskID{s.visit(time.Hour), s.visit(time.Hour)}
	s.decide = func(now autoscaler.Snapshot) autoscaler.Decision {
		d := now.Want(0, "all are idle")
		for i := range now.Tasks {
			task := &now.Tasks[i]
			task.Occupancy, task.IdleFor, task.Pinned, task.Ready = autoscaler.Sessions(0), 24*time.Hour, false, true
			d.Remove = append(d.Remove, task.ID)
		}
		return d
	}
	s.pass(30 * time.Minute)
	s.stays(busy...)
	for _, task := range busy {
		if a := s.record(task); a.State != autoscaler.TaskOpen {
			t.Errorf("%s is %s", task, a.State)
		}
	}
	if n := len(s.tasks()); n != 2 {
		t.Errorf("%d tasks run, want the 2 that are busy", n)
	}
}

// GitLab Runner, issues 39380 and 39811, and its AWS fleeting plug-in, issue 71: a
// runner with a new token, or a second one, saw the machines of the other as unknown
// and removed those that were busy.
//
// Here another owner's controller looks at the service. It touches no record that is
// not its own, whatever its policy wants.
func TestIncident25SecondOwnerPrunesTheFirstOnes(t *testing.T) {
	onEachStore(t, incident25SecondOwnerPrunesTheFirstOnes)
}

func incident25SecondOwnerPrunesTheFirstOnes(t on) {
	s := newScene(t, setting{tasks: 3})
	busy := s.visit(2 * time.Hour)
	other := s.as("somebody-else")
	before := s.record(busy)
	idle := s.record(s.idle())
	for range 40 {
		// Its passes hold, or fail; they do not act.
		_, _ = other.Reconcile(t.Context())
		s.c.RunFor(between)
	}
	s.stays(busy, idle.Ref.Task)
	for _, was := range []autoscaler.TaskActivity{before, idle} {
		if now := s.record(was.Ref.Task); now.State != was.State || now.Drain != was.Drain {
			t.Errorf("another owner's controller has written the record: %+v", now)
		}
	}
	if d := s.desired(); d != 3 {
		t.Errorf("desired %d, want 3", d)
	}
}

// Woodpecker's autoscaler, issue 396: agents that had just been created were deleted at
// once, since nobody had heard of them yet.
//
// Here tasks start and take ten minutes until their first report. They are neither
// surplus nor dead meanwhile.
func TestIncident26FreshIsNotUnknown(t *testing.T) { onEachStore(t, incident26FreshIsNotUnknown) }

func incident26FreshIsNotUnknown(t on) {
	s := newScene(t, setting{tasks: 2})
	busy := s.visit(2 * time.Hour)
	s.want(4)
	quiet := true
	known := map[autoscaler.TaskID]bool{}
	for _, task := range s.tasks() {
		known[task.ID] = true
	}
	s.fail(ecssim.OpReport, ecssim.Before, func(call ecssim.Call) error {
		if quiet && !known[call.Task] {
			return errLost
		}
		return nil
	})
	s.pass(4 * time.Minute)
	var fresh []autoscaler.TaskID
	for _, task := range s.tasks() {
		if !known[task.ID] {
			fresh = append(fresh, task.ID)
		}
	}
	s.want(1)
	s.pass(6 * time.Minute)
	s.stays(append(fresh, busy)...)
	if len(fresh) != 2 {
		t.Errorf("%d tasks were started, want 2", len(fresh))
	}
	quiet = false
	s.pass(40 * time.Minute)
	if n := len(s.tasks()); n != 1 {
		t.Errorf("%d tasks run once all have reported, want 1", n)
	}
}

// Spacelift's pool, as its code reads: members that were drained or badly
// described counted as stray and were ended after ten minutes.
//
// Here ECS's answers leave one busy task out for eight minutes. A task that a listing
// lacks has not stopped.
func TestIncident27StrayAfterTenMinutes(t *testing.T) { onEachStore(t, incident27StrayAfterTenMinutes) }

func incident27StrayAfterTenMinutes(t on) {
	lacking := &lacking{}
	s := newScene(t, setting{tasks: 3, control: func(c *autoscaler.Config) {
		lacking.Scaler = c.Scaler
		c.Scaler = lacking
	}})
	busy := s.visit(3 * time.Hour)
	s.want(2)
	lacking.task = busy
	s.pass(8 * time.Minute)
	if a := s.record(busy); a.State != autoscaler.TaskOpen || a.Occupancy != autoscaler.Sessions(1) {
		t.Errorf("the record of a task that a listing lacked: %+v", a)
	}
	lacking.task = ""
	s.pass(20 * time.Minute)
	s.stays(busy)
	if n := len(s.tasks()); n != 2 {
		t.Errorf("%d tasks run, want 2", n)
	}
}

// lacking is a scaler whose answers leave a task out, as answers that lag do.
type lacking struct {
	autoscaler.Scaler
	task autoscaler.TaskID
}

func (l *lacking) Describe(ctx context.Context, id autoscaler.ServiceID) (autoscaler.ServiceState, error) {
	state, err := l.Scaler.Describe(ctx, id)
	state.Tasks = slices.DeleteFunc(slices.Clone(state.Tasks), func(t autoscaler.TaskStatus) bool { return t.ID == l.task })
	return state, err
}

// GitHub's Actions Runner Controller, issue 3748: a runner's registration vanished in
// the middle of its job, and "forbidden" was read as "gone".
//
// Here every read of the sessions fails, in turn with every reason an API has. None of
// them is an empty service.
func TestIncident28ForbiddenIsNotGone(t *testing.T) { onEachStore(t, incident28ForbiddenIsNotGone) }

func incident28ForbiddenIsNotGone(t on) {
	for _, failure := range []error{
		errLost, errors.New("AccessDeniedException: forbidden"), autoscaler.ErrNotFound, autoscaler.ErrGone, autoscaler.ErrForeign,
	} {
		for _, op := range []ecssim.Op{ecssim.OpActivity, ecssim.OpDescribe, ecssim.OpList} {
			s := newScene(t, setting{tasks: 3})
			busy := []autoscaler.TaskID{s.visit(2 * time.Hour), s.visit(2 * time.Hour)}
			s.want(0)
			failing := true
			s.fail(op, ecssim.Before, func(call ecssim.Call) error {
				if failing && call.Actor != "user" {
					return failure
				}
				return nil
			})
			s.pass(30 * time.Minute)
			s.stays(busy...)
			if d := s.desired(); d < 2 {
				t.Errorf("%s: %v: desired %d", op, failure, d)
			}
			for _, task := range busy {
				if a := s.record(task); a.State == "" || a.Occupancy != autoscaler.Sessions(1) {
					t.Errorf("%s: %v: the record of a task that is busy: %+v", op, failure, a)
				}
			}
			failing = false
			s.pass(20 * time.Minute)
			s.stays(busy...)
		}
	}
}

// Jitsi's autoscaler, by its own review of risks: where metrics fail the load reads as
// zero, and the service scales down.
//
// Here the metrics fail, while the policy follows nothing else. It abstains, and what
// is there stays.
func TestIncident29NoMetricIsNoLoad(t *testing.T) { onEachStore(t, incident29NoMetricIsNoLoad) }

func incident29NoMetricIsNoLoad(t on) {
	s := newScene(t, setting{tasks: 4, slots: 10, control: func(c *autoscaler.Config) { c.Utilization = failingMetrics{} }})
	busy := s.visit(2 * time.Hour)
	s.decide = policy.Threshold{}.Decide
	s.pass(40 * time.Minute)
	s.stays(busy)
	if n, cordons := len(s.tasks()), s.count(ecssim.OpCordon); n != 4 || cordons > 0 {
		t.Errorf("%d tasks run after %d cordons, want 4 after none", n, cordons)
	}
}

// Agones, issue 607: the answer to an allocation was lost, and the server stayed
// allocated for ever without anybody using it.
//
// Here a broker reserves a slot and is never heard of again. The reservation ends by
// itself, the task drains and goes.
func TestIncident30AllocatedForEver(t *testing.T) { onEachStore(t, incident30AllocatedForEver) }

func incident30AllocatedForEver(t on) {
	s := newScene(t, setting{tasks: 2})
	busy, held := s.visit(2*time.Hour), s.idle()
	s.reserve(held, 10*time.Minute)
	s.want(1, held)
	s.pass(8 * time.Minute)
	s.stays(busy, held)
	s.pass(20 * time.Minute)
	s.stays(busy)
	s.goes(held)
}

// Azure's remote desktop templates, issues 273 and 509: after a host was shut down its
// sessions lived on in the broker's books, and their users could not log on anywhere.
//
// Here a task with a session crashes. Its record is closed, the session is told to have
// ended with it, and the user finds another task.
func TestIncident31GhostSessions(t *testing.T) { onEachStore(t, incident31GhostSessions) }

func incident31GhostSessions(t on) {
	s := newScene(t, setting{tasks: 2})
	var session sessionstore.SessionID
	s.at(ecssim.OpBegin, ecssim.After, func(call ecssim.Call) {
		if req, ok := call.Args.(sessionstore.BeginRequest); ok {
			session = req.Session
		}
	})
	task := s.visit(3 * time.Hour)
	if err := s.c.Crash(s.ref(task)); err != nil {
		t.Fatal(err)
	}
	s.pass(10 * time.Minute)
	found, err := s.raw.Find(t.Context(), s.id, session)
	if err != nil || found.State != sessionstore.SessionEnded {
		t.Errorf("the session of a task that is gone: %+v, %v", found, err)
	}
	if again := s.visit(time.Hour); again == task {
		t.Errorf("the user is on %s, which has crashed", again)
	}
}
