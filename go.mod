module github.com/seed-979cce96/idlescale

go 1.26

require (
	github.com/google/go-cmp v0.7.0
	go.uber.org/mock v0.6.0
)
