// Package autoscalermock holds gomock mocks of the contracts of package
// autoscaler, for tests of a host's own wiring. They are generated; a test holds
// them to the contracts.
//
// A mock answers what a test tells it to and keeps none of a contract's
// promises. Where a test is about behaviour over several calls, the in-memory
// store and the simulated cluster are the better choice: they keep them.
package autoscalermock

//go:generate go run go.uber.org/mock/mockgen@v0.6.0 -source=../contracts.go -destination=mocks.go -package=autoscalermock -write_package_comment=false -write_command_comment=false
//go:generate go run go.uber.org/mock/mockgen@v0.6.0 -source=../policy.go -destination=policy_mocks.go -package=autoscalermock -write_package_comment=false -write_command_comment=false
