package autoscalertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// decider is a policy made of a function.
type decider struct {
	name   string
	decide func(autoscaler.Snapshot) autoscaler.Decision
}

func (d decider) Name() string                                         { return d.name }
func (d decider) Decide(s autoscaler.Snapshot) autoscaler.Decision     { return d.decide(s) }
func deciding(f func(autoscaler.Snapshot) autoscaler.Decision) decider { return decider{"decider", f} }

// failingPolicy returns the promises among those named that a policy breaks;
// without names, of all.
func failingPolicy(t *testing.T, p autoscaler.Policy, names ...string) map[string][]string {
	t.Helper()
	clauses := slices.DeleteFunc(policyClauses(), func(c clause.Clause[policyHarness]) bool {
		return len(names) > 0 && !slices.Contains(names, c.Name)
	})
	all := situationsFor(p, nil)
	return clause.Failing(clauses, func(clause.T) policyHarness { return newPolicyHarness(t, p, all) })
}

// honest keeps every promise and uses every part of a decision.
func honest() decider {
	return deciding(func(s autoscaler.Snapshot) autoscaler.Decision {
		if _, ok := s.Utilization.Value(autoscaler.MetricCPU); !ok {
			return s.Abstain("no_cpu")
		}
		var seen struct{ Passes int }
		if json.Unmarshal(s.Memory, &seen) != nil {
			seen.Passes = 0
		}
		d := s.Hold("counted")
		for _, t := range s.Tasks {
			switch {
			case t.State == autoscaler.TaskOpen && t.Occupancy.Idle():
				d.Remove = append(d.Remove, t.ID)
			case t.State == autoscaler.TaskOpen && t.Old:
				d.Empty = append(d.Empty, t.ID)
			case t.State == autoscaler.TaskCordoned:
				d.Reopen = append(d.Reopen, t.ID)
			}
		}
		d.Open = max(0, s.Totals.Capacity()-len(d.Remove))
		d.Memory = fmt.Appendf(nil, `{"Passes":%d}`, max(0, seen.Passes)%1000+1)
		return d
	})
}

func TestPolicyAcceptsAnHonestPolicy(t *testing.T) {
	TestPolicy(t, honest(), Snapshot(time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC), Open("t-1", 10, 3)))
	if broken := failingPolicy(t, honest()); len(broken) > 0 {
		t.Errorf("an honest policy breaks %v", broken)
	}
}

// brokenPolicies has a policy for every promise, which breaks it.
func brokenPolicies() map[string]func() autoscaler.Policy {
	of := func(f func(autoscaler.Snapshot) autoscaler.Decision) func() autoscaler.Policy {
		return func() autoscaler.Policy { return deciding(f) }
	}
	return map[string]func() autoscaler.Policy{
		"name": func() autoscaler.Policy {
			return decider{"Shouting", func(s autoscaler.Snapshot) autoscaler.Decision { return s.Hold("ok") }}
		},
		"total": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			return s.Want(100/s.Limits.Max, "divided")
		}),
		"repeatable": func() autoscaler.Policy {
			var calls atomic.Int64
			return deciding(func(s autoscaler.Snapshot) autoscaler.Decision { return s.Want(int(calls.Add(1)), "counted") })
		},
		"no-state": func() autoscaler.Policy {
			// It smooths over what it was shown last, however often it is shown.
			var last, before atomic.Int64
			return deciding(func(s autoscaler.Snapshot) autoscaler.Decision {
				now := int64(s.Totals.Sessions)
				if old := last.Swap(now); old != now {
					before.Store(old)
				}
				return s.Want(int(before.Load()), "smoothed")
			})
		},
		"no-clock": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			return s.Want(time.Now().YearDay(), "by_the_day") // the clock of the bubble
		}),
		"no-change": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			slices.SortFunc(s.Tasks, func(a, b autoscaler.Task) int { return int(b.IdleFor - a.IdleFor) })
			return s.Hold("sorted")
		}),
		"any-order": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			d := s.Hold("first")
			if len(s.Tasks) > 0 && s.Tasks[0].State == autoscaler.TaskOpen {
				d.Remove = []autoscaler.TaskID{s.Tasks[0].ID}
			}
			return d
		}),
		"json": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			if s.Utilization == nil { // absent and empty differ to it, and not to JSON
				return s.Want(1, "nil")
			}
			return s.Hold("not_nil")
		}),
		"concurrent": func() autoscaler.Policy {
			var inside atomic.Int64
			return deciding(func(s autoscaler.Snapshot) autoscaler.Decision {
				n := inside.Add(1)
				defer inside.Add(-1)
				runtime.Gosched()
				return s.Want(int(n), "alone")
			})
		},
		"reasons": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			return autoscaler.Decision{Open: s.Totals.Capacity()}
		}),
		"open": of(func(s autoscaler.Snapshot) autoscaler.Decision { return s.Want(s.Totals.Open-1, "less") }),
		"tasks": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			d := s.Hold("everything")
			for _, t := range s.Tasks {
				d.Remove = append(d.Remove, t.ID)
			}
			return d
		}),
		"abstention": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			d := s.Abstain("quiet")
			d.Reasons[0].Severity = autoscaler.Info
			return d
		}),
		"memory": of(func(s autoscaler.Snapshot) autoscaler.Decision {
			var all []string
			if json.Unmarshal(s.Memory, &all) != nil {
				all = nil
			}
			d := s.Hold("hoarding")
			d.Memory, _ = json.Marshal(append(all, strings.Repeat("x", 500)))
			return d
		}),
	}
}

