// Package moments loses a process at every moment of every call that it makes, has
// another one go on with nothing but what is stored, and holds the end to that of the
// run in which nothing was lost.
//
// What is tested is described by scenes. One run of a scene, undisturbed, lists its
// calls; then the scene is run again for each call and each [Moment]. The calls are
// gathered in rows by what the process was about when it made them, and a table shows
// each row at each moment. A moment that a row never meets has to be named, with the
// reason.
package moments

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
)

// Moment is where in a call its process is lost.
type Moment int

// The moments, in the order of the table's columns.
const (
	// Before is before anything was sent.
	Before Moment = iota
	// Effect is after the call's effect, and before anybody has heard of it.
	Effect
	// Saved is after the next save of the checkpoint, in this pass or a later one.
	Saved
	// Lost is a reply that was lost: the process hears an error, ends its pass as it
	// sees fit, and is lost then.
	Lost
	// Late is a call that its process gave up on. It takes effect when a later pass
	// has read the world and is about to act on what it read.
	Late
	momentCount
)

// String returns the column's head.
func (m Moment) String() string {
	return [...]string{"before the call", "after the effect", "after the save", "reply lost", "arrives late"}[m]
}

// Row is what a process was about when it made a call.
type Row struct {
	Where string // at which level, or in which situation
	Step  string
	Act   string
	Call  ecssim.Op
}

// String returns the row as the name of a test.
func (r Row) String() string { return fmt.Sprintf("%s %s %s %s", r.Where, r.Step, r.Act, r.Call) }

// Scene is one situation that a process is lost in.
type Scene struct {
	Name string
	New  func(t *testing.T) *Run
	// Each, where it is not 0, is how many calls of a row are tried from the beginning
	// and how many from the end: a run of hours looks at the same things all the time.
	Each int
}

// Run is one run of a scene.
type Run struct {
	Cluster *ecssim.Cluster
	Store   *memstore.Store
	Service autoscaler.ServiceID
	// Seam lays a seam over every call.
	Seam func(ecssim.Seam)
	// Pass has the process that there is make one pass. It must not end the test: it
	// may run beside it.
	Pass func(ctx context.Context) error
	// Restart puts a new process in the place of the one that was.
	Restart func()
	// Rest lets the time go by until the next pass.
	Rest func()
	// Doing says what the process is about at a call.
	Doing func(call ecssim.Call) Row
	// Over reports that there is nothing left to do.
	Over func() bool
	// End describes what stands in the end.
	End func() string
}

// passesAtMost bounds a run: what takes longer does not end.
const passesAtMost = 400

// The names of the process that is lost, and of the one that goes on.
const (
	first = "first"
	next  = "next"
)

// permitted are the calls whose permit is judged as they are sent. What holds them up
// before that has them refused; only what holds them up after it makes them late.
var permitted = []ecssim.Op{ecssim.OpSetDesired, ecssim.OpUnprotect, ecssim.OpStop}

// made is one call of the undisturbed run.
type made struct {
	row    Row
	pass   int
	done   bool // it took effect
	before string
}

// Check runs the scenes and holds the table to the moments that are said never to
// come. It returns the table for whoever wants to see more.
func Check(t *testing.T, scenes []Scene, never []Never) *Table {
	t.Helper()
	table := &Table{cells: map[Row]*[momentCount]cell{}}
	t.Run("scenes", func(t *testing.T) {
		for _, s := range scenes {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				s.play(t, table)
			})
		}
	})
	table.judge(t, never)
	t.Logf("the most passes that a process needed which went on after another was lost:\n%s%s", table, reasons(never))
	return table
}

// play runs the scene undisturbed, and then once for each moment of each call.
func (s Scene) play(t *testing.T, table *Table) {
	var calls []made
	var want string
	if !t.Run("undisturbed", func(t *testing.T) { calls, want = s.undisturbed(t) }) {
		return
	}
	known := map[instant]int{}
	for n := range calls {
		if s.passesOver(calls, n) {
			continue
		}
		for m := range momentCount {
			at, comes := meet(calls, n, m)
			if !comes {
				table.never(calls[n].row)
				continue
			}
			table.plan()
			if passes, done := known[at]; done {
				table.hit(calls[n].row, m, passes)
				continue
			}
			t.Run(fmt.Sprintf("%d %s %s", n, calls[n].row, m), func(t *testing.T) {
				known[at] = s.trial(t, calls, at, want)
				table.hit(calls[n].row, m, known[at])
			})
		}
	}
}

