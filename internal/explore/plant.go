package explore

import (
	"strings"

	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Plant is a bug that is put in, to see that it is found: the rule that the drain
// protocol would lack is gone.
type Plant string

// The bugs.
const (
	NoPlant               Plant = ""
	NoVersionInRetire     Plant = "no version check in retire"
	ReopenOfRetired       Plant = "reopen of a retired task"
	UnprotectBeforeRetire Plant = "unprotect before retire"
	OpenBeforeProtected   Plant = "open before protected"
	Subtraction           Plant = "subtraction instead of Target"
	ReportRemoves         Plant = "report that removes"
	StopWithoutLastRead   Plant = "StopTask without the last read"
)

// forge rewrites a record by its text, as no rule of the store would.
func (m *move) forge(slot int, old, becomes string) {
	forged := strings.Replace(m.w.records[slot].text, old, becomes, 1)
	r := new(sessionstore.Record)
	if err := r.UnmarshalJSON([]byte(forged)); err != nil || forged == m.w.records[slot].text {
		panic("explore: a record has another form than the planted bugs know: " + m.w.records[slot].text)
	}
	m.put(slot, r)
}

// removeUnlisted ends every session that a report does not list.
func removeUnlisted(r *sessionstore.Record, rep sessionstore.Report, t sessionstore.Terms) {
	for i := range maxUsers {
		listed := false
		for _, id := range rep.Sessions {
			listed = listed || id == session(i)
		}
		if _, there := r.Find(session(i), t); there && !listed {
			_, _ = r.End(sessionstore.EndRequest{Ref: rep.Ref, Session: session(i), At: t.Now}, t)
		}
	}
}
