package mutants

import "slices"

// permitMutants take away what stands between a decision and a dangerous call:
// the computed count, the gate, the permit.
func permitMutants() []Mutant {
	own := []string{"./autoscaler"}
	return slices.Concat(
		in("autoscaler/target.go", own, targetEdits()...),
		in("autoscaler/permit.go", own, judgeEdits()...),
		in("autoscaler/permit.go", own, permitEdits()...),
		in("autoscaler/gate.go", own, gateEdits()...),
		in("autoscaler/checkpoint.go", own, edit{
			"desired-lag-endless", "our previous value explains what ECS shows only for as long as a read may lag",
			"desired == d.Previous && at.Sub(d.At) < describeLag", "desired == d.Previous"}),
		in("autoscaler/occupancy.go", own, edit{
			"unknown-is-idle", "the zero occupancy is unknown, and unknown is busy (law 3)",
			"return o.known && o.sessions == 0", "return o.sessions == 0"}),
	)
}

func targetEdits() []edit {
	return []edit{
		{"target-subtracts", "the desired count is computed, never subtracted (I4)",
			"return max(c.kept+min(c.missing", "return max(state.Desired-c.retired+min(c.missing"},
		{"target-counts-retired", "the retired are not counted (I4)",
			"\t\t\tc.retired++\n\t\t\tcontinue\n", "\t\t\tc.retired++\n"},
		{"target-twice", "what goes is taken off the count once (I4)",
			"\t\t\tc.retired++\n\t\t\tcontinue\n", "\t\t\tc.retired++\n\t\t\tc.kept--\n\t\t\tcontinue\n"},
		{"target-forgets-cordoned", "cordoned tasks are counted, or ECS would choose among them (I4)",
			"if task.Deployment == primary {", "if task.Deployment == primary && record != TaskCordoned {"},
		{"target-total-shrinks", "MaxTotal bounds what is started, never what is counted (I4)",
			"max(c.kept+min(c.missing(wantOpen), max(0, maxTotal-c.kept)), ", "max(min(maxTotal, c.kept+c.missing(wantOpen)), "},
		{"replacing-nothing", "while an old revision is open the count leaves room for the new one",
			"if c.oldOpen == 0 {", "if c.oldOpen >= 0 {"},
		{"replacing-missing", "what is missing is started beside the old tasks",
			"min(c.oldOpen+c.missing(wantOpen), wantOpen, maxTotal)", "min(c.oldOpen, wantOpen, maxTotal)"},
		{"replacing-unwanted", "no more is started for the old tasks than is wanted",
			"min(c.oldOpen+c.missing(wantOpen), wantOpen, maxTotal)", "min(c.oldOpen+c.missing(wantOpen), maxTotal)"},
		{"replacing-total", "MaxTotal bounds what is started for the old tasks",
			"min(c.oldOpen+c.missing(wantOpen), wantOpen, maxTotal)", "min(c.oldOpen+c.missing(wantOpen), wantOpen)"},
		{"replacing-retired", "a task of an old revision that is being drained wants no place",
			"} else if record == TaskOpen {", "} else if record != TaskNew {"},
		{"target-no-primary", "a service whose deployments cannot be told apart is not counted",
			`if state.primary() == "" {`, `if state.primary() == "" && wantOpen < 0 {`},
		{"level-highest", "the lowest level present rules the service",
			"level, found = level.Lower(a.Level), true", "level, found = LevelA, true"},
	}
}

func permitEdits() []edit {
	return []edit{
		{"permit-starts-late", "a permit's time begins before its reads, not after them (I5)",
			"\tr.Activity = activity.Tasks\n\treturn r, nil", "\tr.Activity = activity.Tasks\n\tr.Began = p.Now()\n\treturn r, nil"},
		{"permit-on-newer-checkpoint", "the permit is saved on the checkpoint that its reads began with (I5)",
			"\tr.Activity = activity.Tasks\n\treturn r, nil",
			"\tr.Activity = activity.Tasks\n\tr.Checkpoint, err = p.State.LoadCheckpoint(ctx, p.Service)\n\treturn r, err"},
		{"permit-not-saved", "a dangerous call carries a permit that was saved first (I5)",
			"if saved.Revision, err = p.State.SaveCheckpoint(ctx, saved); err != nil {",
			"if saved.Revision, err = saved.Revision+1, error(nil); err != nil {"},
		{"permit-race-ignored", "who loses the save of the permit makes no call (I5)",
			"if errors.Is(err, ErrConflict) {\n\t\t\treturn reads, []Reason{{Code: CodeOverlapped",
			"if errors.Is(err, ErrConflict) && permit.Desired < 0 {\n\t\t\treturn reads, []Reason{{Code: CodeOverlapped"},
		{"permit-two-at-once", "one dangerous call at a time per service (I5)",
			"other != nil && !p.mayTakeOver(reads, permit)", "other != nil && other.Desired < 0"},
		{"permit-cleared-on-failure", "a call whose effect is unknown keeps its permit until it runs out (I5)",
			"\t\treturn reads, nil, err\n\t}\n\tp.clear(ctx, saved)", "\t\tp.clear(ctx, saved)\n\t\treturn reads, nil, err\n\t}\n\tp.clear(ctx, saved)"},
	}
}

