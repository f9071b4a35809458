package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the zones below, wherever the tests run

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleSchedule() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
	}
	p := policy.Schedule{
		Policy: policy.Buffer{Slots: 5},
		Zone:   berlin,
		Windows: []policy.Window{
			{Name: "office hours", Days: policy.Workdays, Except: []policy.Date{{Month: time.December, Day: 25}},
				From: 8 * time.Hour, To: 18 * time.Hour, Min: 6, Edge: 30 * time.Minute},
			{Name: "exam", Dates: []policy.Date{{Year: 2026, Month: time.March, Day: 2}},
				From: 12 * time.Hour, To: 14 * time.Hour, NoScaleIn: true},
			{From: 22 * time.Hour, To: 6 * time.Hour, Max: 2},
		},
	}
	for _, clock := range []string{"07:40", "08:00", "13:00", "18:20", "20:00"} {
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-03-02 "+clock, berlin)
		if err != nil {
			fmt.Println(err)
		}
		tasks := make([]autoscaler.Task, 8)
		for i := range tasks {
			tasks[i] = autoscalertest.Open(autoscaler.TaskID(fmt.Sprint("t-", i)), 10, 2)
		}
		d := p.Decide(autoscalertest.Snapshot(at.UTC(), tasks...))
		fmt.Println(clock, d.Open, d.Reasons[0])
	}
	// Output:
	// 07:40 3 schedule/buffer: buffer_spare (16 slots in use, 0 users waiting, 5 slots to keep free)
	// 08:00 6 schedule: scheduled_up (3 wanted, 6 by office hours)
	// 13:00 8 schedule: scale_in_forbidden (3 wanted, 8 by exam)
	// 18:20 3 schedule/buffer: buffer_spare (16 slots in use, 0 users waiting, 5 slots to keep free)
	// 20:00 3 schedule/buffer: buffer_spare (16 slots in use, 0 users waiting, 5 slots to keep free)
}

// zone loads a zone; the tests carry the data.
func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loaded, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// clock reads a time of day, as hours and minutes.
func clock(t *testing.T, text string) time.Duration {
	t.Helper()
	var h, m int
	if _, err := fmt.Sscanf(text, "%d:%d", &h, &m); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
}

// instant reads a time in UTC.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// wantedAt is what a schedule wants where there is one task.
func wantedAt(p policy.Schedule, at time.Time) int {
	return p.Decide(autoscaler.Snapshot{At: at, Totals: autoscaler.Totals{Open: 1}}).Open
}

