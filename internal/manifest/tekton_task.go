package manifest

import (
	"path"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	host "github.com/stepseal/stepseal/internal/host/tekton"
	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/step"
)

// flavour is who chooses the user: the Task, or the namespace, as OpenShift's restricted-v2 demands.
// https://docs.redhat.com/en/documentation/openshift_container_platform/4.19/html/authentication_and_authorization/managing-pod-security-policies
type flavour int

const (
	kubernetes flavour = iota
	openShift
)

const (
	// user is no user of anybody's; the image has none of its own, so that it runs as any.
	user int64 = 65532

	scratchVolume = "scratch"
	scratchPath   = "/mnt/scratch"
	// Outside of /workspace, below which Tekton would start a container more to make the working directory.
	sourcePath = "/mnt/source"
	home       = "/tekton/home"

	tokenVolume = "sigstore"
)

// task is a step as a Task: one container, no shell, parameters by the environment.
func task(spec *step.Spec, pin Pin, on flavour) *tekton.Task {
	t := &tekton.Task{
		TypeMeta:   meta.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "Task"},
		ObjectMeta: metadata(objectName(spec), pin),
		Spec: tekton.TaskSpec{
			DisplayName: "stepseal " + spec.Name,
			Description: spec.Summary + ".\n\n" + spec.Prose,
			Params:      params(spec),
			Workspaces:  workspaces(spec),
			StepTemplate: &tekton.StepTemplate{
				SecurityContext: restricted(on),
			},
			Steps: []tekton.Step{{
				Name:             "stepseal",
				Image:            pin.String(),
				Command:          []string{"/stepseal"},
				Args:             []string{spec.Name},
				WorkingDir:       "$(workspaces.source.path)",
				Env:              environment(spec, "$(results.verdict.path)", workspacePath, scratchPath),
				ComputeResources: resources(spec),
				VolumeMounts:     mounts(spec, scratchVolume, tokenVolume),
			}},
			Volumes: volumes(spec),
		},
	}
	for _, out := range spec.AllOutputs() {
		t.Spec.Results = append(t.Spec.Results, tekton.TaskResult{Name: out.Name, Type: tekton.ResultsTypeString, Description: sentence(out.Usage)})
	}
	for _, o := range host.Objects(outputNames(spec)) {
		t.Spec.Results = append(t.Spec.Results, tekton.TaskResult{Name: o.Name, Type: tekton.ResultsTypeObject, Properties: properties(), Description: sentence(o.Usage)})
	}
	return t
}

func outputNames(spec *step.Spec) []string {
	var names []string
	for _, out := range spec.AllOutputs() {
		names = append(names, out.Name)
	}
	return names
}

func properties() map[string]tekton.PropertySpec {
	keys := map[string]tekton.PropertySpec{}
	for _, key := range host.Keys {
		keys[key] = tekton.PropertySpec{Type: tekton.ParamTypeString}
	}
	return keys
}

func restricted(on flavour) *core.SecurityContext {
	context := &core.SecurityContext{
		RunAsNonRoot:             pointer(true),
		AllowPrivilegeEscalation: pointer(false),
		ReadOnlyRootFilesystem:   pointer(true),
		Capabilities:             &core.Capabilities{Drop: []core.Capability{"ALL"}},
		SeccompProfile:           &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
	}
	if on == kubernetes {
		context.RunAsUser, context.RunAsGroup = pointer(user), pointer(user)
	}
	return context
}

func pointer[T any](value T) *T { return &value }

// readsLayers tells the steps that hold an image's content and the database from those that speak with the registry.
func readsLayers(spec *step.Spec) bool { return hasInput(spec, "memory-limit") }

func hasInput(spec *step.Spec, name string) bool {
	for _, in := range spec.Inputs {
		if in.Declaration().Name == name {
			return true
		}
	}
	return false
}

func resources(spec *step.Spec) core.ResourceRequirements {
	cpu, request, limit := "100m", "256Mi", "1Gi"
	if readsLayers(spec) {
		cpu, request, limit = "500m", "1Gi", "4Gi"
	}
	return core.ResourceRequirements{
		Requests: core.ResourceList{core.ResourceCPU: resource.MustParse(cpu), core.ResourceMemory: resource.MustParse(request)},
		Limits:   core.ResourceList{core.ResourceMemory: resource.MustParse(limit)},
	}
}

func scratchSize(spec *step.Spec) resource.Quantity {
	if readsLayers(spec) {
		return resource.MustParse("8Gi")
	}
	return resource.MustParse("4Gi")
}

// volumes have the token where who signs may be asked for it. It is there with a key too: kubelet makes one in any cluster,
// a volume cannot be optional, and nobody but the one it is for takes it.
// https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
func volumes(spec *step.Spec) []core.Volume {
	list := []core.Volume{{Name: scratchVolume, VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{SizeLimit: pointer(scratchSize(spec))}}}}
	if spec.Has(step.Identity) {
		list = append(list, core.Volume{Name: tokenVolume, VolumeSource: core.VolumeSource{Projected: &core.ProjectedVolumeSource{Sources: []core.VolumeProjection{{
			ServiceAccountToken: &core.ServiceAccountTokenProjection{Audience: identity.Audience, ExpirationSeconds: pointer(int64(600)), Path: path.Base(identity.ProjectedFile)},
		}}}}})
	}
	return list
}

func mounts(spec *step.Spec, scratch, token string) []core.VolumeMount {
	list := []core.VolumeMount{{Name: scratch, MountPath: scratchPath}}
	if spec.Has(step.Identity) {
		list = append(list, core.VolumeMount{Name: token, MountPath: path.Dir(identity.ProjectedFile), ReadOnly: true})
	}
	return list
}
