package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what the test looks at in an example.
type workflow struct {
	Jobs map[string]struct {
		Steps []struct {
			Uses string
			With map[string]string
		}
	}
}

// TestExampleWorkflowsFitTheActions holds each to the actions and inputs that there are; internal/workflowlint looks at
// what is dangerous.
func TestExampleWorkflowsFitTheActions(t *testing.T) {
	files, err := filepath.Glob("../../examples/github/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(content, &w); err != nil {
			t.Fatal(err)
		}
		ours := 0
		for _, job := range w.Jobs {
			for _, s := range job.Steps {
				if checkUse(t, file, s.Uses, s.With) {
					ours++
				}
			}
		}
		if ours == 0 {
			t.Errorf("%s uses no action of ours", file)
		}
	}
}

// checkUse tells whether a step uses an action of ours, and holds it to that action's inputs.
func checkUse(t *testing.T, file, uses string, with map[string]string) bool {
	t.Helper()
	path, _, _ := strings.Cut(uses, "@")
	rest, ours := strings.CutPrefix(path, "stepseal/stepseal")
	if !ours {
		rest, ours = strings.CutPrefix(path, "./.github/stepseal")
	}
	if !ours {
		return false
	}
	name := strings.TrimPrefix(rest, "/actions/")
	if rest == "" {
		name = "secure-image"
	}
	_, action, _ := readAction(t, "../..", name)
	for input := range with {
		if _, ok := action.Inputs[input]; !ok {
			t.Errorf("%s: %s has no input %s", file, name, input)
		}
	}
	return true
}
