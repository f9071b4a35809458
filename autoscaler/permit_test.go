package autoscaler

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
	"unsafe"
)

// permitRig is the contracts that Permits works with: it notes every call, and
// each takes a second.
type permitRig struct {
	now        time.Time
	calls      []string
	checkpoint Checkpoint
	state      ServiceState
	activity   []TaskActivity
	saved      []Checkpoint
	saveErr    error
}

func newPermitRig() *permitRig {
	r := gateCase()
	r.Checkpoint.Revision = 7
	return &permitRig{now: guardAt, checkpoint: r.Checkpoint, state: r.State, activity: r.Activity}
}

func (p *permitRig) call(name string) {
	p.calls = append(p.calls, name)
	p.now = p.now.Add(time.Second)
}

func (p *permitRig) LoadCheckpoint(context.Context, ServiceID) (Checkpoint, error) {
	p.call("load")
	return p.checkpoint.Clone(), nil
}

func (p *permitRig) SaveCheckpoint(_ context.Context, c Checkpoint) (int64, error) {
	p.call("save")
	if p.saveErr != nil {
		return 0, p.saveErr
	}
	if c.Revision != p.checkpoint.Revision {
		return 0, ErrConflict
	}
	c.Revision++
	p.checkpoint, p.saved = c, append(p.saved, c.Clone())
	return c.Revision, nil
}

func (*permitRig) Control(context.Context, ServiceID) (Control, error) { return Control{}, nil }
func (*permitRig) SetControl(context.Context, ServiceID, Control) error {
	return errors.New("not a permit's business")
}

func (p *permitRig) Describe(context.Context, ServiceID) (ServiceState, error) {
	p.call("describe")
	return p.state, nil
}

func (*permitRig) SetDesired(context.Context, SetDesired) error {
	return errors.New("the tests make the call themselves")
}

func (p *permitRig) Activity(context.Context, ServiceID, time.Time) (Activity, error) {
	p.call("activity")
	return Activity{Tasks: p.activity}, nil
}

// do asks for a permit and returns what came of it, and the permit of the call
// if one was made.
func (p *permitRig) do(want Permit, callErr error) (made *Permit, held []Reason, err error) {
	permits := Permits{Service: ServiceID{"c", "s"}, Sessions: p, State: p, Scaler: p, Now: func() time.Time { return p.now }}
	_, held, err = permits.Do(context.Background(), func(Reads) (Permit, []Reason) { return want, nil },
		func(_ context.Context, permit Permit) error {
			p.call("call")
			made = &permit
			return callErr
		})
	return made, held, err
}

func TestPermitIsSavedBeforeTheCallAndClearedAfterIt(t *testing.T) {
	p := newPermitRig()
	made, held, err := p.do(Permit{Call: CallStopTask, Tasks: []TaskID{"d"}}, nil)
	if err != nil || len(held) > 0 {
		t.Fatalf("held %v, %v", held, err)
	}
	if want := []string{"load", "describe", "activity", "save", "call", "save"}; !slices.Equal(p.calls, want) {
		t.Fatalf("calls %v, want %v", p.calls, want)
	}
	if want := guardAt.Add(PermitLife); !made.NotAfter.Equal(want) {
		t.Errorf("NotAfter = %v, want %v: 20 s from the start of the reads", made.NotAfter, want)
	}
	if first := p.saved[0]; first.Permit == nil || first.Permit.Call != CallStopTask || first.Revision != 8 {
		t.Errorf("saved %+v on revision %d; want the permit on the revision that was loaded", first.Permit, first.Revision)
	}
	if p.checkpoint.Permit != nil {
		t.Errorf("the permit is left behind: %+v", p.checkpoint.Permit)
	}
}

func TestPermitNotesTheDesiredCount(t *testing.T) {
	p := newPermitRig()
	if _, _, err := p.do(Permit{Call: CallSetDesired, Desired: 3}, nil); err != nil {
		t.Fatal(err)
	}
	want := DesiredCount{Value: 3, Previous: 5, At: guardAt, Known: true}
	if got := p.saved[0].Desired; got != want {
		t.Errorf("saved %+v, want %+v: what is written is ours from before the call on", got, want)
	}
}

