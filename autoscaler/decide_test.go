package autoscaler

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type fixedPolicy struct {
	name string
	d    Decision
}

func (p fixedPolicy) Name() string             { return p.name }
func (p fixedPolicy) Decide(Snapshot) Decision { return p.d }

func testObserver(d Decision) *Observer {
	cfg := ObserverConfig{Service: ServiceID{"c", "s"}, Limits: Limits{Min: 1, Max: 20}, Policy: fixedPolicy{"test", d}}
	return &Observer{cfg: cfg.withDefaults()}
}

// viewOf is a view of the tasks that the letters stand for; see cluster.
func viewOf(o *Observer, at time.Time, letters string, c Checkpoint) *view {
	v := &view{at: at, checkpoint: c}
	v.state, v.activity = cluster(letters)
	v.records = index(v.activity)
	for i := range v.activity {
		v.activity[i].LastReport, v.activity[i].Processes = at, 1
	}
	v.snapshot = Snapshot{
		Version: SnapshotVersion, Service: o.cfg.Service, At: at, Limits: o.cfg.Limits,
		ServiceDesired: v.state.Desired, Running: v.state.Running, Deployment: v.state.deployment(),
	}
	v.snapshot.Tasks = o.tasks(v)
	v.snapshot.Totals.Count(v.snapshot.Tasks)
	return v
}

func TestForeignDesiredIsAdoptedWhenStable(t *testing.T) {
	o := testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}}})
	c := Checkpoint{Desired: DesiredCount{Value: 7, Known: true}}
	pass := func(after time.Duration, letters string) decided {
		v := viewOf(o, guardAt.Add(after), letters, c)
		d := o.decide(v)
		c = d.next
		return d
	}
	if d := pass(0, "ooo"); !hasCode(d.pass.Reasons, CodeForeignDesired) {
		// The policy wants what there is, so nothing is held back; the clock runs.
		if c.Desired.ForeignSince != guardAt || c.Desired.Foreign != 3 {
			t.Fatalf("the foreign value is not followed: %+v", c.Desired)
		}
	}
	pass(5*time.Minute, "oooo") // it moved: the clock starts anew
	if c.Desired.Foreign != 4 || c.Desired.ForeignSince != guardAt.Add(5*time.Minute) {
		t.Fatalf("a moving value is not stable: %+v", c.Desired)
	}
	if d := pass(15*time.Minute-time.Second, "oooo"); hasCode(d.pass.Reasons, CodeForeignAdopted) {
		t.Fatal("adopted before 10 min")
	}
	d := pass(15*time.Minute, "oooo")
	if !hasCode(d.pass.Reasons, CodeForeignAdopted) || !c.Desired.ours(4, d.pass.At) {
		t.Fatalf("not adopted after 10 min: %+v, %v", c.Desired, d.pass.Reasons)
	}
}

func TestOwedTasksAreReportedAfterFifteenMinutes(t *testing.T) {
	o := testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}}})
	c := Checkpoint{Desired: DesiredCount{Value: 5, Known: true}}
	pass := func(after time.Duration, desired int) decided {
		v := viewOf(o, guardAt.Add(after), "ooo", c)
		v.state.Desired = desired
		d := o.decide(v)
		c = d.next
		return d
	}
	pass(0, 5)
	if d := pass(owedAfter, 5); hasCode(d.pass.Reasons, CodeOwed) {
		t.Error("reported at 15 min, want after it")
	}
	if d := pass(owedAfter+time.Second, 5); !hasCode(d.pass.Reasons, CodeOwed) {
		t.Error("not reported after 15 min")
	}
	if pass(owedAfter+2*time.Second, 3); !c.OwedSince.IsZero() {
		t.Error("still owed when running meets desired")
	}
}

func TestRecordsOfDeadTasksAreClosed(t *testing.T) {
	o := testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}}})
	v := viewOf(o, guardAt, "oocr", Checkpoint{})
	v.state.Tasks[1].LastStatus, v.state.Tasks[1].DesiredStatus = "STOPPED", "STOPPED"
	v.state.Tasks = append(v.state.Tasks[:2:2], v.state.Tasks[3]) // the cordoned one is not listed
	v.state.Tasks[2].LastStatus = "STOPPED"                       // the retired one is the release's
	d := o.decide(v)
	if len(d.dead) != 1 || d.dead[0].record.Ref.Task != "b" {
		t.Fatalf("dead: %+v, want the stopped one", d.dead)
	}
	if len(d.next.Missing) != 1 || d.next.Missing[0] != (Missing{"c", guardAt}) {
		t.Fatalf("missing: %+v", d.next.Missing)
	}
	for after, want := range map[time.Duration]int{missingAfter - time.Second: 1, missingAfter: 2} {
		later := viewOf(o, guardAt.Add(after), "oocr", d.next)
		later.state.Tasks = v.state.Tasks
		if got := len(o.decide(later).dead); got != want {
			t.Errorf("%v after it went missing %d are dead, want %d", after, got, want)
		}
	}
	back := viewOf(o, guardAt.Add(time.Hour), "oocr", d.next)
	if again := o.decide(back); len(again.next.Missing) != 0 || len(again.dead) != 0 {
		t.Error("a task that was listed again is still missing")
	}
}

