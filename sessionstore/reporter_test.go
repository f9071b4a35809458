package sessionstore_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// flaky is a writer whose calls can be lost, before or after they took effect.
type flaky struct {
	*memstore.Store
	mu      sync.Mutex
	lose    func(op string) (before, after bool)
	calls   map[string]int
	reports []sessionstore.Report
}

// now and sleep are of the bubble that the test runs in.
func now() time.Time        { return time.Now() } // the bubble's clock
func sleep(d time.Duration) { time.Sleep(d) }     // a step of the bubble's clock

var errLost = errors.New("no answer")

func newFlaky() *flaky {
	return &flaky{
		Store: memstore.New(memstore.Config{}), calls: make(map[string]int),
		lose: func(string) (bool, bool) { return false, false },
	}
}

func (f *flaky) call(op string, do func() error) error {
	f.mu.Lock()
	f.calls[op]++
	before, after := f.lose(op)
	f.mu.Unlock()
	if before {
		return errLost
	}
	if err := do(); err != nil {
		return err
	}
	if after {
		return errLost
	}
	return nil
}

func (f *flaky) Report(ctx context.Context, rep sessionstore.Report) (order sessionstore.Order, err error) {
	err = f.call("Report", func() error {
		order, err = f.Store.Report(ctx, rep)
		f.reports = append(f.reports, rep)
		return err
	})
	return order, err
}

func (f *flaky) Begin(ctx context.Context, req sessionstore.BeginRequest) (grant sessionstore.Grant, err error) {
	err = f.call("Begin", func() error { grant, err = f.Store.Begin(ctx, req); return err })
	return grant, err
}

func (f *flaky) Started(ctx context.Context, req sessionstore.StartedRequest) (receipt sessionstore.Receipt, err error) {
	err = f.call("Started", func() error { receipt, err = f.Store.Started(ctx, req); return err })
	return receipt, err
}

func (f *flaky) End(ctx context.Context, req sessionstore.EndRequest) error {
	return f.call("End", func() error { return f.Store.End(ctx, req) })
}

func (f *flaky) Abandon(ctx context.Context, req sessionstore.EndRequest) error {
	return f.call("Abandon", func() error { return f.Store.Abandon(ctx, req) })
}

// see reads the task's record.
func (f *flaky) see(t *testing.T) autoscaler.TaskActivity {
	t.Helper()
	a, err := f.Prove(t.Context(), []autoscaler.TaskRef{gateway()}, now())
	if err != nil {
		t.Fatal(err)
	}
	return a[0]
}

