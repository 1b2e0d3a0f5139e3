package manifest

import (
	"bytes"
	"fmt"

	"github.com/stepseal/stepseal/internal/step"
)

// catalogue adds the same definitions in the layout that Artifact Hub reads: a kind's folder is a repository of its own.
// https://github.com/tektoncd/community/blob/main/teps/0003-tekton-catalog-organization.md
func (f files) catalogue(specs []*step.Spec, pin Pin) error {
	for _, kind := range []string{"task", "stepaction", "pipeline"} {
		f["catalog/"+kind+"/artifacthub-repo.yml"] = []byte(generatedYAML + "# Artifact Hub gives out the repositoryID when this folder is registered there; it proves whose it is.\nowners:\n  - name: stepseal\n    email: stepseal@users.noreply.github.com\n")
	}
	for _, spec := range specs {
		name := objectName(spec)
		readme := catalogueReadme(taskReadme(spec, pin), spec)
		folder := "catalog/task/" + name + "/" + line(pin) + "/"
		f[folder+name+".yaml"] = f["tasks/"+spec.Name+"/task.yaml"]
		f[folder+"README.md"] = readme
		if err := f.object(folder+"samples/run.yaml", sampleRun(spec)); err != nil {
			return err
		}
		folder = "catalog/stepaction/" + name + "/" + line(pin) + "/"
		f[folder+name+".yaml"] = f["tasks/"+spec.Name+"/stepaction.yaml"]
		f[folder+"README.md"] = readme
		if err := f.object(folder+"samples/task.yaml", sampleTask(spec)); err != nil {
			return err
		}
	}
	for _, name := range []string{"build-secure-deploy", "secure-images"} {
		folder := "catalog/pipeline/stepseal-" + name + "/" + line(pin) + "/"
		f[folder+"stepseal-"+name+".yaml"] = f["tasks/pipelines/"+name+".yaml"]
		f[folder+"README.md"] = []byte(fmt.Sprintf("%s# stepseal-%s\n\nSee [the Tasks](%s/tree/main/tasks), which it runs.\n", generated, name, repository))
	}
	return nil
}

// catalogueReadme has links that hold outside of the repository.
func catalogueReadme(readme []byte, spec *step.Spec) []byte {
	at := repository + "/blob/main/"
	for _, link := range [][2]string{{"(task.yaml)", "(" + at + "tasks/" + spec.Name + "/task.yaml)"}, {"(stepaction.yaml)", "(" + at + "tasks/" + spec.Name + "/stepaction.yaml)"},
		{"(../openshift)", "(" + repository + "/tree/main/tasks/openshift)"}, {"(../../docs/", "(" + at + "docs/"}} {
		readme = bytes.ReplaceAll(readme, []byte(link[0]), []byte(link[1]))
	}
	return readme
}
