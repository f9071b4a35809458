package mutants

import "slices"

// releaseMutants take the plan's rules away, from the gate to the gravestone.
func releaseMutants() []Mutant {
	own := []string{"./workflow"}
	return slices.Concat(
		in("workflow/permitted.go", own, permittedEdits()...),
		in("workflow/perform.go", own, performEdits()...),
		in("workflow/machine.go", own, machineEdits()...),
		in("workflow/holding.go", own, holdingEdits()...),
		in("workflow/closing.go", own, closingEdits()...),
		in("workflow/machine.go", own, restEdits()...),
		in("workflow/balancer.go", own, balancerEdits()...),
		in("workflow/barrier.go", own, barrierStepEdits()...),
		in("workflow/facts.go", own, factsEdits()...),
		in("workflow/advance.go", own, advanceEdits()...),
		in("workflow/runner.go", own, runnerEdits()...),
		in("workflow/run.go", own, runEdits()...),
	)
}

func permittedEdits() []edit {
	return []edit{
		{"stop-without-proof", "StopTask needs a consistent read made for this call (I3)",
			"return permit, c.prove(ctx, []autoscaler.TaskID{id})", "return permit, nil"},
		{"unprotect-without-proof", "protection is removed only from what a read made for this call shows retired (I3)",
			"Reason: autoscaler.CodeRetired}, c.prove(ctx, chunk)", "Reason: autoscaler.CodeRetired}, nil"},
		{"prove-not-retired", "only the retired are touched (I3)",
			"|| a.Foreign || a.State != autoscaler.TaskRetired:", "|| a.Foreign:"},
		{"prove-busy", "a retired task that holds a session is not stopped (I3)",
			"\t\tcase busy(a):\n\t\t\thold(", "\t\tcase busy(a):\n\t\t\t_ = 0\n\t\tcase busy(a):\n\t\t\thold("},
		{"prove-unknown", "a retired task whose occupancy is unknown is not stopped (I3, law 3)",
			"case !a.Occupancy.Idle():", "case false:"},
		{"prove-fails-open", "a failed read aborts (rule 7)",
			"\tif err != nil {\n\t\treturn []autoscaler.Reason{{Code: autoscaler.CodeCallFailed, Severity: autoscaler.Notice, Detail: \"prove: \" + err.Error()}}\n\t}",
			"\tif err != nil {\n\t\treturn nil\n\t}"},
		{"stop-while-owed", "nothing is stopped while a lower count is owed: ECS would replace it (step 10)",
			"if _, owed := f.lowering(); !nothingOwed(owed) {\n\t\t\treturn permit,", "if _, owed := f.lowering(); len(owed) > 100 {\n\t\t\treturn permit,"},
		{"lower-without-listing", "the listing of protections is read for the write (step 9)",
			"f.Listing = filled(listing)\n", "f.Listing = nil\n"},
		{"take-older", "what this call has retired stays retired whatever a read says",
			"a.State != autoscaler.TaskRetired {\n\t\t\t*a = *own", "a.State != autoscaler.TaskRetired && a.Foreign {\n\t\t\t*a = *own"},
	}
}