func (f *flaky) open(t *testing.T) {
	t.Helper()
	_, err := f.Open(t.Context(), autoscaler.OpenRequest{
		Ref: gateway(), Version: f.see(t).Version, ProtectedUntil: now().Add(24 * time.Hour), At: now(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *flaky) cordon(t *testing.T, drain autoscaler.DrainID) {
	t.Helper()
	_, err := f.Cordon(t.Context(), autoscaler.CordonRequest{
		Ref: gateway(), Version: f.see(t).Version, Drain: drain, At: now(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// called returns how often each call was made.
func (f *flaky) called() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

func (f *flaky) sent() int { return f.called()["Report"] }

func reporterFor(t *testing.T, f *flaky, change func(*sessionstore.ReporterConfig)) *sessionstore.Reporter {
	t.Helper()
	config := sessionstore.ReporterConfig{
		ProcessConfig: sessionstore.ProcessConfig{Ref: gateway(), Name: "main", Level: autoscaler.LevelA, Slots: 2},
		Writer:        f,
	}
	if change != nil {
		change(&config)
	}
	r, err := sessionstore.NewReporter(config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// running runs the reporter until stop is called.
func running(t *testing.T, r *sessionstore.Reporter) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	}
}

func TestReporterFollowsTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		var orders []sessionstore.Order
		r := reporterFor(t, f, func(c *sessionstore.ReporterConfig) {
			c.OnOrder = func(o sessionstore.Order) { orders = append(orders, o) }
			c.Protection = func() time.Time { return now().Add(12 * time.Hour) }
		})
		if r.Admit() || r.Enter("early") {
			t.Fatal("open before any report")
		}
		stop := running(t, r)
		synctest.Wait()
		if r.Admit() {
			t.Fatal("open while the record is new")
		}
		f.open(t)
		sleep(30 * time.Second)
		synctest.Wait()
		if !r.Admit() || !r.Enter("a") || !r.Enter("a") {
			t.Fatal("closed though the record is open")
		}
		if got := f.see(t).ProtectedUntil; !got.Equal(now().Add(12 * time.Hour)) {
			t.Errorf("protected until %v", got)
		}
		f.cordon(t, "d")
		before := f.sent()
		sleep(30 * time.Second)
		synctest.Wait()
		if r.Admit() || r.Enter("b") || f.sent() != before+2 {
			t.Fatalf("a drain was read: admits %v, %d reports, want one more at once", r.Admit(), f.sent()-before)
		}
		if f.see(t).Acknowledged {
			t.Fatal("acknowledged with a session inside")
		}
		r.Leave("a")
		r.Leave("never entered")
		synctest.Wait()
		if a := f.see(t); !a.Acknowledged {
			t.Fatalf("the last session left and the record shows %+v", a)
		}
		if err := f.Retire(t.Context(), autoscaler.DrainRef{Ref: gateway(), Drain: "d", Version: f.see(t).Version, At: now()}); err != nil {
			t.Fatal(err)
		}
		sleep(30 * time.Second)
		synctest.Wait()
		if last := orders[len(orders)-1]; last.State != autoscaler.TaskRetired {
			t.Errorf("the last order is %+v", last)
		}
		stop()
		if last := f.reports[len(f.reports)-1]; !last.Left {
			t.Errorf("the last report is %+v", last)
		}
	})
}

// Two processes that share a name would acknowledge for each other. The earlier
// one closes and says so, once.
func TestReporterTellsOfAnotherUnderItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		var mu sync.Mutex
		told := 0
		r := reporterFor(t, f, func(c *sessionstore.ReporterConfig) {
			c.OnError = func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if !errors.Is(err, autoscaler.ErrConflict) {
					t.Errorf("told of %v", err)
				}
				told++
			}
		})
		defer running(t, r)()
		synctest.Wait()
		sleep(time.Second)
		// A second later, so of a later boot.
		other := reporterFor(t, f, func(c *sessionstore.ReporterConfig) { c.Writer = f.Store })
		defer running(t, other)()
		sleep(3 * time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if told != 1 || r.Admit() {
			t.Errorf("told %d times, admits %v; want once, and closed", told, r.Admit())
		}
	})
}

func TestReporterKeepsItsAdmissionWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		failures := 0
		r := reporterFor(t, f, func(c *sessionstore.ReporterConfig) { c.OnError = func(error) { failures++ } })
		stop := running(t, r)
		synctest.Wait()
		f.open(t)
		sleep(30 * time.Second)
		synctest.Wait()
		f.mu.Lock()
		f.lose = func(string) (bool, bool) { return true, false }
		f.mu.Unlock()
		sleep(40*time.Second + time.Millisecond)
		synctest.Wait()
		if !r.Enter("a") || failures != 3 {
			t.Errorf("%d failures after 40 s, want 3: one at 30 s, then every 5 s", failures)
		}
		stop()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, rep := range f.reports {
			if rep.Left {
				t.Error("left with a session inside")
			}
		}
	})
}

func TestReporterTellsWhenLeavingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		var last error
		stop := running(t, reporterFor(t, f, func(c *sessionstore.ReporterConfig) { c.OnError = func(err error) { last = err } }))
		synctest.Wait()
		f.mu.Lock()
		f.lose = func(string) (bool, bool) { return true, false }
		f.mu.Unlock()
		stop()
		if !errors.Is(last, errLost) {
			t.Errorf("OnError heard %v", last)
		}
	})
}

func TestNewReporterRefusesWhatCannotReport(t *testing.T) {
	_, err := sessionstore.NewReporter(sessionstore.ReporterConfig{})
	if err == nil {
		t.Fatal("an empty configuration was taken")
	}
	for _, part := range []string{"Writer", "Name", "Ref", "Slots"} {
		if !errorSays(err, part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
}
