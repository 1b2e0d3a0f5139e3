package manifest

import (
	"encoding/json"
	"fmt"
	pinfile "github.com/stepseal/stepseal/internal/pin"
	"regexp"
	"slices"
	"strings"
	"testing"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	host "github.com/stepseal/stepseal/internal/host/tekton"
	"github.com/stepseal/stepseal/internal/steps"
)

// linted is what a Task and a StepAction have in common.
type linted struct {
	steps      []tekton.Step
	security   *core.SecurityContext
	params     tekton.ParamSpecs
	results    []tekton.StepResult
	workspaces []tekton.WorkspaceDeclaration
	volumes    []core.Volume
	action     bool
}

func lintedTask(t *tekton.Task) linted {
	l := linted{steps: t.Spec.Steps, params: t.Spec.Params, workspaces: t.Spec.Workspaces, volumes: t.Spec.Volumes}
	if t.Spec.StepTemplate != nil {
		l.security = t.Spec.StepTemplate.SecurityContext
	}
	for _, r := range t.Spec.Results {
		l.results = append(l.results, tekton.StepResult{Name: r.Name, Type: r.Type, Properties: r.Properties, Description: r.Description})
	}
	return l
}

func lintedAction(a *v1beta1.StepAction) linted {
	s := a.Spec
	step := tekton.Step{Name: a.Name, Image: s.Image, Command: s.Command, Args: s.Args, Env: s.Env, Script: s.Script, WorkingDir: s.WorkingDir, VolumeMounts: s.VolumeMounts}
	return linted{steps: []tekton.Step{step}, security: s.SecurityContext, params: s.Params, results: s.Results, action: true}
}

// lint is what Tekton does not check.
func lint(l linted) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if len(l.steps) != 1 {
		add("%d steps, and each takes from the room for results", len(l.steps))
		return wrong
	}
	step := l.steps[0]
	if _, err := pinfile.Parse(step.Image); err != nil {
		add("the image is not pinned: %v", err)
	}
	if len(step.Command) == 0 || step.Script != "" {
		add("no command, or a script")
	}
	for _, name := range lintSecurity(l.security) {
		add("security context: %s", name)
	}
	if !l.action {
		if _, ok := step.ComputeResources.Limits[core.ResourceMemory]; !ok {
			add("no limit on memory")
		}
		if len(l.volumes) == 0 || l.volumes[0].EmptyDir == nil || l.volumes[0].EmptyDir.SizeLimit == nil || l.volumes[0].EmptyDir.SizeLimit.Cmp(resource.MustParse("4Gi")) < 0 {
			add("no bounded folder for temporary files")
		}
	}
	for _, r := range l.results {
		if lure(r.Name) {
			add("Chains would take the result %s for something built here", r.Name)
		}
		if r.Description == "" {
			add("the result %s has no description", r.Name)
		}
	}
	return append(wrong, lintReferences(l, step)...)
}

