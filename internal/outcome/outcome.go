// Package outcome holds the endings of a run that are not "yes": refused, misused, undecided and internal.
//
// Every ending that a person or a pipeline can meet has one row in the table of reasons (reasons.go), from which
// docs/reasons.md is generated. An error without a row is undecided: unknown is never a pass.
package outcome

import (
	"context"
	"errors"
	"fmt"
)

// Ending says how a run ended. The zero value is Undecided, so that a forgotten one never counts as a yes.
type Ending int

// The endings, in no order of severity; their exit codes are in Code.
const (
	Undecided Ending = iota
	Accepted
	Refused
	Misused
	Internal
)

// Code is the process exit code of the ending. It is the same on every host and with every option.
func (e Ending) Code() int {
	switch e {
	case Accepted:
		return 0
	case Refused:
		return 10
	case Misused:
		return 12
	case Internal:
		return 13
	default:
		return 11
	}
}

// String is the ending as the output `verdict` spells it.
func (e Ending) String() string {
	switch e {
	case Accepted:
		return "accepted"
	case Refused:
		return "refused"
	case Misused:
		return "misused"
	case Internal:
		return "internal"
	default:
		return "undecided"
	}
}

// ParseEnding reads what String wrote; anything else is Undecided.
func ParseEnding(s string) Ending {
	for _, e := range []Ending{Accepted, Refused, Misused, Internal} {
		if e.String() == s {
			return e
		}
	}
	return Undecided
}

// Error is an ending that is not "yes": one sentence that names the thing and what is wrong with it, then the
// evidence for it, then hints that say what to do.
type Error struct {
	Reason   Reason
	Message  string
	Evidence []string
	Hints    []string
	cause    error
}

// New returns the ending that the reason's row in the table gives.
func New(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Because adds the error underneath: it is shown after the message and found by errors.Is and errors.As.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// With adds lines of evidence.
func (e *Error) With(lines ...string) *Error {
	e.Evidence = append(e.Evidence, lines...)
	return e
}

// Hint adds one line that says what to do, in the place of the table's hint for the reason.
func (e *Error) Hint(format string, args ...any) *Error {
	e.Hints = append(e.Hints, fmt.Sprintf(format, args...))
	return e
}

// Advice is what to do: the error's own hints, or the table's.
func (e *Error) Advice() []string {
	if len(e.Hints) > 0 || e.Reason.Hint() == "" {
		return e.Hints
	}
	return []string{e.Reason.Hint()}
}

// Ending is what the reason's row says.
func (e *Error) Ending() Ending { return e.Reason.Ending() }

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.cause }

// Of finds the ending in an error, or makes one: an interrupted context is Interrupted, anything that nobody
// classified is Unexpected. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		if error(known) == err {
			return known
		}
		// Keep what the wrapping said about the known ending.
		return &Error{Reason: known.Reason, Message: err.Error(), Evidence: known.Evidence, Hints: known.Hints, cause: nil}
	}
	if errors.Is(err, context.Canceled) {
		return New(Interrupted, "stopped before the end").Because(err)
	}
	return New(Unexpected, "%s", err.Error())
}

// Verdict is the ending of a run that returned err.
func Verdict(err error) Ending {
	if err == nil {
		return Accepted
	}
	return Of(err).Ending()
}

// Code is the exit code of a run that returned err.
func Code(err error) int { return Verdict(err).Code() }
