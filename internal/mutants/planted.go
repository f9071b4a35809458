package mutants

import "slices"

// plantedMutants put back what other systems did, where one lost rule is not enough
// since a second one stands behind it. The law says what the old system did.
func plantedMutants() []Mutant {
	held := []string{"./" + IncidentTests}
	var all []Mutant
	for _, p := range slices.Concat(plantedRecords(), plantedPasses(), plantedReleases()) {
		first := p.edits[0]
		all = append(all, Mutant{Name: p.name, Law: p.law, File: first.File, Old: first.Old, New: first.New, Also: p.edits[1:], Packages: held})
	}
	return all
}

// plant is one old behaviour: the edits that bring it back.
type plant struct {
	name, law string
	edits     []Edit
}

// The files that old behaviours are planted in more than once.
const (
	cordonFile = "sessionstore/cordon.go"
	retireFile = "sessionstore/retire.go"
	factsFile  = "workflow/facts.go"
	guardFile  = "autoscaler/guard_in.go"
)

// cordonUnasked takes what was seen before a cordon for what is.
func cordonUnasked() []Edit {
	return []Edit{
		{cordonFile, `r.mayControl("Cordon", req.Version, req.At, t)`, `r.mayControl("Cordon", r.version, req.At, t)`},
		{cordonFile, "req.OnlyIfIdle && (!c.known || c.occupied() > 0)", "req.OnlyIfIdle && c.occupied() < 0"},
	}
}

// retireUnasked does so with a retire.
func retireUnasked() []Edit {
	return []Edit{
		{retireFile, `r.mayControl("Retire", d.Version, d.At, t)`, `r.mayControl("Retire", r.version, d.At, t)`},
		{retireFile, "case c.occupied() > 0 || !c.known:", "case c.occupied() < 0:"},
		{retireFile, "case r.state != autoscaler.TaskCordoned || r.drain.ID != drain:", "case r.version < 0:"},
		{retireFile, "case !r.acknowledged(c, at, rules):", "case r.version < -1:"},
	}
}

