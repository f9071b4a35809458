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
	fmt.Printf("%s %s %s %s %s %+v err=%v\n", call.At.Format("15:04:05.000"), call.Point, call.Actor, call.Op, call.Task, call.Args, call.Err)
	return nil
}
