package ecssim

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadTrace(t *testing.T) {
	text := TraceHeader + "\n1672531200,600\n1672531200,1\r\n1672531300,90\n"
	at := time.Unix(1672531200, 0).UTC()
	want := []Session{{at, 10 * time.Minute}, {at, time.Second}, {at.Add(100 * time.Second), 90 * time.Second}}
	for name, in := range map[string][]byte{
		"plain": []byte(text), "gzip": zipped(t, text),
		"marked": []byte("\ufeff" + text), "marked gzip": zipped(t, "\ufeff"+text),
		"no last line break": []byte(strings.TrimSuffix(text, "\n")),
	} {
		got, err := ReadTrace(bytes.NewReader(in), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestReadTraceRefuses(t *testing.T) {
	head := TraceHeader + "\n"
	whole := zipped(t, head+strings.Repeat("1672531200,600\n", 1000))
	spoiled := bytes.Clone(whole)
	spoiled[len(spoiled)-8] ^= 1
	for name, test := range map[string]struct {
		text string
		want []string // in the message, each of them
	}{
		"empty file":        {"", []string{"t.csv:1", "the file is empty"}},
		"mark alone":        {"\ufeff", []string{"t.csv:1", "the file is empty"}},
		"empty gzip":        {string(zipped(t, "")), []string{"t.csv:1", "the file is empty"}},
		"header alone":      {head, []string{"t.csv:1", "holds no session"}},
		"no header":         {"1,2\n", []string{"t.csv:1", `first line must be the header start_unix_s,duration_s; got "1,2"`}},
		"missing column":    {head + "1,2\n3\n", []string{"t.csv:3", "duration_s is missing"}},
		"empty line":        {head + "1,2\n\n3,4\n", []string{"t.csv:3: empty line"}},
		"empty last line":   {head + "1,2\r\n\r\n", []string{"t.csv:3: empty line"}},
		"not an integer":    {head + "1.5,2\n", []string{"t.csv:2", "start_unix_s", "1.5"}},
		"not a number":      {head + "1,two\n", []string{"t.csv:2", "duration_s", "two"}},
		"zero duration":     {head + "1,0\n", []string{"t.csv:2", "duration_s is 0"}},
		"negative duration": {head + "1,-4\n", []string{"t.csv:2", "duration_s is -4"}},
		"beyond a duration": {head + "1,9223372036854775807\n", []string{"t.csv:2", "more than 366 days"}},
		"longer than 366 d": {head + "1,31622401\n", []string{"t.csv:2", "duration_s is 31622401", "seconds, not milliseconds"}},
		"start in ms":       {head + "1672531200000,600\n", []string{"t.csv:2", "start_unix_s is 1672531200000", "2200", "seconds, not milliseconds"}},
		"start in 2200":     {head + "7258118400,600\n", []string{"t.csv:2", "2200"}},
		"unsorted":          {head + "5,1\n4,1\n", []string{"t.csv:3", "starts at 4", "starts at 5"}},
		"third column":      {head + "1,2,x\n", []string{"t.csv:2", "trailing text", "x"}},
		"trailing blank":    {head + "1,2 \n", []string{"t.csv:2", "duration_s"}},
		"cut gzip":          {string(whole[:len(whole)-12]), []string{"t.csv:", "gzip ends early: the file is cut short"}},
		"cut gzip header":   {string(whole[:7]), []string{"t.csv:1", "gzip ends early"}},
		"wrong checksum":    {string(spoiled), []string{"t.csv:1002", "checksum", "damaged"}},
		"not gzip after it": {"\x1f\x8bnot at all", []string{"t.csv:1", "gzip"}},
		"a very long line":  {head + strings.Repeat("1", 1<<17), []string{"t.csv:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadTrace(strings.NewReader(test.text), "t.csv")
			var wrapped *autoscaler.Error
			if got != nil || !errors.As(err, &wrapped) {
				t.Fatalf("%d sessions, error %v", len(got), err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q says nothing of %q", err, part)
				}
			}
		})
	}
}

// A gzip is cut wherever the disk was full: nowhere may the rest of a line pass
// for a line, or be blamed for being half of one.
func TestReadTraceOfACutGzip(t *testing.T) {
	var text strings.Builder
	text.WriteString(TraceHeader + "\n")
	for i := range 50 {
		fmt.Fprintf(&text, "%d,%d\n", 1672531200+i*i, 600+i*7919%1000)
	}
	whole := zipped(t, text.String())
	for n := 2; n < len(whole); n++ {
		got, err := ReadTrace(bytes.NewReader(whole[:n]), "t.csv")
		if got != nil || err == nil || !strings.Contains(err.Error(), "gzip ends early") {
			t.Fatalf("cut after %d of %d bytes: %d sessions, %v", n, len(whole), len(got), err)
		}
	}
}

func TestReadTraceTakesTheLimits(t *testing.T) {
	got, err := ReadTrace(strings.NewReader(TraceHeader+"\n0,1\n7258118399,31622400\n"), "t.csv")
	if err != nil || len(got) != 2 || got[1].Duration != 366*24*time.Hour {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLoad(t *testing.T) {
	for seed := range uint64(3) {
		load := Load{Seed: seed, Length: 28 * 24 * time.Hour}
		got := load.Sessions()
		if !slices.IsSortedFunc(got, func(a, b Session) int { return a.Start.Compare(b.Start) }) {
			t.Fatalf("seed %d: not sorted", seed)
		}
		if !slices.Equal(got, load.Sessions()) {
			t.Fatalf("seed %d: two calls differ", seed)
		}
		start := time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
		var noon, night, weekend, weekday, total float64
		for _, s := range got {
			day := int(s.Start.Sub(start) / (24 * time.Hour))
			switch {
			case day%7 >= 5:
				weekend++
			default:
				weekday++
				if h := s.Start.Hour(); h >= 10 && h < 14 {
					noon++
				} else if h >= 22 || h < 2 {
					night++
				}
			}
			total += s.Duration.Seconds()
		}
		// 60 an hour on weekdays and a burst of 10 a day, give or take.
		if n := weekday / 20 / 24; n < 56 || n > 65 {
			t.Errorf("seed %d: %.1f arrivals an hour on weekdays", seed, n)
		}
		if share := weekend / 8 / (weekday / 20); share < .36 || share > .46 {
			t.Errorf("seed %d: weekends have %.2f of a weekday", seed, share)
		}
		if noon < 5*night {
			t.Errorf("seed %d: %v at noon, %v at night", seed, noon, night)
		}
		if mean := total / float64(len(got)); math.Abs(mean-1200) > 150 {
			t.Errorf("seed %d: mean duration %.0f s, want about 1200", seed, mean)
		}
	}
	flat := Load{Swing: -1, Bursts: -1, Tail: -1, Length: time.Hour}.Sessions()
	for _, s := range flat {
		if s.Duration.Round(time.Second*2) != 20*time.Minute {
			t.Fatalf("without a tail a session lasts %v", s.Duration)
		}
	}
}
