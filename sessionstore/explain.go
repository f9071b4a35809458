package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// ExplanationVersion is the version that this module writes into explanations.
const ExplanationVersion = 1

// Sources are where [Explain] looks. A store is Sessions, Journal and Finder alike.
type Sources struct {
	// Sessions shows the records. Required.
	Sessions interface {
		Activity(ctx context.Context, service autoscaler.ServiceID, at time.Time) (autoscaler.Activity, error)
	}
	// Journal says what was done. Without it nothing is known of a task whose record
	// is closed.
	Journal interface {
		Read(ctx context.Context, service autoscaler.ServiceID, task autoscaler.TaskID, since time.Time, limit int) ([]autoscaler.Entry, error)
	}
	// Finder finds sessions; only a question about one needs it.
	Finder Finder
	// Why, where it is given, tells for what a pass made now would hold the task: a
	// controller's Explain.
	Why func(ctx context.Context, task autoscaler.TaskID) ([]autoscaler.Reason, error)
}

// Question is what somebody asks: about a task, or about a session, never both.
type Question struct {
	Service autoscaler.ServiceID
	Task    autoscaler.TaskID
	Session SessionID
	At      time.Time // now, at the caller
	Limit   int       // the most entries of the journal to show, the newest; default 50
}

// Explanation says why a task was stopped, or is still here, or what became of a
// session, and shows what that was concluded from. Its JSON form is fixed: fields are
// added, under a higher version, and never renamed or given a second meaning.
type Explanation struct {
	Version int                  `json:"version"`
	Service autoscaler.ServiceID `json:"service"`
	At      time.Time            `json:"at"`
	Task    autoscaler.TaskID    `json:"task,omitempty"` // the one asked about, or the session's
	Session *Found               `json:"session,omitempty"`
	// Record is the task's record; nil where it has none, or was forgotten.
	Record *autoscaler.TaskActivity `json:"record,omitempty"`
	// Verdict is the answer, in one sentence for people. Nothing decides by it.
	Verdict string `json:"verdict"`
	// Reasons are for what a pass made now would hold the task.
	Reasons []autoscaler.Reason `json:"reasons,omitempty"`
	History []autoscaler.Entry  `json:"history,omitempty"` // oldest first
}

// entriesRead bounds what is read of the journal for one answer.
const entriesRead = 1000

// Explain answers why a task was stopped, or why it is still here, and the same for a
// session, from the records and the journal alone: it asks nothing of AWS, changes
// nothing, and may be asked of a task that has been gone for weeks. What nobody knows
// of is an answer too, and no error; what could not be read is one.
func Explain(ctx context.Context, from Sources, q Question) (Explanation, error) {
	x := explaining{from: from, q: q, e: Explanation{Version: ExplanationVersion, Service: q.Service, At: q.At, Task: q.Task}}
	if err := x.check(); err != nil {
		return Explanation{}, err
	}
	if q.Session != "" {
		switch known, err := x.find(ctx); {
		case err != nil:
			return Explanation{}, err
		case !known:
			return x.e, nil
		}
	}
	if err := x.look(ctx); err != nil {
		return Explanation{}, err
	}
	if q.Session != "" {
		x.e.Verdict = sentence(x.session())
	} else {
		x.e.Verdict = sentence(x.task())
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	x.e.History = x.history[max(0, len(x.history)-limit):]
	return x.e, nil
}

// explaining is a question being answered.
type explaining struct {
	from    Sources
	q       Question
	e       Explanation
	history []autoscaler.Entry // of the task, oldest first
	stopped bool               // ECS does not run it, or is stopping it
}

// check refuses what could not be answered.
func (x *explaining) check() error {
	missing := unnamed("Question.Service", x.q.Service)
	switch {
	case (x.q.Task == "") == (x.q.Session == ""):
		missing = append(missing, "Question.Task or Question.Session, one of the two")
	case x.q.Session != "" && x.from.Finder == nil:
		missing = append(missing, "Sources.Finder, to ask about a session")
	}
	if x.from.Sessions == nil {
		missing = append(missing, "Sources.Sessions")
	}
	if x.q.At.IsZero() {
		missing = append(missing, "Question.At")
	}
	if missing == nil {
		return nil
	}
	return incomplete("Explain", x.q.Service.String(), missing)
}

// find looks for the session, and answers by itself where nobody knows of it.
func (x *explaining) find(ctx context.Context) (bool, error) {
	f, err := x.from.Finder.Find(ctx, x.q.Service, x.q.Session)
	if errors.Is(err, autoscaler.ErrNotFound) {
		x.e.Verdict = sentence(fmt.Sprintf("session %s is not known: nobody told of it here, or it ended too long ago", x.q.Session))
		return false, nil
	}
	x.e.Session, x.e.Task = &f, f.Ref.Task
	return err == nil, err
}

// look reads the task's record, its history, and what a pass would say of it.
func (x *explaining) look(ctx context.Context) error {
	activity, err := x.from.Sessions.Activity(ctx, x.q.Service, x.q.At)
	if err != nil {
		return err
	}
	for i := range activity.Tasks {
		if activity.Tasks[i].Ref.Task == x.e.Task {
			x.e.Record = &activity.Tasks[i]
		}
	}
	if x.from.Journal != nil {
		x.history, err = x.from.Journal.Read(ctx, x.q.Service, x.e.Task, x.q.At.Add(-autoscaler.JournalLife), entriesRead)
		if err != nil {
			return err
		}
	}
	if x.from.Why == nil {
		return nil
	}
	x.e.Reasons, err = x.from.Why(ctx, x.e.Task)
	if x.stopped = errors.Is(err, autoscaler.ErrNotFound); err != nil && !x.stopped {
		// What is known without it is an answer all the same.
		x.e.Reasons = []autoscaler.Reason{{Code: autoscaler.CodeCallFailed, Severity: autoscaler.Notice, By: "explain", Task: x.e.Task, Detail: err.Error()}}
	}
	return nil
}

// sentence makes one of what was concluded.
func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// instantText is how a verdict names an instant.
func instantText(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// counted is "1 session" or "3 sessions".
func counted(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}

// String returns the explanation for people: the verdict, what a pass would say now,
// and the history, a line each.
func (e Explanation) String() string {
	lines := []string{e.Verdict}
	for _, r := range e.Reasons {
		lines = append(lines, "  now "+r.String())
	}
	for i := range e.History {
		lines = append(lines, "  "+entryText(&e.History[i]))
	}
	return strings.Join(lines, "\n")
}

// entryText is one line of the journal.
func entryText(e *autoscaler.Entry) string {
	text := fmt.Sprintf("%s %s: %s", instantText(e.At), e.By, e.Step)
	if e.Drain != "" {
		text += " (drain " + string(e.Drain) + ")"
	}
	if e.Release != "" {
		text += " (release " + string(e.Release) + ")"
	}
	if e.Outcome != "" {
		text += ": " + e.Outcome
	}
	return text
}

// last returns the newest entry that the question holds for.
func (x *explaining) last(is func(*autoscaler.Entry) bool) *autoscaler.Entry {
	for i, e := range slices.Backward(x.history) {
		if is(&e) {
			return &x.history[i]
		}
	}
	return nil
}

// done reports that an entry tells of something that was done, of the kind given.
func done(e *autoscaler.Entry, code autoscaler.Code) bool {
	return e.Step == string(code) && !strings.Contains(e.Outcome, "failed: ")
}
