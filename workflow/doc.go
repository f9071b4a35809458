// Package workflow releases tasks: it lets ECS stop the tasks whose drains are
// finished, and no other.
//
// # The drain of a task, and the release of a batch
//
// A drain is one task's, from cordon to gravestone. Its first half is facts in
// the task's record, moved on by every pass, hours long if need be, and no
// workflow exists for it. The second half is the release, one batch for all tasks
// of a service that are ready:
//
//	the task's record                       the release
//
//	open ── cordoned ── empty ── acknowledged ──┐
//	  ↑        │          │                     │
//	  └────────┴─ reopen ─┘      ┌──────────────┴─────────────┐
//	                             │ balancer  (if asked for)   │ may go back:
//	                             │ barrier   (level C)        │ the drains go on,
//	                             │ gate                       │ nothing was changed
//	                             │ protection                 │
//	                             └──────────────┬─────────────┘
//	                                            │ retire: one conditional write
//	                             ┌──────────────┴─────────────┐
//	                             │ unprotect                  │ only forward:
//	                             │ lower                      │ found by anybody
//	                             │ watch                      │ from the records
//	                             │ close                      │ alone
//	                             └────────────────────────────┘
//
// The steps and the ways between them, as ReleasePlan prints them:
//
//	balancer    takes the tasks out of their target groups and waits for the delay
//	barrier     at level C: sends a barrier behind the task's events, and waits until it has settled
//	gate        judges the service on fresh reads
//	protection  protects every task that is not retired, and reads it back
//	retire      sets each record's final mark, after the host's veto
//	unprotect   waits for the task to clear its protection, then removes it
//	lower       lists again and writes the desired count
//	watch       waits for ECS to stop the retired; stops one that was not chosen
//	close       leaves a gravestone for each task that stopped
//
// # Levels
//
// At levels A and B a process of the task acknowledges the drain, and the batch
// begins with the gate. At level C nothing is known of a task but its events, so
// something else has to stand in the acknowledgement's place, in this order: the
// balancer is closed first, so that nobody comes; a barrier is sent behind the
// task's events, through the same queue, so that what was sent before it is known to
// have been applied once it comes out; none of the service's events stands in the
// dead-letter queue; and the store's settling time passes, twice the bound that the
// host has put on how late an event may be. Without that bound, and without
// Config.Events, a level C task is never released.
//
// # What ECS is replacing
//
// Tasks of an old revision and unhealthy ones leave with the desired count left
// alone: the gate and its questions about the count do not bind them. While a
// deployment goes on, the protection of the others need not be confirmed for an old
// one either: ECS refuses it as long as the deployment is blocked, and the old ones'
// going is what unblocks it.
//
// # Data and one function
//
// A release is data on the service's checkpoint. What to do next is computed by
// [Next], a pure function of the records and of what was just read, one action at
// a time. Nothing is remembered between two actions but what was tried in the
// same call, so a process may die after any action and before any save, and
// whoever comes next goes on; a retired task is found from its record, also when
// no release names it. [Runner] drives Next within the calling process.
//
// # What it refuses
//
//   - It removes protection from, and stops, only tasks whose record says retired;
//     StopTask only on a strongly consistent proof, made for that call, that shows
//     no session. Not known to be empty is not empty.
//   - It writes a lower desired count only while every task that is not retired
//     was just listed with protection, the gate is open on the same reads, and
//     neither an operator's pause nor the brake is on.
//   - It makes none of these calls without a permit saved on the checkpoint that
//     its reads began with, and none after the permit's time.
//   - It begins no action once its context has ended, and leaves none half known: the
//     one under way is heard out, saved and told.
//   - It repeats nothing within a call. What failed is a reason, and the next
//     advance computes anew.
//   - A retired task that is told of a session is protected again at once, raises
//     an alert, and is left alone until it is empty.
//   - A task that ECS stops though it is not retired cannot be brought back: that
//     is an alert, and nothing more is retired while its record stands.
//
// # How it is shown
//
// Random schedules run the whole of it: two controllers with the wildest of policies,
// the application's processes and its users, interleaved call by call, held up for up
// to a day and stopped anywhere, while calls fail in every way and others write the
// desired count, deploy, stop tasks and bare them. Twelve hundred run with the tests; for
// a hundred thousand, some fifty minutes of processor time:
//
//	go test -v -timeout 3h ./internal/e2e -run TestSchedules -schedules 100000
//
// In these, of 3.3 million sessions none at level A or B was cut by the protocol. At
// level C five were, each begun within the bound of its task's retiring, and 4,051 on
// tasks that served before a pass had protected them, which at that level nothing
// prevents. 236,738 releases ended, none of them stuck, with 749,972 tasks released; of
// 4,675 runs of six hours in which a controller was at work, each gave its surplus back.
// The rarest fault struck 38,738 times, and a controller was stopped at the rarest point
// 1,544 times. The table has a column for each level, and for both readings of when ECS
// refuses protection.
//
// internal/explore goes through every order of events of a few actors instead, and
// internal/mutants takes each rule away and asks which test notices.
//
// # What it costs
//
// A batch of k tasks of a service of n: one UpdateService, no other write where
// the tasks clear their own protection, else one UpdateTaskProtection for ten of
// them; one StopTask for each that ECS does not choose. Three descriptions of the
// service (gate, write, one look when the delay has passed) and two listings,
// each a call per 100 tasks, and one look a minute more while something lasts. A
// retired task is given 35 s to clear its own protection, and a call that waits
// reads the checkpoint and the records only.
package workflow
