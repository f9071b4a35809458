package ecssim

import "time"

// Session is one user's attachment to a task: when it wants to begin and for how
// long it then lasts, wherever it is served and however long it had to wait.
type Session struct {
	Start    time.Time
	Duration time.Duration
}
