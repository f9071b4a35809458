package mutants

import "slices"

// recordMutants take the store rules away: what a record admits, what retires
// it, when its word is believed.
func recordMutants() []Mutant {
	// The rules' own tables, and the suite that every store has to pass.
	held := []string{"./sessionstore", "./sessionstore/memstore"}
	return slices.Concat(
		in("sessionstore/retire.go", held, retireEdits()...),
		in("sessionstore/cordon.go", held, cordonEdits()...),
		in("sessionstore/open.go", held, openEdits()...),
		in("sessionstore/begin.go", held, beginEdits()...),
		in("sessionstore/report.go", held, reportEdits()...),
		in("sessionstore/live.go", held, liveEdits()...),
		in("sessionstore/started.go", held, startedEdits()...),
		in("sessionstore/ended.go", held, endedEdits()...),
		in("sessionstore/barrier.go", held, barrierEdits()...),
		in("sessionstore/forced.go", held, forcedEdits()...),
		in("sessionstore/rules.go", held, edit{"told-limit", "what only events tell of has room (rule 6)",
			"if r.processes == 0 {", "if r.processes < 0 {"}),
		in("sessionstore/memstore/journal.go", held[1:], edit{"journal-life", "a journal's entries have a life",
			"since = oldest", "_ = oldest"}),
		in("sessionstore/codec.go", held[:1], codecEdits()...),
		in("sessionstore/codec_check.go", held[:1], codecCheckEdits()...),
		in("sessionstore/record.go", held, ownerEdits()...),
	)
}