func performEdits() []edit {
	return []edit{
		{"protect-unread", "that no failure is returned is no confirmation: the listing is read anew (step 6)",
			"\t\tfor _, id := range chunk {\n\t\t\tc.entry(id, a.Step, \"protection asked for: \"+string(a.Code))\n\t\t}\n\t}\n\tc.f.Listing = nil",
			"\t\tfor _, id := range chunk {\n\t\t\tc.entry(id, a.Step, \"protection asked for: \"+string(a.Code))\n\t\t\tif s := c.f.listed(id); s != nil {\n\t\t\t\ts.ProtectedUntil = c.f.At.Add(c.options.Timing.Lifetime)\n\t\t\t}\n\t\t}\n\t}"},
		{"protect-too-many", "ECS takes ten tasks per call",
			"const tasksPerCall = 10", "const tasksPerCall = 11"},
		{"veto-ignored", "the host's veto keeps a task (step 7)",
			"\t\t\tc.entry(id, a.Step, \"vetoed: \"+err.Error())\n\t\t\treturn\n", "\t\t\tc.entry(id, a.Step, \"vetoed: \"+err.Error())\n"},
		{"retire-failed-counts", "a task whose retire failed drops out (step 7)",
			"case err == nil, errors.Is(err, autoscaler.ErrRetired):", "case err == nil, errors.Is(err, autoscaler.ErrRetired), errors.Is(err, autoscaler.ErrBusy):"},
		{"steer-unsaved", "what is to be deregistered is saved first, so that a death in between is repaired",
			"switch saved, err := c.commit(ctx, false); {", "switch saved, err := true, error(nil); {"},
	}
}

func machineEdits() []edit {
	return []edit{
		{"unprotect-before-retire", "protection is removed after retire, never before (I3)",
			"for _, a := range waiting {\n\t\tif f.shielded", "for _, a := range append(waiting, f.batch()...) {\n\t\tif f.shielded"},
		{"retire-without-gate", "nothing is retired before the gate is open (step 5)",
			"through, held := f.admit(candidates)", "_, held := f.admit(candidates)\n\tthrough := candidates"},
		{"retire-without-protection", "every task that is not retired is protected first (step 6)",
			"case len(foreign) == 0 && len(first) > 0:\n", "case len(foreign) == 0 && len(first) > 0:\n\t\treturn retire, true\n\tcase len(foreign) < 0:\n"},
		{"retire-unconfirmed", "one unconfirmed after a second listing stops the release (step 6)",
			"case len(foreign)+len(lacking) == 0:\n", "case len(foreign) == 0:\n"},
		{"busy-not-shielded", "a retired task that was told of a session is protected again at once (I3)",
			"if busy(a) && f.wanted(a.Ref.Task) {", "if busy(a) && !f.wanted(a.Ref.Task) {"},
		{"unprotect-busy", "a retired task with a session keeps its protection (I3)",
			"&& f.aged(a) && a.Occupancy.Idle() {", "&& f.aged(a) {"},
		{"unprotect-at-once", "the task has its time to clear its own protection (step 8)",
			"if f.shielded(a.Ref.Task) && f.aged(a) && ", "if f.shielded(a.Ref.Task) && "},
		{"lower-twice", "a call writes the desired count once",
			"if f.Lowered != nil {\n\t\treturn f.restore(f.Lowered.Held)\n\t}\n", ""},
		{"targets-left-away", "an aborted release puts its targets back",
			"if back := f.untried(SteerIn, away); len(back) > 0 {", "if back := f.untried(SteerIn, away); len(back) > 100 {"},
	}
}

