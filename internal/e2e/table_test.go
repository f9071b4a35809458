package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// tally is what happened in a run, so that a test that passed because nothing
// happened is seen.
type tally struct {
	passes, overlapped, cordons, reopens, retired, released, stopped, lowered, raised, held int
	sessions, restarts, stuck, ended                                                        int
	within                                                                                  int // cuts within level C's bound
	byItself, byAWS, bySickness, byOthers, byHost, byExposure, byBareness                   int
	unexplained                                                                             int // cuts outside the guarantee
	released6                                                                               int // in six hours

	long   bool
	awake  time.Duration // in which controllers made passes, of both together
	most   int
	broken []string
	last   autoscaler.Pass

	stuckAs string // what the last release that ended stuck had to say
}

func (t *tally) count(p autoscaler.Pass) {
	t.passes++
	for _, a := range p.Actions {
		switch {
		case a.Outcome != "":
		case a.Code == autoscaler.CodeCordoned:
			t.cordons++
		case a.Code == autoscaler.CodeReopened:
			t.reopens++
		case a.Code == autoscaler.CodeScaledOut:
			t.raised++
		}
	}
	reasons := slices.Clone(p.Reasons)
	for _, r := range p.Releases {
		reasons = append(reasons, r.Reasons...)
		switch r.Outcome {
		case autoscaler.OutcomeStuck:
			t.stuck++
			t.stuckAs = fmt.Sprint(r.Reasons)
		case autoscaler.OutcomeReleased:
			t.ended++
		case autoscaler.OutcomeAborted, autoscaler.OutcomeCancelled:
		}
	}
	for _, r := range reasons {
		switch r.Code {
		case autoscaler.CodeOverlapped:
			t.overlapped++
		case autoscaler.CodeRetired:
			t.retired++
		case autoscaler.CodeReleased:
			t.released++
		case autoscaler.CodeStopped:
			t.stopped++
		case autoscaler.CodeScaledIn:
			t.lowered++
		case autoscaler.CodePermitHeld, autoscaler.CodePermitExpired:
			t.held++
		}
	}
}

// table adds the runs up, a column for each level and reading.
type table struct {
	columns map[column]*sums
	faults  map[ecssim.FaultKind]int
	crashes map[crash]int
}

type sums struct {
	tally
	runs, wrong, longRuns, awakeRuns int
}

func newTable() *table {
	t := &table{columns: map[column]*sums{}, faults: map[ecssim.FaultKind]int{}, crashes: map[crash]int{}}
	for _, c := range columns() {
		t.columns[c] = &sums{}
	}
	return t
}

func (t *table) add(w *world, wrong int) {
	s := t.columns[w.col]
	s.runs++
	if wrong > 0 {
		s.wrong++
	}
	if w.long {
		s.longRuns++
	}
	if w.attended() {
		s.awakeRuns++
	}
	for _, f := range rows() {
		*f.of(&s.tally) += *f.of(&w.tally)
	}
	for k, n := range w.faults.Counts() {
		t.faults[k] += n
	}
	for k, n := range w.crashes {
		t.crashes[k] += n
	}
}

// row is one line of the table.
type row struct {
	name string
	of   func(*tally) *int
}

func rows() []row {
	return []row{
		{"sessions", func(t *tally) *int { return &t.sessions }},
		{"passes", func(t *tally) *int { return &t.passes }},
		{"passes that lost to another", func(t *tally) *int { return &t.overlapped }},
		{"controllers stopped in mid-pass", func(t *tally) *int { return &t.restarts }},
		{"cordons", func(t *tally) *int { return &t.cordons }},
		{"reopens", func(t *tally) *int { return &t.reopens }},
		{"records retired", func(t *tally) *int { return &t.retired }},
		{"tasks released", func(t *tally) *int { return &t.released }},
		{"stragglers stopped", func(t *tally) *int { return &t.stopped }},
		{"counts lowered", func(t *tally) *int { return &t.lowered }},
		{"counts raised", func(t *tally) *int { return &t.raised }},
		{"permits held or run out", func(t *tally) *int { return &t.held }},
		{"releases that ended", func(t *tally) *int { return &t.ended }},
		{"releases that ended stuck", func(t *tally) *int { return &t.stuck }},
		{"cut as the task crashed or restarted", func(t *tally) *int { return &t.byItself }},
		{"cut by Spot, retirement or loss of the host", func(t *tally) *int { return &t.byAWS }},
		{"cut as ECS replaced a sick task", func(t *tally) *int { return &t.bySickness }},
		{"cut as others stopped or bared the task", func(t *tally) *int { return &t.byOthers }},
		{"cut as ECS had refused to protect the task", func(t *tally) *int { return &t.byExposure }},
		{"cut at level C before a pass had protected the task", func(t *tally) *int { return &t.byBareness }},
		{"cut within level C's bound", func(t *tally) *int { return &t.within }},
		{"of these two, told of by nobody: the journal's write was lost", func(t *tally) *int { return &t.unexplained }},
		{"ended by force, as the host asked", func(t *tally) *int { return &t.byHost }},
	}
}

