package gitlab

import (
	"time"

	"github.com/stepseal/stepseal/internal/step"
)

// Build is what the runner says of the job. The runner is who builds, as in the provenance that GitLab writes itself.
// https://docs.gitlab.com/ci/variables/predefined_variables/ https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1/
func (h *Host) Build() step.Build {
	project, job := h.getenv("CI_PROJECT_URL"), h.getenv("CI_JOB_URL")
	if project == "" || job == "" {
		return step.Build{}
	}
	b := step.Build{System: "gitlab", Builder: project + "/-/runners/" + h.getenv("CI_RUNNER_ID"), Invocation: job, Repository: project, Ref: h.ref(),
		Commit: h.getenv("CI_COMMIT_SHA"), Definition: h.getenv("CI_JOB_NAME"), Event: h.getenv("CI_PIPELINE_SOURCE")}
	b.Rechecks = b.Event == "schedule"
	b.Started, _ = time.Parse(time.RFC3339, h.getenv("CI_JOB_STARTED_AT"))
	for _, detail := range []step.Value{{Name: "project_id", Value: "CI_PROJECT_ID"}, {Name: "pipeline_id", Value: "CI_PIPELINE_ID"}, {Name: "config_path", Value: "CI_CONFIG_PATH"}} {
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