func holdingEdits() []edit {
	return []edit{
		{"admit-dead-letters", "an event that could not be applied may be of a session: level C waits for it",
			"eventsOnly(a) && f.Failed != nil && *f.Failed > 0 {", "eventsOnly(a) && f.Failed != nil && *f.Failed > 1000 {"},
		{"admit-replaced-gated", "what ECS is replacing anyway is not held by the gate",
			"if s := f.status(a.Ref.Task); f.outdated(a.Ref.Task) || s != nil && s.Health == \"UNHEALTHY\" {", "if s := f.status(a.Ref.Task); s != nil && s.Wanted() && f.At.IsZero() {"},
		{"admit-replaced-barred", "the brake and the pause hold what ECS is replacing too",
			"reasons := append(f.barred(), f.wrongVictims()...)\n\t\tif held = ", "reasons := f.wrongVictims()\n\t\tif held = "},
		{"admit-replaced-victims", "a wrong victim holds what ECS is replacing too",
			"reasons := append(f.barred(), f.wrongVictims()...)\n\t\tif held = ", "reasons := f.barred()\n\t\tif held = "},
		{"gate-unasked", "the gate is asked (step 5)",
			"held = append(held, f.reads().Gate()...)", "_ = f.reads"},
		{"pause-released", "an operator's pause holds the release",
			"p.Active(f.At) {", "p.Active(f.At) && false {"},
		{"brake-released", "the brake holds the release",
			"b.On() {", "b.On() && false {"},
		{"wrong-victim-unseen", "a task that ECS stops unretired holds everything and is said (step 10)",
			`task.StopCode != "ServiceSchedulerInitiated"`, `task.StopCode == "ServiceSchedulerInitiated"`},
		{"protected-foreign", "an unprotected task of another owner holds the release",
			"case a != nil && a.Foreign:", "case a != nil && a.Foreign && f.listed(id) == nil:"},
		{"protection-of-the-new", "a task that started between two reads has not been seen protected",
			"state.Tasks[i].Wanted() && f.listed(id) == nil {", "state.Tasks[i].Wanted() && f.listed(id) != nil {"},
		{"shielded-counts", "a retired task that is still protected is not counted as retired (step 8)",
			"(f.shielded(a.Ref.Task) || busy(a)) {", "busy(a) {"},
		{"busy-counts", "a retired task that was told of a session is not counted as retired (I3)",
			"(f.shielded(a.Ref.Task) || busy(a)) {", "f.shielded(a.Ref.Task) {"},
		{"lower-unprotected", "a task neither retired nor protected holds the write (step 9)",
			"return permit, append(append(held, unconfirmed(lacking)...), foreign...)", "_ = lacking\n\treturn permit, append(held, foreign...)"},
	}
}

// restEdits are about a release that waits for the next look.
func restEdits() []edit {
	return []edit{
		{"rest-through-demand", "where the count was raised after a retirement a release does not rest (step 10)",
			" || slices.ContainsFunc(f.unreleased(), f.raisedOver) {", " {"},
		{"rest-never", "a release rests until ECS has had its time",
			"d.Known && d.Value > d.Previous && d.At.After(a.RetiredAt)", "d.Known"},
	}
}

func closingEdits() []edit {
	return []edit{
		{"close-unstopped", "a record is closed when ECS says STOPPED (step 11)",
			"if s.Stopped() || s.Missing", "if !s.Wanted() || s.Missing"},
		{"close-missing-at-once", "a task that ECS does not know is closed after ten minutes, not before",
			"f.At.Sub(since) >= f.Options.Timing.Missing", "f.At.Sub(since) >= 0"},
		{"stop-early", "ECS has its time to choose (step 10)",
			"!f.At.Before(f.chosenBy(a))\n\t\tif", "!f.At.Before(a.RetiredAt)\n\t\tif"},
		{"stop-waits-for-demand", "where demand came back a retired task is stopped at once (step 10)",
			"if f.choosesNone() {", "if f.choosesNone() && f.At.IsZero() {"},
		{"stop-owed", "while ECS has one to stop it is left to choose (step 10)",
			"return wanted <= desired", "return wanted <= desired+1"},
		{"stop-unread", "a lower count that was written counts before it is read (step 10)",
			"desired = min(desired, last.Value)", "_ = last"},
		{"stop-never", "a retired task that ECS does not choose is stopped (step 10)",
			"return Action{Kind: Stop, Step: StepWatch, Tasks: tasks}, len(tasks) > 0", "return Action{Kind: Stop, Step: StepWatch, Tasks: tasks}, len(tasks) > 100"},
		{"stop-shielded", "a retired task whose protection still stands is not stopped (step 8)",
			"late && a.Occupancy.Idle() && !f.shielded(a.Ref.Task) && ", "late && a.Occupancy.Idle() && "},
		{"stop-busy", "a retired task that may hold a session is not stopped (I3)",
			"late && a.Occupancy.Idle() && ", "late && "},
		{"stuck-unsaid", "a retired task that does not stop is an alert (step 11)",
			"at.Sub(since) > bound {", "at.Sub(since) > 1000*bound {"},
	}
}

