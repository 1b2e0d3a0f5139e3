//go:build !kms

package kms

import (
	"context"

	"github.com/stepseal/stepseal/internal/outcome"
)

// openCloud has nothing to open in this build: the clouds' libraries would be a good part of the program.
func openCloud(_ context.Context, ref Reference, _ Options) (Key, error) {
	return nil, outcome.New(outcome.KeyServiceUnsupported, "%s: this build of stepseal has no %s://, only hashivault://", ref, ref.Service)
}
