// Package gate has the scripts about policies, waivers, VEX and the advisory database.
package gate

import (
	"testing"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
)

func TestMain(m *testing.M) { transcripts.Main(m) }

func TestTranscripts(t *testing.T) { transcripts.Run(t, ".") }
