package dynamostore

// Unit is what one kind of call costs, in DynamoDB's units: a write unit pays for a
// kilobyte of the item that is written, a read unit for four kilobytes that are read
// strongly consistent, half a one for as much that may lag.
type Unit struct {
	Call  string
	Write float64 // at most, of a record within a kilobyte
	Read  float64 // at most, of a record within four kilobytes
	Note  string
}

// Units returns what calls cost. A process that has seen the task before reads nothing
// where it writes; a call that is refused, or was done already, costs the read alone. Each
// time that another process wrote to the task in between, a write comes to it.
func Units() []Unit {
	return []Unit{
		{"Begin", 1, 2, "a read where the process has not seen the task, and one where the session may have ended: in seconds after another one was given up by the record"},
		{"Reserve", 1, 2, "likewise"},
		{"Started", 1, 2, "likewise, where it began before another one was given up; one read more where it makes the record"},
		{"End", 1, 1, "where no process reports, or more end than a record holds from one report to the next, every eighth end writes one unit more"},
		{"Touch", 1, 1, "nothing is written where nothing changes"},
		{"Report", 2, 1.5, "one for each process every 30 s, none for a session; the second unit where twelve sessions have ended, to remember eight of them for fifteen days; half a read a minute for the controller's sign of life"},
		{"Cordon, Reopen, Retire, Renew, Open, Barrier", 1, 1, "each"},
		{"Register", 1, 1, "once in a task's life"},
		{"Forget", 4, 3, "the gravestone, the service's counts and the mark that they are in, and what had ended"},
		{"Prove", 0, 1, "for each task"},
		{"Activity", 0, 0.5, "for each four kilobytes of the service's records and gravestones"},
		{"SaveCheckpoint", 4, 0, "one for each kilobyte; with Headroom's memory some four"},
		{"LoadCheckpoint", 0, 1, ""},
		{"Append", 1, 0, "for each entry"},
	}
}
