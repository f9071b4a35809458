package workflow

import (
	"context"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// pollEvery is how often Run looks at a service whose release is not due by itself:
// somebody may have begun one.
const pollEvery = 15 * time.Second

// Run advances the releases of the services given until ctx ends, each when it is
// due, at most Config.Concurrency at once, and returns ctx's error. It begins
// nothing: controllers do, in this process or another, and what they began goes on
// here whether or not they make passes. What a call that was under way at the end
// has done is known and told when Run returns.
//
// A call that fails is told to failed, if that is not nil, and made again in its
// turn: the next one computes everything anew. Run may be called again, and beside
// passes that advance the same services.
func (r *Runner) Run(ctx context.Context, failed func(autoscaler.ServiceID, error), services ...autoscaler.ServiceID) error {
	var all sync.WaitGroup
	for _, service := range services {
		all.Go(func() { r.attend(ctx, service, failed) })
	}
	all.Wait()
	<-ctx.Done()
	return ctx.Err()
}

// attend advances one service again and again.
func (r *Runner) attend(ctx context.Context, service autoscaler.ServiceID, failed func(autoscaler.ServiceID, error)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		releases, err := r.Advance(ctx, service)
		if err != nil && failed != nil && ctx.Err() == nil {
			failed(service, err)
		}
		timer.Reset(r.due(releases))
	}
}

// due is how long nothing needs to be done for these releases. One that ended leaves
// room for the next at once.
func (r *Runner) due(releases []autoscaler.Release) time.Duration {
	wait := pollEvery
	for i := range releases {
		if next := releases[i].NextAt; !next.IsZero() {
			wait = min(wait, max(time.Second, next.Sub(r.now())))
		}
	}
	return wait
}

// outlive returns a context that ends with the function returned, or, once ctx has
// ended, after the grace. A call that is under way when a process is asked to stop is
// heard out: cut off, nobody would know what became of it.
func outlive(ctx context.Context, grace time.Duration) (work context.Context, end context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		late, over := context.WithTimeout(work, grace)
		defer over()
		<-late.Done()
		cancel()
	})
	return work, func() { stop(); cancel() }
}
