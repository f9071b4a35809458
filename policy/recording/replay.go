package recording

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// Difference is a pass on which the policy replayed decides otherwise.
type Difference struct {
	Pass     int // counted from 0
	Snapshot autoscaler.Snapshot
	Recorded autoscaler.Decision
	Replayed autoscaler.Decision
}

// String returns the difference on one line.
func (d Difference) String() string {
	return fmt.Sprintf("pass %d at %s: recorded %s, replayed %s",
		d.Pass, d.Snapshot.At.Format("2006-01-02 15:04:05"), short(d.Recorded), short(d.Replayed))
}

func short(d autoscaler.Decision) string {
	text := fmt.Sprintf("%d open", d.Open)
	if d.Abstain {
		text = "abstained"
	}
	if n := len(d.Remove) + len(d.Empty); n > 0 {
		text += fmt.Sprintf(", %d named", n)
	}
	if len(d.Reasons) > 0 {
		text += " (" + d.Reasons[0].String() + ")"
	}
	return text
}

// Replayed is what a replay came to.
type Replayed struct {
	Passes      int
	Differences []Difference
}

// Replay asks the policy on every pass of a recording, from its first on, and compares
// its decisions with those recorded, byte for byte in their JSON form: number, names,
// reasons, and on whole passes the memory. The memory of the first pass is the
// policy's to begin with; from there it is carried, whatever the recording says.
//
// The recording has to be of one controller: where several work on a service, a pass
// begins with the memory of whichever saved last.
//
// A recording holds the root policy's own words; the reasons that a controller adds are
// not compared.
func Replay(r io.Reader, p autoscaler.Policy) (Replayed, error) {
	var out Replayed
	var memory autoscaler.Memory
	for pass, err := range Read(r) {
		if err != nil {
			return out, err
		}
		if out.Passes == 0 {
			memory = pass.Snapshot.Memory
		}
		s := pass.Snapshot
		s.Memory = memory
		d := named(p.Decide(s), p.Name())
		memory = d.Memory
		if !pass.Whole {
			d.Memory = nil
		}
		same, err := equal(d, pass.Decision)
		if err != nil {
			return out, err
		}
		if !same {
			out.Differences = append(out.Differences, Difference{Pass: out.Passes, Snapshot: s, Recorded: pass.Decision, Replayed: d})
		}
		out.Passes++
	}
	return out, nil
}

// named fills in who gave a reason, as a controller does.
func named(d autoscaler.Decision, name string) autoscaler.Decision {
	if len(d.Reasons) == 0 {
		d.Reasons = []autoscaler.Reason{{Code: autoscaler.CodeNoReason, Severity: autoscaler.Notice}}
	}
	d.Reasons = slices.Clone(d.Reasons)
	for i := range d.Reasons {
		d.Reasons[i].By = cmp.Or(d.Reasons[i].By, name)
	}
	return d
}

func equal(a, b autoscaler.Decision) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return bytes.Equal(x, y), err
}
