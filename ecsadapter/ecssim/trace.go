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

// What no real trace reaches, and one in milliseconds does.
const (
	longestSession = 366 * 24 * 60 * 60 // seconds
	latestStart    = 7_258_118_400      // 2200-01-01, in Unix seconds
)

// ReadTrace reads sessions from CSV, plain or gzip, with or without a UTF-8 byte
// order mark: the header TraceHeader, then one session a line, two whole numbers
// of seconds, sorted by start. A duration is above zero and at most 366 days; a
// start lies before the year 2200. A line that is anything else fails the whole
// reading, with the name, the line and the reason: a trace that is skipped in
// part would give numbers that nobody can compare.
func ReadTrace(r io.Reader, name string) ([]Session, error) {
	text, err := plainText(r)
	if err != nil {
		return nil, traceError(name, 1, unreadable(err))
	}
	var t trace
	// Its limit of 64 KB to a line keeps a file without line breaks, which is no
	// trace, from being read whole.
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		// Files that passed through Windows are common and lose nothing.
		wrong := t.take(strings.TrimSuffix(lines.Text(), "\r"))
		switch {
		case wrong == nil:
		case lines.Err() != nil:
			// What is left of a line that was cut is not at fault itself.
			return nil, traceError(name, t.line, unreadable(lines.Err()))
		default:
			return nil, traceError(name, t.line, wrong)
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, traceError(name, t.line+1, unreadable(lines.Err()))
	case t.line == 0:
		return nil, traceError(name, 1, fault("want "+TraceHeader+" and at least one line", "the file is empty"))
	case len(t.sessions) == 0:
		return nil, traceError(name, t.line, fault("want at least one line below the header", "holds no session"))
	}
	return t.sessions, nil
}

// plainText unzips what is zipped and takes a byte order mark off.
func plainText(r io.Reader) (*bufio.Reader, error) {
	// By content and not by name: a pipe and a renamed file have none.
	text := bufio.NewReader(r)
	if magic, _ := text.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(text)
		if err != nil {
			return nil, err
		}
		text = bufio.NewReader(unzipped)
	}
	// Spreadsheets write the mark, and show nothing of it.
	mark := []byte("\ufeff")
	if head, _ := text.Peek(len(mark)); bytes.Equal(head, mark) {
		// These bytes are buffered already.
		_, _ = text.Discard(len(mark))
	}
	return text, nil
}

// unreadable is the fault of a file that cannot be read to its end.
func unreadable(err error) *autoscaler.Error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault("fetch or write it again", "gzip ends early: the file is cut short")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return &autoscaler.Error{Err: err, Hint: "the file begins as gzip and is damaged, or is not"}
	}
	return &autoscaler.Error{Err: err, Hint: "the file is damaged or not a trace"}
}

// trace is what has been read of one.
type trace struct {
	line     int // number of the last line taken, from 1
	sessions []Session
}

// take reads the next line.
func (t *trace) take(text string) *autoscaler.Error {
	t.line++
	if t.line == 1 {
		if text != TraceHeader {
			return fault("", "first line must be the header %s; got %q", TraceHeader, clip(text))
		}
		return nil
	}
	s, wrong := parseSession(text)
	if wrong != nil {
		return wrong
	}
	// Sorting here would hide a trace that was cut or joined wrongly, and its
	// numbers would look right.
	if n := len(t.sessions); n > 0 && s.Start.Before(t.sessions[n-1].Start) {
		return fault("sort the trace by start", "starts at %d, before the line above it, which starts at %d",
			s.Start.Unix(), t.sessions[n-1].Start.Unix())
	}
	t.sessions = append(t.sessions, s)
	return nil
}

// parseSession reads one line.
func parseSession(text string) (Session, *autoscaler.Error) {
	const form, units = "want two whole numbers, as in 1672531200,600", "give seconds, not milliseconds"
	if text == "" {
		return Session{}, fault("remove it, the one at the end of the file too", "empty line")
	}
	first, rest, found := strings.Cut(text, ",")
	if !found {
		return Session{}, fault(form, "column duration_s is missing in %q", clip(text))
	}
	second, garbage, more := strings.Cut(rest, ",")
	if more {
		return Session{}, fault(form, "trailing text %q", clip(garbage))
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return Session{}, fault(form, "start_unix_s %q is not a whole number", clip(first))
	}
	length, err := strconv.ParseInt(second, 10, 64)
	switch {
	case err != nil:
		return Session{}, fault(form, "duration_s %q is not a whole number", clip(second))
	case length <= 0:
		return Session{}, fault(form, "duration_s is %d; a session lasts at least a second", length)
	case length > longestSession:
		return Session{}, fault(units, "duration_s is %d, which is more than 366 days", length)
	case start >= latestStart:
		return Session{}, fault(units, "start_unix_s is %d, which is in the year 2200 or later", start)
	}
	return Session{Start: time.Unix(start, 0).UTC(), Duration: time.Duration(length) * time.Second}, nil
}

// fault is what is wrong with a line; traceError adds where.
func fault(hint, format string, args ...any) *autoscaler.Error {
	return &autoscaler.Error{Err: fmt.Errorf(format, args...), Hint: hint}
}

// clip keeps a message readable when a line is not what it should be.
func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}

func traceError(name string, line int, wrong *autoscaler.Error) error {
	wrong.Op, wrong.Ref = "ecssim.ReadTrace", name+":"+strconv.Itoa(line)
	return wrong
}
