package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/autoscaler/autoscalertest"
	"github.com/seed-979cce96/idlescale/policy"
)

type ids = []autoscaler.TaskID

func ExampleSafest() {
	p := policy.Safest{policy.Threshold{}, policy.Buffer{Slots: 8}}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := autoscalertest.Snapshot(at,
		autoscalertest.Open("t-1", 10, 6), autoscalertest.Open("t-2", 10, 0), autoscalertest.Open("t-3", 10, 0))
	s.Utilization = autoscaler.Utilization{
		autoscaler.MetricCPU:    {Value: 20, At: at},
		autoscaler.MetricMemory: {Value: 30, At: at},
	}
	d := p.Decide(s)
	fmt.Println(d.Open, d.Remove)
	for _, r := range d.Reasons {
		fmt.Println(r)
	}
	// Output:
	// 2 [t-2 t-3]
	// safest: agreed
	// safest/threshold: unused ×2
	// safest/buffer: buffer_spare (6 slots in use, 0 users waiting, 8 slots to keep free)
}

func ExampleFirst() {
	p := policy.First{policy.Threshold{}, policy.Fixed{Open: 4}}
	d := p.Decide(autoscaler.Snapshot{}) // no metric has a value
	fmt.Println(d.Open)
	for _, r := range d.Reasons {
		fmt.Println(r)
	}
	// Output:
	// 4
	// first: chosen
	// first/threshold: load_unknown (memory has no value)
	// first/fixed: fixed
}

func ExampleOptional() {
	s := autoscalertest.Snapshot(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		autoscalertest.Open("t-1", 10, 2), autoscalertest.Open("t-2", 10, 0), autoscalertest.Open("t-3", 10, 0))
	strict := policy.Safest{policy.Threshold{}, policy.Buffer{Slots: 5}}
	lenient := policy.Safest{policy.Optional{Policy: policy.Threshold{}}, policy.Buffer{Slots: 5}}
	fmt.Println(strict.Decide(s).Open, lenient.Decide(s).Open) // no metric has a value
	// Output: 3 1
}

