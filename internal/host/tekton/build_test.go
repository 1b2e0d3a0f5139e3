package tekton

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/step"
)

func TestBuildIsTheTaskRun(t *testing.T) {
	env := map[string]string{TaskRun: "image-x7k2p", TaskRunID: "4e3b8b4c-9f0a-4b0e-8a52-0c5f4f0a1f11", Namespace: "team", Task: "build-image"}
	h, _, _ := host(t, env)
	want := step.Build{System: "tekton", Builder: Anyone, Invocation: "urn:uuid:4e3b8b4c-9f0a-4b0e-8a52-0c5f4f0a1f11", Definition: "build-image",
		Details: []step.Value{{Name: "taskRun", Value: "image-x7k2p"}, {Name: "namespace", Value: "team"}}}
	if diff := cmp.Diff(want, h.Build()); diff != "" {
		t.Error(diff)
	}
	for name, value := range map[string]string{TaskRun: "", TaskRunID: "$(context.taskRun.uid)"} {
		h, _, _ := host(t, map[string]string{TaskRun: env[TaskRun], TaskRunID: env[TaskRunID], name: value})
		if got := h.Build(); got.Builder != "" {
			t.Errorf("with %s=%s: %+v", name, value, got)
		}
	}
	h, _, _ = host(t, map[string]string{TaskRun: env[TaskRun], TaskRunID: env[TaskRunID], Namespace: "$(context.taskRun.namespace)"})
	if got := h.Build(); len(got.Details) != 1 {
		t.Errorf("what Tekton has not filled in is told: %+v", got)
	}
}
