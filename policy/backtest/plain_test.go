package backtest

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// plain is the scoring model a second time, as simply as it can be said: it goes
// through a run moment by moment, with a list of tasks and a queue. What the
// controller did to the tasks, and when, is given; who sits where, who waits for how
// long and what is billed is its own.
type plain struct {
	slots int
	tasks []*plainTask
	queue []plainUser

	arrivals, noSlot int
	waits            []int // moments, of those who waited
	bound, billed    int   // task-moments
}

// plainStep is the plain model's step: so short that nothing else happens in one in which
// something does, and in which order does not matter.
const plainStep = 10 * time.Millisecond

func moments(d time.Duration) int { return int((d + plainStep - 1) / plainStep) }

// plainTask is a task's life: instants in moments from the start, never where it did
// not come to that.
type plainTask struct {
	id                       autoscaler.TaskID
	asked, opens, ends       int
	cordons, reopens, closed []int // closed: retired
	drained                  bool
	left                     []int // when its sessions end
}

type plainUser struct{ came, stays int }

const plainNever = 1 << 40

// run plays the sessions until a moment, and scores from another on.
func (p *plain) run(users []plainUser, from, until int) {
	for now := 0; now < until; now++ {
		live := 0
		for _, t := range p.tasks {
			t.left = slices.DeleteFunc(t.left, func(end int) bool { return end <= now })
			p.act(t, now)
			live += len(t.left)
			if now >= from && t.asked <= now && now < t.ends {
				p.billed++
			}
		}
		for len(p.queue) > 0 && p.seat(p.queue[0], now) {
			if p.queue[0].came >= from {
				p.waits = append(p.waits, now-p.queue[0].came)
			}
			p.queue = p.queue[1:]
			live++
		}
		for len(users) > 0 && users[0].came <= now {
			scored := 0
			if now >= from {
				scored = 1
			}
			p.arrivals += scored
			if len(p.queue) == 0 && p.seat(users[0], now) {
				live++
			} else {
				p.queue = append(p.queue, users[0])
				p.noSlot += scored
			}
			users = users[1:]
		}
		if now >= from {
			p.bound += (live + p.slots - 1) / p.slots
		}
	}
}

// act does what the controller did to the task at this moment.
func (p *plain) act(t *plainTask, now int) {
	if slices.Contains(t.cordons, now) {
		t.drained = true
	}
	if slices.Contains(t.reopens, now) {
		t.drained = false
	}
	if slices.Contains(t.closed, now) {
		t.opens = plainNever
	}
}

// seat finds the fullest open task with a free slot, or else the fullest drained one.
func (p *plain) seat(u plainUser, now int) bool {
	var best *plainTask
	for _, t := range p.tasks {
		if t.opens > now || len(t.left) >= p.slots {
			continue
		}
		if best == nil || best.drained && !t.drained || best.drained == t.drained && len(t.left) > len(best.left) {
			best = t
		}
	}
	if best == nil {
		return false
	}
	best.drained = false
	best.left = append(best.left, now+u.stays)
	return true
}

// script is a policy that wants so many tasks from each of some seconds on.
type script struct {
	start time.Time
	steps [][2]int // second, tasks
}

func (script) Name() string { return "script" }

func (p script) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	open := 2
	for _, step := range p.steps {
		if !s.At.Before(p.start.Add(time.Duration(step[0]) * time.Second)) {
			open = step[1]
		}
	}
	d := s.Want(open, "scripted")
	// Idle tasks only: who sits where in the other cases is the store's business.
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if t.State == autoscaler.TaskOpen && t.Occupancy.Idle() && len(d.Empty) < s.Totals.Capacity()-open {
			d.Empty = append(d.Empty, t.ID)
		}
	}
	return d
}

// The simulator and its score agree with the plain model, to the second.
func TestPlainModelAgrees(t *testing.T) {
	for seed := range uint64(8) {
		trial, users := smallTrial(seed)
		trial.journaled = true
		s, err := newSimulation(t.Context(), trial)
		if err != nil {
			t.Fatal(err)
		}
		p := plain{slots: trial.Slots}
		follow(s, &p)
		result, err := s.run()
		if err != nil || result.Killed > 0 {
			t.Fatalf("seed %d: %v, %d killed", seed, err, result.Killed)
		}
		p.journal(t, s)
		p.run(users, moments(trial.WarmUp), users[len(users)-1].came)
		agree(t, seed, result, &p)
	}
}

