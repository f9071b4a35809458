// Package autoscaler decides how many tasks a service with live user sessions
// needs, closes and reopens tasks to sessions, and lets ECS stop only tasks that
// are empty and closed for ever. It is the package to read first: it holds every
// noun that a policy or a host sees and the contracts of a pass, and imports
// nothing but the standard library.
//
// # What it refuses to do
//
// It never stops a task, and never lowers a desired count by subtraction. It
// never acts on an occupancy that it does not know. It makes no call that could
// end a task without a [Permit] computed from reads younger than 20 seconds. It
// keeps no state of its own: everything between two passes is in the
// [Checkpoint] and the records.
//
// # What to read first
//
// A policy of one's own needs [Snapshot], [Task], [Totals], [Decision], [Reason]
// and [Policy]. A host needs [Config], [New], [Controller] and [Pass]. The rest is
// for who implements a contract: a store, a cluster, a release.
//
// # Words
//
//   - A service runs tasks; a task holds sessions, one user's attachment each, in
//     slots. It is idle when it is known to hold none.
//   - A policy sees a snapshot and returns a decision with reasons. It holds when
//     what there is suits it, and abstains when it cannot tell.
//   - A drain closes one task: it is cordoned (admits nobody), emptied (its
//     sessions run out), and acknowledged; or it is reopened. A record that is
//     retired is empty and closed for ever.
//   - A release is a batch of finished drains on its way out. Protection is ECS's
//     task scale-in protection.
//   - A pass is one observe-decide-act. Control is an operator's override for a
//     time; the checkpoint is what is remembered between passes; the journal is
//     what was done, for people.
//
// # A pass
//
// [Controller.Reconcile] makes one pass:
//
//  1. load the checkpoint, then the operator's [Control], then observe: what ECS
//     lists ([Scaler]), what the records say ([SessionStore]), the metrics
//     ([UtilizationSource]);
//  2. the [Policy] turns the [Snapshot] into a [Decision];
//  3. the guard, which is pure and cannot be configured away, cuts it down to
//     what is safe, and says why for every cut;
//  4. the checkpoint is saved with the intent, on the revision that was loaded:
//     of two overlapping passes the second one loses here and does nothing;
//  5. act: reopen cordoned tasks, then raise the desired count, then cordon, then
//     hand finished drains to the [DrainWorkflow].
//
// A process may die between any two calls. What it left half done is found by
// the next pass, of whatever process, in the records and the checkpoint.
//
// # A drain and a release
//
// A drain is one task: cordoned (it admits nobody), empty, acknowledged by its
// processes. It is a fact in the task's record and needs no workflow. A release
// is the batch of all finished drains: retire them by one conditional write each,
// remove their protection, lower the desired count to what [Target] computes, and
// watch ECS stop exactly them, since every other task is protected.
//
// # Levels
//
// How much an application does decides what can be promised; see [Level]. A record
// carries its own level, as its task declared it, so that a fleet may mix them while
// an application moves from one to the next; a rule for the whole service takes the
// lowest level present. At level C a task is retired only where the host has said
// how late its events may be; otherwise it is held with the reason "level".
//
// # Reason codes
//
// Every decision explains itself as a list of [Reason]. Severities: info explains,
// notice holds something back, alert wants a person. From the guard and the pass:
//
//	unknown_occupancy busy young not_idle_long intended pinned not_a_task level
//	floor minimum maximum max_total cordon_cap cooldown paused deployment brake
//	foreign_desired foreign_adopted adopting not_opened control_ignored stale_metric foreign_record
//	clock no_reason_given memory_refused running_gravestone old_revision unhealthy
//	overlapped registered reopened cordoned scaled_out scaled_in lost_race
//	forgotten task_lost protected opened unprotected notified forced
//	permit_held permit_expired call_failed
//
// From the gate and the release:
//
//	service_state not_steady owed exposed disagree unconfirmed not_ready vetoed
//	retired released stopped wrong_victim stuck busy_retired target_returned
//	barrier dead_letters
//
// Each is documented at its constant; those of the built-in policies stand in
// package policy.
//
// # Metrics
//
// A host that wants metrics takes them from the [Pass]: [Totals] are gauges,
// Actions and Reasons are counters by code, and [Pass.Severity] is the alarm.
package autoscaler
