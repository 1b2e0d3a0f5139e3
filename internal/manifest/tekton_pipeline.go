package manifest

import (
	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pipelineOfOne builds an image with a Task of the cluster's, secures it, and verifies it as whoever deploys it would. It
// has no matrix, so that a cluster with stable features only takes it.
func pipelineOfOne(pin Pin) *tekton.Pipeline {
	built := "$(params.image)@$(tasks.build.results.IMAGE_DIGEST)"
	p := pipeline("stepseal-build-secure-deploy", "Build an image, secure it, and verify it before it is deployed",
		`The Task build is one of the cluster's, such as buildah of the Tekton catalogue: it takes the parameter IMAGE and the workspace source, and gives the result IMAGE_DIGEST. stepseal then makes the SBOM, gates, signs and attests the image by that digest, and stops before signing if the gate does not accept it. deploy-gate verifies what was pushed, as anybody would. What deploys comes after it, and takes its result image.`, pin)
	p.Spec.Params = tekton.ParamSpecs{
		text("image", "Where the image is pushed, without a tag or digest."),
		optional("fail-on", "the lowest severity that refuses the image (high)"),
		optional("require", "what the image must carry to be deployed (signature,sbom,scan)"),
	}
	p.Spec.Workspaces = []tekton.PipelineWorkspaceDeclaration{
		{Name: "source", Description: "What is built; a claim of a volume, since two Tasks use it."},
		{Name: "signing-key", Description: "A Secret with cosign.key, cosign.password and cosign.pub, as cosign generate-key-pair k8s://NAMESPACE/NAME makes it."},
	}
	p.Spec.Workspaces = append(p.Spec.Workspaces, reachingWorkspaces...)
	p.Spec.Tasks = []tekton.PipelineTask{
		{
			Name:    "build",
			TaskRef: &tekton.TaskRef{Name: "buildah", Kind: tekton.NamespacedTaskKind},
			Params:  tekton.Params{given("IMAGE", "$(params.image)")},
			Workspaces: []tekton.WorkspacePipelineTaskBinding{
				{Name: "source", Workspace: "source"}, {Name: "dockerconfig", Workspace: "dockerconfig"},
			},
		},
		{
			Name:       "secure",
			TaskRef:    ours("secure-image"),
			Params:     tekton.Params{given("image", built), given("fail-on", "$(params.fail-on)")},
			Workspaces: bindings("database"),
		},
		{
			Name:       "deploy-gate",
			RunAfter:   []string{"secure"},
			TaskRef:    ours("verify"),
			Params:     tekton.Params{given("image", "$(tasks.secure.results.image)"), given("require", "$(params.require)")},
			Workspaces: bindings(),
		},
	}
	p.Spec.Results = []tekton.PipelineResult{
		lifted("image", "The image by its digest, as it was verified.", "$(tasks.deploy-gate.results.image)"),
		lifted("verdict", "How secure-image ended.", "$(tasks.secure.results.verdict)"),
		lifted("reason", "Why it did not end as accepted.", "$(tasks.secure.results.reason)"),
		lifted("evidence-digest", "The digest of evidence.json.", "$(tasks.secure.results.evidence-digest)"),
	}
	return p
}

// pipelineOfMany secures many images side by side, a Pod each, and verifies each.
func pipelineOfMany(pin Pin) *tekton.Pipeline {
	p := pipeline("stepseal-secure-images", "Secure many images side by side",
		`Runs secure-image once for each image, in a Pod of its own, and then verify for each, by the digest that was signed. One image that is refused does not keep the others from being looked at; the PipelineRun fails all the same. The matrix is a beta feature of Tekton Pipelines, and takes 256 images by default.`, pin)
	images := tekton.Params{{Name: "image", Value: tekton.ParamValue{Type: tekton.ParamTypeArray, ArrayVal: []string{"$(params.images[*])"}}}}
	p.Spec.Params = tekton.ParamSpecs{
		{Name: "images", Type: tekton.ParamTypeArray, Description: "The images, each by a tag or, better, a digest."},
		optional("fail-on", "the lowest severity that refuses an image (high)"),
	}
	p.Spec.Workspaces = []tekton.PipelineWorkspaceDeclaration{
		{Name: "signing-key", Description: "A Secret with cosign.key, cosign.password and cosign.pub."},
	}
	p.Spec.Workspaces = append(p.Spec.Workspaces, reachingWorkspaces...)
	pushed := tekton.Params{{Name: "image", Value: tekton.ParamValue{Type: tekton.ParamTypeArray, ArrayVal: []string{"$(tasks.secure.results.image[*])"}}}}
	p.Spec.Tasks = []tekton.PipelineTask{
		{Name: "secure", TaskRef: ours("secure-image"), Params: tekton.Params{given("fail-on", "$(params.fail-on)")}, Matrix: &tekton.Matrix{Params: images}, Workspaces: bindings("database")},
		{Name: "deploy-gate", RunAfter: []string{"secure"}, TaskRef: ours("verify"), Matrix: &tekton.Matrix{Params: pushed}, Workspaces: bindings()},
	}
	p.Spec.Results = []tekton.PipelineResult{
		{Name: "verdicts", Type: tekton.ResultsTypeArray, Description: "How each ended, in the order of the images.", Value: *tekton.NewStructuredValues("$(tasks.secure.results.verdict[*])")},
		{Name: "images", Type: tekton.ResultsTypeArray, Description: "Each image by its digest.", Value: *tekton.NewStructuredValues("$(tasks.secure.results.image[*])")},
	}
	return p
}

// reachingWorkspaces are what a cluster behind a registry of its own needs, or one without a way out.
var reachingWorkspaces = []tekton.PipelineWorkspaceDeclaration{
	{Name: "dockerconfig", Description: "A Secret with registry logins.", Optional: true},
	{Name: "ssl-ca", Description: "A ConfigMap or Secret with certificate authorities of registries.", Optional: true},
	{Name: "database", Description: "The advisory database; it is downloaded where none is bound.", Optional: true},
}

// bindings are what every Task of ours takes, and more by the same name.
func bindings(more ...string) []tekton.WorkspacePipelineTaskBinding {
	list := []tekton.WorkspacePipelineTaskBinding{{Name: "secrets", Workspace: "signing-key"}}
	for _, name := range append([]string{"dockerconfig", "ssl-ca"}, more...) {
		list = append(list, tekton.WorkspacePipelineTaskBinding{Name: name, Workspace: name})
	}
	return list
}

func pipeline(name, summary, prose string, pin Pin) *tekton.Pipeline {
	return &tekton.Pipeline{
		TypeMeta:   meta.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "Pipeline"},
		ObjectMeta: metadata(name, pin),
		Spec:       tekton.PipelineSpec{DisplayName: summary, Description: summary + ".\n\n" + prose},
	}
}

func ours(name string) *tekton.TaskRef {
	return &tekton.TaskRef{Name: "stepseal-" + name, Kind: tekton.NamespacedTaskKind}
}

func text(name, usage string) tekton.ParamSpec {
	return tekton.ParamSpec{Name: name, Type: tekton.ParamTypeString, Description: usage}
}

func given(name, value string) tekton.Param {
	return tekton.Param{Name: name, Value: *tekton.NewStructuredValues(value)}
}

func lifted(name, usage, value string) tekton.PipelineResult {
	return tekton.PipelineResult{Name: name, Type: tekton.ResultsTypeString, Description: usage, Value: *tekton.NewStructuredValues(value)}
}
