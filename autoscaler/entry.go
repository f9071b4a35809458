package autoscaler

import "time"

// EntryVersion is the version that this module writes into the journal's entries.
const EntryVersion = 1

// JournalLife is how long a journal keeps an entry: long enough for whoever asks
// after a month why a task was stopped, and bounded, since nothing decides by it.
const JournalLife = 90 * 24 * time.Hour

// EntriesPerRelease bounds what one release tells the journal, so that one that is
// held for a week does not fill it. Its last entry says how many were left out.
const EntriesPerRelease = 256

// Entry is one line of the journal: who did what to which task, when, and how it
// ended. A journal is for people who ask afterwards; nothing decides by it.
//
// Its JSON form is fixed: fields are added, under a higher version, and never
// renamed or given a second meaning.
type Entry struct {
	Version int       `json:"version"`
	At      time.Time `json:"at"`
	Service ServiceID `json:"service"`
	Task    TaskID    `json:"task,omitempty"` // empty for what is about the service
	Release ReleaseID `json:"release,omitempty"`
	Drain   DrainID   `json:"drain,omitempty"`
	By      string    `json:"by"`      // "pass", "release", or the operator who asked
	Step    string    `json:"step"`    // what was done: an action's code, or a release's step
	Outcome string    `json:"outcome"` // how it ended, in words
	// Request is the id that the cluster or the store gave to the call behind the
	// entry, where it gave one: what AWS's support and CloudTrail ask for.
	Request string `json:"request,omitempty"`
}
