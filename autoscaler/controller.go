package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Controller makes passes over one service: it observes, decides, and acts
// within the guard. Any number of controllers may work on one service; of two
// that overlap one does nothing. All methods are safe for concurrent use.
type Controller struct {
	Observer
	sessions SessionStore
	records  Records
	state    StateStore
	drains   DrainWorkflow
	guards   Protector  // nil: every task protects itself
	forced   ForcedEnds // nil: no session is ended by force
	journal  Journal    // nil: nobody is told
	permits  Permits
	logger   *slog.Logger
	tell     func(Snapshot, Decision) // nil: nobody records
	wake     chan struct{}
	events   events
	lastGood atomic.Int64 // Unix nanoseconds of the last pass that succeeded
	sequence atomic.Int64 // makes drain ids unique within one instant
}

// New returns a controller, or everything that is wrong with the configuration
// in one error. It makes no call.
func New(cfg Config) (*Controller, error) {
	observing := cfg.observing()
	if err := errors.Join(append(observing.problems(), cfg.problems()...)...); err != nil {
		return nil, &Error{Op: "autoscaler.New", Ref: cfg.Service.String(), Err: err}
	}
	c := &Controller{
		Observer: Observer{cfg: observing.withDefaults()},
		sessions: cfg.Sessions, records: cfg.Records, state: cfg.State, drains: cfg.Drains,
		guards: cfg.Protection, forced: cfg.Forced, journal: cfg.Journal,
		logger: cfg.Logger, tell: cfg.Decided, wake: make(chan struct{}, 1),
	}
	if c.logger == nil {
		c.logger = slog.Default()
	}
	c.permits = Permits{
		Service: cfg.Service, Sessions: cfg.Sessions, State: cfg.State, Scaler: cfg.Scaler, Now: c.cfg.Now,
	}
	c.lastGood.Store(c.cfg.Now().UnixNano())
	return c, nil
}

// Reconcile makes one pass; it is a Lambda handler as it stands. An error means
// that the pass could not be carried out; what was refused, by AWS or by the
// guard, is a reason in the pass. The pass is filled as far as it came.
func (c *Controller) Reconcile(ctx context.Context) (Pass, error) {
	c.events.begins()
	v, err := c.observe(ctx)
	if err != nil {
		return c.failed(v.at, err), err
	}
	v.snapshot.Reaction = c.events.reaction(c.cfg.Timing.Interval)
	d := c.decide(&v)
	c.events.decided(&v, d.decision.Room)
	if c.tell != nil {
		c.tell(v.snapshot, d.decision)
	}
	run := running{c: c, v: &v, d: &d}
	if err := run.act(ctx); err != nil {
		d.pass.Error = err.Error()
		return d.pass, err
	}
	c.lastGood.Store(v.at.UnixNano())
	return d.pass, nil
}

// Run makes passes until ctx ends, one each interval or when a release is due (see
// [Pass.Next]), and one after each Wake and each breach that [Controller.Taken] hears
// of, though never two within Timing.Spacing, and returns ctx's error. A pass that
// failed is logged, and the next one comes in its turn.
func (c *Controller) Run(ctx context.Context) error {
	timer, spacing := time.NewTimer(0), time.NewTimer(0)
	defer timer.Stop()
	defer spacing.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-c.wake:
			// What wakes while the spacing passes is answered by the same pass.
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-spacing.C:
			}
		}
		pass, err := c.Reconcile(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.log(ctx, pass, err)
		timer.Reset(max(pass.Next(c.cfg.Timing.Interval), c.cfg.Timing.Spacing))
		spacing.Reset(c.cfg.Timing.Spacing)
	}
}

// log writes the record of a pass, unless it has nothing to tell.
func (c *Controller) log(ctx context.Context, pass Pass, err error) {
	switch {
	case err != nil:
		c.logger.LogAttrs(ctx, slog.LevelError, "pass failed", slog.Any("pass", pass))
	case pass.Severity() == Alert:
		c.logger.LogAttrs(ctx, slog.LevelWarn, "pass", slog.Any("pass", pass))
	case !pass.Quiet():
		c.logger.LogAttrs(ctx, slog.LevelInfo, "pass", slog.Any("pass", pass))
	}
}

