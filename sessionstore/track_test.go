package sessionstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func errorSays(err error, part string) bool { return strings.Contains(err.Error(), part) }

// openTask has the task of the tests open, with two slots and nothing reporting.
func openTask(t *testing.T) *flaky {
	t.Helper()
	f := newFlaky()
	if _, err := f.Register(t.Context(), autoscaler.RegisterRequest{Ref: gateway(), Level: autoscaler.LevelA, Slots: 2, At: now()}); err != nil {
		t.Fatal(err)
	}
	f.open(t)
	return f
}

func (f *flaky) wantSessions(t *testing.T, n int, when string) {
	t.Helper()
	if got := f.see(t).Occupancy; got != autoscaler.Sessions(n) {
		t.Errorf("%s the task holds %v sessions, want %d", when, got, n)
	}
}

func TestTrackCountsWhileItServes(t *testing.T) {
	for _, tell := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := openTask(t)
			want := errors.New("the user hung up")
			ctx, cancel := context.WithCancel(t.Context())
			err := sessionstore.Track(ctx, f, sessionstore.Tracking{Ref: gateway(), Session: "a", Tell: tell}, func(context.Context) error {
				synctest.Wait()
				f.wantSessions(t, 1, "while it serves")
				cancel()
				return want
			})
			if !errors.Is(err, want) {
				t.Errorf("tell %v: Track returned %v", tell, err)
			}
			f.wantSessions(t, 0, "afterwards")
		})
	}
}

func TestTrackReturnsARefusalWithoutServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openTask(t)
		f.cordon(t, "d")
		track := func(reopen bool) (served bool, err error) {
			err = sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a", Reopen: reopen},
				func(context.Context) error { served = true; return nil })
			return served, err
		}
		if served, err := track(false); served || !errors.Is(err, autoscaler.ErrCordoned) || f.called()["Begin"] != 1 || f.called()["Abandon"] != 0 {
			t.Errorf("served %v, %v, calls %v", served, err, f.called())
		}
		if served, err := track(true); !served || err != nil {
			t.Errorf("with Reopen: served %v, %v", served, err)
		}
	})
}

func TestTrackResolvesLostReplies(t *testing.T) {
	for _, c := range []struct {
		name   string
		lose   func(n int) (before, after bool)
		served bool
	}{
		{"the first request", func(n int) (bool, bool) { return n == 1, false }, true},
		{"the first reply", func(n int) (bool, bool) { return false, n == 1 }, true},
		{"every reply", func(int) (bool, bool) { return false, true }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := openTask(t)
				f.lose = func(op string) (bool, bool) {
					if op == "Begin" || op == "End" && c.served {
						return c.lose(f.calls[op])
					}
					return false, false
				}
				served := false
				err := sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a"}, func(context.Context) error {
					served = true
					f.wantSessions(t, 1, "while it serves")
					return nil
				})
				if served != c.served || (err == nil) != c.served {
					t.Errorf("served %v, %v", served, err)
				}
				f.wantSessions(t, 0, "afterwards")
				if !c.served && (!errors.Is(err, errLost) || f.called()["Begin"] != 6 || f.called()["Abandon"] != 1) {
					t.Errorf("%v, calls %v", err, f.called())
				}
			})
		})
	}
}

// A sending whose answer was lost can be applied after a later one was refused.
func TestTrackWithdrawsALostSendingBeforeARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openTask(t)
		f.lose = func(op string) (bool, bool) { return op == "Begin" && f.calls["Begin"] == 1, false }
		f.cordon(t, "d")
		err := sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a"}, func(context.Context) error { return nil })
		if !errors.Is(err, autoscaler.ErrCordoned) || f.called()["Abandon"] != 1 {
			t.Errorf("%v, calls %v", err, f.called())
		}
	})
}

func TestTrackAsksAgainWhenTheGrantCameTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openTask(t)
		asleep := true
		clock := func() time.Time {
			if f.called()["Begin"] == 1 && asleep {
				asleep = false
				return now().Add(5 * time.Minute) // the answer came, and nobody read it
			}
			return now()
		}
		served := false
		err := sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a", Now: clock}, func(context.Context) error {
			served = true
			return nil
		})
		if err != nil || !served || f.called()["Begin"] != 2 {
			t.Errorf("%v, served %v, calls %v", err, served, f.called())
		}
	})
}

func TestTrackServesWhileTheStoreIsAwayIfItTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openTask(t)
		away := true
		f.lose = func(string) (bool, bool) { return away, false }
		err := sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a", Tell: true}, func(context.Context) error {
			sleep(time.Minute)
			f.mu.Lock()
			away = false
			f.mu.Unlock()
			sleep(time.Minute)
			synctest.Wait()
			f.wantSessions(t, 1, "once the store was back")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		f.wantSessions(t, 0, "afterwards")
	})
}

func TestTrackTellsOfAnEndThatCouldNotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openTask(t)
		f.lose = func(op string) (bool, bool) { return op == "End", false }
		err := sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a"}, func(context.Context) error { return nil })
		if !errors.Is(err, errLost) || f.called()["End"] != 6 {
			t.Errorf("%v, calls %v", err, f.called())
		}
	})
}

func TestTrackEndsASessionThatPanicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openTask(t)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a"}, func(context.Context) error {
				panic("broken")
			})
		}()
		f.wantSessions(t, 0, "afterwards")
	})
}

func TestTrackIsBoundByTheReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		r := reporterFor(t, f, nil)
		stop := running(t, r)
		synctest.Wait()
		f.open(t)
		serve := func(tell bool) error {
			return sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "a", Tell: tell, Reporter: r},
				func(context.Context) error { sleep(time.Minute); return nil })
		}
		// The record is open; the process has not read it yet.
		if err := serve(false); !errors.Is(err, autoscaler.ErrCordoned) || f.called()["Abandon"] != 1 {
			t.Errorf("%v, calls %v", err, f.called())
		}
		if err := serve(true); !errors.Is(err, autoscaler.ErrCordoned) || f.called()["Started"] != 0 {
			t.Errorf("told: %v, calls %v", err, f.called())
		}
		sleep(30 * time.Second)
		synctest.Wait()
		listed := false
		err := sessionstore.Track(t.Context(), f, sessionstore.Tracking{Ref: gateway(), Session: "b", Reporter: r}, func(context.Context) error {
			sleep(time.Minute)
			synctest.Wait()
			f.mu.Lock()
			defer f.mu.Unlock()
			last := f.reports[len(f.reports)-1]
			listed = last.Count == 1 && last.Sessions[0] == "b"
			return nil
		})
		if err != nil || !listed {
			t.Errorf("%v, listed %v", err, listed)
		}
		stop()
	})
}
