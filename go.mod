module github.com/seed-979cce96/idlescale

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	go.uber.org/mock v0.6.0
)

require golang.org/x/sync v0.25.0
