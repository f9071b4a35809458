package moments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// Never says that rows cannot meet a moment, and why. An empty field stands for any.
type Never struct {
	Where, Step, Act string
	Calls            []ecssim.Op
	At               Moment
	Why              string
}

func (n Never) covers(r Row, m Moment) bool {
	return n.At == m && (n.Where == "" || n.Where == r.Where) && (n.Step == "" || n.Step == r.Step) &&
		(n.Act == "" || n.Act == r.Act) && (len(n.Calls) == 0 || slices.Contains(n.Calls, r.Call))
}

// ByNature says what holds for every process: a call that changes nothing cannot
// arrive late, which each of them is held to, since the world must stand before and
// after it as one; and a save is followed by no save that would be its own.
func ByNature() []Never {
	return []Never{
		{Calls: ecssim.Reading(), At: Late, Why: "a read changes nothing, so nothing of it can arrive"},
		{Calls: []ecssim.Op{ecssim.OpSaveCheckpoint}, At: Saved, Why: "the save is the effect"},
	}
}

// cell is one row at one moment.
type cell struct{ trials, passes int }

// Table is what was found: each row at each moment.
type Table struct {
	mu      sync.Mutex
	cells   map[Row]*[momentCount]cell
	planned int
	tried   int
}

// Rows returns the rows, sorted.
func (t *Table) Rows() []Row {
	var all []Row
	for r := range t.cells {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Act, b.Act), cmp.Compare(a.Call, b.Call))
	})
	return all
}

func (t *Table) row(r Row) *[momentCount]cell {
	if t.cells[r] == nil {
		t.cells[r] = new([momentCount]cell)
	}
	return t.cells[r]
}

func (t *Table) plan() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.planned++
}

// never makes the row known, though it may meet no moment here.
func (t *Table) never(r Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.row(r)
}

func (t *Table) hit(r Row, m Moment, passes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.row(r)[m]
	t.tried++
	c.trials, c.passes = c.trials+1, max(c.passes, passes)
}

// Whole reports that everything was run, and not only what the flags of the test named.
func (t *Table) Whole() bool { return t.tried == t.planned && len(t.cells) > 0 }

// judge requires that each row met each moment, or that it is said why it cannot;
// and that what is said never to come has not come, of any row that there is.
func (t *Table) judge(test *testing.T, never []Never) {
	test.Helper()
	if !t.Whole() {
		test.Log("only a part was run; the table is not judged")
		return
	}
	used := make([]bool, len(never))
	for _, r := range t.Rows() {
		for m := range momentCount {
			said := slices.IndexFunc(never, func(n Never) bool { return n.covers(r, m) })
			met := t.cells[r][m].trials > 0
			switch {
			case met && said >= 0:
				test.Errorf("%q meets %q, which is said never to come: %s", r, m, never[said].Why)
			case !met && said < 0:
				test.Errorf("%q never meets %q, and nobody says why", r, m)
			}
			if said >= 0 {
				used[said] = true
			}
		}
	}
	for i, n := range never {
		if !used[i] {
			test.Errorf("%+v is of no row", n)
		}
	}
}

// String returns the table, one row a line.
func (t *Table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s%-12s%-14s%-24s", "where", "step", "action", "call")
	for m := range momentCount {
		fmt.Fprintf(&b, "%18s", m)
	}
	b.WriteByte('\n')
	for _, r := range t.Rows() {
		fmt.Fprintf(&b, "%-24s%-12s%-14s%-24s", r.Where, r.Step, r.Act, r.Call)
		for _, c := range t.cells[r] {
			if c.trials == 0 {
				fmt.Fprintf(&b, "%18s", "—")
				continue
			}
			fmt.Fprintf(&b, "%18d", c.passes)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// reasons lists why a moment never comes.
func reasons(never []Never) string {
	var b strings.Builder
	for _, n := range never {
		of := strings.Fields(fmt.Sprint(n.Where, " ", n.Step, " ", n.Act, " ", n.Calls))
		fmt.Fprintf(&b, "— %s, %s: %s\n", strings.Join(of, " "), n.At, n.Why)
	}
	return b.String()
}
