package provenance

import (
	"cmp"
	"slices"
)

// workflowEvents are those that GitHub's build type is for; it must not be used for another.
// https://github.com/actions/buildtypes/blob/main/workflow/v1/README.md
var workflowEvents = []string{"create", "release", "push", "workflow_dispatch"}

func (b Build) isWorkflow() bool {
	return b.System == "github" && b.Repository != "" && b.Ref != "" && b.Definition != "" && slices.Contains(workflowEvents, b.Event)
}

// workflow is GitHub's build type.
func (b Build) workflow() definition {
	type parameters struct {
		Ref        string `json:"ref"`
		Repository string `json:"repository"`
		Path       string `json:"path"`
	}
	github := map[string]string{"event_name": b.Event}
	for _, d := range b.Details {
		github[d.Name] = d.Value
	}
	return definition{WorkflowBuild, map[string]parameters{"workflow": {b.Ref, b.Repository, b.Definition}}, map[string]any{"github": github}, b.source()}
}

// job is our build type, for every other job. docs/build-type/v1 defines it.
func (b Build) job() definition {
	external := map[string]string{}
	for _, p := range []Detail{{"system", cmp.Or(b.System, "none")}, {"repository", b.Repository}, {"ref", b.Ref}, {"definition", b.Definition}} {
		if p.Value != "" {
			external[p.Name] = p.Value
		}
	}
	d := definition{BuildType: JobBuild, ExternalParameters: external, Dependencies: b.source()}
	internal := map[string]string{}
	for _, p := range append([]Detail{{"event", b.Event}}, b.Details...) {
		if p.Value != "" {
			internal[p.Name] = p.Value
		}
	}
	if len(internal) > 0 {
		d.InternalParameters = internal
	}
	return d
}

// Of is the build of another source than the CI system names: its ref is not that source's, nor is a workflow in it. An
// empty repository is the one that the build has already.
func (b Build) Of(repository, commit string) Build {
	b.Repository, b.Ref, b.Commit = cmp.Or(repository, b.Repository), "", commit
	if b.System == "github" {
		b.Definition = ""
	}
	return b
}
