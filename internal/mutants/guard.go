package mutants

import "slices"

// edit is a mutant of a file whose packages are named once.
type edit struct{ name, law, old, new string }

// in makes mutants of one file, held by the tests of the packages given.
func in(file string, packages []string, edits ...edit) []Mutant {
	list := make([]Mutant, 0, len(edits))
	for _, e := range edits {
		list = append(list, Mutant{Name: e.name, Law: e.law, File: file, Old: e.old, New: e.new, Packages: packages})
	}
	return list
}

// guardMutants take the guard's rules away, one by one, and the order of a pass.
func guardMutants() []Mutant {
	own := []string{"./autoscaler"}
	return slices.Concat(
		in("autoscaler/guard.go", own, serviceEdits()...),
		in("autoscaler/guard_in.go", own, taskEdits()...),
		in("autoscaler/act.go", own, orderEdits()...),
		in("autoscaler/decide.go", own, followEdits()...),
		in("autoscaler/observe.go", own, observeEdits()...),
		in("autoscaler/lost.go", own, lostEdits()...),
		in("autoscaler/guard_aside.go", own, asideEdits()...),
		in("autoscaler/protect.go", own, protectEdits()...),
		in("autoscaler/force.go", own, forceEdits()...),
		in("autoscaler/act.go", own,
			edit{"aside-cools-down", "what ECS replaces anyway is no scale-in, and starts no cooldown",
				"r.cordoned = r.cordoned || !victim.aside", "r.cordoned = r.cordoned || victim.task != \"\""},
			edit{"protect-unlooked", "every protection is read back now and then: somebody may have taken one away",
				">= lookEvery; r.look", ">= 1000*lookEvery; r.look"}),
		clockMutants(), eventMutants(),
	)
}

// serviceEdits are the rules for the whole service.
func serviceEdits() []edit {
	return []edit{
		{"guard-minimum", "never fewer open tasks wanted than the minimum",
			"want = g.s.Limits.Min\n", "\n"},
		{"guard-maximum", "never more open tasks wanted than the maximum",
			"want = g.s.Limits.Max\n", "\n"},
		{"guard-abstain", "an abstention changes nothing",
			"if d.Abstain {\n\t\twant = have", "if d.Abstain && false {\n\t\twant = have"},
		{"guard-pause-out", "an operator pauses scale-out",
			"p := g.s.Control.PauseOut; want > have && p.Active(g.s.At)", "p := g.s.Control.PauseOut; want > have && p.Active(g.s.At) && false"},
		{"guard-pause-in", "an operator pauses scale-in",
			"p.Active(g.s.At)\n}\n\nfunc inDeployment", "false && p.Active(g.s.At)\n}\n\nfunc inDeployment"},
		{"guard-deployment", "no scale-in in a deployment",
			"g.s.Deployment != DeploymentSteady", "g.s.Deployment == DeploymentFailed"},
		{"guard-brake", "the brake stops all scale-in",
			"b.Detail), b.On()", "b.Detail), false"},
		{"guard-foreign-desired", "a foreign desired count holds scale-in until it is adopted",
			"!d.ours(g.s.ServiceDesired, g.s.At)", "false && !d.ours(g.s.ServiceDesired, g.s.At)"},
		{"guard-adopting", "tasks without records hold scale-in",
			"n), n > 0", "n), n > len(g.s.Tasks)"},
		{"guard-reopen-operator", "demand does not reopen an operator's drain",
			`t.State == TaskCordoned && t.DrainBy == "" && `, "t.State == TaskCordoned && "},
		{"guard-reopen-aborts", "after three aborted releases the drains are reopened",
			"if all {", "if all && false {"},
		{"guard-reopen-floor", "a floor in need reopens a drain",
			"need = max(need, 1)", "need = max(need, 0)"},
		{"guard-drains-wait", "drains are independent: one that does not end holds no other up",
			"\t\tg.pickRelease(d)\n\t\tg.pickCordon(d)\n", "\t\tg.pickRelease(d)\n\t\tif s.Totals.Cordoned == 0 {\n\t\t\tg.pickCordon(d)\n\t\t}\n"},
		{"guard-release-pinned", "a pinned task is not released",
			"if t.Ready && !t.Pinned && ", "if t.Ready && "},
		{"guard-keep-operator", "an operator's drain is not the policy's to keep",
			"(!slices.Contains(d.Keep, t.ID) || t.DrainBy != \"\")", "!slices.Contains(d.Keep, t.ID)"},
		{"guard-keep", "what the policy keeps is not released",
			"(!slices.Contains(d.Keep, t.ID) || t.DrainBy != \"\")", "true"},
		{"guard-release-reopened", "what is taken back is not released",
			"&& !slices.Contains(g.out.reopen, t.ID) {", "{"},
		{"guard-intent-expires", "an expired intent is ignored (plan, intents)",
			"t.State == TaskOpen && s.At.Before(intent.Expires)", "t.State == TaskOpen"},
		{"guard-intent-lost", "the intents of an earlier pass count as cordons",
			"g.marked[intent.Task] = true", "_ = intent"},
	}
}

