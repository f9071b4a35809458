package dynamo

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// Config configures a server. The zero value is ready for use.
type Config struct {
	Now  func() time.Time // the server's own clock; default time.Now
	Seed uint64           // of what Rates draws
	// CreateTime is how long a new table cannot be used.
	CreateTime time.Duration
}

// Server is DynamoDB in memory. All its methods may be called at once.
type Server struct {
	config Config

	mu     sync.Mutex
	tables map[string]*table
	calls  map[string]int
	units  map[string]Units
	faults func(operation string) Fault
	before func(operation string)
	late   []func() // effects of requests that their callers have given up
	random *rand.Rand
}

// Units are capacity units.
type Units struct{ Read, Write float64 }

// New returns a server without tables.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Server{
		config: c, tables: map[string]*table{}, calls: map[string]int{}, units: map[string]Units{},
		random: rand.New(rand.NewPCG(c.Seed, 0x6479)),
	}
}

// Calls returns how often each operation was carried out or failed, by its name.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Units returns what each operation has cost since the last call of Units.
func (s *Server) Units() (total Units, each map[string]Units) {
	s.mu.Lock()
	defer s.mu.Unlock()
	each, s.units = s.units, map[string]Units{}
	for _, u := range each {
		total.Read += u.Read
		total.Write += u.Write
	}
	return total, each
}

// Items returns a copy of what stands in a table.
func (s *Server) Items(name string) []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	if t == nil {
		return nil
	}
	var all []Item
	for k := range t.items {
		if it := t.now(k); it != nil {
			all = append(all, it.Clone())
		}
	}
	return all
}

// Plant puts an item into a table, whatever it is: somebody else wrote it.
func (s *Server) Plant(name string, it Item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := keyOf(it, true)
	if err == nil {
		s.tables[name].put(k, it.Clone())
	}
	return err
}

// Expire removes what has expired, as DynamoDB does within days.
func (s *Server) Expire(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	for k := range t.items {
		if v := t.now(k)[cmp.Or(t.ttl, "ttl")]; v.N != nil && v.number().Num().Int64() <= s.config.Now().Unix() {
			t.put(k, nil)
		}
	}
}

// Made returns what a table was made with, and whether its time to live and its recovery
// to a point in time are on.
func (s *Server) Made(name string) (made CreateTable, ttl string, backups bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	return t.made, t.ttl, t.backups
}

// serve carries a request out. The lock is held.
func (s *Server) serve(operation string, r *request, stale bool) (answer, error) {
	serve, known := map[string]func(*request, bool) (answer, error){
		"GetItem": s.getItem, "Query": s.query, "BatchGetItem": s.batchGetItem,
		"UpdateItem": s.updateItem, "PutItem": s.putItem, "DeleteItem": s.deleteItem,
		"CreateTable": s.createTable, "DescribeTable": s.describeTable,
		"UpdateTimeToLive": s.updateTimeToLive, "DescribeTimeToLive": s.describeTimeToLive,
		"UpdateContinuousBackups": s.updateBackups, "DescribeContinuousBackups": s.describeBackups,
	}[operation]
	if !known {
		return nil, &failure{status: 400, code: "UnknownOperationException", message: operation + " is not served"}
	}
	return serve(r, stale)
}

// table returns a table that can be used.
func (s *Server) table(name string) (*table, error) {
	t := s.tables[name]
	if t == nil || s.config.Now().UnixNano()-t.created < int64(s.config.CreateTime) {
		return nil, &failure{status: 400, code: "ResourceNotFoundException", message: "Requested resource not found"}
	}
	return t, nil
}

// spend counts units.
func (s *Server) spend(operation string, u Units) {
	sum := s.units[operation]
	s.units[operation] = Units{sum.Read + u.Read, sum.Write + u.Write}
}

// readUnits is what reading so many bytes costs.
func readUnits(size int, consistent bool) Units {
	n := float64(max(1, (size+4095)/4096))
	if !consistent {
		n /= 2
	}
	return Units{Read: n}
}

// writeUnits is what a write costs that makes one item of another.
func writeUnits(before, after Item) Units {
	return Units{Write: float64(max(1, (max(before.Size(), after.Size())+1023)/1024))}
}
