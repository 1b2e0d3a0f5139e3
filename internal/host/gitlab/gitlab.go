// Package gitlab is GitLab CI: a log with parts that fold, and a dotenv report by which jobs hand on variables.
package gitlab

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/step"
)

// Report is where the outputs go if no place is named: what artifacts:reports:dotenv of the job then names.
// https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
const Report = "stepseal.env"

// Host writes for people as the plain host does.
type Host struct {
	*plain.Host
	getenv func(string) string
	now    func() time.Time

	mu   sync.Mutex
	log  io.Writer
	open string // the section that is open
	made int    // sections so far
}

// New is GitLab CI around a run that writes to log.
func New(around *plain.Host, log io.Writer, getenv func(string) string) *Host {
	return &Host{Host: around, log: log, getenv: getenv, now: time.Now}
}

// Getenv hands the outputs to a dotenv report.
func (h *Host) Getenv(name string) string {
	value := h.getenv(name)
	if value == "" && name == step.Variable("outputs") {
		return Report
	}
	return value
}

// Change reads the merge request. One of a fork runs in the fork, or, if a member of the project starts it, in the
// project, where a stranger's code must not sign.
// https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/#use-with-forked-projects
func (h *Host) Change() step.Change {
	source := h.getenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
	return step.Change{Proposed: h.getenv("CI_MERGE_REQUEST_IID") != "", Fork: source != "" && source != h.getenv("CI_MERGE_REQUEST_PROJECT_ID")}
}

// Group begins a section.
// https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections
func (h *Host) Group(title string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end()
	h.made++
	h.open = fmt.Sprintf("stepseal_%d", h.made)
	fmt.Fprintf(h.log, "\x1b[0Ksection_start:%d:%s\r\x1b[0K%s\n", h.now().Unix(), h.open, strings.TrimSpace(plain.Harmless(title)))
}

// end closes the section that is open; the caller holds the lock.
func (h *Host) end() {
	if h.open != "" {
		fmt.Fprintf(h.log, "\x1b[0Ksection_end:%d:%s\r\x1b[0K\n", h.now().Unix(), h.open)
		h.open = ""
	}
}

// Publish says how it ended, outside of every section.
func (h *Host) Publish(result step.Result) error {
	h.mu.Lock()
	h.end()
	h.mu.Unlock()
	return h.Host.Publish(result)
}
