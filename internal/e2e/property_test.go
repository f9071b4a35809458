package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

var (
	schedules = flag.Int("schedules", 800, "how many random schedules TestSchedules runs")
	replay    = flag.Uint64("seed", 0, "run the one schedule of this seed, and print its calls; 0 for all")
	from      = flag.Uint64("from", 1, "the first seed")
	enough    = flag.Int("enough", 3, "stop after so many schedules that went wrong")
	hunt      = flag.Bool("hunt", false, "look for one schedule that goes wrong, and ask nothing of the counts")
	headroom  = flag.Bool("headroom", false, "have Headroom decide in every schedule, and not in every third")
)

const (
	// A schedule's chaos lasts half an hour; one in twenty lasts for six, in which a
	// surplus has to be given back.
	chaosShort, chaosLong = 30 * time.Minute, 6 * time.Hour
	calmLength            = 2 * time.Hour
	calmOpen              = 2 // tasks wanted once it is calm
)

// TestSchedules runs random schedules: two controllers with the wildest of policies,
// the application's processes and its users are interleaved call by call and held up
// anywhere for up to a day, also between signing and sending; calls are throttled,
// lost, late, doubled, stale and cut short; controllers are stopped at any point;
// others write the desired count, deploy, stop tasks and take their protection away;
// tasks crash, fall sick and are reclaimed. Then all of that ends, and one controller
// that wants two tasks has two hours.
//
// After every call the invariants of the drain protocol hold, and no session at level
// A or B is cut; at level C one may be that began within the host's bound of its
// task's retiring. In the end nothing is left over.
//
// A failing seed is printed; -seed replays it.
func TestSchedules(t *testing.T) {
	if *replay != 0 {
		w := newWorld(t, *replay, columnOf(*replay))
		for _, fault := range w.run() {
			t.Errorf("seed %d (%s): %s", *replay, w.col, fault)
		}
		t.Logf("%+v", w.tally)
		return
	}
	if *hunt {
		*enough = 1
	}
	table := runAll(t, *from, *schedules)
	if *hunt {
		return
	}
	t.Logf("%d schedules\n%s", *schedules, table)
	for _, missing := range table.missing(*schedules) {
		t.Error(missing)
	}
}

// columnOf spreads the seeds over the columns.
func columnOf(seed uint64) column { return columns()[seed%uint64(len(columns()))] }

func runAll(t *testing.T, first uint64, n int) *table {
	var (
		mu     sync.Mutex
		group  sync.WaitGroup
		seeds  = make(chan uint64)
		failed int
		table  = newTable()
	)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := range seeds {
				w := newWorld(t, seed, columnOf(seed))
				faults := w.run()
				mu.Lock()
				table.add(w, len(faults))
				if len(faults) > 0 {
					if failed++; failed <= *enough {
						t.Errorf("seed %d, column %s (replay with -seed %d): %s", seed, w.col, seed, strings.Join(faults, "\n"))
					}
				}
				mu.Unlock()
			}
		})
	}
	for i := range uint64(n) {
		// One violation is an answer; the other seeds would say the same for hours.
		mu.Lock()
		over := failed >= *enough
		mu.Unlock()
		if over {
			break
		}
		seeds <- first + i
	}
	close(seeds)
	group.Wait()
	if failed > 0 {
		t.Errorf("%d schedules went wrong", failed)
	}
	return table
}

// whim is a policy that wants anything: a number, tasks to remove, to empty and
// to reopen, drawn anew at each instant, ids that do not exist among them. What
// it may not do is end a session; the guard and the protocol see to that.
type whim struct{ seed uint64 }

func (whim) Name() string { return "whim" }

func (w whim) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	r := rand.New(rand.NewPCG(w.seed, uint64(s.At.UnixNano())))
	d := s.Want(r.IntN(7), "whim")
	for i := range s.Tasks {
		id := s.Tasks[i].ID
		switch r.IntN(12) {
		case 0:
			d.Remove = append(d.Remove, id)
		case 1:
			d.Empty = append(d.Empty, id)
		case 2:
			d.Reopen = append(d.Reopen, id)
		case 3:
			d.Remove = append(d.Remove, "no-"+id)
		}
	}
	d.Abstain = r.IntN(10) == 0
	return d
}

