package storetest

import (
	"sync"
	"sync/atomic"
)

// race makes n attempts at once and returns how many succeeded.
func race(n int, attempt func(i int) bool) int {
	var won atomic.Int32
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			if attempt(i) {
				won.Add(1)
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return int(won.Load())
}