// taskEdits are the rules for one task, and the bounds of one pass.
func taskEdits() []edit {
	return []edit{
		{"guard-unknown-is-idle", "unknown is busy",
			"case !known:", "case !known && t.Pinned:"},
		{"guard-busy", "a task that holds a session is emptied only where that was asked for",
			"case onlyIfIdle && n > 0:", "case onlyIfIdle && n < 0:"},
		{"guard-pinned", "a pinned task is no victim",
			"case t.Pinned:", "case t.Pinned && t.Unhealthy:"},
		{"guard-intended", "a task that an earlier pass meant to cordon is not chosen again",
			"case g.marked[t.ID]:", "case g.marked[t.ID] && t.Pinned:"},
		{"guard-young", "a task that does not report must have been open for a while",
			"case !t.Reports && t.OpenFor < g.rules.timing.MinAge:", "case !t.Reports && t.OpenFor < 0:"},
		{"guard-idle-long", "an idle task must have been idle for a while",
			"t.IdleFor < g.rules.timing.IdleFor", "t.IdleFor < 0"},
		{"guard-emptying", "a task with sessions is drained only where routing knows of cordons",
			"add(id, !g.rules.emptying, ", "add(id, false, "},
		{"guard-at-once-waits", "what a policy empties waits for no cooldown: it has weighed when",
			"return !c.atOnce })", "return true })"},
		{"guard-operator-waits", "an operator's drain waits for the cooldown as others do",
			"!g.rules.emptying, g.rules.by == \"\")", "!g.rules.emptying, true)"},
		{"guard-not-open", "only open tasks are cordoned, each once",
			"if !ok || t.State != TaskOpen || seen[id] {", "if !ok {"},
		{"guard-cooldown", "cooldowns run from the last confirmed scale-in",
			"wait > 0 {", "wait > 0 && g.c.LastIn.IsZero() {"},
		{"guard-cap", "at most a fifth of the open tasks, and ten, are cordoned in a pass",
			"case len(g.out.cordon) >= limit:", "case len(g.out.cordon) >= limit && limit > cordonCap:"},
		{"guard-surplus", "no more tasks are cordoned than the decision gives back",
			"case len(g.out.cordon) >= surplus:", "case len(g.out.cordon) >= surplus+1:"},
		{"guard-open-minimum", "open tasks do not fall below the minimum while others start",
			"case open-1 < g.s.Limits.Min:", "case open < 0:"},
		{"guard-floor", "the floor of free slots is left alone",
			"case free-t.Free() < g.rules.floor:", "case free < 0:"},
		{"guard-floor-intents", "the floor is checked with the intents of earlier passes",
			"\t\t\tfree -= t.Free()\n\t\t}\n\t}\n\tlimit", "\t\t\t_ = t\n\t\t}\n\t}\n\tlimit"},
		{"guard-abstain-names", "a policy that abstains names no victim",
			"if d.Abstain {\n\t\treturn", "if d.Abstain && g.s.At.IsZero() {\n\t\treturn"},
	}
}

