//go:build !kms

package kms

import (
	"context"
	"testing"

	"github.com/stepseal/stepseal/internal/outcome"
)

func TestThePlainBuildNamesTheOtherOne(t *testing.T) {
	_, err := Open(context.Background(), "awskms:///alias/release", Options{Getenv: func(string) string { return "" }})
	ends(t, err, outcome.KeyServiceUnsupported, "this build of stepseal has no awskms://")
}
