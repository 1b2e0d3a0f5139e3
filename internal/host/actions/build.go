package actions

import (
	"net/url"
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// Build is what the runner says of the run. The workflow that it names is the one that was started: of a reusable workflow
// that this one called, the environment knows nothing, and only an identity token has its name (job_workflow_ref).
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables
func (h *Host) Build() step.Build {
	server, repository, workflow := h.getenv("GITHUB_SERVER_URL"), h.getenv("GITHUB_REPOSITORY"), h.getenv("GITHUB_WORKFLOW_REF")
	if at, err := url.Parse(server); err != nil || at.Host == "" || repository == "" || workflow == "" {
		return step.Build{}
	}
	b := step.Build{System: "github", Builder: server + "/" + workflow, Repository: server + "/" + repository, Ref: h.getenv("GITHUB_REF"),
		Commit: h.getenv("GITHUB_SHA"), Event: h.getenv("GITHUB_EVENT_NAME"), Definition: definition(repository, workflow, h.getenv("GITHUB_REF"))}
	b.Builds = b.Event != "schedule"
	if run := h.getenv("GITHUB_RUN_ID"); run != "" {
		b.Invocation = b.Repository + "/actions/runs/" + run + "/attempts/" + attempt(h.getenv("GITHUB_RUN_ATTEMPT"))
	}
	for _, detail := range []step.Value{{Name: "repository_id", Value: "GITHUB_REPOSITORY_ID"}, {Name: "repository_owner_id", Value: "GITHUB_REPOSITORY_OWNER_ID"}, {Name: "runner_environment", Value: "RUNNER_ENVIRONMENT"}} {
		if value := h.getenv(detail.Value); value != "" {
			b.Details = append(b.Details, step.Value{Name: detail.Name, Value: value})
		}
	}
	return b
}

// definition is the path of the workflow in the repository; it and the ref may both hold an @. It is empty where the
// workflow is another repository's, as one that an organisation requires of all is.
func definition(repository, workflow, ref string) string {
	path, ours := strings.CutPrefix(workflow, repository+"/")
	path, whole := strings.CutSuffix(path, "@"+ref)
	if !ours || !whole || ref == "" {
		return ""
	}
	return path
}

func attempt(text string) string {
	if text == "" {
		return "1"
	}
	return text
}
