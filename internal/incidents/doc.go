// Package incidents replays, on a simulated cluster, how autoscalers of other systems
// ended busy tasks or lost them, and holds the library to the opposite. Each test is
// named after a row of one list of public reports, and says in its comment where the
// report stands and what happened there. The mutants runner knows for each of them a
// rule without which it fails: without that rule this library would do the same.
package incidents
