package ecssim

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/workflow"
)

func TestProtectionExpiresAndRenews(t *testing.T) {
	c := newFixed(1)
	id := ids(t, c)[0]
	protect(t, c, 10*time.Minute, id)
	c.RunFor(6 * time.Minute)
	protect(t, c, 10*time.Minute, id)
	c.RunFor(9 * time.Minute)
	if one(t, c, id).ProtectedUntil.IsZero() {
		t.Error("a second call resets the time")
	}
	c.RunFor(time.Minute)
	if got := one(t, c, id).ProtectedUntil; !got.IsZero() {
		t.Errorf("protected until %v, ten minutes are over", got)
	}
}

func TestUpdateTaskProtectionBounds(t *testing.T) {
	c := newFixed(11)
	all := ids(t, c)
	for name, call := range map[string]func() error{
		"eleven tasks":      func() error { _, err := c.UpdateTaskProtection(sim, all, true, time.Hour); return err },
		"below one minute":  func() error { _, err := c.UpdateTaskProtection(sim, all[:1], true, 59*time.Second); return err },
		"above two days":    func() error { _, err := c.UpdateTaskProtection(sim, all[:1], true, 2881*time.Minute); return err },
		"a negative expiry": func() error { _, err := c.UpdateTaskProtection(sim, all[:1], true, -time.Minute); return err },
	} {
		var fault *Fault
		if err := call(); !errors.As(err, &fault) || fault.Code != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.UpdateTaskProtection(sim, all[:1], true, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := one(t, c, all[0]).ProtectedUntil, c.Now().Add(2*time.Hour); !got.Equal(want) {
		t.Errorf("protected until %v, want the default %v", got, want)
	}
}

func TestItemFailures(t *testing.T) {
	c := newFixed(2)
	all := ids(t, c)
	stopTask(t, c, all[0])
	got, err := c.Protect(context.Background(), sim, []autoscaler.TaskID{all[0], "none", all[1]}, time.Hour)
	want := []autoscaler.ItemFailure{{Task: all[0], Reason: FailureInvalid}, {Task: "none", Reason: FailureMissing}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if one(t, c, all[1]).ProtectedUntil.IsZero() {
		t.Error("the failures of two items kept the third from being protected")
	}
}

func TestDeploymentBlocked(t *testing.T) {
	for _, test := range []struct {
		name              string
		strict            bool
		desired, deployed int // desired count, and protected tasks before the call
		disturb           func(*testing.T, *Cluster)
		blocked           bool
	}{
		{"steady, all others protected", false, 3, 2, nil, false},
		{"steady, strict reading", true, 3, 2, nil, false},
		{"deployment, below equality", false, 3, 1, deployTwo, false},
		{"deployment, at equality", false, 3, 2, deployTwo, false},
		{"deployment, at equality, strict", true, 3, 2, deployTwo, true},
		{"deployment, below equality, strict", true, 3, 1, deployTwo, false},
		{"deployment, above equality", false, 3, 3, deployTwo, true},
		{"scale-in, above equality", false, 3, 2, lowerTo(2), true},
		{"scale-in, at equality", false, 3, 1, lowerTo(2), false},
		{"scale-in, at equality, strict", true, 3, 1, lowerTo(2), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := fixed(test.desired)
			cfg.RefuseAtEquality = test.strict
			c := New(Config{Service: cfg})
			old := ids(t, c)
			protect(t, c, time.Hour, old[:test.deployed]...)
			if test.disturb != nil {
				test.disturb(t, c)
			}
			var next autoscaler.TaskID
			for _, id := range ids(t, c) {
				if one(t, c, id).ProtectedUntil.IsZero() {
					next = id
				}
			}
			failures, err := c.Protect(context.Background(), sim, []autoscaler.TaskID{next}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if blocked := len(failures) == 1 && failures[0].Reason == FailureBlocked; blocked != test.blocked {
				t.Errorf("failures %v, want blocked %v", failures, test.blocked)
			}
			if unprotected := one(t, c, next).ProtectedUntil.IsZero(); unprotected != test.blocked {
				t.Errorf("protected %v", !unprotected)
			}
		})
	}
}

func deployTwo(t *testing.T, c *Cluster) {
	t.Helper()
	if _, err := c.Deploy(sim, "two"); err != nil {
		t.Fatal(err)
	}
}

func lowerTo(n int) func(*testing.T, *Cluster) {
	return func(t *testing.T, c *Cluster) {
		t.Helper()
		setDesired(t, c, n)
	}
}

func TestUnprotectFreesAScaleIn(t *testing.T) {
	c := newFixed(2)
	all := ids(t, c)
	protect(t, c, time.Hour, all...)
	setDesired(t, c, 1)
	c.RunFor(time.Minute)
	failures, err := c.Unprotect(context.Background(), workflow.Dangerous{
		Service: sim, Tasks: all[1:], Permit: permit(c, autoscaler.CallUnprotect, 0, all[1]),
	})
	if err != nil || len(failures) > 0 {
		t.Fatal(failures, err)
	}
	c.RunFor(6 * time.Second)
	if got := ids(t, c); len(got) != 1 || got[0] != all[0] {
		t.Errorf("left %v, want the protected %v", got, all[0])
	}
}

func TestAgentEndpoint(t *testing.T) {
	c := newFixed(2)
	ctx := context.Background()
	ref := autoscaler.TaskRef{Service: sim, Task: ids(t, c)[0]}
	until, failure, err := c.AgentProtect(ctx, ref, true, time.Hour)
	if err != nil || failure != "" || !until.Equal(c.Now().Add(time.Hour)) {
		t.Fatal(until, failure, err)
	}
	if got, err := c.AgentProtection(ctx, ref); err != nil || !got.Equal(until) {
		t.Errorf("read back %v, %v", got, err)
	}
	if until, failure, err = c.AgentProtect(ctx, ref, false, 0); err != nil || failure != "" || !until.IsZero() {
		t.Errorf("cleared: %v, %q, %v", until, failure, err)
	}
	ref.Task = "none"
	if _, failure, err = c.AgentProtect(ctx, ref, true, time.Hour); failure != FailureMissing || err != nil {
		t.Errorf("unknown task: %q, %v", failure, err)
	}
}