// judgeEdits are what a permit is, and when the desired count is written.
func judgeEdits() []edit {
	return []edit{
		{"permit-taken-over-below-a", "below level A nothing takes a permit over (I5)",
			"permit.Raise && r.Level() == LevelA", "permit.Raise"},
		{"permit-lowering-takes-over", "only a raise takes a permit over (I5)",
			"permit.Raise && r.Level() == LevelA", "r.Level() == LevelA"},
		{"permit-wall-only", "a permit runs out on the monotonic clock too (I5)",
			"return now.After(p.NotAfter) || now.Round(0)", "return now.Round(0)"},
		{"permit-monotonic-only", "a permit runs out on the wall clock too (I5)",
			"|| now.Round(0).After(p.NotAfter.Round(0))", ""},
		{"permit-covers-any-task", "a permit names its tasks (I5)",
			"if !slices.Contains(p.Tasks, t) {", `if !slices.Contains(p.Tasks, t) && t == "" {`},
		{"permit-covers-any-call", "a permit names its call (I5)",
			"if p.Call != call {", "if p.Call == \"\" {"},
		{"lower-without-gate", "the desired count is lowered only past the gate (I4, step 5)",
			"if held := r.steady(); len(held) > 0 {", "if held := r.steady(); len(held) > 100 {"},
		{"lower-for-nothing", "a write needs something to start, or something retired (I4)",
			"case value <= count.kept && count.retired == 0 && ", "case value < 0 && count.retired == 0 && "},
		{"scale-out-lowers", "a pass lowers only what ECS has owed for long, where it could choose nobody",
			"if len(held) == 0 && !permit.Raise {", "if len(held) > 100 && !permit.Raise {"},
		{"giving-up-braked", "the brake holds the giving up of what is owed",
			"b := r.Checkpoint.Brake; b.On() {", "b := r.Checkpoint.Brake; b.On() && b.Clean > 100 {"},
		{"giving-up-retired", "only the release lowers past the retired, with their protections read",
			"a != nil && a.State == TaskRetired {", "a != nil && a.State == TaskGone {"},
		{"giving-up-unprotected", "what is owed is given up only where ECS could choose nobody",
			"task.ProtectedUntil.Before(r.Began.Add(protectionMargin)) {", "task.ProtectedUntil.After(r.Began.Add(1000*protectionMargin)) {"},
		{"count-below-stays", "a count below the tasks that stay is raised again",
			"return c.healthy > r.State.Desired && ", "return c.healthy > 1000*(1+r.State.Desired) && "},
		{"retired-protected-is-going", "a retired task that ECS cannot choose is no capacity on its way out",
			"if a.State != TaskRetired || !protected[a.Ref.Task] && !(known && n > 0) {", "if a.State != TaskGone || !protected[a.Ref.Task] && !(known && n > 0) {"},
		{"permit-not-withdrawn", "a count that was never sent is not noted as written",
			"p.withdraw(ctx, saved, reads.Checkpoint.Desired)", "_ = saved"},
		{"write-before-decision", "nothing is written before a pass has decided",
			"if !r.Checkpoint.HasWant {", "if !r.Checkpoint.HasWant && r.State.Desired < 0 {"},
	}
}

func gateEdits() []edit {
	return []edit{
		{"gate-service", "the gate wants ACTIVE, REPLICA and ECS's own deployments",
			`s.Status != "ACTIVE" || s.Scheduling != "REPLICA" || s.Controller != "ECS"`, `s.Status == ""`},
		{"gate-deployment", "the gate wants one deployment, completed",
			"if s.deployment() != DeploymentSteady {", "if s.deployment() == DeploymentFailed {"},
		{"gate-running", "the gate wants running at desired and nothing pending",
			"if (s.Running < s.Desired || s.Pending > 0) && !owedLong(r) {", "if s.Running < 0 && !owedLong(r) {"},
		{"gate-pending", "the gate wants nothing pending",
			"(s.Running < s.Desired || s.Pending > 0) && ", "(s.Running < s.Desired) && "},
		{"gate-foreign", "the gate wants the last desired count to be ours or adopted",
			"if !r.Checkpoint.Desired.ours(s.Desired, r.Began) {", "if !r.Checkpoint.Desired.ours(s.Desired, r.Began) && s.Desired < 0 {"},
		{"gate-room", "the gate asks for the capacity that is left",
			"return append(r.steady(), r.room()...)", "return r.steady()"},
		{"gate-exposed", "no task is open without protection when desired is lowered",
			"a.Exposed() && !spared && a.State != TaskRetired {", "a.Exposed() && !spared && a.State == TaskGone {"},
		{"gate-unlisted", "every record that is not final is listed",
			"&& !a.Foreign && !listed[a.Ref.Task] {", "&& a.Foreign && !listed[a.Ref.Task] {"},
		{"gate-count", "the tasks listed are those that the service counts",
			"wanted != r.State.Running+r.State.Pending {", "wanted < 0 {"},
		{"gate-minimum", "a release leaves the minimum of open tasks",
			"r.Checkpoint.Limits.Min; open < minimum {", "r.Checkpoint.Limits.Min; open < minimum && open < 0 {"},
		{"gate-floor", "a release leaves the floor of free slots",
			"r.Checkpoint.Floor; free < floor {", "r.Checkpoint.Floor; free < floor && free < 0 {"},
		{"gate-unknown-is-free", "a task whose occupancy is unknown has no free slot",
			"if n, known := a.Occupancy.Sessions(); known {", "if n, known := a.Occupancy.Sessions(); known || n == 0 {"},
		{"owed-at-once", "what ECS owes is given up after 15 minutes, not before",
			"r.Began.Sub(since) > owedAfter", "r.Began.Sub(since) > 0"},
	}
}
