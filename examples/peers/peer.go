package main

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

// peer is another autoscaler's decision with one setting of what it leaves to its user.
// Each trial gets a policy of its own, since some keep state.
type peer struct {
	name    string
	setting string
	policy  func(slots int) autoscaler.Policy
}

// peers are all of them, each with a small grid of its setting: the table shows each at
// the setting that suits the load best, which nobody knows beforehand.
func peers() []peer {
	all := []peer{
		{"headroom (this library)", "none", func(int) autoscaler.Policy { return policy.Headroom{} }},
		{"threshold rule of the article", "CPU 70 %", func(int) autoscaler.Policy { return policy.Threshold{} }},
	}
	for _, target := range []float64{0.5, 0.6, 0.7, 0.8} {
		setting := fmt.Sprintf("target %.0f %%", 100*target)
		all = append(all,
			peer{"Nomad target-value", setting, func(int) autoscaler.Policy { return nomad{target: target} }},
			peer{"Knative KPA", setting, func(slots int) autoscaler.Policy { return newKnative(target, slots) }},
			peer{"Kubernetes HPA", setting, func(int) autoscaler.Policy { return hpa{target: target} }},
			peer{"ECS target tracking", setting, func(int) autoscaler.Policy { return ecs{target: target} }},
		)
	}
	for _, buffer := range []float64{0.2, 0.3, 0.4} {
		all = append(all, peer{"Agones buffer", fmt.Sprintf("%.0f %%", 100*buffer), func(int) autoscaler.Policy { return agones{buffer: buffer} }})
	}
	return all
}

// occupied is the share of slots in use on open tasks, and whether there is one.
func occupied(s autoscaler.Snapshot) (share float64, ok bool) {
	if s.Totals.Slots <= 0 {
		return 0, false
	}
	return float64(s.Totals.Slots-s.Totals.Free) / float64(s.Totals.Slots), true
}

// wants is a decision for a number of tasks. It names none: the controller drains those
// that are idle, which is what keeps these rules from ending sessions.
func wants(s autoscaler.Snapshot, tasks float64, code autoscaler.Code, state any) autoscaler.Decision {
	d := s.Want(int(math.Max(1, math.Ceil(tasks-1e-9))), code)
	d.Memory = nil
	if state != nil {
		if text, err := json.Marshal(state); err == nil {
			d.Memory = text
		}
	}
	return d
}
