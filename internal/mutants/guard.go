package mutants

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

// inside has mutants run against the tables within their package alone.
func inside(list []Mutant) []Mutant {
	for i := range list {
		list[i].Inside = true
	}
	return list
}

// guardMutants take the guard's rules away, one by one, and the order of a pass.
func guardMutants() []Mutant {
	own := []string{"./autoscaler"}
	var all []Mutant
	for _, group := range [][]Mutant{
		inside(in("autoscaler/guard.go", own, serviceEdits()...)),
		inside(in("autoscaler/guard_in.go", own, taskEdits()...)),
		in("autoscaler/act.go", own, orderEdits()...),
		inside(in("autoscaler/decide.go", own, followEdits()...)),
		inside(in("autoscaler/observe.go", own, observeEdits()...)),
		in("autoscaler/lost.go", own, lostEdits()...),
	} {
		all = append(all, group...)
	}
	return all
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
		{"guard-release-pinned", "a pinned task is not released",
			"if t.Ready && !t.Pinned && ", "if t.Ready && "},
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
			"add(id, !g.rules.emptying)", "add(id, false)"},
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
	}
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
