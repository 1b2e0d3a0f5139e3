package gitlab

import (
	"time"

	"github.com/stepseal/stepseal/internal/step"
)

// Build is what the runner says of the pipeline. It is the pipeline that builds: the image may be another job's.
// https://docs.gitlab.com/ci/variables/predefined_variables/
func (h *Host) Build() step.Build {
	server, project, pipeline := h.getenv("CI_SERVER_URL"), h.getenv("CI_PROJECT_URL"), h.getenv("CI_PIPELINE_URL")
	if server == "" || project == "" || pipeline == "" {
		return step.Build{}
	}
	b := step.Build{System: "gitlab", Builder: server, Invocation: pipeline, Repository: project, Ref: h.ref(), Commit: h.getenv("CI_COMMIT_SHA"),
		Definition: h.getenv("CI_CONFIG_PATH"), Event: h.getenv("CI_PIPELINE_SOURCE")}
	b.Builds = b.Event != "schedule"
	b.Started, _ = time.Parse(time.RFC3339, h.getenv("CI_PIPELINE_CREATED_AT"))
	for _, detail := range []step.Value{{Name: "project_id", Value: "CI_PROJECT_ID"}, {Name: "job", Value: "CI_JOB_URL"}, {Name: "runner_id", Value: "CI_RUNNER_ID"}} {
		if value := h.getenv(detail.Value); value != "" {
			b.Details = append(b.Details, step.Value{Name: detail.Name, Value: value})
		}
	}
	return b
}

// ref is what git calls it: GitLab gives the bare name of a branch or of a tag. Of a merge request it is the request's.
func (h *Host) ref() string {
	if request := h.getenv("CI_MERGE_REQUEST_REF_PATH"); request != "" {
		return request
	}
	if tag := h.getenv("CI_COMMIT_TAG"); tag != "" {
		return "refs/tags/" + tag
	}
	if branch := h.getenv("CI_COMMIT_BRANCH"); branch != "" {
		return "refs/heads/" + branch
	}
	return ""
}
