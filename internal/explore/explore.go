package explore

import (
	"fmt"
	"slices"
	"strings"
)

// Result is what came of an exploration.
type Result struct {
	Scene  Scene
	States int // distinct worlds
	Steps  int // between them
	Depth  int // of the longest of the shortest ways to a world
	Rests  int // distinct worlds whose end was awaited; see explorer.rest
	Whole  bool
	// Broken is what the first broken step breaks, and Way the steps that lead there:
	// there is no shorter way to any broken world.
	Broken []string
	Way    []string
}

// String returns the counts, and the way to what was found.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-34s %9d states %10d steps, depth %3d, %7d ends awaited", r.Scene.Name, r.States, r.Steps, r.Depth, r.Rests)
	if !r.Whole && len(r.Broken) == 0 {
		b.WriteString(", NOT WHOLE")
	}
	if len(r.Broken) > 0 {
		fmt.Fprintf(&b, "\n  %s\n  in %d steps: %s", strings.Join(r.Broken, "; "), len(r.Way), strings.Join(r.Way, " → "))
	}
	return b.String()
}

// Limits bound an exploration.
type Limits struct {
	States int // a scene with more is not whole
	// Rest has each world awaited to its end; see explorer.rest.
	Rest bool
}

// explorer explores one scene, breadth first.
type explorer struct {
	scene                     *Scene
	in                        *interner
	table                     *table // nil where the store is the model's
	errands                   map[errandKey]*program
	plain                     map[*record]*record // a table's records as the model has them
	pass, scaleOut, reconcile *program
	starts                    map[started]*local
	locals                    int32            // so far
	rested                    map[world]string // what is wrong at the end of a world, empty for nothing
}

// started names the beginning of a program's run.
type started struct {
	program *program
	at      int32
}

// found is how a world was reached first.
type found struct {
	from  int32
	depth int32
	label string
}

func newExplorer(s *Scene) *explorer {
	e := &explorer{
		scene: s, in: newInterner(), starts: map[started]*local{}, rested: map[world]string{},
		errands: map[errandKey]*program{}, plain: map[*record]*record{},
		pass: &program{"pass", pass}, scaleOut: &program{"scale-out", scaleOut},
		reconcile: &program{"reconcile", reconcile},
	}
	if s.OnTable {
		e.table = newTable()
	}
	if s.Daemon {
		e.pass.run = func(h *hand) {
			for range s.Passes {
				pass(h)
			}
		}
	}
	return e
}

// start returns the beginning of a run of the program.
func (e *explorer) start(p *program, now int32) *local {
	key := started{p, now}
	if e.starts[key] == nil {
		e.locals++
		l := &local{program: p, number: e.locals, heard: answer{at: now}}
		if _, broken := l.step(e); broken != "" {
			panic("explore: " + p.name + " breaks something before it has heard anything: " + broken)
		}
		e.starts[key] = l
	}
	return e.starts[key]
}

// Explore visits every world that the scene leads to, until one is broken.
func Explore(s Scene, limits Limits) Result {
	e := newExplorer(&s)
	first := e.begin()
	r := Result{Scene: s}
	index := map[world]int32{first: 0}
	ways := []found{{from: -1}}
	queue := []world{first}
	for at := int32(0); len(queue) > 0; at++ {
		w := queue[0]
		queue = queue[1:]
		r.Depth = max(r.Depth, int(ways[at].depth))
		if limits.Rest {
			if stuck := e.rest(w); stuck != "" {
				r.Broken, r.Way = []string{stuck}, way(ways, at)
				break
			}
		}
		e.steps(&w, func(label string, do func(m *move)) {
			if len(r.Broken) > 0 {
				return
			}
			m := move{in: e.in, scene: e.scene, table: e.table, w: w}
			do(&m)
			r.Steps++
			if len(m.broken) > 0 {
				r.Broken, r.Way = m.broken, append(way(ways, at), label)
				return
			}
			m.w.order()
			if _, there := index[m.w]; !there {
				index[m.w] = int32(len(ways))
				ways = append(ways, found{at, ways[at].depth + 1, label})
				queue = append(queue, m.w)
			}
		})
		if len(r.Broken) > 0 || len(ways) > limits.States {
			break
		}
	}
	r.States, r.Rests, r.Whole = len(ways), len(e.rested), len(queue) == 0 && len(r.Broken) == 0
	return r
}

// order puts the two controllers in order: they run the same program, so that it makes
// no difference which of them has come how far. What is told of a way calls them by
// their places, and may so change their names in the middle.
func (w *world) order() {
	a, b := w.actors[0], w.actors[1]
	if b != nil && (a == nil || b.number < a.number) {
		w.actors[0], w.actors[1] = b, a
	}
}

// way returns the steps that lead to a world.
func way(ways []found, at int32) []string {
	var labels []string
	for ; ways[at].from >= 0; at = ways[at].from {
		labels = append(labels, ways[at].label)
	}
	slices.Reverse(labels)
	return labels
}
