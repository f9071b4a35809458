// Package backtest runs a policy against a load on the simulated cluster of
// [ecssim] and says what came of it: sessions killed, users without a slot, what it
// cost beside the least it could have cost.
//
//	load, err := backtest.ReadLoad(file, "sessions.csv")
//	result, err := backtest.Trial{Load: load, Policy: policy.Headroom{}}.Run(ctx)
//	fmt.Println(result)
//
// What runs is the module's own controller, guard, drain and release; only the
// cluster, the store's disk and the users are simulated. A day takes milliseconds.
//
// # In your own tests
//
// A policy is held to a budget in an ordinary test:
//
//	if err := result.Within(backtest.Budget{Ratio: 1.4, NoSlotPPM: 100}); err != nil {
//		t.Error(err)
//	}
//
// # The model
//
// Sessions never move. A task is billed from its request to its stop; it starts in
// 60 to 90 seconds, drawn from the seed. A user who finds no free slot waits, first
// come first served. A task that is released is billed until its balancer has let it
// go. [Route] says how users find tasks. The first day is a warm-up and not scored.
//
// # What it refuses to do
//
// It gives no ratio without the sessions killed and the users turned away beside it,
// skips no line of a trace, and compares nothing that ran on different loads.
package backtest
