// Package policy holds the built-in policies and the ways to compose them.
//
// A policy is a named value with a pure function from a snapshot to a decision;
// see [autoscaler.Policy]. Those here are plain struct literals. [Headroom] is the one
// to take: it learns what room a service needs, and needs no tuning. The others say
// one thing each, and are composed by nesting:
//
//	policy.Safest{
//		policy.Threshold{CPU: 70},
//		policy.Optional{Policy: policy.Buffer{Slots: 20}},
//	}
//
// Some form opinions of their own: [Threshold] by CPU and memory, [Buffer] by free
// slots, [TargetTracking] in proportion to a metric or to the slots in use, [Steps]
// by how far one of them is off, [Waiting] by users who find no slot, [Fixed] by
// decree, and [Schedule] by the calendar.
//
// The others shape or join the opinions of members. [Safest] and [First] join
// several, and [Optional] passes over one that cannot tell. [Clamp] and Schedule
// bound a member's number; [Cooldown] and [RateLimit] go by what happened lately,
// [Stabilize] and [Agree] by what the member wanted lately. [Shadow] tries one
// beside another.
//
// Which tasks go where a policy names none is for a victim order to say, such as
// [FewestSessions] or [FullestZoneFirst]; [Orders] composes them.
//
// # Three ways to want nothing
//
// A policy that holds wants as many tasks as there are; in Safest it stands in
// the way of a scale-in. One that abstains cannot tell: Safest takes nothing
// away on it, First asks the next. One without an opinion (an Optional whose
// member abstains, a Waiting for whom nobody waits) is passed over by both. Alone,
// all three hold.
//
// # What they refuse to do
//
// No policy ends a session, or starts or stops a task: it says how many tasks should
// be open, and which may go once they are empty. The guard and the drain protocol decide what comes of it.
//
// # What they cost
//
// A policy here reads [autoscaler.Totals]; only one that names tasks visits them, and
// Headroom those that are starting or drained. None reads a clock, keeps state outside the returned memory, or fails:
// numbers that make no sense are bounded, and memory that it did not write
// itself counts as none.
package policy
