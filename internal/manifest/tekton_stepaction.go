package manifest

import (
	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	host "github.com/stepseal/stepseal/internal/host/tekton"
	"github.com/stepseal/stepseal/internal/step"
)

// A StepAction has no workspaces and no volumes of its own: it is told their paths and names.
const (
	pathPrefix    = "workspace-"
	scratchParam  = "scratch-volume"
	tokenParam    = "token-volume"
	scratchUsage  = "the name of the Task's volume for temporary files: an emptyDir"
	tokenUsage    = "the name of the Task's volume with the token for signing without a key: a projected serviceAccountToken of the audience sigstore with the path oidc-token; with a key it may be any"
	pathUsageHead = "the path of "
)

// stepAction is a step for a Task of one's own.
func stepAction(spec *step.Spec, pin Pin, on flavour) *v1beta1.StepAction {
	action := &v1beta1.StepAction{
		TypeMeta:   meta.TypeMeta{APIVersion: "tekton.dev/v1beta1", Kind: "StepAction"},
		ObjectMeta: metadata(objectName(spec), pin),
		Spec: v1beta1.StepActionSpec{
			Description:     spec.Summary + ".\n\n" + spec.Prose,
			Image:           pin.String(),
			Command:         []string{"/stepseal"},
			Args:            []string{spec.Name},
			WorkingDir:      pathParam("source"),
			Env:             environment(spec, "$(step.results.verdict.path)", pathParam, scratchPath),
			Params:          append(volumeParams(spec), params(spec)...),
			SecurityContext: restricted(on),
			VolumeMounts:    mounts(spec, "$(params."+scratchParam+")", "$(params."+tokenParam+")"),
		},
	}
	for _, w := range workspacesOf {
		if w.of(spec) {
			action.Spec.Params = append(action.Spec.Params, optional(pathPrefix+w.name, pathUsageHead+w.usage+"; such as "+workspacePath(w.name)))
		}
	}
	for _, out := range spec.AllOutputs() {
		action.Spec.Results = append(action.Spec.Results, tekton.StepResult{Name: out.Name, Type: tekton.ResultsTypeString, Description: sentence(out.Usage)})
	}
	for _, o := range host.Objects(outputNames(spec)) {
		action.Spec.Results = append(action.Spec.Results, tekton.StepResult{Name: o.Name, Type: tekton.ResultsTypeObject, Properties: properties(), Description: sentence(o.Usage)})
	}
	return action
}

func pathParam(name string) string { return "$(params." + pathPrefix + name + ")" }

// volumeParams have no default: there is no volume that every Task has.
func volumeParams(spec *step.Spec) tekton.ParamSpecs {
	list := tekton.ParamSpecs{{Name: scratchParam, Type: tekton.ParamTypeString, Description: sentence(scratchUsage)}}
	if spec.Has(step.Identity) {
		list = append(list, tekton.ParamSpec{Name: tokenParam, Type: tekton.ParamTypeString, Description: sentence(tokenUsage)})
	}
	return list
}