// By a clock that is off a task could have been missing for ten minutes that was not.
func TestClockThatIsOffClosesNoRecord(t *testing.T) {
	o := testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}}})
	for _, off := range []bool{false, true} {
		v := viewOf(o, guardAt, "ooo", Checkpoint{})
		v.state.Tasks[1].LastStatus, v.state.Tasks[1].DesiredStatus = "STOPPED", "STOPPED"
		v.clockOff = off
		if n := len(o.decide(v).dead); (n == 0) != off {
			t.Errorf("clock off %v: %d records are closed", off, n)
		}
	}
}

// scribbler takes every task for idle, and writes that into what it is shown.
type scribbler struct{}

func (scribbler) Name() string { return "scribbler" }

func (scribbler) Decide(s Snapshot) Decision {
	d := Decision{Open: 1, Reasons: []Reason{{Code: "idle"}}}
	for i := range s.Tasks {
		s.Tasks[i].Occupancy, s.Tasks[i].IdleFor = Sessions(0), time.Hour
		d.Remove = append(d.Remove, s.Tasks[i].ID)
	}
	return d
}

func TestPolicyThatWritesWhatItIsShownChangesNothing(t *testing.T) {
	o := testObserver(Decision{})
	o.cfg.Policy = scribbler{}
	v := viewOf(o, guardAt, "ooo", Checkpoint{Desired: DesiredCount{Value: 3, Known: true}})
	for i := range v.snapshot.Tasks {
		v.snapshot.Tasks[i].Occupancy = Sessions(1)
	}
	v.snapshot.Totals.Count(v.snapshot.Tasks)
	if d := o.decide(v); len(d.guarded.cordon) > 0 || !hasCode(d.pass.Reasons, CodeBusy) {
		t.Errorf("cordoned %v, reasons %v; each task holds a session", d.guarded.cordon, d.pass.Reasons)
	}
}

// The pins are an operator's, and the memory is the checkpoint's.
func TestPolicyIsShownNothingThatOthersHold(t *testing.T) {
	opaque := cmpopts.EquateComparable(Occupancy{})
	made := func() Snapshot {
		return Snapshot{
			Tasks: []Task{{ID: "a"}}, Control: Control{Pins: []Pin{{Task: "a"}}},
			Utilization: Utilization{"cpu": {Value: 0.5}}, Memory: Memory(`{"n":1}`),
		}
	}
	s := made()
	shown := s.apart()
	if diff := cmp.Diff(s, shown, opaque); diff != "" {
		t.Fatalf("what is shown differs (-have +shown):\n%s", diff)
	}
	shown.Tasks[0].ID, shown.Control.Pins[0].Task = "b", "b"
	shown.Utilization["cpu"], shown.Memory[5] = Reading{Value: 1}, '2'
	if diff := cmp.Diff(made(), s, opaque); diff != "" {
		t.Errorf("a policy wrote into what others hold (-want +got):\n%s", diff)
	}
}

func TestBrake(t *testing.T) {
	o := testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}}})
	sick := func(v *view, n int, how func(*Task)) {
		for i := range n {
			how(&v.snapshot.Tasks[i])
		}
		v.snapshot.Totals.Count(v.snapshot.Tasks)
	}
	unknown := func(t *Task) { t.Occupancy = Occupancy{} }
	tests := []struct {
		name   string
		change func(*view)
		on     bool
	}{
		{"two of ten unknown", func(v *view) { sick(v, 2, unknown) }, false},
		{"three of ten unknown", func(v *view) { sick(v, 3, unknown) }, true},
		{"three of ten unhealthy", func(v *view) { sick(v, 3, func(t *Task) { t.Unhealthy = true }) }, true},
		{"adopted ones are expected to be unknown", func(v *view) {
			sick(v, 5, func(t *Task) { t.Occupancy, t.Adopted = Occupancy{}, true })
		}, false},
		{"new ones too", func(v *view) { sick(v, 5, func(t *Task) { t.Occupancy, t.State = Occupancy{}, TaskNew }) }, false},
		{"three lost", func(v *view) {
			for i := range 3 {
				v.state.Tasks[i].LastStatus = "STOPPED"
			}
		}, true},
		{"half the sessions gone", func(v *view) {
			v.checkpoint.Sessions = 10
			v.snapshot.Totals.Sessions = 5
		}, false},
		{"over half the sessions gone", func(v *view) {
			v.checkpoint.Sessions = 10
			v.snapshot.Totals.Sessions = 4
		}, true},
		{"over half ended", func(v *view) {
			v.checkpoint.Sessions = 10
			v.snapshot.Totals.Sessions = 4
			v.snapshot.Demand.Departures = 6
		}, false},
		{"arrivals do not hide it", func(v *view) {
			v.checkpoint.Sessions = 10
			v.snapshot.Totals.Sessions = 8
			v.snapshot.Demand.Arrivals = 4
		}, true},
		{"three of three gone", func(v *view) { v.checkpoint.Sessions = 3 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := viewOf(o, guardAt, "oooooooooo", Checkpoint{})
			if strings.HasPrefix(tt.name, "arrivals") {
				v.checkpoint.Sessions = 10
			}
			tt.change(v)
			if got := o.decide(v).next.Brake.On(); got != tt.on {
				t.Errorf("brake on = %v, want %v", got, tt.on)
			}
		})
	}
}

