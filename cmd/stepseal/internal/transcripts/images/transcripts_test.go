// Package images has the scripts about where images and documents come from, and what is wrong with them.
package images

import (
	"testing"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
)

func TestMain(m *testing.M) { transcripts.Main(m) }

func TestTranscripts(t *testing.T) { transcripts.Run(t, ".") }