func balancerEdits() []edit {
	return []edit{
		{"balancer-busy", "a session on a deregistered target: it is registered again at once",
			"if a.State == autoscaler.TaskCordoned && a.Occupancy.Idle() {", "if a.State == autoscaler.TaskCordoned {"},
		{"balancer-deployment", "in a deployment a target of the new revision is put back: the deployment waits for it",
			"if f.rolling() && !f.outdated(id) {", "if f.rolling() && f.outdated(id) {"},
		{"balancer-in-deployment", "in a deployment no target of the new revision is taken out",
			"return f.rolling() && !f.outdated(a.Ref.Task)", "return f.rolling() && f.outdated(a.Ref.Task) && a.Slots < 0"},
		{"balancer-barred", "no target is taken out under a pause or the brake",
			"if held := f.barred(); len(held) > 0 {\n\t\treturn Action{Kind: Hold, Step: StepBalancer", "if held := f.barred(); len(held) > 100 {\n\t\treturn Action{Kind: Hold, Step: StepBalancer"},
		{"balancer-again", "what a call could not retire it does not take out again",
			"case f.handled(a.Ref.Task):", "case f.handled(a.Ref.Task) && did:"},
		{"balancer-tireless", "a target that comes back three times gives its task back",
			"case s.Attempts < steerAttempts:", "case s.Attempts < 100:"},
		{"balancer-open", "only a target that is draining, unused or absent lets its task be retired",
			"\tcase \"\", \"draining\", \"unhealthy.draining\", \"unused\":\n", "\tcase \"\", \"draining\", \"unhealthy.draining\", \"unused\", \"healthy\", \"initial\":\n"},
		{"balancer-impatient", "the known delay is waited for once, before the first look",
			"case f.At.Before(s.At.Add(f.State.DeregistrationDelay)):", "case f.At.Before(s.At):"},
		{"balancer-busy-out", "only idle tasks are deregistered",
			"if a.Occupancy.Idle() && !f.Control.Pinned(a.Ref.Task, f.At) {", "if !f.Control.Pinned(a.Ref.Task, f.At) {"},
		{"balancer-skipped", "with the balancer first, only closed targets lead to the gate",
			"return did && s != nil && ", "return did || s == nil || "},
	}
}

// barrierStepEdits take away what level C owes its users: the balancer first, then a
// barrier behind the events.
func barrierStepEdits() []edit {
	return []edit{
		{"balancer-unasked", "with the balancer first, a target is closed before its task is retired",
			"return f.Options.LoadBalancerFirst", "return false && f.Options.LoadBalancerFirst"},
		{"balancer-level-c", "at level C the balancer comes first, whatever the host asks for",
			"if eventsOnly(a) {\n\t\treturn f.Options.Events", "if eventsOnly(a) && a.Slots < 0 {\n\t\treturn f.Options.Events"},
		{"barrier-unsent", "an empty level C task whose target is closed is sent its barrier",
			"len(tasks) > 0 {\n\t\treturn Action{Kind: Mark", "len(tasks) > 100 {\n\t\treturn Action{Kind: Mark"},
		{"barrier-once", "a barrier that does not come is sent again after a minute",
			"(!sent || !f.At.Before(at.Add(f.Options.Timing.Look)))", "!sent && at.IsZero()"},
		{"barrier-of-another-drain", "a barrier that was sent for another drain is none",
			"m.Task == a.Ref.Task && m.Drain == a.Drain.ID", "m.Task == a.Ref.Task"},
		{"dead-letters-unread", "the events that could not be applied are counted before level C is retired",
			"f.Failed == nil && slices.ContainsFunc(candidates, eventsOnly)", "f.Failed == nil && len(candidates) < 0"},
		{"release-given-up-early", "a release is not over while targets that it took out wait for the others",
			"return !out || f.handled(a.Ref.Task) || f.waitsForDeployment(a)", "return out || !out"},
	}
}

