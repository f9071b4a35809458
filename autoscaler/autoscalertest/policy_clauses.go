package autoscalertest

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
)

// policyClauses are the promises, in the order of the contract's comment.
func policyClauses() []clause.Clause[policyHarness] {
	promise := clause.New[policyHarness]
	return []clause.Clause[policyHarness]{
		promise("name", "Name is non-empty, lower case and constant for a value.", checkName),
		promise("total", "Decide answers any snapshot: zero, huge, without metrics, of unknown occupancy, with a memory it never wrote.", checkTotal),
		promise("repeatable", "The same snapshot gives the same decision and memory, however often it is asked.", checkRepeatable),
		promise("no-state", "A policy keeps its state in the returned memory alone: what it was asked before changes nothing.", checkNoState),
		promise("no-clock", "The same snapshot gives the same decision 48 hours later.", checkNoClock),
		promise("no-change", "Decide changes nothing that it is given.", checkNoChange),
		promise("any-order", "The order in which tasks were collected changes nothing.", checkAnyOrder),
		promise("json", "A snapshot that went through JSON gives the same decision and memory.", checkJSON),
		promise("concurrent", "Decide may run on many goroutines at once, with the same results.", checkConcurrent),
		promise("reasons", "Every decision has a reason, and every reason has a code.", checkReasons),
		promise("open", "Open is a number of tasks, 0 or more.", checkOpen),
		promise("tasks", "Remove and Empty name open tasks of the snapshot, Reopen and Keep cordoned ones, Room is 0 or more, and no task is named twice.", checkTasks),
		promise("abstention", "An abstention carries a reason of notice severity or higher.", checkAbstention),
		promise("memory", "Memory is nil or one JSON value of at most 16 KiB.", checkMemory),
	}
}

func checkName(t clause.T, h policyHarness) {
	name := h.policy.Name()
	if name == "" || name != strings.ToLower(name) {
		t.Errorf("Name() = %q", name)
	}
	for _, s := range h.situations {
		h.decide(t, s)
		if again := h.policy.Name(); again != name {
			t.Fatalf("%s: Name() = %q after Decide, %q before", s.label, again, name)
		}
	}
}

func checkTotal(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		if _, panicked := try(h.policy, duplicate(s.Snapshot)); panicked != "" {
			t.Errorf("%s: %s", s.label, panicked)
		}
	}
}

func checkRepeatable(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		first := h.decide(t, s)
		for range 3 {
			same(t, s, first, h.decide(t, s), "asked again")
		}
	}
}

func checkNoState(t clause.T, h policyHarness) {
	first := make([]autoscaler.Decision, len(h.situations))
	for i, s := range h.situations {
		first[i] = h.decide(t, s)
	}
	for i, s := range slices.Backward(h.situations) {
		same(t, s, first[i], h.decide(t, s), "after others, in reverse")
	}
}

func checkNoClock(t clause.T, h policyHarness) {
	n := len(h.situations)
	now, later := make([]autoscaler.Decision, n), make([]autoscaler.Decision, n)
	panicked := ""
	ask := func(into []autoscaler.Decision) {
		for i, s := range h.situations {
			var p string
			if into[i], p = try(h.policy, duplicate(s.Snapshot)); p != "" {
				panicked = s.label + ": " + p
			}
		}
	}
	h.bubble(func() {
		ask(now)
		<-time.After(48 * time.Hour) //nolint:forbidigo // the clock of the bubble
		ask(later)
	})
	if panicked != "" {
		t.Fatalf("%s", panicked)
	}
	for i, s := range h.situations {
		same(t, s, now[i], later[i], "48 hours later")
	}
}

func checkNoChange(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		given := withSpare(duplicate(s.Snapshot))
		if _, panicked := try(h.policy, given); panicked != "" {
			t.Fatalf("%s: %s", s.label, panicked)
		}
		if before := withSpare(duplicate(s.Snapshot)); !equal(withinCap(before), withinCap(given)) {
			t.Errorf("%s: the snapshot is\n%s\nafter Decide, and was\n%s", s.label, text(given), text(before))
			return
		}
	}
}