func retireEdits() []edit {
	return []edit{
		{"retire-any-version", "retire writes only on the version that was read (I2)",
			`r.mayControl("Retire", d.Version, d.At, t)`, `r.mayControl("Retire", r.version, d.At, t)`},
		{"retire-another-drain", "only the drain that cordoned retires (I2)",
			"case r.state != autoscaler.TaskCordoned || r.drain.ID != drain:", "case r.state != autoscaler.TaskCordoned:"},
		{"retire-busy", "nothing is retired that holds a session (I2)",
			"case c.occupied() > 0 || !c.known:", "case !c.known:\n\t\treturn busy(\"\")\n\tcase c.occupied() > 0:\n\t\treturn nil"},
		{"retire-unknown", "nothing is retired whose occupancy is unknown (I2, law 3)",
			"case c.occupied() > 0 || !c.known:", "case c.occupied() > 0:\n\t\treturn busy(\"\")\n\tcase !c.known:\n\t\treturn nil"},
		{"retire-unacknowledged", "every process acknowledges the drain first (I2, step 4)",
			"return !p.left && (p.acknowledged != r.drain.ID || p.count > 0)", "return !p.left && p.count > 0"},
		{"retire-acknowledged-busy", "an acknowledgement says zero (I2, step 4)",
			"(p.acknowledged != r.drain.ID || p.count > 0)", "p.acknowledged != r.drain.ID"},
		{"retire-unsettled", "where nothing reports the cordon must have stood for a while",
			"r.level == autoscaler.LevelA && at >= instantOf(r.drain.Since).add(rules.Settle)", "r.level == autoscaler.LevelA"},
		{"retire-new-adopted", "an adopted record is not retired from new (I2)",
			"(!r.asks() || r.adopted):", "(!r.asks()):"},
		{"retire-new-level-c", "at level C no record is retired from new (I2)",
			"(!r.asks() || r.adopted):", "(r.adopted):"},
		{"retire-new-level-b", "at level B a new record is retired when its own reports say that it admits nobody (I2)",
			"r.level == autoscaler.LevelB && !r.allClosed(c):", "r.level == autoscaler.LevelB && r.version < 0:"},
		{"retire-new-level-b-open", "one process that admits sessions keeps a new record at level B (I2)",
			"return !p.left && !p.closed })", "return !p.left && p.closed && !p.closed })"},
		{"retire-new-level-b-unknown", "at level B every process must have said so, and lately (I2)",
			"return c.known && r.processes > 0", "return r.processes > 0"},
		{"retire-new-level-b-silent", "at level B somebody must have said so (I2)",
			"return c.known && r.processes > 0", "return c.known"},
		{"retire-new-busy", "a new record that was told of a session is not retired (I2)",
			"(c.occupied() > 0 || r.overflow || r.crowded):", "(r.overflow || r.crowded):"},
		{"retire-new-overflow", "a new record that was told of more than it holds is not retired (I2)",
			"(c.occupied() > 0 || r.overflow || r.crowded):", "(c.occupied() > 0):"},
		{"retire-open", "an open record is not retired (I2)",
			"case r.state != autoscaler.TaskCordoned || r.drain.ID != drain:", "case r.state == autoscaler.TaskOpen:\n\t\treturn nil\n\tcase r.state != autoscaler.TaskCordoned || r.drain.ID != drain:"},
		{"retire-level-c", "level C is not retired by what its processes acknowledge",
			"case !r.asks():\n\t\treturn r.settled", "case !r.asks() && r.version < 0:\n\t\treturn r.settled"},
		{"retire-level-c-forced", "a forced end waives no barrier (step 3, level C)",
			"case !r.asks():\n\t\treturn r.settled", "case !r.asks() && !r.forced():\n\t\treturn r.settled"},
		{"retire-level-c-counted", "a level C task whose process counts a session is not retired (I2)",
			"return !p.left && p.count > 0 })\n\tcase", "return p.left && !p.left })\n\tcase"},
		{"settle-unbounded", "level C retires nothing where the host has not bounded the lag",
			"return rules.LagBound > 0 && r.barrier != 0", "return r.barrier != 0"},
		{"settle-no-barrier", "level C takes the drain's barrier",
			"rules.LagBound > 0 && r.barrier != 0 && at", "rules.LagBound > 0 && at"},
		{"settle-at-once", "what is late settles after the barrier",
			" && at >= r.barrier.add(max(rules.Settle, 2*rules.LagBound))", ""},
		{"settle-cut-short", "no settling time is shorter than twice the lag bound at level C",
			"max(rules.Settle, 2*rules.LagBound)", "rules.Settle"},
		{"forget-any-version", "forget names the version and the drain (rule 1)",
			"if r.version != req.Version || r.drain.ID != req.Drain {", "if r.drain.ID != req.Drain {"},
		{"forget-loses-sessions", "what lived when its task was forgotten is kept as ended",
			"out := r.endAll(CauseTask, t)", "var out []Ended"},
		{"forget-cause", "what lived when its task was forgotten ended with it",
			"At: t.Now, Cause: cause}", "At: t.Now, Cause: CauseEnd}"},
		{"forget-older-cause", "what ended before its task was forgotten keeps its cause",
			"At: e.at.time(), Cause: e.cause}", "At: e.at.time(), Cause: cause}"},
		{"forget-another-drain", "forget names the version and the drain (rule 1)",
			"if r.version != req.Version || r.drain.ID != req.Drain {", "if r.version != req.Version {"},
	}
}

func cordonEdits() []edit {
	return []edit{
		{"reopen-retired", "nothing leads out of retired (I2)",
			"if r.state == autoscaler.TaskRetired {\n\t\treturn r.refuse(op", "if r.state == autoscaler.TaskRetired {\n\t\treturn nil\n\t\treturn r.refuse(op"},
		{"reopen-unprotected", "reopening needs the protection that opening needs (I1)",
			"if !r.protectedEnough(r.protectedUntil, instantOf(d.At), t.Rules) {", "if r.protectedEnough(r.protectedUntil, instantOf(d.At), t.Rules) && t.Now.IsZero() {"},
		{"reopen-never-opened", "reopening a task that never opened makes it new again (I2)",
			"if r.fromNew {", "if r.fromNew && r.version < 0 {"},
		{"cordon-any-version", "a cordon writes only on the version that was read (rule 1)",
			`r.mayControl("Cordon", req.Version, req.At, t)`, `r.mayControl("Cordon", r.version, req.At, t)`},
		{"cordon-unknown-is-idle", "OnlyIfIdle refuses what is unknown (law 3)",
			"req.OnlyIfIdle && (!c.known || c.occupied() > 0)", "req.OnlyIfIdle && c.occupied() > 0"},
		{"cordon-busy", "OnlyIfIdle refuses a task with a session (step 1)",
			"req.OnlyIfIdle && (!c.known || c.occupied() > 0)", "req.OnlyIfIdle && !c.known"},
		{"cordon-over-cordon", "a drain under way is not replaced by another (step 1)",
			`return r.refuse("Cordon", autoscaler.ErrCordoned, "drain "+string(r.drain.ID)+" is under way; join it by its id")`, ""},
		{"cordon-unknown-state", "a state that is not known is busy, and not cordoned over (law 3)",
			"if !r.understood() {", "if !r.understood() && req.Version < 0 {"},
		{"drain-named", "reopen and renew name the drain (rule 1)",
			"if r.state != autoscaler.TaskCordoned || r.drain.ID != d.Drain {", "if r.state != autoscaler.TaskCordoned {"},
		{"control-clock", "a controller whose clock is off writes nothing (rule 7)",
			"case t.clockOff(at):", "case t.clockOff(at) && version < 0:"},
		{"control-gone", "a gravestone takes no write of a controller (rule 1)",
			"case r.state == autoscaler.TaskGone:", "case r.state == autoscaler.TaskGone && version < 0:"},
	}
}

