package autoscaler

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// PassVersion is the version that this module writes into passes.
const PassVersion = 1

// Pass is one observe-decide-act and its result. It is filled as far as the
// pass came, also when it failed. It has a JSON form and logs itself through
// log/slog.
type Pass struct {
	Version int       `json:"version"`
	Service ServiceID `json:"service"`
	At      time.Time `json:"at"`
	Policy  string    `json:"policy"`

	Totals         Totals `json:"totals"`
	Running        int    `json:"running"`
	Pending        int    `json:"pending"`
	ServiceDesired int    `json:"service_desired"` // as read
	Wanted         int    `json:"wanted"`          // open tasks, as the policy decided
	Open           int    `json:"open"`            // open tasks, as the guard left it

	Actions  []Action  `json:"actions,omitempty"`
	Releases []Release `json:"releases,omitempty"`
	Reasons  []Reason  `json:"reasons"`
	// Error is why the pass could not be carried out; empty when it was.
	Error string `json:"error,omitempty"`
}

// Action is one write that a pass made, or tried to make.
type Action struct {
	Code  Code   `json:"code"` // CodeReopened, CodeScaledOut, CodeCordoned, …
	Task  TaskID `json:"task,omitempty"`
	Value int    `json:"value,omitempty"` // the desired count written, or the sessions ended
	// Detail says why, where the code alone does not.
	Detail string `json:"detail,omitempty"`
	// Outcome is empty when the write was confirmed, else what was heard.
	Outcome string `json:"outcome,omitempty"`
}

// Severity returns the highest severity among the pass's reasons and those of
// its releases; Alert for a pass that failed.
func (p Pass) Severity() Severity {
	if p.Error != "" {
		return Alert
	}
	top := Info
	for _, r := range p.Reasons {
		top = max(top, r.Severity)
	}
	for _, release := range p.Releases {
		for _, r := range release.Reasons {
			top = max(top, r.Severity)
		}
	}
	return top
}

// Next returns how long after the pass the next one is due: the interval, or sooner where
// a release waits for an instant that is known.
func (p Pass) Next(interval time.Duration) time.Duration {
	for _, r := range p.Releases {
		if wait := r.NextAt.Sub(p.At); r.Phase != PhaseDone && wait > 0 {
			interval = min(interval, wait)
		}
	}
	return interval
}

// Quiet reports that the pass changed nothing and that nothing was held back
// that somebody would want to hear of.
func (p Pass) Quiet() bool {
	return len(p.Actions) == 0 && len(p.Releases) == 0 && p.Severity() == Info
}

// LogValue returns the pass as a group: the totals always, and of the rest what
// is there. A quiet pass logs its totals.
func (p Pass) LogValue() slog.Value {
	t := p.Totals
	attrs := []slog.Attr{
		slog.String("service", p.Service.String()), slog.Time("at", p.At), slog.String("policy", p.Policy),
		slog.Int("open", t.Open), slog.Int("starting", t.Starting), slog.Int("cordoned", t.Cordoned),
		slog.Int("retired", t.Retired), slog.Int("unknown", t.Unknown),
		slog.Int("sessions", t.Sessions), slog.Int("free", t.Free),
		slog.Int("desired", p.ServiceDesired), slog.Int("wanted", p.Wanted), slog.Int("allowed", p.Open),
	}
	if p.Error != "" {
		attrs = append(attrs, slog.String("error", p.Error))
	}
	if len(p.Actions) > 0 {
		actions := make([]string, len(p.Actions))
		for i, a := range p.Actions {
			actions[i] = a.String()
		}
		attrs = append(attrs, slog.Any("actions", actions))
	}
	if !p.Quiet() && len(p.Reasons) > 0 {
		reasons := make([]string, len(p.Reasons))
		for i, r := range p.Reasons {
			reasons[i] = r.Severity.String() + " " + r.String()
		}
		attrs = append(attrs, slog.Any("reasons", reasons))
	}
	return slog.GroupValue(attrs...)
}

// String returns the action on one line.
func (a Action) String() string {
	text := string(a.Code)
	if a.Task != "" {
		text += " " + string(a.Task)
	}
	if a.Code == CodeScaledOut || a.Code == CodeScaledIn {
		text += fmt.Sprintf(" to %d", a.Value)
	}
	for _, said := range []string{a.Detail, a.Outcome} {
		if said != "" {
			text += " (" + said + ")"
		}
	}
	return text
}

// outcome is how the action ended, in the journal's words.
func (a Action) outcome() string {
	said := a.Detail
	switch a.Code {
	case CodeScaledOut, CodeScaledIn:
		said = fmt.Sprintf("desired %d", a.Value)
	case CodeForced:
		said = fmt.Sprintf("%d sessions ended", a.Value)
	}
	if a.Outcome != "" {
		said = strings.TrimPrefix(said+"; failed: "+a.Outcome, "; ")
	}
	return said
}
