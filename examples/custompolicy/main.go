// Command custompolicy shows a policy of one's own: the whole of it stands in
// office.go, its tests in office_test.go. The command prints what the policy
// decides over a Friday, from snapshots and without a cluster.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

func main() {
	if err := day(os.Stdout, Office{Day: 6, Night: 1}); err != nil {
		log.Fatal(err)
	}
}

// day prints a policy's decisions over one day. The service follows them at
// once, which a real one does not: it needs a minute to start a task and drains
// none that holds a session.
func day(w io.Writer, policy autoscaler.Policy) error {
	sessions := [...]int{2, 1, 9, 18, 52, 66, 38, 4} // every three hours from midnight
	open := 1
	for i, n := range sessions {
		d := policy.Decide(snapshot(time.Date(2026, 3, 6, 3*i, 0, 0, 0, time.UTC), open, n))
		if _, err := fmt.Fprintf(w, "%02d:00 %2d sessions on %d tasks: %d wanted, %s\n", 3*i, n, open, d.Open, d.Reasons[0]); err != nil {
			return err
		}
		open = d.Open
	}
	return nil
}

// snapshot is a service of open tasks with ten slots each, filled one after the
// other.
func snapshot(at time.Time, open, sessions int) autoscaler.Snapshot {
	s := autoscaler.Snapshot{
		Version: autoscaler.SnapshotVersion, At: at, Deployment: autoscaler.DeploymentSteady,
		Limits: autoscaler.Limits{Min: 1, Max: 20},
	}
	for i := range open {
		n := min(10, sessions)
		sessions -= n
		s.Tasks = append(s.Tasks, autoscaler.Task{
			ID: autoscaler.TaskID(fmt.Sprintf("task-%02d", i)), State: autoscaler.TaskOpen,
			Slots: 10, Occupancy: autoscaler.Sessions(n),
		})
	}
	s.Totals.Count(s.Tasks)
	return s
}