// orderEdits are the order of a pass and what it takes a lost race for.
func orderEdits() []edit {
	return []edit{
		{"pass-start-before-reopen", "reopening comes before anything is started (law 8, reaction)",
			"\tr.reopen(ctx)\n\tif err := r.scaleOut(ctx); err != nil {\n\t\treturn err\n\t}\n",
			"\tif err := r.scaleOut(ctx); err != nil {\n\t\treturn err\n\t}\n\tr.reopen(ctx)\n"},
		{"pass-overlap-acts", "of two passes that overlap the later one does nothing (law 5)",
			"\"another pass saved its checkpoint first\")\n\t\treturn nil\n", "\"another pass saved its checkpoint first\")\n\t\terr = nil\n"},
		{"pass-renew-foreign", "a controller touches no record of another owner",
			"a.State != TaskCordoned || a.Foreign || ", "a.State != TaskCordoned || "},
		{"pass-renew-lapses", "the leases of drains under way are renewed",
			"err := r.c.records.Renew(ctx, ref, now.Add(lease)); err != nil", "err := ctx.Err(); err != nil && ref.Version < lease.Nanoseconds()"},
		{"pass-carries-on", "a release is carried on from the records alone (law 6)",
			"return a.State == TaskRetired && !a.Foreign", "return false && a.State == TaskRetired"},
		{"pass-confirm-in", "a confirmed cordon starts the cooldown",
			"c.LastIn = r.v.at", "_ = c.LastIn"},
	}
}

// lostEdits are what a pass says of a task that ended without a release.
func lostEdits() []edit {
	return []edit{
		{"pass-wrong-victim", "a task that ECS stopped unretired raises an alert",
			"code, severity, cause = CodeWrongVictim, Alert, ", "code, severity, cause = CodeTaskLost, Notice, "},
		{"lost-new", "a task that never opened is no wrong victim",
			"case d.record.State == TaskNew:", "case d.record.State == TaskGone:"},
		{"lost-by-others", "what ECS did not choose is no wrong victim",
			`case s.StopCode != "ServiceSchedulerInitiated":`, `case s.StopCode == "":`},
		{"lost-sick", "a sick task that ECS replaces is no wrong victim",
			`case s.Health == "UNHEALTHY":`, `case s.Health == "UNHEALTHY" && s.Missing:`},
		{"lost-old", "a task of an old revision is no wrong victim",
			"case s.Deployment != primary:", "case s.Deployment == \"\" && primary != \"\":"},
		{"lost-exposed", "a task that ECS had refused to protect is no wrong victim",
			"case d.record.Exposed():", "case d.record.Exposed() && s.Missing:"},
		{"lost-sessions", "sessions that went with their task are an alert",
			"known && n > 0 {", "known && n < 0 {"},
	}
}

