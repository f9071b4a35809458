package moments

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

var (
	errEnded = errors.New("the process has ended")
	errReply = errors.New("connection reset by peer")
)

// Tested reports that a call is one of the processes' that are lost or go on, and not
// of the world around them.
func Tested(ctx context.Context) bool {
	actor := ecssim.Actor(ctx)
	return actor == first || actor == next
}

// doom loses the first process at one moment of its nth call.
type doom struct {
	at     int
	moment Moment
	row    Row
	run    *Run

	seen   int  // calls so far
	met    bool // the call under way is the one
	struck bool
	ended  bool // every further call fails
	found  Row  // what the nth call was

	// A call that is late stands still in a goroutine of its own. Held says that it
	// does; free lets it arrive, and done says that its process has come to its end.
	// Whoever holds no turn waits, so that never two of them run.
	held, free, done chan struct{}
	arrived          bool
}

// last has the first process make the pass in which it is lost.
func (d *doom) last() {
	ctx := ecssim.WithActor(context.Background(), first)
	if d.moment != Late {
		_ = d.run.Pass(ctx)
		return
	}
	go func() {
		defer close(d.done)
		_ = d.run.Pass(ctx)
	}()
	select {
	case <-d.held:
	case <-d.done:
	}
}

// holding reports that the late call has not arrived yet.
func (d *doom) holding() bool { return d.moment == Late && !d.arrived }

// arrive lets the late call take effect; its process ends with it.
func (d *doom) arrive() {
	d.arrived = true
	close(d.free)
	<-d.done
}

func (d *doom) seam(ctx context.Context, call ecssim.Call) error {
	switch ecssim.Actor(ctx) {
	case next:
		if d.holding() && d.due(call) {
			d.arrive()
		}
		return nil
	case first:
	default:
		return nil
	}
	if d.ended {
		return errEnded
	}
	switch call.Point {
	case ecssim.Before:
		return d.before(call)
	case ecssim.Sent:
		d.hold()
	case ecssim.After:
		return d.after(call)
	}
	return nil
}

func (d *doom) before(call ecssim.Call) error {
	d.met = d.seen == d.at
	d.seen++
	if !d.met {
		return nil
	}
	d.found = d.run.Doing(call)
	if d.moment == Before {
		return d.end(errEnded)
	}
	if !slices.Contains(permitted, call.Op) {
		d.hold()
	}
	return nil
}

// hold keeps the call on the wire until it may arrive.
func (d *doom) hold() {
	if !d.met || d.moment != Late || d.struck {
		return
	}
	d.struck = true
	close(d.held)
	<-d.free
}

func (d *doom) after(call ecssim.Call) error {
	if !d.met {
		return nil
	}
	d.met = false
	switch d.moment {
	case Effect:
		return d.end(errEnded)
	case Lost:
		d.struck = true
		return fmt.Errorf("%s: %w", call.Op, errReply)
	case Late:
		return d.end(fmt.Errorf("%s: %w", call.Op, context.DeadlineExceeded))
	case Before, Saved, momentCount:
	}
	return nil
}

func (d *doom) end(err error) error {
	d.struck, d.ended = true, true
	return err
}

// due reports that a later process has read what it wanted and is about to act: the
// worst instant for a call that was sent before. A save is an act of its own only
// where it is a save that is late; and the dangerous calls follow theirs.
func (d *doom) due(call ecssim.Call) bool {
	late := d.row.Call
	switch {
	case call.Op == ecssim.OpSaveCheckpoint:
		return late == call.Op && call.Point == ecssim.Before
	case call.Op == ecssim.OpAppend, slices.Contains(ecssim.Reading(), call.Op):
		return false
	case slices.Contains(permitted, call.Op):
		return call.Point == ecssim.Sent
	}
	return call.Point == ecssim.Before
}
