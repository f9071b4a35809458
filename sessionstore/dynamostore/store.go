package dynamostore

import (
	"cmp"
	"errors"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// DefaultOwner is the owner of the records of a store that names none.
const DefaultOwner = "idlescale"

// Config configures a store. Client and Table are needed, the rest has defaults.
type Config struct {
	Client API
	Table  string // made by EnsureTable, or as Definition says
	// Owner is whose records the handle that New returns writes. Default
	// [DefaultOwner].
	Owner string
	// Now is the store's own time, against which every writer's is held. Default: the
	// machine's clock, as far as it agrees with the time that the table's own answers
	// carry, else that time. What is set here is taken as it is.
	Now func() time.Time
	// Rules are the numbers that records are judged by. All writers of one table must
	// have the same.
	Rules sessionstore.Rules
}

// Store is a handle on a table, for one owner. It implements
// autoscaler.SessionStore, autoscaler.Records, autoscaler.StateStore,
// autoscaler.ForcedEnds, autoscaler.Journal, sessionstore.Writer,
// sessionstore.DemandWriter, sessionstore.Barriers and sessionstore.Finder. All its
// methods may be called at once, from any number of processes.
type Store struct {
	owner string
	*table
}

var (
	_ autoscaler.SessionStore   = (*Store)(nil)
	_ autoscaler.Records        = (*Store)(nil)
	_ autoscaler.StateStore     = (*Store)(nil)
	_ autoscaler.ForcedEnds     = (*Store)(nil)
	_ autoscaler.Journal        = (*Store)(nil)
	_ sessionstore.Writer       = (*Store)(nil)
	_ sessionstore.DemandWriter = (*Store)(nil)
	_ sessionstore.Barriers     = (*Store)(nil)
	_ sessionstore.Finder       = (*Store)(nil)
)

// table is what all handles share.
type table struct {
	client    API
	name      string
	clock     clock
	rules     sessionstore.Rules
	seen      *seen
	leftovers leftovers
	heard     *heard
	appended  appended
}

// New returns a store on a table. It calls nothing: a table that is not there shows
// with the first call.
func New(config Config) (*Store, error) {
	var problems []error
	if config.Client == nil {
		problems = append(problems, errors.New("no Client; give dynamodb.NewFromConfig(…)"))
	}
	if config.Table == "" {
		problems = append(problems, errors.New("no Table; give the table's name"))
	}
	if problems != nil {
		return nil, &autoscaler.Error{Op: "dynamostore.New", Err: errors.Join(problems...)}
	}
	return &Store{
		owner: cmp.Or(config.Owner, DefaultOwner),
		table: &table{
			client: config.Client, name: config.Table, clock: clock{fixed: config.Now},
			rules: config.Rules.WithDefaults(), seen: newSeen(), leftovers: leftovers{of: map[autoscaler.ServiceID][]string{}}, heard: &heard{at: map[autoscaler.ServiceID]heardAt{}},
		},
	}, nil
}

// As returns a handle on the same table for another owner.
func (s *Store) As(owner string) *Store { return &Store{owner: owner, table: s.table} }

// terms are what the store brings to one write, as of now.
func (s *Store) terms() sessionstore.Terms {
	return sessionstore.Terms{Owner: s.owner, Now: s.clock.now(), Rules: s.rules}
}