// Each window holds from one instant to another without a break, and at no other.
func TestScheduleWhereTheClockChanges(t *testing.T) {
	const berlin, york = "Europe/Berlin", "America/New_York"
	for _, tc := range []struct {
		zone, date, from, to string
		begin, end           string // in UTC; empty where it does not take place
	}{
		{berlin, "2026-03-29", "02:30", "04:00", "2026-03-29 01:00", "2026-03-29 02:00"},
		{berlin, "2026-03-29", "01:00", "02:30", "2026-03-29 00:00", "2026-03-29 01:00"},
		{berlin, "2026-03-29", "02:10", "02:50", "", ""},
		{berlin, "2026-03-29", "02:00", "03:00", "", ""},
		{berlin, "2026-03-29", "01:30", "03:30", "2026-03-29 00:30", "2026-03-29 01:30"},
		{berlin, "2026-03-28", "22:00", "06:00", "2026-03-28 21:00", "2026-03-29 04:00"},
		{berlin, "2026-03-28", "22:00", "02:30", "2026-03-28 21:00", "2026-03-29 01:00"},
		{berlin, "2026-03-28", "02:30", "02:30", "2026-03-28 01:30", "2026-03-29 01:00"},
		{berlin, "2026-03-29", "00:00", "24:00", "2026-03-28 23:00", "2026-03-29 22:00"},
		{berlin, "2026-03-29", "00:00", "00:00", "2026-03-28 23:00", "2026-03-29 22:00"},
		{berlin, "2026-03-30", "02:30", "04:00", "2026-03-30 00:30", "2026-03-30 02:00"},
		{berlin, "2026-10-25", "02:10", "02:50", "2026-10-25 00:10", "2026-10-25 01:50"},
		{berlin, "2026-10-25", "02:30", "04:00", "2026-10-25 00:30", "2026-10-25 03:00"},
		{berlin, "2026-10-25", "01:00", "02:30", "2026-10-24 23:00", "2026-10-25 01:30"},
		{berlin, "2026-10-25", "02:00", "03:00", "2026-10-25 00:00", "2026-10-25 02:00"},
		{berlin, "2026-10-25", "03:00", "04:00", "2026-10-25 02:00", "2026-10-25 03:00"},
		{berlin, "2026-10-24", "22:00", "06:00", "2026-10-24 20:00", "2026-10-25 05:00"},
		{berlin, "2026-10-24", "22:00", "02:30", "2026-10-24 20:00", "2026-10-25 01:30"},
		{berlin, "2026-10-25", "00:00", "00:00", "2026-10-24 22:00", "2026-10-25 23:00"},
		{york, "2026-03-08", "02:30", "04:00", "2026-03-08 07:00", "2026-03-08 08:00"},
		{york, "2026-03-08", "02:15", "02:45", "", ""},
		{york, "2026-03-07", "23:00", "05:00", "2026-03-08 04:00", "2026-03-08 09:00"},
		{york, "2026-11-01", "01:30", "01:45", "2026-11-01 05:30", "2026-11-01 06:45"},
		{york, "2026-11-01", "00:30", "01:30", "2026-11-01 04:30", "2026-11-01 06:30"},
		{york, "2026-10-31", "23:00", "05:00", "2026-11-01 03:00", "2026-11-01 10:00"},
		{york, "2026-07-04", "23:00", "05:00", "2026-07-05 03:00", "2026-07-05 09:00"},
		{"Australia/Lord_Howe", "2026-04-05", "01:40", "01:50", "2026-04-04 14:40", "2026-04-04 15:20"}, // half an hour back
		{"America/Sao_Paulo", "2018-11-04", "00:00", "06:00", "2018-11-04 03:00", "2018-11-04 08:00"},   // midnight is skipped
		{"Pacific/Apia", "2011-12-30", "08:00", "18:00", "", ""},                                        // the day is skipped
	} {
		t.Run(fmt.Sprint(tc.zone, tc.date, tc.from, tc.to), func(t *testing.T) {
			date := instant(t, tc.date+" 00:00")
			p := policy.Schedule{Zone: zone(t, tc.zone), Windows: []policy.Window{{
				Dates: []policy.Date{{Year: date.Year(), Month: date.Month(), Day: date.Day()}},
				From:  clock(t, tc.from), To: clock(t, tc.to), Open: 7,
			}}}
			var held []string
			for at, end := date.Add(-48*time.Hour), date.Add(72*time.Hour); at.Before(end); at = at.Add(time.Minute) {
				if within := wantedAt(p, at) == 7; within != (len(held)%2 == 1) {
					held = append(held, at.Format("2006-01-02 15:04"))
				}
			}
			want := []string{tc.begin, tc.end}
			if tc.begin == "" {
				want = nil
				if n := wantedAt(policy.Schedule{Zone: p.Zone, Windows: []policy.Window{{
					Dates: p.Windows[0].Dates, From: p.Windows[0].From, To: p.Windows[0].To, Open: 7, Edge: 3 * time.Hour,
				}}}, date.Add(30*time.Minute)); n != 1 {
					t.Errorf("does not take place and wants %d on its edge", n)
				}
			}
			if !slices.Equal(held, want) {
				t.Errorf("holds %q, want %q", held, want)
			}
		})
	}
}

// Where no clock changes, a window holds exactly while the clock on the wall says
// so on its days.
func TestScheduleFollowsTheClockOnTheWall(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC"} {
		for seed := range uint64(4) {
			random := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // to be repeatable, not secret
			w := policy.Window{Days: policy.Days(1 + random.IntN(127)), Open: 7,
				From: time.Duration(random.IntN(96)) * 15 * time.Minute, To: time.Duration(random.IntN(97)) * 15 * time.Minute}
			p := policy.Schedule{Zone: zone(t, name), Windows: []policy.Window{w}}
			for at := start; at.Before(start.AddDate(1, 0, 0)); at = at.Add(15 * time.Minute) {
				local := at.In(p.Zone)
				_, before := local.Add(-36 * time.Hour).Zone()
				if _, after := local.Add(36 * time.Hour).Zone(); before != after {
					continue
				}
				if got, want := wantedAt(p, at) == 7, onTheWall(w, local); got != want {
					t.Fatalf("%s, seed %d: %+v holds at %v: %v", name, seed, w, local, got)
				}
			}
		}
	}
}

// onTheWall is the law of a window on days without a change of the clock.
func onTheWall(w policy.Window, local time.Time) bool {
	on := func(d time.Weekday) bool { return w.Days&(1<<d) != 0 }
	now := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	if w.To > w.From {
		return on(local.Weekday()) && now >= w.From && now < w.To
	}
	return on(local.Weekday()) && now >= w.From || on((local.Weekday()+6)%7) && now < w.To
}

