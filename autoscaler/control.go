package autoscaler

import (
	"errors"
	"time"
)

// Override says who laid a temporary hand on a service, why, and until when.
// It is active before Until and expires by itself: nothing an operator sets
// here lasts for ever. The zero value is not active.
type Override struct {
	By    string    `json:"by,omitempty"`
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// Active reports whether the override holds at the instant given.
func (o Override) Active(at time.Time) bool { return at.Before(o.Until) }

// Control is an operator's temporary override of a service. The guard obeys it
// after the policy; expired parts are ignored. The zero value changes nothing.
type Control struct {
	// Revision is the stored version that this value was read at; SetControl
	// refuses another one with ErrConflict. 0 when none was stored.
	Revision int64 `json:"revision,omitempty"`

	PauseOut Override  `json:"pause_out,omitzero"` // no task is started
	PauseIn  Override  `json:"pause_in,omitzero"`  // no task is cordoned or released
	Limits   LimitsFor `json:"limits,omitzero"`    // other limits for a time
	Pins     []Pin     `json:"pins,omitempty"`     // tasks that are no victims
}

// LimitsFor are limits that hold for a time in place of the configured ones.
type LimitsFor struct {
	Override
	Limits Limits `json:"limits,omitzero"`
}

// Pin excludes one task from scale-in for a time.
type Pin struct {
	Override
	Task TaskID `json:"task"`
}

// Pinned reports whether a pin on the task is active.
func (c Control) Pinned(task TaskID, at time.Time) bool {
	for _, p := range c.Pins {
		if p.Task == task && p.Active(at) {
			return true
		}
	}
	return false
}

// effective returns the limits in force at the instant given, and what is wrong
// with an operator's that are not: those are ignored.
func (c Control) effective(configured Limits, at time.Time) (Limits, error) {
	if !c.Limits.Active(at) {
		return configured, nil
	}
	if err := errors.Join(c.Limits.Limits.problems()...); err != nil {
		return configured, err
	}
	return c.Limits.Limits, nil
}
