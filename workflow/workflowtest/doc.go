// Package workflowtest holds implementations of the contracts of package workflow
// and of autoscaler.DrainWorkflow to what those promise: [TestTasks], [TestEvents] and
// [TestDrainWorkflow]. Each clause is a subtest of its own on a harness of its
// own, and a failure prints the promise before what was seen.
package workflowtest
