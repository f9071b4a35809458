package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

// counting remembers how often it was asked, and pads its memory.
type counting struct {
	name string
	pad  int
}

func (c counting) Name() string { return c.name }

func (c counting) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	d := s.Hold("counted")
	d.Reasons[0].Count = c.asked(s.Memory) + 1
	d.Memory = fmt.Appendf(nil, `{"by":%q,"n":%d,"pad":%q}`, c.name, d.Reasons[0].Count, strings.Repeat("x", c.pad))
	return d
}

// asked reads the memory; another policy's is none.
func (c counting) asked(m autoscaler.Memory) int {
	var seen struct {
		By string
		N  int
	}
	if json.Unmarshal(m, &seen) != nil || seen.By != c.name {
		return 0
	}
	return seen.N
}

// counts returns how often each member says it was asked, by its path.
func counts(d autoscaler.Decision) map[string]int {
	out := map[string]int{}
	for _, r := range d.Reasons {
		if r.Code == "counted" {
			out[r.By] = r.Count
		}
	}
	return out
}

func TestEachMemberHasItsOwnMemory(t *testing.T) {
	p := policy.Safest{
		counting{name: "a"},
		policy.Cooldown{Policy: policy.First{abstaining("x"), counting{name: "b"}}, In: time.Minute},
		policy.Clamp{Policy: policy.Optional{Policy: counting{name: "a"}}, Max: 9},
	}
	s := fleet(3, 0)
	for pass := 1; pass <= 4; pass++ {
		d := p.Decide(s)
		for by, n := range counts(d) {
			if n != pass {
				t.Errorf("pass %d: %s was asked %d times by its memory", pass, by, n)
			}
		}
		if len(counts(d)) != 3 {
			t.Fatalf("pass %d: %v", pass, d.Reasons)
		}
		s.Memory = d.Memory
	}
	// A composition that was changed hands nobody another one's memory.
	for by, n := range counts((policy.Safest{counting{name: "b"}, counting{name: "a"}}).Decide(s)) {
		if n != 1 {
			t.Errorf("%s begins with a memory of %d passes", by, n-1)
		}
	}
}

func TestFirstKeepsTheMemoryOfThoseNotAsked(t *testing.T) {
	s := fleet(3, 0)
	s.Memory = policy.First{abstaining("gate"), counting{name: "a"}}.Decide(s).Memory
	s.Memory = policy.First{saying{"gate", s.Hold("open")}, counting{name: "a"}}.Decide(s).Memory
	d := policy.First{abstaining("gate"), counting{name: "a"}}.Decide(s)
	if n := counts(d)["first/a"]; n != 2 {
		t.Errorf("the member counts %d, want 2", n)
	}
}

func TestMemoryStaysWithinItsLimit(t *testing.T) {
	s := fleet(3, 0)
	p := policy.Safest{
		counting{name: "modest", pad: 100},
		counting{name: "greedy", pad: autoscaler.MemoryLimit},
		policy.Cooldown{Policy: counting{name: "greedier", pad: 2 * autoscaler.MemoryLimit}},
		saying{"scribbling", autoscaler.Decision{Memory: autoscaler.Memory("{"), Reasons: s.Hold("x").Reasons}},
		policy.Cooldown{Policy: saying{"scribbling", autoscaler.Decision{Memory: autoscaler.Memory("]")}}},
	}
	for pass := 1; pass <= 3; pass++ {
		d := p.Decide(s)
		if len(d.Memory) > autoscaler.MemoryLimit || !json.Valid(d.Memory) {
			t.Fatalf("pass %d: memory of %d bytes, JSON: %v", pass, len(d.Memory), json.Valid(d.Memory))
		}
		if n := counts(d)["safest/modest"]; n != pass {
			t.Errorf("pass %d: the modest member counts %d; the greedy one should pay", pass, n)
		}
		dropped := 0
		for _, r := range d.Reasons {
			if r.Code == policy.CodeMemoryDropped && r.Severity == autoscaler.Notice {
				dropped++
			}
		}
		if dropped != 4 {
			t.Errorf("pass %d: %d members were told of a dropped memory, want 4: %v", pass, dropped, d.Reasons)
		}
		s.Memory = d.Memory
	}
}

// What a combinator cannot use of its own memory costs its member nothing.
func TestMembersKeepTheirMemoryBesideAnUnusableOne(t *testing.T) {
	for name, tc := range map[string]struct {
		policy autoscaler.Policy
		own    string
	}{
		"stabilize":  {policy.Stabilize{Policy: counting{name: "a"}}, `"in":[{"at":9000000000000000000,"n":3}]`},
		"agree":      {policy.Agree{Policy: counting{name: "a"}}, `"in":9000000000`},
		"rate-limit": {policy.RateLimit{Policy: counting{name: "a"}}, `"tasks":4,"in":[{"at":9000000000000000000,"n":3}]`},
	} {
		s := fleet(4, 0)
		s.Memory = autoscaler.Memory(`{` + tc.own + `,"member":{"by":"a","n":6}}`)
		if n := counts(tc.policy.Decide(s))[name+"/a"]; n != 7 {
			t.Errorf("%s: the member counts %d, want 7", name, n)
		}
	}
}

func TestForeignMemoryCountsAsNone(t *testing.T) {
	foreign := []string{
		`{`, `[]`, `7`, `"text"`, `null`, `{"0 threshold":7}`, `{"asked":"yesterday"}`, `{"asked":9e18}`, `{"asked":1e400}`,
		`{"tasks":"many","in":1}`, `{"tasks":-9223372036854775808,"in":-9223372036854775808,"out":9223372036854775807}`,
		`{"open":7}`, `{"open":[{"at":5,"open":-3}]}`, `{"open":[]}`, `{"open":[{"at":9000000000000000000,"open":3}]}`, `{"open":[{"at":5,"open":1},{"at":4,"open":1}]}`,
		`{"in":[{"at":9000000000000000000,"n":3}]}`, `{"out":[{"at":-9223372036854775808,"n":-3}],"in":[{"at":5,"n":1},{"at":4,"n":1}]}`,
		`{"tasks":-1,"out":[]}`, `{"in":9000000000}`, `{"out":4,"in":4}`,
		`{"member":{"member":{"member":[]}}}`, strings.Repeat("[", 5000), strings.Repeat(" ", 2*autoscaler.MemoryLimit),
	}
	for name, p := range everyPolicy() {
		t.Run(name, func(t *testing.T) {
			for _, text := range foreign {
				s := fleet(4, 0)
				s.Utilization = load(start, 95, 95)
				want := p.Decide(s)
				s.Memory = autoscaler.Memory(text)
				got := p.Decide(s)
				if got.Open != want.Open || !slices.Equal(got.Remove, want.Remove) {
					t.Errorf("with memory %.40q wants %d, remove %v; without %d, %v", text, got.Open, got.Remove, want.Open, want.Remove)
				}
				if len(got.Memory) > autoscaler.MemoryLimit || len(got.Memory) > 0 && !json.Valid(got.Memory) {
					t.Errorf("with memory %.40q returns %.80q", text, got.Memory)
				}
			}
		})
	}
}
