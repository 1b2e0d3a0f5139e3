// Package trust has the scripts about signing, attesting, verifying and whom to trust.
package trust

import (
	"testing"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
)

func TestMain(m *testing.M) { transcripts.Main(m) }

func TestTranscripts(t *testing.T) { transcripts.Run(t, ".") }