func checkAnyOrder(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		ordered := unordered(h.decide(t, s))
		backward, turned := s, s
		backward.Tasks, turned.Tasks = slices.Clone(s.Tasks), slices.Clone(s.Tasks)
		slices.Reverse(backward.Tasks)
		if n := len(s.Tasks); n > 0 {
			turned.Tasks = slices.Concat(s.Tasks[n/2:], s.Tasks[:n/2])
		}
		same(t, s, ordered, unordered(h.decide(t, backward)), "with the tasks in reverse")
		same(t, s, ordered, unordered(h.decide(t, turned)), "with the tasks in another order")
	}
}

func checkJSON(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		wire, err := json.Marshal(s.Snapshot)
		if err != nil {
			t.Fatalf("%s: the snapshot has no JSON form: %v", s.label, err)
		}
		read := situation{label: s.label}
		if err := json.Unmarshal(wire, &read.Snapshot); err != nil {
			t.Fatalf("%s: the snapshot cannot be read back: %v", s.label, err)
		}
		same(t, s, h.decide(t, s), h.decide(t, read), "after a round trip")
	}
}

func checkConcurrent(t clause.T, h policyHarness) {
	const goroutines = 4
	alone := make([]autoscaler.Decision, len(h.situations))
	for i, s := range h.situations {
		alone[i] = h.decide(t, s)
	}
	var all sync.WaitGroup
	for offset := range goroutines {
		all.Go(func() {
			for k := range h.situations {
				i := (k + offset*7) % len(h.situations)
				d, panicked := try(h.policy, duplicate(h.situations[i].Snapshot))
				if panicked != "" {
					t.Errorf("%s: %s", h.situations[i].label, panicked)
					return
				}
				if !sameDecision(alone[i], d) {
					t.Errorf("%s: alone\n%s\namong others\n%s", h.situations[i].label, text(alone[i]), text(d))
					return
				}
			}
		})
	}
	all.Wait()
}

func checkReasons(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		d := h.decide(t, s)
		if len(d.Reasons) == 0 {
			t.Fatalf("%s: no reasons: %s", s.label, text(d))
		}
		for i, r := range d.Reasons {
			if r.Code == "" {
				t.Fatalf("%s: reason %d has no code: %s", s.label, i, text(d))
			}
		}
	}
}

func checkOpen(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		if d := h.decide(t, s); d.Open < 0 {
			t.Fatalf("%s: Open is %d", s.label, d.Open)
		}
	}
}

func checkTasks(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		states := make(map[autoscaler.TaskID]autoscaler.TaskState, len(s.Tasks))
		for i := range s.Tasks {
			states[s.Tasks[i].ID] = s.Tasks[i].State
		}
		d := h.decide(t, s)
		named := map[autoscaler.TaskID]string{}
		check := func(list string, ids []autoscaler.TaskID, want autoscaler.TaskState) {
			for _, id := range ids {
				state, there := states[id]
				switch {
				case !there:
					t.Fatalf("%s: %s names %q, which is no task of the snapshot", s.label, list, id)
				case state != want:
					t.Fatalf("%s: %s names %q, which is %s and not %s", s.label, list, id, state, want)
				case named[id] != "":
					t.Fatalf("%s: %q is named in %s and again in %s", s.label, id, named[id], list)
				}
				named[id] = list
			}
		}
		check("Remove", d.Remove, autoscaler.TaskOpen)
		check("Empty", d.Empty, autoscaler.TaskOpen)
		check("Reopen", d.Reopen, autoscaler.TaskCordoned)
		check("Keep", d.Keep, autoscaler.TaskCordoned)
		if d.Room < 0 {
			t.Fatalf("%s: Room is %d", s.label, d.Room)
		}
	}
}

func checkAbstention(t clause.T, h policyHarness) {
	for _, s := range h.situations {
		d := h.decide(t, s)
		loud := slices.ContainsFunc(d.Reasons, func(r autoscaler.Reason) bool { return r.Severity >= autoscaler.Notice })
		if d.Abstain && !loud {
			t.Fatalf("%s: abstains quietly: %s", s.label, text(d))
		}
	}
}

func checkMemory(t clause.T, h policyHarness) {
	var last autoscaler.Memory
	for _, s := range h.situations {
		s.Memory = last // a memory that grows shows only in a row of passes
		d := h.decide(t, s)
		switch {
		case len(d.Memory) > autoscaler.MemoryLimit:
			t.Fatalf("%s: %d bytes of memory", s.label, len(d.Memory))
		case len(d.Memory) > 0 && !json.Valid(d.Memory):
			t.Fatalf("%s: memory %q is not JSON", s.label, d.Memory)
		}
		last = d.Memory
	}
}