func openEdits() []edit {
	return []edit{
		{"open-before-protected", "a task opens only where its protection was read back (I1)",
			"opens := r.state == autoscaler.TaskNew && r.protectedEnough(until, at, t.Rules)", "opens := r.state == autoscaler.TaskNew"},
		{"open-little-left", "thirty minutes of protection must be left (I1)",
			"\tif until >= at.add(rules.Margin) {\n\t\treturn true", "\tif until > at {\n\t\treturn true"},
		{"open-exposed-at-once", "an exposed task opens thirty seconds after its mark, no sooner (I1)",
			"at >= r.exposed.add(rules.ExposedWait)", "at >= r.exposed"},
		{"open-found-unprotected", "an open task found without protection is marked exposed",
			"return until <= at && r.state == autoscaler.TaskOpen && r.asks()", "return until <= at && r.state == autoscaler.TaskNew && r.asks() && rules.Margin < 0"},
		{"open-mark-stays", "the mark goes when the task is protected",
			"\t\tr.exposed = 0\n", "\t\tr.exposed += 0\n"},
		{"open-retired", "nothing opens a retired record (I2)",
			"if r.state == autoscaler.TaskRetired {", "if r.state == autoscaler.TaskRetired && t.Now.IsZero() {"},
		{"open-lapsed-unprotected", "a lapsed cordon opens only with protection (I1)",
			"case r.protectedEnough(r.protectedUntil, now, t.Rules):", "case now != 0:"},
		{"drain-outlives", "a drain's notice and its forced end go with it (step 3)",
			"r.drain, r.barrier = autoscaler.Drain{}, 0", "r.drain, r.barrier = autoscaler.Drain{Ending: r.drain.Ending, Forced: r.drain.Forced}, 0"},
		{"open-unlapsed-report", "a report opens only a cordon that has lapsed (step 3)",
			"if r.state != autoscaler.TaskCordoned || !r.drain.Lapsed(t.Now) {", "if r.state != autoscaler.TaskCordoned {"},
	}
}

