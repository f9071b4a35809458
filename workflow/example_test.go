package workflow_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
	"github.com/seed-979cce96/idlescale/sessionstore/memstore"
	"github.com/seed-979cce96/idlescale/workflow"
)

// A runner on the simulated cluster. The controller calls Release and Advance;
// here they are called by hand, on a service with nothing to release.
func ExampleNew() {
	cluster := ecssim.New(ecssim.Config{Service: ecssim.ServiceConfig{Desired: 2, Warm: true}})
	store := memstore.New(memstore.Config{Now: cluster.Now})
	runner, err := workflow.New(workflow.Config{
		Tasks: cluster, Scaler: cluster,
		Sessions: store, Records: store, State: store, Journal: store,
		Veto: func(_ context.Context, e workflow.Evidence) error {
			if e.Activity.NeverOpened {
				return nil
			}
			return fmt.Errorf("%s served users today", e.Task.ID)
		},
		Now: cluster.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	cluster.RunFor(time.Minute)
	releases, err := runner.Advance(context.Background(), autoscaler.ServiceID{Cluster: "sim", Name: "service"})
	fmt.Println(len(releases), "releases under way,", err)

	_, err = workflow.New(workflow.Config{Tasks: cluster, Scaler: cluster, Sessions: store, State: store})
	fmt.Println(err)
	// Output:
	// 0 releases under way, <nil>
	// workflow.New: Records is nil; give the session store
}

func ExamplePlan() {
	for _, step := range workflow.ReleasePlan()[5:7] {
		fmt.Println(step.Step, "—", step.Does)
		for _, exit := range step.Exits {
			fmt.Println("  on", exit.On, "→", exit.To)
		}
	}
	// Output:
	// unprotect — waits for the task to clear its protection, then removes it
	//   on cleared → lower
	//   on not cleared yet → unprotect
	//   on none wanted any more → watch
	//   on stopped meanwhile → close
	// lower — lists again and writes the desired count
	//   on written → watch
	//   on held → lower
	//   on a task lost its protection → protection
	//   on still protected → unprotect
	//   on stopped meanwhile → close
}