// run runs the schedule and returns what is wrong with it.
func (w *world) run() []string {
	length := chaosShort
	if w.long {
		length = chaosLong
	}
	w.play(length)
	w.weather(length)
	for i := range 2 {
		w.controller(fmt.Sprint("controller-", i), i)
	}
	w.operator()
	w.stage.Run(w.c.Now().Add(length))
	if w.long {
		w.released6 = w.released
	}
	w.calmDown()
	return append(w.broken, append(w.cuts(), w.unrest()...)...)
}

// attended reports that six hours have had a surplus to give back and somebody to do
// so: in a few schedules both controllers are held up for the better part of them.
func (w *world) attended() bool { return w.long && w.awake >= 2*time.Hour }

// controller makes passes until it is calm, as one process after another where it is
// stopped in the middle.
func (w *world) controller(name string, i int) {
	// In a long schedule one policy wants few tasks after an hour of demand, so that
	// there is a surplus to give back.
	var p autoscaler.Policy = whim{w.seed + uint64(i)*uint64(w.r.IntN(2))}
	if w.long {
		p = policy.Fixed{Open: 2}
	}
	// In every third it is the policy that everybody has who names none.
	if w.seed%3 == 0 || *headroom {
		p = policy.Headroom{}
	}
	pause := time.Duration(10+w.r.IntN(20)) * time.Second
	if w.long {
		pause *= 3
	}
	w.stage.Go(name, func(ctx context.Context) {
		ctx = ecssim.WithClock(ctx, func() time.Time { return w.clock(name) })
		ctl := w.control(name, p)
		for w.stage.Sleep(ctx, pause) == nil && !w.calm {
			// What a pass could not do, the next one does.
			pass, _ := ctl.Reconcile(ctx)
			w.count(pass)
			w.awake += pause
			if w.dead[name] {
				// Another process takes its place, and knows what the stores know.
				w.restarts++
				if w.stage.Sleep(ctx, time.Duration(w.r.IntN(60))*time.Second) != nil {
					return
				}
				delete(w.dead, name)
				ctl = w.control(name, p)
			}
		}
	})
}

// operator drains, reopens and ends tasks by hand, now and then.
func (w *world) operator() {
	if w.r.IntN(2) == 0 {
		return
	}
	w.stage.Go("operator", func(ctx context.Context) {
		ctl := w.control("operator", policy.Fixed{Open: 3})
		for w.stage.Sleep(ctx, time.Duration(2+w.r.IntN(8))*time.Minute) == nil && !w.calm {
			task, ok := w.someTask()
			if !ok {
				continue
			}
			// Whatever is refused is refused for the protocol's own reasons.
			switch w.r.IntN(4) {
			case 0, 1:
				_ = ctl.Drain(ctx, task, "ann")
			case 2:
				_ = ctl.Reopen(ctx, task, "ann")
			case 3:
				_ = ctl.End(ctx, task, "ann", w.clock("operator").Add(time.Minute))
			}
		}
		w.endByHand(ctl)
	})
}

// endByHand ends the drains that an operator began: demand does not.
func (w *world) endByHand(ctl *autoscaler.Controller) {
	activity, err := w.raw.Activity(context.Background(), service, w.c.Now())
	if err != nil {
		return
	}
	for _, a := range activity.Tasks {
		if a.State == autoscaler.TaskCordoned && a.Drain.By != "" {
			_ = ctl.Reopen(context.Background(), a.Ref.Task, "ann")
		}
	}
}

func (w *world) someTask() (autoscaler.TaskID, bool) {
	truth, err := w.c.Truth(service)
	if err != nil || len(truth.Tasks) == 0 {
		return "", false
	}
	return truth.Tasks[w.r.IntN(len(truth.Tasks))].ID, true
}

