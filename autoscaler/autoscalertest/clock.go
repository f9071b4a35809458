package autoscalertest

import (
	"reflect"
	"time"

	"github.com/seed-979cce96/idlescale/internal/clause"
)

// skewed returns an instant that shows the same on the wall clock and is later
// by ahead on the monotonic one. The two come apart in reality: a process that
// sleeps stops the one, a correction sets the other.
//
// No call of package time makes such a value, so the reading is changed in
// place; the result is checked, since the field is that package's own business.
func skewed(t clause.T, at time.Time, ahead time.Duration) time.Time {
	t.Helper()
	if at == at.Round(0) { //nolint:revive,staticcheck // representations are compared on purpose
		t.Fatalf("the harness's Now carries no monotonic reading; take it from time.Now")
	}
	out := at
	field := reflect.ValueOf(&out).Elem().FieldByName("ext")
	if !field.IsValid() || field.Kind() != reflect.Int64 {
		t.Fatalf("package time keeps its monotonic reading elsewhere now; the clauses on clocks need another way")
	}
	*(*int64)(field.Addr().UnsafePointer()) += int64(ahead)
	if out.Sub(at) != ahead || !out.Round(0).Equal(at.Round(0)) {
		t.Fatalf("%v, made later by %v, came out as %v; the clauses on clocks need another way", at, ahead, out)
	}
	return out
}
