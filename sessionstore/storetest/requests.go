package storetest

import (
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/clause"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// unnamed returns tasks that are not named whole, by the field that is missing.
func unnamed() map[string]autoscaler.TaskRef {
	all := make(map[string]autoscaler.TaskRef)
	for field, empty := range map[string]func(*autoscaler.TaskRef){
		"Ref.Service.Cluster": func(r *autoscaler.TaskRef) { r.Service.Cluster = "" },
		"Ref.Service.Name":    func(r *autoscaler.TaskRef) { r.Service.Name = "" },
		"Ref.Task":            func(r *autoscaler.TaskRef) { r.Task = "" },
	} {
		r := ref("t")
		empty(&r)
		all[field] = r
	}
	return all
}

// requestClauses hold a writer to refusing what could not mean anything.
func requestClauses() []clause.Clause[Harness] {
	return []clause.Clause[Harness]{
		promise("task-named", "No session is begun, told of, reserved or ended on a task that is not named whole, and no report of one is taken: the refusal names what is missing.", checkTaskNamed),
		promise("report-numbered", "A report without a process, a boot or a number from 1 on is refused with the name of what is missing, and makes no record.", func(s *scene) {
			whole := s.next("t", "main")
			for field, spoil := range map[string]func(*sessionstore.Report){
				"Process": func(r *sessionstore.Report) { r.Process = "" },
				"Boot":    func(r *sessionstore.Report) { r.Boot = 0 },
				"Seq":     func(r *sessionstore.Report) { r.Seq = 0 },
			} {
				rep := whole
				spoil(&rep)
				_, err := s.Store.Report(s.ctx(), rep)
				s.wantNamed(err, field, "Report")
			}
			s.want(s.begin("t", "a"), autoscaler.ErrNotFound, "Begin after the refused reports")
		}),
		promise("report-slots", "A report without slots neither makes nor completes a record, and is taken by a record that is complete.", func(s *scene) {
			without := func(task string) error {
				rep := s.next(task, "main")
				rep.Slots = 0
				_, err := s.Store.Report(s.ctx(), rep)
				return err
			}
			s.wantNamed(without("t"), "Slots", "the first Report")
			s.want(s.begin("t", "a"), autoscaler.ErrNotFound, "Begin after the refused report")
			s.register(autoscaler.RegisterRequest{Ref: ref("adopted"), Processes: 1, Adopted: true})
			s.wantNamed(without("adopted"), "Slots", "the Report that would complete an adopted record")
			s.report("t")
			s.want(without("t"), nil, "a later Report")
		}),
	}
}

func checkTaskNamed(s *scene) {
	for field, nobody := range unnamed() {
		end := sessionstore.EndRequest{Ref: nobody, Session: "a", At: s.Now()}
		rep := s.next("t", "main")
		rep.Ref = nobody
		for name, call := range map[string]func() error{
			"Begin": func() error {
				_, err := s.Store.Begin(s.ctx(), sessionstore.BeginRequest{Ref: nobody, Session: "a", At: s.Now()})
				return err
			},
			"Reserve": func() error {
				_, err := s.Store.Reserve(s.ctx(), sessionstore.ReserveRequest{
					Ref: nobody, Session: "a", At: s.Now(), Until: s.Now().Add(time.Minute),
				})
				return err
			},
			"Started": func() error {
				_, err := s.Store.Started(s.ctx(), sessionstore.StartedRequest{Ref: nobody, Session: "a", At: s.Now()})
				return err
			},
			"Touch": func() error {
				return s.Store.Touch(s.ctx(), sessionstore.TouchRequest{Ref: nobody, Session: "a", At: s.Now()})
			},
			"End":     func() error { return s.Store.End(s.ctx(), end) },
			"Abandon": func() error { return s.Store.Abandon(s.ctx(), end) },
			"Report":  func() error { _, err := s.Store.Report(s.ctx(), rep); return err },
		} {
			s.wantNamed(call(), field, name)
		}
	}
}
