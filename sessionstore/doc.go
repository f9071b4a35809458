// Package sessionstore is what applications call, and the rules of the record
// behind every session and every drain.
//
// An application runs a session with [Track], or with the calls of a [Writer]
// itself; its processes say what they hold with a [Reporter]; a broker picks a
// task with [Place].
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
// Every store, whatever it keeps records in, applies the methods of Record and
// adds atomicity. memstore keeps them in memory; storetest holds a store to the
// contracts.
package sessionstore
