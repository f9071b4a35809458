package memstore

import (
	"context"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// LoadCheckpoint implements autoscaler.StateStore.
func (s *Store) LoadCheckpoint(ctx context.Context, id autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
	svc, _, err := s.lock(ctx, id)
	if err != nil {
		return autoscaler.Checkpoint{}, err
	}
	defer svc.mu.Unlock()
	c := svc.checkpoint.Clone()
	c.Service = id
	return c, nil
}

// SaveCheckpoint implements autoscaler.StateStore.
func (s *Store) SaveCheckpoint(ctx context.Context, c autoscaler.Checkpoint) (int64, error) {
	svc, terms, err := s.lock(ctx, c.Service)
	if err != nil {
		return 0, err
	}
	defer svc.mu.Unlock()
	if c.Revision != svc.checkpoint.Revision {
		return 0, stale("SaveCheckpoint", c.Service)
	}
	c = c.Clone()
	c.Revision++
	svc.checkpoint, svc.controllerAt = c, terms.Now
	return c.Revision, nil
}

// Control implements autoscaler.StateStore.
func (s *Store) Control(ctx context.Context, id autoscaler.ServiceID) (autoscaler.Control, error) {
	svc, _, err := s.lock(ctx, id)
	if err != nil {
		return autoscaler.Control{}, err
	}
	defer svc.mu.Unlock()
	c := svc.control
	c.Pins = slices.Clone(c.Pins)
	return c, nil
}

// SetControl implements autoscaler.StateStore.
func (s *Store) SetControl(ctx context.Context, id autoscaler.ServiceID, c autoscaler.Control) error {
	svc, _, err := s.lock(ctx, id)
	if err != nil {
		return err
	}
	defer svc.mu.Unlock()
	if c.Revision != svc.control.Revision {
		return stale("SetControl", id)
	}
	c.Revision++
	c.Pins = slices.Clone(c.Pins)
	svc.control = c
	return nil
}

func stale(op string, id autoscaler.ServiceID) error {
	return &autoscaler.Error{
		Op: "memstore." + op, Ref: id.String(), Err: autoscaler.ErrConflict,
		Hint: "load it again, and decide again",
	}
}