func beginEdits() []edit {
	return []edit{
		{"begin-cordoned", "a cordoned task admits nobody (rule 5)",
			"case !asked && !r.drain.Lapsed(at.time()):", "case !asked && r.version < 0:"},
		{"begin-retired", "Begin on a retired record is refused for good (I2)",
			"if r.state != autoscaler.TaskRetired && r.state != autoscaler.TaskGone {", "if r.state != autoscaler.TaskGone {"},
		{"begin-gravestone", "a late Begin does not revive a forgotten task (rule 1)",
			"if r.state != autoscaler.TaskRetired && r.state != autoscaler.TaskGone {", "if r.state != autoscaler.TaskRetired {"},
		{"begin-new", "a task that is not open yet admits nobody (I1)",
			"case r.state == autoscaler.TaskOpen:", "case r.state == autoscaler.TaskOpen || r.state == autoscaler.TaskNew:"},
		{"begin-opens-new", "a cordoned task that never opened is not opened by a session (I1)",
			"case r.state != autoscaler.TaskCordoned || r.fromNew:", "case r.state != autoscaler.TaskCordoned:"},
		{"begin-operator", "a session does not reopen an operator's drain",
			`asked := reopen && r.drain.By == ""`, "asked := reopen"},
		{"begin-lapsed-unprotected", "the write that opens needs protection, also for a session (I1)",
			"case !r.protectedEnough(r.protectedUntil, at, t.Rules):", "case at == 0:"},
		{"begin-ended", "an id that has ended begins no more (rule 3)",
			"if r.hasEnded(req.Session, req.At, t, spilled) {\n\t\treturn Grant{}, r.refuseEnded(\"Begin\")",
			"if r.hasEnded(req.Session, req.At, t, spilled) && t.Now.IsZero() {\n\t\treturn Grant{}, r.refuseEnded(\"Begin\")"},
		{"begin-full", "a full task admits nobody (rule 5)",
			"if c.occupied() >= r.slots {", "if c.occupied() > r.slots {"},
		{"begin-counts-twice", "a repeated Begin counts one session (rule 3)",
			"\tif e.kind() == kindReserved {\n\t\tr.arrived()", "\tif e.kind() == kindReserved || e.kind() == kindLive {\n\t\tr.arrived()"},
		{"begin-clock", "a caller whose clock is off may not begin (rule 7)",
			"if t.clockOff(at) {", "if t.clockOff(at) && at.IsZero() {"},
		{"begin-grant-late", "a grant is void before the session ceases to count",
			"sent.Add(t.Rules.Lease - t.Rules.Skew)", "sent.Add(t.Rules.Lease + t.Rules.Skew)"},
		{"barrier-kept", "a session that comes voids the barrier (level C)",
			"\t\tr.barrier = 0\n", "\t\tr.barrier += 0\n"},
		{"barrier-kept-reserved", "a reserved session that begins voids the barrier (level C)",
			"\tif e.kind() == kindReserved {\n\t\tr.arrived()", "\tif e.kind() == kindReserved {\n\t\tr.arrivals++"},
		{"reserve-cordoned", "a reservation opens no cordoned task",
			"if r.state != autoscaler.TaskOpen {", "if r.state == autoscaler.TaskNew {"},
	}
}

func reportEdits() []edit {
	return []edit{
		{"report-removes", "a report removes nothing (rule 3)",
			"if e.admitted() || e.listed() {", "if e.listed() {"},
		{"report-stale", "only a later report of a process replaces its last one (rule 2)",
			"case !fresh && !r.known[p].newer(rep):", "case !fresh && rep.Seq < 0:"},
		{"report-open-acknowledges", "only a process that is closed acknowledges (step 4)",
			"\tif rep.Closed {\n", "\tif rep.Closed || rep.Seq > 0 {\n"},
		{"report-ended-again", "a report brings no ended session back (rule 3)",
			"\tif r.hasEnded(id, time.Time{}, t, spilled) {", "\tif r.hasEnded(id, time.Time{}, t, spilled) && t.Now.IsZero() {"},
		{"report-ended-fresh", "a session that is listed may have begun, and ended, at any time (rule 3)",
			"r.hasEnded(id, time.Time{}, t, spilled)", "r.hasEnded(id, t.Now.Add(0*time.Second), t, spilled)"},
		{"report-ended-uncounted", "a session that has ended and is listed counts, unless it was ended by force (rule 4)",
			"\t\t\tif r.forced() {\n\t\t\t\tunlisted--", "\t\t\tif r.forced() || count > 0 {\n\t\t\t\tunlisted--"},
		{"report-counts-waived", "counts are waived by a forced end alone (rule 4)",
			"\tif r.forced() {\n\t\tunlisted -= count", "\tif r.forced() || count > 0 {\n\t\tunlisted -= count"},
		{"report-counts-wrap", "counts that add up do not wrap around (law 3)",
			"max(min(rep.Count, countLimit), len(rep.Sessions))", "max(rep.Count, len(rep.Sessions))"},
		{"report-barrier-kept", "a session that is only counted voids the barrier (level C)",
			"if unlisted > r.known[p].unlisted {", "if unlisted > r.known[p].unlisted && unlisted < 0 {"},
		{"report-first-removes", "the first report of a task that was said to have none removes nothing (rule 3)",
			"max(1, rep.Processes)\n\t\tr.lease(t)", "max(1, rep.Processes)"},
		{"report-level-bounded", "what a report declares is bounded by the host's level",
			"t.bounded(rep.Level)", "rep.Level"},
		{"report-crowded-idle", "a process without room makes the task unknown, whatever it holds, until its drain is forced",
			"waived := r.forced() && max", "waived := max"},
		{"report-crowded", "a process that the record has no room for makes the task unknown",
			"\t\t\tr.crowded = true\n", "\t\t\tr.crowded = false\n"},
		{"report-leaves-busy", "a process leaves only with zero (rule 4)",
			"left: rep.Left && count == 0", "left: rep.Left"},
		{"report-repairs-early", "an overflow ends only when every process has counted again",
			"\t\tcase !r.known[i].countedAgain:\n\t\t\treturn\n", "\t\tcase !r.known[i].countedAgain && r.processes < 0:\n\t\t\treturn\n"},
	}
}

