// Package jenkins is Jenkins: a plain log, and outputs in a file of variables that a pipeline reads.
package jenkins

import (
	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/step"
)

// Report is where the outputs go if no place is named; readProperties of a pipeline takes it.
const Report = "stepseal.env"

// Host writes for people as the plain host does.
type Host struct {
	*plain.Host
	getenv func(string) string
}

// New is Jenkins around a run.
func New(around *plain.Host, getenv func(string) string) *Host { return &Host{around, getenv} }

// Getenv hands the outputs to the file of variables.
func (h *Host) Getenv(name string) string {
	value := h.getenv(name)
	if value == "" && name == step.Variable("outputs") {
		return Report
	}
	return value
}

// Change reads what a multibranch pipeline says of a pull request.
// https://github.com/jenkinsci/branch-api-plugin/blob/master/src/main/java/jenkins/branch/BranchNameContributor.java
func (h *Host) Change() step.Change {
	return step.Change{Proposed: h.getenv("CHANGE_ID") != "", Fork: h.getenv("CHANGE_FORK") != ""}
}
