// Package e2e runs whole services, controllers and all, on the simulated cluster
// and holds them to the invariants of the drain protocol after every call. It has
// no code of its own beside its tests.
package e2e
