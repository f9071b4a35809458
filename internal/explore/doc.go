// Package explore puts the drain protocol through every order of events that a small
// service can have, call by call. It is exhaustive where the random schedules are wide:
// for the sizes stated, nothing was left out but what is named below.
//
// What runs is the shipped code: the rules of a record, a release with its machine and
// its permits, the write of a desired count, and the process that reports. What is
// modelled, in a few lines each, is everything else: ECS, which stops any unprotected
// task while there are more than desired; users, who ask for a session, are served,
// and leave; and time, which goes on by jumps.
//
// A step is one call of one actor. Before each of its calls an actor may be held up,
// for as long as the clock goes on or for ever, so a death is a hold-up that nobody
// ends. A report is built, arrives and is answered in three steps. A call can be
// carried out and its reply lost, and a desired count that was sent in time can arrive
// whenever it likes.
//
// An actor is nothing but the answers that it has heard so far: its code is run again
// from the beginning on these, up to the next call. So the code between two calls is
// run once for each history and not once for each world, and a world is a value that
// can be copied, compared and kept. Two orders that lead to the same world are one
// state, exactly; nothing is hashed.
//
// The store is the rules of a record, each applied at once, or dynamostore on a table: then
// a call of the table is a step, whoever makes it, so that between a read and the
// conditional write that follows from it everybody else may come. What a write makes of
// an item the fake of DynamoDB says, through the SDK's client. A pass may read one task as
// it was a write ago, or not at all yet; a write may be lost, made twice, or arrive
// after its sender has given it up. A program begins having seen nothing, but for the
// scenes in which a controller is a daemon and makes its passes with one store.
//
// Every step is held to I1–I5, and no task may stop with a live session. Besides,
// every world with a retired task is awaited to its end: all actors die where they
// stand, a new controller (the whole of it) makes passes, sessions run out, and after
// ninety minutes nothing may be left of what was retired.
//
// To see that it would find something, bugs are put in; for each the shortest way to
// the damage is printed:
//
//	go test -v -run Planted ./internal/explore
//	go test -v -run TableScenes ./internal/explore -table                  # all small scenes on a table
//	go test -v -timeout 1h -run '^TestScenes' ./internal/explore -whole    # the large scenes too
//
// Left out, for the number of states: reports that would change nothing, and on a table
// reads that are old of several tasks at once, saves of a checkpoint that arrive late,
// and what brokers and processes remember from call to call.
//
// It has no deployments, no balancer, no level C, no lag of what ECS shows, and one
// process to a task: the random schedules of internal/e2e have these.
package explore
