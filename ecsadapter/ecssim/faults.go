package ecssim

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// FaultKind is one thing that can befall a call on its way.
type FaultKind string

// The kinds of fault.
const (
	FaultThrottle  FaultKind = "throttle"           // refused for its rate; nothing was done
	FaultTimeout   FaultKind = "timeout before"     // never answered; nothing was done
	FaultDone      FaultKind = "timeout after"      // never answered; it was done
	FaultReply     FaultKind = "lost reply"         // done, and the connection broke
	FaultItems     FaultKind = "partial failure"    // done for some of its tasks, refused for the others
	FaultStale     FaultKind = "stale read"         // answered with what was true a while ago
	FaultCut       FaultKind = "pages cut short"    // an error after some of the pages
	FaultLate      FaultKind = "late command"       // never answered; it is done a while later
	FaultTwice     FaultKind = "duplicated command" // done, and done again a while later
	FaultEventLate FaultKind = "late event"         // a task's event comes after later ones
	FaultEventDup  FaultKind = "duplicated event"   // a task's event comes twice
	FaultEventLost FaultKind = "lost event"         // a task's event never comes
)

// FaultKinds lists the kinds, in the order in which they are told.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultThrottle, FaultTimeout, FaultDone, FaultReply, FaultItems, FaultStale, FaultCut, FaultLate, FaultTwice,
		FaultEventLate, FaultEventDup, FaultEventLost,
	}
}

// Reading lists the operations that change nothing.
func Reading() []Op {
	return []Op{
		OpDescribe, OpUtilization, OpList, OpWatch, OpAgentProtection, OpActivity, OpProve, OpLoadCheckpoint, OpControl,
		OpDeadLetters, OpRead,
	}
}

func (op Op) reads() bool { return slices.Contains(Reading(), op) }

// lists reports that the operation lists in pages.
func (op Op) lists() bool {
	return op == OpDescribe || op == OpList || op == OpWatch || op == OpActivity
}

// befalls reports that the kind can befall the operation.
func (k FaultKind) befalls(op Op) bool {
	switch k {
	case FaultThrottle, FaultTimeout, FaultReply:
		return true
	case FaultDone, FaultLate, FaultTwice:
		return !op.reads()
	case FaultItems:
		return op == OpProtect || op == OpUnprotect || op == OpAgentProtect
	case FaultStale:
		return op.lists()
	case FaultCut:
		return op.lists() || op == OpProve
	case FaultEventLate, FaultEventDup, FaultEventLost:
	}
	return false
}

// event reports that the kind befalls events and not calls.
func (k FaultKind) event() bool {
	return k == FaultEventLate || k == FaultEventDup || k == FaultEventLost
}

// FaultRule says what befalls which calls, and how often.
type FaultRule struct {
	Kind FaultKind
	Rate float64 // per call or event that it can befall, 0 to 1
	// Ops narrows it to some operations, Actor to the actors whose names begin so.
	Ops   []Op
	Actor string
	// Delay is how late a late command or event comes, how old a stale read is, and how
	// long a caller waits in vain: the zero Span is up to five minutes for what is late,
	// up to ten seconds for what is stale, five seconds for a timeout.
	Delay Span
}

// EveryFault returns one rule for each kind, all of one rate.
func EveryFault(rate float64) []FaultRule {
	var rules []FaultRule
	for _, k := range FaultKinds() {
		rules = append(rules, FaultRule{Kind: k, Rate: rate})
	}
	return rules
}

// Faults decides by rules and a seed what befalls each call and each task event. Of
// several rules that a call falls under, the first that strikes is heard.
type Faults struct {
	rules  []FaultRule
	random *rand.Rand
	counts map[FaultKind]int
	over   bool
}

// NewFaults returns faults for [Cluster.SetFaults].
func NewFaults(seed uint64, rules ...FaultRule) *Faults {
	return &Faults{rules: rules, random: rand.New(rand.NewPCG(seed, 0xfa17)), counts: make(map[FaultKind]int)}
}