func TestScheduleDays(t *testing.T) {
	// 2 March 2026 is a Monday.
	for _, tc := range []struct {
		name   string
		window policy.Window
		at     string
		within bool
	}{
		{"every day", policy.Window{}, "2026-03-07 12:00", true},
		{"a day of the week", policy.Window{Days: policy.Monday | policy.Friday}, "2026-03-06 12:00", true},
		{"another one", policy.Window{Days: policy.Monday | policy.Friday}, "2026-03-05 12:00", false},
		{"workdays", policy.Window{Days: policy.Workdays}, "2026-03-06 23:59", true},
		{"weekend", policy.Window{Days: policy.Weekend}, "2026-03-08 00:00", true},
		{"not the weekend", policy.Window{Days: policy.Weekend}, "2026-03-09 00:00", false},
		{"a date", policy.Window{Dates: []policy.Date{{Year: 2026, Month: 3, Day: 5}}}, "2026-03-05 12:00", true},
		{"the next year", policy.Window{Dates: []policy.Date{{Year: 2026, Month: 3, Day: 5}}}, "2027-03-05 12:00", false},
		{"every year", policy.Window{Dates: []policy.Date{{Month: 3, Day: 5}}}, "2027-03-05 12:00", true},
		{"a date alone is not every day", policy.Window{Dates: []policy.Date{{Month: 3, Day: 5}}}, "2026-03-06 12:00", false},
		{"days and a date", policy.Window{Days: policy.Sunday, Dates: []policy.Date{{Month: 3, Day: 5}}}, "2026-03-08 12:00", true},
		{"an exception", policy.Window{Except: []policy.Date{{Month: 3, Day: 5}}}, "2026-03-05 12:00", false},
		{"beats a date", policy.Window{Dates: []policy.Date{{Month: 3, Day: 5}}, Except: []policy.Date{{Year: 2026, Month: 3, Day: 5}}}, "2026-03-05 12:00", false},
		{"over midnight", policy.Window{Days: policy.Friday, From: 22 * time.Hour, To: 6 * time.Hour}, "2026-03-07 05:59", true},
		{"not before it", policy.Window{Days: policy.Friday, From: 22 * time.Hour, To: 6 * time.Hour}, "2026-03-06 05:59", false},
		{"an exception on the day it ends", policy.Window{Days: policy.Friday, Except: []policy.Date{{Month: 3, Day: 7}}, From: 22 * time.Hour, To: 6 * time.Hour}, "2026-03-07 05:59", true},
		{"an exception on the day it begins", policy.Window{Days: policy.Friday, Except: []policy.Date{{Month: 3, Day: 6}}, From: 22 * time.Hour, To: 6 * time.Hour}, "2026-03-07 05:59", false},
		{"the day that is not every year", policy.Window{Dates: []policy.Date{{Month: 2, Day: 29}}}, "2028-02-29 12:00", true},
		{"nor the day after it", policy.Window{Dates: []policy.Date{{Month: 2, Day: 29}}}, "2026-03-01 12:00", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.window.Open = 7
			if got := wantedAt(policy.Schedule{Windows: []policy.Window{tc.window}}, instant(t, tc.at)) == 7; got != tc.within {
				t.Errorf("holds: %v, want %v", got, tc.within)
			}
		})
	}
}