func liveEdits() []edit {
	return []edit{
		{"live-silent", "a silent process makes the task unknown (rule 4)",
			"if silent := p.at.add(rules.SilentAfter); at >= silent {", "if silent := p.at.add(rules.SilentAfter); at >= silent && at < 0 {"},
		{"live-clock", "a process whose clock is off makes the task unknown (rule 4)",
			"if p.clockOff {", "if p.clockOff && p.left {"},
		{"live-missing-process", "fewer processes than registered is unknown (rule 4)",
			"if reporting != expected {", "if reporting > expected {"},
		{"live-overflow", "a session that the record could not hold makes the task unknown",
			"c.known = !r.overflow && !r.crowded", "c.known = !r.crowded"},
		{"live-adopted", "an adopted task for which nothing reports stays unknown (rule 1)",
			"if r.adopted && r.processes == 0 {", "if r.adopted && r.processes < 0 {"},
		{"live-counts", "occupancy is the larger of the ids and the counts (rule 4)",
			"return max(c.live, c.reported)", "return c.live"},
		{"live-ids", "occupancy is the larger of the ids and the counts (rule 4)",
			"return max(c.live, c.reported)", "return c.reported"},
		{"live-sessions-unasked", "occupancy is what sessions say, and no number beside them (rule 4)",
			"return max(c.live, c.reported)", "return min(0, c.live)"},
		{"live-reserved", "a reservation holds its slot as a session does (rule 3)",
			"\t\t\t\tc.reserved++\n", "\t\t\t\tc.reserved++\n\t\t\t\tc.live--\n"},
		{"live-reservation-endless", "a reservation ends by itself (rule 3)",
			"\tcase e.kind() != kindLive:\n", "\tcase e.kind() == kindReserved:\n\t\treturn never\n\tcase e.kind() != kindLive:\n"},
		{"live-listed-expires", "time ends no session that a process lists (rule 4)",
			"if e.listed() {\n\t\treturn never", "if e.listed() && rules.Lease < 0 {\n\t\treturn never"},
		{"live-lease-unreported", "where nothing reports there is no lease (rule 6)",
			"case r.processes > 0:", "case r.processes >= 0:"},
		{"live-lease-endless", "a session that no report lists ends with its lease (rule 4)",
			"case r.processes > 0:", "case r.processes > 1000:"},
		{"live-guessed-lease", "a guess of how many report ends no session (rule 6)",
			"case r.processes > 0 && !r.described:", "case r.processes > 0 && r.version < 0:"},
		{"live-lease-from-admission", "a lease counts from when it is known that somebody reports (rule 3)",
			"e.set(kindLive, now)", "e.set(kindLive, e.instant())"},
		{"live-unknown-state", "a state that is not known is busy (law 3)",
			"c.known = c.known && r.understood()", "_ = r.understood()"},
		{"live-foreign-known", "another owner's occupancy is unknown (rule 7)",
			"if c.known && !a.Foreign {", "if c.known {"},
	}
}