func TestSafestLaw(t *testing.T) {
	emptying := func(d saying, empty ...autoscaler.TaskID) saying { d.Empty = empty; return d }
	reopening := func(d saying, reopen ...autoscaler.TaskID) saying { d.Reopen = reopen; return d }
	silent := policy.Optional{Policy: abstaining("silent")}
	for _, tc := range []struct {
		name    string
		policy  policy.Safest
		open    int
		abstain bool
		remove  ids
		empty   ids
		reopen  ids
		code    autoscaler.Code
	}{
		{"out wins", policy.Safest{says("a", 3), says("b", 8), says("c", 7), abstaining("d")}, 8, false, nil, nil, nil, policy.CodeLargest},
		{"reopen with out", policy.Safest{reopening(says("a", 9), "x", "y"), reopening(says("b", 8), "y", "z"), reopening(says("c", 1), "w")},
			9, false, nil, nil, ids{"x", "y", "z"}, policy.CodeLargest},
		{"in needs all", policy.Safest{says("a", 3), says("b", 5)}, 5, false, nil, nil, nil, policy.CodeNotAgreed},
		{"all want fewer", policy.Safest{says("a", 3), says("b", 4)}, 4, false, nil, nil, nil, policy.CodeAgreed},
		{"nobody wants a change", policy.Safest{says("a", 5), says("b", 5)}, 5, false, nil, nil, nil, policy.CodeKept},
		{"an abstention blocks", policy.Safest{says("a", 3), abstaining("b")}, 5, true, nil, nil, nil, policy.CodeCannotTell},
		{"no opinion does not", policy.Safest{says("a", 3), silent}, 3, false, nil, nil, nil, policy.CodeAgreed},
		{"nobody has an opinion", policy.Safest{silent, silent}, 5, false, nil, nil, nil, policy.CodeNoOpinion},
		{"no members", policy.Safest{}, 5, true, nil, nil, nil, policy.CodeNoMember},
		{"a nil member", policy.Safest{says("a", 3), nil}, 5, true, nil, nil, nil, policy.CodeCannotTell},
		{"names in common", policy.Safest{says("a", 2, "x", "y", "z"), says("b", 1, "z", "w", "y")}, 3, false, ids{"y", "z"}, nil, nil, policy.CodeAgreed},
		{"who names none agrees", policy.Safest{says("a", 3, "x", "y"), says("b", 4)}, 4, false, ids{"x", "y"}, nil, nil, policy.CodeAgreed},
		{"nothing in common", policy.Safest{says("a", 4, "x"), says("b", 4, "y")}, 5, false, nil, nil, nil, policy.CodeNotAgreed},
		{"fewer named than wanted", policy.Safest{says("a", 1, "x"), says("b", 1)}, 4, false, ids{"x"}, nil, nil, policy.CodeAgreed},
		{"emptied by all", policy.Safest{emptying(says("a", 3), "x", "y"), emptying(says("b", 3, "x"), "y")},
			3, false, ids{"x"}, ids{"y"}, nil, policy.CodeAgreed},
		{"nested", policy.Safest{policy.Safest{silent}, policy.Safest{says("a", 4)}}, 4, false, nil, nil, nil, policy.CodeAgreed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.policy.Decide(fleet(5, 0))
			if d.Open != tc.open || d.Abstain != tc.abstain || d.Reasons[0].Code != tc.code {
				t.Errorf("wants %d, abstains %v, because %v; want %d, %v, %s", d.Open, d.Abstain, d.Reasons, tc.open, tc.abstain, tc.code)
			}
			if !slices.Equal(d.Remove, tc.remove) || !slices.Equal(d.Empty, tc.empty) || !slices.Equal(d.Reopen, tc.reopen) {
				t.Errorf("remove %v, empty %v, reopen %v; want %v, %v, %v", d.Remove, d.Empty, d.Reopen, tc.remove, tc.empty, tc.reopen)
			}
		})
	}
}

// Members are drawn by the seed; the law is stated on what they say.
func TestSafestProperty(t *testing.T) {
	everySituation(t, func(t *testing.T, seed uint64, i int, s autoscaler.Snapshot) {
		members := []autoscaler.Policy{
			policy.Threshold{CPU: 40 + 10*float64(seed%3)}, policy.Buffer{Slots: i % 20},
			policy.Optional{Policy: policy.Threshold{Memory: 30}}, policy.Fixed{Open: i % 12},
		}
		members = members[:2+(i+int(seed))%3]
		have := s.Totals.Capacity()
		largest, abstentions, notFewer := 0, 0, 0
		var naming []autoscaler.Decision
		for _, m := range members {
			d := m.Decide(s)
			switch {
			case d.Abstain:
				abstentions++
				continue
			case d.Reasons[0].Code == policy.CodeNoOpinion:
				continue
			case d.Open >= have:
				notFewer++
			case d.Remove != nil:
				naming = append(naming, d)
			}
			largest = max(largest, d.Open)
		}
		d := policy.Safest(members).Decide(s)
		switch {
		case largest > have && (d.Open != largest || d.Abstain):
			t.Errorf("a member wants %d and Safest wants %d", largest, d.Open)
		case d.Open < have && (abstentions > 0 || notFewer > 0):
			t.Errorf("scales in with %d abstentions and %d members that want no fewer", abstentions, notFewer)
		case d.Open < largest:
			t.Errorf("wants %d, a member %d", d.Open, largest)
		case largest <= have && d.Abstain != (abstentions > 0):
			t.Errorf("abstains: %v, with %d abstentions", d.Abstain, abstentions)
		}
		for _, id := range d.Remove {
			for _, m := range naming {
				if !slices.Contains(m.Remove, id) {
					t.Errorf("removes %s, which a member does not name", id)
				}
			}
		}
		if d.Open < have && d.Remove != nil && have-d.Open > len(d.Remove) {
			t.Errorf("wants %d fewer and names %d", have-d.Open, len(d.Remove))
		}
	})
}

