package dynamostore_test

import (
	"container/heap"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

var (
	stormSessions = flag.Int("sessions", 1500, "how many sessions the storm has")
	stormSeed     = flag.Uint64("seed", 0, "the storm's seed; 0 draws one")
)

// TestStorm carries sessions to the store by a queue that repeats, reorders and delays
// what it carries, while calls are throttled, refused, lost before and after their effect,
// and consumers die between their write and its acknowledgement. With -sessions 100000 it
// is the whole one.
func TestStorm(t *testing.T) {
	seed := *stormSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	for name, delay := range map[string]time.Duration{"under the lag bound": 50 * time.Minute, "hours over it": 14 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStorm(t, seed, *stormSessions/2, delay)
				s.run()
				t.Logf("seed %d: %s", seed, s)
			})
		})
	}
}

// lagBound is the host's promise of how late events are.
const lagBound = time.Hour

// storm is the queue, its consumers, and the truth.
type storm struct {
	t       *testing.T
	random  *rand.Rand
	server  *dynamo.Server
	stores  []*dynamostore.Store // each a process that has seen other things
	faster  *dynamostore.Store   // of the consumer that overtakes
	longest time.Duration        // that a message takes

	until  time.Time // after which no task is retired any more
	queue  messages
	truth  map[sessionstore.SessionID]*life
	tasks  []*host
	born   int
	nested bool

	deliveries, copies, errors, retired, checks, crashes int
}

// life is a session as it truly is, and what the store has confirmed of it.
type life struct {
	task         *host
	id           sessionstore.SessionID
	began, ended time.Time // ended is zero for one that outlives the storm
	told, ending bool      // its start was applied; its end was at least tried
}

// host is a task of level C: only events tell of it.
type host struct {
	ref      autoscaler.TaskRef
	sessions []*life
	sent     int // messages of its sessions
	left     int // of those, the ones that were never delivered
	state    string
}

// message is one delivery.
type message struct {
	at    time.Time
	order int
	do    func() error
	again bool // this is not its first delivery
	host  *host
}

type messages []*message

func (m messages) Len() int { return len(m) }
func (m messages) Less(i, j int) bool {
	return m[i].at.Before(m[j].at) || m[i].at.Equal(m[j].at) && m[i].order < m[j].order
}
func (m messages) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *messages) Push(x any)   { *m = append(*m, x.(*message)) }
func (m *messages) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

