package ecssim

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Stage runs several callers of a cluster one at a time, in an order that a seed
// decides: each of them runs until its next call reaches a point of the seam,
// and there the stage picks who goes on, or lets the clock move instead. So two
// controllers, a broker and a process can be interleaved call by call, and the
// same seed gives the same interleaving.
//
// Hand [Stage.Seam] to the cluster, start actors with [Stage.Go], then [Stage.Run].
type Stage struct {
	// Pick chooses one of n ways to go on: the actors that are ready, in the order
	// in which they were started, and last, where something is due, the clock: a
	// call may take until then. The default draws from the seed; an explorer
	// brings its own, and one that returns 0 lets nobody be late.
	Pick func(n int) int
	// Hold says for how long the actor that makes a call is held up at a point;
	// nil holds nobody. A day is as good as a second.
	Hold func(call Call) time.Duration

	c      *Cluster
	actors []*actor
	// The turn comes back here; whoever holds neither channel's end waits.
	back   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
}

// actor is a caller on a stage. Only one of them, or the stage, runs at a time.
type actor struct {
	stage  *Stage
	name   string
	resume chan struct{}
	wake   time.Time // it is not ready before
	held   bool      // in the middle of a call, by Hold
	done   bool
}

// NewStage returns a stage for the cluster, whose order of actors is drawn from
// the seed.
func NewStage(c *Cluster, seed uint64) *Stage {
	ctx, cancel := context.WithCancel(context.Background())
	return &Stage{
		Pick: rand.New(rand.NewPCG(seed, 0x5747)).IntN,
		c:    c, back: make(chan struct{}), ctx: ctx, cancel: cancel,
	}
}

type stageKey struct{}

// Go adds an actor. F runs only while Run does, and makes its calls under the
// context that it is given, which carries the name.
func (s *Stage) Go(name string, f func(ctx context.Context)) {
	a := &actor{stage: s, name: name, resume: make(chan struct{})}
	s.actors = append(s.actors, a)
	ctx := context.WithValue(WithActor(s.ctx, name), stageKey{}, a)
	go func() {
		<-a.resume
		// In a defer, so that an actor that is ended by a failing test hands back too.
		defer func() {
			a.done = true
			s.back <- struct{}{}
		}()
		f(ctx)
	}()
}

// Seam returns the seam at whose points actors take turns. Calls of others, such
// as the events of the cluster's clock, pass at once.
func (s *Stage) Seam() Seam {
	return func(ctx context.Context, call Call) error {
		a, ok := ctx.Value(stageKey{}).(*actor)
		if !ok || a.stage != s {
			return nil
		}
		// Held up before the turn is handed back: the actor is not among the ready
		// until then, and the clock moves past it.
		if s.Hold != nil {
			a.wake, a.held = s.c.Now().Add(s.Hold(call)), true
		}
		err := a.wait(ctx)
		a.held = false
		return err
	}
}

// Wake ends the hold-ups of the actors whose name the function picks: they go on now.
// Those that sleep by their own will sleep on.
func (s *Stage) Wake(pick func(name string) bool) {
	now := s.c.Now()
	for _, a := range s.actors {
		if a.held && pick(a.name) && a.wake.After(now) {
			a.wake = now
		}
	}
}

// Sleep holds the calling actor up until d has passed on the cluster's clock. It
// returns the context's error once the stage is closed. Outside an actor it
// returns at once.
func (s *Stage) Sleep(ctx context.Context, d time.Duration) error {
	a, ok := ctx.Value(stageKey{}).(*actor)
	if !ok || a.stage != s {
		return ctx.Err()
	}
	a.wake = s.c.Now().Add(d)
	return a.wait(ctx)
}

// wait hands the turn back and waits for the next one.
func (a *actor) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.stage.back <- struct{}{}
	<-a.resume
	return ctx.Err()
}

// Run lets actors and the clock take turns until the instant given, or until
// every actor is done; then the clock goes on to the instant alone. It may be
// called again.
func (s *Stage) Run(until time.Time) {
	for {
		now := s.c.Now()
		ready, sleeping := s.ready(now, until)
		due, clock := s.due(until)
		switch {
		case len(ready) == 0 && sleeping.IsZero():
			s.c.RunUntil(until)
			return
		case len(ready) == 0 && (!clock || due.After(sleeping)):
			s.c.RunUntil(sleeping)
			continue
		case !sleeping.IsZero() && due.After(sleeping):
			clock = false // it would pass the instant at which somebody wakes
		}
		n := len(ready)
		if clock {
			n++
		}
		// Time passing is one of the choices, so that a call can take a while without
		// anybody having asked for it.
		if i := s.Pick(n); i < len(ready) {
			s.turn(ready[i])
		} else {
			s.c.step(int64(until.Sub(s.c.start)))
		}
	}
}

// ready returns the actors that can go on, and the earliest instant before until
// at which another one can.
func (s *Stage) ready(now, until time.Time) (ready []*actor, sleeping time.Time) {
	// In the order of their start, so that a pick means the same in each run.
	s.actors = slices.DeleteFunc(s.actors, func(a *actor) bool { return a.done })
	for _, a := range s.actors {
		switch {
		case !a.wake.After(now):
			ready = append(ready, a)
		case !a.wake.After(until) && (sleeping.IsZero() || a.wake.Before(sleeping)):
			sleeping = a.wake
		}
	}
	return ready, sleeping
}

// due returns the instant of the clock's next event, if it lies before until.
func (s *Stage) due(until time.Time) (time.Time, bool) {
	at, ok := s.c.next()
	if !ok {
		return time.Time{}, false
	}
	next := s.c.instant(at)
	return next, !next.After(until)
}

// turn lets one actor run to its next point.
func (s *Stage) turn(a *actor) {
	a.resume <- struct{}{}
	<-s.back
}

// Close ends the stage: every call and every sleep of an actor that is still
// there ends with the context's error, until the actor returns.
func (s *Stage) Close() {
	s.cancel()
	for _, a := range s.actors {
		// An actor may make many calls before it notices: each of them fails, one
		// turn at a time, as on the stage.
		for !a.done {
			s.turn(a)
		}
	}
	s.actors = nil
}
