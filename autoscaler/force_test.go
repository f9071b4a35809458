package autoscaler

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// acting is a pass that is about to act on what the letters stand for; see cluster.
func acting(letters string) *running {
	o := testObserver(Decision{})
	o.cfg.Now = func() time.Time { return guardAt }
	return &running{
		c: &Controller{Observer: *o, logger: slog.New(slog.DiscardHandler)}, v: viewOf(o, guardAt, letters, Checkpoint{}),
		d: &decided{}, request: func() string { return "" },
	}
}

// forcing notes what it is asked to end, and when.
type forcing struct {
	SessionStore
	notice time.Time
	ended  bool
}

func (f *forcing) GiveNotice(_ context.Context, _ DrainRef, ending time.Time) error {
	f.notice = ending
	return nil
}

func (f *forcing) EndSessions(context.Context, DrainRef) (int, error) {
	f.ended = true
	return 1, nil
}

func (f *forcing) Prove(_ context.Context, refs []TaskRef, _ time.Time) ([]TaskActivity, error) {
	return []TaskActivity{{Ref: refs[0], State: TaskCordoned}}, nil
}

func TestForcedEnds(t *testing.T) {
	const deadline, notice = time.Hour, 10 * time.Minute
	since := func(ago time.Duration) func(*TaskActivity) {
		return func(a *TaskActivity) { a.Drain.Since = guardAt.Add(-ago) }
	}
	announced := func(ending time.Time) func(*TaskActivity) {
		return func(a *TaskActivity) { a.Drain.Since, a.Drain.Ending = guardAt.Add(-deadline), ending }
	}
	due := func(change func(*TaskActivity)) func(*TaskActivity) {
		return func(a *TaskActivity) { announced(guardAt)(a); change(a) }
	}
	for _, row := range []struct {
		name     string
		deadline time.Duration
		change   func(*TaskActivity)
		notice   time.Time
		ended    bool
	}{
		{"a drain that has just begun", deadline, since(time.Minute), time.Time{}, false},
		{"an instant before it is time for the notice", deadline, since(50*time.Minute - 1), time.Time{}, false},
		{"time for the notice", deadline, since(50 * time.Minute), guardAt.Add(notice), false},
		{"a notice that comes late is given in full", deadline, since(3 * time.Hour), guardAt.Add(notice), false},
		{"no deadline is set", 0, since(3 * time.Hour), time.Time{}, false},
		{"an instant before the end announced", deadline, announced(guardAt.Add(1)), time.Time{}, false},
		{"the end announced", deadline, announced(guardAt), time.Time{}, true},
		{"one that an operator announced, with no deadline set", 0, announced(guardAt), time.Time{}, true},
		{"nobody is left", deadline, due(func(a *TaskActivity) { a.Occupancy = Sessions(0) }), time.Time{}, false},
		{"it has been done", deadline, due(func(a *TaskActivity) { a.Drain.Forced = guardAt }), time.Time{}, false},
		{"a task that is open again", deadline, due(func(a *TaskActivity) { a.State = TaskOpen }), time.Time{}, false},
		{"another owner's task", deadline, due(func(a *TaskActivity) { a.Foreign = true }), time.Time{}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, f := acting("c"), &forcing{}
			r.c.forced, r.c.cfg.Timing.Deadline, r.c.cfg.Timing.Notice = f, row.deadline, notice
			r.v.activity[0].Occupancy = Sessions(1)
			row.change(&r.v.activity[0])
			r.force(t.Context())
			if !f.notice.Equal(row.notice) || f.ended != row.ended {
				t.Errorf("announced for %v, ended %v; want %v, %v", f.notice, f.ended, row.notice, row.ended)
			}
		})
	}
}

func TestWhoEndsSessionsSaysWhoHeIs(t *testing.T) {
	f := &forcing{}
	c := acting("c").c
	c.forced, c.sessions = f, f
	if err := c.End(t.Context(), "a", "", guardAt); !errors.Is(err, errUnnamed) || !f.notice.IsZero() {
		t.Errorf("%v, announced for %v; nobody asked for it", err, f.notice)
	}
	if err := c.End(t.Context(), "a", "ann", guardAt); err != nil || !f.notice.Equal(guardAt) {
		t.Errorf("%v, announced for %v; want what ann asked for", err, f.notice)
	}
}