// play lets users come, none of whom stays for more than an hour: the service is
// to be empty well before the run is over.
func (w *world) play(length time.Duration) {
	if w.long {
		length = 90 * time.Minute
	}
	load := ecssim.Load{
		Seed: w.seed, Start: w.c.Now(), Length: length, PerHour: 30 + 60*w.r.Float64(), Swing: -1, Mean: 4 * time.Minute,
	}
	sessions := load.Sessions()
	for i := range sessions {
		sessions[i].Duration = min(sessions[i].Duration, time.Hour)
	}
	w.sessions = len(sessions)
	w.users.Play(sessions)
}

// calmDown ends everything that befalls the service.
func (w *world) calmDown() {
	w.calm = true
	w.faults.End()
	// Nobody is late any more, and whoever was sick is well.
	w.stage.Pick = func(int) int { return 0 }
	for id := range w.sick {
		_ = w.c.SetHealth(autoscaler.TaskRef{Service: service, Task: id}, true)
	}
	// The application is awake; controllers that were held up for hours still wake in
	// their own time, into the calm, and the last of them half an hour before its end.
	w.stage.Wake(func(name string) bool { return !strings.HasPrefix(name, "controller") })
	w.c.At(w.c.Now().Add(calmLength-30*time.Minute), func() { w.stage.Wake(func(string) bool { return true }) })
	w.confirm()
	const name = "calm"
	w.stage.Go(name, func(ctx context.Context) {
		ctl := w.control(name, policy.Fixed{Open: calmOpen})
		for w.stage.Sleep(ctx, 30*time.Second) == nil {
			w.last, _ = ctl.Reconcile(ctx)
			w.count(w.last)
		}
	})
	w.stage.Run(w.c.Now().Add(calmLength))
	w.stage.Close()
}

// confirm is the host's word on tasks at level C whose first event was lost: a pass
// has made their records, and nobody knows what they held before.
func (w *world) confirm() {
	ctx := context.Background()
	activity, err := w.raw.Activity(ctx, service, w.c.Now())
	if err != nil {
		return
	}
	for _, a := range activity.Tasks {
		if a.Adopted && a.Level == "" && strings.HasPrefix(w.col.level, "C") && a.LastReport.IsZero() {
			_, _ = w.raw.Register(ctx, autoscaler.RegisterRequest{Ref: a.Ref, Level: autoscaler.LevelC, Slots: 4, At: w.c.Now()})
		}
	}
}

// cuts are the sessions that were cut and should not have been.
func (w *world) cuts() []string {
	var faults []string
	for _, v := range w.checks.Violations() {
		faults = append(faults, v.String())
	}
	for _, cut := range w.users.Cuts() {
		if n := w.outsideOf(cut); n != nil {
			*n++
			continue
		}
		faults = append(faults, w.cutAtC(cut)...)
	}
	return faults
}

// cutAtC judges a cut of a task at level C: one that was retired may have been told of
// the session too late, within the host's bound; one that was not retired can only have
// been bare, since such a task serves before anybody can protect it. And the journal
// has to say what became of the task.
func (w *world) cutAtC(cut ecssim.Cut) []string {
	at, retired := w.retired[cut.Task]
	switch {
	case retired && cut.Began.After(at.Add(-lagBound)):
		w.within++
	case !retired && !cut.Protected:
		w.byBareness++
	default:
		return []string{fmt.Sprintf("session cut at level C beyond its bound: %+v, retired at %s", cut, at)}
	}
	switch why := w.explained(cut); {
	case why != "":
	case w.rate > 0 || w.restarts > 0:
		// A journal that cannot be written stops nothing, and then does not tell.
		w.unexplained++
	default:
		return []string{fmt.Sprintf("nothing explains the cut %+v", cut)}
	}
	return nil
}

