package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/policy"
	"github.com/seed-979cce96/idlescale/policy/backtest"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func load(name string, seed uint64) backtest.Load {
	open := func(f string) backtest.Load {
		return must(backtest.ReadLoad(must(os.Open("/work/shared/traces/"+f)), f))
	}
	switch name {
	case "taxi":
		return open("nyc-green-2023q1.csv.gz")
	case "azure":
		return open("azure-vm-v1-single-6d.csv.gz")
	case "fold":
		return must(open("nyc-green-2023q1.csv.gz").Fold(12, 4))
	case "step":
		return backtest.Step{Seed: seed}.Load()
	}
	panic(name)
}

func main() {
	debug.SetGCPercent(400)
	rows := flag.String("rows", "taxi,azure,fold,redirect,step,one,fifty", "")
	seeds := flag.Int("seeds", 1, "")
	days := flag.Float64("days", 0, "")
	tune := flag.String("t", "{}", "json tuning; several by ;")
	pol := flag.String("p", "headroom", "")
	par := flag.Int("par", 2, "")
	flag.Parse()
	var wg sync.WaitGroup
	sem := make(chan bool, *par)
	for _, tj := range strings.Split(*tune, ";") {
		tuned := policy.Tuned(func(c *policy.Tuning) {
			if err := json.Unmarshal([]byte(tj), c); err != nil {
				panic(err)
			}
		})
		for _, row := range strings.Split(*rows, ",") {
			for seed := 1; seed <= *seeds; seed++ {
				sem <- true
				wg.Go(func() {
					defer func() { <-sem }()
					var p autoscaler.Policy = tuned
					if *pol == "buffer" {
						p = policy.Buffer{Slots: 10, Percent: 15}
					}
					t := backtest.Trial{Policy: p, Seed: uint64(seed)}
					goal := ""
					switch row {
					case "taxi":
						t.Load, goal = load("taxi", 0), "1.34@50 (1.30)"
					case "azure":
						t.Load, goal = load("azure", 0), "1.17@50 (1.16)"
					case "fold", "redirect":
						t.Load, t.Route, goal = load("fold", 0), backtest.RouteSteered, "1.33@50 (1.27)"
						if row == "redirect" {
							t.Route, goal = backtest.RouteRedirect, "(1.40@200 .5r)"
						}
						t.Interval, t.DeregistrationDelay = time.Minute, 300*time.Second
					case "step":
						t.Load, t.WarmUp, goal = load("step", uint64(seed)), 24*time.Hour, "1.30@5000 (1.25@4000)"
					case "one":
						t.Load, t.Slots, goal = load("taxi", 0), 1, "1.42@500"
					case "fifty":
						t.Load, t.Slots, goal = load("fold", 0), 50, "1.16@50"
					}
					if *days > 0 && row != "step" {
						t.Load = t.Load.Until(time.Duration(*days * 24 * float64(time.Hour)))
					}
					if os.Getenv("DUMP") != "" {
						t.Passes = func(p autoscaler.Pass) {
							if x := p.At.Format("0215:04"); x >= os.Getenv("DUMP") && x < os.Getenv("UNTIL") {
								fmt.Println(p.At.Format("02 15:04:05"), p.Totals.Open, p.Totals.Starting, p.Totals.Cordoned, p.Totals.Retired, "want", p.Wanted, p.Open, p.Actions, p.Reasons)
							}
						}
					}
					var last autoscaler.Pass
					var iOpen, iStart, iCord, iRet, iIdleOpen, iR2, iSes, iT, iSpareZero float64
					if os.Getenv("INT") != "" {
						t.Passes = func(p autoscaler.Pass) {
							if last.At.Sub(t.Load.Sessions[0].Start) > 24*time.Hour {
								dt := p.At.Sub(last.At).Hours()
								iOpen += dt * float64(last.Totals.Open)
								iStart += dt * float64(last.Totals.Starting)
								iCord += dt * float64(last.Totals.Cordoned)
								if os.Getenv("REL") != "" && (last.Totals.Retired > 0 || p.Totals.Retired > 0) && p.At.Day() == 20 {
									fmt.Println(p.At.Format("15:04:05"), p.Totals.Open, p.Totals.Starting, p.Totals.Cordoned, p.Totals.Retired, "desired", p.ServiceDesired, "want", p.Wanted, p.Actions, p.Releases)
								}
								for _, rs := range last.Reasons {
									var a, b, r1, r2 float64
									if n, _ := fmt.Sscanf(rs.Detail, "room for %f (%f at once), %f free, %f on", &r2, &r1, &a, &b); n == 4 {
										iR2 += dt * r2
										if a+b-r2 > 16 {
											iSpareZero += dt * (a + b - r2 - 16)
										}
									}
								}
								iT += dt
								iSes += dt * float64(last.Totals.Sessions)
								iRet += dt * float64(last.Totals.Retired)
								iIdleOpen += dt * float64(last.Totals.Idle)
							}
							last = p
						}
					}
					began := time.Now()
					r, err := t.Run(context.Background())
					if err != nil {
						fmt.Println(row, err)
						return
					}
					if os.Getenv("W") != "" {
						for _, pt := range r.Series {
							if pt.WaitHigh > 0 {
								fmt.Println("   wait", pt.At.Format("Mon 02 15:04"), pt.WaitHigh, "sessions", pt.Sessions)
							}
						}
					}
					if os.Getenv("INT") != "" {
						fmt.Printf("   mean sessions %.2f reserve %.2f room2 %.2f above16 %.2f\n", iSes/iT, ((iOpen+iCord)*float64(r.Slots)-iSes)/iT, iR2/iT, iSpareZero/iT)
						fmt.Printf("   LB1 %.0f billed %.0f open %.0f (idle %.0f) starting %.0f cordoned %.0f retired %.0f rest %.0f\n", r.LB1Hours, r.TaskHours, iOpen, iIdleOpen, iStart, iCord, iRet, r.TaskHours-iOpen-iStart-iCord-iRet)
					}
					fmt.Printf("%-9s s%d %-40s ratio %.3f clv %.3f  %5.0f ppm  killed %d starts %5d cord %5d reop %5d ref %.2f passes %d max %.0fs  goal %s  %.0fs\n", row, seed, tj, r.RatioLB1, r.RatioClairvoyant, r.NoSlotPPM, r.Killed, r.TaskStarts, r.Cordons, r.Reopens, r.RefusalsPerArrival, r.Passes, r.WaitMax, goal, time.Since(began).Seconds())
				})
			}
		}
	}
	wg.Wait()
}
