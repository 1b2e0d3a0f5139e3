package tekton

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// pipeline runs a Pipeline to its end and returns the PipelineRun.
func (s *space) pipeline(name, pipeline string, p params, workspaces ...any) cluster.Object {
	s.Helper()
	found, err := the.cluster.Finish(s.name, object("tekton.dev/v1", "PipelineRun", name, map[string]any{"spec": map[string]any{
		"pipelineRef": map[string]any{"name": pipeline}, "params": p.list(), "workspaces": workspaces}}), 2*limit)
	for _, each := range s.tasksOf(name, "") {
		s.reportLogs(each)
	}
	if err != nil {
		s.Fatal(err)
	}
	return found
}

// tasksOf are the TaskRuns of a PipelineRun, or of one of its tasks.
func (s *space) tasksOf(name, task string) []cluster.Object {
	s.Helper()
	selector := "tekton.dev/pipelineRun=" + name
	if task != "" {
		selector += ",tekton.dev/pipelineTask=" + task
	}
	found, err := the.cluster.List(s.name, "tekton.dev/v1", "TaskRun", selector)
	if err != nil {
		s.Fatal(err)
	}
	return found
}

// ended checks how a PipelineRun ended.
func (s *space) ended(found cluster.Object, status string) {
	s.Helper()
	if succeeded, _ := found.Condition("Succeeded"); succeeded["status"] != status {
		s.Fatalf("%s: Succeeded is %v, want %s: %v", found.Text("metadata", "name"), succeeded["status"], status, succeeded["message"])
	}
}

var signing = renamed(signingKey, "signing-key")

func renamed(workspace any, name string) any {
	copied := map[string]any{}
	for key, value := range workspace.(map[string]any) {
		copied[key] = value
	}
	copied["name"] = name
	return copied
}

func TestPipeline(t *testing.T) {
	s := newSpace(t, ordinary)
	image := privateAddress + "/pipeline/shop"
	found := s.pipeline("build-secure-deploy", "stepseal-build-secure-deploy", params{"image": image},
		bound("source", "emptyDir", map[string]any{}), signing, dockerconfig, authorities, advisories)
	s.ended(found, "True")
	built := s.tasksOf("build-secure-deploy", "build")[0].Results()["IMAGE_DIGEST"]
	results := found.Results()
	if want := fmt.Sprintf("%s@%s", image, built); results["image"] != want || results["verdict"] != "accepted" {
		t.Errorf("the results are %v, want the image %s, accepted", results, want)
	}
}

// One image that is refused does not keep the others from being secured.
func TestMatrix(t *testing.T) {
	s := newSpace(t, ordinary)
	var images []any
	for _, name := range []string{"matrix/one", "matrix/two", "matrix/three"} {
		repository, digest := app(t, name, "2.17.1")
		images = append(images, repository+"@"+digest)
	}
	found := s.pipeline("all-accepted", "stepseal-secure-images", params{"images": images}, signing, dockerconfig, authorities, advisories)
	s.ended(found, "True")
	results := found.Results()
	if got := fmt.Sprint(results["verdicts"], results["images"]); got != fmt.Sprint([]any{"accepted", "accepted", "accepted"}, images) {
		t.Errorf("the results are %v, want all of %v accepted", results, images)
	}
	if n := len(s.tasksOf("all-accepted", "deploy-gate")); n != len(images) {
		t.Errorf("%d images were verified, want %d", n, len(images))
	}

	repository, digest := app(t, "matrix/refused", "2.14.1")
	found = s.pipeline("one-refused", "stepseal-secure-images", params{"images": []any{images[0], repository + "@" + digest}},
		signing, dockerconfig, authorities, advisories)
	s.ended(found, "False")
	var verdicts []string
	for _, each := range s.tasksOf("one-refused", "secure") {
		verdicts = append(verdicts, fmt.Sprint(each.Results()["verdict"], " ", each.Results()["reason"]))
	}
	slices.Sort(verdicts)
	if got := strings.Join(verdicts, ", "); got != "accepted , refused vulnerable" {
		t.Errorf("the images ended as %s", got)
	}
	if n := len(s.tasksOf("one-refused", "deploy-gate")); n != 0 {
		t.Errorf("%d images went on to the deploy gate behind a refused one", n)
	}
}

// The results of a refused gate reach the Tasks of finally, and nothing is deployed.
func TestRefusedGateInFinally(t *testing.T) {
	s := newSpace(t, ordinary)
	repository, digest := app(t, "finally/shop", "2.14.1")
	found := s.pipeline("refused", "gate-and-tell", params{"image": repository + "@" + digest}, dockerconfig, authorities, advisories)
	s.ended(found, "False")
	if n := len(s.tasksOf("refused", "deploy")); n != 0 {
		t.Errorf("%d deployments behind a refused gate", n)
	}
	gate, report := s.tasksOf("refused", "gate"), s.tasksOf("refused", "report")
	if len(gate) != 1 || len(report) != 1 {
		t.Fatalf("%d gates and %d reports, want one of each", len(gate), len(report))
	}
	critical := gate[0].Results()["critical"]
	want := fmt.Sprintf("Failed refused vulnerable %v %s@%s %[3]s", critical, repository, digest)
	if critical == "0" || report[0].Results()["text"] != want {
		t.Errorf("finally was told %q, want %q", report[0].Results()["text"], want)
	}
}