// asideEdits are about the tasks that ECS is replacing anyway.
func asideEdits() []edit {
	return []edit{
		{"aside-paused", "an operator's pause holds what ECS replaces too",
			"scaleInRule{pausedIn, braked, clockOff}", "scaleInRule{braked, clockOff}"},
		{"aside-braked", "the brake holds what ECS replaces too",
			"scaleInRule{pausedIn, braked, clockOff}", "scaleInRule{pausedIn, clockOff}"},
		{"aside-clock", "a clock that is off holds what ECS replaces too",
			"scaleInRule{pausedIn, braked, clockOff}", "scaleInRule{pausedIn, braked}"},
		{"aside-cap", "no more are closed in a pass than a fifth, whoever replaces them",
			"case len(g.out.cordon) >= limit:", "case len(g.out.cordon) >= 1000*limit:"},
		{"aside-busy", "an old task with sessions is emptied only where routing knows of cordons",
			"onlyIfIdle := !g.rules.emptying && !t.Unhealthy", "onlyIfIdle := false"},
		{"aside-needed", "no old task is closed that is needed for what is wanted",
			"case !t.Unhealthy && left.spare <= 0:", "case !t.Unhealthy && left.spare <= -1000:"},
		{"aside-no-room", "an old task's users find room elsewhere first, and leave the floor",
			"case !left.takes(t, g.rules.floor):", "case !left.takes(t, -1000):"},
		{"aside-old-room", "the users of an old task find room on the new revision, not on the next old one",
			"\t\t\tolder++\n\t\t\te.free += t.Free()\n", "\t\t\tolder++\n\t\t\te.free += t.Free()\n\t\t\te.fresh += t.Free()\n"},
		{"aside-holds-both", "a policy that holds what there is holds no deployment",
			"need -= min(older, newer)", "need -= 0 * min(older, newer)"},
		{"aside-waits", "an old task need not have been idle for a while",
			"if code == CodeNotIdleLong {", "if code == CodeNotIdleLong && t.Pinned {"},
		{"aside-trade-operator", "an operator's drain is not traded for an old task",
			`!t.Unhealthy && t.DrainBy == "" && `, "!t.Unhealthy && "},
		{"aside-no-trade", "a task of the new revision that is being drained is taken back for an old one",
			"left.spare <= 0 && g.trade():", "left.spare <= 0 && g.s.At.IsZero() && g.trade():"},
		{"aside-pinned", "a pinned task is not released, whoever replaces it",
			"case t.Ready && !t.Pinned && ", "case t.Ready && "},
	}
}

// protectEdits are about the protections that a pass sees to.
func protectEdits() []edit {
	return []edit{
		{"protect-foreign", "another owner's task is not ours to protect (rule 7)",
			"return !a.Foreign && (", "return ("},
		{"protect-retired", "a retired task is not protected again by a pass: its release would never end",
			"a.State == TaskCordoned)", "a.State == TaskCordoned || a.State == TaskRetired)"},
		{"protect-unheard", "nothing that is heard is a confirmation: the listing is (I1)",
			"r.readBack(ctx, a, s.ProtectedUntil, ", "r.readBack(ctx, a, r.v.at.Add(protectFor), "},
		{"protect-overtakes", "a task that protects itself is given its time",
			"reports && a.State == TaskNew && since(s.StartedAt, r.v.at) > protectAfter,", "reports && a.State == TaskNew,"},
		{"protect-unrenewed", "a protection that runs out under a session is renewed",
			"reports && left < renewTheirs && ", "reports && left < 0*renewTheirs && "},
		{"protect-unknown", "what is unknown is renewed as what is busy (law 3)",
			"(n > 0 || !known)", "(n > 0 || !known && n > 0)"},
		{"protect-unreported", "a task for which nothing reports is protected by the pass",
			"case !reports && (a.State == TaskNew || left < renewOurs),", "case !reports && left < -protectFor,"},
		{"protect-eleven", "ECS takes ten tasks per call",
			"protectionsPerCall = 10", "protectionsPerCall = 11"},
		{"protect-bare-unsaid", "an open task that is found without protection is marked, and told of",
			"case a.State == TaskOpen && !until.After(r.v.at) && !a.Exposed():", "case a.State == TaskOpen && !until.After(r.v.at) && a.Exposed():"},
		{"protect-blocked", "a task that ECS refuses to protect is marked as exposed",
			"blocked[f.Task] = f.Blocked()", "blocked[f.Task] = f.Blocked() && f.Task == \"\""},
	}
}

