// Package sessionstore is what applications call, and the rules of the record
// behind every session and every drain.
//
// An application runs a session with [Track], or with the calls of a [Writer]
// itself; its processes say what they hold with a [Reporter]; a broker picks a
// task with [Place].
//
// # A task process
//
// A task starts closed. Its process makes a [Reporter] (or drives a [Process] by
// itself) and reports every 30 seconds; the first report makes the task's record,
// closed too. Each answer is an [Order], and the process acts on its state:
//
//   - new: it protects its task from scale-in, reads the protection back, and
//     opens the record with Records.Open, naming the order's version and what it
//     has read. At least 30 minutes must be left. It renews the protection long
//     before that, and reports its end.
//   - open: it admits sessions. [Reporter.Enter] takes one in, or refuses it.
//   - cordoned: it admits nobody and acknowledges, which the next report does by
//     itself. The sessions inside go on undisturbed. The task may open again.
//   - retired: nothing is inside and nothing will ever enter. It clears its
//     protection and ends.
//   - gone: the task was forgotten. It ends.
//
// At level A it asks with Begin besides, before it serves a session, unless the
// broker has asked for it.
//
// # A broker
//
// A broker finds a task for each user:
//
//  1. Activity shows the service's tasks, and [Place] chooses one.
//  2. Begin asks for the session there, with Reopen as Place says. A grant is
//     served before it expires. Where the answer is lost, the same call is made
//     again, or Abandon before the broker gives up.
//  3. Refused with ErrCordoned or ErrTaskFull, it looks again and chooses anew.
//     Refused with [ErrEnded], it gives up: that id will never begin again.
//     Refused with ErrGone otherwise, the task is gone: it chooses another one.
//  4. End tells that the session is over.
//
// Users for whom Place finds nothing wait, and the broker says how many with
// ReportDemand: at every change, and again every minute or so, since a report
// counts for five. By that a service with no room left is scaled out.
//
// # The record
//
// A task has one [Record]. Starting a session and closing the task are
// conditional writes on that one record, and so is the write that retires it:
// one of two is first, and the other one is refused. That is the whole of the
// safety argument; looking twice would not do.
//
// The record's states are
//
//	new ⇄ cordoned → retired → gone
//	new → open ⇄ cordoned → retired → gone
//
// and its sessions only ever move up: absent < reserved < live < ended. So any
// order and any number of copies of the same calls give the same sessions.
//
// A level C record, of which only events tell, takes a barrier besides before it is
// retired: see [Barriers]. Where the host asks for it, a drain's sessions are ended by
// force after notice: see autoscaler.ForcedEnds.
//
// A record has one JSON form, whole and versioned: what is read back goes on exactly
// as the one that was written.
//
// Every store, whatever it keeps records in, applies the methods of Record and
// adds atomicity. memstore keeps them in memory; storetest holds a store to the
// contracts.
//
// # Asking afterwards
//
// [Explain] says why a task is still here or why it went, and what became of a
// session, from the records and the journal alone; a [Finder] says where a session is.
package sessionstore
