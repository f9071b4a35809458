package mutants

import "slices"

// lateMutants take away what holds when a write arrives late, a read is behind, or
// somebody else has had a hand in: the rules that a service comes to rest by.
func lateMutants() []Mutant {
	return slices.Concat(
		lateCountMutants(), latePassMutants(), lateRecordMutants(), lateReleaseMutants(),
	)
}

// lateCountMutants are about the desired count and the gate before it.
func lateCountMutants() []Mutant {
	own := []string{"./autoscaler"}
	return slices.Concat(
		in("autoscaler/permit.go", own,
			edit{"below-unraised", "a count below the tasks that stay is raised, also where nothing else is wanted",
				"!r.below(count) && ", ""},
			edit{"below-foreign", "a foreign count is raised only once it is adopted",
				"&& r.Checkpoint.Desired.ours(r.State.Desired, r.Began)\n", "\n"},
			edit{"below-sick", "a sick task beside its replacement raises nothing",
				"return c.healthy > r.State.Desired", "return c.kept > r.State.Desired"},
			edit{"raise-on-stale-read", "what would lower the count last written is no raise (I4)",
				"value > have && r.Checkpoint.Desired.outruns(have, value, r.Began):", "value > have && value < 0:"},
			edit{"linger-starves", "a retired task that lingers keeps nobody from being started",
				"r.Activity = r.keepingUnreleasable()", "_ = r.keepingUnreleasable()"},
			edit{"linger-busy", "a retired task with a session is not on its way out",
				"!(known && n > 0) {", "(known || n >= 0) {"},
			edit{"lower-waits-for-room", "a full service lets go what is retired",
				"held := r.steady(); len(held) > 0", "held := r.Gate(); len(held) > 0"},
		),
		in("autoscaler/gate.go", own,
			edit{"gate-foreign-record", "another owner's record does not shut the gate",
				"!a.Foreign && !listed[a.Ref.Task]", "!listed[a.Ref.Task]"},
			edit{"gate-marked-protected", "what ECS lists as protected is spared, whatever its mark says",
				"&& !spared &&", "&& (!spared || true) &&"},
		),
		in("autoscaler/target.go", own,
			edit{"level-foreign-absent", "another owner's record of an absent task lowers no level",
				"a.State == TaskRetired || a.Foreign && !listed[a.Ref.Task]", "a.State == TaskRetired && (a.Foreign || listed[a.Ref.Task] || true)"},
			edit{"level-foreign-present", "another owner's task that runs here lowers the level",
				"a.Foreign && !listed[a.Ref.Task]", "a.Foreign && (listed[a.Ref.Task] || true)"}),
		in("autoscaler/checkpoint.go", own, edit{"stale-read-foreign", "a foreign count is no read that lags",
			"read != d.Value && d.ours(read, at)", "read != d.Value"}),
	)
}

// latePassMutants are about one pass: what it believes, and how it dates its
// writes.
func latePassMutants() []Mutant {
	own := []string{"./autoscaler"}
	return slices.Concat(
		in("autoscaler/act.go", own,
			edit{"below-unasked", "a pass asks for a raise where ECS keeps too few",
				"!owed && !below {", "!owed && (!below || true) {"},
			edit{"replacing-unasked", "a pass asks for the room that a new revision needs",
				" || count.replacing(r.d.want, r.v.snapshot.Limits.Total()) > r.v.state.Desired", ""},
			edit{"reopen-dated-early", "a reopening is dated when it is written (rule 7)",
				"Version: a.Version, At: r.c.cfg.Now()})", "Version: a.Version, At: r.v.at})"},
			edit{"renew-dated-early", "a renewal is dated when it is written (rule 7)",
				"now := r.c.cfg.Now()", "now := r.v.at"},
		),
		in("autoscaler/controller.go", own, edit{"cordon-dated-early", "a cordon is dated when it is written (rule 7)",
			"\tnow := c.cfg.Now()\n\tid :=", "\tnow := v.at\n\tid :="}),
		in("autoscaler/control.go", own, edit{"control-senseless", "an operator's limits that make no sense are not followed",
			"problems()...); err != nil {", "problems()...); err != nil && at.IsZero() {"}),
		in("autoscaler/observe.go", own,
			edit{"control-ignored-unsaid", "limits that are not followed are told of",
				"v.note(CodeControlIgnored, Alert, \"limits by \"+control.Limits.By+\": \"+err.Error())", "_ = err"},
			edit{"checkpoint-newer", "a newer controller's checkpoint is left alone",
				"if v.checkpoint.Version > CheckpointVersion {", "if v.checkpoint.Version > 1000*CheckpointVersion {"},
		),
		in("autoscaler/decide.go", own, edit{"brake-reservations", "a reservation is no session that went",
			"n -= a.Reserved", "n -= 0 * a.Reserved"}),
	)
}

// lateRecordMutants are about records: dates far off, calls that come late, two
// processes of one name.
func lateRecordMutants() []Mutant {
	held := []string{"./sessionstore"}
	return slices.Concat(
		in("sessionstore/record.go", held, edit{"bare-registration-describes", "a registration that says nothing of the task does not describe it",
			`!req.Adopted && req.Level != ""`, "!req.Adopted"}),
		in("sessionstore/started.go", held, edit{"touch-late", "a late disconnect ends no session that is connected again",
			"!req.DisconnectedUntil.IsZero() && t.clockOff(req.At):", "!req.DisconnectedUntil.IsZero() && req.At.IsZero():"}),
		in("sessionstore/instant.go", held,
			edit{"instant-wraps", "a date far ahead is not one in the past",
				"return never - 1\n", "return instant(t.UnixNano() + 1)\n"},
			edit{"instant-wraps-back", "a date far back is not one ahead",
				"return -never\n", "return instant(t.UnixNano() + 1)\n"},
			edit{"instant-add-wraps", "a lease added to a date far ahead does not wrap around",
				"if d > 0 && i > never-instant(d) {", "if d > 0 && i > never {"},
		),
		in("sessionstore/entry.go", held, edit{"entry-wraps", "a date far ahead does not wrap around in an entry",
			"ms := ns / int64(time.Millisecond)", "ms := max(0, (ns+int64(time.Millisecond)-1)/int64(time.Millisecond))"}),
		in("sessionstore/live.go", held, edit{"reserved-untold", "reserved slots are told apart",
			"c.reserved++", "c.reserved += 0"}),
		in("sessionstore/process.go", held,
			edit{"name-shared", "two processes of one name do not take turns",
				"case order.Boot > p.boot && p.taken:", "case order.Boot > p.boot && p.taken && p.left:"},
			edit{"superseded-admits", "the earlier of two processes of one name admits nobody",
				"p.admits, p.superseded = false, true", "p.superseded = true"},
			edit{"superseded-reopens", "the earlier of two processes of one name stays closed",
				"\tif p.superseded {\n\t\treturn\n", "\tif p.superseded && p.left {\n\t\treturn\n"},
		),
	)
}

// lateReleaseMutants are about a release that meets an operator, or a task that
// does not stop.
func lateReleaseMutants() []Mutant {
	own := []string{"./workflow"}
	return append(
		in("workflow/closing.go", own, edit{"stuck-forgets-targets", "a release that has taken targets out does not end stuck",
			"if len(f.away()) > 0 {", "if len(f.away()) > 100 {"}),
		in("workflow/permitted.go", own, edit{"pause-mid-call", "a pause holds the dangerous calls of a call that is under way",
			"f.Control = control", "_ = control"})...,
	)
}
