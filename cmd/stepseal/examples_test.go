package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what the tests look at in an example.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Steps       []struct {
			Uses, Run string
			With      map[string]string
		}
	}
}

var (
	pinnedUse = regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40}$`)
	writes    = map[string]bool{"secure-image": true, "sign-attest": true}
)

// TestExampleWorkflowsAreSafeToCopy holds each to least privilege, pins, and the inputs that the actions have.
func TestExampleWorkflowsAreSafeToCopy(t *testing.T) {
	files, err := filepath.Glob("../../examples/github/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var w workflow
			if err := yaml.Unmarshal(content, &w); err != nil {
				t.Fatal(err)
			}
			if w.Permissions == nil || len(w.Permissions) > 0 {
				t.Error("it does not begin with permissions: {}")
			}
			for name, job := range w.Jobs {
				if job.Permissions == nil {
					t.Errorf("job %s names no permissions", name)
				}
				signs := false
				for _, s := range job.Steps {
					own := checkUse(t, s.Uses, s.With)
					signs = signs || writes[own]
					if strings.Contains(s.Run, "${{") {
						t.Errorf("an expression in a script of %s: %s", name, s.Run)
					}
					if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
						t.Errorf("%s leaves the token in the checkout", name)
					}
				}
				for scope, level := range job.Permissions {
					if level == "write" && !(signs && scope == "packages") {
						t.Errorf("job %s has %s: write for nothing", name, scope)
					}
				}
			}
		})
	}
}

// checkUse looks at what a step uses, and returns the step's name where it is one of ours.
func checkUse(t *testing.T, uses string, with map[string]string) string {
	t.Helper()
	if uses == "" {
		return ""
	}
	path, ours := strings.CutPrefix(uses, "./.github/stepseal")
	if !ours && !pinnedUse.MatchString(uses) {
		t.Errorf("%s is not pinned by its commit", uses)
	}
	if rest, ok := strings.CutPrefix(uses, "stepseal/stepseal"); ok {
		path, _, _ = strings.Cut(rest, "@")
		ours = true
	}
	if !ours {
		return ""
	}
	name := strings.TrimPrefix(path, "/actions/")
	if path == "" {
		name = "secure-image"
	}
	_, action, _ := readAction(t, "../..", name)
	for input := range with {
		if _, ok := action.Inputs[input]; !ok {
			t.Errorf("%s has no input %s", name, input)
		}
	}
	return name
}
