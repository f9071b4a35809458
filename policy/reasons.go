package policy

import "github.com/seed-979cce96/idlescale/autoscaler"

// The codes of [Threshold].
const (
	// CodeLoadHigh: a metric is above its level and more tasks are wanted.
	CodeLoadHigh autoscaler.Code = "load_high"
	// CodeLoadAnswered: a metric is above its level, and what was asked for on
	// its account is still on its way or not yet seen by the metric. The same of
	// a reading that TargetTracking or Steps has answered.
	CodeLoadAnswered autoscaler.Code = "load_answered"
	// CodeLoadUnknown: a watched metric has no value and no other one is above
	// its level, or what TargetTracking or Steps follows cannot be told. The
	// policy abstains.
	CodeLoadUnknown autoscaler.Code = "load_unknown"
	// CodeUnused: the load is not high and the tasks named hold no session.
	CodeUnused autoscaler.Code = "unused"
	// CodeInUse: the load is not high and every open task is in use.
	CodeInUse autoscaler.Code = "in_use"
)

// The codes of [TargetTracking], beside those it shares with [Threshold].
const (
	// CodeAboveTarget: the reading is above the target and more tasks are wanted.
	CodeAboveTarget autoscaler.Code = "above_target"
	// CodeOnTarget: the reading is within the tolerance of the target, or below it
	// and no smaller number of tasks would do.
	CodeOnTarget autoscaler.Code = "on_target"
	// CodeBelowTarget: the reading is below the target and fewer tasks would do.
	CodeBelowTarget autoscaler.Code = "below_target"
)

// The codes of [Steps], beside those it shares with [Threshold].
const (
	// CodeStepOut: the reading is above the bound of a step up.
	CodeStepOut autoscaler.Code = "step_out"
	// CodeStepIn: the reading is below the bound of a step down.
	CodeStepIn autoscaler.Code = "step_in"
	// CodeBetweenSteps: the reading is beyond no bound.
	CodeBetweenSteps autoscaler.Code = "between_steps"
)

// The codes of [Buffer].
const (
	// CodeBufferShort: fewer slots would be free than are to be kept.
	CodeBufferShort autoscaler.Code = "buffer_short"
	// CodeBufferKept: the tasks there are keep what is to be kept free.
	CodeBufferKept autoscaler.Code = "buffer_kept"
	// CodeBufferSpare: fewer tasks would keep it too.
	CodeBufferSpare autoscaler.Code = "buffer_spare"
)

// The codes of [Headroom].
const (
	// CodeRoomShort: there is less room than may be needed until a new task is open.
	CodeRoomShort autoscaler.Code = "room_short"
	// CodeRoomReopen: there is less room than may be needed until a drained task takes
	// users again.
	CodeRoomReopen autoscaler.Code = "room_reopen"
	// CodeRoomKept: the room is what it should be.
	CodeRoomKept autoscaler.Code = "room_kept"
	// CodeRoomSpare: the tasks named can be emptied, and the others have room enough.
	CodeRoomSpare autoscaler.Code = "room_spare"
)

// The codes of [Waiting].
const (
	// CodeUsersWaiting: users wait, or were refused, and more tasks are wanted.
	CodeUsersWaiting autoscaler.Code = "users_waiting"
	// CodeWaitingAnswered: users wait, or were refused, and enough tasks are
	// starting.
	CodeWaitingAnswered autoscaler.Code = "waiting_answered"
)

// CodeFixed is the code of [Fixed].
const CodeFixed autoscaler.Code = "fixed"

// The codes of the compositions.
const (
	// CodeLargest: a member of Safest wants more; the largest number holds.
	CodeLargest autoscaler.Code = "largest"
	// CodeAgreed: every member of Safest with an opinion wants fewer.
	CodeAgreed autoscaler.Code = "agreed"
	// CodeNotAgreed: a member of Safest wants fewer and another one does not,
	// or those that name tasks name none in common.
	CodeNotAgreed autoscaler.Code = "not_agreed"
	// CodeKept: no member of Safest wants a change.
	CodeKept autoscaler.Code = "kept"
	// CodeCannotTell: a member of Safest abstains and none wants more, or every
	// member of First abstains. The composition abstains.
	CodeCannotTell autoscaler.Code = "cannot_tell"
	// CodeChosen: First follows the member whose reasons come last.
	CodeChosen autoscaler.Code = "chosen"
	// CodeNoOpinion: the member of Optional abstains, no member of a composition
	// has an opinion, no window of a Schedule without a member asks for a number,
	// or nobody waits for a Waiting. A composition passes over a decision whose
	// first reason this is.
	CodeNoOpinion autoscaler.Code = "no_opinion"
	// CodeClampedUp and CodeClampedDown: Clamp moved the member's number to Min
	// or to Max.
	CodeClampedUp   autoscaler.Code = "clamped_up"
	CodeClampedDown autoscaler.Code = "clamped_down"
	// CodeCoolingOut and CodeCoolingIn: Cooldown held the member back, since the
	// last change in this direction is too recent.
	CodeCoolingOut autoscaler.Code = "cooling_out"
	CodeCoolingIn  autoscaler.Code = "cooling_in"
	// CodeStabilizedOut and CodeStabilizedIn: Stabilize held the member back, since
	// it wanted fewer, or more, within the while that counts.
	CodeStabilizedOut autoscaler.Code = "stabilized_out"
	CodeStabilizedIn  autoscaler.Code = "stabilized_in"
	// CodeAwaitingOut and CodeAwaitingIn: Agree holds until the member has wanted
	// this direction in enough passes in a row.
	CodeAwaitingOut autoscaler.Code = "awaiting_out"
	CodeAwaitingIn  autoscaler.Code = "awaiting_in"
	// CodeRateOut and CodeRateIn: RateLimit bounded what the member would add or
	// take.
	CodeRateOut autoscaler.Code = "rate_out"
	CodeRateIn  autoscaler.Code = "rate_in"
	// CodeScheduled: a window of Schedule asks for this number.
	CodeScheduled autoscaler.Code = "scheduled"
	// CodeScheduledUp and CodeScheduledDown: Schedule moved the member's number to
	// the lower or the upper bound of its windows.
	CodeScheduledUp   autoscaler.Code = "scheduled_up"
	CodeScheduledDown autoscaler.Code = "scheduled_down"
	// CodeScaleInForbidden: a window of Schedule forbids to take tasks away, and
	// fewer would have been wanted.
	CodeScaleInForbidden autoscaler.Code = "scale_in_forbidden"
	// CodeTriedDiffers: what the policy tried by Shadow would have wanted, where
	// that is not what the live one wants.
	CodeTriedDiffers autoscaler.Code = "tried_differs"
	// CodeNoMember: a composition has no member, or its member is nil. It
	// abstains.
	CodeNoMember autoscaler.Code = "no_member"
	// CodeMemoryDropped: a member's memory was not JSON or did not fit the limit
	// of the whole composition; the member starts without memory.
	CodeMemoryDropped autoscaler.Code = "memory_dropped"
)