// Wake asks Run for a pass now. It never blocks; calls before the pass begins
// count as one.
func (c *Controller) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Healthy reports that a pass succeeded within the last three intervals, the
// construction counting as one.
func (c *Controller) Healthy(now time.Time) bool {
	return now.Sub(time.Unix(0, c.lastGood.Load())) <= 3*c.cfg.Timing.Interval
}

// Drain closes one task on an operator's wish: the same drain under the same
// guard as the policy's, except that the task need not have been idle for a
// while, and that demand does not reopen it: only Reopen does. A task with
// sessions is drained only where Config.Emptying allows it. Where the guard holds
// the drain back, nothing is written and the error is ErrHeld with the reasons as
// its hint.
func (c *Controller) Drain(ctx context.Context, task TaskID, by string) error {
	fail := func(err error, hint string) error {
		return &Error{Op: "autoscaler.Drain", Ref: TaskRef{c.cfg.Service, task}.String(), Hint: hint, Err: err}
	}
	if by == "" {
		return fail(errUnnamed, "say who asks: the record, the journal and the log carry it")
	}
	v, err := c.observe(ctx)
	if err != nil {
		return err
	}
	wish := Decision{Open: v.snapshot.Totals.Capacity() - 1, Empty: []TaskID{task}}
	next := v.checkpoint.Clone()
	rules := c.cfg.rules(by)
	rules.clockOff = v.clockOff
	g := guard(&v.snapshot, &next, wish, rules)
	if len(g.cordon) == 0 {
		return fail(ErrHeld, fmt.Sprint(g.reasons))
	}
	next.Version, next.Service, next.SavedAt = CheckpointVersion, c.cfg.Service, v.at
	next.Intents = append(next.Intents, Intent{Task: task, Expires: v.at.Add(intentLife)})
	if next.Revision, err = c.state.SaveCheckpoint(ctx, next); err != nil {
		return fail(err, "")
	}
	req := c.cordonRequest(&v, g.cordon[0])
	req.By = by
	if _, err := c.sessions.Cordon(ctx, req); err != nil {
		return fail(err, "")
	}
	c.note(ctx, by, CodeCordoned, req.Drain, task, "an operator's drain")
	next.LastIn = v.at
	if _, err := c.state.SaveCheckpoint(ctx, next); err != nil && !errors.Is(err, ErrConflict) {
		return fail(err, "the task is cordoned; only the cooldown was not noted")
	}
	return nil
}

// Reopen ends a drain, whoever asked for it, as long as the task is not retired.
// It fails with ErrNotFound for a task without a record, ErrRetired once nothing
// leads back, ErrConflict where the task is not being drained or changed
// meanwhile, and ErrBusy where its protection does not suffice to open it.
func (c *Controller) Reopen(ctx context.Context, task TaskID, by string) error {
	ref := TaskRef{c.cfg.Service, task}
	fail := func(err error, hint string) error {
		return &Error{Op: "autoscaler.Reopen", Ref: ref.String(), Hint: hint, Err: err}
	}
	if by == "" {
		return fail(errUnnamed, "say who asks: the journal and the log carry it")
	}
	at := c.cfg.Now()
	found, err := c.sessions.Prove(ctx, []TaskRef{ref}, at)
	if err != nil {
		return fail(err, "")
	}
	a := found[0]
	if a.State == TaskOpen || a.State == TaskNew {
		return fail(ErrConflict, "it is not being drained; its record is "+string(a.State))
	}
	if err := c.sessions.Reopen(ctx, DrainRef{Ref: ref, Drain: a.Drain.ID, Version: a.Version, At: at}); err != nil {
		return fail(err, "")
	}
	c.note(ctx, by, CodeReopened, a.Drain.ID, task, "an operator ended the drain")
	return nil
}

// cordonRequest names the record at the version that was read, and a new drain.
// The clock is read for it: a store holds a writer's against its own, and the
// reads before may have taken long.
func (c *Controller) cordonRequest(v *view, victim cordon) CordonRequest {
	now := c.cfg.Now()
	id := fmt.Sprintf("%s-%s-%d", victim.task, now.UTC().Format("20060102T150405.000"), c.sequence.Add(1))
	return CordonRequest{
		Ref: TaskRef{c.cfg.Service, victim.task}, Version: v.records[victim.task].Version, Drain: DrainID(id),
		OnlyIfIdle: victim.onlyIfIdle, At: now, Until: now.Add(c.cfg.Timing.CordonLease),
	}
}
