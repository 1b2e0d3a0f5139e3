package jenkins

import (
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// Build is what Jenkins says of the build, and its git plugin of the source.
// https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
// https://plugins.jenkins.io/git/#plugin-content-environment-variables
func (h *Host) Build() step.Build {
	server, run := h.getenv("JENKINS_URL"), h.getenv("BUILD_URL")
	if server == "" || run == "" {
		return step.Build{}
	}
	b := step.Build{System: "jenkins", Builder: server, Invocation: run, Repository: repository(h.getenv("GIT_URL")), Commit: h.getenv("GIT_COMMIT"), Definition: h.getenv("JOB_NAME"), Builds: true}
	switch branch := strings.TrimPrefix(h.getenv("GIT_BRANCH"), "origin/"); {
	case h.getenv("TAG_NAME") != "":
		b.Ref = "refs/tags/" + h.getenv("TAG_NAME")
	case branch != "" && branch != "detached":
		b.Ref = "refs/heads/" + branch
	}
	return b
}

// repository is the address without .git. What is no https address, and what holds a login, is not told.
func repository(address string) string {
	if !strings.HasPrefix(address, "https://") || strings.Contains(address, "@") {
		return ""
	}
	return strings.TrimSuffix(address, ".git")
}