func startedEdits() []edit {
	return []edit{
		{"started-revives", "a late Started revives no gravestone and no ended session (rules 1 and 3)",
			"if r.state == autoscaler.TaskGone || r.hasEnded(req.Session, req.Earliest(t), t, spilled) {", "if r.state == autoscaler.TaskGone {"},
		{"started-overflow", "a session that finds no room makes the task unknown",
			"\tr.overflow = true\n", "\tr.overflow = false\n"},
		{"started-drops-unclocked", "a writer whose clock is off drops nothing (rule 7)",
			"if t.clockOff(at) || r.judge", "if r.judge"},
		{"started-by-a-wrong-clock", "a teller whose clock is off says nothing about when its session began (rule 2)",
			"case t.clockOff(req.At), req.Began", "case req.Began"},
		{"started-not-yet", "a session that is yet to begin may have ended long ago (rule 2)",
			", req.Began.After(t.Now.Add(t.Rules.Skew)):", ":"},
		{"end-forgotten", "an end that comes before its start is remembered (rule 3)",
			"spill := r.remember(req.Session, CauseEnd, t)", "var spill []Ended\n\tif there {\n\t\tspill = r.remember(req.Session, CauseEnd, t)\n\t}"},
		{"started-barrier-kept", "a reserved session that is told voids the barrier (level C)",
			"case r.entries[i].kind() == kindReserved:\n\t\tr.arrived()", "case r.entries[i].kind() == kindReserved:\n\t\tr.arrivals++"},
		{"overflow-barrier-kept", "a session that finds no room voids the barrier (level C)",
			"countedAgain = false\n\t}\n\tr.arrived()", "countedAgain = false\n\t}\n\tr.arrivals++"},
	}
}

func endedEdits() []edit {
	return []edit{
		{"ended-spill-unread", "ends that were spilled are looked up before a late start counts (rule 2)",
			"\treturn spilled(id)\n", "\treturn false\n"},
		{"ended-cause-lost", "what a record gives up keeps its cause",
			"At: e.at.time(), Cause: e.cause}", "At: e.at.time()}"},
		{"ended-watermark", "the watermark says when the spilled must be read (rule 2)",
			"r.watermark = max(r.watermark, e.at)", "r.watermark = max(r.watermark, 0)"},
	}
}

func ownerEdits() []edit {
	return []edit{
		{"foreign-written", "a record of another owner is never written (rule 7)",
			"if r.owner == t.Owner {", "if r.owner != \"\" {"},
		{"register-gone", "registering revives no gravestone (rule 1)",
			"if r.state == autoscaler.TaskGone {", "if r.state == autoscaler.TaskGone && t.Now.IsZero() {"},
		{"register-bare", "a registration without a level is not the task's own word (rule 1)",
			`req.Adopted || req.Level == "" || r.described`, "req.Adopted || r.described"},
		{"register-adopted", "who adopts a task does not describe it (rule 1)",
			`req.Adopted || req.Level == "" || r.described`, `req.Level == "" || r.described`},
		{"register-twice", "a task that has described itself is not said to report nothing (rule 1)",
			`req.Adopted || req.Level == "" || r.described`, `req.Adopted || req.Level == ""`},
		{"register-confirms-all", "an adopted task that reports is known by its reports alone (rule 1)",
			"\tif req.Processes == 0 {\n", "\tif req.Processes >= 0 {\n"},
		{"register-lease", "a lease counts from when it is known that somebody reports (rule 3)",
			"\tif r.processes > 0 {\n\t\tr.lease(t)", "\tif r.processes > 1000 {\n\t\tr.lease(t)"},
		{"register-level-bounded", "what a registration declares is bounded by the host's level",
			"level: t.bounded(req.Level)", "level: req.Level"},
		{"complete-level-bounded", "what completes a record is bounded by the host's level",
			"r.describe(t.bounded(req.Level)", "r.describe(req.Level"},
		{"version-stands", "every write raises the version (rule 1)",
			"\tr.version++\n", "\tr.version += 0\n"},
	}
}

func barrierEdits() []edit {
	return []edit{
		{"barrier-another-drain", "a barrier counts for its own drain alone (level C)",
			"|| r.drain.ID != req.Drain || r.barrier != 0", "|| r.barrier != 0"},
		{"barrier-any-state", "a barrier that comes when its drain is over changes nothing",
			"r.state != autoscaler.TaskCordoned || r.drain.ID", "r.drain.ID"},
		{"barrier-moves", "the first copy of a barrier counts",
			"r.drain.ID != req.Drain || r.barrier != 0 {", "r.drain.ID != req.Drain {"},
		{"barrier-caller-clock", "a barrier is dated by the store's own clock (rule 7)",
			"r.barrier = instantOf(t.Now)", "r.barrier = instantOf(req.At)"},
		{"barrier-foreign", "a barrier writes to no record of another owner (rule 7)",
			`if err := r.writable("Barrier", t); err != nil {`, `if err := r.writable("Barrier", t); err != nil && req.Drain == "" {`},
	}
}

