// Package tekton is Tekton: results that share a budget of bytes, and workspaces that hand over files.
package tekton

import (
	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/step"
)

// Host is the step of a TaskRun.
type Host struct {
	*plain.Host
	getenv func(string) string
}

// New is Tekton around a run.
func New(around *plain.Host, getenv func(string) string) *Host { return &Host{around, getenv} }

// Getenv is the environment, with the workspaces' files where the inputs look for them.
func (h *Host) Getenv(name string) string { return h.getenv(name) }

// Change is none: Tekton does not say what a run is about.
func (h *Host) Change() step.Change { return step.Change{} }