func TestScheduleLaw(t *testing.T) {
	window := func(w policy.Window) []policy.Window { return []policy.Window{w} } // a whole day
	silent := policy.Optional{Policy: abstaining("silent")}
	night := policy.Window{From: 20 * time.Hour, To: 22 * time.Hour, Open: 9}
	for _, tc := range []struct {
		name    string
		policy  policy.Schedule // of five tasks at 05:00
		open    int
		abstain bool
		code    autoscaler.Code
	}{
		{"no windows", policy.Schedule{Policy: says("a", 3)}, 3, false, "said"},
		{"outside", policy.Schedule{Policy: says("a", 3), Windows: window(night)}, 3, false, "said"},
		{"within the bounds", policy.Schedule{Policy: says("a", 3), Windows: window(policy.Window{Min: 2, Max: 4})}, 3, false, "said"},
		{"below", policy.Schedule{Policy: says("a", 3), Windows: window(policy.Window{Min: 4})}, 4, false, policy.CodeScheduledUp},
		{"above", policy.Schedule{Policy: says("a", 8), Windows: window(policy.Window{Max: 6})}, 6, false, policy.CodeScheduledDown},
		{"a Min prevails", policy.Schedule{Policy: says("a", 3), Windows: window(policy.Window{Min: 8, Max: 6})}, 8, false, policy.CodeScheduledUp},
		{"the largest Min, the smallest Max", policy.Schedule{Policy: says("a", 20), Windows: []policy.Window{{Min: 3}, {Min: 4, Max: 9}, {Max: 7}, {}}}, 7, false, policy.CodeScheduledDown},
		{"Open for fewer", policy.Schedule{Policy: says("a", 8), Windows: window(policy.Window{Open: 2})}, 2, false, policy.CodeScheduled},
		{"Open for more", policy.Schedule{Policy: says("a", 3), Windows: window(policy.Window{Open: 9})}, 9, false, policy.CodeScheduled},
		{"the largest Open", policy.Schedule{Policy: says("a", 3), Windows: []policy.Window{{Open: 4}, {Open: 6}, {Open: 5}}}, 6, false, policy.CodeScheduled},
		{"Open within bounds", policy.Schedule{Policy: says("a", 3), Windows: []policy.Window{{Open: 40, Max: 12}}}, 12, false, policy.CodeScheduled},
		{"forbidden", policy.Schedule{Policy: says("a", 3), Windows: window(policy.Window{NoScaleIn: true})}, 5, false, policy.CodeScaleInForbidden},
		{"forbidden to a Max", policy.Schedule{Policy: says("a", 8), Windows: window(policy.Window{Max: 2, NoScaleIn: true})}, 5, false, policy.CodeScaleInForbidden},
		{"forbidden, and more wanted", policy.Schedule{Policy: says("a", 8), Windows: window(policy.Window{NoScaleIn: true})}, 8, false, "said"},
		{"forbidden for a nested one", policy.Schedule{Policy: policy.Schedule{Windows: window(policy.Window{Open: 2})}, Windows: window(policy.Window{NoScaleIn: true})}, 5, false, policy.CodeScaleInForbidden},
		{"an abstention", policy.Schedule{Policy: abstaining("a"), Windows: window(policy.Window{Min: 3, Max: 4})}, 5, true, "cannot"},
		{"an abstention below Min", policy.Schedule{Policy: abstaining("a"), Windows: window(policy.Window{Min: 7})}, 7, false, policy.CodeScheduledUp},
		{"an abstention and Open", policy.Schedule{Policy: abstaining("a"), Windows: window(policy.Window{Open: 3})}, 3, false, policy.CodeScheduled},
		{"no opinion", policy.Schedule{Policy: silent, Windows: window(policy.Window{Min: 3, Max: 4})}, 5, false, policy.CodeNoOpinion},
		{"no opinion below Min", policy.Schedule{Policy: silent, Windows: window(policy.Window{Min: 7})}, 7, false, policy.CodeScheduledUp},
		{"no opinion and Open", policy.Schedule{Policy: silent, Windows: window(policy.Window{Open: 5})}, 5, false, policy.CodeScheduled},
		{"alone", policy.Schedule{Windows: window(policy.Window{Open: 3})}, 3, false, policy.CodeScheduled},
		{"alone with Min", policy.Schedule{Windows: window(policy.Window{Min: 3})}, 3, false, policy.CodeScheduled},
		{"alone with Max", policy.Schedule{Windows: window(policy.Window{Max: 3})}, 5, false, policy.CodeNoOpinion},
		{"alone, forbidden", policy.Schedule{Windows: window(policy.Window{NoScaleIn: true})}, 5, false, policy.CodeScaleInForbidden},
		{"alone, outside", policy.Schedule{Windows: window(night)}, 5, false, policy.CodeNoOpinion},
		{"alone, no windows", policy.Schedule{}, 5, false, policy.CodeNoOpinion},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.policy.Decide(fleet(5, 0))
			if d.Open != tc.open || d.Abstain != tc.abstain || d.Reasons[0].Code != tc.code {
				t.Errorf("wants %d, abstains %v, because %v; want %d, %v, %s", d.Open, d.Abstain, d.Reasons, tc.open, tc.abstain, tc.code)
			}
		})
	}
}

