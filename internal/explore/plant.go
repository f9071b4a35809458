package explore

import (
	"strings"

	"github.com/seed-979cce96/idlescale/autoscaler"
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

// reopenRetired reopens a retired record as if it were cordoned: the rule that nothing
// leads back is not there.
func reopenRetired(r *sessionstore.Record, d autoscaler.DrainRef, t sessionstore.Terms) error {
	forged := strings.Replace(text(r), `"state":"retired"`, `"state":"cordoned"`, 1)
	if err := r.UnmarshalJSON([]byte(forged)); err != nil {
		panic("explore: a record has another form than the planted bug knows: " + err.Error())
	}
	return r.Reopen(d, t)
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
