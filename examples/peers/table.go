package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/seed-979cce96/idlescale/policy/backtest"
)

// table prints a row's lines as Markdown: each peer at the setting that costs least at
// 50 ppm or less, at 500 or less, and anywhere.
func table(out io.Writer, name string, of []peer, results []backtest.Result) error {
	if _, err := fmt.Fprintf(out, "\n**%s**\n\n| autoscaler | at ≤ 50 ppm | at ≤ 500 ppm | cheapest anywhere | killed |\n|---|---|---|---|---|\n", name); err != nil {
		return err
	}
	var order []string
	by := map[string][]int{}
	for i, p := range of {
		if by[p.name] == nil {
			order = append(order, p.name)
		}
		by[p.name] = append(by[p.name], i)
	}
	for _, peer := range order {
		killed := 0
		for _, i := range by[peer] {
			killed += results[i].Killed
		}
		if _, err := fmt.Fprintf(out, "| %s | %s | %s | %s | %d |\n", peer,
			best(of, results, by[peer], 50), best(of, results, by[peer], 500), best(of, results, by[peer], 1e9), killed); err != nil {
			return err
		}
	}
	return nil
}

// best is the cheapest of some results with no more users turned away, with its setting.
func best(of []peer, results []backtest.Result, among []int, ppm float64) string {
	found := -1
	for _, i := range among {
		if results[i].NoSlotPPM <= ppm && (found < 0 || results[i].RatioLB1 < results[found].RatioLB1) {
			found = i
		}
	}
	if found < 0 {
		return "—"
	}
	return fmt.Sprintf("%.3f at %.0f ppm (%s)", results[found].RatioLB1, results[found].NoSlotPPM, of[found].setting)
}

// versions names the modules whose code ran.
func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "versions are not known"
	}
	texts := []string{info.GoVersion}
	for _, m := range info.Deps {
		if m.Path == "github.com/hashicorp/nomad-autoscaler" || m.Path == "knative.dev/serving" {
			texts = append(texts, m.Path+" "+m.Version)
		}
	}
	return strings.Join(texts, ", ")
}
