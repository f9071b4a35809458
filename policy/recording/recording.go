// Package recording keeps the passes of a controller, one JSON object a line, and
// replays them: the same policy on the same passes decides the same, to the byte, and
// another one shows where it would have decided otherwise.
//
//	rec := recording.NewWriter(file)
//	ctl, err := autoscaler.New(autoscaler.Config{…, Decided: rec.Record})
//	…
//	replay, err := recording.Replay(file, policy.Headroom{})
//
// Each hundredth pass is written whole, the passes between with the tasks that changed
// by more than their age. A policy's memory is written with the whole passes only: in a
// replay it is carried from pass to pass, and what was recorded later is compared with
// and never read.
//
// # What it refuses to do
//
// It makes no call, decides nothing, and holds no pass back: what cannot be written is
// told by Err. It replays no recording of a version that it does not know, and none
// that has a hole.
package recording

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Version is the version of the lines that this package writes.
const Version = 1

// wholeEvery is how often a pass is written whole.
const wholeEvery = 100

// longestLine bounds a line that is read: a whole pass of some ten thousand tasks.
const longestLine = 16 << 20

// Pass is one pass of a recording: what the policy saw, and what it decided. In passes
// that are not whole the snapshot has no memory, and the decision neither.
type Pass struct {
	Whole    bool
	Snapshot autoscaler.Snapshot
	Decision autoscaler.Decision
}

// line is a pass as it is written.
type line struct {
	Version  int                 `json:"version"`
	Pass     int                 `json:"pass"` // counted from 0; a hole is an error
	Whole    bool                `json:"whole,omitempty"`
	Snapshot autoscaler.Snapshot `json:"snapshot"` // its tasks: those that changed
	Gone     []autoscaler.TaskID `json:"gone,omitempty"`
	Decision autoscaler.Decision `json:"decision"`
}

// Writer writes passes. Its methods are safe for concurrent use.
type Writer struct {
	mu   sync.Mutex
	out  *json.Encoder
	n    int
	last autoscaler.Snapshot
	err  error
}

// NewWriter returns a writer that writes to w, which it neither buffers nor closes.
func NewWriter(w io.Writer) *Writer { return &Writer{out: json.NewEncoder(w)} }

// Record writes one pass; it fits Config.Decided. After a failure it writes nothing
// more: a recording with a hole is none.
func (w *Writer) Record(s autoscaler.Snapshot, d autoscaler.Decision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	l := line{Version: Version, Pass: w.n, Whole: w.n%wholeEvery == 0, Snapshot: s, Decision: d}
	if !l.Whole {
		l.Snapshot.Tasks, l.Gone = changed(w.last, s)
		l.Snapshot.Memory, l.Decision.Memory = nil, nil
	}
	if err := w.out.Encode(l); err != nil {
		w.err = &autoscaler.Error{Op: "recording.Record", Ref: s.Service.String(), Err: err}
		return
	}
	w.n++
	w.last = s
	w.last.Tasks, w.last.Memory = slices.Clone(s.Tasks), nil
}

// Err returns why the recording ended early; nil while it goes on.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// changed returns the tasks that are not what they were, grown older, and those that
// are no more. Both snapshots are ordered by id.
func changed(was, is autoscaler.Snapshot) (tasks []autoscaler.Task, gone []autoscaler.TaskID) {
	tasks = []autoscaler.Task{}
	older := is.At.Sub(was.At)
	i := 0
	for _, t := range was.Tasks {
		for i < len(is.Tasks) && is.Tasks[i].ID < t.ID {
			tasks = append(tasks, is.Tasks[i])
			i++
		}
		if i == len(is.Tasks) || is.Tasks[i].ID != t.ID {
			gone = append(gone, t.ID)
			continue
		}
		if !reflect.DeepEqual(aged(t, older), is.Tasks[i]) {
			tasks = append(tasks, is.Tasks[i])
		}
		i++
	}
	return append(tasks, is.Tasks[i:]...), gone
}

// aged returns the task as it is some time later if nothing befalls it. An age of zero
// is one that is not counted.
func aged(t autoscaler.Task, by time.Duration) autoscaler.Task {
	for _, age := range [...]*time.Duration{&t.Age, &t.IdleFor, &t.ReportAge, &t.OpenFor} {
		if *age > 0 {
			*age += by
		}
	}
	return t
}

// Read returns the passes of a recording in order, each with all its tasks. The first
// error ends it, with the number of the line.
func Read(r io.Reader) iter.Seq2[Pass, error] {
	return func(yield func(Pass, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longestLine)
		var last autoscaler.Snapshot
		n := 0
		for ; lines.Scan(); n++ {
			p, err := next(lines.Bytes(), n, last)
			if err != nil {
				yield(Pass{}, at(n, err))
				return
			}
			last = p.Snapshot
			last.Tasks = slices.Clone(last.Tasks)
			if !yield(p, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Pass{}, at(n, err))
		}
	}
}

func at(n int, err error) error {
	return &autoscaler.Error{Op: "recording.Read", Ref: fmt.Sprintf("line %d", n+1), Err: err}
}

// next reads one line on top of the pass before it.
func next(text []byte, n int, last autoscaler.Snapshot) (Pass, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return Pass{}, err
	}
	switch {
	case l.Version != Version:
		return Pass{}, fmt.Errorf("version %d, and this package reads %d", l.Version, Version)
	case l.Pass != n:
		return Pass{}, fmt.Errorf("pass %d follows pass %d: lines are missing or out of order", l.Pass, n-1)
	case n == 0 && !l.Whole:
		return Pass{}, errors.New("the first pass is not whole: the recording was cut at its beginning")
	}
	p := Pass{Whole: l.Whole, Snapshot: l.Snapshot, Decision: l.Decision}
	if !l.Whole {
		p.Snapshot.Tasks = patched(last, l)
	}
	return p, nil
}

// patched returns the tasks of a pass that is not whole.
func patched(last autoscaler.Snapshot, l line) []autoscaler.Task {
	older := l.Snapshot.At.Sub(last.At)
	fresh := make(map[autoscaler.TaskID]bool, len(l.Snapshot.Tasks)+len(l.Gone))
	for _, t := range l.Snapshot.Tasks {
		fresh[t.ID] = true
	}
	for _, id := range l.Gone {
		fresh[id] = true
	}
	tasks := slices.Clone(l.Snapshot.Tasks)
	for _, t := range last.Tasks {
		if !fresh[t.ID] {
			tasks = append(tasks, aged(t, older))
		}
	}
	slices.SortFunc(tasks, func(a, b autoscaler.Task) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return tasks
}