// forceEdits are about the ends that a host asks for.
func forceEdits() []edit {
	return []edit{
		{"force-foreign", "no session of another owner's task is ended (rule 7)",
			"a.State != TaskCordoned || a.Foreign || ", "a.State != TaskCordoned || "},
		{"force-undrained", "only the sessions of a task that is being drained are ended",
			"if a.State != TaskCordoned || a.Foreign", "if a.Foreign"},
		{"force-before-deadline", "nothing is ended before its deadline (step 3)",
			"case !a.Drain.Ending.IsZero() && !now.Before(a.Drain.Ending):", "case !a.Drain.Ending.IsZero():"},
		{"force-by-itself", "nobody is given notice where the host has set no deadline (step 3)",
			"timing.Deadline > 0 && ", ""},
		{"force-short-notice", "however late a notice comes, the users have all of it",
			"ending := later(due, now.Add(timing.Notice))", "ending := due"},
		{"force-at-once", "a notice is given when its time has come, not with the drain",
			"!now.Before(due.Add(-timing.Notice)):", "!now.Before(a.Drain.Since):"},
		{"force-unnamed", "who has sessions ended says who he is",
			`case by == "":`, `case by == "" && at.IsZero():`},
	}
}

// clockMutants take away that a process whose clock is off judges nothing that takes
// time.
func clockMutants() []Mutant {
	own := []string{"./autoscaler"}
	return slices.Concat(
		in("autoscaler/observe.go", own, edit{"clock-unjudged", "a pass finds out that its clock is off (rule 7)",
			"v.clockOff = activity.ClockOff(asked, o.cfg.Now())", "v.clockOff = activity.ClockOff(asked, o.cfg.Now()) && false"}),
		in("autoscaler/guard.go", own, edit{"clock-guard", "a clock that is off holds all scale-in (rule 7)",
			"from the store's; mend it\", g.rules.clockOff", "from the store's; mend it\", g.rules.clockOff && false"}),
		in("autoscaler/decide.go", own, edit{"clock-buries", "by a clock that is off no record is closed (rule 7)",
			"if !v.clockOff {", "if !v.clockOff || !v.at.IsZero() {"}),
		in("autoscaler/activity.go", own, clockEdits()...),
		in("workflow/machine.go", []string{"./workflow"}, edit{"clock-releases", "by a clock that is off nothing is released (rule 7)",
			"}}}, f.ClockOff", "}}}, f.ClockOff && false"}),
		in("workflow/advance.go", []string{"./workflow"}, edit{"clock-unjudged-release", "a release finds out that its clock is off (rule 7)",
			"activity.Tasks, activity.ClockOff(asked, c.cfg.Now())", "activity.Tasks, activity.ClockOff(asked, c.cfg.Now()) && false"}),
	)
}

func clockEdits() []edit {
	return []edit{
		{"clock-behind", "a clock behind the store's is off (rule 7)",
			" || a.Now.After(answered.Add(SkewBound))", ""},
		{"clock-ahead", "a clock ahead of the store's is off (rule 7)",
			"a.Now.Before(asked.Add(-SkewBound)) || ", ""},
		{"clock-slow-read", "a read that took long makes no clock wrong",
			"a.Now.After(answered.Add(SkewBound))", "a.Now.After(asked.Add(SkewBound))"},
		{"clock-untold", "where the store does not tell its time nobody is wrong",
			"if a.Now.IsZero() {", "if a.Now.IsZero() && asked.IsZero() {"},
	}
}

// eventMutants take away how a controller hears of sessions between passes.
func eventMutants() []Mutant {
	own := []string{"./autoscaler"}
	return slices.Concat(
		in("autoscaler/events.go", own,
			edit{"taken-unheard", "fewer free slots than are wanted wake the controller (reaction)",
				"return n > 0 && int64(e.free)", "return n < 0 && int64(e.free)"},
			edit{"taken-counts-twice", "what was told before a pass is in what the pass reads",
				"e.began = e.taken", "e.began = 0"},
			edit{"reaction-unknown", "a policy is told how soon it is asked again",
				"if e.alive || e.heard {", "if e.alive && e.heard {"}),
		in("autoscaler/pass.go", own, edit{"next-in-its-turn", "a pass comes when a release is due",
			"interval = min(interval, wait)", "_ = wait"}),
	)
}