func plantedRecords() []plant {
	return []plant{
		{"planted-cached-claim", "a claim was granted on what a cache said of the server", []Edit{
			{"sessionstore/begin.go", "if r.state != autoscaler.TaskRetired && r.state != autoscaler.TaskGone {", "if r.state != autoscaler.TaskGone {"},
			{"sessionstore/begin.go", "case r.state == autoscaler.TaskOpen:", "case r.state == autoscaler.TaskOpen || r.state == autoscaler.TaskRetired:"},
		}},
		{"planted-cached-mark", "a mark was set on what a cache said, whatever had come since", cordonUnasked()},
		{"planted-check-then-end", "the check for work stood before the end, not in it", retireUnasked()},
		{"planted-look-once", "one look chose the host, marked it and ended it", append(append(cordonUnasked(), retireUnasked()...),
			Edit{factsFile, "return a.Occupancy.Idle() && acknowledged && ", "return (acknowledged || true) && "},
			Edit{"autoscaler/observe.go", "a.Occupancy.Idle() && (a.Acknowledged || eventsOnly && a.Bounded)", "(a.Acknowledged || true)"})},
		{"planted-queue-depth", "the queue was asked, and not the work in flight", []Edit{
			{"sessionstore/live.go", "return max(c.live, c.reported)", "return min(0, c.live)"},
			{retireFile, "(p.acknowledged != r.drain.ID || p.count > 0)", "p.acknowledged != r.drain.ID"},
		}},
		{"planted-half-drained", "what a controller had closed before it died stayed closed for ever", []Edit{
			{"autoscaler/activity.go", "return d.ID != \"\" && !at.Before(d.Until)", "return d.ID == \"\" && !at.Before(d.Until)"},
			{"sessionstore/begin.go", "asked := reopen && r.drain.By == \"\"", "asked := reopen && r.version < 0"},
		}},
		{"planted-unmarked", "hosts were removed whether they had been marked or not", []Edit{
			{factsFile, `a.State == autoscaler.TaskCordoned && a.Drain.ID != "" && `, `(a.State == autoscaler.TaskCordoned || a.State == autoscaler.TaskOpen) && `},
			{factsFile, "return a.Occupancy.Idle() && acknowledged && ", "return a.Occupancy.Idle() && (acknowledged || true) && "},
			{retireFile, "if d.Drain == \"\" {", "if d.Drain == \"\" && d.At.IsZero() {"},
			{retireFile, "case r.state != autoscaler.TaskCordoned || r.drain.ID != drain:", "case r.version < 0:"},
			{retireFile, "case !r.acknowledged(c, at, rules):", "case r.version < 0:"},
		}},
		{"planted-foreign-unknown", "what another owner runs was taken for nobody's", []Edit{
			{"sessionstore/record.go", "if r.owner == t.Owner {", "if r.owner != \"\" || t.Owner != \"\" {"},
			{"sessionstore/live.go", "Foreign: r.owner != t.Owner,", "Foreign: r.owner != t.Owner && r.version < 0,"},
		}},
		{"planted-age-limit", "a host over the age limit was ended, busy or not", []Edit{
			{"sessionstore/live.go", "\tc := tally{counted: true, until: never}\n",
				"\tc := tally{counted: true, until: never}\n\tif r.state == autoscaler.TaskCordoned && at >= r.opened.add(48*rules.CordonLease) {\n\t\tc.known, c.from = true, at\n\t\treturn c\n\t}\n"},
			{retireFile, "if r.state != autoscaler.TaskCordoned || !c.known || c.occupied() > 0 {\n",
				"if r.state == autoscaler.TaskCordoned && at >= r.opened.add(48*rules.CordonLease) {\n\t\treturn true\n\t}\n\tif r.state != autoscaler.TaskCordoned || !c.known || c.occupied() > 0 {\n"},
		}},
	}
}

func plantedPasses() []plant {
	return []plant{
		{"planted-busy-victim", "whoever the number or a selector named was taken, busy or not", append(cordonUnasked(),
			Edit{guardFile, "case onlyIfIdle && n > 0:", "case onlyIfIdle && n < 0:"},
			Edit{guardFile, "t.IdleFor < g.rules.timing.IdleFor", "t.IdleFor < 0"})},
		{"planted-undisturbed", "work that had asked not to be disturbed was ended", []Edit{
			{guardFile, "case t.Pinned:", "case t.Pinned && t.Unhealthy:"},
			{"autoscaler/guard.go", "if t.Ready && !t.Pinned && ", "if t.Ready && "},
			{factsFile, "&& !f.Control.Pinned(a.Ref.Task, f.At)\n", "\n"},
		}},
		{"planted-error-is-empty", "an error was taken for the answer that there is nothing", []Edit{
			{"autoscaler/observe.go", "if v.state, err = o.cfg.Scaler.Describe(ctx, o.cfg.Service); err != nil {", "if v.state, err = o.cfg.Scaler.Describe(ctx, o.cfg.Service); err != nil && ctx.Err() != nil {"},
			{"autoscaler/observe.go", "\tif err != nil {\n\t\treturn fail(\"Activity\", err)", "\tif err != nil && ctx.Err() != nil {\n\t\treturn fail(\"Activity\", err)"},
		}},
		{"planted-any-wants-fewer", "one policy of two was enough to take a host away", []Edit{
			{"policy/safest.go", "case fewer < len(opinions):", "case fewer < 0:"},
			{"policy/safest.go", "return p.scaleIn(g, opinions, largest)", "for _, d := range opinions {\n\t\tlargest = min(largest, d.Open)\n\t}\n\treturn p.scaleIn(g, opinions, largest)"},
		}},
		{"planted-no-metric-is-zero", "a metric without a value was read as no load", []Edit{
			{"policy/threshold.go", "case missing != \"\":", "case missing != \"\" && s.At.IsZero():"},
		}},
		{"planted-dry-run-writes", "a dry run wrote what it would do", []Edit{
			{"autoscaler/observe.go", "return o.decide(&v).pass, nil",
				"d := o.decide(&v)\n\tif w, ok := o.cfg.State.(StateStore); ok {\n\t\t_, err = w.SaveCheckpoint(ctx, d.next)\n\t}\n\treturn d.pass, err"},
		}},
		{"planted-deployment-ignored", "the policy fired in the middle of a deployment", []Edit{
			{"autoscaler/guard.go", "g.s.Deployment != DeploymentSteady", "g.s.Deployment == DeploymentFailed"},
			{"autoscaler/gate.go", "if s.deployment() != DeploymentSteady {", "if s.deployment() == DeploymentFailed {"},
			{"autoscaler/gate.go", "if (s.Running < s.Desired || s.Pending > 0) && !owedLong(r) {", "if s.Running < 0 && !owedLong(r) {"},
			{"autoscaler/permit.go", "case r.State.deployment() != DeploymentSteady:", "case r.State.deployment() == DeploymentFailed:"},
		}},
		{"planted-all-closed", "every host could be closed, and nobody could log on", []Edit{
			{guardFile, "case open-1 < g.s.Limits.Min:", "case open < 0:"},
			{guardFile, "case free-t.Free() < g.rules.floor:", "case free < 0:"},
			{"autoscaler/guard.go", "want = g.s.Limits.Min\n", "\n"},
			{"autoscaler/guard.go", "need = max(need, 1)", "need = max(need, 0)"},
		}},
	}
}

