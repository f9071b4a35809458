package ecssim

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// TraceHeader is the first line of a trace.
const TraceHeader = "start_unix_s,duration_s"

// ReadTrace reads sessions from CSV, plain or gzip: the header TraceHeader, then
// one session a line, two whole numbers, the duration above zero, sorted by start.
// A line that is anything else fails the whole reading, with the name, the line
// and the reason: a trace that is skipped in part would give numbers that nobody
// can compare.
func ReadTrace(r io.Reader, name string) ([]Session, error) {
	// By content and not by name: a pipe and a renamed file have none.
	buffered := bufio.NewReader(r)
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, traceError(name, 1, err, "the file begins as gzip and is not")
		}
		buffered = bufio.NewReader(unzipped)
	}
	lines := bufio.NewScanner(buffered)
	var sessions []Session
	line := 0
	for lines.Scan() {
		line++
		// Files that passed through Windows are common and lose nothing.
		text := strings.TrimSuffix(lines.Text(), "\r")
		if line == 1 {
			if text != TraceHeader {
				return nil, traceError(name, line, fmt.Errorf("header is %q", clip(text)), "want "+TraceHeader)
			}
			continue
		}
		s, err := parseSession(text)
		if err != nil {
			return nil, traceError(name, line, err, "want two whole numbers, as in 1672531200,600")
		}
		// Sorting here would hide a trace that was cut or joined wrongly, and its
		// numbers would look right.
		if n := len(sessions); n > 0 && s.Start.Before(sessions[n-1].Start) {
			return nil, traceError(name, line, errors.New("starts before the line above it"), "sort the trace by start")
		}
		sessions = append(sessions, s)
	}
	if err := lines.Err(); err != nil {
		return nil, traceError(name, line+1, err, "the file is damaged or not a trace")
	}
	if len(sessions) == 0 {
		return nil, traceError(name, line, errors.New("holds no session"), "want "+TraceHeader+" and at least one line")
	}
	return sessions, nil
}

// parseSession reads one line.
func parseSession(text string) (Session, error) {
	first, rest, found := strings.Cut(text, ",")
	if !found {
		return Session{}, fmt.Errorf("column duration_s is missing in %q", clip(text))
	}
	second, garbage, more := strings.Cut(rest, ",")
	if more {
		return Session{}, fmt.Errorf("trailing text %q", clip(garbage))
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return Session{}, fmt.Errorf("start_unix_s %q is not a whole number", clip(first))
	}
	length, err := strconv.ParseInt(second, 10, 64)
	if err != nil {
		return Session{}, fmt.Errorf("duration_s %q is not a whole number", clip(second))
	}
	if length <= 0 {
		return Session{}, fmt.Errorf("duration_s is %d; a session lasts at least a second", length)
	}
	// More seconds than a duration holds would turn negative without a word.
	const longest = int64(1<<63-1) / int64(time.Second)
	if length > longest {
		return Session{}, fmt.Errorf("duration_s is %d; the longest is %d", length, longest)
	}
	return Session{Start: time.Unix(start, 0).UTC(), Duration: time.Duration(length) * time.Second}, nil
}

// clip keeps a message readable when a line is not what it should be.
func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}

func traceError(name string, line int, err error, hint string) error {
	return &autoscaler.Error{Op: "ecssim.ReadTrace", Ref: name + ":" + strconv.Itoa(line), Err: err, Hint: hint}
}