func lintSecurity(c *core.SecurityContext) (missing []string) {
	if c == nil {
		return []string{"none"}
	}
	is := func(b *bool, want bool) bool { return b != nil && *b == want }
	for name, met := range map[string]bool{
		"runAsNonRoot":             is(c.RunAsNonRoot, true),
		"allowPrivilegeEscalation": is(c.AllowPrivilegeEscalation, false),
		"readOnlyRootFilesystem":   is(c.ReadOnlyRootFilesystem, true),
		"capabilities":             c.Capabilities != nil && slices.Equal(c.Capabilities.Drop, []core.Capability{"ALL"}) && len(c.Capabilities.Add) == 0,
		"seccompProfile":           c.SeccompProfile != nil && c.SeccompProfile.Type == core.SeccompProfileTypeRuntimeDefault,
		"user":                     c.RunAsUser == nil && c.RunAsGroup == nil || c.RunAsUser != nil && c.RunAsGroup != nil && *c.RunAsUser > 0 && *c.RunAsGroup > 0,
	} {
		if !met {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// lure tells the names by which Tekton Chains takes a result for an image or artefact that the task built.
// https://github.com/tektoncd/chains/blob/v0.26.0/docs/slsa-provenance.md#type-hinting
func lure(name string) bool {
	for _, suffix := range []string{"IMAGE_URL", "IMAGE_DIGEST", "ARTIFACT_URI", "ARTIFACT_DIGEST"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return name == "IMAGES"
}

var variable = regexp.MustCompile(`\$\(([^()]*)\)`)

// lintReferences wants every parameter used, every reference known, and no secret in the environment.
func lintReferences(l linted, step tekton.Step) (wrong []string) {
	raw, _ := json.Marshal(step)
	// https://tekton.dev/docs/pipelines/variables/#variables-available-in-a-task
	known := map[string]bool{"context.taskRun.name": true, "context.taskRun.uid": true, "context.taskRun.namespace": true, "context.task.name": true}
	for _, p := range l.params {
		known["params."+p.Name] = true
		if !strings.Contains(string(raw), "$(params."+p.Name+")") {
			wrong = append(wrong, "the parameter "+p.Name+" is not used")
		}
		if p.Type != tekton.ParamTypeString || p.Description == "" {
			wrong = append(wrong, "the parameter "+p.Name+" is no text, or not described")
		}
	}
	for _, r := range l.results {
		known[map[bool]string{false: "results.", true: "step.results."}[l.action]+r.Name+".path"] = true
	}
	for _, w := range l.workspaces {
		known["workspaces."+w.Name+".path"] = true
		if !strings.Contains(string(raw), "$(workspaces."+w.Name+".path)") {
			wrong = append(wrong, "the workspace "+w.Name+" is not used")
		}
	}
	for _, found := range variable.FindAllStringSubmatch(string(raw), -1) {
		if !known[found[1]] {
			wrong = append(wrong, "nothing resolves $("+found[1]+")")
		}
	}
	for _, e := range step.Env {
		if e.ValueFrom != nil {
			wrong = append(wrong, "the variable "+e.Name+" comes from elsewhere")
		}
	}
	return wrong
}

func TestTheTasksPassOurLint(t *testing.T) {
	for name, raw := range generatedFiles(t) {
		if !strings.HasSuffix(name, ".yaml") || strings.Contains(name, "/samples/") {
			continue
		}
		objects, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			var wrong []string
			switch o := o.(type) {
			case *tekton.Task:
				wrong = lint(lintedTask(o))
			case *v1beta1.StepAction:
				wrong = lint(lintedAction(o))
			}
			for _, text := range wrong {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

// TestTheLintFindsWhatItIsFor breaks one thing at a time.
func TestTheLintFindsWhatItIsFor(t *testing.T) {
	pin, err := pinfile.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*tekton.Task){
		"2 steps":                                  func(t *tekton.Task) { t.Spec.Steps = append(t.Spec.Steps, t.Spec.Steps[0]) },
		"the image is not pinned":                  func(t *tekton.Task) { t.Spec.Steps[0].Image = "ghcr.io/stepseal/stepseal:v0.1.0" },
		"no command":                               func(t *tekton.Task) { t.Spec.Steps[0].Command = nil },
		"or a script":                              func(t *tekton.Task) { t.Spec.Steps[0].Script = "#!/bin/sh\n" },
		"security context: none":                   func(t *tekton.Task) { t.Spec.StepTemplate = nil },
		"security context: runAsNonRoot":           func(t *tekton.Task) { t.Spec.StepTemplate.SecurityContext.RunAsNonRoot = nil },
		"security context: allowPrivilegeEscal":    func(t *tekton.Task) { t.Spec.StepTemplate.SecurityContext.AllowPrivilegeEscalation = pointer(true) },
		"security context: readOnlyRoot":           func(t *tekton.Task) { t.Spec.StepTemplate.SecurityContext.ReadOnlyRootFilesystem = pointer(false) },
		"security context: capabilities":           func(t *tekton.Task) { t.Spec.StepTemplate.SecurityContext.Capabilities.Drop = nil },
		"security context: seccompProfile":         func(t *tekton.Task) { t.Spec.StepTemplate.SecurityContext.SeccompProfile = nil },
		"security context: user":                   func(t *tekton.Task) { t.Spec.StepTemplate.SecurityContext.RunAsUser = pointer(int64(0)) },
		"no limit on memory":                       func(t *tekton.Task) { t.Spec.Steps[0].ComputeResources.Limits = nil },
		"no bounded folder":                        func(t *tekton.Task) { t.Spec.Volumes[0].EmptyDir.SizeLimit = nil },
		"Chains would take the result app_IMAGE_U": func(t *tekton.Task) { t.Spec.Results[0].Name = "app_IMAGE_URL" },
		"Chains would take the result IMAGE_DIGES": func(t *tekton.Task) { t.Spec.Results[0].Name = "IMAGE_DIGEST" },
		"Chains would take the result SBOM_ARTIFA": func(t *tekton.Task) { t.Spec.Results[0].Name = "SBOM_ARTIFACT_URI" },
		"Chains would take the result a_ARTIFACT_": func(t *tekton.Task) { t.Spec.Results[0].Name = "a_ARTIFACT_DIGEST" },
		"Chains would take the result IMAGES":      func(t *tekton.Task) { t.Spec.Results[0].Name = "IMAGES" },
		"the result verdict has no description":    func(t *tekton.Task) { t.Spec.Results[0].Description = "" },
		"the parameter more is not used":           func(t *tekton.Task) { t.Spec.Params = append(t.Spec.Params, optional("more", "more")) },
		"the parameter image is no text":           func(t *tekton.Task) { t.Spec.Params[0].Type = tekton.ParamTypeArray },
		"the workspace more is not used": func(t *tekton.Task) {
			t.Spec.Workspaces = append(t.Spec.Workspaces, tekton.WorkspaceDeclaration{Name: "more"})
		},
		"nothing resolves $(params.less)": func(t *tekton.Task) { t.Spec.Steps[0].Args = []string{"$(params.less)"} },
		"the variable TOKEN comes from elsewhere": func(t *tekton.Task) {
			t.Spec.Steps[0].Env = append(t.Spec.Steps[0].Env, core.EnvVar{Name: "TOKEN", ValueFrom: &core.EnvVarSource{SecretKeyRef: &core.SecretKeySelector{}}})
		},
	} {
		bad := task(steps.SecureImage(), pin, kubernetes)
		spoil(bad)
		if wrong := strings.Join(lint(lintedTask(bad)), "\n"); !strings.Contains(wrong, want) {
			t.Errorf("expected %q, got %q", want, wrong)
		}
	}
	if wrong := lint(lintedTask(task(steps.SecureImage(), pin, kubernetes))); wrong != nil {
		t.Errorf("the unspoilt: %q", wrong)
	}
}

// TestResultsAreTheOutputs compares the declarations with what the host writes.
func TestResultsAreTheOutputs(t *testing.T) {
	for _, spec := range steps.All() {
		var want []string
		for _, out := range spec.AllOutputs() {
			want = append(want, out.Name)
		}
		for _, o := range host.Objects(want) {
			want = append(want, o.Name)
		}
		for name, l := range map[string]linted{"Task": lintedTask(task(spec, Pin{}, kubernetes)), "StepAction": lintedAction(stepAction(spec, Pin{}, kubernetes))} {
			var got []string
			for _, r := range l.results {
				got = append(got, r.Name)
				if object := strings.Contains(r.Name, "_ARTIFACT_"); object != (r.Type == tekton.ResultsTypeObject) || object != (len(r.Properties) == 2) {
					t.Errorf("%s %s: %s is of the type %s", name, spec.Name, r.Name, r.Type)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s %s: results %v, outputs %v", name, spec.Name, got, want)
			}
		}
	}
}

// TestParametersAreTheInputs: all of them, but for secrets and what other hosts have.
func TestParametersAreTheInputs(t *testing.T) {
	for _, spec := range steps.All() {
		params := task(spec, Pin{}, kubernetes).Spec.Params
		for _, in := range spec.Inputs {
			d := in.Declaration()
			want := !d.Secret && d.Host == ""
			if has := slices.Contains(params.GetNames(), d.Name); has != want {
				t.Errorf("%s: %s is a parameter: %v", spec.Name, d.Name, has)
			}
		}
		if slices.Contains(params.GetNames(), "key") || slices.Contains(params.GetNames(), "key-password") {
			t.Errorf("%s: a secret is a parameter", spec.Name)
		}
	}
}
