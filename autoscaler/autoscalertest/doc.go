// Package autoscalertest holds implementations to the contracts of package
// autoscaler: [TestPolicy], [TestUtilizationSource] and [TestScaler]. Each runs
// its promises as subtests, and a failure prints the promise before what was
// seen. The suites of the other contracts stand beside their packages.
//
// For table tests of a policy of one's own there are [Snapshot] and [Open],
// which build a consistent snapshot from a few tasks, and [Situations], which
// builds many.
package autoscalertest