func TestBrakeIsReleasedWhenAllReportedAndTwoPassesWereClean(t *testing.T) {
	o := testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}}})
	c := Checkpoint{Brake: Brake{Since: guardAt, Detail: "test"}}
	pass := func(after, reported time.Duration) bool {
		v := viewOf(o, guardAt.Add(after), "ooo", c)
		v.activity[1].LastReport = guardAt.Add(reported)
		c = o.decide(v).next
		return c.Brake.On()
	}
	steps := []struct {
		after, reported time.Duration
		on              bool
	}{
		{time.Minute, 0, true},                // one task has not reported since
		{2 * time.Minute, 0, true},            //
		{3 * time.Minute, time.Second, true},  // first clean pass
		{4 * time.Minute, time.Second, false}, // second
		{5 * time.Minute, time.Second, false}, //
	}
	for _, s := range steps {
		if got := pass(s.after, s.reported); got != s.on {
			t.Errorf("after %v: on = %v, want %v", s.after, got, s.on)
		}
	}
}

func TestPolicyOutputIsMended(t *testing.T) {
	o := testObserver(Decision{Open: 3})
	if d := o.decide(viewOf(o, guardAt, "ooo", Checkpoint{})); !hasCode(d.pass.Reasons, CodeNoReason) {
		t.Errorf("a decision without a reason passes silently: %v", d.pass.Reasons)
	}
	kept := Memory(`"kept"`)
	for _, bad := range []Memory{Memory(`"` + strings.Repeat("x", MemoryLimit) + `"`), Memory(`{`)} {
		o := testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}}, Memory: bad})
		d := o.decide(viewOf(o, guardAt, "ooo", Checkpoint{Memory: kept}))
		if string(d.next.Memory) != string(kept) || !hasCode(d.pass.Reasons, CodeMemoryRefused) {
			t.Errorf("memory of %d bytes: kept %.20s, reasons %v", len(bad), d.next.Memory, d.pass.Reasons)
		}
	}
	o = testObserver(Decision{Open: 3, Reasons: []Reason{{Code: "x"}, {Code: "y", By: "inner"}}, Memory: Memory(`1`)})
	d := o.decide(viewOf(o, guardAt, "ooo", Checkpoint{}))
	if d.pass.Reasons[0].By != "test" || d.pass.Reasons[1].By != "inner" || string(d.next.Memory) != "1" {
		t.Errorf("reasons %v, memory %s", d.pass.Reasons, d.next.Memory)
	}
}

func TestIntentsAreSavedAndExpire(t *testing.T) {
	o := testObserver(Decision{Open: 2, Remove: []TaskID{"a"}, Reasons: []Reason{{Code: "x"}}})
	c := Checkpoint{
		Desired: DesiredCount{Value: 3, Known: true},
		Intents: []Intent{{"y", guardAt.Add(time.Second)}, {"z", guardAt}},
	}
	v := viewOf(o, guardAt, "ooo", c)
	for i := range v.snapshot.Tasks {
		v.snapshot.Tasks[i].IdleFor = time.Hour
	}
	got := fmt.Sprint(o.decide(v).next.Intents)
	want := fmt.Sprint([]Intent{{"y", guardAt.Add(time.Second)}, {"a", guardAt.Add(intentLife)}})
	if got != want {
		t.Errorf("intents %s, want %s", got, want)
	}
}

func TestPassRoundTripAndLog(t *testing.T) {
	o := testObserver(Decision{Open: 2, Remove: []TaskID{"a"}, Reasons: []Reason{{Code: "x"}}})
	p := o.decide(viewOf(o, guardAt, "ooo", Checkpoint{})).pass
	p.Actions = []Action{{Code: CodeScaledOut, Value: 4}, {Code: CodeCordoned, Task: "a", Outcome: "lost"}}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Pass
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(back); string(again) != string(text) {
		t.Errorf("%s\n%s", text, again)
	}
	logged := p.LogValue().String()
	for _, part := range []string{"open=3", "scaled_out to 4", "cordoned a (lost)", "foreign_desired"} {
		if !strings.Contains(logged, part) {
			t.Errorf("the log lacks %q: %s", part, logged)
		}
	}
	if p.Quiet() || p.Severity() != Notice {
		t.Errorf("quiet %v, severity %v", p.Quiet(), p.Severity())
	}
	quiet := Pass{Reasons: []Reason{{Code: "x"}}}
	if !quiet.Quiet() || strings.Contains(quiet.LogValue().String(), "reasons") {
		t.Error("a pass that did nothing logs more than its totals")
	}
	if (Pass{Error: "boom"}).Severity() != Alert {
		t.Error("a failed pass is no alert")
	}
}
