package policy_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

func ExampleShadow() {
	p := policy.Shadow{Live: policy.Buffer{Slots: 5}, Tried: policy.TargetTracking{Target: 50}}
	s := autoscalertest.Snapshot(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		autoscalertest.Open("t-1", 10, 8), autoscalertest.Open("t-2", 10, 6))
	d := p.Decide(s)
	for _, r := range d.Reasons {
		fmt.Println(d.Open, r)
	}
	// Output:
	// 2 shadow/buffer: buffer_kept (14 slots in use, 0 users waiting, 5 slots to keep free)
	// 2 shadow: tried_differs (would want 3 and not 2, shadow/target-tracking: above_target)
}

func TestShadowSaysWhereTriedDiffers(t *testing.T) {
	emptying := says("a", 3)
	emptying.Empty = ids{"t-00"}
	for _, tc := range []struct {
		name        string
		live, tried autoscaler.Policy
		detail      string // empty where they agree
	}{
		{"the same", says("a", 3, "t-00"), says("b", 3, "t-00"), ""},
		{"in another order", says("a", 3, "t-00", "t-01"), says("b", 3, "t-01", "t-00"), ""},
		{"another number", says("a", 3), says("b", 9), "would want 9 and not 3, shadow/b: said"},
		{"other tasks", says("a", 3, "t-00"), says("b", 3, "t-01"), "would name other tasks, shadow/b: said"},
		{"emptied and not removed", says("a", 3, "t-00"), emptying, "would name other tasks, shadow/a: said"},
		{"abstains", says("a", 5), abstaining("b"), "would abstain, shadow/b: cannot"},
		{"decides", abstaining("a"), says("b", 5), "would want 5 and not 5, shadow/b: said"},
		{"both abstain", abstaining("a"), abstaining("b"), ""},
		{"nothing is tried", says("a", 5), nil, "would abstain, shadow: no_member"},
		{"nothing is live", nil, says("b", 9), "would want 9 and not 5, shadow/b: said"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := policy.Shadow{Live: tc.live, Tried: tc.tried}.Decide(fleet(5, 0))
			last := d.Reasons[len(d.Reasons)-1]
			if tc.detail == "" && len(d.Reasons) != 1 || tc.detail != "" && (last.Detail != tc.detail || last.Code != policy.CodeTriedDiffers || last.Severity != autoscaler.Info) {
				t.Errorf("says %v, want %q", d.Reasons, tc.detail)
			}
		})
	}
}

// vandal does whatever a policy must not, short of a panic.
type vandal struct{ memory autoscaler.Memory }

func (vandal) Name() string { return strings.Repeat("vandal", 1000) }

func (v vandal) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	for i := range s.Memory {
		s.Memory[i] = '!'
	}
	for i := range s.Tasks {
		s.Tasks[i] = autoscaler.Task{ID: "vandal"}
	}
	clear(s.Utilization)
	return autoscaler.Decision{
		Open: -7, Remove: ids{"none", "none"}, Memory: v.memory,
		Reasons: []autoscaler.Reason{{Code: policy.CodeNoOpinion, Severity: autoscaler.Alert}, {}},
	}
}

// The decision is Live's, and so is the memory, whatever is tried.
func TestShadowDoesWhatLiveDecides(t *testing.T) {
	live := policy.Cooldown{Policy: policy.Threshold{}, In: time.Minute, Out: time.Minute}
	for name, tried := range map[string]autoscaler.Policy{
		"another":    policy.Cooldown{Policy: policy.Buffer{}, In: time.Hour},
		"itself":     live,
		"huge":       vandal{autoscaler.Memory(`"` + strings.Repeat("x", autoscaler.MemoryLimit) + `"`)},
		"no room":    vandal{autoscaler.Memory(`"` + strings.Repeat("x", autoscaler.MemoryLimit-20) + `"`)},
		"scribbling": vandal{autoscaler.Memory(`}{`)},
		"quiet":      vandal{},
	} {
		t.Run(name, func(t *testing.T) {
			var memory, alone autoscaler.Memory
			everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
				s.Memory = alone
				want := live.Decide(s)
				alone = want.Memory
				s.Memory = memory
				s.Tasks = slices.Clone(s.Tasks)
				got := policy.Shadow{Live: live, Tried: tried}.Decide(s)
				memory = got.Memory
				if got.Open != want.Open || got.Abstain != want.Abstain || !slices.Equal(got.Remove, want.Remove) {
					t.Errorf("decides %+v, the live one %+v", got, want)
				}
				if got.Reasons[0].Code != want.Reasons[0].Code || got.Reasons[0].Severity != want.Reasons[0].Severity {
					t.Errorf("because %v, the live one because %v", got.Reasons, want.Reasons)
				}
				var kept struct{ Live json.RawMessage }
				if err := json.Unmarshal(memory, &kept); err != nil || !reflect.DeepEqual(kept.Live, want.Memory) {
					t.Errorf("remembers %s (%v), the live one %s", kept.Live, err, want.Memory)
				}
				if len(memory) > autoscaler.MemoryLimit {
					t.Errorf("%d bytes of memory", len(memory))
				}
				for _, r := range got.Reasons[len(want.Reasons):] {
					if r.Severity == autoscaler.Alert || len(r.String()) > 300 {
						t.Errorf("speaks up for the policy tried: %.80v", r)
					}
				}
			})
		})
	}
}

// Each is asked with its own memory.
func TestShadowMemories(t *testing.T) {
	p := policy.Shadow{Live: counting{name: "live"}, Tried: policy.Clamp{Policy: counting{name: "tried", pad: 2000}, Max: 2}}
	s := fleet(3, 0)
	for pass := 1; pass <= 4; pass++ {
		d := p.Decide(s)
		if n := counts(d)["shadow/live"]; n != pass {
			t.Errorf("pass %d: Live counts %d", pass, n)
		}
		s.Memory = d.Memory
	}
	var both map[string]struct{ N int }
	if err := json.Unmarshal(s.Memory, &both); err != nil || both["tried"].N != 4 {
		t.Errorf("Tried remembers %d passes, want 4 (%v)", both["tried"].N, err)
	}
	// Where both do not fit, the one that is tried begins anew.
	full := policy.Shadow{Live: counting{name: "live", pad: 14_000}, Tried: counting{name: "tried", pad: 3500}}
	s = fleet(3, 0)
	for pass := 1; pass <= 3; pass++ {
		d := full.Decide(s)
		if n, last := counts(d)["shadow/live"], d.Reasons[len(d.Reasons)-1]; n != pass || last.Code != policy.CodeMemoryDropped {
			t.Errorf("pass %d: Live counts %d, and the reasons are %v", pass, n, d.Reasons)
		}
		s.Memory = d.Memory
	}
	// In a composition without room for everybody, the one that is tried pays.
	tight := policy.Safest{
		policy.Shadow{Live: counting{name: "live", pad: 5000}, Tried: counting{name: "tried", pad: 9000}},
		counting{name: "neighbour", pad: 8000},
	}
	s = fleet(3, 0)
	for pass := 1; pass <= 3; pass++ {
		d := tight.Decide(s)
		if n := counts(d)["safest/shadow/live"]; n != pass {
			t.Errorf("pass %d: Live counts %d beside a greedy one", pass, n)
		}
		s.Memory = d.Memory
	}
}