func TestPolicyCatchesEachBrokenPromise(t *testing.T) {
	broken := brokenPolicies()
	for _, c := range policyClauses() {
		t.Run(c.Name, func(t *testing.T) {
			policy := broken[c.Name]
			if policy == nil {
				t.Fatalf("no policy breaks the promise %q", c.Text)
			}
			if len(failingPolicy(t, policy(), c.Name)) == 0 {
				t.Errorf("a policy that breaks %q is not caught", c.Text)
			}
		})
	}
}

func TestPolicyCatchesOtherBreaches(t *testing.T) {
	for name, tc := range map[string]struct {
		clause string
		decide func(autoscaler.Snapshot) autoscaler.Decision
	}{
		"a reason without a code": {"reasons", func(s autoscaler.Snapshot) autoscaler.Decision { return s.Hold("") }},
		"an unknown task":         {"tasks", func(s autoscaler.Snapshot) autoscaler.Decision { return removing(s, "nobody") }},
		"a task named twice": {"tasks", func(s autoscaler.Snapshot) autoscaler.Decision {
			for _, t := range s.Tasks {
				if t.State == autoscaler.TaskOpen {
					return removing(s, t.ID, t.ID)
				}
			}
			return s.Hold("none")
		}},
		"memory that is no JSON": {"memory", func(s autoscaler.Snapshot) autoscaler.Decision {
			d := s.Hold("scribbled")
			d.Memory = autoscaler.Memory("{")
			return d
		}},
		"an append to the tasks": {"no-change", func(s autoscaler.Snapshot) autoscaler.Decision {
			return s.Want(len(append(s.Tasks, autoscaler.Task{ID: "one more"})), "appended")
		}},
		"a metric that is zeroed": {"no-change", func(s autoscaler.Snapshot) autoscaler.Decision {
			for m := range s.Utilization {
				s.Utilization[m] = autoscaler.Reading{}
			}
			return s.Hold("zeroed")
		}},
		"a mended memory": {"total", func(s autoscaler.Snapshot) autoscaler.Decision {
			var m struct{ N []int }
			if len(s.Memory) > 0 && json.Unmarshal(s.Memory, &m) != nil {
				panic("not my memory")
			}
			return s.Hold("trusting")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if len(failingPolicy(t, deciding(tc.decide), tc.clause)) == 0 {
				t.Errorf("clause %s does not catch it", tc.clause)
			}
		})
	}
}

func removing(s autoscaler.Snapshot, ids ...autoscaler.TaskID) autoscaler.Decision {
	d := s.Hold("removing")
	d.Remove = ids
	return d
}

func TestSituationsAreRepeatableAndSurviveJSON(t *testing.T) {
	for seed := range uint64(seeds) {
		again := Situations(seed)
		for i, s := range Situations(seed) {
			if !reflect.DeepEqual(s, again[i]) {
				t.Errorf("Situations(%d)[%d] differs the second time", seed, i)
			}
			wire, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("Situations(%d)[%d]: %v", seed, i, err)
			}
			var back autoscaler.Snapshot
			if err := json.Unmarshal(wire, &back); err != nil {
				t.Fatalf("Situations(%d)[%d]: %v", seed, i, err)
			}
			// An empty map is left out and an absent one is nil: the same answer
			// to every question.
			if len(s.Utilization) == 0 {
				s.Utilization = nil
			}
			if !reflect.DeepEqual(s, back) {
				t.Errorf("Situations(%d)[%d] is\n%s\nafter a round trip and was\n%s", seed, i, text(back), text(s))
			}
		}
	}
}

func TestSituationsCoverWhatAPolicyMeets(t *testing.T) {
	met := map[string]bool{}
	note := func(what string, is bool) { met[what] = met[what] || is }
	for seed := range uint64(seeds) {
		for _, s := range Situations(seed) {
			_, cpu := s.Utilization.Value(autoscaler.MetricCPU)
			note("no metric", !cpu)
			note("a metric", cpu)
			note("users waiting", s.Demand.Waiting > 0)
			note("no task", len(s.Tasks) == 0 && s.Version > 0)
			note("many tasks", len(s.Tasks) > 150)
			note("a deployment", s.Deployment == autoscaler.DeploymentRolling)
			note("a pause", s.Control.PauseIn.Active(s.At))
			for _, task := range s.Tasks {
				note("state "+string(task.State), true)
				_, known := task.Occupancy.Sessions()
				note("unknown occupancy", !known)
				note("a pinned task", task.Pinned)
			}
		}
	}
	for _, what := range []string{
		"no metric", "a metric", "users waiting", "no task", "many tasks", "a deployment", "a pause", "state new",
		"state open", "state cordoned", "state retired", "state stopping", "unknown occupancy", "a pinned task",
	} {
		if !met[what] {
			t.Errorf("no situation has %s", what)
		}
	}
}
