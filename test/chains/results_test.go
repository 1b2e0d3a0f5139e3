// Package chains asks Tekton Chains what it makes of the results of our Tasks.
package chains

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tektoncd/chains/pkg/artifacts"
	"github.com/tektoncd/chains/pkg/chains/objects"
	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"
)

const (
	repository = "registry.example.com/team/app"
	digest     = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// results gives every result of the Tasks the most luring value: the image by its digest.
func results(t *testing.T) map[string][]objects.Result {
	t.Helper()
	files, err := filepath.Glob("../../tasks/*/task.yaml")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d Tasks: %v", len(files), err)
	}
	all := map[string][]objects.Result{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var task tekton.Task
		if err := yaml.Unmarshal(raw, &task); err != nil {
			t.Fatal(err)
		}
		for _, r := range task.Spec.Results {
			value := *tekton.NewStructuredValues(repository + "@" + digest)
			if r.Type == tekton.ResultsTypeObject {
				value = *tekton.NewObject(map[string]string{"uri": repository, "digest": digest})
			}
			all[task.Name] = append(all[task.Name], objects.Result{Name: r.Name, Type: r.Type, Value: value})
		}
	}
	return all
}

// built is what Chains would sign, or attest that the Task built.
func built(list []objects.Result) int {
	ctx := context.Background()
	run := objects.NewTaskRunObjectV1(&tekton.TaskRun{Status: tekton.TaskRunStatus{TaskRunStatusFields: tekton.TaskRunStatusFields{Results: taskResults(list)}}})
	return len(artifacts.ExtractOCIImagesFromResults(ctx, list)) + len(artifacts.ExtractSignableTargetFromResults(ctx, run)) + len(artifacts.ExtractBuildArtifactsFromResults(ctx, list))
}

func taskResults(list []objects.Result) (results []tekton.TaskRunResult) {
	for _, r := range list {
		results = append(results, tekton.TaskRunResult{Name: r.Name, Type: r.Type, Value: r.Value})
	}
	return results
}

func TestChainsBelievesNoTaskToHaveBuiltTheImage(t *testing.T) {
	for name, list := range results(t) {
		if n := built(list); n != 0 {
			t.Errorf("%s: Chains finds %d subjects", name, n)
		}
		inputs := artifacts.ExtractStructuredTargetFromResults(context.Background(), list, artifacts.ArtifactsInputsResultName)
		if len(inputs) != 1 || inputs[0].URI != repository || inputs[0].Digest != digest {
			t.Errorf("%s: the image is no material: %v", name, inputs)
		}
	}
}

// TestChainsWouldFindOthers shows that the extractors would see what must not be there.
func TestChainsWouldFindOthers(t *testing.T) {
	text := func(name, value string) objects.Result {
		return objects.Result{Name: name, Type: tekton.ResultsTypeString, Value: *tekton.NewStructuredValues(value)}
	}
	marked := *tekton.NewObject(map[string]string{"uri": repository, "digest": digest, "isBuildArtifact": "true"})
	for name, list := range map[string][]objects.Result{
		"an image":    {text("scanned_IMAGE_URL", repository), text("scanned_IMAGE_DIGEST", digest)},
		"images":      {text("IMAGES", repository+"@"+digest)},
		"an artefact": {text("sbom_ARTIFACT_URI", repository), text("sbom_ARTIFACT_DIGEST", digest)},
		"an object":   {{Name: "sbom_ARTIFACT_OUTPUTS", Type: tekton.ResultsTypeObject, Value: marked}},
	} {
		if built(list) == 0 {
			t.Errorf("%s: Chains finds nothing, so that this comparison shows nothing", name)
		}
	}
}