// followEdits are what a pass concludes from what it sees over time.
func followEdits() []edit {
	return []edit{
		{"desired-adopt-at-once", "a foreign desired count is adopted only when stable for ten minutes",
			">= adoptAfter:", ">= 0:"},
		{"desired-never-adopted", "a stable foreign desired count is adopted",
			"*d = DesiredCount{Value: have, Previous: have, At: v.at, Known: true}", "_ = have"},
		{"desired-moves-the-clock", "the ten minutes begin anew when the foreign value changes",
			"d.ForeignSince.IsZero() || d.Foreign != have:", "d.ForeignSince.IsZero():"},
		{"missing-is-gone", "a task that a listing lacks has not stopped; ten minutes must pass",
			"if ok && v.at.Sub(seen) >= missingAfter {", "if v.at.Sub(seen) >= 0 {"},
		{"bury-retired", "the record of a retired task is closed by its release",
			"if a.State == TaskRetired || a.Foreign {", "if a.Foreign {"},
		{"bury-foreign", "a controller closes no record of another owner",
			"if a.State == TaskRetired || a.Foreign {", "if a.State == TaskRetired {"},
		{"brake-tasks", "too many tasks unknown, unhealthy or lost pull the brake",
			"wrong > limit {", "wrong > limit && limit < 0 {"},
		{"brake-sessions", "over half the sessions gone without an end pull the brake",
			"2*gone > was.Sessions {", "2*gone > was.Sessions && gone < 0 {"},
		{"brake-released-early", "the brake is released only after two clean passes",
			"b.Clean >= 2 {", "b.Clean >= 1 {"},
		{"brake-without-reports", "the brake is released only when every task has reported anew",
			"!a.LastReport.After(at)", "a.LastReport.IsZero()"},
		{"intents-not-saved", "a cordon is saved as an intent before it is made",
			"next.Intents = append(next.Intents, Intent{Task: c.task, Expires: v.at.Add(intentLife)})", "_ = c"},
		{"policy-writes-snapshot", "what the guard judges by is not in the policy's hands",
			"Decide(v.snapshot.apart())", "Decide(v.snapshot)"},
		{"memory-limit", "a policy's memory is bounded",
			"case len(d.Memory) > MemoryLimit:", "case len(d.Memory) > 2*MemoryLimit:"},
	}
}

// observeEdits are what a snapshot is made of.
func observeEdits() []edit {
	return []edit{
		{"observe-ready-unacknowledged", "a drain is finished only when every process has acknowledged it (plan, step 4)",
			"a.Occupancy.Idle() && (a.Acknowledged || eventsOnly && a.Bounded)", "a.Occupancy.Idle()"},
		{"observe-ready-busy", "a drain is finished only when the task is known to be empty",
			"a.Occupancy.Idle() && (a.Acknowledged || eventsOnly && a.Bounded)", "(a.Acknowledged || eventsOnly && a.Bounded)"},
		{"observe-foreign", "another owner's task is unknown, pinned and never ready",
			"t.Occupancy, t.Pinned, t.Ready = Occupancy{}, true, false", "_ = a"},
		{"observe-stale-metric", "a signal older than its bound is absent",
			"case v.at.Sub(r.At) > o.cfg.Timing.MetricAge:", "case v.at.Sub(r.At) > 1000*o.cfg.Timing.MetricAge:"},
		{"observe-metric-nan", "a reading is finite",
			"case math.IsNaN(r.Value) || math.IsInf(r.Value, 0):", "case math.IsNaN(r.Value) && math.IsInf(r.Value, 0):"},
		{"observe-stopped", "a task that has stopped is not in the snapshot",
			"if status.Stopped() || status.Missing {", "if status.Missing {"},
		{"observe-stopping", "a task that ECS is stopping is no capacity, whatever its record says",
			"task.State = TaskStopping", "_ = task"},
	}
}