// forcedEdits take away what a forced end keeps to: see step 3.
func forcedEdits() []edit {
	return []edit{
		{"notice-forward", "a deadline that was given is not brought forward",
			"!ending.After(r.drain.Ending) {", "ending.Equal(r.drain.Ending) {"},
		{"notice-passed", "a notice leaves the users time, by the store's clock",
			"if !ending.After(t.Now) || !ending.After(d.At) {", "if !ending.After(d.At) {"},
		{"notice-passed-caller", "a notice leaves the users time, by the caller's clock",
			"if !ending.After(t.Now) || !ending.After(d.At) {", "if !ending.After(t.Now) {"},
		{"notice-any-drain", "notice is given for the drain under way (rule 1)",
			`r.mayDrain("GiveNotice", d, t)`, `r.mayControl("GiveNotice", d.Version, d.At, t)`},
		{"notice-twice", "what was ended by force gets no second deadline",
			"\tif r.forced() {\n\t\treturn r.refuse(", "\tif r.forced() && d.Version < 0 {\n\t\treturn r.refuse("},
		{"force-unannounced", "nothing is ended by force without notice",
			"if r.drain.Ending.IsZero() || t.Now", "if t.Now"},
		{"force-early", "nothing is ended before its deadline by the store's clock",
			"t.Now.Before(r.drain.Ending) || d.At", "d.At"},
		{"force-early-caller", "nothing is ended before its deadline by the caller's clock",
			" || d.At.Before(r.drain.Ending)", ""},
		{"force-another-drain", "only the drain that cordoned ends by force (rule 1)",
			`r.mayDrain("EndSessions", d, t)`, `r.mayControl("EndSessions", d.Version, d.At, t)`},
		{"force-any-version", "a forced end writes only on the version that was read (rule 1)",
			`r.mayDrain("EndSessions", d, t)`, `r.mayDrain("EndSessions", autoscaler.DrainRef{Drain: d.Drain, Version: r.version, At: d.At}, t)`},
		{"force-forgets", "what was ended by force stays ended (rule 3)",
			"spill = append(spill, r.remember(e.id, CauseForced, t)...)", "_ = r.remember(e.id, CauseForced, t)"},
		{"force-cause", "what was ended by force says so",
			"r.remember(e.id, CauseForced, t)", "r.remember(e.id, CauseEnd, t)"},
		{"forced-overflow", "what comes after a forced end and finds no room makes the task unknown",
			"c.known = !r.overflow && !r.crowded", "c.known = !r.crowded"},
		{"forced-crowded", "a process without room makes the task unknown after a forced end too",
			"c.known = !r.overflow && !r.crowded", "c.known = !r.overflow"},
		{"forced-uncounted", "what a process lists in vain after a forced end counts (rule 4)",
			"c.reported += r.known[i].unlisted", "c.reported += 0 * r.known[i].unlisted"},
	}
}

// codecEdits take away what a record is read and written by.
func codecEdits() []edit {
	return []edit{
		{"codec-newer", "a newer version's record is refused",
			"if version <= RecordVersion {", "if version <= 1000*RecordVersion {"},
		{"codec-unknown-field", "a field that is not known is refused: the next write would lose it",
			"\td.DisallowUnknownFields()\n", "\n"},
		{"codec-bytes", "an id of any bytes comes back as it was",
			"if utf8.ValidString(string(s)) {", "if utf8.ValidString(string(s)) || s != \"\" {"},
		{"codec-barrier", "a barrier is written",
			"Barrier: r.barrier.time(), ", ""},
		{"codec-forced", "a forced end is written",
			", Forced: r.drain.Forced,", ","},
	}
}