func TestPermitRaceIsLostWithoutACall(t *testing.T) {
	p := newPermitRig()
	p.saveErr = ErrConflict
	made, held, err := p.do(Permit{Call: CallStopTask}, nil)
	if made != nil || !errors.Is(err, ErrHeld) || !hasCode(held, CodeOverlapped) {
		t.Errorf("call %v, held %v, %v; want no call and %q", made, held, err, CodeOverlapped)
	}
	p = newPermitRig()
	p.saveErr = errors.New("the store is away")
	if made, _, err := p.do(Permit{Call: CallStopTask}, nil); made != nil || err == nil {
		t.Errorf("call %v, %v; want no call without a saved permit", made, err)
	}
}

func TestPermitOneAtATime(t *testing.T) {
	lower, raise := Permit{Call: CallSetDesired}, Permit{Call: CallSetDesired, Raise: true}
	for _, tt := range []struct {
		name  string
		want  Permit
		level Level
		left  time.Duration // of the permit that is there
		made  bool
	}{
		{"a live permit holds a lowering", lower, LevelA, time.Second, false},
		{"a live permit holds a stop", Permit{Call: CallStopTask}, LevelA, time.Second, false},
		{"a raise takes over at level A", raise, LevelA, time.Second, true},
		{"a raise waits at level B", raise, LevelB, time.Second, false},
		{"a permit that ran out holds nobody", lower, LevelB, -time.Nanosecond, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPermitRig()
			p.activity[0].Level = tt.level
			p.checkpoint.Permit = &Permit{Call: CallSetDesired, NotAfter: guardAt.Add(tt.left)}
			made, held, err := p.do(tt.want, nil)
			if (made != nil) != tt.made {
				t.Errorf("call made: %v, want %v; held %v, %v", made != nil, tt.made, held, err)
			}
			if !tt.made && !hasCode(held, CodePermitHeld) {
				t.Errorf("held %v, want %q", held, CodePermitHeld)
			}
		})
	}
}

func TestPermitOfAFailedCall(t *testing.T) {
	p := newPermitRig()
	if _, _, err := p.do(Permit{Call: CallStopTask}, errors.New("no reply")); err == nil {
		t.Error("a call that failed is no success")
	}
	if p.checkpoint.Permit == nil {
		t.Error("the effect of the call is not known, and its permit was cleared: another may follow at once")
	}
	p = newPermitRig()
	if _, held, err := p.do(Permit{Call: CallStopTask}, &Error{Err: ErrClock}); !errors.Is(err, ErrHeld) || !hasCode(held, CodePermitExpired) {
		t.Errorf("held %v, %v; want %q, since nothing was sent", held, err, CodePermitExpired)
	}
}

// A machine's two clocks come apart: the monotonic one stops while it sleeps,
// the wall clock is set. Either is enough for a permit to run out.
func TestPermitRunsOutOnEitherClock(t *testing.T) {
	signed := time.Now() // both clocks
	permit := Permit{NotAfter: signed.Add(PermitLife)}
	for _, tt := range []struct {
		name            string
		wall, monotonic time.Duration
		want            bool
	}{
		{"both in time", PermitLife, PermitLife, false},
		{"the monotonic clock stood still", PermitLife + time.Second, 0, true},
		{"the wall clock was set back", -time.Hour, PermitLife + time.Second, true},
		{"both passed", PermitLife + time.Second, PermitLife + time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := shifted(t, signed.Add(tt.wall), tt.monotonic-tt.wall)
			if got := permit.Expired(now); got != tt.want {
				t.Errorf("Expired = %v, want %v", got, tt.want)
			}
		})
	}
}

// shifted moves the monotonic clock of a time against its wall clock. There is no
// call for it, since a process cannot set either, so it reaches into the value
// and checks that it did what it meant to.
func shifted(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	out := at
	layout := (*struct {
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&out))
	layout.ext += int64(by)
	if out.Sub(at) != by || !out.Round(0).Equal(at.Round(0)) {
		t.Fatalf("time.Time is laid out in another way than this test knows; moved by %v, want %v", out.Sub(at), by)
	}
	return out
}