func TestFirstLaw(t *testing.T) {
	silent := policy.Optional{Policy: abstaining("silent")}
	for _, tc := range []struct {
		name    string
		policy  policy.First
		open    int
		abstain bool
		code    autoscaler.Code
	}{
		{"the first", policy.First{says("a", 3), says("b", 8)}, 3, false, policy.CodeChosen},
		{"after an abstention", policy.First{abstaining("a"), says("b", 8)}, 8, false, policy.CodeChosen},
		{"after no opinion", policy.First{silent, abstaining("a"), says("b", 2)}, 2, false, policy.CodeChosen},
		{"a hold is followed", policy.First{says("a", 5), says("b", 8)}, 5, false, policy.CodeChosen},
		{"all abstain", policy.First{silent, abstaining("a")}, 5, true, policy.CodeCannotTell},
		{"nobody has an opinion", policy.First{silent}, 5, false, policy.CodeNoOpinion},
		{"no members", nil, 5, true, policy.CodeNoMember},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.policy.Decide(fleet(5, 0))
			if d.Open != tc.open || d.Abstain != tc.abstain || d.Reasons[0].Code != tc.code {
				t.Errorf("wants %d, abstains %v, because %v; want %d, %v, %s", d.Open, d.Abstain, d.Reasons, tc.open, tc.abstain, tc.code)
			}
		})
	}
}

func TestFirstTakesOverTheWholeDecision(t *testing.T) {
	member := says("a", 3, "x")
	member.Empty, member.Reopen = ids{"y"}, ids{"z"}
	d := policy.First{member}.Decide(fleet(5, 0))
	if !slices.Equal(d.Remove, ids{"x"}) || !slices.Equal(d.Empty, ids{"y"}) || !slices.Equal(d.Reopen, ids{"z"}) {
		t.Errorf("took over %+v", d)
	}
}

func TestOptionalProperty(t *testing.T) {
	inner := policy.Threshold{}
	everySituation(t, func(t *testing.T, _ uint64, _ int, s autoscaler.Snapshot) {
		d, strict := policy.Optional{Policy: inner}.Decide(s), inner.Decide(s)
		switch {
		case d.Abstain:
			t.Errorf("abstains")
		case strict.Abstain && (d.Open != s.Totals.Capacity() || d.Reasons[0].Code != policy.CodeNoOpinion):
			t.Errorf("the member abstains and the decision is %+v", d)
		case !strict.Abstain && (d.Open != strict.Open || !slices.Equal(d.Remove, strict.Remove)):
			t.Errorf("the member wants %d, remove %v; the decision is %+v", strict.Open, strict.Remove, d)
		}
	})
}

func TestReasonsCarryTheirPath(t *testing.T) {
	p := policy.Cooldown{Policy: policy.Safest{
		policy.Clamp{Policy: policy.Fixed{Open: 9}, Max: 4},
		policy.First{abstaining("office"), policy.Optional{Policy: abstaining("x")}},
		saying{"mute", autoscaler.Decision{}},
	}}
	var got []string
	for _, r := range p.Decide(fleet(1, 0)).Reasons {
		got = append(got, r.By+" "+string(r.Code))
	}
	want := []string{
		"cooldown/safest largest",
		"cooldown/safest/clamp clamped_down",
		"cooldown/safest/clamp/fixed fixed",
		"cooldown/safest/first cannot_tell",
		"cooldown/safest/first/office cannot",
		"cooldown/safest/first/optional no_opinion",
		"cooldown/safest/first/optional/x cannot",
		"cooldown/safest/mute no_reason_given",
	}
	if !slices.Equal(got, want) {
		t.Errorf("reasons\n%q\nwant\n%q", got, want)
	}
}
