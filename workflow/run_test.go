package workflow

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// looks is a state that notes when it is looked at, and ends the run after so many
// looks.
type looks struct {
	autoscaler.StateStore
	began   time.Time
	release *autoscaler.Release
	err     error
	left    int
	end     context.CancelFunc
	at      []time.Duration
}

func (l *looks) LoadCheckpoint(context.Context, autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
	l.at = append(l.at, time.Since(l.began))
	if l.left--; l.left == 0 {
		l.end()
	}
	return autoscaler.Checkpoint{Service: own, Release: l.release}, l.err
}

func (l *looks) Control(context.Context, autoscaler.ServiceID) (autoscaler.Control, error) {
	return autoscaler.Control{}, nil
}

// nothing is a store without a record.
type nothing struct{ autoscaler.SessionStore }

func (nothing) Activity(context.Context, autoscaler.ServiceID, time.Time) (autoscaler.Activity, error) {
	return autoscaler.Activity{}, nil
}

// attended has Run look at the service until the looks are over.
func attended(t *testing.T, l *looks, failed func(autoscaler.ServiceID, error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var ctx context.Context
		ctx, l.end = context.WithCancel(t.Context())
		defer l.end()
		l.began = time.Now()
		if l.release != nil {
			l.release.NextAt = l.began.Add(4 * time.Second)
		}
		r, err := New(Config{
			Tasks: struct{ Tasks }{}, Scaler: struct{ autoscaler.Scaler }{}, Records: struct{ autoscaler.Records }{}, Sessions: nothing{}, State: l,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Run(ctx, failed, own); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want the context's error", err)
		}
	})
}

func TestRunCarriesAReleaseOnWhenItIsDue(t *testing.T) {
	// A newer writer's release is read, told of, and left alone: it stays due.
	l := &looks{left: 4, release: &autoscaler.Release{Version: autoscaler.ReleaseVersion + 1, ID: "r", Service: own}}
	attended(t, l, nil)
	if want := []time.Duration{0, 4 * time.Second, 5 * time.Second, 6 * time.Second}; !slices.Equal(l.at, want) {
		t.Errorf("looked after %v, want %v: when it is due, and a second between two calls from then on", l.at, want)
	}
}

func TestRunTellsWhatFailedAndTriesAgain(t *testing.T) {
	broken := errors.New("the table does not answer")
	l := &looks{left: 4, err: broken}
	var told []autoscaler.ServiceID
	attended(t, l, func(service autoscaler.ServiceID, err error) {
		if !errors.Is(err, broken) {
			t.Errorf("told of %v", err)
		}
		told = append(told, service)
	})
	if want := []time.Duration{0, pollEvery, 2 * pollEvery, 3 * pollEvery}; !slices.Equal(l.at, want) {
		t.Errorf("looked after %v, want %v", l.at, want)
	}
	// The last call failed because the run was ended, which is nobody's news.
	if want := []autoscaler.ServiceID{own, own, own}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}

func TestCallUnderWayIsHeardOutForAGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		work, end := outlive(ctx, 10*time.Second)
		defer end()
		stop()
		time.Sleep(10*time.Second - 1)
		if err := work.Err(); err != nil {
			t.Errorf("the call was cut off: %v", err)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if work.Err() == nil {
			t.Error("the call may go on for ever")
		}
	})
}

func TestCallThatIsOverLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		work, end := outlive(ctx, time.Hour)
		end()
		if work.Err() == nil {
			t.Error("the work goes on when the call is over")
		}
	})
}
