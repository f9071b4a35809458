package main

import (
	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
)

// registry holds what -policies may name.
type registry map[string]func(slots int) autoscaler.Policy

// policies are those of the library, each as a user's main would write it. A policy
// of your own is one more line.
func policies() registry {
	return registry{
		"headroom":  func(int) autoscaler.Policy { return policy.Headroom{} },
		"threshold": func(int) autoscaler.Policy { return policy.Threshold{} },
		"buffer":    func(slots int) autoscaler.Policy { return buffer(slots) },
		"safest": func(slots int) autoscaler.Policy {
			return policy.Safest{policy.Threshold{}, buffer(slots)}
		},
	}
}

// buffer keeps a task's worth of free slots and 15 % more: a task takes a minute and a
// half to start, and until then only free slots help.
func buffer(slots int) policy.Buffer {
	return policy.Buffer{Slots: slots, Percent: 15, PerTask: slots}
}
