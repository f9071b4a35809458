package autoscaler

import (
	"context"
	"errors"
	"testing"
	"time"
)

// steadyContracts are the contracts of Permits for a service that stands still.
type steadyContracts struct {
	reads   Reads
	written []int
	sendErr error
}

func (s *steadyContracts) LoadCheckpoint(context.Context, ServiceID) (Checkpoint, error) {
	return s.reads.Checkpoint.Clone(), nil
}

func (s *steadyContracts) SaveCheckpoint(_ context.Context, c Checkpoint) (int64, error) {
	if c.Revision != s.reads.Checkpoint.Revision {
		return 0, ErrConflict
	}
	c.Revision++
	s.reads.Checkpoint = c
	return c.Revision, nil
}

func (*steadyContracts) Control(context.Context, ServiceID) (Control, error) { return Control{}, nil }

func (*steadyContracts) SetControl(context.Context, ServiceID, Control) error {
	return errors.New("not asked for here")
}

func (s *steadyContracts) Describe(context.Context, ServiceID) (ServiceState, error) {
	return s.reads.State, nil
}

func (s *steadyContracts) SetDesired(_ context.Context, req SetDesired) error {
	if s.sendErr != nil {
		return s.sendErr
	}
	s.written = append(s.written, req.Desired)
	return nil
}

func (s *steadyContracts) Activity(context.Context, ServiceID, time.Time) (Activity, error) {
	return Activity{Tasks: s.reads.Activity}, nil
}

// setDesired is what a pass does to scale out.
func setDesired(t *testing.T, s *steadyContracts) []Reason {
	t.Helper()
	p := Permits{Service: s.reads.State.Service, Sessions: s, State: s, Scaler: s, Now: func() time.Time { return guardAt }}
	_, _, held, err := p.SetDesired(context.Background(), CodeScaledOut)
	if err != nil && !errors.Is(err, ErrHeld) {
		t.Fatal(err)
	}
	return held
}

// protectAll protects every task for that long.
func protectAll(r *Reads, left time.Duration) {
	for i := range r.State.Tasks {
		r.State.Tasks[i].ProtectedUntil = guardAt.Add(left)
	}
}

// owedFive is a service that means to run seven tasks, has had five for longer
// than ECS is given, and has nothing retired.
func owedFive() Reads {
	r := gateCase()
	r.Activity[3].State, r.Activity[4].State = TaskCordoned, TaskCordoned
	r.State.Desired, r.Checkpoint.Desired.Value = 7, 7
	r.Checkpoint.OwedSince = guardAt.Add(-owedAfter - time.Second)
	protectAll(&r, time.Hour)
	return r
}

func TestAPassLowersOnlyWhatIsOwed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		reads   func() Reads
		written int  // 0 for nothing
		code    Code // why nothing
	}{
		{"owed for long and everything protected", owedFive, 5, ""},
		{"one task without protection", func() Reads {
			r := owedFive()
			r.State.Tasks[1].ProtectedUntil = time.Time{}
			return r
		}, 0, CodeUnconfirmed},
		{"one protection about to end", func() Reads {
			r := owedFive()
			r.State.Tasks[1].ProtectedUntil = guardAt.Add(protectionMargin - time.Second)
			return r
		}, 0, CodeUnconfirmed},
		{"the brake is on", func() Reads {
			r := owedFive()
			r.Checkpoint.Brake = Brake{Since: guardAt}
			return r
		}, 0, CodeBrake},
		{"something is retired", func() Reads {
			r := gateCase()
			protectAll(&r, time.Hour)
			for _, i := range []int{3, 4} {
				r.State.Tasks[i].ProtectedUntil = time.Time{}
			}
			return r
		}, 0, CodeNotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &steadyContracts{reads: tt.reads()}
			held := setDesired(t, s)
			if tt.written == 0 && (len(s.written) > 0 || !hasCode(held, tt.code)) {
				t.Errorf("wrote %v, held %v; want nothing written for %q", s.written, held, tt.code)
			}
			if tt.written != 0 && (len(s.written) != 1 || s.written[0] != tt.written) {
				t.Errorf("wrote %v, held %v; want %d", s.written, held, tt.written)
			}
		})
	}
}

// A retired task that ECS cannot choose lingers, and counting it as gone would
// start nothing in its place.
func TestARetiredTaskThatLingersIsReplaced(t *testing.T) {
	for name, linger := range map[string]func(*Reads){
		"protected": func(r *Reads) {
			for _, i := range []int{3, 4} {
				r.State.Tasks[i].ProtectedUntil = guardAt.Add(time.Hour)
			}
		},
		"told of a session": func(r *Reads) {
			for _, i := range []int{3, 4} {
				r.Activity[i].Occupancy = Sessions(1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &steadyContracts{reads: gateCase()}
			s.reads.Checkpoint.WantOpen = 5
			linger(&s.reads)
			if held := setDesired(t, s); len(s.written) != 1 || s.written[0] != 7 {
				t.Errorf("wrote %v, held %v; want 7: three open, two that linger, two to start", s.written, held)
			}
			if s.reads.Activity[3].State != TaskRetired {
				t.Error("judging changed what was read")
			}
		})
	}
}

func TestACountBelowTheTasksThatStayIsRaised(t *testing.T) {
	below := func() *steadyContracts {
		state, activity := cluster("ooooo")
		state.Desired = 3
		r := gateCase()
		r.State, r.Activity, r.Checkpoint.Desired.Value = state, activity, 3
		return &steadyContracts{reads: r}
	}
	s := below()
	if held := setDesired(t, s); len(s.written) != 1 || s.written[0] != 5 {
		t.Errorf("wrote %v, held %v; want the five that stay", s.written, held)
	}
	s = below()
	s.reads.Checkpoint.Desired.Value = 9
	if setDesired(t, s); len(s.written) != 0 {
		t.Errorf("wrote %v over a value that somebody else has set", s.written)
	}
}

// What was refused before it was sent has changed nothing, and the checkpoint
// must not say that it had.
func TestACountThatWasNotSentIsTakenBack(t *testing.T) {
	s := &steadyContracts{reads: gateCase(), sendErr: &Error{Op: "test", Err: ErrClock}}
	s.reads.Checkpoint.WantOpen = 9
	was := s.reads.Checkpoint.Desired
	held := setDesired(t, s)
	if !hasCode(held, CodePermitExpired) || s.reads.Checkpoint.Desired != was || s.reads.Checkpoint.Permit != nil {
		t.Errorf("held %v, desired %+v, permit %v; want %+v again and no permit",
			held, s.reads.Checkpoint.Desired, s.reads.Checkpoint.Permit, was)
	}
}