// smallTrial is a few hours of a small service whose tasks come and go by a script.
// Users come at odd instants, so that two hardly ever do anything in one moment; the
// seeds are those of runs in which none did.
func smallTrial(seed uint64) (Trial, []plainUser) {
	r := rand.New(rand.NewPCG(seed, 7))
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	load := Load{Name: "small", Sessions: []ecssim.Session{{Start: start, Duration: 301 * time.Second}}}
	users := []plainUser{{0, moments(301 * time.Second)}}
	for at := time.Duration(0); at < 4*time.Hour; {
		at += time.Duration(r.ExpFloat64() * float64(75*time.Second)).Truncate(plainStep)
		stays := time.Duration(1+r.ExpFloat64()*450) * time.Second
		users = append(users, plainUser{moments(at), moments(stays)})
		load.Sessions = append(load.Sessions, ecssim.Session{Start: start.Add(at), Duration: stays})
	}
	p := script{start: start}
	for at := 0; at < 4*3600; at += 600 + r.IntN(1200) {
		p.steps = append(p.steps, [2]int{at, 1 + r.IntN(5)})
	}
	trial := Trial{Load: load, Policy: p, Seed: seed, Slots: 3, WarmUp: 3600 * time.Second, Unheard: true}
	return trial.withDefaults(), users
}

// follow notes when each task was asked for, opened and stopped.
func follow(s *simulation, p *plain) {
	byID := map[autoscaler.TaskID]*plainTask{}
	second := func(at time.Time) int { return moments(at.Sub(s.trial.Load.Sessions[0].Start)) }
	s.cluster.Subscribe(func(c ecssim.TaskChange) {
		t := byID[c.Ref.Task]
		if t == nil {
			t = &plainTask{id: c.Ref.Task, asked: second(c.CreatedAt), opens: plainNever, ends: plainNever}
			byID[c.Ref.Task], p.tasks = t, append(p.tasks, t)
		}
		switch c.LastStatus {
		case "RUNNING":
			t.opens = min(t.opens, second(c.At))
		case "STOPPED":
			t.ends = second(c.At)
		}
	})
}

// journal notes what the controller wrote about each task.
func (p *plain) journal(t *testing.T, s *simulation) {
	t.Helper()
	entries, err := s.store.Read(t.Context(), service(), "", time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		i := slices.IndexFunc(p.tasks, func(t *plainTask) bool { return t.id == e.Task })
		if i < 0 {
			continue
		}
		at := moments(e.At.Sub(s.trial.Load.Sessions[0].Start))
		task := p.tasks[i]
		switch {
		case e.Step == string(autoscaler.CodeCordoned):
			task.cordons = append(task.cordons, at)
		case e.Step == string(autoscaler.CodeReopened):
			task.reopens = append(task.reopens, at)
		case e.Step == "retire":
			task.closed = append(task.closed, at)
		}
	}
	slices.SortFunc(p.tasks, func(a, b *plainTask) int { return cmp.Compare(a.id, b.id) })
}

// agree compares what both say, to the second.
func agree(t *testing.T, seed uint64, r Result, p *plain) {
	t.Helper()
	slices.Sort(p.waits)
	longest := 0
	if n := len(p.waits); n > 0 {
		longest = p.waits[n-1]
	}
	near := func(what string, is, plainly float64) {
		if math.Abs(is-plainly) > 1 {
			t.Errorf("seed %d: %s is %.2f s, plainly %.2f s", seed, what, is, plainly)
		}
	}
	near("what is billed", r.TaskHours*3600, float64(p.billed)*plainStep.Seconds())
	near("LB1", r.LB1Hours*3600, float64(p.bound)*plainStep.Seconds())
	near("the longest wait", r.WaitMax, float64(longest)*plainStep.Seconds())
	// The last moment's own arrivals are in one and not in the other.
	if r.NoSlot != p.noSlot && r.NoSlot != p.noSlot+1 || r.Arrivals != p.arrivals && r.Arrivals != p.arrivals+1 {
		t.Errorf("seed %d: %d of %d found no slot, plainly %d of %d", seed, r.NoSlot, r.Arrivals, p.noSlot, p.arrivals)
	}
}
