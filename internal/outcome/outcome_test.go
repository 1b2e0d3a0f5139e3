package outcome_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/stepseal/stepseal/internal/outcome"
)

func TestCodes(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"no error":                        {nil, 0},
		"a no":                            {outcome.New(outcome.Vulnerable, "x"), 10},
		"a no, wrapped":                   {fmt.Errorf("while: %w", outcome.New(outcome.Vulnerable, "x")), 10},
		"asked wrongly":                   {outcome.New(outcome.InvalidInput, "x"), 12},
		"a bug":                           {outcome.New(outcome.Panicked, "x"), 13},
		"an error that nobody classified": {errors.New("disk on fire"), 11},
		"a cancelled context":             {fmt.Errorf("read: %w", context.Canceled), 11},
		"a reason without a row":          {outcome.New("made-up", "x"), 11},
	} {
		t.Run(name, func(t *testing.T) {
			if got := outcome.Code(test.err); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestUnknownIsNeverAYes(t *testing.T) {
	var zero outcome.Ending
	if zero != outcome.Undecided || zero.Code() != 11 || outcome.ParseEnding("Accepted ") != outcome.Undecided {
		t.Error("the zero value, or an unknown word, counts as something else than undecided")
	}
}

func TestOfKeepsWhatWrappingSaid(t *testing.T) {
	inner := outcome.New(outcome.ScanTooOld, "too old").With("line").Hint("scan again")
	got := outcome.Of(fmt.Errorf("verify app: %w", inner))
	if got.Reason != outcome.ScanTooOld || got.Error() != "verify app: too old" || len(got.Evidence) != 1 || len(got.Hints) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[outcome.Reason]bool{}
	word := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, row := range outcome.Table() {
		if seen[row.Reason] {
			t.Errorf("%s stands twice", row.Reason)
		}
		seen[row.Reason] = true
		if !word.MatchString(string(row.Reason)) || row.Meaning == "" {
			t.Errorf("%s: bad name or no meaning", row.Reason)
		}
		if row.Ending == outcome.Accepted {
			t.Errorf("%s: a reason for a yes", row.Reason)
		}
	}
}
