package autoscaler

import "testing"

// TestWhatIsLostIsToldApart changes a protection that did not hold in one respect each.
func TestWhatIsLostIsToldApart(t *testing.T) {
	for _, row := range []struct {
		name     string
		change   func(*TaskActivity, *TaskStatus)
		code     Code
		severity Severity
	}{
		{"ECS chose a task of ours", func(*TaskActivity, *TaskStatus) {}, CodeWrongVictim, Alert},
		{"ECS chose one that is being drained", func(a *TaskActivity, _ *TaskStatus) { a.State = TaskCordoned }, CodeWrongVictim, Alert},
		{"one that never opened", func(a *TaskActivity, _ *TaskStatus) { a.State = TaskNew }, CodeTaskLost, Info},
		{"Spot took it", func(_ *TaskActivity, s *TaskStatus) { s.StopCode = "SpotInterruption" }, CodeTaskLost, Notice},
		{"somebody stopped it", func(_ *TaskActivity, s *TaskStatus) { s.StopCode = "UserInitiated" }, CodeTaskLost, Notice},
		{"it ended by itself", func(_ *TaskActivity, s *TaskStatus) { s.StopCode = "EssentialContainerExited" }, CodeTaskLost, Notice},
		{"a sick one", func(_ *TaskActivity, s *TaskStatus) { s.Health = "UNHEALTHY" }, CodeTaskLost, Notice},
		{"one of an old revision", func(_ *TaskActivity, s *TaskStatus) { s.Deployment = "old" }, CodeTaskLost, Notice},
		{"one that ECS had refused to protect", func(a *TaskActivity, _ *TaskStatus) { a.ExposedAt = guardAt }, CodeTaskLost, Notice},
		{"one that ECS no longer knows", func(_ *TaskActivity, s *TaskStatus) { s.Missing = true }, CodeTaskLost, Notice},
		{"sessions went with it", func(a *TaskActivity, s *TaskStatus) {
			s.StopCode, a.Occupancy = "SpotInterruption", Sessions(2)
		}, CodeTaskLost, Alert},
		{"nobody knows whether any did", func(a *TaskActivity, s *TaskStatus) {
			s.StopCode, a.Occupancy = "SpotInterruption", Occupancy{}
		}, CodeTaskLost, Notice},
	} {
		t.Run(row.name, func(t *testing.T) {
			record := TaskActivity{State: TaskOpen, Occupancy: Sessions(0)}
			status := TaskStatus{LastStatus: "STOPPED", StopCode: "ServiceSchedulerInitiated", Deployment: "new", Health: "HEALTHY"}
			row.change(&record, &status)
			code, severity, cause := deadRecord{&record, status}.lostBy("new")
			if code != row.code || severity != row.severity || cause == "" {
				t.Errorf("%s, %v (%s); want %s, %v", code, severity, cause, row.code, row.severity)
			}
		})
	}
}