// On its edges the number rises and falls without a cliff, and it is complete
// when the window begins.
func TestScheduleEdges(t *testing.T) {
	p := policy.Schedule{Windows: []policy.Window{{From: 8 * time.Hour, To: 18 * time.Hour, Min: 6, Open: 10, Edge: time.Hour}}}
	for _, tc := range []struct {
		at   string
		want int // of one task
	}{
		{"07:00", 1}, {"07:01", 1}, {"07:06", 1}, {"07:07", 2}, {"07:30", 5}, {"07:54", 9}, {"07:55", 10},
		{"08:00", 10}, {"17:59", 10}, {"18:00", 10}, {"18:06", 9}, {"18:30", 5}, {"18:59", 1}, {"19:00", 1}, {"19:30", 1},
	} {
		if got := wantedAt(p, instant(t, "2026-03-02 "+tc.at)); got != tc.want {
			t.Errorf("at %s wants %d, want %d", tc.at, got, tc.want)
		}
	}
	member := p
	member.Policy = policy.Fixed{Open: 4}
	last := 4
	for at := instant(t, "2026-03-02 06:30"); at.Before(instant(t, "2026-03-02 20:00")); at = at.Add(time.Minute) {
		n := wantedAt(member, at)
		if n < last && at.Before(instant(t, "2026-03-02 18:00")) || n > last && at.After(instant(t, "2026-03-02 08:00")) || n-last > 1 || last-n > 1 || n < 4 {
			t.Errorf("at %v wants %d after %d", at, n, last)
		}
		last = n
	}
	// Edges that begin on the day before, and end two days after.
	for _, tc := range []struct {
		from, to string
		edge     time.Duration
		at       string
		want     int
	}{
		{"00:00", "06:00", time.Hour, "2026-03-01 23:30", 5},
		{"23:00", "23:30", time.Hour, "2026-03-03 00:00", 5},
		{"20:00", "19:00", 24 * time.Hour, "2026-03-04 07:00", 5},
		{"12:00", "13:00", 24 * time.Hour, "2026-03-01 18:00", 3},
	} {
		far := policy.Schedule{Windows: []policy.Window{{Dates: []policy.Date{{Year: 2026, Month: 3, Day: 2}},
			From: clock(t, tc.from), To: clock(t, tc.to), Open: 10, Edge: tc.edge}}}
		if got := wantedAt(far, instant(t, tc.at)); got != tc.want {
			t.Errorf("from %s to %s: at %s wants %d, want %d", tc.from, tc.to, tc.at, got, tc.want)
		}
	}
	// Edges that overlap, and those longer than the time between.
	p.Windows[0].Edge = 100 * time.Hour
	for at := start; at.Before(start.Add(48 * time.Hour)); at = at.Add(7 * time.Minute) {
		if n := wantedAt(p, at); n < 8 { // seven hours of twenty-four before the middle of the night
			t.Errorf("at %v wants %d", at, n)
		}
	}
}

func TestScheduleProperty(t *testing.T) {
	inner := policy.Threshold{}
	bounds := policy.Schedule{Policy: inner, Windows: []policy.Window{{Min: 3, Max: 12}}}
	still := policy.Schedule{Policy: inner, Windows: []policy.Window{{Max: 12, NoScaleIn: true}}}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d, free, have := bounds.Decide(s), inner.Decide(s), s.Totals.Capacity()
		switch {
		case free.Abstain && have < 3 && (d.Abstain || d.Open != 3):
			t.Errorf("wants %d, abstains %v, with %d tasks and a lower bound of 3", d.Open, d.Abstain, have)
		case free.Abstain && have >= 3 && (!d.Abstain || d.Open != have):
			t.Errorf("the member abstains and the decision is %+v", d)
		case !free.Abstain && d.Open != min(max(free.Open, 3), 12):
			t.Errorf("wants %d, the member %d", d.Open, free.Open)
		case d.Open >= have && d.Remove != nil:
			t.Errorf("names %v and wants %d of %d", d.Remove, d.Open, have)
		case d.Open == free.Open && !slices.Equal(d.Remove, free.Remove):
			t.Errorf("removes %v, the member %v", d.Remove, free.Remove)
		}
		if d := still.Decide(s); d.Open < have || d.Remove != nil || d.Empty != nil {
			t.Errorf("scale-in is forbidden and the decision is %+v", d)
		}
	})
}

func TestScheduleKeepsItsMembersMemory(t *testing.T) {
	s := fleet(3, 0)
	p := policy.Schedule{Policy: counting{name: "a"}, Windows: []policy.Window{{Open: 7}}}
	for pass := 1; pass <= 3; pass++ {
		d := p.Decide(s)
		if n := counts(d)["schedule/a"]; n != pass {
			t.Errorf("pass %d: the member counts %d", pass, n)
		}
		s.Memory = d.Memory
	}
}
