package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/program"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
	"github.com/stepseal/stepseal/internal/workflowlint"
)

func readme(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestEveryBlockOfTheReadmeHolds: commands are of this program and have the flags that they show, workflows and Tasks have
// the inputs that there are, and the trust section is read.
func TestEveryBlockOfTheReadmeHolds(t *testing.T) {
	text := readme(t)
	found := regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(text, -1)
	if len(found) != strings.Count(text, "```")/2 || len(found) < 10 {
		t.Fatalf("%d of the blocks are looked at", len(found))
	}
	for _, block := range found {
		switch block[1] {
		case "sh":
			for line := range strings.Lines(block[2]) {
				checkCommand(t, strings.TrimSpace(line))
			}
		case "yaml":
			checkYAML(t, block[2])
		default:
			t.Errorf("nobody knows how to check\n%s", block[2])
		}
	}
}

// otherCommands are those that are not of this program.
var otherCommands = regexp.MustCompile(`^(go test \./\.\.\.|go build -o bin/stepseal \./cmd/stepseal|make push IMAGE=\S+)$`)

func checkCommand(t *testing.T, line string) {
	t.Helper()
	if otherCommands.MatchString(line) {
		return
	}
	words := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(strings.Replace(line, "go run ./cmd/", "", 1), -1)
	if filepath.Base(words[0]) != "stepseal" {
		t.Errorf("%s: is not a command of ours", line)
		return
	}
	spec := specOf(words[1:])
	if spec == nil {
		t.Errorf("%s: there is no such step", line)
		return
	}
	for _, word := range words {
		name, isFlag := strings.CutPrefix(word, "--")
		if isFlag && !slices.ContainsFunc(spec.Inputs, func(in step.Input) bool { return in.Declaration().Name == name }) {
			t.Errorf("%s: %s has no input %s", line, spec.Name, name)
		}
	}
}

// specOf is the step whose name the words begin with, a name of two words before one of one.
func specOf(words []string) *step.Spec {
	for n := min(2, len(words)); n > 0; n-- {
		name := strings.Join(words[:n], " ")
		if all := program.Specs(); slices.ContainsFunc(all, func(s *step.Spec) bool { return s.Name == name }) {
			return all[slices.IndexFunc(all, func(s *step.Spec) bool { return s.Name == name })]
		}
	}
	return nil
}

func checkYAML(t *testing.T, text string) {
	t.Helper()
	if strings.HasPrefix(text, "- name:") {
		checkPipelineTasks(t, text)
		return
	}
	var keys map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(text), &keys); err != nil {
		t.Errorf("%v in\n%s", err, text)
		return
	}
	switch {
	case keys["trust"].Kind != 0:
		checkTrust(t, keys["trust"])
	case keys["jobs"].Kind != 0:
		checkWorkflow(t, text)
	case keys["steps"].Kind != 0:
		checkWorkflow(t, "permissions: {}\njobs:\n  sign:\n    runs-on: ubuntu-latest\n"+regexp.MustCompile("(?m)^").ReplaceAllString(text, "    "))
	default:
		t.Errorf("nobody knows how to check\n%s", text)
	}
}

// checkTrust reads the section, and looks whether the workflow beside it is the one that it names.
func checkTrust(t *testing.T, node yaml.Node) {
	t.Helper()
	section, mistakes := trust.Read(&node)
	if len(mistakes) > 0 || len(section.Signers) != 1 || section.SignWith != section.Signers[0].Authority {
		t.Errorf("%v", mistakes)
		return
	}
	for ref, fits := range map[string]bool{"refs/tags/v1.2.3": true, "refs/heads/main": false, "refs/pull/7/merge": false, "refs/tags/v1.2.3@refs/tags/v1.2.3": false} {
		if subject := "https://github.com/OWNER/APP/.github/workflows/release.yml@" + ref; section.Signers[0].Subject.Fits(subject) != fits {
			t.Errorf("%s fits: %v", subject, !fits)
		}
	}
}

// checkWorkflow holds a workflow to our actions, and to what makes workflows dangerous; with a trust section it may ask for
// a token, and without one it needs a key.
func checkWorkflow(t *testing.T, text string) {
	t.Helper()
	wrong, err := workflowlint.Lint([]byte(text), []string{"sign: packages", "sign: id-token"})
	if err != nil || len(wrong) > 0 {
		t.Errorf("%v, %v in\n%s", err, wrong, text)
	}
	var read struct {
		Jobs map[string]struct {
			Permissions map[string]string
			Steps       []struct {
				Uses string
				With map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &read); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, job := range read.Jobs {
		for _, s := range job.Steps {
			if !checkUse(t, "README.md", s.Uses, s.With) {
				continue
			}
			ours++
			keyless := s.With["config"] == "trust.yaml"
			if (job.Permissions["id-token"] == "write") != keyless || (s.With["key"] == "") != keyless {
				t.Errorf("it signs with both, or neither:\n%s", text)
			}
		}
	}
	if ours != 1 {
		t.Errorf("%d steps are ours in\n%s", ours, text)
	}
}

func checkPipelineTasks(t *testing.T, text string) {
	t.Helper()
	var list []tekton.PipelineTask
	if err := k8syaml.UnmarshalStrict([]byte(text), &list); err != nil {
		t.Errorf("%v in\n%s", err, text)
		return
	}
	for _, used := range list {
		content, err := os.ReadFile("../../tasks/" + strings.TrimPrefix(used.TaskRef.Name, "stepseal-") + "/task.yaml")
		if err != nil {
			t.Error(err)
			continue
		}
		var task tekton.Task
		if err := k8syaml.Unmarshal(content, &task); err != nil {
			t.Fatal(err)
		}
		for _, given := range used.Params {
			if !slices.ContainsFunc(task.Spec.Params, func(p tekton.ParamSpec) bool { return p.Name == given.Name }) {
				t.Errorf("%s has no parameter %s", used.TaskRef.Name, given.Name)
			}
		}
		for _, given := range used.Workspaces {
			if !slices.ContainsFunc(task.Spec.Workspaces, func(w tekton.WorkspaceDeclaration) bool { return w.Name == given.Name }) {
				t.Errorf("%s has no workspace %s", used.TaskRef.Name, given.Name)
			}
		}
	}
}

// TestTheReadmeLinksToWhatIsThere, and the reasons that it explains exist.
func TestTheReadmeLinksToWhatIsThere(t *testing.T) {
	text := readme(t)
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(link[1], "https://") {
			continue
		}
		if _, err := os.Stat(filepath.Join("../..", link[1])); err != nil {
			t.Error(err)
		}
	}
	reasons, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?m)^\\| `\\[([a-z-]+)\\]` \\|").FindAllStringSubmatch(text, -1)
	for _, reason := range shown {
		if !strings.Contains(string(reasons), "| `"+reason[1]+"` |") {
			t.Errorf("there is no reason %s", reason[1])
		}
	}
	if len(shown) < 10 {
		t.Errorf("%d reasons", len(shown))
	}
}