// End lets no more faults happen; what is on its way still arrives.
func (f *Faults) End() { f.over = true }

// Counts returns how often each kind has struck.
func (f *Faults) Counts() map[FaultKind]int { return maps.Clone(f.counts) }

// Total returns how often any has.
func (f *Faults) Total() int {
	n := 0
	for _, k := range f.counts {
		n += k
	}
	return n
}

// mishap is what befalls one call. The zero value is none.
type mishap struct {
	kind  FaultKind
	delay time.Duration
	draw  uint64 // decides which items of a batch are struck
}

// strike decides what befalls a call.
func (f *Faults) strike(call Call) mishap {
	if f == nil || f.over {
		return mishap{}
	}
	for i := range f.rules {
		r := &f.rules[i]
		if r.Kind.befalls(call.Op) && r.applies(call.Op, call.Actor) && f.random.Float64() < r.Rate {
			return f.struck(r)
		}
	}
	return mishap{}
}

// strikeEvent decides what befalls a task event: any of its kinds, or none.
func (f *Faults) strikeEvent() mishap {
	if f == nil || f.over {
		return mishap{}
	}
	for i := range f.rules {
		if r := &f.rules[i]; r.Kind.event() && f.random.Float64() < r.Rate {
			return f.struck(r)
		}
	}
	return mishap{}
}

func (r *FaultRule) applies(op Op, actor string) bool {
	return (len(r.Ops) == 0 || slices.Contains(r.Ops, op)) && strings.HasPrefix(actor, r.Actor)
}

func (f *Faults) struck(r *FaultRule) mishap {
	f.counts[r.Kind]++
	m := mishap{kind: r.Kind, draw: f.random.Uint64()}
	span := r.Delay
	switch r.Kind {
	case FaultLate, FaultTwice, FaultEventLate, FaultEventDup:
		span = span.or(time.Millisecond, 5*time.Minute)
	case FaultStale:
		span = span.or(time.Millisecond, 10*time.Second)
	case FaultTimeout, FaultDone:
		span = span.or(5*time.Second, 5*time.Second)
	case FaultThrottle, FaultReply, FaultItems, FaultCut, FaultEventLost:
	}
	m.delay = time.Duration(span.draw(f.random))
	return m
}

// oldest is how far back the rules' stale reads reach.
func (f *Faults) oldest() time.Duration {
	var oldest time.Duration
	for _, r := range f.rules {
		if r.Kind == FaultStale && r.Rate > 0 {
			oldest = max(oldest, r.Delay.or(0, 10*time.Second).Max, r.Delay.Min)
		}
	}
	return oldest
}

// hits reports that a batch's ith item is one of those that a partial failure
// strikes: about half of them, at least one in two.
func (m mishap) hits(i int) bool { return m.kind == FaultItems && m.draw>>(i%64)&1 == 1 }

// part is how many of n are read before the pages are cut short.
func (m mishap) part(n int) int {
	if m.kind != FaultCut {
		return n
	}
	return int(m.draw % uint64(n+1)) //nolint:gosec // below n, which is an int
}

// fault is the error that the caller gets in place of an answer.
func (m mishap) fault(op Op) error {
	switch m.kind {
	case FaultThrottle:
		return &Fault{Code: "ThrottlingException", Message: "Rate exceeded"}
	case FaultTimeout, FaultDone, FaultLate:
		return fmt.Errorf("%s: no answer in %s: %w", op, m.delay, context.DeadlineExceeded)
	case FaultReply:
		return fmt.Errorf("%s: connection reset by peer", op)
	case FaultCut:
		return fmt.Errorf("%s: the second page failed: connection reset by peer", op)
	case FaultItems, FaultStale, FaultTwice, FaultEventLate, FaultEventDup, FaultEventLost:
	}
	return nil
}

// SetFaults lays faults over every call of the cluster and of the stores that are
// wired to it, and over the task events that it tells. Nil takes them away.
func (c *Cluster) SetFaults(f *Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults.Store(f)
	if f != nil {
		c.remember = max(c.remember, int64(f.oldest()))
		c.unsettle()
	}
}
