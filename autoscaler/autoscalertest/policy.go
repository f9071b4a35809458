package autoscalertest

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// seeds is how many families of situations a policy is shown.
const seeds = 3

// TestPolicy holds a policy to the contract of [autoscaler.Policy] on the
// [Situations] of several seeds and on the snapshots given: it is pure and
// total, keeps its state in its memory, explains itself, and names tasks that
// are there. A failure names the seed and the place of the situation.
func TestPolicy(t *testing.T, policy autoscaler.Policy, more ...autoscaler.Snapshot) {
	t.Helper()
	all := situationsFor(policy, more)
	clause.Run(t, policyClauses(), func(ct clause.T) policyHarness {
		return newPolicyHarness(clause.Testing(ct), policy, all)
	})
}

// policyHarness is a policy and what it is asked.
type policyHarness struct {
	policy     autoscaler.Policy
	situations []situation
	// bubble calls f where time is artificial.
	bubble func(f func())
}

// situation is a snapshot and how to find it again.
type situation struct {
	label string
	autoscaler.Snapshot
}

// newPolicyHarness puts a policy and situations together. The situations are
// shared between clauses, and a policy is shown copies.
func newPolicyHarness(t *testing.T, policy autoscaler.Policy, all []situation) policyHarness {
	return policyHarness{policy: policy, situations: all, bubble: func(f func()) {
		synctest.Test(t, func(*testing.T) { f() })
	}}
}

// situationsFor makes the situations. Their memory is by turns none, what the
// policy returned last, and what it never wrote.
func situationsFor(policy autoscaler.Policy, more []autoscaler.Snapshot) []situation {
	var all []situation
	for i, s := range more {
		all = append(all, situation{fmt.Sprintf("snapshot %d of those given", i), s})
	}
	for seed := range uint64(seeds) {
		var last autoscaler.Memory
		for i, s := range Situations(seed) {
			s.Memory = memoryFor(i, last)
			all = append(all, situation{fmt.Sprintf("Situations(%d)[%d]", seed, i), s})
			d, _ := try(policy, duplicate(s))
			if last = d.Memory; !json.Valid(last) {
				last = nil
			}
		}
	}
	return all
}

// memoryFor chooses what a policy finds in its memory.
func memoryFor(i int, last autoscaler.Memory) autoscaler.Memory {
	foreign := [...]string{`{}`, `[]`, `7`, `"text"`, `null`, `{"a":{"b":[1,2,3]}}`, `[null,{"0":{}}]`, `-1e300`}
	switch i % 5 {
	case 3:
		return nil
	case 4:
		return autoscaler.Memory(foreign[i/5%len(foreign)])
	}
	return last
}

// try asks the policy and catches its panic, with the stack.
func try(policy autoscaler.Policy, s autoscaler.Snapshot) (d autoscaler.Decision, panicked string) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return policy.Decide(s), ""
}

// decide asks the policy on a copy of the situation; a panic ends the clause.
func (h policyHarness) decide(t clause.T, s situation) autoscaler.Decision {
	t.Helper()
	d, panicked := try(h.policy, duplicate(s.Snapshot))
	if panicked != "" {
		t.Fatalf("%s: %s", s.label, panicked)
	}
	return d
}