// explained is what the records and the journal say of a session that was cut, empty
// where they do not tell how its task went.
func (w *world) explained(cut ecssim.Cut) string {
	x, err := sessionstore.Explain(context.Background(),
		sessionstore.Sources{Sessions: w.raw, Journal: w.raw, Finder: w.raw},
		sessionstore.Question{Service: service, Task: cut.Task, At: w.c.Now()})
	if err != nil || len(x.History) == 0 {
		return ""
	}
	return x.Verdict
}

// outsideOf returns the count of the reason for which a cut is outside the guarantee,
// nil where it has to be judged.
func (w *world) outsideOf(cut ecssim.Cut) *int {
	switch {
	case cut.StopCode == "EssentialContainerExited" || cut.StopCode == ecssim.CutByRestart:
		return &w.byItself
	case cut.StopCode != "ServiceSchedulerInitiated" && cut.StopCode != "UserInitiated":
		return &w.byAWS
	case cut.Sick:
		return &w.bySickness
	case cut.ByOthers:
		return &w.byOthers
	case w.byForce[cut.Task]:
		return &w.byHost
	case cut.Level != autoscaler.LevelC:
		// The invariants have judged these; what they pass is a task that ECS had refused
		// to protect.
		return &w.byExposure
	}
	return nil
}

// settles reports that the run is one in which everything comes to rest: at level C
// nothing is released where ECS registers each target again that is taken out, and an
// operator's drain waits for the operator.
func (w *world) settles() bool { return !(w.rereg && strings.HasPrefix(w.col.level, "C")) }

// honest reports that the controllers' clocks are within the bound.
func (w *world) honest() bool {
	for _, name := range []string{"controller-0", "controller-1", "operator"} {
		if w.skewAt(name, false).Abs() > skewBound {
			return false
		}
	}
	return true
}

// unrest is what the calm has not put right.
func (w *world) unrest() []string {
	ctx := context.Background()
	state, err := w.c.Truth(service)
	cp, failed := w.raw.LoadCheckpoint(ctx, service)
	activity, unread := w.raw.Activity(ctx, service, w.c.Now())
	if err := errors.Join(err, failed, unread); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	open := 0
	for _, a := range activity.Tasks {
		switch a.State {
		case autoscaler.TaskOpen:
			open++
		case autoscaler.TaskRetired, autoscaler.TaskCordoned, autoscaler.TaskNew, autoscaler.TaskStopping, autoscaler.TaskGone:
			add(w.settles(), "%s is %s with %s sessions, truly %d: %+v", a.Ref.Task, a.State, a.Occupancy, w.users.Live(a.Ref.Task), a)
		}
	}
	add(w.settles() && open > calmOpen+1, "%d tasks are open, want at most %d", open, calmOpen+1)
	add(w.settles() && open < calmOpen, "%d tasks are open, want at least %d", open, calmOpen)
	add(w.settles() && state.Running > calmOpen+1, "%d tasks run, want at most %d", state.Running, calmOpen+1)
	add(state.Desired > w.limits.Total(), "desired %d", state.Desired)
	add(w.settles() && cp.Release != nil, "a release is under way: %+v", cp.Release)
	add(cp.Brake.On(), "the brake is on: %s", cp.Brake.Detail)
	add(w.rate == 0 && w.honest() && w.stuck > 0, "%d drains ended stuck, and no call was lost: %s", w.stuck, w.stuckAs)
	add(w.attended() && w.settles() && w.released == 0, "six hours with a surplus, and no task was released")
	if len(faults) > 0 {
		for _, task := range state.Tasks {
			if r, ok := w.raw.Record(autoscaler.TaskRef{Service: service, Task: task.ID}); ok && task.Wanted() {
				faults = append(faults, fmt.Sprintf("record %+v", *r))
			}
			if task.Wanted() {
				faults = append(faults, fmt.Sprintf("task %+v", task))
			}
		}
		faults = append(faults, fmt.Sprintf("desired %d, deployments %+v", state.Desired, state.Deployments))
		faults = append(faults, fmt.Sprintf("the last pass: %v, %v, %v, %s", w.last.Actions, w.last.Reasons, w.last.Releases, w.last.Error))
	}
	return faults
}
