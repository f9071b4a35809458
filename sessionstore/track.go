package sessionstore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Tracking describes one session for [Track]. Ref and Session are required.
type Tracking struct {
	Ref     autoscaler.TaskRef
	Session SessionID
	// Tell serves the session without waiting for an answer, and tells of it.
	// An application that does so is at level B at most. The default asks.
	Tell bool
	// Reopen asks for a cordoned task to be opened; see [BeginRequest].
	Reopen bool
	// Reporter, if set, lists the session while it is served, and can refuse it.
	Reporter *Reporter

	// Attempts bounds how often one call is sent. Default 6.
	Attempts int
	// Pause is the time before the first repeat; it doubles from one to the
	// next. Default 200 ms.
	Pause time.Duration
	// Now is the caller's clock. Default time.Now.
	Now func() time.Time
}

// callTime bounds one sending, so that a lost reply is noticed.
const callTime = 5 * time.Second

// Track serves one session and has it counted from before serve is called until
// after it returned or panicked. It returns serve's error, joined with that of an
// end that could not be sent; such a session ends when the reports no longer list
// it, or with its task.
//
// It asks first. Refused, it returns the refusal without calling serve: see
// [Writer] for the errors, and take another task. Where answers are lost it
// repeats the same request; where none comes it withdraws it and returns the
// last error.
func Track(ctx context.Context, w Writer, s Tracking, serve func(context.Context) error) (err error) {
	s.Attempts = cmp.Or(s.Attempts, 6)
	s.Pause = cmp.Or(s.Pause, 200*time.Millisecond)
	if s.Now == nil {
		s.Now = time.Now
	}
	if !s.Tell {
		if err := s.ask(ctx, w); err != nil {
			return err
		}
	}
	if s.Reporter != nil {
		if !s.Reporter.Enter(s.Session) {
			// Granted before the process read the drain that it has read now.
			if !s.Tell {
				s.abandon(ctx, w)
			}
			return refusal("Track", s.Ref, autoscaler.ErrCordoned, "the process admits nobody; take another task")
		}
		defer s.Reporter.Leave(s.Session)
	}
	told := func() {}
	if s.Tell {
		told = s.tell(ctx, w)
	}
	defer func() {
		told()
		if end := s.end(ctx, w); end != nil {
			err = errors.Join(err, end)
		}
	}()
	return serve(ctx)
}

// ask sends Begin until it is granted in time, refused, or given up.
func (s Tracking) ask(ctx context.Context, w Writer) error {
	unclear := false
	err := s.repeat(ctx, func(ctx context.Context) error {
		grant, err := w.Begin(ctx, BeginRequest{Ref: s.Ref, Session: s.Session, At: s.Now(), Reopen: s.Reopen})
		if err == nil && !s.Now().Before(grant.Expires) {
			err = errTooLate
		}
		unclear = unclear || err != nil && !refused(err)
		return err
	})
	// A sending without an answer may be applied yet, even after a later one was
	// refused.
	if err != nil && unclear {
		s.abandon(ctx, w)
	}
	return err
}

// errTooLate is an answer that took longer than it was good for.
var errTooLate = errors.New("the grant had run out when it came")

// tell sends Started in the background while the session is served, and returns
// what ends that. The end is sent after it, though either order would do.
func (s Tracking) tell(ctx context.Context, w Writer) (stop func()) {
	began := s.Now()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			err := s.repeat(ctx, func(ctx context.Context) error {
				_, err := w.Started(ctx, StartedRequest{Ref: s.Ref, Session: s.Session, At: s.Now(), Began: began})
				return err
			})
			if err == nil || refused(err) || !pause(ctx, ReportInterval) {
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// end sends the end, also where the caller's context has ended.
func (s Tracking) end(ctx context.Context, w Writer) error {
	return s.repeat(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return w.End(ctx, EndRequest{Ref: s.Ref, Session: s.Session, At: s.Now()})
	})
}

// abandon withdraws a Begin that nobody serves. Where that fails too, the
// session's lease ends it.
func (s Tracking) abandon(ctx context.Context, w Writer) {
	_ = s.repeat(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return w.Abandon(ctx, EndRequest{Ref: s.Ref, Session: s.Session, At: s.Now()})
	})
}

// repeat makes a call until it succeeds, is refused, or has been made often
// enough.
func (s Tracking) repeat(ctx context.Context, call func(context.Context) error) error {
	wait := s.Pause
	for attempt := 1; ; attempt++ {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, callTime)
			defer cancel()
			return call(ctx)
		}()
		if err == nil || refused(err) || attempt >= s.Attempts || !pause(ctx, wait) {
			return err
		}
		wait *= 2
	}
}

// refused reports that the store has answered, and that repeating is no use.
func refused(err error) bool {
	for _, sentinel := range []error{
		autoscaler.ErrCordoned, autoscaler.ErrTaskFull, autoscaler.ErrGone, autoscaler.ErrNotFound,
		autoscaler.ErrForeign, autoscaler.ErrClock, errArgument,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// pause waits, and reports whether it was left to.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
