package sessionstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// ReporterConfig configures a [Reporter]. Writer, Ref, Name and Slots are required.
type ReporterConfig struct {
	ProcessConfig // Boot defaults to the time of NewReporter
	Writer        Writer
	// Protection returns the end of the task's scale-in protection as it was
	// last read back. Nil, and a zero time, leave the record's as it is.
	Protection func() time.Time
	// OnOrder, if set, is called with each answer that was acted on, from Run's
	// goroutine: the place to protect the task, to open it and to clear its
	// protection once it is retired. It must not call Run.
	OnOrder func(Order)
	// OnError, if set, is called when a report could not be sent, and once when
	// another process was found to go by this one's name (ErrConflict; this one is
	// then closed for good). After a report that could not be sent, the reporter
	// keeps the admission it had and tries again after a sixth of the interval.
	OnError func(error)
	// Now is the process's clock. Default time.Now.
	Now func() time.Time
}

// Reporter holds one process's sessions and reports them. It says whether the
// process may take a session, and acknowledges drains. All methods but Run may
// be called at once; Run is called once.
type Reporter struct {
	config ReporterConfig
	wake   chan struct{}

	mu       sync.Mutex
	process  *Process
	sessions []SessionID // ordered
}

// NewReporter returns a reporter that admits nobody until Run has heard that the
// task is open. Its error names every field that is missing.
func NewReporter(config ReporterConfig) (*Reporter, error) {
	var problems []error
	if config.Writer == nil {
		problems = append(problems, errors.New("no Writer: reports have nowhere to go"))
	}
	if config.Name == "" {
		problems = append(problems, errors.New("no Name: a process keeps its name over restarts"))
	}
	if err := CheckTask("NewReporter", config.Ref); err != nil {
		problems = append(problems, errors.New("no whole Ref: name the cluster, the service and the task"))
	}
	if config.Slots < 1 {
		problems = append(problems, errors.New("no Slots: say how many sessions the task has room for, at least 1"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, refusal("NewReporter", config.Ref, err, "")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Boot.IsZero() {
		config.Boot = config.Now()
	}
	return &Reporter{config: config, wake: make(chan struct{}, 1), process: NewProcess(config.ProcessConfig)}, nil
}

// Admit reports whether the process may take a new session at this moment. To
// take one, use Enter: between Admit and serving, the task may close.
func (r *Reporter) Admit() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process.Admits()
}

// Enter takes a session in, if the process admits any, and lists it in every
// report from here on. An acknowledgement and an Enter exclude each other: either
// the report lists the session, or the session is refused. It is called before
// the first byte is served, and after the session's Begin was granted where the
// application asks. Entering twice is entering once.
func (r *Reporter) Enter(id SessionID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, there := slices.BinarySearch(r.sessions, id)
	if there {
		return true
	}
	if !r.process.Admits() {
		return false
	}
	r.sessions = slices.Insert(r.sessions, i, id)
	return true
}

// Leave drops a session that Enter took in. The last one to leave a task that is
// being drained is reported at once.
func (r *Reporter) Leave(id SessionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, there := slices.BinarySearch(r.sessions, id)
	if !there {
		return
	}
	r.sessions = slices.Delete(r.sessions, i, i+1)
	if _, draining := r.process.Draining(); draining && len(r.sessions) == 0 {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// Run reports until ctx ends, and returns its error. A process that then holds
// no session takes leave; one that still does leaves that to its next boot.
func (r *Reporter) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.takeLeave(ctx)
			return ctx.Err()
		case <-timer.C:
		case <-r.wake:
		}
		timer.Reset(r.report(ctx))
	}
}

// superseded is what the application is told of a name that two processes share.
func (r *Reporter) superseded() error {
	return refusal("Reporter", r.process.config.Ref, autoscaler.ErrConflict,
		"another process reports as "+r.process.config.Name+"; this one is closed for good: give each process that lives at the same time a name of its own")
}

// report sends one report, acts on the answer, and returns the time until the
// next one.
func (r *Reporter) report(ctx context.Context) time.Duration {
	order, err := r.config.Writer.Report(ctx, r.next())
	if err != nil {
		if r.config.OnError != nil && ctx.Err() == nil {
			r.config.OnError(err)
		}
		// A dozen tries fit in before the task counts as silent.
		return r.process.config.Interval / 6
	}
	r.mu.Lock()
	was := r.process.Superseded()
	r.process.Observe(order)
	superseded := !was && r.process.Superseded()
	acted := r.process.Version() == order.Version
	due := r.process.Due(r.config.Now())
	r.mu.Unlock()
	if superseded && r.config.OnError != nil {
		r.config.OnError(r.superseded())
	}
	if acted && r.config.OnOrder != nil {
		r.config.OnOrder(order)
	}
	return max(0, due.Sub(r.config.Now()))
}

// next builds a report of what is held right now.
func (r *Reporter) next() Report {
	var protected time.Time
	if r.config.Protection != nil {
		protected = r.config.Protection()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process.Report(r.config.Now(), slices.Clone(r.sessions), protected)
}

// leaveTime bounds the last report: the process is being stopped.
const leaveTime = 5 * time.Second

func (r *Reporter) takeLeave(ctx context.Context) {
	r.mu.Lock()
	if len(r.sessions) > 0 {
		r.mu.Unlock()
		return
	}
	last := r.process.Leave(r.config.Now())
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	if _, err := r.config.Writer.Report(ctx, last); err != nil && r.config.OnError != nil {
		r.config.OnError(err)
	}
}
