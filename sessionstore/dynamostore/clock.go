package dynamostore

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithymiddleware "github.com/aws/smithy-go/middleware"
)

// clock is the store's own time. A writer whose clock is off must not begin, reserve or
// retire, so the writer's machine cannot be the judge of it: every answer of DynamoDB
// carries the time at which it was given, to the second, and that bounds the machine's.
type clock struct {
	fixed func() time.Time // Config.Now

	mu              sync.Mutex
	known           bool
	lowest, highest time.Duration // by how much the machine's clock is behind
}

// slack is the most that an answer's own time says too little: it is cut to the second.
const slack = time.Second

// now returns the machine's time, moved into the bounds that the last answer has set.
func (c *clock) now() time.Time {
	if c.fixed != nil {
		return c.fixed()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.known && c.lowest > 0:
		return time.Now().Add(c.lowest)
	case c.known && c.highest < 0:
		return time.Now().Add(c.highest)
	}
	return time.Now()
}

// sent returns the machine's time, to be observed with the answer to a call that is sent
// now.
func (c *clock) sent() time.Time { return time.Now() }

// observe takes in the time of an answer to a call that was sent at the instant given.
func (c *clock) observe(sent time.Time, metadata smithymiddleware.Metadata) {
	served, ok := middleware.GetServerTime(metadata)
	if !ok || c.fixed != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Served no earlier than it says, and no later than the answer came.
	c.known, c.lowest, c.highest = true, time.Until(served), served.Add(slack).Sub(sent)
}

// pause waits before a try: for a random part of a time that doubles, so that callers who
// failed together do not come back together.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(50 * time.Millisecond << try)) //nolint:gosec // to spread, not to hide
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
