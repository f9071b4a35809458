package backtest

import (
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// timeline shows when decisions were made, a lane for each kind.
type timeline struct {
	From, To string
	Lanes    []lane
	Marks    []mark
}

// lane is one kind of decision: a path of strokes in a box of 1000 by 10.
type lane struct {
	Class, Label, Path string
	N                  int // of the decisions that were kept
}

// newTimeline draws the decisions that were kept: the latest ones of a run.
func newTimeline(decisions []Decision) timeline {
	if len(decisions) == 0 {
		return timeline{}
	}
	from, to := decisions[0].At, decisions[len(decisions)-1].At
	if to.Sub(from) < time.Second {
		to = from.Add(time.Second) // one decision still needs an axis
	}
	t := timeline{From: from.UTC().Format("2 Jan 15:04"), To: to.UTC().Format("2 Jan 15:04"), Marks: timeAxis(from, to)}
	for _, l := range []lane{
		{Class: string(autoscaler.CodeScaledOut), Label: "Scaled out"},
		{Class: string(autoscaler.CodeScaledIn), Label: "Scaled in"},
		{Class: string(autoscaler.CodeCordoned), Label: "Cordoned"},
		{Class: string(autoscaler.CodeReopened), Label: "Reopened"},
	} {
		for _, d := range decisions {
			if act, _, _ := strings.Cut(d.Text, " "); act == l.Class {
				l.Path += "M" + short(1000*share(from, to, d.At)) + " 0V10"
				l.N++
			}
		}
		if l.N > 0 {
			t.Lanes = append(t.Lanes, l)
		}
	}
	return t
}