// passesOver reports that the call is one of many of its row.
func (s Scene) passesOver(calls []made, n int) bool {
	same := func(other []made) (count int) {
		for i := range other {
			if other[i].row == calls[n].row {
				count++
			}
		}
		return count
	}
	return s.Each > 0 && same(calls[:n]) >= s.Each && same(calls[n+1:]) >= s.Each
}

// instant is one moment of the nth call.
type instant struct {
	n int
	m Moment
}

// meet returns the instant at which a process is lost for a moment of its nth call,
// and reports whether the call meets it. A process that is lost after the effect of a
// call has made all its calls up to the next one, and one that is lost after a save
// all up to that: what is one and the same is run once.
func meet(calls []made, n int, m Moment) (instant, bool) {
	c := calls[n]
	switch m {
	case Before:
		return instant{n, m}, true
	case Lost:
		return instant{n, m}, c.done
	case Late:
		return instant{n, m}, c.done && !slices.Contains(ecssim.Reading(), c.row.Call)
	case Effect:
		if n+1 < len(calls) && calls[n+1].pass == c.pass {
			return instant{n + 1, Before}, c.done
		}
		return instant{n, m}, c.done
	case Saved:
		for k := n + 1; k < len(calls) && c.row.Call != ecssim.OpSaveCheckpoint; k++ {
			if later := calls[k]; later.row.Call == ecssim.OpSaveCheckpoint && later.done {
				return meet(calls, k, Effect)
			}
		}
	case momentCount:
	}
	return instant{}, false
}

// undisturbed lists the calls of a run in which nobody is lost, and its end.
func (s Scene) undisturbed(t *testing.T) (calls []made, end string) {
	run := s.New(t)
	passes := 0
	run.Seam(func(ctx context.Context, call ecssim.Call) error {
		if ecssim.Actor(ctx) != first {
			return nil
		}
		read := slices.Contains(ecssim.Reading(), call.Op)
		switch call.Point {
		case ecssim.Before:
			c := made{row: run.Doing(call), pass: passes}
			if read {
				c.before = run.world()
			}
			calls = append(calls, c)
		case ecssim.Sent:
		case ecssim.After:
			c := &calls[len(calls)-1]
			if c.done = call.Err == nil; read && run.world() != c.before {
				t.Errorf("%s is taken for a read and changes something", call.Op)
			}
		}
		return nil
	})
	for ; !run.Over(); run.Rest() {
		if passes++; passes > passesAtMost {
			t.Fatalf("the run does not end: %s", run.End())
		}
		if err := run.Pass(ecssim.WithActor(context.Background(), first)); err != nil {
			t.Fatalf("undisturbed, and a pass fails: %v", err)
		}
	}
	run.settle()
	return calls, run.End()
}

// settle lets a few more passes find that there is nothing left.
func (run *Run) settle() {
	for range 20 {
		run.Rest()
		_ = run.Pass(ecssim.WithActor(context.Background(), next))
	}
}

// world is all that stands anywhere.
func (run *Run) world() string {
	ctx := context.Background()
	checkpoint, err := run.Store.LoadCheckpoint(ctx, run.Service)
	activity, err2 := run.Store.Activity(ctx, run.Service, run.Cluster.Now())
	truth, err3 := run.Cluster.Truth(run.Service)
	text, err4 := json.Marshal([]any{checkpoint, activity.Tasks, truth})
	return fmt.Sprint(string(text), err, err2, err3, err4)
}

// trial runs the scene, loses the process at one moment of its nth call, and returns
// how many passes another one needed.
func (s Scene) trial(t *testing.T, calls []made, at instant, want string) int {
	run, c := s.New(t), calls[at.n]
	d := &doom{at: at.n, moment: at.m, row: c.row, run: run, held: make(chan struct{}), free: make(chan struct{}), done: make(chan struct{})}
	run.Seam(d.seam)
	for pass := 1; pass < c.pass; pass++ {
		if err := run.Pass(ecssim.WithActor(context.Background(), first)); err != nil {
			t.Fatalf("a pass fails before its time: %v", err)
		}
		run.Rest()
	}
	d.last()
	if !d.struck || d.found != c.row {
		t.Fatalf("call %d is %s in this run (struck %v), and was %s", at.n, d.found, d.struck, c.row)
	}
	run.Restart()
	passes := 0
	goOn := func() {
		for ; passes < passesAtMost && !run.Over(); passes++ {
			run.Rest()
			_ = run.Pass(ecssim.WithActor(context.Background(), next))
		}
	}
	goOn()
	if d.holding() {
		// Nobody had anything to do before it arrives.
		d.arrive()
		goOn()
	}
	run.settle()
	if got := run.End(); got != want {
		t.Errorf("after %d passes it ends in another way\n got: %s\nwant: %s", passes, got, want)
	}
	return passes
}