func newStorm(t *testing.T, seed uint64, sessions int, longest time.Duration) *storm {
	s := &storm{
		t: t, random: rand.New(rand.NewPCG(seed, uint64(longest))), server: dynamo.New(dynamo.Config{Seed: seed}),
		longest: longest, until: time.Now().Add(6 * 24 * time.Hour), truth: map[sessionstore.SessionID]*life{},
	}
	if err := dynamostore.EnsureTable(t.Context(), s.server.Client(), tableName); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		store, err := dynamostore.New(dynamostore.Config{
			Client: s.server.Client(), Table: tableName, Rules: sessionstore.Rules{LagBound: lagBound},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.stores = append(s.stores, store)
	}
	s.stores, s.faster = s.stores[:4], s.stores[4]
	s.server.SetFaults(dynamo.Rates(seed, map[dynamo.Fault]float64{
		dynamo.FaultThrottle: 0.02, dynamo.FaultInternal: 0.01, dynamo.FaultConflict: 0.01, dynamo.FaultRequest: 0.01,
		dynamo.FaultReply: 0.02, dynamo.FaultLate: 0.005, dynamo.FaultStale: 0.2,
	}))
	s.server.Before(s.overtake)
	for range 12 {
		s.hire()
	}
	gap := 4 * 24 * time.Hour / time.Duration(sessions)
	for i := range sessions {
		s.later(time.Duration(i)*gap, s.begins, nil)
	}
	for i := range 200 {
		s.later(time.Duration(i)*30*time.Minute, s.look, nil)
	}
	return s
}

// overtake lets another consumer's delivery happen before a write, between its read and
// its condition. That consumer is a process of its own: within one, writes to a task wait
// for each other.
func (s *storm) overtake(operation string) {
	if operation != "UpdateItem" || s.nested || s.random.IntN(10) > 0 {
		return
	}
	s.nested = true
	defer func() { s.nested = false }()
	if len(s.queue) > 0 && !s.queue[0].at.After(time.Now()) {
		s.deliver(heap.Pop(&s.queue).(*message))
	}
}

// store is that of the consumer whose turn it is.
func (s *storm) store() *dynamostore.Store {
	if s.nested {
		return s.faster
	}
	return s.stores[s.random.IntN(len(s.stores))]
}

// later puts something into the queue.
func (s *storm) later(delay time.Duration, do func() error, h *host) {
	s.born++
	heap.Push(&s.queue, &message{at: time.Now().Add(delay), order: s.born, do: do, host: h})
}

// send sends a message of a task through the queue, one copy or more.
func (s *storm) send(h *host, do func() error) {
	h.sent++
	h.left++
	s.later(s.delay(), do, h)
}

// delay is short as a rule and, for one in five, as long as the queue may take.
func (s *storm) delay() time.Duration {
	if s.random.IntN(5) > 0 {
		return time.Duration(s.random.Int64N(int64(10 * time.Second)))
	}
	return time.Duration(s.random.Int64N(int64(s.longest)))
}

// run delivers everything, and compares what is left with the truth.
func (s *storm) run() {
	for len(s.queue) > 0 && !s.t.Failed() {
		m := heap.Pop(&s.queue).(*message)
		time.Sleep(time.Until(m.at))
		s.deliver(m)
	}
	s.server.SetFaults(nil)
	s.server.Release()
	s.compare()
}

// deliver hands a message to a consumer. One that failed, or whose acknowledgement was
// lost, comes again; so does one in ten of the others.
func (s *storm) deliver(m *message) {
	s.deliveries++
	err := m.do()
	if err != nil {
		s.errors++
	}
	if m.host != nil && err == nil && !m.again {
		m.host.left--
		m.again = true
	}
	crash := err == nil && s.random.IntN(50) == 0
	if crash {
		s.crashes++
	}
	if err != nil || m.host != nil && (crash || s.random.IntN(10) == 0) {
		s.copies++
		m.at = time.Now().Add(s.delay())
		heap.Push(&s.queue, m)
	}
}

// hire makes a task.
func (s *storm) hire() {
	h := &host{ref: ref(fmt.Sprintf("task-%05d", len(s.tasks))), state: "open"}
	s.tasks = append(s.tasks, h)
	var version int64
	s.later(0, func() error {
		a, err := s.store().Register(s.t.Context(), autoscaler.RegisterRequest{Ref: h.ref, Level: autoscaler.LevelC, Slots: 1000, At: time.Now()})
		if err != nil {
			return err
		}
		version = a.Version
		s.later(0, func() error {
			a, err := s.store().Open(s.t.Context(), autoscaler.OpenRequest{
				Ref: h.ref, Version: version, ProtectedUntil: time.Now().Add(1000 * time.Hour), At: time.Now(),
			})
			version = max(version, a.Version)
			return err
		}, nil)
		return nil
	}, nil)
}

// begins starts a session on an open task, and its messages.
func (s *storm) begins() error {
	var open []*host
	for _, h := range s.tasks {
		if h.state == "open" {
			open = append(open, h)
		}
	}
	h := open[s.random.IntN(len(open))]
	l := &life{task: h, id: session(len(s.truth) + 1), began: time.Now()}
	s.truth[l.id] = l
	h.sessions = append(h.sessions, l)
	s.send(h, func() error {
		receipt, err := s.store().Started(s.t.Context(), sessionstore.StartedRequest{Ref: h.ref, Session: l.id, At: time.Now(), Began: l.began})
		l.told = l.told || err == nil && !receipt.Dropped
		if err == nil && receipt.State == autoscaler.TaskRetired && !receipt.Dropped && s.longest < lagBound {
			s.t.Errorf("%s: %s was told of after the task was retired, and its start was under way for less than the bound", h.ref, l.id)
		}
		return err
	})
	if s.random.IntN(100) > 0 {
		s.later(time.Duration(s.random.ExpFloat64()*float64(20*time.Minute)), func() error {
			l.ended = time.Now()
			s.send(h, func() error {
				l.ending = true
				return s.store().End(s.t.Context(), sessionstore.EndRequest{Ref: h.ref, Session: l.id, At: time.Now()})
			})
			return nil
		}, nil)
	}
	if s.random.IntN(150) == 0 && len(open) > 3 {
		s.drain(h)
	}
	return nil
}

// drain closes a task: from now on no session begins on it, the barrier goes through the
// queue behind its messages, and then it is to be retired.
func (s *storm) drain(h *host) {
	h.state = "closed"
	s.hire()
	drain := autoscaler.DrainID("drain-" + string(h.ref.Task))
	current := func() (autoscaler.TaskActivity, error) {
		a, err := s.store().Prove(s.t.Context(), []autoscaler.TaskRef{h.ref}, time.Now())
		if err != nil {
			return autoscaler.TaskActivity{}, err
		}
		return a[0], nil
	}
	ordered := func(call func(a autoscaler.TaskActivity) error) func() error {
		return func() error {
			a, err := current()
			if err != nil {
				return err
			}
			return call(a)
		}
	}
	var retire func() error
	retire = ordered(func(a autoscaler.TaskActivity) error {
		if a.State == autoscaler.TaskRetired {
			return nil
		}
		err := s.store().Retire(s.t.Context(), autoscaler.DrainRef{Ref: h.ref, Drain: drain, Version: a.Version, At: time.Now()})
		if errors.Is(err, autoscaler.ErrBusy) || errors.Is(err, autoscaler.ErrConflict) {
			if time.Now().Before(s.until) { // a session that outlives the storm is never gone
				s.later(20*time.Minute, retire, nil)
			}
			return nil
		}
		if err == nil {
			h.state = "retired"
			s.retired++
			s.holds(h, "retired")
		}
		return err
	})
	barrier := func() error {
		if h.left > 0 { // the queue hands out what was sent before it first
			s.later(10*time.Minute, func() error { return nil }, nil)
			return errors.New("not its turn")
		}
		err := s.store().Barrier(s.t.Context(), sessionstore.BarrierRequest{Ref: h.ref, Drain: drain, At: time.Now()})
		if err == nil {
			s.later(3*lagBound, retire, nil)
		}
		return err
	}
	s.later(0, ordered(func(a autoscaler.TaskActivity) error {
		if a.State == autoscaler.TaskOpen {
			_, err := s.store().Cordon(s.t.Context(), autoscaler.CordonRequest{
				Ref: h.ref, Version: a.Version, Drain: drain, By: "test", At: time.Now(), Until: time.Now().Add(1000 * time.Hour),
			})
			if err != nil {
				return err
			}
		}
		s.later(0, barrier, nil)
		return nil
	}), nil)
}

// look reads the service as a pass does, and each task as a proof does.
func (s *storm) look() error {
	_, _ = s.store().Activity(s.t.Context(), gateway(), time.Now()) // a pass that cannot read does nothing
	for _, h := range s.tasks {
		a, err := s.store().Prove(s.t.Context(), []autoscaler.TaskRef{h.ref}, time.Now())
		if err != nil {
			continue
		}
		s.checks++
		if a[0].Occupancy.Idle() {
			s.holds(h, "shown idle")
		}
	}
	return nil
}

// holds checks the two promises for a task that is shown idle, or retired.
func (s *storm) holds(h *host, what string) {
	for _, l := range h.sessions {
		if l.told && !l.ending {
			s.t.Errorf("%s is %s, and %s was told of and nobody has tried to tell its end", h.ref, what, l.id)
		}
		if s.longest < lagBound && l.ended.IsZero() && time.Since(l.began) > lagBound && !l.ending {
			s.t.Errorf("%s is %s, and %s has lived for %v", h.ref, what, l.id, time.Since(l.began))
		}
	}
}

// compare holds what the store says in the end to the truth.
func (s *storm) compare() {
	for _, h := range s.tasks {
		want := 0
		for _, l := range h.sessions {
			if l.ended.IsZero() {
				want++
			}
		}
		a, err := s.stores[0].Prove(s.t.Context(), []autoscaler.TaskRef{h.ref}, time.Now())
		if err != nil {
			s.t.Fatal(err)
		}
		if got, known := a[0].Occupancy.Sessions(); !known || got != want {
			s.t.Errorf("%s holds %s sessions in the end, the truth is %d", h.ref, a[0].Occupancy, want)
		}
		for _, l := range h.sessions[:min(3, len(h.sessions))] {
			f, err := s.stores[1].Find(s.t.Context(), gateway(), l.id)
			if err != nil || (f.State == sessionstore.SessionEnded) == l.ended.IsZero() {
				s.t.Errorf("%s is found as %+v, %v; the truth: ended %v", l.id, f, err, l.ended)
			}
		}
	}
}

// String tells what happened.
func (s *storm) String() string {
	return fmt.Sprintf("%d sessions on %d tasks, %d deliveries of which %d again, %d failed, %d consumers died; %d looks, %d tasks retired; calls %v",
		len(s.truth), len(s.tasks), s.deliveries, s.copies, s.errors, s.crashes, s.checks, s.retired, s.server.Calls())
}
