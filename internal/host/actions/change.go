package actions

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// event is what counts of the file that the runner keeps the webhook's payload in.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
type event struct {
	PullRequest struct {
		Head struct {
			Repo *repository `json:"repo"` // null where the fork was deleted
		} `json:"head"`
		Base struct {
			SHA  string      `json:"sha"`
			Repo *repository `json:"repo"`
		} `json:"base"`
	} `json:"pull_request"`
	WorkflowRun struct {
		Event string `json:"event"`
	} `json:"workflow_run"`
}

type repository struct {
	FullName string `json:"full_name"`
}

// maxEvent is above what GitHub sends: 25 MB.
const maxEvent = 32 << 20

// Change is what the event says. What cannot be read is taken for what may do least.
func (h *Host) Change() step.Change {
	name := h.getenv("GITHUB_EVENT_NAME")
	switch {
	case name == "pull_request_target":
		e, _ := h.event()
		return step.Change{Proposed: true, Privileged: true, Base: h.base(e)}
	case strings.HasPrefix(name, "pull_request"):
		e, err := h.event()
		return step.Change{Proposed: true, Fork: err != nil || h.readOnly(e), Base: h.base(e)}
	case name == "workflow_run":
		e, err := h.event()
		proposed := err != nil || strings.HasPrefix(e.WorkflowRun.Event, "pull_request")
		return step.Change{Proposed: proposed, Privileged: proposed}
	}
	return step.Change{}
}

// readOnly tells whether the run is given no secrets and may not write: for a fork, and for Dependabot, whose pull
// requests are treated as if they came from one.
// https://docs.github.com/en/code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions
func (h *Host) readOnly(e event) bool {
	head, base := e.PullRequest.Head.Repo, e.PullRequest.Base.Repo
	into := h.getenv("GITHUB_REPOSITORY")
	if base != nil {
		into = base.FullName
	}
	return h.getenv("GITHUB_ACTOR") == "dependabot[bot]" || head == nil || head.FullName == "" || !strings.EqualFold(head.FullName, into)
}

func (h *Host) event() (e event, err error) {
	file, err := os.Open(h.getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		return event{}, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxEvent+1))
	switch {
	case err != nil:
		return event{}, err
	case len(raw) > maxEvent:
		return event{}, fmt.Errorf("the event is larger than %d bytes", maxEvent)
	case json.Unmarshal(raw, &e) != nil:
		return event{}, errors.New("the event is no JSON of the expected form")
	}
	return e, nil
}
