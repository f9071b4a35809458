package storetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

func brokenState() map[string]func() *faulty {
	ctx := context.Background()
	anyRevision := with(func(f *faulty) {
		f.save = func(c autoscaler.Checkpoint) (int64, error) {
			for {
				now, err := f.Store.LoadCheckpoint(ctx, c.Service)
				if err != nil {
					return 0, err
				}
				c.Revision = now.Revision
				if revision, err := f.Store.SaveCheckpoint(ctx, c); err == nil {
					return revision, nil
				}
			}
		}
	})
	return map[string]func() *faulty{
		"never-saved": with(func(f *faulty) {
			f.load = func(id autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
				c, err := f.Store.LoadCheckpoint(ctx, id)
				c.Service = autoscaler.ServiceID{}
				return c, err
			}
		}),
		"saved-whole": with(func(f *faulty) {
			f.save = func(c autoscaler.Checkpoint) (int64, error) {
				c.Intents = nil
				return f.Store.SaveCheckpoint(ctx, c)
			}
		}),
		"save-names-revision": anyRevision,
		"one-save":            anyRevision,
		"no-shared-memory": with(func(f *faulty) {
			var shared autoscaler.Checkpoint
			f.save = func(c autoscaler.Checkpoint) (int64, error) { shared = c; return 1, nil }
			f.load = func(autoscaler.ServiceID) (autoscaler.Checkpoint, error) { return shared, nil }
		}),
		"control": with(func(f *faulty) {
			f.setControl = func(id autoscaler.ServiceID, c autoscaler.Control) error {
				c.Pins = nil
				return f.Store.SetControl(ctx, id, c)
			}
		}),
		"services-apart": with(func(f *faulty) {
			f.load = func(autoscaler.ServiceID) (autoscaler.Checkpoint, error) {
				return f.Store.LoadCheckpoint(ctx, service())
			}
		}),
	}
}

func brokenDemand() map[string]func() *faulty {
	ctx := context.Background()
	telling := func(change func(*faulty, *sessionstore.DemandReport)) func() *faulty {
		return with(func(f *faulty) {
			f.demand = func(d sessionstore.DemandReport) error {
				f.calls++
				change(f, &d)
				return f.Store.ReportDemand(ctx, d)
			}
		})
	}
	return map[string]func() *faulty{
		"refusals-add-up": telling(func(_ *faulty, d *sessionstore.DemandReport) { d.Source = "one" }),
		"demand-named": telling(func(f *faulty, d *sessionstore.DemandReport) {
			d.Service, d.Source, d.Seq = service(), "one", int64(f.calls)
		}),
		"report-once":      telling(func(f *faulty, d *sessionstore.DemandReport) { d.Seq = int64(f.calls) }),
		"waiting-replaced": telling(func(f *faulty, d *sessionstore.DemandReport) { d.Source += fmt.Sprint(f.calls) }),
		"waiting-expires": with(func(f *faulty) {
			start := f.clock.Now()
			f.activity = func(id autoscaler.ServiceID, _ time.Time) (autoscaler.Activity, error) {
				return f.Store.Activity(ctx, id, start)
			}
		}),
	}
}

func brokenJournal() map[string]func() *faulty {
	ctx := context.Background()
	reading := func(change func(*faulty, autoscaler.TaskID, time.Time, int) ([]autoscaler.Entry, error)) func() *faulty {
		return with(func(f *faulty) {
			f.read = func(task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
				return change(f, task, since, limit)
			}
		})
	}
	return map[string]func() *faulty{
		"entry-whole": with(func(f *faulty) {
			f.appendTo = func(entries ...autoscaler.Entry) error {
				for i := range entries {
					entries[i].Drain = ""
				}
				return f.Store.Append(ctx, entries...)
			}
		}),
		"entry-order": reading(func(f *faulty, task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
			entries, err := f.Store.Read(ctx, service(), task, since, limit)
			slices.Reverse(entries)
			return entries, err
		}),
		"entry-newest": reading(func(f *faulty, task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
			entries, err := f.Store.Read(ctx, service(), task, since, 0)
			return entries[:min(limit, len(entries))], err
		}),
		"entry-task": reading(func(f *faulty, _ autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error) {
			return f.Store.Read(ctx, service(), "", since, limit)
		}),
		"entry-life": with(func(f *faulty) {
			var kept []autoscaler.Entry
			f.appendTo = func(entries ...autoscaler.Entry) error {
				kept = append(kept, entries...)
				return nil
			}
			f.read = func(autoscaler.TaskID, time.Time, int) ([]autoscaler.Entry, error) { return kept, nil }
		}),
		"entry-none-lost": with(func(f *faulty) {
			f.appendTo = func(entries ...autoscaler.Entry) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.calls++; f.calls == 2 {
					return nil
				}
				return f.Store.Append(ctx, entries...)
			}
		}),
	}
}
