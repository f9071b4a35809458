package sessionstore_test

import (
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func placed(id string, state autoscaler.TaskState, slots, sessions int) autoscaler.TaskActivity {
	return autoscaler.TaskActivity{
		Ref: autoscaler.TaskRef{Task: autoscaler.TaskID(id)}, State: state, Slots: slots,
		Occupancy: autoscaler.Sessions(sessions),
	}
}

func TestPlace(t *testing.T) {
	const open, cordoned = autoscaler.TaskOpen, autoscaler.TaskCordoned
	since := func(a autoscaler.TaskActivity, minute int) autoscaler.TaskActivity {
		a.Drain = autoscaler.Drain{ID: "d", Since: time.Date(2026, 3, 1, 0, minute, 0, 0, time.UTC)}
		return a
	}
	by := func(a autoscaler.TaskActivity) autoscaler.TaskActivity { a.Drain.By = "ann"; return a }
	never := func(a autoscaler.TaskActivity) autoscaler.TaskActivity { a.NeverOpened = true; return a }
	foreign := func(a autoscaler.TaskActivity) autoscaler.TaskActivity { a.Foreign = true; return a }
	for _, c := range []struct {
		name    string
		tasks   []autoscaler.TaskActivity
		route   sessionstore.Route
		want    autoscaler.TaskID
		reopens bool
	}{
		{name: "nothing"},
		{name: "fullest", tasks: []autoscaler.TaskActivity{placed("a", open, 4, 1), placed("b", open, 4, 3), placed("c", open, 4, 4)}, want: "b"},
		{name: "least", tasks: []autoscaler.TaskActivity{placed("a", open, 4, 1), placed("b", open, 4, 0), placed("c", open, 4, 3)}, route: sessionstore.Least, want: "b"},
		{name: "by id", tasks: []autoscaler.TaskActivity{placed("b", open, 4, 1), placed("a", open, 4, 1)}, want: "a"},
		{name: "unknown, foreign, new, retired", tasks: []autoscaler.TaskActivity{
			placed("a", open, 4, -1), foreign(placed("b", open, 4, 1)), placed("c", autoscaler.TaskNew, 4, 0), placed("d", autoscaler.TaskRetired, 4, 0),
		}},
		{name: "open before cordoned", tasks: []autoscaler.TaskActivity{placed("a", cordoned, 4, 3), placed("b", open, 4, 0)}, want: "b"},
		{name: "cordoned with most sessions", tasks: []autoscaler.TaskActivity{
			placed("a", open, 4, 4), placed("b", cordoned, 4, 1), placed("c", cordoned, 4, 2), by(placed("d", cordoned, 4, 3)), placed("e", cordoned, 4, 4),
		}, want: "c", reopens: true},
		{name: "cordoned last", tasks: []autoscaler.TaskActivity{
			since(placed("a", cordoned, 4, 1), 1), since(placed("b", cordoned, 4, 1), 2), since(placed("c", cordoned, 4, 1), 2),
		}, want: "b", reopens: true},
		{name: "cordoned that never opened", tasks: []autoscaler.TaskActivity{never(placed("a", cordoned, 4, 0))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := sessionstore.Place(c.tasks, c.route)
			if got.Ref.Task != c.want || ok != (c.want != "") || got.Reopen != c.reopens {
				t.Errorf("got %+v, %v, want %q, reopen %v", got, ok, c.want, c.reopens)
			}
			if ok && got.Free < 1 {
				t.Errorf("%d slots free", got.Free)
			}
		})
	}
}

func TestPlaceAllocatesNothing(t *testing.T) {
	tasks := make([]autoscaler.TaskActivity, 400)
	for i := range tasks {
		tasks[i] = placed("t", autoscaler.TaskOpen, 10, i%11)
	}
	if n := testing.AllocsPerRun(10, func() { sessionstore.Place(tasks, sessionstore.Pack) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
