package policy

import "github.com/seed-979cce96/idlescale/autoscaler"

// The codes of [Threshold].
const (
	// CodeLoadHigh: a metric is above its level and more tasks are wanted.
	CodeLoadHigh autoscaler.Code = "load_high"
	// CodeLoadAnswered: a metric is above its level, and what was asked for on
	// its account is still on its way or not yet seen by the metric.
	CodeLoadAnswered autoscaler.Code = "load_answered"
	// CodeLoadUnknown: a watched metric has no value and no other one is above
	// its level. The policy abstains.
	CodeLoadUnknown autoscaler.Code = "load_unknown"
	// CodeUnused: the load is not high and the tasks named hold no session.
	CodeUnused autoscaler.Code = "unused"
	// CodeInUse: the load is not high and every open task is in use.
	CodeInUse autoscaler.Code = "in_use"
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
	// CodeNoOpinion: the member of Optional abstains, or no member of a
	// composition has an opinion. A composition passes over a decision whose
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
	// CodeNoMember: a composition has no member, or its member is nil. It
	// abstains.
	CodeNoMember autoscaler.Code = "no_member"
	// CodeMemoryDropped: a member's memory was not JSON or did not fit the limit
	// of the whole composition; the member starts without memory.
	CodeMemoryDropped autoscaler.Code = "memory_dropped"
)
