// Package ecssim simulates an ECS service, its balancer, its metrics and its
// users on explicit time. It implements the contracts of the module directly, so
// a controller, a release and a policy run on it as they run on AWS, a day in
// milliseconds.
//
// # Time
//
// Nothing happens but in [Cluster.RunUntil]: it carries out what is due, in
// order, and moves the clock. [Cluster.Now] is the clock to hand to everything
// that takes one. One goroutine drives a cluster; the contract methods may be
// called from several.
//
// # What is simulated
//
//   - A task's life from PROVISIONING to STOPPED, with seeded times, desiredStatus
//     apart from lastStatus, a stop code, and an hour of being visible when stopped.
//   - The scheduler: it starts what the desired count owes, replaces what StopTask
//     stopped, and on scale-in picks a victim of its own, at random in the fullest
//     zone, among the tasks without protection. It knows nothing of records. It
//     waits for protected tasks with running above desired, and says so in an event.
//   - Protection with its expiry, its refusals for single tasks, and
//     DEPLOYMENT_BLOCKED by either reading of AWS's text.
//   - Rolling deployments, foreign writers of the desired count, unhealthy tasks.
//   - A balancer that routes by registration and health and knows nothing of
//     cordons; targets drain for the whole delay, idle or not; a target taken out
//     by hand is registered again by ECS.
//   - Metrics a minute apart, late, and absent while nothing runs.
//   - Zone rebalancing with its surplus; Spot interruption, Fargate retirement and the
//     loss of a host; crashes, container restarts, failing starts and placements.
//   - An application at level A, B or C, or rolling from one to another, with one or
//     several processes in a task, and its users: [NewApplication]. At level C its events
//     travel through an [EventQueue] that is late, out of order, and doubles some.
//
// It does not simulate the limits on a page's size beyond counting pages, nor AWS's
// rates: throttling is a fault that a rule lays over the calls.
//
// # Faults and interleavings
//
// Every call of a contract passes a [Seam] before, between its permit check and
// its sending, and after. A seam can fail the call, or hold its caller; a [Stage]
// is a seam that runs several callers one at a time in a seeded order, holds them up
// for as long as a day, and lets each have a clock of its own; the [Invariants] are a
// seam that checks the drain protocol after every call. [Faults] strike calls and
// events by rule: refused, lost before the effect or after it, late, doubled, partly
// done, answered with what was true a while ago, or with some of the pages. [Weather] is
// what others and AWS do to a service over days.
//
// The same configuration and the same seed give the same run, to the last event.
package ecssim