// String prints the table.
func (t *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name string, of func(*sums) int) {
		fmt.Fprintf(w, "%s\t", name)
		for _, c := range columns() {
			fmt.Fprintf(w, "%d\t", of(t.columns[c]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "level, protection refused when protected … desired\t")
	for _, c := range columns() {
		fmt.Fprintf(w, "%s\t", c)
	}
	fmt.Fprintln(w)
	line("schedules", func(s *sums) int { return s.runs })
	line("of six hours", func(s *sums) int { return s.longRuns })
	line("of these with a surplus that a controller saw", func(s *sums) int { return s.awakeRuns })
	line("schedules that went wrong", func(s *sums) int { return s.wrong })
	for _, r := range rows() {
		line(r.name, func(s *sums) int { return *r.of(&s.tally) })
	}
	fmt.Fprintln(w, "\nfault\ttimes\t")
	for _, k := range ecssim.FaultKinds() {
		fmt.Fprintf(w, "%s\t%d\t\n", k, t.faults[k])
	}
	fmt.Fprintln(w, "\ncontroller stopped at\tbefore\tsent\tafter\t")
	for _, op := range t.ops() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", op, t.crashes[crash{op, ecssim.Before}], t.crashes[crash{op, ecssim.Sent}], t.crashes[crash{op, ecssim.After}])
	}
	_ = w.Flush() // to a builder
	return b.String()
}

func (t *table) ops() []ecssim.Op {
	seen := map[ecssim.Op]bool{}
	for c := range t.crashes {
		seen[c.op] = true
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b ecssim.Op) int { return cmp.Compare(a, b) })
}

// missing says what has happened too seldom for the runs to prove anything about it:
// a hundredth of the schedules, at least once; and whether too many releases ended
// stuck where calls were lost.
func (t *table) missing(schedules int) []string {
	enough := max(1, schedules/100)
	var all []string
	for _, k := range ecssim.FaultKinds() {
		if t.faults[k] < enough {
			all = append(all, fmt.Sprintf("fault %q struck %d times, want %d", k, t.faults[k], enough))
		}
	}
	for _, op := range controllerOps() {
		for _, p := range op.points {
			if n := t.crashes[crash{op.op, p}]; n < enough {
				all = append(all, fmt.Sprintf("a controller was stopped %d times %s %s, want %d", n, p, op.op, enough))
			}
		}
	}
	ended, stuck := 0, 0
	for _, s := range t.columns {
		ended, stuck = ended+s.ended, stuck+s.stuck
	}
	if stuck*1000 > ended {
		all = append(all, fmt.Sprintf("%d of %d releases ended stuck, want fewer than one in a thousand", stuck, ended))
	}
	return all
}

// crashOp is a call that a controller makes, and the points at which it can be
// stopped.
type crashOp struct {
	op     ecssim.Op
	points []ecssim.Point
}

// controllerOps are all the calls of passes and releases.
func controllerOps() []crashOp {
	plain := []ecssim.Point{ecssim.Before, ecssim.After}
	dangerous := []ecssim.Point{ecssim.Before, ecssim.Sent, ecssim.After}
	return []crashOp{
		{ecssim.OpLoadCheckpoint, plain}, {ecssim.OpSaveCheckpoint, plain}, {ecssim.OpControl, plain},
		{ecssim.OpDescribe, plain}, {ecssim.OpActivity, plain}, {ecssim.OpProve, plain},
		{ecssim.OpRegister, plain}, {ecssim.OpOpen, plain}, {ecssim.OpReopen, plain}, {ecssim.OpCordon, plain},
		{ecssim.OpRenew, plain}, {ecssim.OpForget, plain}, {ecssim.OpRetire, plain},
		{ecssim.OpList, plain}, {ecssim.OpProtect, plain}, {ecssim.OpSteer, plain}, {ecssim.OpWatch, plain},
		{ecssim.OpMark, plain}, {ecssim.OpDeadLetters, plain}, {ecssim.OpAppend, plain},
		{ecssim.OpGiveNotice, plain}, {ecssim.OpEndSessions, plain},
		{ecssim.OpSetDesired, dangerous}, {ecssim.OpUnprotect, dangerous}, {ecssim.OpStop, dangerous},
	}
}
