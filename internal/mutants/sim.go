package mutants

import "slices"

// simMutants take away what the simulated cluster owes its contracts: a permit is
// judged at the last instant before the call is sent, and names the call.
func simMutants() []Mutant {
	// The rig's own tests, and the suites that hold every cluster.
	held := []string{"./ecsadapter/ecssim", "./autoscaler/autoscalertest", "./workflow/workflowtest"}
	return slices.Concat(
		in("ecsadapter/ecssim/scaler.go", held,
			edit{"sim-permit-clock", "a permit that ran out sends nothing (I5)",
				"if !permit.Expired(now) {", "if !permit.Expired(now) || ref != \"\" {"},
			edit{"sim-permit-count", "a permit is for one count (I5)",
				" || req.Permit.Desired != req.Desired {", " {"},
			edit{"sim-permit-kind", "a permit is for one call (I5)",
				"if !req.Permit.Covers(autoscaler.CallSetDesired) || ", "if "},
		),
		in("ecsadapter/ecssim/tasks.go", held,
			edit{"sim-permit-tasks", "a permit is for the tasks it names (I5)",
				"if !req.Permit.Covers(kind, req.Tasks...) {", "if !req.Permit.Covers(kind) {"},
			edit{"sim-permit-clock-tasks", "a permit that ran out sends nothing (I5)",
				"return c.inTime(ctx, \"ecssim.\"+string(op), ref, req.Permit)", "return nil"},
		),
		in("ecsadapter/ecssim/scheduler.go", held,
			edit{"sim-chooses-protected", "ECS chooses among the unprotected only: a simulator that did not would test nothing",
				"if t.wanted && t.zone == fullest && may(t) && !t.protected() {", "if t.wanted && t.zone == fullest && may(t) {"}),
	)
}
