package main

import (
	"testing"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
)

func TestMain(m *testing.M) { transcripts.Main(m) }

func TestTranscripts(t *testing.T) { transcripts.Run(t, "testdata") }
