package e2e

import (
	"fmt"
	"os"
	"context"
	"github.com/seed-979cce96/idlescale/ecsadapter/ecssim"
)

func (w *world) dump(_ context.Context, call ecssim.Call) error {
	if os.Getenv("DUMP") == "" || call.Point == ecssim.Before { return nil }
	if w.c.Now().Format("15:04:05") < os.Getenv("DUMP") { return nil }
	if os.Getenv("ONLY") != "" && call.Actor != os.Getenv("ONLY") { return nil }
	if id := os.Getenv("TASK"); id != "" { st, _ := w.c.Truth(service); for _, tk := range st.Tasks { if string(tk.ID) == id { fmt.Printf("%s TRUTH %s %s %s %s\n", call.At.Format("15:04:05.000"), tk.LastStatus, tk.DesiredStatus, tk.StopCode, tk.Health) } } }
	fmt.Printf("%s %s %s %s %s %+v err=%v\n", call.At.Format("15:04:05.000"), call.Point, call.Actor, call.Op, call.Task, call.Args, call.Err)
	return nil
}
