package memstore

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/sessionstore"
)

// source is what one broker last said.
type source struct {
	seq     int64
	waiting int
	at      time.Time // by the store's clock
}

// ReportDemand implements sessionstore.DemandWriter.
func (s *Store) ReportDemand(ctx context.Context, d sessionstore.DemandReport) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.Check(); err != nil {
		return err
	}
	svc, terms, err := s.lock(ctx, d.Service)
	if err != nil {
		return err
	}
	defer svc.mu.Unlock()
	src := svc.sources[d.Source]
	if src == nil {
		svc.dropSources(terms.Now)
		src = &source{}
		svc.sources[d.Source] = src
	} else if d.Seq <= src.seq {
		return nil
	}
	src.seq, src.waiting, src.at = d.Seq, max(0, d.Waiting), terms.Now
	svc.demand.Refusals += int64(max(0, d.Refusals))
	return nil
}

// waiting sums what sources said in the last minutes.
func (s *service) waiting(at time.Time) int {
	n := 0
	for _, src := range s.sources {
		if at.Sub(src.at) < sessionstore.DemandLife {
			n += src.waiting
		}
	}
	return n
}

// dropSources forgets the brokers that have long been silent, whenever a new one
// appears: their last numbers cannot arrive again.
func (s *service) dropSources(now time.Time) {
	for name, src := range s.sources {
		if now.Sub(src.at) > s.remember {
			delete(s.sources, name)
		}
	}
}