// codecCheckEdits let in what no record can be.
func codecCheckEdits() []edit {
	return []edit{
		{"codec-unsorted", "sessions stand in order, each once: they are looked for by halves",
			"in.Sessions[i-1].ID >= s.ID", "in.Sessions[i-1].ID > s.ID"},
		{"codec-ended-lives", "no session has ended and lives (rule 3)",
			"lives || seen[id]", "lives && seen[id]"},
		{"codec-crowd", "more processes than a record has room for are refused",
			"if len(in.Known) > ProcessLimit {", "if len(in.Known) > 100*ProcessLimit {"},
		{"codec-negative", "a process counts no fewer than none",
			"p.Unlisted < 0 || p.Count < p.Unlisted || ", ""},
		{"codec-listings", "a process lists no more than it counts",
			"listings[p] > most {", "listings[p] > most+1000 {"},
		{"codec-kind", "a kind of session that is not known is refused",
			"\tcase SessionEnded:\n\t}\n\treturn 0, false", "\tcase SessionEnded:\n\t}\n\treturn 0, true"},
		{"codec-unowned", "a session that nobody tells of is refused: nothing would ever end it",
			"if !e.admitted() && !e.listed() {", "if !e.admitted() && !e.listed() && s.ID == \"\" {"},
		{"codec-instant", "an instant that would change is refused",
			"if !i.time().Equal(at) {", "if !i.time().Equal(at) && at.IsZero() {"},
		{"codec-cordoned", "a cordoned record names its drain",
			"\t\tif !drained {", "\t\tif !drained && in.Slots < 0 {"},
		{"codec-forced-unannounced", "no drain was forced without notice",
			"case !in.Drain.Forced.IsZero() && in.Drain.Ending.IsZero():", "case !in.Drain.Forced.IsZero() && in.Slots < 0:"},
	}
}

// processMutants take away what a process of the application keeps to.
func processMutants() []Mutant {
	return in("sessionstore/process.go", []string{"./sessionstore"},
		edit{"process-stale-answer", "a process acts on no answer older than one it has seen (level B)",
			"if order.Version < p.version || p.final || p.left {", "if p.final || p.left {"},
		edit{"process-starts-open", "a process starts closed (level B)",
			"return &Process{config: config, ", "return &Process{admits: true, config: config, "},
		edit{"process-cordon-ignored", "a process that reads a drain closes (step 2)",
			"p.drain, p.urgent = order.Drain, true\n\t\t}\n\t\tp.admits = false", "p.drain, p.urgent = order.Drain, true\n\t\t}"},
		edit{"process-retired-ignored", "a process that reads retired never admits again (I2)",
			"p.admits, p.final, p.drain = false, true, order.Drain", "p.admits, p.drain = false, order.Drain"},
		edit{"process-acknowledges-late", "a drain is acknowledged at once (step 4)",
			"p.drain, p.urgent = order.Drain, true", "p.drain, p.urgent = order.Drain, false"},
		edit{"process-old-boot", "a boot is raised above the record's (rule 2)",
			"p.boot, p.seq, p.urgent = order.Boot+1, 0, true", "p.urgent = true"},
		edit{"process-unknown-state", "an unknown state is closed (law 3)",
			"whatever it means, closed is safe.\n\t\tp.admits = false", "whatever it means, closed is safe."},
		edit{"process-lies", "a report says whether its process is closed (step 4)",
			"Closed: !p.admits", "Closed: true"},
	)
}

// placeMutants take away what the choice of a task for a session keeps to.
func placeMutants() []Mutant {
	return in("sessionstore/place.go", []string{"./sessionstore"},
		edit{"place-unknown", "a task whose occupancy is unknown gets no session",
			"if !known || a.Foreign {", "if known && a.Foreign {"},
		edit{"place-foreign", "another owner's task gets no session",
			"if !known || a.Foreign {", "if !known {"},
		edit{"place-operator", "a session does not reopen an operator's drain",
			`tasks[i].Drain.By == "" && `, ""},
		edit{"place-cordoned-first", "a cordoned task is the last resort",
			"\tcase open >= 0:\n", "\tcase open >= 0 && cordoned < 0:\n"},
		edit{"place-spreads", "sessions are packed, so that tasks run empty",
			"return m > n\n}\n\nfunc betterCordoned", "return m < n\n}\n\nfunc betterCordoned"},
	)
}
