module github.com/seed-979cce96/idlescale

go 1.26
