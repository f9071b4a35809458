// Package memstore keeps records, checkpoints and the journal in memory: for one
// process, for tests, and as the store of the simulator. It implements every
// contract of a store. It refuses to be shared: nothing outlives the process, and
// a broker or a Lambda elsewhere needs a store that is reached over the network.
//
// A live session takes about 30 bytes beside its id. A look at a service costs
// by its tasks, not by its sessions, as long as those do not change. What is
// past its time is removed by the calls that write; no goroutine runs.
package memstore

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// DefaultOwner is the owner of the records of a store that names none.
const DefaultOwner = "idlescale"

// Config configures a store. The zero value is ready for use.
type Config struct {
	// Owner is whose records the handle that New returns writes. Default
	// [DefaultOwner].
	Owner string
	// Now is the store's own clock, against which every writer's is held.
	// Default time.Now.
	Now func() time.Time
	// Rules are the numbers that records are judged by.
	Rules sessionstore.Rules
	// Remember is how long a forgotten task, and an ended session beside its record, are
	// remembered, so that a late event cannot bring them back. Default
	// [sessionstore.GravestoneLife]; shorter only where no event comes later than that.
	Remember time.Duration
}

// Store is a handle on data in memory, for one owner. It implements
// autoscaler.SessionStore, autoscaler.Records, autoscaler.StateStore,
// autoscaler.ForcedEnds, autoscaler.Journal, sessionstore.Writer,
// sessionstore.DemandWriter, sessionstore.Barriers and sessionstore.Finder. All its
// methods may be called at once; services do not wait for each other.
type Store struct {
	owner string
	data  *data
}

var (
	_ autoscaler.SessionStore   = (*Store)(nil)
	_ autoscaler.Records        = (*Store)(nil)
	_ autoscaler.StateStore     = (*Store)(nil)
	_ sessionstore.Writer       = (*Store)(nil)
	_ sessionstore.DemandWriter = (*Store)(nil)
	_ sessionstore.Barriers     = (*Store)(nil)
	_ sessionstore.Finder       = (*Store)(nil)
	_ autoscaler.ForcedEnds     = (*Store)(nil)
	_ autoscaler.Journal        = (*Store)(nil)
)

// data is what all handles share.
type data struct {
	now      func() time.Time
	rules    sessionstore.Rules
	remember time.Duration

	mu       sync.RWMutex // guards services, not what they hold
	services map[autoscaler.ServiceID]*service
}

// New returns a store that holds nothing.
func New(config Config) *Store {
	now := config.Now
	if now == nil {
		now = time.Now
	}
	remember := config.Remember
	if remember <= 0 {
		remember = sessionstore.GravestoneLife
	}
	return &Store{
		owner: cmp.Or(config.Owner, DefaultOwner),
		data: &data{
			now: now, rules: config.Rules.WithDefaults(), remember: remember,
			services: make(map[autoscaler.ServiceID]*service),
		},
	}
}

// As returns a handle on the same data for another owner.
func (s *Store) As(owner string) *Store { return &Store{owner: owner, data: s.data} }

// lock returns the service's data, locked, and the terms of this call. The
// caller unlocks. The clock is read under the lock, so that the store's time
// does not run backwards from one write of a service to the next.
func (s *Store) lock(ctx context.Context, id autoscaler.ServiceID) (*service, sessionstore.Terms, error) {
	if err := ctx.Err(); err != nil {
		return nil, sessionstore.Terms{}, err
	}
	svc := s.data.service(id)
	svc.mu.Lock()
	return svc, sessionstore.Terms{Owner: s.owner, Now: s.data.now(), Rules: s.data.rules}, nil
}

// lockTask is lock for a call about one task. A task that is not named whole is
// refused before anything is looked up or made under half a name.
func (s *Store) lockTask(ctx context.Context, op string, ref autoscaler.TaskRef) (*service, sessionstore.Terms, error) {
	if err := ctx.Err(); err != nil {
		return nil, sessionstore.Terms{}, err
	}
	if err := sessionstore.CheckTask(op, ref); err != nil {
		return nil, sessionstore.Terms{}, err
	}
	return s.lock(ctx, ref.Service)
}

// service returns the data of a service, which begins to exist by being asked for.
func (d *data) service(id autoscaler.ServiceID) *service {
	d.mu.RLock()
	svc := d.services[id]
	d.mu.RUnlock()
	if svc != nil {
		return svc
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if svc = d.services[id]; svc == nil {
		svc = newService(id, d.remember)
		d.services[id] = svc
	}
	return svc
}

// missing is the error for a task without a record.
func missing(op string, ref autoscaler.TaskRef) error {
	return &autoscaler.Error{
		Op: "memstore." + op, Ref: ref.String(), Err: autoscaler.ErrNotFound,
		Hint: "register the task first",
	}
}
