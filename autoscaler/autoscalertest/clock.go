package autoscalertest

import (
	"reflect"
	"time"

	"github.com/seed-979cce96/idlescale/internal/clause"
)

// skewed returns an instant whose wall clock shows wall and whose monotonic
// reading is later by ahead than it would be had both clocks run alike. The two
// come apart in reality: a process that sleeps stops the one, a correction sets
// the other.
//
// No call of package time makes such a value, so the reading is changed in
// place; the result is checked, since the field is the package's own business.
func skewed(t clause.T, wall time.Time, ahead time.Duration) time.Time {
	t.Helper()
	now := time.Now() //nolint:forbidigo // the one source of a monotonic reading
	alike := now.Add(wall.Sub(now.Round(0)))
	out := alike
	field := reflect.ValueOf(&out).Elem().FieldByName("ext")
	if !field.IsValid() || field.Kind() != reflect.Int64 {
		t.Fatalf("package time keeps its monotonic reading elsewhere now; the clauses on clocks need another way")
	}
	*(*int64)(field.Addr().UnsafePointer()) += int64(ahead)
	if out.Sub(alike) != ahead || !out.Round(0).Equal(wall) {
		t.Fatalf("an instant %v ahead came out as %v, %v ahead; the clauses on clocks need another way", ahead, out, out.Sub(alike))
	}
	return out
}
