package manifest

import (
	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stepseal/stepseal/internal/step"
)

// sampleRun is the shortest run that is of use.
func sampleRun(spec *step.Spec) *tekton.TaskRun {
	run := &tekton.TaskRun{
		TypeMeta:   meta.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "TaskRun"},
		ObjectMeta: meta.ObjectMeta{GenerateName: objectName(spec) + "-"},
		Spec: tekton.TaskRunSpec{
			TaskRef: ours(spec.Name),
			Params:  tekton.Params{given("image", "registry.example.com/team/app:1.0")},
		},
	}
	if hasSecrets(spec) && (spec.Writes() || hasInput(spec, "require")) {
		run.Spec.Workspaces = append(run.Spec.Workspaces, tekton.WorkspaceBinding{Name: "secrets", Secret: &core.SecretVolumeSource{SecretName: "signing-key"}})
	}
	if spec.Writes() && !readsLayers(spec) { // signs what an earlier step found
		run.Spec.Params = tekton.Params{given("evidence", "stepseal-out")}
		run.Spec.Workspaces = append(run.Spec.Workspaces, tekton.WorkspaceBinding{Name: "source", PersistentVolumeClaim: &core.PersistentVolumeClaimVolumeSource{ClaimName: "source"}})
	}
	return run
}

// mustYAML is for objects that are made here and nowhere else.
func mustYAML(object any) string {
	raw, err := encodeYAML(object)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// sampleTask is a Task of one's own with a StepAction in it.
func sampleTask(spec *step.Spec) *tekton.Task {
	t := &tekton.Task{
		TypeMeta:   meta.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "Task"},
		ObjectMeta: meta.ObjectMeta{Name: "my-" + spec.Name},
		Spec: tekton.TaskSpec{
			Params:  tekton.ParamSpecs{text("image", "The image.")},
			Results: []tekton.TaskResult{{Name: "verdict", Type: tekton.ResultsTypeString, Description: "How it ended.", Value: tekton.NewStructuredValues("$(steps." + spec.Name + ".results.verdict)")}},
			Steps: []tekton.Step{{
				Name:   spec.Name,
				Ref:    &tekton.Ref{Name: objectName(spec)},
				Params: tekton.Params{given("image", "$(params.image)"), given(scratchParam, scratchVolume)},
			}},
			Volumes: volumes(spec),
		},
	}
	if spec.Has(step.Identity) {
		t.Spec.Steps[0].Params = append(t.Spec.Steps[0].Params, given(tokenParam, tokenVolume))
	}
	for _, w := range workspaces(spec) {
		t.Spec.Workspaces = append(t.Spec.Workspaces, w)
		t.Spec.Steps[0].Params = append(t.Spec.Steps[0].Params, given(pathPrefix+w.Name, workspacePath(w.Name)))
	}
	return t
}