func plantedReleases() []plant {
	return []plant{
		{"planted-refusal-ignored", "a refusal to let a busy host go was taken for consent", []Edit{
			{"workflow/perform.go", "case err == nil, errors.Is(err, autoscaler.ErrRetired):", "case err == nil, errors.Is(err, autoscaler.ErrRetired), errors.Is(err, autoscaler.ErrBusy):"},
			{"workflow/machine.go", "if f.shielded(a.Ref.Task) && f.aged(a) && ", "if f.shielded(a.Ref.Task) && "},
			{"workflow/permitted.go", "|| a.Foreign || a.State != autoscaler.TaskRetired:", "|| a.Foreign:"},
		}},
		{"planted-stop-failed", "a host was ended though letting it go had failed", []Edit{
			{"workflow/closing.go", "late && a.Occupancy.Idle() && !f.shielded(a.Ref.Task) && ", "late && a.Occupancy.Idle() && "},
			{"autoscaler/permit.go", "\t\treturn reads, nil, err\n\t}\n\tp.clear(ctx, saved)", "\t\tp.clear(ctx, saved)\n\t\treturn reads, nil, err\n\t}\n\tp.clear(ctx, saved)"},
		}},
		{"planted-unprotected-shrink", "the number was lowered while busy hosts were unprotected", []Edit{
			{"workflow/machine.go", "case len(foreign) == 0 && len(first) > 0:\n", "case len(foreign) == 0 && len(first) > 0:\n\t\treturn retire, true\n\tcase len(foreign) < 0:\n"},
			{"workflow/holding.go", "return permit, append(append(held, unconfirmed(lacking)...), foreign...)", "_ = lacking\n\treturn permit, append(held, foreign...)"},
		}},
		{"planted-unconfirmed-shrink", "the number was lowered though protecting the busy had failed", []Edit{
			{"workflow/machine.go", "case len(foreign)+len(lacking) == 0:\n", "case len(foreign) == 0:\n"},
			{"workflow/holding.go", "return permit, append(append(held, unconfirmed(lacking)...), foreign...)", "_ = lacking\n\treturn permit, append(held, foreign...)"},
		}},
	}
}
