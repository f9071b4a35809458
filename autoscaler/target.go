package autoscaler

import "fmt"

// Target computes the desired count of a service: the tasks of its primary
// deployment that ECS means to run and that are not retired, plus what is missing
// to have wantOpen tasks open or on their way; while an old revision is being replaced,
// no fewer than its open tasks that are wanted and what is missing. maxTotal bounds what
// is started, never what is counted, so it can keep a service from growing and can not
// make it shrink.
//
// It is the only place that computes a desired count, and it never subtracts: two
// controllers, a repeat after a lost reply, and a recovery all arrive at the same
// number. It refuses a service without a primary deployment, since a count of
// none would be an order to stop everything.
func Target(state ServiceState, activity []TaskActivity, wantOpen, maxTotal int) (int, error) {
	if state.primary() == "" {
		return 0, fmt.Errorf("autoscaler: %s: no primary deployment among %d; its tasks cannot be counted",
			state.Service, len(state.Deployments))
	}
	c := census(state, activity)
	return max(c.kept+min(c.missing(wantOpen), max(0, maxTotal-c.kept)), c.replacing(wantOpen, maxTotal)), nil
}

// missing is how many more tasks have to be open or on their way.
func (c counted) missing(wantOpen int) int { return max(0, wantOpen-c.open-c.starting) }

// replacing is what the new revision needs at least while an old one is open: a place
// for each of the old tasks that is still wanted, and for each that is missing. A count
// below it can be too small for ECS to start a single task beside the old ones: at 150
// per cent of one there is no second.
//
// Not what is wanted altogether: a policy that holds wants what there is, which in a
// deployment is both revisions, and the count would grow until its limit.
func (c counted) replacing(wantOpen, maxTotal int) int {
	if c.oldOpen == 0 {
		return 0
	}
	return min(c.oldOpen+c.missing(wantOpen), wantOpen, maxTotal)
}

// counted are the tasks of a service by what Target needs to know of them.
type counted struct {
	kept     int // primary, wanted running, not retired
	healthy  int // of those, the ones that ECS does not hold for unhealthy
	open     int // open, of any deployment, wanted running
	starting int // primary, wanted running, not open yet and not being drained
	retired  int // retired, still wanted running
	oldOpen  int // open, of a deployment that is being replaced
}

// census counts. A running task without a record counts as kept: it may hold
// anything.
func census(state ServiceState, activity []TaskActivity) counted {
	records := index(activity)
	primary := state.primary()
	var c counted
	for i := range state.Tasks {
		task := &state.Tasks[i]
		if !task.Wanted() {
			continue
		}
		record := TaskNew
		if a, ok := records[task.ID]; ok {
			record = a.State
		}
		if record == TaskRetired {
			c.retired++
			continue
		}
		if task.Deployment == primary {
			c.kept++
			if task.Health != "UNHEALTHY" {
				c.healthy++
			}
		} else if record == TaskOpen {
			c.oldOpen++
		}
		switch {
		case record == TaskOpen:
			c.open++
		case record == TaskNew && task.Deployment == primary:
			c.starting++
		}
	}
	return c
}

// index finds records by task.
func index(activity []TaskActivity) map[TaskID]*TaskActivity {
	m := make(map[TaskID]*TaskActivity, len(activity))
	for i := range activity {
		m[activity[i].Ref.Task] = &activity[i]
	}
	return m
}

// Level returns the lowest level among the records that are not retired, and
// level C for a service without any, or with a running task that has none: a rule for
// the whole service takes the weakest application present. A record of another owner whose task is not listed
// says nothing about what is present, and is not ours to close.
func (r Reads) Level() Level {
	listed, records := make(map[TaskID]bool, len(r.State.Tasks)), index(r.Activity)
	level, found := LevelA, false
	for i := range r.State.Tasks {
		task := &r.State.Tasks[i]
		listed[task.ID] = true
		// It may serve sessions that nobody here has been told of.
		if task.LastStatus == "RUNNING" && records[task.ID] == nil {
			level, found = LevelC, true
		}
	}
	for i := range r.Activity {
		a := &r.Activity[i]
		if a.State == TaskRetired || a.Foreign && !listed[a.Ref.Task] {
			continue
		}
		level, found = level.Lower(a.Level), true
	}
	if !found {
		return LevelC
	}
	return level
}
