package ecssim

import (
	"context"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// The reasons for which ECS refuses to change the protection of a single task.
const (
	FailureBlocked = "DEPLOYMENT_BLOCKED" // protected tasks hold up a deployment or a scale-in already
	FailureInvalid = "TASK_NOT_VALID"     // the task is on its way out
	FailureMissing = "MISSING"            // ECS does not know the task
)

// protect changes the protection of one task and returns the reason of a refusal,
// empty when it was done. The lock is held.
func (s *service) protect(id autoscaler.TaskID, enabled bool, lifetime time.Duration) string {
	t, ok := s.byID[id]
	switch {
	case !ok:
		return FailureMissing
	case !t.wanted:
		return FailureInvalid
	case !enabled:
		if t.protected() {
			t.protectedUntil = never
			s.dirty = true
			s.kick()
		}
		return ""
	// A task need not be RUNNING: AWS does not say whether it must be, and this
	// is the reading that lets a task protect itself early.
	case s.protectionBlocked(t):
		return FailureBlocked
	}
	// Each call sets the time anew, also a shorter one.
	t.protectedUntil = s.c.now + int64(lifetime)
	s.dirty = true
	// The scheduler may be waiting for this protection to run out.
	s.c.after(int64(lifetime), func() {
		if !t.protected() {
			s.reconcile()
		}
	})
	return ""
}

// protectionBlocked reports that protecting t is refused: the service is not
// steady, and with t more tasks than desired would be protected (or as many, by
// the stricter reading). A renewal counts as any other call.
func (s *service) protectionBlocked(t *task) bool {
	wanted, guarded := 0, 1
	for _, o := range s.tasks {
		if !o.wanted {
			continue
		}
		wanted++
		if o != t && o.protected() {
			guarded++
		}
	}
	// A steady service never refuses, however many of its tasks are protected:
	// AWS names a deployment that is held up as the condition.
	if len(s.deployments) == 1 && wanted <= s.desired {
		return false
	}
	if s.cfg.RefuseAtEquality {
		return guarded >= s.desired
	}
	return guarded > s.desired
}

// AgentProtect is the agent's endpoint inside a task, PUT
// task-protection/v1/state: a task changes its own protection. The endpoint
// answers 200 with a failure in the body where ECS refuses, so a refusal is a
// reason and no error. On success it returns the new end of the protection, zero
// where it was removed.
func (c *Cluster) AgentProtect(
	ctx context.Context, ref autoscaler.TaskRef, enabled bool, lifetime time.Duration,
) (until time.Time, failure string, err error) {
	op := OpAgentProtect
	if !enabled {
		op = OpAgentUnprotect
	}
	err = c.callWith(ctx, Call{Op: op, Service: ref.Service, Task: ref.Task, Args: lifetime}, func(m mishap) error {
		s, err := c.find(ref.Service)
		if err != nil {
			return notFound("ecssim.AgentProtect", ref.Service.String(), err)
		}
		c.calls["UpdateTaskProtection"]++
		if m.kind == FaultItems {
			failure = FailureInvalid
			return nil
		}
		if failure = s.protect(ref.Task, enabled, lifetime); failure == "" {
			t := s.byID[ref.Task]
			until, t.bared = c.instant(t.protectedUntil), false
		}
		return nil
	})
	return until, failure, err
}

// AgentProtection is the endpoint's GET: the end of the task's own protection,
// zero where it has none.
func (c *Cluster) AgentProtection(ctx context.Context, ref autoscaler.TaskRef) (until time.Time, err error) {
	err = c.call(ctx, Call{Op: OpAgentProtection, Service: ref.Service, Task: ref.Task}, func() error {
		s, err := c.find(ref.Service)
		if err != nil {
			return notFound("ecssim.AgentProtection", ref.Service.String(), err)
		}
		c.calls["GetTaskProtection"]++
		if t, ok := s.byID[ref.Task]; ok && t.protected() {
			until = c.instant(t.protectedUntil)
		}
		return nil
	})
	return until, err
}