func factsEdits() []edit {
	return []edit{
		{"ready-busy", "only a task known to be empty is ready (law 3)",
			"return a.Occupancy.Idle() && acknowledged && ", "return acknowledged && "},
		{"ready-unacknowledged", "only an acknowledged drain is ready (step 4)",
			"return a.Occupancy.Idle() && acknowledged && ", "return a.Occupancy.Idle() && (acknowledged || true) && "},
		{"ready-pinned", "a pinned task is not retired",
			"&& !f.Control.Pinned(a.Ref.Task, f.At)\n", "\n"},
		{"batch-reopened", "a task that was reopened has dropped out (law 6)",
			"if a := &f.Activity[i]; a.State == autoscaler.TaskRetired && !a.Foreign {", "if a := &f.Activity[i]; (a.State == autoscaler.TaskRetired || a.State == autoscaler.TaskOpen) && !a.Foreign {"},
		{"batch-foreign", "another owner's tasks are never released (rule 7)",
			`a.Drain.ID != "" && !a.Foreign && `, `a.Drain.ID != "" && `},
		{"protection-margin", "a protection counts with thirty minutes left (step 6)",
			"!s.ProtectedUntil.Before(f.At.Add(f.Options.Timing.Margin))", "s.ProtectedUntil.After(f.At)"},
	}
}

func advanceEdits() []edit {
	return []edit{
		{"advance-from-checkpoint-only", "the retired are found from the records alone (law 6)",
			"case len(retired) > 0:", "case len(retired) > 100:"},
		{"aborts-uncounted", "releases that retire nothing are counted",
			"next.Aborts++", "next.Aborts += 0"},
		{"advance-overwrites", "a release that another process has ended is not brought back",
			"!c.adopted && (stored.Release == nil || stored.Release.ID != c.f.Release.ID) {", "!c.adopted && c.f.Release.ID == \"\" {"},
		{"joined-lost", "tasks that joined meanwhile are not forgotten",
			"added = append(added, id)", "_ = id"},
	}
}

func runnerEdits() []edit {
	return []edit{
		{"cancel-retired", "nothing is cancelled once a task is retired",
			"if a := f.record(id); a == nil || a.State == autoscaler.TaskRetired {", "if a := f.record(id); a == nil {"},
		{"release-second", "a second release joins the one under way",
			"if c.Release == nil {\n\t\treturn started", "if c.Release == nil || len(tasks) > 0 {\n\t\treturn started"},
		{"release-newer", "a release of a newer version is left alone",
			"return release.Version <= autoscaler.ReleaseVersion", "return release.Version >= 0"},
	}
}

// runEdits are what a process that attends to releases keeps to.
func runEdits() []edit {
	return []edit{
		{"run-cut-off", "a call that is under way when the process is asked to stop is heard out",
			"context.WithCancel(context.WithoutCancel(ctx))", "context.WithCancel(ctx)"},
		{"run-endless", "a call that is heard out is given a grace, and no more",
			"\t\t<-late.Done()\n\t\tcancel()\n", "\t\t<-late.Done()\n"},
		{"run-late", "a release is carried on when it is due, not at the next look",
			"wait = min(wait, max(time.Second, next.Sub(r.now())))", "wait = max(wait, next.Sub(r.now()))"},
		{"run-at-once", "a release that is overdue leaves a second between two calls",
			"max(time.Second, next.Sub(r.now()))", "next.Sub(r.now())"},
		{"run-silent", "a call of Run that failed is told",
			"if err != nil && failed != nil && ctx.Err() == nil {", "if err != nil && failed != nil && ctx.Err() != nil {"},
		{"run-given-up", "a call of Run that failed is made again",
			"\t\ttimer.Reset(r.due(releases))\n", "\t\tif err == nil {\n\t\t\ttimer.Reset(r.due(releases))\n\t\t}\n"},
	}
}
