package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Config is what a [Runner] is made of. Tasks, Scaler, Sessions, Records and
// State are required; they are the contracts of the services that the runner is
// asked about, the same that their controllers have.
type Config struct {
	Tasks    Tasks
	Scaler   autoscaler.Scaler
	Sessions autoscaler.SessionStore
	Records  autoscaler.Records
	State    autoscaler.StateStore
	// Journal, when not nil, is told of every effect. One that fails stops
	// nothing and is a reason in the release.
	Journal autoscaler.Journal
	// Veto, when not nil, is asked right before a task is retired. An error
	// keeps the task, with the error's text as the reason. It may be asked about
	// the same task again.
	Veto func(ctx context.Context, e Evidence) error
	// Events, when not nil, is the queue that carries the events of tasks at level C.
	// Without it no task at level C is released.
	Events Events
	// LoadBalancerFirst takes a task out of its target groups and waits for the
	// delay before anything else. For tasks without sessions. At level C it is always
	// so.
	LoadBalancerFirst bool
	Timing            Timing
	// Concurrency bounds the services that are advanced at once; the others wait for
	// their turn. Default 8: AWS's rates are per account, not per service.
	Concurrency int
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Runner carries out releases within the calling process. It holds nothing
// between two calls: a release is data on the service's checkpoint, and what is
// left to do stands in the records, so any number of runners, in any processes,
// may be called about the same service. All methods are safe for concurrent use.
type Runner struct {
	cfg     Config
	options Options
	turns   *semaphore.Weighted
	// trace hears of every action; tests hold it to the plan.
	trace func(Action)
}

var _ autoscaler.DrainWorkflow = (*Runner)(nil)

// New returns a runner, or everything that is wrong with the configuration in
// one error. It makes no call.
func New(cfg Config) (*Runner, error) {
	if err := errors.Join(cfg.problems()...); err != nil {
		return nil, &autoscaler.Error{Op: "workflow.New", Err: err}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Runner{
		cfg: cfg,
		options: Options{
			Timing: cfg.Timing.withDefaults(), LoadBalancerFirst: cfg.LoadBalancerFirst, Events: cfg.Events != nil,
		},
		turns: semaphore.NewWeighted(int64(cmp.Or(cfg.Concurrency, 8))),
		trace: func(Action) {},
	}, nil
}

func (c Config) problems() []error {
	var all []error
	for _, field := range []struct {
		name   string
		absent bool
		give   string
	}{
		{"Tasks", c.Tasks == nil, "the cluster"},
		{"Scaler", c.Scaler == nil, "the cluster"},
		{"Sessions", c.Sessions == nil, "the session store"},
		{"Records", c.Records == nil, "the session store"},
		{"State", c.State == nil, "the store of checkpoints"},
	} {
		if field.absent {
			all = append(all, fmt.Errorf("%s is nil; give %s", field.name, field.give))
		}
	}
	if c.Concurrency < 0 {
		all = append(all, fmt.Errorf("field Concurrency is %d; use 1 or more, or leave it 0 for 8", c.Concurrency))
	}
	t := c.Timing
	for _, d := range []time.Duration{t.Lifetime, t.Margin, t.SelfClear, t.Chosen, t.StopSlack, t.Missing, t.Look, t.Alarm, t.Grace} {
		if d < 0 {
			all = append(all, fmt.Errorf("Timing holds %s; give durations above zero, or zero for the defaults", d))
		}
	}
	if full := t.withDefaults(); full.Lifetime <= full.Margin {
		all = append(all, fmt.Errorf("Timing.Lifetime %s is not above Timing.Margin %s; no protection would ever count", full.Lifetime, full.Margin))
	}
	return all
}

// joinAttempts bounds how often Release and Cancel try again after another
// process has saved the checkpoint first.
const joinAttempts = 5

// Release starts a release of the tasks given, or adds them to the one under
// way. It saves that and does nothing else; Advance carries it out.
func (r *Runner) Release(ctx context.Context, req autoscaler.ReleaseRequest) (autoscaler.Release, error) {
	fail := func(err error, hint string) (autoscaler.Release, error) {
		return autoscaler.Release{}, &autoscaler.Error{Op: "workflow.Release", Ref: req.Service.String(), Hint: hint, Err: err}
	}
	tasks, err := requested(req)
	if err != nil {
		return fail(err, "name tasks of this service whose drains are finished")
	}
	for range joinAttempts {
		c, err := r.cfg.State.LoadCheckpoint(ctx, req.Service)
		if err != nil {
			return fail(err, "")
		}
		release, changed := r.joined(c, req.Service, tasks)
		if !changed {
			return release, nil
		}
		// The revision decides between two processes that begin a release at once;
		// the loser joins the winner's.
		c.Release = &release
		_, err = r.cfg.State.SaveCheckpoint(ctx, c)
		switch {
		case err == nil:
			return release, nil
		case !errors.Is(err, autoscaler.ErrConflict):
			return fail(err, "")
		}
	}
	return fail(autoscaler.ErrConflict, "others save this service's checkpoint all the time; the next pass asks again")
}

// requested returns the ids of a request, each once, in order.
func requested(req autoscaler.ReleaseRequest) ([]autoscaler.TaskID, error) {
	if len(req.Tasks) == 0 {
		return nil, errors.New("no task is named")
	}
	var tasks []autoscaler.TaskID
	for _, ref := range req.Tasks {
		if ref.Service != req.Service || ref.Task == "" {
			return nil, fmt.Errorf("task %q is not of this service", ref)
		}
		tasks = append(tasks, ref.Task)
	}
	slices.Sort(tasks)
	return slices.Compact(tasks), nil
}

// joined returns the release that the tasks are part of, and whether it is new
// or has changed. Tasks that are asked for again have become ready since, or
// had dropped out: the release is due at once, except where it waits for targets.
// A release of a newer writer is left as it is.
func (r *Runner) joined(c autoscaler.Checkpoint, service autoscaler.ServiceID, tasks []autoscaler.TaskID) (autoscaler.Release, bool) {
	first := autoscaler.PhaseRelease
	if r.options.LoadBalancerFirst {
		first = autoscaler.PhaseBalancer
	}
	if c.Release == nil {
		return started(c, service, tasks, first, r.now()), true
	}
	release := *c.Release
	if !understood(release) {
		return release, false
	}
	all := union(release.Tasks, tasks)
	waits := release.Phase != autoscaler.PhaseBalancer && release.NextAt.After(r.now())
	if len(all) == len(release.Tasks) && !waits {
		return release, false
	}
	release.Tasks, release.Phase, release.NextAt = all, first, time.Time{}
	return release, true
}

// now is the clock without its monotonic reading, for instants that are stored:
// read back, they compare equal.
func (r *Runner) now() time.Time { return r.cfg.Now().Round(0) }

// started returns a new release. Its id is unique for the service, since two of
// them cannot be saved on the same revision.
func started(
	c autoscaler.Checkpoint, service autoscaler.ServiceID, tasks []autoscaler.TaskID, phase autoscaler.Phase, at time.Time,
) autoscaler.Release {
	return autoscaler.Release{
		Version: autoscaler.ReleaseVersion, Service: service, Tasks: tasks, Phase: phase, Started: at,
		ID: autoscaler.ReleaseID(fmt.Sprintf("r-%d-%d", at.UnixMilli(), c.Revision)),
	}
}

// understood reports that the release is one that this version can carry on.
func understood(release autoscaler.Release) bool {
	switch release.Phase {
	case autoscaler.PhaseBalancer, autoscaler.PhaseRelease, autoscaler.PhaseWatch:
		return release.Version <= autoscaler.ReleaseVersion
	case autoscaler.PhaseDone:
	}
	return false
}

// Cancel ends a release before anything of it is irreversible, and puts its
// targets back. The drains go on: reopening is the controller's business. It
// fails with ErrNotFound where the release is not under way, and with ErrRetired
// once one of its tasks is retired.
func (r *Runner) Cancel(ctx context.Context, service autoscaler.ServiceID, id autoscaler.ReleaseID) error {
	fail := func(err error, hint string) error {
		return &autoscaler.Error{Op: "workflow.Cancel", Ref: service.String() + "/" + string(id), Hint: hint, Err: err}
	}
	for range joinAttempts {
		c, err := r.cfg.State.LoadCheckpoint(ctx, service)
		if err != nil {
			return fail(err, "")
		}
		if c.Release == nil || c.Release.ID != id {
			return fail(autoscaler.ErrNotFound, "this release is not under way; it may have ended")
		}
		if err := r.revocable(ctx, *c.Release); err != nil {
			return fail(err, "what is retired stays retired; the release goes on")
		}
		// Before the save: once the release is gone, nobody knows what is away.
		for _, s := range c.Release.Steered {
			if err := r.cfg.Tasks.Steer(ctx, autoscaler.TaskRef{Service: service, Task: s.Task}, true); err != nil {
				return fail(err, "a target could not be put back; cancel again")
			}
		}
		c.Release = nil
		_, err = r.cfg.State.SaveCheckpoint(ctx, c)
		switch {
		case err == nil:
			// A journal that fails stops nothing.
			_ = r.note(ctx, autoscaler.Entry{
				Version: autoscaler.EntryVersion, At: r.cfg.Now(), Service: service, Release: id, By: journalName, Step: "cancel", Outcome: string(autoscaler.OutcomeCancelled),
			})
			return nil
		case !errors.Is(err, autoscaler.ErrConflict):
			return fail(err, "")
		}
	}
	return fail(autoscaler.ErrConflict, "others save this service's checkpoint all the time; cancel again")
}

// revocable fails with ErrRetired where a task of the release is retired, or was
// and is closed by now.
func (r *Runner) revocable(ctx context.Context, release autoscaler.Release) error {
	activity, err := r.cfg.Sessions.Activity(ctx, release.Service, r.cfg.Now())
	if err != nil {
		return err
	}
	f := Facts{Activity: activity.Tasks}
	for _, id := range release.Tasks {
		if a := f.record(id); a == nil || a.State == autoscaler.TaskRetired {
			return fmt.Errorf("task %s: %w", id, autoscaler.ErrRetired)
		}
	}
	return nil
}

// journalName is who the journal says did it.
const journalName = "release"

// note tells the journal, and returns what it could not be told for.
func (r *Runner) note(ctx context.Context, entries ...autoscaler.Entry) error {
	if r.cfg.Journal == nil || len(entries) == 0 {
		return nil
	}
	return r.cfg.Journal.Append(ctx, entries...)
}

// union returns the ids of both, sorted, each once.
func union(a, b []autoscaler.TaskID) []autoscaler.TaskID {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
