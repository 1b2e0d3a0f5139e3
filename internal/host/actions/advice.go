package actions

import (
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// Advise names the line of permissions: that is missing where GitHub's own registry said no.
func (h *Host) Advise(result step.Result) {
	e := result.Err
	if e == nil || !h.aboutGHCR(result) {
		return
	}
	grant := "packages: read"
	switch {
	case e.Reason == outcome.NoWritePermission:
		grant = "packages: write"
	case e.Reason != outcome.RegistryForbidden && e.Reason != outcome.RegistryUnauthorized:
		return
	case result.Step == "sign-attest" || result.Step == "secure-image":
		grant = "packages: write"
	}
	e.Hint("give the job `%s` under `permissions:`, and the package access for this repository (its settings, Manage Actions access)", grant)
	e.Hint("the input github-token must be the token of the job, which it is by default; for another account set registry-username and registry-password")
}

func (h *Host) aboutGHCR(result step.Result) bool {
	const host = "ghcr.io/"
	return strings.HasPrefix(result.Output("image"), host) || strings.HasPrefix(h.getenv(step.Variable("image")), host) ||
		strings.Contains(result.Err.Error(), host)
}
