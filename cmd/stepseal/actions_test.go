package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/steps"
)

// metadata is what the tests look at in an action.yml.
type metadata struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Steps []containerStep
	}
}

type containerStep struct {
	ID, If, Uses string
	With, Env    map[string]string
}

func actionFile(name string) string {
	if name == "secure-image" {
		return "action.yml"
	}
	return "actions/" + name + "/action.yml"
}

func readAction(t *testing.T, root, name string) (doc any, action metadata, raw string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(actionFile(name))))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &doc); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &action); err != nil {
		t.Fatal(err)
	}
	return doc, action, string(content)
}

func actionSchema(t *testing.T) *jsonschema.Schema {
	schema, err := jsonschema.NewCompiler().Compile("../../internal/manifest/testdata/action.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestActionsAreValidMetadata(t *testing.T) {
	for _, spec := range steps.All() {
		t.Run(spec.Name, func(t *testing.T) { checkAction(t, "../..", spec.Name) })
	}
}

// checkAction holds an action to the schema and resolves every expression in it.
func checkAction(t *testing.T, root, name string) {
	t.Helper()
	doc, action, raw := readAction(t, root, name)
	viaJSON, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(viaJSON, &plain); err != nil {
		t.Fatal(err)
	}
	if err := actionSchema(t).Validate(plain); err != nil {
		t.Error(err)
	}
	var expressions []string
	for _, found := range regexp.MustCompile(`\$\{\{(.*?)\}\}`).FindAllStringSubmatch(raw, -1) {
		expressions = append(expressions, found[1])
	}
	for _, s := range action.Runs.Steps {
		expressions = append(expressions, s.If)
	}
	for _, expression := range expressions {
		for _, context := range contexts.FindAllString(literal.ReplaceAllString(expression, ""), -1) {
			if !known(action, context) {
				t.Errorf("%q in %q is nothing that is declared", context, expression)
			}
		}
	}
}

var (
	literal  = regexp.MustCompile(`'[^']*'`)
	contexts = regexp.MustCompile(`[a-z]+(\.[A-Za-z0-9_-]+)+`)
)

func known(action metadata, context string) bool {
	parts := strings.Split(context, ".")
	switch {
	case parts[0] == "inputs" && len(parts) == 2:
		_, ok := action.Inputs[parts[1]]
		return ok
	case parts[0] == "steps" && len(parts) == 4 && parts[2] == "outputs":
		if parts[1] == "run" {
			_, ok := action.Outputs[parts[3]]
			return ok
		}
		return context == "steps.database.outputs.cache-matched-key" && slices.ContainsFunc(action.Runs.Steps, func(s containerStep) bool { return s.ID == parts[1] })
	}
	return slices.Contains([]string{"github.token", "github.run_id", "github.run_attempt", "github.event_name", "github.ref",
		"github.event.repository.default_branch", "runner.temp"}, context)
}

func TestActionsHandOverEveryInputAndOutput(t *testing.T) {
	for _, spec := range steps.All() {
		_, action, _ := readAction(t, "../..", spec.Name)
		run := action.Runs.Steps[0]
		for _, s := range action.Runs.Steps {
			if s.ID == "run" {
				run = s
			}
		}
		if run.With["args"] != spec.Name || len(run.With) != 1 {
			t.Errorf("%s runs %q", spec.Name, run.With)
		}
		for _, in := range spec.Inputs {
			d := in.Declaration()
			if d.Host != "" && d.Host != "github" {
				continue
			}
			if want := "${{ inputs." + d.Name + " }}"; run.Env[d.Variable()] != want {
				t.Errorf("%s: %s is %q", spec.Name, d.Variable(), run.Env[d.Variable()])
			}
			// The runner cannot tell a default from what somebody wrote: it would win over the config file.
			if d := action.Inputs[d.Name].Default; d != "" && d != "${{ github.token }}" {
				t.Errorf("%s: %s has the default %q", spec.Name, in.Declaration().Name, d)
			}
		}
		for _, out := range spec.AllOutputs() {
			if want := "${{ steps.run.outputs." + out.Name + " }}"; action.Outputs[out.Name].Value != want {
				t.Errorf("%s: output %s is %q", spec.Name, out.Name, action.Outputs[out.Name].Value)
			}
		}
	}
}

const addedStep = `package steps

import (
	"context"

	"github.com/stepseal/stepseal/internal/step"
)

func AddedStep() *step.Spec {
	return &step.Spec{
		Name: "added-step", Summary: "Show that a step is one file and one line", Prose: "It does nothing.",
		Examples: []step.Example{{Text: "it", Command: "stepseal added-step --image a"}},
		Inputs:   inputs([]step.Input{required(imageInput)}, reporting, speaking),
		Outputs:  imageOutputs,
		Needs:    []step.Need{step.Pull, step.Internet, step.Workspace},
		Run:      func(context.Context, *step.Run) error { return nil },
	}
}
`

// TestAStepIsOneFileAndOneLine adds one to a copy of the module and generates, as whoever adds one does.
func TestAStepIsOneFileAndOneLine(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"cmd/generate", "internal", "go.mod", "go.sum"} {
		copyTree(t, filepath.Join("../..", name), filepath.Join(root, name))
	}
	if err := os.WriteFile(filepath.Join(root, "internal/steps/added_step.go"), []byte(addedStep), 0o644); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(root, "internal/steps/steps.go")
	content, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), "{GenerateSBOM(), ", "{AddedStep(), GenerateSBOM(), ", 1)
	if err := os.WriteFile(list, []byte(changed), 0o644); err != nil || changed == string(content) {
		t.Fatal("no line to change in steps.go", err)
	}
	generate := exec.Command("go", "run", "./cmd/generate", "-root", root)
	generate.Dir = root
	generate.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkAction(t, root, "added-step")
	_, action, _ := readAction(t, root, "added-step")
	if len(action.Inputs) < 5 || len(action.Outputs) != 9 {
		t.Errorf("%d inputs, %d outputs", len(action.Inputs), len(action.Outputs))
	}
	for _, page := range []string{"actions/added-step/README.md", "docs/steps/added-step.md", "docs/man/stepseal-added-step.1"} {
		if _, err := os.Stat(filepath.Join(root, page)); err != nil {
			t.Error(err)
		}
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
