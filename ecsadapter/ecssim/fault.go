package ecssim

import "github.com/seed-979cce96/idlescale/autoscaler"

// Fault is a refusal in AWS's words: the exception's name and its message.
type Fault struct{ Code, Message string }

// Error returns "code: message".
func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// notFound says that the cluster has no such service. Both the sentinel and
// AWS's refusal can be found in it.
func notFound(op, ref string, cause error) error {
	return &autoscaler.Error{Op: op, Ref: ref, Err: bothErrors{autoscaler.ErrNotFound, cause},
		Hint: "give the cluster's and the service's name as configured"}
}

// bothErrors is a sentinel with the refusal behind it.
type bothErrors struct{ sentinel, cause error }

func (b bothErrors) Error() string   { return b.cause.Error() }
func (b bothErrors) Unwrap() []error { return []error{b.sentinel, b.cause} }
