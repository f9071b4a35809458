package recording_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
	"github.com/seed-979cce96/idlescale/policy/recording"
)

// recorded is a day of a small service under Headroom.
func recorded(t *testing.T) (text []byte, passes int) {
	t.Helper()
	var out bytes.Buffer
	result, err := backtest.Trial{
		Load:   backtest.Generate("day", ecssim.Load{Seed: 3, Length: 12 * time.Hour, PerHour: 60}),
		Policy: policy.Headroom{}, Record: &out,
	}.Run(t.Context())
	if err != nil || result.Killed > 0 {
		t.Fatalf("%v, %d sessions killed", err, result.Killed)
	}
	return out.Bytes(), result.Passes
}

// A recording replayed from its first pass decides as it did, byte for byte, with the
// memory carried.
func TestReplayIsTheSame(t *testing.T) {
	text, passes := recorded(t)
	// What stands in later lines as memory is not read: spoil all of it but the first.
	lines := bytes.SplitAfter(text, []byte("\n"))
	spoiled := 0
	for i := range lines[1:] {
		before, after, found := bytes.Cut(lines[1+i], []byte(`"memory":"`))
		if found && bytes.Contains(before, []byte(`"snapshot"`)) && !bytes.Contains(before, []byte(`"decision"`)) {
			lines[1+i] = bytes.Join([][]byte{before, after}, []byte(`"memory":"AAAA`))
			spoiled++
		}
	}
	replay, err := recording.Replay(bytes.NewReader(bytes.Join(lines, nil)), policy.Headroom{})
	if err != nil || replay.Passes != passes || len(replay.Differences) > 0 {
		t.Fatalf("%v, %d of %d passes, differences %v", err, replay.Passes, passes, replay.Differences)
	}
	if spoiled < passes/150 {
		t.Errorf("%d memories were spoiled in %d passes; the test shows little", spoiled, passes)
	}
}

// Another policy shows where it differs.
func TestReplayShowsDifferences(t *testing.T) {
	text, passes := recorded(t)
	replay, err := recording.Replay(bytes.NewReader(text), policy.Headroom{Misses: 500_000})
	if err != nil || len(replay.Differences) < passes/100 {
		t.Fatalf("%v, %d differences in %d passes", err, len(replay.Differences), passes)
	}
	if d := replay.Differences[0]; !strings.Contains(d.String(), "recorded") || d.Snapshot.At.IsZero() {
		t.Errorf("%v", d)
	}
}

// What is read is what was written, every task of every pass.
func TestReadGivesWholePasses(t *testing.T) {
	var out bytes.Buffer
	w := recording.NewWriter(&out)
	var wrote []autoscaler.Snapshot
	_, err := backtest.Trial{
		Load: backtest.Generate("hours", ecssim.Load{Seed: 5, Length: 6 * time.Hour, PerHour: 100}),
		Policy: noting{policy.Headroom{}, func(s autoscaler.Snapshot, d autoscaler.Decision) {
			w.Record(s, d)
			s.Tasks = append([]autoscaler.Task{}, s.Tasks...)
			wrote = append(wrote, s)
		}},
	}.Run(t.Context())
	if err != nil || w.Err() != nil {
		t.Fatal(err, w.Err())
	}
	size, n := out.Len(), 0
	for p, err := range recording.Read(&out) {
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p.Snapshot.Tasks, wrote[n].Tasks) || p.Snapshot.Totals != wrote[n].Totals {
			t.Fatalf("pass %d:\n%+v\nwas written as\n%+v", n, p.Snapshot.Tasks, wrote[n].Tasks)
		}
		n++
	}
	if n != len(wrote) || n < 1000 {
		t.Errorf("%d passes read, %d written", n, len(wrote))
	}
	t.Logf("%d passes, %d bytes each", n, size/n)
}

// noting is a policy that tells what it is asked.
type noting struct {
	autoscaler.Policy
	tell func(autoscaler.Snapshot, autoscaler.Decision)
}

func (n noting) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	d := n.Policy.Decide(s)
	n.tell(s, d)
	return d
}

func TestHolesAreRefused(t *testing.T) {
	text, _ := recorded(t)
	lines := strings.SplitAfter(string(text), "\n")
	for name, tt := range map[string]struct{ text, want string }{
		"a line is missing": {lines[0] + lines[2], "line 2"},
		"cut at the front":  {strings.Join(lines[1:3], ""), "line 1"},
		"another version":   {strings.Replace(lines[0], `"version":1`, `"version":2`, 1), "version 2"},
		"no JSON":           {lines[0] + "x\n", "line 2"},
		"cut within a line": {lines[0] + lines[1][:40], "line 2"},
	} {
		if _, err := recording.Replay(strings.NewReader(tt.text), policy.Headroom{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAFailureEndsTheRecording(t *testing.T) {
	w := recording.NewWriter(full{})
	w.Record(autoscaler.Snapshot{}, autoscaler.Decision{})
	if w.Err() == nil || !strings.Contains(w.Err().Error(), "disk full") {
		t.Errorf("%v", w.Err())
	}
	_, err := backtest.Trial{
		Load: backtest.Generate("hour", ecssim.Load{Length: time.Hour}), Policy: policy.Headroom{}, Record: full{},
	}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%v", err)
	}
}

func ExampleNewWriter() {
	var out bytes.Buffer
	rec := recording.NewWriter(&out)
	s := autoscaler.Snapshot{At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	rec.Record(s, policy.Fixed{Open: 2}.Decide(s)) // Config.Decided does this in each pass

	replay, err := recording.Replay(&out, policy.Fixed{Open: 3})
	fmt.Println(replay.Passes, err)
	for _, d := range replay.Differences {
		fmt.Println(d)
	}
	// Output:
	// 1 <nil>
	// pass 0 at 2026-03-02 09:00:00: recorded 2 open (fixed: fixed), replayed 3 open (fixed: fixed)
}
