package storetest_test

import (
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/sessionstore/storetest"
)

func ExampleNewClock() {
	clock := storetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	clock.Advance(90 * time.Second)
	fmt.Println(clock.Now().Format(time.TimeOnly))
	// Output: 12:01:30
}
