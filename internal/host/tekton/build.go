package tekton

import (
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// The environment variables by which a definition says what runs. Tekton fills them in from $(context...); it knows of no
// source, so that a pipeline hands that in.
// https://tekton.dev/docs/pipelines/variables/#variables-available-in-a-task
const (
	TaskRun   = "STEPSEAL_TASKRUN"
	TaskRunID = "STEPSEAL_TASKRUN_UID"
	Namespace = "STEPSEAL_TASKRUN_NAMESPACE"
	Task      = "STEPSEAL_TASK"
)

// Anyone is the builder where nobody says whose Tekton it is: one installation is a builder, and Tekton itself is none.
// https://slsa.dev/spec/v1.0/provenance#builder
const Anyone = "https://github.com/stepseal/stepseal/tree/main/docs/build-type/v1#a-tekton-that-nobody-named"

// Build is the TaskRun, which as a rule is another one than that of the build: only who asks for provenance, or hands in
// what was built, gets it. A cluster has no address that it would know of itself, so that the run is told by its UID.
func (h *Host) Build() step.Build {
	name, uid := h.context(TaskRun), h.context(TaskRunID)
	if name == "" || uid == "" {
		return step.Build{}
	}
	b := step.Build{System: "tekton", Builder: Anyone, Invocation: "urn:uuid:" + uid, Definition: h.context(Task)}
	for _, detail := range []step.Value{{Name: "taskRun", Value: name}, {Name: "namespace", Value: h.context(Namespace)}} {
		if detail.Value != "" {
			b.Details = append(b.Details, detail)
		}
	}
	return b
}

// context is a variable that Tekton has filled in: what it does not know it leaves as it stands in the definition.
func (h *Host) context(name string) string {
	value := h.getenv(name)
	if strings.HasPrefix(value, "$(") {
		return ""
	}
	return value
}
