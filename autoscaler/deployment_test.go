package autoscaler_test

import (
	"testing"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

// deploying is a service of three tasks in the middle of a deployment, before which
// somebody has written the desired count.
func deploying(t *testing.T, desired int) *world {
	t.Helper()
	w := newWorldOn(t, ecssim.ServiceConfig{Desired: 3, Warm: true, MaxPercent: 150}, func(c *autoscaler.Config) { c.Emptying = true })
	w.passes(44)
	if err := w.c.ForeignDesired(service, desired); err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.Deploy(service, "r-2"); err != nil {
		t.Fatal(err)
	}
	return w
}

// What ECS replaces anyway is no scale-in, and is closed without a cooldown.
func TestDeploymentStartsNoCooldown(t *testing.T) {
	w := deploying(t, 3)
	cordons := 0
	for range 60 {
		cordons += did(w.pass(), autoscaler.CodeCordoned)
	}
	cp, err := w.s.Store.LoadCheckpoint(t.Context(), service)
	if err != nil || cordons != 3 || !cp.LastIn.IsZero() {
		t.Errorf("%d cordons, last scale-in %v, %v; want the three old ones, and none", cordons, cp.LastIn, err)
	}
}

// Of one task, 150 per cent are one: beside the old tasks, which are protected and
// stay, ECS starts none until the count has room for it.
func TestDeploymentGoesOnThoughTheCountWasLowered(t *testing.T) {
	w := deploying(t, 1)
	w.passes(160)
	truth, err := w.c.Truth(service)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range truth.Tasks {
		if task.Wanted() && task.Deployment != truth.Deployments[0].ID {
			t.Errorf("task %s of the old revision still runs; desired %d", task.ID, w.desired())
		}
	}
}
