package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress draws one line over and over on a terminal, for all runs together, and
// draws nothing elsewhere. Runs may call it at once.
type progress struct {
	w    io.Writer
	live bool
	now  func() time.Time

	mu    sync.Mutex
	runs  []float64 // the share of each that is done
	shown bool
	first time.Time
	last  time.Time
}

func newProgress(w io.Writer, live bool) *progress { return &progress{w: w, live: live, now: time.Now} }

// begin says how many runs there will be.
func (p *progress) begin(runs int) {
	p.runs, p.first = make([]float64, runs), p.now()
}

// show draws the line, at most ten times a second.
func (p *progress) show(i int, done float64, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs[i] = min(done, 1)
	now, sum := p.now(), 0.0
	for _, share := range p.runs {
		sum += share
	}
	if !p.live || now.Sub(p.last) < 100*time.Millisecond && sum < float64(len(p.runs)) {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r\x1b[K%3.0f %%  %s", 100*sum/float64(len(p.runs)), text)
}

// done leaves the line.
func (p *progress) done() {
	if p.shown {
		fmt.Fprintln(p.w)
	}
}

// speed says how fast the runs went, all together.
func (p *progress) speed(sessions int) {
	took := p.now().Sub(p.first)
	runs := "runs"
	if len(p.runs) == 1 {
		runs = "run"
	}
	fmt.Fprintf(p.w, "%d %s of %d sessions in %.1f s: %.0f sessions per second\n",
		len(p.runs), runs, sessions, took.Seconds(), float64(sessions)/max(took.Seconds(), 1e-9))
}
