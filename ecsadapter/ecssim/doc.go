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
//   - An application at level A and its users: [NewApplication].
//
// It does not simulate Spot interruptions, Fargate retirement, the loss of a host,
// throttling, or the limits on a page's size beyond counting pages.
//
// # Faults and interleavings
//
// Every call of a contract passes a [Seam] before, between its permit check and
// its sending, and after. A seam can fail the call, or hold its caller; a [Stage]
// is a seam that runs several callers one at a time in a seeded order; the
// [Invariants] are a seam that checks the drain protocol after every call.
//
// The same configuration and the same seed give the same run, to the last event.
package ecssim
