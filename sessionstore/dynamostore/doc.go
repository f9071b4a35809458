// Package dynamostore keeps records, checkpoints and the journal in one DynamoDB table. It
// implements every contract of a store. It refuses to write what it has not read, to answer
// a refusal from memory, and to take a record that it cannot read whole for one it can.
//
//	err := dynamostore.EnsureTable(ctx, client, "sessions") // or by infrastructure code, from Definition
//	store, err := dynamostore.New(dynamostore.Config{Client: client, Table: "sessions"})
//
// # How a write is made
//
// Every call on a task's record is one UpdateItem on the condition that the record's
// version is the one that the call began with. The rules are those of
// sessionstore.Record, the same as for every store: the record is decoded, the rule
// applied, and the attributes that differ are written. A process begins with the record
// that it saw last and so need not read before each write; where that was old, the refused
// write brings the record as it is, and the rule is applied anew. A call that writes
// nothing, because it is refused or was done already, reads the record first.
//
// Where a reply is lost the client asks again, and the version refuses it; the record that
// the refusal brings is then the very one that was to be written, which tells that it was.
//
// # Cost
//
// See [Units]. A session costs two write units, as long as the record stays within a
// kilobyte: with session ids that are UUIDs that holds for sixteen sessions and as many
// that have ended. To remember for fifteen days what has ended, eight sessions share a
// unit, which is paid with a report; at level C, where nothing reports, by every eighth end.
//
// # Schema
//
// For whoever reads or writes the table in another language. The keys are strings: pk is
// "cluster/service" and sk as below, names escaped as the path part of a URL, '~' too.
// Instants are numbers of Unix nanoseconds; what is empty or 0 is left out; a string that
// is not UTF-8 is a binary.
//
//	sk                                 item
//	a#t#<task>                         a task's record, or its gravestone
//	a#s#<source>                       what a broker said last: sq (number of its report), wt (waiting), at, rf (refusals)
//	a#c                                the service's counts of what did not last: v, ar, dp, rf, in (folded last)
//	e#<task>#<at, 20 digits>#<hash>    sessions that ended: en
//	s#checkpoint, s#control            v (revision), doc (JSON), at, mk (eight random bytes of the writer)
//	j#<at, 20 digits>#<…>              a journal entry: doc (JSON)
//
// Items that do not last have ttl, in Unix seconds, and count as removed from then on.
//
// A record's attributes, named in full by sessionstore.Document:
//
//	f   version of this form, 1       v   version of the record, grows with every write
//	o   owner                         st  state; ls  last state, of a gravestone
//	lv  level                         rv  revision
//	n   slots                         np  processes
//	fl  letters: a adopted, c crowded, d described, e ever opened, n cordoned from new, o overflow
//	di  drain's id; db by, ds since, du until, de ending, df forced
//	ba  barrier                       re  drain that was ended by opening
//	pu  protected until               ex  exposed at
//	rg  registered, op opened, em emptied, rt retired, fg forgotten, wm watermark
//	ar  arrivals, dp departures       u   1 on a gravestone whose counts are not in a#c yet
//	se  sessions, kn processes, en ended: packed
//
// Whoever writes a record sets v to one more than it read, on the condition that v and rg
// are as it read them, and whoever makes one on the condition that pk does not exist. An
// attribute that is not in this list makes the record unreadable, hence busy.
//
// Packed lists hold entries one behind the other. An unsigned number is a varint of seven
// bits a byte, lowest first; a signed one is zigzag; both as in Protocol Buffers. A string
// is twice its length as a number and its bytes, or the number 1 and the sixteen bytes of
// a UUID that is written in lower case with dashes. Flags count from the lowest bit.
//
//	se  id; instant in Unix milliseconds; bits: 2 of kind (0 live, 1 reserved, 2 disconnected), admitted, one for each of kn that lists it. Ordered by id.
//	kn  name; boot, seq, count, unlisted (signed); drain acknowledged; flags closed, clock off, left, counted again, dated; if dated the instant (signed)
//	en  id; cause: 0 none, 1 end, 2 forced, 3 task, 4 time, or 5 and a string; instant (signed), the first whole and each other one as what it is more than the one before. Oldest first.
package dynamostore
